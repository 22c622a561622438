"""Elements of SL 651-2014 (appendix C): their identifiers in both codings, and what of them is taken unasked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from rencheng.sense.layout import WideColumn

__all__ = ["ELEMENTS", "FIVE_MINUTE_SERIES", "SL651_DEFAULT_COLUMNS", "word_of"]


class Element(NamedTuple):
    """An element: its symbol in the ASCII coding, its unit as our quantities know it, its name."""

    symbol: str
    unit: str
    name: str


ELEMENTS: Mapping[int, Element] = MappingProxyType(
    {
        0x02: Element("AI", "degC", "瞬时气温"),
        0x03: Element("C", "degC", "瞬时水温"),
        0x08: Element("FL", "hPa", "气压"),
        0x0E: Element("H", "m", "地下水瞬时埋深"),
        0x18: Element("MST", "%", "湿度"),
        0x1A: Element("P1", "mm", "1小时时段降水量"),
        0x1B: Element("P2", "mm", "2小时时段降水量"),
        0x1C: Element("P3", "mm", "3小时时段降水量"),
        0x1D: Element("P6", "mm", "6小时时段降水量"),
        0x1E: Element("P12", "mm", "12小时时段降水量"),
        0x1F: Element("PD", "mm", "日降水量"),
        0x20: Element("PJ", "mm", "当前降水量"),
        0x21: Element("PN01", "mm", "1分钟时段降水量"),
        0x22: Element("PN05", "mm", "5分钟时段降水量"),
        0x23: Element("PN10", "mm", "10分钟时段降水量"),
        0x24: Element("PN30", "mm", "30分钟时段降水量"),
        0x25: Element("PR", "mm", "暴雨量"),
        0x26: Element("PT", "mm", "降水量累计值"),
        0x27: Element("Q", "m3/s", "瞬时流量"),
        0x35: Element("US", "m/s", "风速"),
        0x38: Element("VT", "", "电源电压"),
        0x39: Element("Z", "m", "瞬时河道水位、潮位"),
        0x3A: Element("ZB", "m", "库(闸、站)下水位"),
        0x3B: Element("ZU", "m", "库(闸、站)上水位"),
        0x58: Element("WP1", "kPa", "水压1"),
        0xF4: Element("DRP", "mm", "1小时内每5分钟时段雨量"),
        0xF5: Element("DRZ1", "m", "1小时内5分钟间隔相对水位1"),
        0xF6: Element("DRZ2", "m", "1小时内5分钟间隔相对水位2"),
    }
)
"""Guide byte → element. Any other is known by its byte alone and taken only where the feed lists it."""

FIVE_MINUTE_SERIES: Mapping[int, tuple[int, float]] = MappingProxyType(
    {0xF4: (1, 0.1), **dict.fromkeys(range(245, 253), (2, 0.01))}
)
"""Guide byte of a series of twelve binary values → bytes of one, and its unit (0.1 mm, 1 cm); all bits set: invalid."""

SL651_DEFAULT_COLUMNS = (
    WideColumn(column="Z", quantity="stage_m", unit="m"),
    WideColumn(column="Q", quantity="discharge_m3_s", unit="m3/s"),
    WideColumn(column="DRP", quantity="rain_mm", unit="mm"),
    WideColumn(column="AI", quantity="air_temperature_c", unit="degC"),
    WideColumn(column="MST", quantity="relative_humidity_ratio", unit="%"),
    WideColumn(column="FL", quantity="pressure_pa", unit="hPa"),
    WideColumn(column="US", quantity="wind_speed_m_s", unit="m/s"),
)
"""What is taken where the feed lists no columns. Of the many amounts of rain only the five-minute series: each of the
others counts the same drops again, and which a station sends regularly only its operator knows."""


def word_of(guide: int) -> str:
    """The word of an element: its symbol, else its guide byte in hexadecimal.

    Examples
    --------
    >>> word_of(0x39), word_of(0x7F)
    ('Z', '7F')
    """
    known = ELEMENTS.get(guide)
    return known.symbol if known else f"{guide:02X}"
