"""What can be measured: name, SI unit, legal units with their converters, and the physically possible range.

Ranges are the gross-error limits of WMO-No. 8 (Guide to Instruments and Methods of Observation, vol. V, ch. 1) and
WMO-No. 168 (Guide to Hydrological Practices) where these state one, else the record of the quantity with room above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = ["QUANTITIES", "Quantity", "quantity", "to_si"]

ValueT = TypeVar("ValueT", float, NDArray[np.float64])


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A measurable quantity.

    Parameters
    ----------
    name : str
        Stored name with SI unit suffix, e.g. ``stage_m``.
    unit : str
        Unit of stored values.
    units : Mapping[str, tuple[float, float]]
        Legal unit → (factor, offset) with ``stored = value * factor + offset``.
    low, high : float
        Physically possible range in the stored unit.
    max_rate_per_h : float
        Largest credible change per hour in the stored unit (step check).
    kind : str
        ``"level"`` for a state, ``"increment"`` for an amount since the last reading.
    """

    name: str
    unit: str
    units: Mapping[str, tuple[float, float]]
    low: float
    high: float
    max_rate_per_h: float
    kind: str = "level"


def _q(
    name: str,
    unit: str,
    units: dict[str, tuple[float, float]],
    low: float,
    high: float,
    rate: float,
    kind: str = "level",
) -> Quantity:
    return Quantity(
        name=name,
        unit=unit,
        units=MappingProxyType({unit: (1.0, 0.0), **units}),
        low=low,
        high=high,
        max_rate_per_h=rate,
        kind=kind,
    )


_LENGTH = {"cm": (0.01, 0.0), "mm": (0.001, 0.0), "ft": (0.3048, 0.0)}

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        q.name: q
        for q in (
            _q("stage_m", "m", _LENGTH, -20.0, 100.0, 6.0),
            _q("water_depth_m", "m", _LENGTH, 0.0, 20.0, 10.0),
            _q("rain_mm", "mm", {"cm": (10.0, 0.0), "in": (25.4, 0.0)}, 0.0, 310.0, 420.0, "increment"),
            _q(
                "discharge_m3_s",
                "m3/s",
                {"l/s": (0.001, 0.0), "ft3/s": (0.028316846592, 0.0)},
                -1e5,
                3e5,
                1e5,
            ),
            _q(
                "air_temperature_c",
                "degC",
                {"K": (1.0, -273.15), "degF": (5 / 9, -160 / 9)},
                -80.0,
                60.0,
                20.0,
            ),
            _q("wind_speed_m_s", "m/s", {"km/h": (1 / 3.6, 0.0), "kn": (0.514444, 0.0)}, 0.0, 120.0, 60.0),
            _q("relative_humidity_ratio", "1", {"%": (0.01, 0.0)}, 0.0, 1.05, 0.8),
            _q("pressure_pa", "Pa", {"hPa": (100.0, 0.0), "kPa": (1000.0, 0.0)}, 5e4, 1.1e5, 3000.0),
            _q(
                "pipe_pressure_pa",
                "Pa",
                {"kPa": (1e3, 0.0), "MPa": (1e6, 0.0), "bar": (1e5, 0.0), "mH2O": (9806.65, 0.0)},
                -1e5,
                4e6,
                4e6,
            ),
            _q("pm2_5_ug_m3", "ug/m3", {"mg/m3": (1000.0, 0.0)}, 0.0, 2000.0, 1000.0),
            _q("methane_ratio_lel", "1", {"%LEL": (0.01, 0.0)}, 0.0, 1.0, 60.0),
            # devices of buildings and streets; ranges are those of the instruments of the standards named
            _q("smoke_db_m", "dB/m", {}, 0.0, 10.0, 600.0),  # EN 54-7 obscuration
            _q("carbon_monoxide_ppm", "ppm", {"mg/m3": (0.859, 0.0)}, 0.0, 2000.0, 60_000.0),  # EN 50291-1
            _q(
                "surface_temperature_c", "degC", {"K": (1.0, -273.15), "degF": (5 / 9, -160 / 9)}, -60.0, 1200.0, 6000.0
            ),
            _q("residual_current_a", "A", {"mA": (1e-3, 0.0)}, 0.0, 30.0, 3600.0),  # GB 14287.2
            _q("voltage_v", "V", {"kV": (1e3, 0.0)}, 0.0, 1000.0, 3.6e6),
            _q("tilt_deg", "deg", {"rad": (57.29577951308232, 0.0)}, -90.0, 90.0, 1e5),
            _q("displacement_m", "m", _LENGTH, -10.0, 10.0, 100.0),
            _q("crowd_density_m2", "1/m2", {}, 0.0, 12.0, 600.0),  # Still (2014): crush above about 6
            _q("contact_state", "1", {}, 0.0, 1.0, 1e6),  # 1: pressed, open, trapped, as the kind of the sensor says
        )
    }
)
"""Every quantity that a feed may carry, by name."""


def quantity(name: str, *, where: str = "") -> Quantity:
    """Look a quantity up by name; refuse an unknown one with the list of known ones."""
    try:
        return QUANTITIES[name]
    except KeyError:
        raise InvalidInput(
            f"unknown quantity {name!r}", where=where, mend=f"Use one of: {', '.join(QUANTITIES)}"
        ) from None


def to_si(values: ValueT, unit: str, of: Quantity, *, where: str = "") -> ValueT:
    """Convert values from a legal unit to the stored unit.

    Raises
    ------
    InvalidInput
        If the unit is not legal for the quantity.

    Examples
    --------
    >>> to_si(300.0, "cm", QUANTITIES["stage_m"])
    3.0
    """
    try:
        factor, offset = of.units[unit]
    except KeyError:
        raise InvalidInput(
            f"unit {unit!r} is not legal for {of.name}",
            where=where,
            mend=f"Use one of: {', '.join(of.units)}",
        ) from None
    return values * factor + offset
