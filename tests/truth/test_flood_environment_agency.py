"""Tests 1 to 3 of the Environment Agency's benchmark of 2D packages (Néelz & Pender 2013, SC120002)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.truth.flood_ea import (
    CREST_M,
    DEPRESSION_CENTRES_M,
    HOUR,
    PEAK_M,
    SILL_M,
    depressions,
    disconnected_body,
    level_at,
    obstruction,
    run_depressions,
    run_disconnected_body,
    run_obstruction,
)

from rencheng.science.flood import simulate

SCHEMES: list[dict[str, Any]] = [{"order": 1}, {"order": 2}, {"scheme": "local_inertial"}]
INERTIA = SCHEMES[:2]


@pytest.mark.parametrize("how", SCHEMES)
def test_1_a_pond_fills_over_its_sill_and_keeps_its_water(how: dict[str, Any]) -> None:
    # published: 10.35 m everywhere while the level stands, 10.25 m in the pond after it fell; here with cells of 20 m
    # and half the hours
    terrain = disconnected_body(20.0)
    result = run_disconnected_body(terrain, held_h=4.0, rest_h=4.0, **how)
    high = {round(s.time_s / HOUR, 1): s for s in result.snapshots}[5.0]
    for x in (400.0, 600.0):
        cell = 2, int(x // terrain.cell_m)
        assert terrain.bed_m[cell] + high.depth_m[cell] == pytest.approx(PEAK_M, abs=0.002)
        assert level_at(result, terrain, x, 50.0) == pytest.approx(SILL_M, abs=0.02)
    assert abs(result.volume_error_ratio) <= 1e-10


def test_2_water_settles_in_the_hollows_it_can_reach() -> None:
    # published: the hollows in the far north-east (points 15 and 16) stay dry in every package
    terrain = depressions()
    result = run_depressions(terrain, 8.0 * HOUR, order=1)
    depth = np.array([result.depth_m[int(y // 20.0), int(x // 20.0)] for x, y in DEPRESSION_CENTRES_M])
    assert result.volumes.stored == pytest.approx(97_200.0, rel=1e-10)
    assert depth[12:].max() < 0.001
    assert depth[1:4].min() > 1.0 / 3.0 - 0.02, "the hollows under the inflow fill to their sills"
    assert depth.max() < 0.375 + 0.02, "no pond stands above its sill"


@pytest.mark.parametrize("how", INERTIA)
def test_3_momentum_carries_water_over_an_obstruction(how: dict[str, Any]) -> None:
    # published: packages with inertia put some centimetres into the second hollow, those without leave it dry
    terrain = obstruction()
    result = run_obstruction(terrain, **how)
    first, second = (level_at(result, terrain, x, 50.0) for x in (150.0, 250.0))
    assert result.volumes.stored == pytest.approx(1310.0, rel=1e-10)
    assert CREST_M - 0.03 < first < CREST_M
    assert 0.02 < second - 9.75 < 0.15


@pytest.mark.parametrize("how", SCHEMES)
def test_3_still_water_at_the_crest_stays_where_it_is(how: dict[str, Any]) -> None:
    terrain = obstruction()
    still = np.maximum(terrain.bed_m[:, 30:50].max() - terrain.bed_m, 0.0)
    still[:, 40:] = 0.0
    result = simulate(terrain.bed_m, terrain.cell_m, 900.0, depth_m=still, manning=0.01, **how)
    assert result.depth_m[:, 40:].max() < 1e-12
    assert np.abs(result.depth_m - still).max() < 1e-12
