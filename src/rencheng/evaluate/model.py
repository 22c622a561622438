"""What evaluation keeps count of: every clock that a target is set on, read off the facts as they pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from rencheng.kernel import FactId
from rencheng.ledger import Entry

__all__ = ["LoopClock", "MessageClock", "NeedClock", "State", "TaskClock", "evolve", "initial_state"]

PEOPLE = ("citizen", "hotline", "grid_officer", "social_media")
"""Sources of reports that people make; cameras, drones and satellites expect no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskClock:
    """Instants in the life of a task."""

    incident_id: str
    role_id: str
    created_at: datetime
    acknowledge_by: datetime
    due_at: datetime
    acknowledged_at: datetime | None = None
    completed_at: datetime | None = None
    escalations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedClock:
    """Instants in the life of a need."""

    report_id: str
    raised_at: datetime
    assigned_at: datetime | None = None
    arrived_at: datetime | None = None
    met_at: datetime | None = None
    withdrawn_at: datetime | None = None
    unmet_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageClock:
    """Instants in the life of a message."""

    queued_at: datetime
    received: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopClock:
    """What was done about an incident after its response ended."""

    ended_at: datetime
    assessed: bool = False
    reviewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All counts and clocks."""

    tasks: Mapping[str, TaskClock]
    needs: Mapping[str, NeedClock]
    warned_at: Mapping[str, datetime]
    """Warning → when it was issued."""
    incident_warning: Mapping[str, str]
    """Incident → the warning that opened it."""
    answered_at: Mapping[str, datetime]
    """Warning → when the first task of its incident was acknowledged."""
    warned_over: frozenset[str]
    """Warnings that were cancelled or ran out."""
    faults: Mapping[str, frozenset[str]]
    """Channel → what is wrong with it: ``silent``, or the quality flags that made it suspect."""
    channels_known: int
    feeds: Mapping[str, bool]
    """Feed → whether it delivers."""
    messages: Mapping[str, MessageClock]
    reports: Mapping[str, str]
    """People's report → its event."""
    report_facts: Mapping[FactId, str]
    """Fact of a people's report, or of a signal raised on one → its event."""
    answered_events: frozenset[str]
    visits: Mapping[str, tuple[datetime, datetime | None]]
    """Visit → deadline and when it was made."""
    ended: Mapping[str, LoopClock]
    closed: Mapping[str, FactId]
    """Closed incident → the fact that closed it."""
    lessons: frozenset[str]
    colours: Mapping[str, str]
    """Indicator → colour last published."""
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Index → weights of its dimensions, where they were revised; else those of its file hold."""


def initial_state() -> State:
    """Nothing to count yet."""
    return State(
        tasks={},
        needs={},
        warned_at={},
        incident_warning={},
        answered_at={},
        warned_over=frozenset(),
        faults={},
        channels_known=0,
        feeds={},
        messages={},
        reports={},
        report_facts={},
        answered_events=frozenset(),
        visits={},
        ended={},
        closed={},
        lessons=frozenset(),
        colours={},
    )


def evolve(state: State, entry: Entry) -> State:
    """Learn of one fact."""
    learn = _LEARN.get(entry.kind)
    return learn(state, entry) if learn else state


def _task(state: State, task_id: str, **changes: Any) -> State:
    known = state.tasks.get(task_id)
    return state if known is None else replace(state, tasks={**state.tasks, task_id: replace(known, **changes)})


def _need(state: State, need_id: str, **changes: Any) -> State:
    known = state.needs.get(need_id)
    return state if known is None else replace(state, needs={**state.needs, need_id: replace(known, **changes)})


def _task_created(state: State, entry: Entry) -> State:
    body = entry.body
    clock = TaskClock(
        incident_id=body.incident_id,
        role_id=body.role_id,
        created_at=entry.occurred_at,
        acknowledge_by=body.acknowledge_by,
        due_at=body.due_at,
    )
    return replace(state, tasks={**state.tasks, body.task_id: clock})


def _task_acknowledged(state: State, entry: Entry) -> State:
    state = _task(state, entry.body.task_id, acknowledged_at=entry.occurred_at)
    task = state.tasks.get(entry.body.task_id)
    warning = state.incident_warning.get(task.incident_id, "") if task else ""
    if not warning or warning in state.answered_at:
        return state
    return replace(state, answered_at={**state.answered_at, warning: entry.occurred_at})


def _task_escalated(state: State, entry: Entry) -> State:
    return _task(state, entry.body.task_id, escalations=entry.body.step)


def _task_completed(state: State, entry: Entry) -> State:
    return _task(state, entry.body.task_id, completed_at=entry.occurred_at)


def _need_raised(state: State, entry: Entry) -> State:
    body = entry.body
    clock = NeedClock(report_id=body.report_id, raised_at=entry.occurred_at)
    state = replace(state, needs={**state.needs, body.need_id: clock})
    return _answer(state, state.reports.get(body.report_id, ""))


def _answer(state: State, event: str) -> State:
    return replace(state, answered_events=state.answered_events | {event}) if event else state


def _unit_assigned(state: State, entry: Entry) -> State:
    known = state.needs.get(entry.body.need_id)
    if known is None or known.assigned_at is not None:
        return state
    return _need(state, entry.body.need_id, assigned_at=entry.occurred_at)


def _unit_arrived(state: State, entry: Entry) -> State:
    known = state.needs.get(entry.body.need_id)
    if known is None or known.arrived_at is not None:
        return state
    return _need(state, entry.body.need_id, arrived_at=entry.occurred_at)


def _need_met(state: State, entry: Entry) -> State:
    return _need(state, entry.body.need_id, met_at=entry.occurred_at, unmet_reason="")


def _need_unmet(state: State, entry: Entry) -> State:
    return _need(state, entry.body.need_id, unmet_reason=entry.body.reason)


def _need_withdrawn(state: State, entry: Entry) -> State:
    return _need(state, entry.body.need_id, withdrawn_at=entry.occurred_at)


def _warning_issued(state: State, entry: Entry) -> State:
    return replace(state, warned_at={**state.warned_at, entry.body.warning_id: entry.occurred_at})


def _warning_over(state: State, entry: Entry) -> State:
    return replace(state, warned_over=state.warned_over | {entry.body.warning_id})


def _incident_opened(state: State, entry: Entry) -> State:
    body = entry.body
    return replace(state, incident_warning={**state.incident_warning, body.incident_id: body.warning_id})


def _incident_node(state: State, entry: Entry) -> State:
    if entry.body.node != "response_ended":
        return state
    return replace(state, ended={**state.ended, entry.body.incident_id: LoopClock(ended_at=entry.occurred_at)})


def _loop(step: str) -> Any:
    def learn(state: State, entry: Entry) -> State:
        known = state.ended.get(entry.body.incident_id)
        if known is None:
            return state
        done = replace(known, assessed=True) if step == "assessed" else replace(known, reviewed=True)
        return replace(state, ended={**state.ended, entry.body.incident_id: done})

    return learn


def _incident_closed(state: State, entry: Entry) -> State:
    return replace(state, closed={**state.closed, entry.body.incident_id: entry.id})


def _fault(state: State, entry: Entry) -> State:
    name, what = _fault_of(entry)
    return replace(state, faults={**state.faults, name: state.faults.get(name, frozenset()) | {what}})


def _mended(state: State, entry: Entry) -> State:
    name, what = _fault_of(entry)
    left = state.faults.get(name, frozenset()) - {what}
    others = {channel: faults for channel, faults in state.faults.items() if channel != name}
    return replace(state, faults={**others, name: left} if left else others)


def _faults_together(state: State, entry: Entry) -> State:
    names = [f"{sensor}/{entry.body.quantity}" for sensor in entry.body.sensor_ids]
    fallen = {name: state.faults.get(name, frozenset()) | {"silent"} for name in names}
    return replace(state, faults={**state.faults, **fallen})


def _mended_together(state: State, entry: Entry) -> State:
    faults = dict(state.faults)
    for sensor in entry.body.sensor_ids:
        name = f"{sensor}/{entry.body.quantity}"
        if left := faults.pop(name, frozenset()) - {"silent"}:
            faults[name] = left
    return replace(state, faults=faults)


def _fault_of(entry: Entry) -> tuple[str, str]:
    """Channel and what is wrong with it; a channel may be silent and suspected for several things at once."""
    return f"{entry.body.sensor_id}/{entry.body.quantity}", getattr(entry.body, "flag", "silent")


def _feed(delivers: bool) -> Any:
    def learn(state: State, entry: Entry) -> State:
        return replace(state, feeds={**state.feeds, entry.body.feed_id: delivers})

    return learn


def _message_queued(state: State, entry: Entry) -> State:
    clock = MessageClock(queued_at=entry.occurred_at)
    return replace(state, messages={**state.messages, entry.body.message_id: clock})


def _message_delivered(state: State, entry: Entry) -> State:
    known = state.messages.get(entry.body.message_id)
    if known is None:
        return state
    return replace(state, messages={**state.messages, entry.body.message_id: replace(known, received=True)})


def _report(state: State, entry: Entry) -> State:
    body = entry.body
    if body.source not in PEOPLE:
        return state
    return replace(
        state,
        reports={**state.reports, body.report_id: body.event_id},
        report_facts={**state.report_facts, entry.id: body.event_id},
    )


def _signal(state: State, entry: Entry) -> State:
    """A signal raised on people's reports stands for them: what it leads to answers them."""
    events = [state.report_facts[c] for c in entry.cause if c in state.report_facts]
    return replace(state, report_facts={**state.report_facts, entry.id: events[0]}) if events else state


def _road_closed(state: State, entry: Entry) -> State:
    """A closure answers the reports that it names as its cause, themselves or by a signal raised on them."""
    for cause in entry.cause:
        state = _answer(state, state.report_facts.get(cause, ""))
    return state


def _visit_requested(state: State, entry: Entry) -> State:
    return replace(state, visits={**state.visits, entry.body.visit_id: (entry.body.due_at, None)})


def _visit_recorded(state: State, entry: Entry) -> State:
    due = state.visits.get(entry.body.visit_id, (entry.occurred_at, None))[0]
    return replace(state, visits={**state.visits, entry.body.visit_id: (due, entry.occurred_at)})


def _indicator(state: State, entry: Entry) -> State:
    return replace(state, colours={**state.colours, entry.body.indicator: entry.body.colour})


def _weights(state: State, entry: Entry) -> State:
    return replace(state, weights={**state.weights, entry.body.index: entry.body.after})


def _lesson(state: State, entry: Entry) -> State:
    return replace(state, lessons=state.lessons | {entry.body.lesson_id})


_LEARN: dict[str, Any] = {
    "TaskCreated": _task_created,
    "TaskAcknowledged": _task_acknowledged,
    "TaskEscalated": _task_escalated,
    "TaskCompleted": _task_completed,
    "NeedRaised": _need_raised,
    "UnitAssigned": _unit_assigned,
    "UnitArrived": _unit_arrived,
    "NeedMet": _need_met,
    "NeedUnmet": _need_unmet,
    "NeedWithdrawn": _need_withdrawn,
    "WarningIssued": _warning_issued,
    "WarningCancelled": _warning_over,
    "WarningExpired": _warning_over,
    "IncidentOpened": _incident_opened,
    "IncidentWarned": _incident_opened,
    "IncidentNodeReached": _incident_node,
    "DamageAssessed": _loop("assessed"),
    "ReviewRecorded": _loop("reviewed"),
    "IncidentClosed": _incident_closed,
    "SensorSilent": _fault,
    "SensorRecovered": _mended,
    "SensorsSilent": _faults_together,
    "SensorsRecovered": _mended_together,
    "SensorSuspected": _fault,
    "SensorTrusted": _mended,
    "BatchTaken": _feed(True),
    "FeedFailed": _feed(False),
    "FeedRecovered": _feed(True),
    "MessageQueued": _message_queued,
    "MessageDelivered": _message_delivered,
    "ReportReceived": _report,
    "SignalRaised": _signal,
    "RoadClosed": _road_closed,
    "VisitRequested": _visit_requested,
    "VisitRecorded": _visit_recorded,
    "IndicatorMeasured": _indicator,
    "LessonRecorded": _lesson,
    "WeightsRevised": _weights,
}
