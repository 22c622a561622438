"""Each of the twelve governance indicators against a ledger written by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.evaluate.fact_book import FactBook, ended, minute, notice, opened

from rencheng import evaluate
from rencheng.assess.facts import SignalRaised
from rencheng.community.facts import VisitRecorded, VisitRequested
from rencheng.evaluate.indicators import indicator_colour, indicators, measure
from rencheng.kernel import Bilingual
from rencheng.ledger import fold
from rencheng.recover.facts import DamageAssessed, ReviewRecorded
from rencheng.respond.facts import (
    IncidentClosed,
    NeedMet,
    NeedRaised,
    NeedUnmet,
    NeedWithdrawn,
    RoadClosed,
    TaskAcknowledged,
    TaskCompleted,
    TaskCreated,
    TaskEscalated,
    UnitArrived,
    UnitAssigned,
)
from rencheng.sense.facts import (
    BatchTaken,
    FeedFailed,
    FeedRecovered,
    ReportReceived,
    SensorRecovered,
    SensorSilent,
    SensorSuspected,
    SensorTrusted,
)
from rencheng.warn.facts import MessageDelivered, MessageQueued, WarningCancelled, WarningIssued

TITLE = Bilingual(zh="任务", en="Task")


def task(name: str, *, acknowledge_min: float = 5, due_min: float = 60, incident: str = "i1") -> TaskCreated:
    return TaskCreated(
        task_id=name,
        incident_id=incident,
        step_id="s",
        title=TITLE,
        role_id="role-1",
        acknowledge_by=minute(acknowledge_min),
        due_at=minute(due_min),
        receipt="none",
        measure="m",
    )


def need(name: str, report: str = "") -> NeedRaised:
    return NeedRaised(
        need_id=name,
        incident_id="i1",
        kind="rescue",
        skills=(),
        lon=121.0,
        lat=31.0,
        cell=1,
        people=1,
        priority=1,
        report_id=report,
    )


def assigned(name: str) -> UnitAssigned:
    return UnitAssigned(need_id=name, unit_id="u", travel_s=60.0, arrive_at=minute(10), route=(), why="nearest")


def report(name: str, event: str, source: str = "citizen") -> ReportReceived:
    return ReportReceived(
        report_id=name,
        source=source,
        hazard="waterlogging",
        category="water_on_road",
        lon=121.0,
        lat=31.0,
        cell=1,
        text="",
        depth_m=0.4,
        people=0,
        event_id=event,
    )


def batch(feed: str) -> BatchTaken:
    return BatchTaken(
        feed_id=feed, position="1", accepted=1, repeated=0, refused=0, flagged={}, first_at=None, last_at=None
    )


def visit(name: str, due_min: float) -> VisitRequested:
    return VisitRequested(
        visit_id=name,
        warning_id="w1",
        area_id="a",
        cells=(1,),
        vulnerable_residents=3.0,
        role_id="g",
        due_at=minute(due_min),
    )


def damage(incident: str) -> DamageAssessed:
    return DamageAssessed(
        incident_id=incident,
        method="m",
        buildings_field="b",
        cells_field="c",
        buildings_damaged=0,
        residents_affected=0.0,
        loss_cny=None,
        gaps=(),
    )


def silent(sensor: str) -> SensorSilent:
    return SensorSilent(
        sensor_id=sensor, quantity="stage_m", last_at=minute(0), expected_interval_s=300.0, missed_intervals=4.0
    )


def value(book: FactBook, name: str, at: float, channels: int = 0) -> float | None:
    state = replace(fold(book.entries(), evaluate.evolve, evaluate.initial_state()), channels_known=channels)
    return next(m.value for m in measure(state, minute(at)) if m.indicator.id == name)


def tell(*said: tuple[float, Any]) -> FactBook:
    book = FactBook()
    for at, body in said:
        book.say(body, at)
    return book


def test_there_are_twelve_and_each_has_its_collector() -> None:
    """An indicator without a collector would fail the whole turn."""
    state = evaluate.initial_state()
    found = measure(state, minute(0))
    assert len(found) == len({m.indicator.id for m in found}) == 12
    assert all(m.indicator.better in {"higher", "lower"} for m in found)


def test_without_data_there_is_no_value_and_no_colour() -> None:
    """A missing collector that showed green would be believed."""
    for measured in measure(evaluate.initial_state(), minute(0)):
        assert measured.value is None, measured.indicator.id
        assert measured.colour == ""


@pytest.mark.parametrize("indicator", indicators(), ids=lambda i: i.id)
def test_colours_change_exactly_at_the_bounds(indicator: evaluate.Indicator) -> None:
    """On the bound is still good; the least step past it is not."""
    bad = 1e-9 if indicator.better == "lower" else -1e-9
    assert indicator_colour(indicator, indicator.yellow) == "blue"
    assert indicator_colour(indicator, indicator.yellow + bad) == "yellow"
    assert indicator_colour(indicator, indicator.red) == "yellow"
    assert indicator_colour(indicator, indicator.red + bad) == "red"


def test_coordination_is_the_share_acknowledged_in_time() -> None:
    """In time, late, never, and not due yet: one of three."""
    book = tell(
        *((0, task(name)) for name in "abc"),
        (0, task("d", acknowledge_min=90)),
        (3, TaskAcknowledged(task_id="a", role_id="r")),
        (9, TaskAcknowledged(task_id="b", role_id="r")),
    )
    assert value(book, "coordination_efficiency", 20) == pytest.approx(1 / 3)


def test_timeliness_is_the_share_of_due_tasks_done_in_time() -> None:
    """Half of what was due; a task due later does not count yet."""
    book = tell(
        (0, task("a")),
        (0, task("b")),
        (0, task("c", due_min=500)),
        (50, TaskCompleted(task_id="a", role_id="r", receipt="")),
    )
    assert value(book, "task_timeliness", 70) == pytest.approx(0.5)


def test_warning_response_is_the_median_to_the_first_acknowledgement() -> None:
    """Four minutes; a second acknowledgement does not move it."""
    book = tell(
        (0, WarningIssued(warning_id="w1", notice=notice())),
        (1, opened("i1", warning="w1")),
        (1, task("a")),
        (1, task("b")),
        (4, TaskAcknowledged(task_id="a", role_id="r")),
        (30, TaskAcknowledged(task_id="b", role_id="r")),
    )
    assert value(book, "warning_response_min", 60) == pytest.approx(4.0)


def test_a_warning_that_nobody_answers_is_not_left_out() -> None:
    """If only answered warnings counted, the worst duty room would look best."""
    book = tell((0, WarningIssued(warning_id="w1", notice=notice())))
    assert value(book, "warning_response_min", 5) is None
    assert value(book, "warning_response_min", 40) == pytest.approx(40.0)
    book.say(WarningCancelled(warning_id="w1", reason="over", notice=notice()), 45)
    assert value(book, "warning_response_min", 60) is None


def test_dispatch_and_arrival_are_medians_from_the_need() -> None:
    """2 and 4 minutes to dispatch are 3; 10 and 20 to arrive are 15; a withdrawn need counts for nothing."""
    book = tell(
        *((0, need(name)) for name in "abc"),
        (2, assigned("a")),
        (4, assigned("b")),
        (5, assigned("a")),
        (6, NeedWithdrawn(need_id="c", reason="false call")),
        (10, UnitArrived(need_id="a", unit_id="u")),
        (20, UnitArrived(need_id="b", unit_id="u")),
    )
    assert value(book, "dispatch_min", 500) == pytest.approx(3.0)
    assert value(book, "arrival_min", 500) == pytest.approx(15.0)


def test_needs_met_is_the_share_of_settled_needs() -> None:
    """One met, one unmet, one not settled yet: a half; unmet for a while and met in the end is met."""
    unmet: dict[str, Any] = {"reason": "all_units_busy", "detail": TITLE}
    book = tell(
        *((0, need(name)) for name in "abc"),
        (5, NeedUnmet(need_id="a", **unmet)),
        (6, NeedUnmet(need_id="b", **unmet)),
        (30, NeedMet(need_id="a", unit_id="u")),
    )
    assert value(book, "needs_met", 40) == pytest.approx(0.5)


def test_a_channel_is_faulty_until_the_last_of_its_faults_is_mended() -> None:
    """Trusted again in one respect and still silent: the channel is no better than it was."""
    flag: dict[str, Any] = {"sensor_id": "s1", "quantity": "stage_m", "flag": "stuck"}
    book = tell((0, silent("s1")), (1, SensorSuspected(**flag, detail="d")), (2, silent("s2")))
    assert value(book, "sensor_fault", 3, channels=10) == pytest.approx(0.2)
    book.say(SensorTrusted(**flag), 4)
    assert value(book, "sensor_fault", 5, channels=10) == pytest.approx(0.2)
    book.say(SensorRecovered(sensor_id="s1", quantity="stage_m", silent_s=600.0), 6)
    assert value(book, "sensor_fault", 7, channels=10) == pytest.approx(0.1)


def test_feed_health_is_the_share_of_feeds_that_deliver() -> None:
    """One of two broke, and came back."""
    book = tell((0, batch("a")), (0, batch("b")), (5, FeedFailed(feed_id="b", reason="refused")))
    assert value(book, "feed_health", 6) == pytest.approx(0.5)
    book.say(FeedRecovered(feed_id="b"), 7)
    assert value(book, "feed_health", 8) == pytest.approx(1.0)


def test_delivery_does_not_blame_a_message_of_this_instant() -> None:
    """A warning just issued turned the indicator red every time, until its receipt came a moment later."""
    book = tell((0, MessageQueued(message_id="m1", warning_id="w", notice_id="n", channel="c")))
    assert value(book, "warning_delivery", 0) is None
    assert value(book, "warning_delivery", 1) == 0.0
    book.say(MessageQueued(message_id="m2", warning_id="w", notice_id="n", channel="c"), 1)
    book.say(MessageDelivered(message_id="m2", channel="c", attempt=1, receipt="ok"), 1)
    assert value(book, "warning_delivery", 1) == pytest.approx(0.5)


def test_reports_are_answered_by_needs_and_by_closures_that_they_led_to() -> None:
    """Of four events one led to a need, one to a closure by way of a signal, two to nothing; no camera waits."""
    book = FactBook()
    book.say(report("r1", "e1"))
    two = book.say(report("r2", "e2"))
    book.say(report("r3", "e3"))
    book.say(report("r4", "e4"))
    book.say(report("r5", "e5", source="camera"))
    book.say(need("n", report="r1"), 1)
    signal = SignalRaised(
        signal_id="s",
        hazard="waterlogging",
        name="reported_water",
        colour="",
        sensor_id="",
        lon=121.0,
        lat=31.0,
        in_city=True,
        evidence=(),
    )
    raised = book.say(signal, 2, cause=(two.id,))
    book.say(RoadClosed(link_id=1, reason="signal/s", depth_m=0.4, lon=121.0, lat=31.0), 3, cause=(raised.id,))
    assert value(book, "reports_unanswered", 4) == pytest.approx(0.5)


def test_visit_coverage_counts_visits_made_or_due() -> None:
    """Made, missed, and still to come: a half."""
    book = tell(
        (0, visit("a", 60)),
        (0, visit("b", 60)),
        (0, visit("c", 300)),
        (50, VisitRecorded(visit_id="a", by="g", reached=3, need_help=0)),
    )
    assert value(book, "visit_coverage", 90) == pytest.approx(0.5)


def test_the_loop_is_closed_by_assessment_and_review() -> None:
    """Ended minutes ago is not an open loop, ended three days ago is, and two reviews are no assessment."""
    book = tell(
        (0, ended("i1")), (0, ended("i2")), (1, damage("i1")), (40, ReviewRecorded(incident_id="i1", findings=()))
    )
    assert value(book, "closed_loop", 60) == pytest.approx(1.0)
    book.say(ReviewRecorded(incident_id="i2", findings=()), 50)
    book.say(ReviewRecorded(incident_id="i2", findings=()), 51)
    assert value(book, "closed_loop", 73 * 60) == pytest.approx(0.5)


def test_an_indicator_is_published_when_its_colour_changes_and_only_then() -> None:
    """A fact at every turn would drown the change that somebody must act on."""
    book = tell((0, batch("a")))
    inputs = evaluate.Inputs(channels=0)
    state = fold(book.entries(), evaluate.evolve, evaluate.initial_state())
    (draft,) = evaluate.decide(state, inputs, minute(1))
    assert (draft.body.indicator, draft.body.value, draft.body.colour) == ("feed_health", 1.0, "blue")
    state = evaluate.evolve(state, book.say(draft.body, 1))
    assert evaluate.decide(state, inputs, minute(2)) == []
    state = evaluate.evolve(state, book.say(FeedFailed(feed_id="a", reason="r"), 3))
    assert [d.body.colour for d in evaluate.decide(state, inputs, minute(4))] == ["red"]


def test_a_role_that_let_tasks_escalate_is_a_lesson_of_the_closed_incident() -> None:
    """Once, after the incident is closed, with the count of its tasks."""
    escalated: dict[str, Any] = {
        "from_role_id": "role-1",
        "to_role_id": "role-2",
        "step": 1,
        "acknowledge_by": minute(10),
    }
    book = tell(
        (0, task("a")),
        (0, task("b")),
        (5, TaskEscalated(task_id="a", **escalated)),
        (5, TaskEscalated(task_id="b", **escalated)),
        (6, TaskAcknowledged(task_id="a", role_id="role-2")),
        (6, TaskAcknowledged(task_id="b", role_id="role-2")),
    )
    state = fold(book.entries(), evaluate.evolve, evaluate.initial_state())
    inputs = evaluate.Inputs(channels=0)

    def lessons() -> list[Any]:
        return [d.body for d in evaluate.decide(state, inputs, minute(100)) if hasattr(d.body, "lesson_id")]

    assert lessons() == []
    state = evaluate.evolve(state, book.say(IncidentClosed(incident_id="i1"), 90))
    (lesson,) = lessons()
    assert "2 task(s)" in lesson.text.en
    assert lesson.changes == "role:role-1"
    state = evaluate.evolve(state, book.say(lesson, 100))
    assert lessons() == []
