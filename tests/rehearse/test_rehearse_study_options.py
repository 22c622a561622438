"""Storms that cross the city, measures together, warmer climates and coarser rasters: what a study promises of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rencheng.city import read_city
from rencheng.kernel import InvalidConfig
from rencheng.recover import WallLosses, damage_at_walls
from rencheng.rehearse.study import Study, study_from_plain
from rencheng.rehearse.study_levels import LevelPart, level_results, level_tasks
from rencheng.rehearse.study_options import climate_rankings, robust_options, tried_portfolios
from rencheng.rehearse.study_plan import study_losses, wanted_cases
from rencheng.rehearse.study_storms import StormDraw, draw_storms
from rencheng.rehearse.study_world import RunLoss, StudyWorld
from rencheng.science.moving_storm import areal_reduction_ratio

MEASURES: list[dict[str, Any]] = [
    {"id": "roofs", "kind": "green_roof", "capital_cny": 2e6, "share": 0.5, "retention_mm": 25.0},
    {"id": "paving", "kind": "permeable_paving", "capital_cny": 3e6, "share": 0.4, "rate_mm_h": 40.0},
    {"id": "inlets", "kind": "inlets", "capital_cny": 9e6, "factor": 3.0},
]


def study(**more: Any) -> Study:
    title = {"zh": "试", "en": "trial"}
    storms = {"formula": "shanghai_2017", "per_stratum": 3, "return_periods_a": [5.0, 50.0], "durations_min": [30, 60]}
    whole = {
        "name": "trial",
        "title": title,
        "storms": storms | more.pop("storms", {}),
        "measures": [m | {"title": title} for m in MEASURES],
        "raster_cells": 1500,
        "after_min": 10,
    }
    return study_from_plain(whole | more)


WARMER = [{"id": "plus3", "title": {"zh": "升温3度", "en": "3 K"}, "warming_k": 3.0}]


@pytest.fixture(scope="module")
def moving(sandbox_city: Path) -> StudyWorld:
    return StudyWorld(read_city(sandbox_city), study(storms={"field": "moving"}))


def test_a_storm_moved_outside_the_city_leaves_nothing(moving: StudyWorld) -> None:
    storm = draw_storms(moving.study, 1)[-1]
    here, away = moving.run(storm), moving.run(replace(storm, cross_ratio=1e3))
    assert here.loss_cny > 0.0
    assert (away.loss_cny, away.residents, away.closed_km, away.rain_mm) == (0.0, 0.0, 0.0, 0.0)


def test_a_storm_across_the_middle_brings_the_areal_rain_over_all_its_ways(moving: StudyWorld) -> None:
    storm = replace(draw_storms(moving.study, 1)[-1], cross_ratio=0.0)
    point = moving.rain.hyetograph_mm_h(storm).sum() * 5.0 / 60.0
    wanted = point * areal_reduction_ratio(moving.rain.area_km2, float(storm.duration_min))
    for heading in (0.0, 45.0, 200.0):
        turned = replace(storm, heading_deg=heading)
        assert moving.rain.amounts(turned, 1.0)[0] == pytest.approx(wanted, rel=0.01)
        batch = moving.rain.batch([turned], 1.0)
        fallen = batch.rate_mm_h[0].sum(axis=0) * batch.step_s / 3600.0
        assert float(fallen @ moving.rain._share) == pytest.approx(wanted, rel=0.01), "no rain is lost on the way"


def test_what_a_storm_leaves_does_not_depend_on_the_storms_beside_it(moving: StudyWorld) -> None:
    storms = draw_storms(moving.study, 1)
    assert moving.run_many(storms, "roofs") == [moving.run(s, "roofs") for s in storms]


def test_a_fast_storm_is_nearly_a_still_one(moving: StudyWorld) -> None:
    storm = replace(draw_storms(moving.study, 1)[-1], cross_ratio=0.0)
    still, fast = moving.run(replace(storm, speed_m_s=0.0)), moving.run(replace(storm, speed_m_s=50.0))
    assert fast.loss_cny == pytest.approx(still.loss_cny, rel=0.15)


def test_tracks_follow_the_file_and_leave_the_other_draws_alone() -> None:
    still = draw_storms(study(), 5)
    crossing = draw_storms(study(storms={"field": "moving", "headings_deg": [80, 100], "speeds_m_s": [5, 8]}), 5)
    assert all(s.speed_m_s == 0.0 for s in still)
    assert [replace(s, speed_m_s=0.0, heading_deg=0.0, cross_ratio=0.0) for s in crossing] == still
    assert all(80 <= s.heading_deg <= 100 and 5 <= s.speed_m_s <= 8 and abs(s.cross_ratio) <= 1 for s in crossing)


def test_losses_at_walls_are_those_of_the_damage_assessment(sandbox_city: Path) -> None:
    city = read_city(sandbox_city)
    names = tuple(city.table("buildings").column("building_id").to_pylist())
    depth = np.random.default_rng(1).uniform(0.0, 2.5, len(names)) * (np.arange(len(names)) % 3 == 0)
    walls = dict(zip(names, depth.tolist(), strict=True))
    cells = np.unique(city.column("buildings", "cell").astype(np.uint64))
    assert WallLosses(city, names).loss_cny(depth) == pytest.approx(damage_at_walls(city, walls, within=cells).loss_cny)


def all_runs(planned: Study, world: StudyWorld) -> list[RunLoss]:
    """Run what is wanted until nothing more is."""
    storms, runs = draw_storms(planned, 1), list[RunLoss]()
    while True:
        done = {(r.measure, r.climate) for r in runs}
        left = [case for case in wanted_cases(planned, study_losses(planned, storms, runs)) if case not in done]
        if not left:
            return runs
        for case in left:
            runs += world.run_many(storms, *case)


def test_portfolios_and_climates_are_searched_to_the_end_and_laid_out(sandbox_city: Path) -> None:
    planned = study(portfolios={"budgets_cny": [4e6, 2e7]}, climates=WARMER)
    runs = all_runs(planned, StudyWorld(read_city(sandbox_city), planned))
    losses = study_losses(planned, draw_storms(planned, 1), runs)
    tried = {p.id: p for p in tried_portfolios(planned, losses, 1)}
    assert {"none", "roofs", "paving", "inlets", "roofs+paving"} <= set(tried)
    both = tried["roofs+paving"]
    assert both.cost_cny == pytest.approx(5e6)
    assert both.avoided_cny_a > max(tried["roofs"].avoided_cny_a, tried["paving"].avoided_cny_a)
    assert both.interaction_cny_a == pytest.approx(
        both.avoided_cny_a - tried["roofs"].avoided_cny_a - tried["paving"].avoided_cny_a, abs=0.05
    )
    best = {budget: p for p in tried.values() for budget in p.best_for_cny}
    assert best[2e7].npv_cny >= best[4e6].npv_cny >= max(0.0, *(tried[m["id"]].npv_cny for m in MEASURES[:2]))
    now, warm = climate_rankings(planned, losses, 1)
    assert warm.rain_factor == pytest.approx(1.07**3, abs=1e-4)
    assert warm.added_interval[0] > 0.0, "three kelvin surely cost more"
    for ranking in (now, warm):
        assert min(o.regret_cny for o in ranking.options) == 0.0
    robust = robust_options(planned, losses, 1)
    assert robust[0].regret_cny <= min(r.regret_cny for r in robust)
    assert len(robust) == len(now.options)


def test_levels_agree_with_plain_runs_within_their_interval() -> None:
    planned = study(
        storms={"per_stratum": 12}, raster_cells=1500, levels={"raster_cells": [400], "per_stratum": [2000]}
    )
    storms = draw_storms(planned, 1)
    rng = np.random.default_rng(3)

    def loss(storm: StormDraw, cells: int, share: float) -> float:
        return float(share * 1e5 * np.log(storm.return_period_a) ** 2 * (2.0 if cells == 400 else 1.0))

    shares = {"none": 1.0, "roofs": 0.9, "paving": 0.7, "inlets": 0.5}
    runs = [
        RunLoss(storm=s.number, measure=m, loss_cny=loss(s, 1500, f) + rng.normal(0, 1e3), residents=0.0, closed_km=0.0,
                rain_mm=1.0, hour_mm=1.0)
        for s in storms for m, f in shares.items()
    ]  # fmt: skip
    parts = [
        LevelPart(raster_cells=cells, stream=stream, measure=m, first=0,
                  loss_cny=tuple(loss(s, cells, f) for s in drawn))
        for cells, stream, drawn in level_tasks(planned, storms, 1) for m, f in shares.items()
    ]  # fmt: skip
    found = {r.measure: r for r in level_results(planned, study_losses(planned, storms, runs), parts, 1)}
    exceeded = np.linspace(0.0, 0.2, 200_001)[1:]
    truth = 1e5 * float(np.mean(np.log(exceeded.clip(1e-4)) ** 2)) * 0.2
    for name, share in shares.items():
        held = found[name]
        assert held.loss_cny_a == pytest.approx(truth * share, abs=3.0 * held.loss_error_cny)
        assert held.loss_error_cny < 0.3 * held.plain_loss_error_cny
        assert held.avoided_cny_a == pytest.approx(truth * (1.0 - share), abs=3.0 * held.avoided_error_cny + 1.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"storms": {"field": "spiral"}}, "storms.field"),
        ({"storms": {"speeds_m_s": [0.0, 5.0]}}, "storms.speeds_m_s"),
        ({"climates": [*WARMER, *WARMER]}, r"climates\[1\]"),
        ({"climates": [{**WARMER[0], "warming_k": 40.0}]}, "warming_k 40"),
        ({"portfolios": {"budgets_cny": [2e6, 1e6]}}, "budgets that rise"),
        ({"levels": {"raster_cells": [3000], "per_stratum": [10]}}, "coarser than raster_cells"),
        ({"levels": {"raster_cells": [400], "per_stratum": [10, 20]}}, "as many storms as rasters"),
    ],
)
def test_wrong_options_are_refused_naming_the_key(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidConfig, match=said):
        study(**change)


def test_an_id_with_a_plus_is_refused_because_portfolios_are_named_so() -> None:
    wrong = [{**MEASURES[0], "id": "a+b", "title": {"zh": "试", "en": "t"}}]
    with pytest.raises(InvalidConfig, match=r"holds a \+"):
        study(measures=wrong)
