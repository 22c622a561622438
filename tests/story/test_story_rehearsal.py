"""The whole round of the loop, told by the ledger of a rehearsal: what a duty officer would look for, in its order."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rencheng.adapters.cap import read_cap, write_cap_files
from rencheng.app.open_run import open_ledger, write_report
from rencheng.city import read_city
from rencheng.ledger import Entry, verify
from rencheng.science.flood.vehicle_limits import vehicle_class_of_unit

ROUND = (
    "RunStarted",
    "ScenarioStarted",
    "BatchTaken",
    "FloodForecastPublished",
    "WarningIssued",
    "IncidentOpened",
    "PlanActivated",
    "TaskCreated",
    "TaskAcknowledged",
    "TaskCompleted",
    "WarningCancelled",
    "DamageAssessed",
    "ReviewRecorded",
    "IncidentClosed",
    "ScenarioEnded",
    "RunEnded",
)
"""Each of these for the first time after the one before it."""
ROOTS = {
    "RunStarted",
    "RunEnded",
    "ScenarioStarted",
    "ScenarioEnded",
    "BatchTaken",
    "FloodForecastPublished",
    "ForecastPublished",
    "IndicatorMeasured",
    "RainForecastTaken",
    "ReportReceived",
    "RiskAssessed",
    "SignalRaised",
    "SensorSilent",
    "SensorRecovered",
    "SensorSuspected",
    "SensorTrusted",
}
"""What may begin a chain: the clock, the sensors and people of the world, and what is judged from readings."""


def first(played: Any, kind: str) -> Entry:
    found: list[Entry] = played.of(kind)
    assert found, f"no {kind} in the whole rehearsal"
    return found[0]


def test_the_round_is_walked_in_its_order(rehearsal: Any) -> None:
    """If a stage falls silent, a rehearsal ends without what comes after it, and so would a real storm."""
    seqs = [first(rehearsal, kind).seq for kind in ROUND]
    assert seqs == sorted(seqs), dict(zip(ROUND, seqs, strict=True))
    assert rehearsal.of("SignalRaised"), "the sensors never saw what was forecast"


def test_every_decision_names_what_led_to_it(rehearsal: Any) -> None:
    """An audit asks why: a cause that is missing, or lies in the future, has no answer."""
    seen: set[str] = set()
    for entry in rehearsal.entries:
        assert entry.cause or entry.kind in ROOTS, f"{entry.kind} {entry.seq} has no cause"
        assert all(cause in seen for cause in entry.cause), f"{entry.kind} {entry.seq} names an unknown cause"
        seen.add(entry.id)


def test_risk_is_seen_no_later_than_warned_of(rehearsal: Any) -> None:
    """A warning without a risk table behind it could not say whom it is for; that of tomorrow is for the whole city."""
    warned = next(e for e in rehearsal.of("WarningIssued") if not e.body.notice.rule.endswith("day-ahead"))
    coloured = next(e for e in rehearsal.of("RiskAssessed") if any(total.colour for total in e.body.totals))
    assert coloured.seq < warned.seq
    assert any(total.residents_exposed > 0.0 for total in coloured.body.totals)


def test_a_warning_rests_on_readings_in_the_end(rehearsal: Any) -> None:
    """Walking the causes of a task back must end at what sensors, people or the weather service said."""
    by_id = {entry.id: entry for entry in rehearsal.entries}
    task = first(rehearsal, "TaskCreated")
    reached: set[str] = set()
    waiting = list(task.cause)
    while waiting:
        entry = by_id[waiting.pop()]
        reached.add(entry.kind)
        waiting += entry.cause
    assert {"PlanActivated", "IncidentOpened", "WarningIssued"} <= reached
    assert reached & {"SignalRaised", "RiskAssessed", "ReportReceived", "RainForecastTaken"}


def test_every_notice_is_a_valid_cap_exercise(rehearsal: Any, tmp_path: Path) -> None:
    """A rehearsal's message that another system takes for a real alarm would be the worst of all faults."""
    paths = write_cap_files(rehearsal.entries, tmp_path)
    notices = [entry for entry in rehearsal.entries if hasattr(entry.body, "notice")]
    assert len(paths) == len(notices) > 3
    for path in paths:
        alert = read_cap(path.read_bytes(), where=path.name)
        assert alert.status == "Exercise"


def test_tasks_are_answered_or_escalated(rehearsal: Any) -> None:
    """A task that nobody answers must not lie still: it goes up until somebody has it."""
    created = {entry.body.task_id: entry for entry in rehearsal.of("TaskCreated")}
    answered = {entry.body.task_id for entry in rehearsal.of("TaskAcknowledged")}
    escalated = {entry.body.task_id for entry in rehearsal.of("TaskEscalated")}
    end = rehearsal.entries[-1].occurred_at
    old = {name for name, entry in created.items() if entry.body.acknowledge_by < end - timedelta(minutes=30)}
    assert escalated, "the scenario has people who do not answer"
    assert old <= answered | escalated
    for entry in rehearsal.of("TaskEscalated"):
        assert entry.occurred_at >= created[entry.body.task_id].body.acknowledge_by


def test_help_is_sent_over_open_roads(rehearsal: Any, sandbox_city: Path) -> None:
    """A crew routed through water that the platform itself had closed would be stuck."""
    kinds = {unit["unit_id"]: unit["kind"] for unit in read_city(sandbox_city).rows("units")}
    closed: dict[int, tuple[str, ...]] = {}
    sent = 0
    for entry in rehearsal.entries:
        match entry.kind:
            case "RoadClosed":
                closed[entry.body.link_id] = entry.body.closed_to
            case "RoadReopened":
                closed.pop(entry.body.link_id, None)
            case "UnitAssigned":
                sent += 1
                vehicle = vehicle_class_of_unit(kinds[entry.body.unit_id]).value
                stopped = [k for k in entry.body.links if k in closed and (not closed[k] or vehicle in closed[k])]
                assert not stopped, f"{entry.body.unit_id} was sent through water"
    assert sent
    assert rehearsal.of("UnitArrived")
    assert rehearsal.of("NeedMet")
    assert rehearsal.of("RoadClosed")
    assert rehearsal.of("RoadReopened"), "the water fell but every road stayed closed"


def test_no_incident_closes_before_all_twelve_nodes(rehearsal: Any) -> None:
    """Closed loop: whoever ends a response must also assess it, put hazards on a desk, and review it."""
    nodes: dict[str, list[Entry]] = {}
    for entry in rehearsal.of("IncidentNodeReached"):
        nodes.setdefault(entry.body.incident_id, []).append(entry)
    ended = {name: found for name, found in nodes.items() if any(n.body.node == "response_ended" for n in found)}
    closed = {entry.body.incident_id: entry for entry in rehearsal.of("IncidentClosed")}
    assert closed
    for name, entry in closed.items():
        assert [n.body.number for n in nodes[name]] == list(range(1, 13))
        times = [n.occurred_at for n in nodes[name]]
        assert times == sorted(times)
        assert times[-1] <= entry.occurred_at
    patient = rehearsal.entries[-1].occurred_at - timedelta(hours=2)
    due = {n for n, found in ended.items() if found[-1].occurred_at < patient}
    assert due <= set(closed), "an ended incident was never assessed, reviewed and closed"


def test_damage_is_that_of_the_incident_and_within_the_city(rehearsal: Any) -> None:
    """Millimetres of rain taken for metres of water once made every house of the city a loss."""
    for entry in rehearsal.of("DamageAssessed"):
        body = entry.body
        assert 0 <= body.buildings_damaged < 250
        assert 0.0 <= body.residents_affected <= 10_000.0
        assert body.loss_cny is None or body.loss_cny < 2e8
    assert any(entry.body.buildings_damaged for entry in rehearsal.of("DamageAssessed"))


def test_lessons_come_from_closed_incidents(rehearsal: Any) -> None:
    """A role whose tasks had to be escalated is told so once, after the incident, not again and again."""
    closed = {entry.body.incident_id: entry.seq for entry in rehearsal.of("IncidentClosed")}
    lessons = rehearsal.of("LessonRecorded")
    assert lessons
    assert all(entry.seq > closed[entry.body.incident_id] for entry in lessons)
    assert len({entry.body.lesson_id for entry in lessons}) == len(lessons)


def test_the_ledger_of_the_run_is_sound(rehearsal: Any) -> None:
    """Whoever audits the rehearsal recomputes every hash; one that differs spoils the whole record."""
    ledger = open_ledger(rehearsal.folder)
    try:
        assert not verify(ledger).defects
    finally:
        ledger.close()


def test_the_report_tells_the_round(rehearsal: Any, tmp_path: Path) -> None:
    """The report is what leaves the room after a drill; it must hold the round that was walked."""
    html, data = write_report(rehearsal.folder, tmp_path)
    report = json.loads(data.read_text(encoding="utf-8"))
    assert report["facts"]["WarningIssued"] == len(rehearsal.of("WarningIssued"))
    assert len(report["incidents"]) == len(rehearsal.of("IncidentOpened"))
    assert len(report["indicators"]) == 12
    assert {s["service"] for s in report["services"]} == {"mobility", "safety", "sensing"}
    assert all(0.0 <= s["measure"]["robustness_ratio"] < 1.0 for s in report["services"][:1])
    assert report["damage"]
    assert report["lessons"]
    page = html.read_text(encoding="utf-8")
    assert "演练 Rehearsal" in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("kind", ["SensorSilent", "MessageDelivered", "VisitRequested", "VisitRecorded", "BatchTaken"])
def test_the_world_gives_every_room_something_to_do(rehearsal: Any, kind: str) -> None:
    """A rehearsal without sensor faults, receipts or visits would train nobody for them."""
    assert rehearsal.of(kind)
