"""Sensor and feed health as facts: said once when it changes, and again when it changes back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from tests.contracts.readings_contract import hourly
from tests.sense.sense_run import T0, Run

from rencheng import sense
from rencheng.sense import decoded_from_arrays
from rencheng.sense.decide import feed_failed
from rencheng.sense.facts import (
    BatchTaken,
    FeedFailed,
    FeedRecovered,
    SensorRecovered,
    SensorSilent,
    SensorsRecovered,
    SensorsSilent,
    SensorSuspected,
    SensorTrusted,
)


def at_h(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def test_a_delivery_is_told_with_its_counts_and_flags() -> None:
    run = Run()
    (taken,) = run.deliver("p1", hourly("A", [2.0, 489.0, 2.1]), at_h(4))
    assert taken == BatchTaken(
        feed_id="f",
        position="p1",
        accepted=3,
        repeated=0,
        refused=0,
        flagged={"out_of_range": 1},
        first_at=at_h(1),
        last_at=at_h(3),
    )
    draft = run.said[0]
    assert (draft.stream, draft.actor, draft.occurred_at) == ("feed/f", "feed:f", at_h(4))


def test_a_delivery_offered_again_is_told_only_if_the_ledger_does_not_know_it_and_then_as_the_very_same_fact() -> None:
    run = Run()
    run.deliver("p1", hourly("A", [2.0]), at_h(1))
    again = run.store.take("f", "p1", hourly("A", [2.0]), now=at_h(2))
    assert sense.decide(run.state, run.inputs, at_h(2), again) == []
    (draft,) = sense.decide(sense.initial_state(), run.inputs, at_h(2), again)
    assert draft.id == run.said[0].id


def test_a_channel_is_silent_after_three_intervals_and_that_is_said_once() -> None:
    run = Run()
    for hour in range(1, 9):
        run.hour(hour, 2.0 + hour / 100)
    assert run.wait(at_h(11)) == []
    silent = SensorSilent(
        sensor_id="A", quantity="stage_m", last_at=at_h(8), expected_interval_s=3600.0, missed_intervals=3.5
    )
    assert run.wait(at_h(11.5)) == [silent]
    assert run.wait(at_h(12)) == []
    assert run.wait(at_h(500)) == []


def test_a_silent_channel_that_reports_again_has_recovered() -> None:
    run = Run()
    for hour in range(1, 9):
        run.hour(hour, 2.0 + hour / 100)
    run.wait(at_h(20))
    assert run.hour(21, 2.4)[1:] == [SensorRecovered(sensor_id="A", quantity="stage_m", silent_s=13 * 3600.0)]
    assert run.state.silent == {}


def test_the_configured_interval_counts_before_any_is_learnt() -> None:
    run = Run([sense.Channel(sensor_id="A", quantity="stage_m", interval_s=600.0)], silent_min_s=0.0)
    run.hour(1, 2.0)
    assert run.wait(at_h(1.5)) == []
    (silent,) = run.wait(at_h(1.51))
    assert (silent.sensor_id, silent.expected_interval_s) == ("A", 600.0)


def test_a_channel_whose_interval_is_not_known_is_not_called_silent() -> None:
    run = Run()
    run.hour(1, 2.0)
    assert run.wait(at_h(400)) == []


def test_next_due_is_the_instant_at_which_silence_would_be_said() -> None:
    run = Run()
    assert sense.next_due(run.state, run.inputs) is None
    for hour in range(1, 9):
        run.hour(hour, 2.0 + hour / 100)
    due = sense.next_due(run.state, run.inputs)
    assert due is not None
    assert run.wait(due - timedelta(microseconds=1)) == []
    assert [type(body) for body in run.wait(due)] == [SensorSilent]
    assert sense.next_due(run.state, run.inputs) is None


def test_one_spike_is_no_suspicion_and_three_are() -> None:
    run = Run()
    for hour in range(1, 5):
        run.hour(hour, 2.0)
    assert len(run.hour(5, 489.0)) == 1
    for hour in (6, 7):
        run.hour(hour, 2.0)
    said = [body for hour in (8, 9, 10) for body in run.hour(hour, 489.85) if not isinstance(body, BatchTaken)]
    assert said == [
        SensorSuspected(
            sensor_id="A",
            quantity="stage_m",
            flag="out_of_range",
            detail="reads 489.85 m; possible is -20 to 100 m",
        )
    ]


def test_suspicion_does_not_chatter_and_ends_when_as_many_good_readings_came() -> None:
    run = Run()
    said = []
    for hour in range(1, 60):
        said += run.hour(hour, 489.0 if hour % 3 else 2.0 + hour / 100)
    for hour in range(60, 70):
        said += run.hour(hour, 2.0 + hour / 100)
    health = [body for body in said if not isinstance(body, BatchTaken)]
    assert [type(body) for body in health] == [SensorSuspected, SensorTrusted]
    assert run.state.suspected == {}


def test_a_gauge_that_jumps_to_altitude_is_suspected_with_what_was_believed_before() -> None:
    run = Run()
    said = []
    for hour, value in enumerate([5.0, 5.2, 5.41, 21.59, 21.59, 21.6, 21.59, 21.59], start=1):
        said += run.hour(hour, value)
    (suspected,) = [body for body in said if isinstance(body, SensorSuspected)]
    assert suspected.flag == "datum_jump"
    assert suspected.detail.startswith("reads 21.59 m, a level that shifted in one step")
    assert suspected.detail.endswith("believed last: 5.41 m")


def test_a_stuck_gauge_is_suspected_with_since_when() -> None:
    run = Run()
    said = []
    for hour in range(1, 78):
        said += run.hour(hour, 1.68)
    (suspected,) = [body for body in said if isinstance(body, SensorSuspected)]
    assert (suspected.flag, suspected.detail) == ("stuck", "has stood at 1.68 m since 2024-04-15T01:00Z")


def test_a_lost_turn_is_made_up_for() -> None:
    """The process died after the store took a batch and before the ledger took the facts."""
    run = Run()
    for hour in range(1, 9):
        run.hour(hour, 489.0 if hour > 5 else 2.0)
    fresh = sense.initial_state()
    bodies = [draft.body for draft in sense.decide(fresh, run.inputs, at_h(8))]
    assert [type(body) for body in bodies] == [SensorSuspected]


def test_a_feed_that_breaks_is_told_once_and_once_when_it_delivers_again() -> None:
    run = Run()
    run.hour(1, 2.0)
    assert run.tell(feed_failed(run.state, "f", "connection refused", at_h(2))) == [
        FeedFailed(feed_id="f", reason="connection refused")
    ]
    assert feed_failed(run.state, "f", "connection refused", at_h(3)) == []
    said = run.hour(4, 2.1)
    assert said[0] == FeedRecovered(feed_id="f")
    assert isinstance(said[1], BatchTaken)
    assert run.tell(feed_failed(run.state, "f", "timed out", at_h(5))) != []


def test_the_same_deliveries_give_the_same_facts_byte_for_byte() -> None:
    runs = []
    for _ in range(2):
        run = Run()
        for hour in range(1, 30):
            for sensor in ("B", "A"):
                run.hour(hour, 489.0 if hour % 7 < 4 else 2.0, sensor=sensor)
        run.wait(at_h(50))
        runs.append([draft.id for draft in run.said])
    assert runs[0] == runs[1]


def test_a_gateway_that_goes_down_is_told_in_a_few_facts_and_so_is_its_return() -> None:
    """A hundred thousand facts of one outage would bury everything else, and take minutes."""
    names = [f"s{k:05d}" for k in range(6_000)]
    run = Run([sense.Channel(sensor_id=name, quantity="stage_m", interval_s=600.0) for name in names])

    def all_report(hour: float) -> list[Any]:
        at = np.full(len(names), np.datetime64(at_h(hour).replace(tzinfo=None), "us"))
        return run.deliver(f"p{hour}", decoded_from_arrays(names, "stage_m", at, np.full(len(names), 2.0)), at_h(hour))

    assert len(all_report(1.0)) == 1
    silent = run.wait(at_h(3))
    assert [type(body) for body in silent] == [SensorsSilent, SensorsSilent]
    assert [name for body in silent for name in body.sensor_ids] == names
    assert (silent[0].quantity, silent[0].last_at[0]) == ("stage_m", at_h(1))
    assert len(run.state.silent) == len(names)
    assert run.wait(at_h(3.5)) == []
    back = all_report(4.0)[1:]
    assert [type(body) for body in back] == [SensorsRecovered, SensorsRecovered]
    assert set(back[1].silent_s) == {3 * 3600.0}
    assert run.state.silent == {}


def test_what_was_said_of_a_channel_is_compared_anew_by_another_watch() -> None:
    """A restarted run knows from its ledger who is silent, and the store from its readings who came back."""
    run = Run()
    for hour in range(1, 9):
        run.hour(hour, 2.0 + hour / 100)
    run.wait(at_h(20))
    run.store.take("f", "later", hourly("A", [2.4], first_h=21.0), now=at_h(21))
    fresh = sense.Inputs(readings=run.store)
    said = [draft.body for draft in sense.decide(run.state, fresh, at_h(21))]
    assert said == [SensorRecovered(sensor_id="A", quantity="stage_m", silent_s=13 * 3600.0)]
    assert [type(d.body) for d in sense.decide(sense.initial_state(), fresh, at_h(500))] == [SensorSilent]
