"""Signals: raised when they should be, cleared with hysteresis, silent where nobody knows anything."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.assess.assess_town import FLOOD_M, LAT, LON, T0, Rows, after, hourly, inputs_for

from rencheng import assess
from rencheng.assess.facts import SignalCleared, SignalRaised
from rencheng.city import City
from rencheng.kernel import Draft, cell_of
from rencheng.sense.facts import ReportReceived


def run(city: City, rows: Rows, turns: list[datetime]) -> tuple[assess.State, list[Any]]:
    """Turn assessment at some instants; give the last state and the bodies of all signals."""
    inputs, state, said = inputs_for(city, rows), assess.initial_state(), []
    for now in turns:
        drafts = assess.decide(state, inputs, now)
        state = after(state, drafts)
        said += [d.body for d in drafts if isinstance(d.body, SignalRaised | SignalCleared)]
    return state, said


def stage(values: list[float], sensor: str = "town") -> tuple[Rows, list[datetime]]:
    """Hourly stages from T0 on and the hours to turn at."""
    end = T0 + timedelta(hours=len(values) - 1)
    return {"stage_m": hourly(values, sensor, end=end)}, [T0 + timedelta(hours=i) for i in range(len(values))]


def test_a_gauge_that_reaches_its_threshold_is_a_signal_of_that_colour(flat_town: City) -> None:
    rows, turns = stage([3.0, FLOOD_M - 1.0, FLOOD_M])
    state, said = run(flat_town, rows, turns)
    assert [(s.name, s.colour) for s in said if s.name == "stage_above_threshold"] == [
        ("stage_above_threshold", "yellow"),
        ("stage_above_threshold", "orange"),
    ]
    standing = [s.body for s in state.signals.values() if s.body.name == "stage_above_threshold"]
    assert len(standing) == 1, "one gauge has one standing stage signal, of its highest colour"
    assert standing[0].in_city
    assert standing[0].evidence[0].threshold == FLOOD_M


def test_a_stage_that_dances_on_its_threshold_is_said_once(flat_town: City) -> None:
    rows, turns = stage([3.9, 4.0, 3.95, 4.0, 3.95, 4.0, 3.8])
    _, said = run(flat_town, rows, turns)
    kinds = [type(s).__name__ for s in said if getattr(s, "name", "stage_above_threshold") == "stage_above_threshold"]
    assert kinds == ["SignalRaised", "SignalCleared"]


def test_a_gauge_that_falls_silent_in_flood_does_not_say_all_clear(flat_town: City) -> None:
    rows, _ = stage([FLOOD_M + 1.0])
    state, _ = run(flat_town, rows, [T0, T0 + timedelta(hours=30)])
    assert any(s.body.name == "stage_above_threshold" for s in state.signals.values())


def test_without_published_thresholds_a_gauge_is_unusual_but_never_in_flood(flat_town: City) -> None:
    usual = [2.0 + 0.1 * (i % 3) for i in range(24 * 10)]
    rows, turns = stage([*usual, 2.5, 3.5, 4.5, 5.5], "upstream")
    state, _ = run(flat_town, rows, turns[-4:])
    names = {s.body.name: s.body for s in state.signals.values()}
    assert set(names) == {"unusual_stage", "rapid_rise"}
    assert all(body.colour == "" and not body.in_city for body in names.values())


def test_a_long_flood_does_not_become_usual(flat_town: City) -> None:
    usual, flood = [2.0] * (24 * 10), [6.0] * (24 * 8)
    rows, turns = stage([*usual, *flood], "upstream")
    state, _ = run(flat_town, rows, turns[24 * 10 :: 6])
    assert "unusual_stage" in {s.body.name for s in state.signals.values()}


def test_a_gauge_with_a_short_past_is_not_judged_by_it(flat_town: City) -> None:
    rows, turns = stage([2.0] * 48 + [9.0], "upstream")
    state, said = run(flat_town, rows, turns[-1:])
    assert said == []
    assert not state.signals


def test_rain_is_graded_by_window_and_clears_late(flat_town: City) -> None:
    rain = [0.0] * 6 + [20.0, 20.0, 15.0] + [0.0] * 12
    end = T0 + timedelta(hours=len(rain) - 1)
    _, said = run(flat_town, {"rain_mm": hourly(rain, "rain", end=end)}, [T0 + timedelta(hours=i) for i in range(21)])
    raised = [s.colour for s in said if isinstance(s, SignalRaised)]
    assert raised == ["orange", "yellow", "blue"], "55 mm: in three hours, then only in six, then only in twelve"
    assert isinstance(said[-1], SignalCleared)


def test_water_on_a_street_sensor_is_a_signal_until_it_drains(flat_town: City) -> None:
    depth = [0.0, 0.16, 0.10, 0.02]
    rows: Rows = {"water_depth_m": hourly(depth, "street", end=T0 + timedelta(hours=3))}
    _, said = run(flat_town, rows, [T0 + timedelta(hours=i) for i in range(4)])
    assert [type(s).__name__ for s in said] == ["SignalRaised", "SignalCleared"]
    assert said[0].name == "water_on_street"


def report(number: int, source: str = "citizen", depth: float | None = 0.3) -> Draft:
    body = ReportReceived(
        report_id=f"r{number}",
        source=source,
        hazard="waterlogging",
        category="water_on_road",
        lon=LON,
        lat=LAT,
        cell=cell_of(LON, LAT),
        text="water",
        depth_m=depth,
        people=0,
        event_id="e1",
    )
    return Draft(stream=f"report/r{number}", body=body, occurred_at=T0, actor="person:x")


def test_one_voice_is_a_rumour_two_are_a_signal(flat_town: City) -> None:
    inputs = inputs_for(flat_town, {})
    one = after(assess.initial_state(), [report(1)])
    assert not any(isinstance(d.body, SignalRaised) for d in assess.decide(one, inputs, T0))
    two = after(one, [report(2)])
    raised = [d for d in assess.decide(two, inputs, T0) if isinstance(d.body, SignalRaised)]
    assert [d.body.name for d in raised] == ["reported_water"]
    assert set(raised[0].cause) == {report(1).id, report(2).id}, "a signal names the reports it rests on"


def test_a_grid_officer_is_believed_alone(flat_town: City) -> None:
    state = after(assess.initial_state(), [report(1, "grid_officer")])
    drafts = assess.decide(state, inputs_for(flat_town, {}), T0)
    assert any(isinstance(d.body, SignalRaised) for d in drafts)
