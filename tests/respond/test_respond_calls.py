"""An alarm that calls for help by itself gets an incident and a unit; detectors of one event call together."""

from __future__ import annotations

from typing import Any

import pytest
from tests.respond.respond_town import World, place, town_tables, unit

from rencheng.assess.facts import Evidence, SignalCleared, SignalRaised
from rencheng.kernel import Bilingual
from rencheng.respond import Inputs
from rencheng.respond.orders import WithdrawNeed
from rencheng.sense.detection_rules import default_detection_rules


@pytest.fixture
def town_of_alarms(make_town: Any) -> World:
    tables = town_tables()
    tables["units"] += [
        unit("engine-1", "fire_engine", "fire", 0, 2, 6.0),
        unit("engine-2", "fire_engine", "fire", 4, 2, 6.0),
    ]
    return World(Inputs.of(make_town(tables), simulate_units=True))


def alarm(
    name: str,
    column: float,
    row: float,
    *,
    hazard: str = "fire",
    colour: str = "red",
    signal_id: str = "",
    in_city: bool = True,
) -> SignalRaised:
    lon, lat = place(0, 0)
    far = place(1, 1)
    lon, lat = lon + column * (far[0] - lon), lat + row * (far[1] - lat)
    evidence = Evidence(kind="reading", sensor_id="s", quantity="smoke_db_m", value=2.5, unit="dB/m")
    return SignalRaised(
        signal_id=signal_id or f"{name}-{column}-{row}", hazard=hazard, name=name, colour=colour, sensor_id="s",
        lon=lon, lat=lat, in_city=in_city, evidence=(evidence,), title=Bilingual(zh="火灾烟雾", en="smoke of a fire"),
    )  # fmt: skip


def test_smoke_opens_an_incident_and_sends_the_nearest_engine_in_the_same_turn(town_of_alarms: World) -> None:
    said = town_of_alarms.hear(alarm("smoke", 1, 2))
    names = [type(body).__name__ for body in said]
    assert names[:2] == ["IncidentOpened", "PlanActivated"]
    assert said[0].title == Bilingual(zh="火灾烟雾报警", en="Alarm: smoke of a fire")
    assert [a.unit_id for a in town_of_alarms.said("UnitAssigned")] == ["engine-1"]
    raised = next(e for e in town_of_alarms.entries if e.kind == "NeedRaised")
    heard = next(e for e in town_of_alarms.entries if e.kind == "SignalRaised")
    assert heard.id in raised.cause, "whoever asks why the engine went finds the detector"


def test_detectors_of_one_fire_call_one_engine(town_of_alarms: World) -> None:
    town_of_alarms.hear(alarm("smoke", 1, 2), alarm("smoke", 1.05, 2), alarm("carbon_monoxide", 1, 2.05))
    assert len(town_of_alarms.said("IncidentOpened")) == 1
    assert len(town_of_alarms.said("NeedRaised")) == 1


def test_two_fires_far_apart_are_two_incidents(town_of_alarms: World) -> None:
    town_of_alarms.hear(alarm("smoke", 1, 2), alarm("smoke", 3, 2))
    assert len(town_of_alarms.said("IncidentOpened")) == 2
    assert sorted(a.unit_id for a in town_of_alarms.said("UnitAssigned")) == ["engine-1", "engine-2"]


def test_a_leak_that_grows_calls_the_fire_brigade_to_the_crew(town_of_alarms: World) -> None:
    for colour in ("yellow", "red"):
        town_of_alarms.hear(alarm("gas_leak", 2, 2, hazard="gas_leak", colour=colour, signal_id="leak"))
    assert [n.kind for n in town_of_alarms.said("NeedRaised")] == ["repair", "fire"]
    assert len(town_of_alarms.said("IncidentOpened")) == 1


def test_an_alarm_below_its_colour_or_of_no_need_or_outside_calls_nobody(town_of_alarms: World) -> None:
    said = town_of_alarms.hear(
        alarm("crowding", 1, 1, hazard="crowding", colour="yellow"),
        alarm("air_pollution", 1, 1, hazard="air_pollution"),
        alarm("smoke", 1, 1, in_city=False),
        alarm("stage_odd", 1, 1, hazard="river_flood", colour="notice"),
    )
    assert said == []


def test_an_alarm_says_nothing_twice_and_clearing_calls_nobody_back(town_of_alarms: World) -> None:
    town_of_alarms.hear(alarm("smoke", 1, 2))
    assert town_of_alarms.turn() == []
    assert town_of_alarms.hear(SignalCleared(signal_id="smoke-1-2", hazard="fire", reason="back")) == []
    town_of_alarms.wait(60)
    assert len(town_of_alarms.said("NeedMet")) == 1


def test_a_second_detector_still_alarmed_when_the_first_need_is_over_calls_again(town_of_alarms: World) -> None:
    town_of_alarms.hear(alarm("smoke", 1, 2), alarm("smoke", 1.05, 2))
    need = town_of_alarms.said("NeedRaised")[0]
    town_of_alarms.order(WithdrawNeed(need_id=need.need_id, reason="burnt toast"))
    assert len(town_of_alarms.said("NeedRaised")) == 2, "nobody has told that the other detector's smoke is toast too"


def test_every_signal_that_calls_is_a_rule_of_detection(town_of_alarms: World) -> None:
    rules = {rule.rule.id for rule in default_detection_rules().rules if rule.tell == "signal"}
    assert set(town_of_alarms.inputs.rules.calls_of_signal) <= rules
