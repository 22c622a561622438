"""A study file that means what it says, storms that add up to years, and measures that do what they are for."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from rencheng.city import City, read_city
from rencheng.kernel import InvalidConfig
from rencheng.rehearse.study import Study, read_study, study_from_plain
from rencheng.rehearse.study_measures import treated_ground
from rencheng.rehearse.study_ranking import study_result
from rencheng.rehearse.study_storms import draw_many, draw_storms, greatest_hour_mm, stratum_weights
from rencheng.rehearse.study_world import RunLoss, StudyWorld

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "run-a-study.md"


def plain(**more: Any) -> dict[str, Any]:
    """A study of one green-roof programme, and what a test puts over it."""
    roofs = {
        "id": "roofs",
        "kind": "green_roof",
        "title": {"zh": "绿色屋顶", "en": "Green roofs"},
        "capital_cny": 2e6,
        "share": 0.5,
        "retention_mm": 25.0,
    }
    storms = {
        "formula": "shanghai_2017",
        "per_stratum": 2,
        "return_periods_a": [2.0, 20.0],
        "durations_min": [30],
    }
    whole = {
        "name": "trial",
        "title": {"zh": "试算", "en": "Trial"},
        "storms": storms,
        "measures": [roofs],
        "raster_cells": 1500,
        "after_min": 10,
    }
    return deepcopy(whole) | more


def measure(name: str, **effect: Any) -> dict[str, Any]:
    return {"id": name, "title": {"zh": name, "en": name}, "capital_cny": 1e6, **effect}


def test_the_example_of_the_handbook_is_a_study() -> None:
    text = PAGE.read_text(encoding="utf-8")
    example, *options = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL))
    study = study_from_plain(example)
    assert {m.kind for m in study.measures} >= {"pump", "green_roof", "detention"}
    for option in options:
        over = {key: example[key] | value if key == "storms" else value for key, value in option.items()}
        assert study_from_plain(example | over) != study


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stroms": {}}, "stroms"),
        ({"raster_cells": 3}, "raster_cells"),
        ({"measures": []}, "measures"),
        ({"measures": [measure("x", kind="dyke")]}, "unknown kind 'dyke'.*Use one of"),
        ({"measures": [measure("x", kind="pump", lon=1.0, lat=1.0)]}, "needs discharge_m3_s"),
        ({"measures": [measure("x", kind="inlets", factor=2.0, lon=1.0)]}, "a place is lon and lat"),
        ({"measures": [measure("x", kind="inlets", factor=2.0, height_m=1.0)]}, "reads no height_m"),
        ({"measures": [measure("x", kind="inlets", factor=2.0) | {"capital_cny": 0.0}]}, "Nothing is free"),
        ({"measures": [measure("x", kind="inlets", factor=2.0, yearly_cny=float("nan"))]}, "Nothing is free"),
        ({"measures": [measure("none", kind="inlets", factor=2.0)]}, "doing nothing"),
        ({"measures": [measure("x", kind="green_roof", share=1.5, retention_mm=5.0)]}, "share 1.5"),
        ({"storms": {"formula": "mars", "per_stratum": 2}}, "unknown formula 'mars'"),
        ({"storms": {"formula": "shanghai_2017", "per_stratum": 1}}, "storms.per_stratum"),
        ({"storms": {"formula": "shanghai_2017", "per_stratum": 2, "return_periods_a": [2.0, 1e6]}}, "at most 10,000"),
        ({"storms": {"formula": "shanghai_2017", "per_stratum": 2, "durations_min": [47]}}, "storms.durations_min"),
    ],
)
def test_a_wrong_study_is_refused_naming_the_key(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(plain(**change), allow_unicode=True), encoding="utf-8")
    with pytest.raises(InvalidConfig, match=said) as refused:
        read_study(file)
    assert str(file) in str(refused.value)


def test_a_file_that_is_no_yaml_or_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"nowhere\.yaml"):
        read_study(tmp_path / "nowhere.yaml")
    (tmp_path / "broken.yaml").write_text("name: [", encoding="utf-8")
    with pytest.raises(InvalidConfig, match=r"broken\.yaml.*not YAML"):
        read_study(tmp_path / "broken.yaml")


def test_storms_cover_their_strata_evenly_and_the_weights_are_the_years() -> None:
    study = study_from_plain(plain(storms=plain()["storms"] | {"per_stratum": 10}))
    storms = draw_storms(study, 3)
    np.testing.assert_allclose(stratum_weights(study.storms), [0.45, 0.05])
    exceeded = np.sort([1.0 / s.return_period_a for s in storms if s.stratum == 0])
    np.testing.assert_array_equal(np.floor((exceeded - 0.05) / 0.045), np.arange(10))
    assert all(s.return_period_a >= 20.0 for s in storms if s.stratum == 1)
    assert storms == draw_storms(study, 3)
    assert storms != draw_storms(study, 4)


def test_many_years_hold_the_strata_as_often_as_their_weights_say() -> None:
    study = study_from_plain(plain())
    many = draw_many(study, 40_000, np.random.default_rng(2))
    share = np.array([(many.stratum == k).mean() for k in (-1, 0, 1)])
    np.testing.assert_allclose(share, [0.5, 0.45, 0.05], atol=0.01)
    assert many.return_period_a[many.stratum == 1].min() >= 20.0
    assert many.return_period_a[many.stratum == -1].max() <= 2.0


def losses(study: Study, curve: Any) -> list[RunLoss]:
    """Runs of a city whose loss is a known curve of the hour's rain, and a measure that takes a tenth off."""
    storms = draw_storms(study, 1)
    runs = []
    for storm in storms:
        hour = 30.0 + 25.0 * np.log10(storm.return_period_a)
        for name, share in (("none", 1.0), *((m.id, 0.9) for m in study.measures)):
            loss = share * curve(hour)
            runs.append(
                RunLoss(
                    storm=storm.number,
                    measure=name,
                    loss_cny=loss,
                    residents=loss / 1e4,
                    closed_km=0.0,
                    rain_mm=hour,
                    hour_mm=hour,
                )
            )
    return runs


def test_the_ranking_and_the_large_study_agree_with_a_known_city() -> None:
    study = study_from_plain(plain(storms=plain()["storms"] | {"per_stratum": 40}, surrogate_samples=20_000))
    runs = losses(study, lambda hour: 1e4 * hour)
    result = study_result(study, runs, 1)
    exceeded = np.linspace(0.0, 0.5, 200_001)[1:]
    truth = 1e4 * np.mean(30.0 - 25.0 * np.log10(exceeded)) * 0.5
    assert result.loss_cny_a == pytest.approx(truth, rel=0.01)
    (roofs,) = result.ranked
    assert roofs.avoided_cny_a == pytest.approx(0.1 * truth, rel=0.01)
    assert roofs.helps
    assert roofs.avoided_interval[0] < 0.1 * truth < roofs.avoided_interval[1]
    assert study_result(study, runs[::-1], 1) == result, "the order in which runs came in does not matter"
    assert {entry.measure for entry in result.large} == {"none", "roofs"}
    assert all(abs(entry.left_out_bias_ratio) < 0.02 for entry in result.large)


def test_the_greatest_hour_read_off_is_that_of_the_storm_computed(sandbox_city: Path) -> None:
    study = study_from_plain(plain())
    world = StudyWorld(read_city(sandbox_city), study)
    storm = draw_storms(study, 1)[2]
    many = draw_many(study, 1, np.random.default_rng(0))
    same = replace(
        many,
        return_period_a=np.array([storm.return_period_a]),
        duration_min=np.array([storm.duration_min]),
        peak_ratio=np.array([storm.peak_ratio]),
    )
    assert greatest_hour_mm(study.formula, same)[0] == pytest.approx(world.run(storm).hour_mm, abs=0.01)


@pytest.fixture(scope="module")
def bowl(sandbox_city: Path) -> City:
    """The sandbox city on ground that falls from all sides to one of its crossings."""
    city = read_city(sandbox_city)
    terrain = city.terrain
    rows, columns = np.ogrid[: terrain.ground_m.shape[0], : terrain.ground_m.shape[1]]
    x, y = city.to_metric.transform(*LOW)
    away = np.hypot(
        (rows + 0.5) * terrain.cell_m + terrain.south_m - y, (columns + 0.5) * terrain.cell_m + terrain.west_m - x
    )
    vars(city)["terrain"] = replace(terrain, ground_m=(20.0 + 0.01 * away).astype(np.float32))
    return city


LOW, RIM = (117.2495, 30.6600), (117.2620, 30.6690)


def test_a_basin_at_the_one_low_place_beats_the_same_one_on_the_rim(bowl: City) -> None:
    def basin(name: str, place: tuple[float, float]) -> dict[str, Any]:
        return measure(name, kind="detention", lon=place[0], lat=place[1], area_m2=30_000.0, volume_m3=60_000.0)

    study = study_from_plain(plain(measures=[basin("rim", RIM), basin("low", LOW)]))
    world = StudyWorld(bowl, study)
    runs = [world.run(s, m) for s in draw_storms(study, 1) for m in ("none", *(x.id for x in study.measures))]
    best, worst = study_result(study, runs, 1).ranked
    assert (best.id, worst.id) == ("low", "rim")
    assert best.helps
    assert best.group != worst.group, "the difference is no matter of luck"
    assert best.avoided_cny_a > 3.0 * abs(worst.avoided_cny_a)


def test_every_kind_of_measure_lessens_the_water_it_is_for(bowl: City) -> None:
    lon, lat = LOW
    study = study_from_plain(
        plain(
            measures=[
                measure("pump", kind="pump", lon=lon, lat=lat, discharge_m3_s=30.0),
                measure("inlets", kind="inlets", factor=4.0),
                measure("roofs", kind="green_roof", share=1.0, retention_mm=60.0),
                measure("paving", kind="permeable_paving", share=0.8, rate_mm_h=60.0),
            ]
        )
    )
    world, storm = StudyWorld(bowl, study), draw_storms(study, 1)[-1]
    nothing = world.run(storm)
    for tried in study.measures:
        assert world.run(storm, tried.id).loss_cny < nothing.loss_cny, tried.id


@pytest.mark.parametrize(
    "outside",
    [
        measure("x", kind="pump", lon=0.0, lat=0.0, discharge_m3_s=1.0),
        measure("x", kind="wall", line=[[0.0, 0.0], [0.1, 0.1]], height_m=1.0),
    ],
)
def test_a_measure_outside_the_city_is_refused_by_name(bowl: City, outside: dict[str, Any]) -> None:
    study = study_from_plain(plain(measures=[outside]))
    with pytest.raises(InvalidConfig, match=r"measure 'x'.*outside the city"):
        StudyWorld(bowl, study).run(draw_storms(study, 1)[0], study.measures[0].id)


def test_a_wall_raises_the_ground_along_its_line_only(bowl: City) -> None:
    line = [[117.245, 30.660], [117.250, 30.660]]
    study = study_from_plain(plain(measures=[measure("wall", kind="wall", line=line, height_m=1.5)]))
    world = StudyWorld(bowl, study)
    raised = treated_ground(bowl, world.domain, study.measures).bed_m - world.domain.bed_m
    assert set(np.round(raised, 6).ravel().tolist()) == {0.0, 1.5}
    assert 478.0 / world.domain.grid.cell_m <= (raised > 0).sum() <= 2.0 * 478.0 / world.domain.grid.cell_m + 2
