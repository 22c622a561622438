"""A storm over part of the city: leaving the dry part alone must not change a drop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rencheng.science.flood import RainSeries, simulate
from rencheng.science.flood.rain import rain_from
from rencheng.science.flood.rain_wake import RainWake, rained_segments

SHAPE = (40, 150)
X, Y = np.meshgrid(np.arange(150.0), np.arange(40.0))
BED = 0.05 * Y + np.sin(X / 9.0) * np.cos(Y / 7.0)


def storm(elsewhere_mm_h: float) -> RainSeries:
    """Moves from one corner of a 4 by 5 rain grid to the opposite one after five minutes."""
    rate = np.full((3, 4, 5), elsewhere_mm_h)
    rate[0, 0, 1], rate[1, 3, 4] = 90.0, 60.0
    rate[2] = 0.0
    return RainSeries(times_s=np.array([0.0, 300.0, 600.0]), rate_mm_h=rate)


@pytest.mark.parametrize(
    "how", [{"order": 1}, {"order": 2}, {"scheme": "local_inertial"}], ids=["first", "second", "inertial"]
)
def test_the_same_water_as_if_every_cell_were_worked_on(how: dict[str, Any]) -> None:
    asleep, awake = (simulate(BED, 5.0, 900.0, rain_mm_h=storm(mm_h), **how) for mm_h in (0.0, 1e-280))
    assert np.abs(asleep.depth_m - awake.depth_m).max() < 1e-7
    assert abs(asleep.volume_error_ratio) < 1e-12
    assert asleep.volumes.rain == pytest.approx((90.0 + 60.0) / 12.0 / 1000.0 * 0.05 * BED.size * 25.0, rel=1e-12)


def test_flags_follow_the_pictures_of_the_rain() -> None:
    rain = rain_from(storm(0.0), SHAPE, 5.0, None)
    wake, wet = RainWake(32), np.zeros((40, 5), np.uint8)
    wake.wake(wet, rain.at(0.0))
    assert wet[:10, 0].all()
    assert not wet[:10, 2:].any()
    assert not wet[10:].any()
    wet[:] = 2
    wake.wake(wet, rain.at(300.0))
    assert (wet == 2).all()
    wet[:] = 0
    wake.wake(wet, rain.at(700.0))
    assert not wet.any()
    assert rained_segments(rain.at(300.0), 32)[39].tolist() == [False, False, False, True, True]
