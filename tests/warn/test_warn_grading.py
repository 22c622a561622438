from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.warn.warn_world import LAT, LON, START, MemoryFields, World, cleared, forecast, make_town, rain, risk, stage

from rencheng import warn
from rencheng.assess.facts import SignalRaised
from rencheng.kernel import Colour, neighbours
from rencheng.sense.facts import ReportReceived


@pytest.mark.parametrize(
    ("mm", "window_h", "rule"),
    [
        (50.0, 12, "CN-2007/0201"),
        (49.9, 12, ""),
        (50.0, 6, "CN-2007/0202"),
        (50.0, 3, "CN-2007/0203"),
        (100.0, 3, "CN-2007/0204"),
        (99.9, 3, "CN-2007/0203"),
        (120.0, 12, "CN-2007/0201"),
        (60.0, 1, "CN-2007/0203"),
        (100.0, 24, ""),
    ],
)
def test_rain_is_graded_by_the_national_signal(world: World, mm: float, window_h: float, rule: str) -> None:
    said = [e.body for e in world.hear(rain(mm, window_h)) if e.kind == "WarningIssued"]
    assert [b.notice.rule for b in said] == ([rule] if rule else [])


def test_rain_that_has_stopped_raises_nothing_new(world: World) -> None:
    assert world.hear(rain(60.0, 12, last_hour_mm=0.0)) == []
    assert world.hear(rain(60.0, 12, last_hour_mm=5.0))


def test_rain_warns_the_district_where_it_falls(world: World) -> None:
    world.hear(rain(55.0, 6, sensor="rain-e"))
    world.hear(rain(120.0, 3, sensor="rain-w"))
    east, west = sorted(world.state.standing.values(), key=lambda s: s.notice.zone)
    assert (east.notice.area_ids, east.notice.colour) == (("east",), "yellow")
    assert (west.notice.area_ids, west.notice.colour) == (("west",), "red")
    assert not set(east.notice.cells) & set(west.notice.cells)


def test_without_national_rules_the_general_ones_grade_rain(tmp_path: Path) -> None:
    city = make_town(tmp_path, jurisdiction="BR")
    world = World(inputs=warn.inputs_for(city, MemoryFields(), mode="Test"))
    said = world.hear(rain(55.0, 6))
    assert said[0].body.notice.rule == "rain-generic/yellow"
    assert said[0].body.notice.headline.zh.startswith("【测试】")


def test_a_gauge_above_its_threshold_warns_the_city_with_what_led_to_it(world: World) -> None:
    notice = world.hear(stage("orange"))[0].body.notice
    assert notice.colour == "orange"
    assert notice.certainty == "Observed"
    assert notice.onset_at == world.now
    assert "江城站" in notice.reasons[0].text.zh
    assert notice.reasons[0].evidence[0].value == 3.2
    assert notice.residents == 6100.0
    assert notice.vulnerable_residents == 1220.0
    assert notice.advice.zh
    assert notice.advice.en


def test_a_flood_upstream_alone_warns_nobody(world: World) -> None:
    assert world.hear(stage("red", in_city=False, sensor="up")) == []


def test_many_high_gauges_upstream_and_a_rising_forecast_give_an_early_advisory(world: World) -> None:
    def upstream(n: int) -> SignalRaised:
        return replace(stage("", in_city=False, sensor=f"up{n}"), name="unusual_stage")

    world.hear(forecast({"yellow": 0.01}, rate=0.02))
    assert world.hear(*(upstream(n) for n in range(19))) == []
    notice = world.hear(upstream(19))[0].body.notice
    assert (notice.rule, notice.colour, notice.certainty) == ("river-stage/upstream", "blue", "Possible")
    assert "20 gauges upstream" in notice.reasons[0].text.en
    for n in range(8):
        world.hear(cleared(upstream(n)))
    world.wait(hours=5)
    assert len(world.state.standing) == 1
    world.wait(hours=2)
    assert world.state.standing == {}


def test_high_gauges_upstream_with_a_falling_city_gauge_warn_nobody(world: World) -> None:
    world.hear(forecast({"yellow": 0.01}, rate=-0.02))
    signals = [replace(stage("", in_city=False, sensor=f"up{n}"), name="unusual_stage") for n in range(40)]
    assert world.hear(*signals) == []


def test_a_gauge_at_rest_warns_nobody(world: World) -> None:
    for prob in (0.0, 0.1, 0.19):
        assert world.hear(forecast({"blue": prob, "orange": prob}, rate=0.0)) == []
    assert world.hear(forecast({"yellow": 0.6}, observed=2.9, rate=0.0, median=2.9)) == []


def test_a_wide_forecast_does_not_keep_a_warning_up_when_the_water_has_gone(world: World) -> None:
    world.hear(forecast({"red": 0.6, "yellow": 0.7}, observed=3.5, rate=0.5))
    assert [s.notice.colour for s in world.state.standing.values()] == ["red"]
    chance = {"red": 0.32, "yellow": 0.35}
    for hour in range(1, 9):
        world.now = START + timedelta(hours=hour)
        world.hear(forecast(chance, observed=0.7, rate=0.004, median=0.7, at=world.now))
    assert not world.state.standing, "as wide as it is, it says that the river stays where it is"


def test_a_likely_forecast_warns_ahead_and_names_the_flood_upstream(world: World) -> None:
    world.hear(stage("red", in_city=False, sensor="up"))
    notice = world.hear(forecast({"yellow": 0.6, "orange": 0.1}))[0].body.notice
    assert (notice.colour, notice.certainty) == ("yellow", "Likely")
    assert (notice.onset_at - notice.sent_at).total_seconds() == 12 * 3600
    assert "60 %" in notice.reasons[0].text.en
    assert "Upstream" in notice.reasons[-1].text.en


def test_a_small_chance_of_a_grave_flood_gives_an_early_advisory(world: World) -> None:
    notice = world.hear(forecast({"yellow": 0.4, "orange": 0.25}))[0].body.notice
    assert (notice.rule, notice.colour, notice.certainty) == ("river-stage/advisory", "blue", "Possible")


def test_a_forecast_for_a_gauge_elsewhere_does_not_warn_the_city(world: World) -> None:
    assert world.hear(forecast({"red": 0.9}, sensor="up")) == []


def test_waterlogging_takes_its_colour_and_area_from_the_risk_map(world: World) -> None:
    cells = [int(c) for c in world.inputs.places.cells[:8]]
    colours = dict.fromkeys(cells[:3], "orange") | dict.fromkeys(cells[3:], "blue")
    notice = world.hear(risk(world.inputs, colours))[0].body.notice
    assert notice.colour == "orange"
    assert list(notice.cells) == sorted(cells[:3])
    assert notice.residents == 300.0
    assert "2" in notice.impact.zh
    assert "学校" in notice.impact.zh


def test_a_river_warning_covers_the_cells_at_risk(world: World) -> None:
    cells = [int(c) for c in world.inputs.places.cells[:4]]
    world.hear(risk(world.inputs, dict.fromkeys(cells, "blue"), hazard="river_flood"))
    notice = world.hear(stage("red"))[0].body.notice
    assert list(notice.cells) == sorted(cells)
    assert notice.residents == 400.0


def test_three_deep_puddles_reported_within_an_hour_warn(world: World) -> None:
    cells = neighbours(int(world.inputs.places.cells[30]), 1)

    def report(n: int, depth: float) -> ReportReceived:
        return ReportReceived(
            report_id=f"r{n}",
            source="citizen",
            hazard="waterlogging",
            category="water_on_road",
            lon=LON,
            lat=LAT,
            cell=int(world.inputs.places.cells[30]),
            text="水深过膝",
            depth_m=depth,
            people=0,
            event_id=f"e{n}",
        )

    assert cells
    assert world.hear(report(1, 0.4), report(2, 0.5), report(3, 0.1)) == []
    said = world.hear(report(4, 0.3))
    assert said[0].body.notice.rule == "waterlogging/reported"
    assert said[0].body.notice.certainty == "Observed"


def test_every_colour_that_is_issued_is_one_of_the_four(world: World) -> None:
    world.hear(stage("blue"), rain(200.0, 3))
    assert {s.notice.colour for s in world.state.standing.values()} <= {c.value for c in Colour}
