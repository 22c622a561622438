"""Soils and drains in a running flood: what they take must be what is missing, and never more than there is."""

from __future__ import annotations

import numpy as np
import pytest

from rencheng.kernel import InvalidInput
from rencheng.science.flood import RainSeries, simulate
from rencheng.science.flood.ground_losses import (
    ConstantLossSoil,
    CurveNumberSoil,
    DesignedDrains,
    GreenAmptSoil,
    GroundLoss,
    Losses,
)
from rencheng.science.flood.infiltration import curve_number_runoff_mm, green_ampt_step

FLAT = np.zeros((6, 5))
SHAPE = (6, 5)
STORM = RainSeries(times_s=np.array([0.0, 600.0, 1800.0]), rate_mm_h=np.array([30.0, 90.0, 0.0]))
FALLEN_MM = 30.0 / 6.0 + 90.0 / 3.0


def losses() -> dict[str, GroundLoss]:
    silt = {"conductivity_mm_h": 6.5, "suction_mm": 166.8, "deficit_ratio": 0.34}
    return {
        "green_ampt": GreenAmptSoil(SHAPE, **silt, pervious_ratio=0.4),
        "constant": ConstantLossSoil(SHAPE, rate_mm_h=12.0, initial_mm=3.0),
        "curve_number": CurveNumberSoil(SHAPE, curve_number=85.0, rain_mm_h=STORM),
        "drains": DesignedDrains(SHAPE, capacity_mm_h=36.0),
    }


@pytest.mark.parametrize("name", sorted(losses()))
def test_the_account_closes_and_the_map_says_where_it_went(name: str) -> None:
    loss = losses()[name]
    result = simulate(FLAT, 2.0, 3600.0, rain_mm_h=STORM, infiltration=loss)
    assert abs(result.volume_error_ratio) < 1e-12
    assert result.volumes.infiltrated > 0.0
    assert float(loss.taken_mm.sum()) / 1000.0 * 4.0 == pytest.approx(result.volumes.infiltrated, rel=1e-5)


def test_green_ampt_in_the_engine_takes_what_the_law_takes() -> None:
    """On flat closed ground nothing runs on or off: the law fed with rain and standing water says the same."""
    silt = {"conductivity_mm_h": 6.5, "suction_mm": 166.8, "deficit_ratio": 0.34}
    loss = GreenAmptSoil(SHAPE, **silt, interval_s=10.0)
    simulate(FLAT, 2.0, 1800.0, rain_mm_h=60.0, infiltration=loss)
    taken, standing = 0.0, 0.0
    for _ in range(180):
        supply = standing + 60.0 * 10.0 / 3600.0
        into = float(green_ampt_step(taken, supply, 10.0 / 3600.0, **silt))
        taken, standing = taken + into, supply - into
    assert float(loss.taken_mm.mean()) == pytest.approx(taken, rel=0.01)


def test_curve_number_in_the_engine_leaves_the_runoff_of_the_storm() -> None:
    loss = CurveNumberSoil(SHAPE, curve_number=85.0, rain_mm_h=STORM)
    result = simulate(FLAT, 2.0, 3600.0, rain_mm_h=STORM, infiltration=loss)
    assert float(result.depth_m.mean()) * 1000.0 == pytest.approx(
        float(curve_number_runoff_mm(FALLEN_MM, 85.0)), rel=1e-6
    )


def test_drains_of_enough_capacity_keep_the_street_dry() -> None:
    result = simulate(FLAT, 2.0, 3600.0, rain_mm_h=STORM, infiltration=DesignedDrains(SHAPE, capacity_mm_h=95.0))
    assert float(result.depth_m.max()) < 1e-9
    assert result.volumes.infiltrated == pytest.approx(result.volumes.rain, rel=1e-9)


def test_sealed_ground_and_dry_ground_take_nothing() -> None:
    sealed = GreenAmptSoil(SHAPE, conductivity_mm_h=6.5, suction_mm=166.8, deficit_ratio=0.34, pervious_ratio=0.0)
    result = simulate(FLAT, 2.0, 600.0, rain_mm_h=50.0, infiltration=sealed)
    assert result.volumes.infiltrated == 0.0
    depth = np.zeros(SHAPE)
    assert all(loss.absorb(depth, 0.0, 10.0) == 0.0 for name, loss in losses().items() if name != "curve_number")


def test_losses_work_behind_one_another_and_tell_their_shares() -> None:
    parts: list[GroundLoss] = [ConstantLossSoil(SHAPE, rate_mm_h=10.0), DesignedDrains(SHAPE, capacity_mm_h=20.0)]
    both = Losses(parts)
    result = simulate(FLAT, 2.0, 3600.0, rain_mm_h=60.0, infiltration=both)
    assert both.sums_m * 4.0 == pytest.approx([0.01 * 30 * 4, 0.02 * 30 * 4], rel=0.01)
    assert abs(result.volume_error_ratio) < 1e-12
    assert float(result.depth_m.mean()) == pytest.approx(0.03, rel=0.01)


def test_a_map_that_does_not_fit_or_has_holes_is_refused_by_its_cell() -> None:
    with pytest.raises(InvalidInput, match="shape"):
        DesignedDrains(SHAPE, capacity_mm_h=np.ones((2, 2)))
    holed = np.ones(SHAPE)
    holed[3, 1] = np.nan
    with pytest.raises(InvalidInput, match=r"row 3, column 1"):
        DesignedDrains(SHAPE, capacity_mm_h=holed)
    with pytest.raises(InvalidInput, match="pervious_ratio"):
        GreenAmptSoil(SHAPE, conductivity_mm_h=1.0, suction_mm=100.0, deficit_ratio=0.3, pervious_ratio=1.2)
    with pytest.raises(InvalidInput, match="Leave"):
        Losses([])
