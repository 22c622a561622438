"""SenML's names of units (IANA registries "SenML Units" and "Secondary Units") that our quantities know."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["SENML_UNITS"]

SENML_UNITS: Mapping[str, str] = MappingProxyType(
    {
        # RFC 8428 section 12.1
        "m": "m",
        "K": "K",
        "Cel": "degC",
        "Pa": "Pa",
        "%RH": "%",
        "m/s": "m/s",
        "l/s": "l/s",
        "m3/s": "m3/s",
        "%": "%",
        "/": "1",
        # RFC 8798 section 3, secondary units
        "mm": "mm",
        "cm": "cm",
        "hPa": "hPa",
        "km/h": "km/h",
        "ug/m3": "ug/m3",
        # in use, though not registered
        "kPa": "kPa",
    }
)
"""SenML unit → unit of the quantity table."""
