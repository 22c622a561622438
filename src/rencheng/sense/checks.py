"""Which limits quality control holds a channel to: the quantity's own, and how long a value may stand still."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import quantity
from rencheng.science.quality import CHECK_DTYPE, ChannelChecks
from rencheng.sense.channels import Channel, ChannelTable

__all__ = ["STANDSTILL", "checks_of_channel", "checks_of_channels"]

NEVER_H = float("inf")
_NO_PACE = float("nan")

STANDSTILL: Mapping[str, tuple[float, float, bool]] = MappingProxyType(
    {
        # quantity: hours an unchanged value is credible, movement missed, whether zero may stand for ever
        "stage_m": (72.0, 1.0, False),  # read to the centimetre, small rivers at rest stand still for up to three days
        "water_depth_m": (72.0, 0.5, True),
        "rain_mm": (12.0, _NO_PACE, True),  # drizzle repeats one tip of the bucket for up to 8 h
        "discharge_m3_s": (72.0, _NO_PACE, False),
        "air_temperature_c": (12.0, _NO_PACE, False),
        "wind_speed_m_s": (24.0, _NO_PACE, True),
        "relative_humidity_ratio": (48.0, _NO_PACE, False),  # stands at saturation through long rain
        "pressure_pa": (12.0, _NO_PACE, False),
        "pipe_pressure_pa": (24.0, _NO_PACE, False),
        "pm2_5_ug_m3": (24.0, _NO_PACE, False),
        "methane_ratio_lel": (NEVER_H, _NO_PACE, True),
    }
)
"""Persistence limits by quantity; docs/explanation/quality-control.md tells how they were chosen."""


def checks_of_channel(channel: Channel) -> ChannelChecks:
    """Give the limits of a channel; the altitude check holds for stages whose datum is not given."""
    of = quantity(channel.quantity)
    still_h, still_move, zero_ok = STANDSTILL.get(of.name, (NEVER_H, _NO_PACE, True))
    judged = of.name == "stage_m" and channel.datum_m is None and channel.altitude_m
    return ChannelChecks(
        low=of.low,
        high=of.high,
        max_rate_per_h=of.max_rate_per_h,
        increment=of.kind == "increment",
        still_h=still_h,
        still_move=still_move,
        still_zero_ok=zero_ok,
        altitude_m=float(channel.altitude_m or 0.0) if judged else float("nan"),
    )


def checks_of_channels(table: ChannelTable) -> NDArray[Any]:
    """Give the limits of many channels, :data:`rencheng.science.quality.CHECK_DTYPE`; shape (n,)."""
    words = list(dict.fromkeys(table.quantity))
    of = {word: code for code, word in enumerate(words)}
    code = np.fromiter(map(of.__getitem__, table.quantity), dtype=np.int64, count=len(table))
    records = [checks_of_channel(Channel(sensor_id="", quantity=word)).record() for word in words]
    checks = np.array(records, dtype=CHECK_DTYPE)[code]
    stage = np.array([word == "stage_m" for word in words], dtype=bool)[code] if words else np.zeros(0, dtype=bool)
    judged = stage & np.isnan(table.datum_m) & ~np.isnan(table.altitude_m) & (table.altitude_m != 0.0)
    checks["altitude_m"][judged] = table.altitude_m[judged]
    return checks
