"""What evaluation decides: which indicator changed its colour, and what a closed incident taught."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from rencheng.evaluate.facts import IndicatorMeasured, LessonRecorded
from rencheng.evaluate.indicators import measure
from rencheng.evaluate.model import State
from rencheng.kernel import Bilingual, Draft, derived_id

__all__ = ["Inputs", "decide", "next_due"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What stays the same in a run."""

    channels: int
    """Channels that the city's registry lists, the denominator of the sensor fault rate."""


def decide(state: State, inputs: Inputs, now: datetime) -> list[Draft]:
    """Publish every indicator whose colour changed, and the lessons of incidents newly closed."""
    counted = replace(state, channels_known=inputs.channels)
    drafts = [
        Draft(
            stream=f"indicator/{m.indicator.id}",
            body=IndicatorMeasured(indicator=m.indicator.id, value=m.value, unit=m.indicator.unit, colour=m.colour),
            occurred_at=now,
            actor="rule:indicators/1",
        )
        for m in measure(counted, now)
        if m.colour != state.colours.get(m.indicator.id, "")
    ]
    for incident_id in state.closed:
        drafts += _lessons(state, incident_id, now)
    return drafts


def _lessons(state: State, incident_id: str, now: datetime) -> list[Draft]:
    """A role that let tasks escalate is a lesson: either the post or its deputy must change."""
    missed: dict[str, int] = {}
    for task in state.tasks.values():
        if task.incident_id == incident_id and task.escalations:
            missed[task.role_id] = missed.get(task.role_id, 0) + 1
    drafts = []
    for role, count in sorted(missed.items()):
        lesson_id = derived_id("lesson", incident_id, role)
        if lesson_id in state.lessons:
            continue
        text = Bilingual(
            zh=f"岗位 {role} 有 {count} 项任务未按时签收并被升级,应核查值守与备岗。",
            en=f"Role {role} let {count} task(s) escalate unacknowledged: review its duty roster and deputy.",
        )
        body = LessonRecorded(lesson_id=lesson_id, incident_id=incident_id, text=text, changes=f"role:{role}")
        cause = (state.closed[incident_id],)
        stream = f"lesson/{lesson_id}"
        drafts.append(Draft(stream=stream, body=body, occurred_at=now, actor="rule:escalation-review", cause=cause))
    return drafts


def next_due(state: State, inputs: Inputs) -> datetime | None:  # noqa: ARG001 — the contract of a stage
    """Evaluation is asked at every turn and needs no clock of its own."""
    return None
