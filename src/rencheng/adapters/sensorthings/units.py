"""Which quantity a Datastream measures, and in which unit: from its unitOfMeasurement and its ObservedProperty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rencheng.adapters.sensorthings.refusal import Refusal
from rencheng.kernel import QUANTITIES

__all__ = ["OM_MEASUREMENT", "legal_unit", "quantity_of", "quantity_words", "unit_of_measurement"]

OM_MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"

_UCUM = "ucum:"
_SAME = {
    "m3/s": ("m³/s", "m^3/s", "cubic metre per second"),
    "ft3/s": ("ft³/s", "cfs"),
    "degC": ("°C", "C", "Cel", "Celsius", "degree Celsius", "Centigrade", "degreeCelsius", "DegreeCentigrade"),
    "degF": ("°F", "F", "[degF]", "Fahrenheit", "degree Fahrenheit"),
    "K": ("kelvin",),
    "1": ("", "ratio", "dimensionless"),
    "%": ("percent",),
    "ug/m3": ("µg/m3", "µg/m³", "μg/m³", "ug/m³", "μg/m3"),
    "mg/m3": ("mg/m³",),
    "m": ("metre", "meter"),
    "cm": ("centimetre", "centimeter"),
    "mm": ("millimetre", "millimeter"),
    "ft": ("foot", "feet", "[ft_i]"),
    "in": ("inch", "[in_i]"),
    "m/s": ("metre per second", "meter per second"),
    "kn": ("knot", "[kn_i]", "kt"),
    "Pa": ("pascal",),
    "hPa": ("hectopascal", "mbar"),
    "mH2O": ("m[H2O]",),
    "deg": ("°", "degree"),
    "1/m2": ("1/m²", "/m2", "m-2"),
    "ppm": ("[ppm]", "parts per million"),
    "V": ("volt",),
    "A": ("ampere",),
}
"""Ways of writing a unit; UCUM's among them."""
_WORDS = {
    "stage_m": ("stage", "water level", "gauge height", "river level", "水位"),
    "water_depth_m": ("water depth", "flood depth", "inundation", "ponding", "depth", "积水"),
    "rain_mm": ("rain", "precipitation", "rainfall", "雨量", "降水"),
    "discharge_m3_s": ("discharge", "streamflow", "flow", "流量"),
    "air_temperature_c": ("air temperature", "temperature", "气温", "温度"),
    "wind_speed_m_s": ("wind", "风速"),
    "relative_humidity_ratio": ("humidity", "湿度"),
    "pressure_pa": ("air pressure", "barometric", "atmospheric pressure", "气压"),
    "pipe_pressure_pa": ("pipe pressure", "water pressure", "main pressure", "管网压力"),
    "pm2_5_ug_m3": ("pm2.5", "pm2_5", "particulate", "细颗粒物"),
    "methane_ratio_lel": ("methane", "gas", "甲烷", "燃气"),
    "smoke_db_m": ("smoke", "obscuration", "烟"),
    "carbon_monoxide_ppm": ("carbon monoxide", "一氧化碳"),
    "surface_temperature_c": ("surface temperature", "cable temperature", "表面温度"),
    "residual_current_a": ("residual current", "leakage current", "剩余电流"),
    "voltage_v": ("voltage", "电压"),
    "tilt_deg": ("tilt", "inclination", "倾斜"),
    "displacement_m": ("displacement", "settlement", "位移", "沉降"),
    "crowd_density_m2": ("crowd", "人群密度"),
    "contact_state": ("contact", "button", "door", "开关"),
}
"""What people call a quantity."""


def quantity_words(quantity: str) -> str:
    """A quantity in words.

    Examples
    --------
    >>> quantity_words("water_depth_m")
    'water depth'
    """
    return _WORDS[quantity][0] if quantity in _WORDS else quantity.replace("_", " ")


def unit_of_measurement(quantity: str) -> dict[str, str]:
    """The unitOfMeasurement of the unit that a quantity is kept in."""
    unit = QUANTITIES[quantity].unit
    return {"name": _SAME.get(unit, (unit,))[0] or "dimensionless", "symbol": unit, "definition": f"ucum:{unit}"}


def legal_unit(stated: Mapping[str, Any], quantity: str | None = None) -> list[tuple[str, str]]:
    """Find what a unitOfMeasurement means: quantities that have the unit, each with the name it has there."""
    texts = [stated.get(key) for key in ("symbol", "definition", "name")]
    said = {text.removeprefix(_UCUM).strip() for text in texts if isinstance(text, str) and text}
    said |= {re.split(r"[/#]", text)[-1] for text in said if text.startswith(("http:", "https:"))}
    found = []
    for name, of in QUANTITIES.items():
        if quantity is not None and name != quantity:
            continue
        for unit in of.units:
            if any(text in said for text in (unit, *(word for word in _SAME.get(unit, ()) if word))):
                found.append((name, unit))
                break
    return found


def quantity_of(datastream: Mapping[str, Any], observed: Mapping[str, Any]) -> str:
    """Tell which quantity a Datastream's observations are kept as.

    Parameters
    ----------
    datastream, observed : mapping
        Properties of the Datastream and of its ObservedProperty. ``properties.quantity`` of either names it outright;
        otherwise the unit must leave one, or the words of the ObservedProperty one of those that have the unit.

    Raises
    ------
    Refusal
        If the unit is unknown or the quantity is not clear; says which there are.
    """
    unit = datastream.get("unitOfMeasurement")
    stated: Mapping[str, Any] = unit if isinstance(unit, Mapping) else {}
    where = "Datastream unitOfMeasurement"
    said = repr(stated.get("symbol") or stated.get("name") or stated.get("definition"))
    for named in (datastream, observed):
        name = (named.get("properties") or {}).get("quantity")
        if isinstance(name, str) and name in QUANTITIES:
            if not legal_unit(stated, name):
                legal = ", ".join(QUANTITIES[name].units)
                raise Refusal(f"the unit {said} is not one of {name}", where=where, mend=f"Use one of: {legal}")
            return name
    found = [name for name, _ in legal_unit(stated)]
    if not found:
        units = ", ".join(dict.fromkeys(unit for of in QUANTITIES.values() for unit in of.units))
        raise Refusal(f"the unit {said} is not known", where=where, mend=f"Use a symbol of: {units}")
    definition = str(observed.get("definition", ""))
    words = " ".join(str(observed.get(key, "")) for key in ("name", "definition", "description")).lower()
    by_words = [(len(word), name) for name in found for word in _WORDS.get(name, ()) if word in words]
    exact = [name for name in found if name in {definition.rsplit(":", 1)[-1], observed.get("name")}]
    if exact:
        return exact[0]
    if by_words:
        return max(by_words)[1]
    if len(found) == 1:
        return found[0]
    raise Refusal(
        f"the unit {said} fits several quantities: {', '.join(found)}",
        where=where,
        mend='Name one in the Datastream: "properties": {"quantity": …}',
    )
