"""The map of a stage: what it floods, whom it counts, and what it refuses to guess."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.assess.river_town import SIDE, lake_town

from rencheng.assess.flood.extent_config import read_defences, read_extent_config
from rencheng.assess.flood.river_extent import RiverExtent, river_extent
from rencheng.city import City, read_city
from rencheng.kernel import InvalidConfig, InvalidInput, MissingData, NotFound


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> City:
    return lake_town(tmp_path_factory.mktemp("extent") / "town")


@pytest.fixture(scope="module")
def walled(tmp_path_factory: pytest.TempPathFactory) -> City:
    return lake_town(tmp_path_factory.mktemp("extent") / "walled", levee_column=14)


def _extent(city: City, stage_m: float, **options: object) -> RiverExtent:
    return river_extent(city, stage_m, members=20, **options)  # type: ignore[arg-type]  # options of one call each


def test_a_higher_stage_floods_at_least_the_same_land(town: City) -> None:
    low, high = _extent(town, 3.0).main, _extent(town, 5.0).main
    assert (low.prob <= high.prob + 1e-9).all()
    assert low.totals.areas[0].flooded_km2 < high.totals.areas[0].flooded_km2
    assert low.totals.areas[0].residents_expected < high.totals.areas[0].residents_expected


def test_a_hollow_behind_a_ridge_stays_dry(town: City) -> None:
    main = _extent(town, 4.0).main
    assert main.prob[20, 17] > 0.5
    assert main.prob[48, 26] < 0.5


def test_depth_is_level_less_ground_and_the_lake_itself_is_no_flood(town: City) -> None:
    extent = _extent(town, 4.0)
    dry_m = extent.ground.ground_m[20, 17] - extent.water.base_m[20, 17]
    assert extent.main.depth_m[20, 17] == pytest.approx(2.0 - dry_m, abs=0.3)
    assert (extent.main.depth_m[:, :12] == 0.0).all()


def test_the_ordinary_level_floods_nothing(town: City) -> None:
    extent = _extent(town, 1.0)
    assert extent.main.depth_m.max() == 0.0
    assert any("not above the ordinary water level" in note for note in extent.notes)


def test_defences_keep_the_town_dry_below_their_crest_and_only_while_they_hold(walled: City) -> None:
    fail, hold = _extent(walled, 4.5).cases
    assert (fail.name, hold.name) == ("defences_fail", "defences_hold")
    assert hold.prob[:, 15:].max() == 0.0
    assert fail.prob[20, 20] > 0.5
    over = _extent(walled, 5.6)
    assert over.cases[1].prob[20, 20] > 0.5
    assert any("above the crest of: dike" in note for note in over.notes)


def test_where_defences_hold_less_is_flooded_than_where_they_fail(walled: City) -> None:
    fail, hold = _extent(walled, 4.5).cases
    assert (hold.prob <= fail.prob + 1e-9).all()


def test_tables_say_what_the_map_shows(town: City) -> None:
    main = _extent(town, 4.0).main
    total, *areas = main.totals.areas
    cells = main.totals.cells.to_pylist()
    assert total.residents == pytest.approx(sum(row["residents_exposed"] for row in cells))
    assert total.residents == pytest.approx(sum(a.residents for a in areas))
    assert total.residents_low <= total.residents_expected <= total.residents_high
    likely = [r for r in main.totals.objects.to_pylist() if r["exceed_150mm_prob"] >= main.least_prob]
    assert total.schools == sum(r["kind"] == "facility" for r in likely) == 1
    assert total.pupils == 200.0
    assert total.flooded_km2 == pytest.approx(sum(a.flooded_km2 for a in areas))


def test_people_behind_a_flooded_street_are_counted_as_cut_off(tmp_path: Path) -> None:
    city = lake_town(tmp_path / "town")
    total = _extent(city, 8.0).main.totals.areas[0]
    assert total.road_km["primary"] > 0.5
    assert total.isolated_cells > 0
    assert _extent(city, 3.0).main.totals.areas[0].isolated_cells == 0


def test_a_road_drawn_in_both_directions_is_counted_once(town: City) -> None:
    total = _extent(town, 30.0).main.totals.areas[0]
    assert total.road_km["primary"] == pytest.approx(36 * 0.03 + 30 * 0.03, rel=0.02)


def test_the_same_seed_gives_the_same_map_and_another_a_slightly_other_one(town: City) -> None:
    one, two, other = (_extent(town, 4.0, seed=s).main for s in (3, 3, 4))
    assert one.prob.tobytes() == two.prob.tobytes()
    assert one.totals == two.totals or one.totals.areas == two.totals.areas
    assert one.prob.tobytes() != other.prob.tobytes()


def test_the_first_stage_of_a_place_is_the_one_that_floods_it(town: City) -> None:
    main = _extent(town, 4.0).main
    first = main.first_stage_m[20, 20]
    assert first == pytest.approx(2.0 + (10.5 + 0.2 * 8 - 10.0), abs=0.35)
    assert main.first_stage_m[48, 26] > 6.0


def test_hours_ask_the_engine_how_far_water_gets(town: City) -> None:
    extent = _extent(town, 4.0, hours=0.1)
    main, in_time = extent.cases
    assert in_time.name == "in_time"
    assert 0 < (in_time.prob > 0).sum() < (main.prob >= main.least_prob).sum()
    with pytest.raises(InvalidInput, match="hours"):
        _extent(town, 4.0, hours=-1.0)


@pytest.mark.parametrize(
    ("stage", "says"), [(530.0, r"centimetres\? 5\.3 m"), (-40.0, "beyond any"), (float("nan"), "no number")]
)
def test_a_stage_that_cannot_be_is_refused_with_a_guess_of_the_unit(town: City, stage: float, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        _extent(town, stage)


def test_a_gauge_that_is_not_there_is_named_with_those_that_are(town: City) -> None:
    with pytest.raises(NotFound, match=r"no stage gauge 'x'.*quay"):
        _extent(town, 4.0, gauge_id="x")


def test_several_gauges_are_not_chosen_from_unasked(sandbox_city: Path) -> None:
    with pytest.raises(InvalidInput, match=r"gauges of the city have thresholds.*--gauge"):
        _extent(read_city(sandbox_city), 4.0)


@pytest.mark.parametrize(("part", "says"), [("terrain", "no terrain"), ("waters", "no waters")])
def test_a_city_without_ground_or_water_says_what_to_import(tmp_path: Path, part: str, says: str) -> None:
    city = lake_town(tmp_path / "town", **{part: False})
    with pytest.raises(MissingData, match=says):
        _extent(city, 4.0)


def test_an_untied_gauge_is_said_out_loud(tmp_path: Path) -> None:
    extent = _extent(lake_town(tmp_path / "town", datum_m=None), 4.0)
    assert any(note.startswith("WARNING: the gauge's zero is not tied") for note in extent.notes)
    assert extent.level.rise_m == 4.0


def test_a_stage_above_all_that_was_seen_is_mapped_with_a_warning(tmp_path: Path) -> None:
    city = lake_town(tmp_path / "town")
    (city.path / "flood" / "extent.toml").write_text(
        '[[gauge]]\nid = "quay"\nwater_stage_m = 2.0\nsource = "x"\nhighest_known_m = 3.5\n',
        encoding="utf-8",
    )
    notes = _extent(city, 4.0).notes
    assert any("above the highest known, 3.5 m" in note for note in notes)


def test_a_surface_model_is_lowered_where_people_live_and_says_so(tmp_path: Path) -> None:
    extent = _extent(lake_town(tmp_path / "town", surface=True), 3.0)
    raw = _extent(lake_town(tmp_path / "bare"), 3.0)
    assert (extent.ground.ground_m <= raw.ground.ground_m + 0.3).all()
    assert extent.ground.bias_m[20, 30] > 1.0
    assert extent.ground.error.cover_m[20, 30] > 0.3
    assert any("Olajubu" in note or "reads" in note for note in extent.notes)


def test_unknown_keys_of_the_configuration_are_refused(tmp_path: Path) -> None:
    city = lake_town(tmp_path / "town")
    (city.path / "flood" / "extent.toml").write_text("[terrain]\nkindd = 1\n", encoding="utf-8")
    with pytest.raises(InvalidConfig, match="kindd"):
        read_extent_config(city)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"crest_m": 600}, "centimetres"),
        ({"state": "asleep"}, "unknown state"),
        ({"crest_m": "high"}, "a defence needs"),
        ({"source": None, "_drop": "source"}, "a defence needs"),
    ],
)
def test_a_defence_that_cannot_be_is_refused_by_feature(tmp_path: Path, change: dict[str, object], says: str) -> None:
    properties: dict[str, object] = {"crest_m": 6.0, "source": "x", **change}
    properties.pop(str(properties.pop("_drop", "")), None)
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    file = tmp_path / "d.geojson"
    feature = {"type": "Feature", "properties": properties, "geometry": line}
    file.write_text(json.dumps({"features": [feature]}), encoding="utf-8")
    with pytest.raises(InvalidInput, match=rf"feature 0.*{says}"):
        read_defences(file)


def test_a_sandbox_river_floods_its_banks(sandbox_city: Path) -> None:
    extent = _extent(read_city(sandbox_city), 4.6, gauge_id="river-4")
    total = extent.main.totals.areas[0]
    assert 0.05 < total.flooded_km2 < 2.0
    assert total.residents_high > 0
    assert extent.main.prob.shape == extent.ground.ground_m.shape
    assert SIDE == 60
    assert np.isfinite(extent.main.depth_m).all()
