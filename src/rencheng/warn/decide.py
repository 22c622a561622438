"""Deciding: what the rules say of the state of the world becomes a step in the life of a warning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rencheng.kernel import Bilingual, Draft, FactId, derived_id, hours
from rencheng.warn.area import COVERED, Area, area_of_grade, covered_ratio
from rencheng.warn.facts import Notice
from rencheng.warn.grading import (
    CERTAINTIES,
    Grade,
    grade_hazard,
    judgements_of,
    lapses_at,
    upstream_reasons,
)
from rencheng.warn.inputs import Inputs
from rencheng.warn.life_cycle import step_fact
from rencheng.warn.model import Standing, State
from rencheng.warn.notice import cancellation, notice_of_grade
from rencheng.warn.outbox import queue
from rencheng.warn.rules import Life, Rule
from rencheng.warn.triggers import Judgements

__all__ = ["decide", "next_due"]

_MOST_CAUSES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A step that is due: what, for which warning, graded how, where."""

    step: str
    standing: Standing | None = None
    grade: Grade | None = None
    area: Area | None = None


def decide(state: State, inputs: Inputs, now: datetime) -> list[Draft]:
    """Give the facts of all steps that are due now, each with the messages that carry it.

    Parameters
    ----------
    state : State
        After all facts of the turn so far.
    inputs : Inputs
        City, rules, stores.
    now : datetime
        The run's clock.

    Returns
    -------
    list of Draft
        Empty when nothing is due; asking again after these facts gives nothing more for the same warnings.
    """
    drafts: list[Draft] = []
    for step in _steps(state, inputs, now):
        drafts += _drafts(step, state, inputs, now)
    return drafts


def next_due(state: State, inputs: Inputs) -> datetime | None:
    """Give the earliest instant at which :func:`decide` would speak, or a message is to be tried, without new input."""
    dues = [m.due_at for m in state.outbox.values()]
    judgements = judgements_of(state, inputs.places) if state.standing else None
    for standing in state.standing.values():
        if judgements is None:
            break
        for at in sorted(_candidates(standing, judgements, inputs, state.as_of)):
            if any(
                s.standing is not None and s.standing.warning_id == standing.warning_id
                for s in _steps(state, inputs, at, standing.notice.hazard)
            ):
                dues.append(at)
                break
    for closed in state.closed:
        at = closed.notice.expires_at
        if closed.withdrawn and at > state.as_of and any(s.step == "issue" for s in _steps(state, inputs, at)):
            dues.append(at)
    return min(dues, default=None)


def _candidates(standing: Standing, judgements: Judgements, inputs: Inputs, as_of: datetime) -> Iterator[datetime]:
    notice = standing.notice
    yield max(notice.expires_at, as_of)
    rules = inputs.rules_at(as_of).get(notice.hazard, ())
    if notice.origin != "rule" or not rules:
        return
    yield max(notice.expires_at - hours(_life(rules).extend_before_h), as_of)
    grades = grade_hazard(judgements, inputs.places, rules, as_of, hold=True)
    grade = grades.get(notice.zone)
    if grade is not None:
        lapse = lapses_at(grade.supports)
        if lapse is not None:
            yield max(lapse, as_of)


def _life(rules: tuple[Rule, ...]) -> Life:
    return rules[0].life


def _steps(state: State, inputs: Inputs, now: datetime, only: str = "") -> Iterator[_Step]:
    """Steps that are due; of one hazard if it is named, since no hazard's warnings wait for another's."""
    judgements = judgements_of(state, inputs.places)
    rules = inputs.rules_at(now)
    hazards = sorted({*rules, *(s.notice.hazard for s in state.standing.values())})
    for hazard in [only] if only else hazards:
        standing = [s for s in state.standing.values() if s.notice.hazard == hazard]
        lines = rules.get(hazard, ())
        raised = grade_hazard(judgements, inputs.places, lines, now, hold=False)
        if not raised and not standing:
            continue
        held = grade_hazard(judgements, inputs.places, lines, now, hold=True) if standing else {}
        yield from _hazard_steps(state, inputs, now, standing, raised, held)


def _hazard_steps(
    state: State,
    inputs: Inputs,
    now: datetime,
    standing: list[Standing],
    raised: Mapping[str, Grade],
    held: Mapping[str, Grade],
) -> Iterator[_Step]:
    under: dict[str, list[str]] = {s.warning_id: [s.notice.zone] for s in standing}
    for zone, grade in raised.items():
        if any(s.notice.zone == zone and s.notice.origin == "rule" for s in standing):
            continue
        area = area_of_grade(grade, state, inputs.places, inputs.fields)
        over = next((s for s in standing if covered_ratio(area.cells, s.notice.cells) >= COVERED), None)
        if over is None:
            if not _withdrawn(state, grade, area, now):
                yield _Step(step="issue", grade=grade, area=area)
        elif zone not in under[over.warning_id]:
            under[over.warning_id].append(zone)
    for one in standing:
        zones = under[one.warning_id]
        up, keep = _highest(raised, zones), _highest(held, zones)
        step = _standing_step(state, inputs, now, one, up, keep)
        if step is not None:
            yield step


def _withdrawn(state: State, grade: Grade, area: Area, now: datetime) -> bool:
    """Whether a person took back a warning of as much in this area, which would not have run out yet."""
    return any(
        closed.withdrawn
        and closed.notice.hazard == grade.rule.hazard
        and now < closed.notice.expires_at
        and grade.colour.rank <= _rank(closed.notice)
        and (closed.notice.zone == grade.zone or covered_ratio(area.cells, closed.notice.cells) >= COVERED)
        for closed in reversed(state.closed)
    )


def _highest(grades: Mapping[str, Grade], zones: list[str]) -> Grade | None:
    found = [grades[z] for z in zones if z in grades]
    return max(found, key=lambda g: g.colour.rank, default=None)


def _standing_step(
    state: State, inputs: Inputs, now: datetime, one: Standing, up: Grade | None, keep: Grade | None
) -> _Step | None:
    rank = _rank(one.notice)
    if up is not None and up.colour.rank > rank:
        return _Step(step="upgrade", standing=one, grade=up)
    if now >= one.notice.expires_at:
        return _Step(step="expire", standing=one)
    if one.notice.origin != "rule":
        return None
    if keep is None:
        return _Step(step="cancel", standing=one)
    if keep.colour.rank < rank:
        return _Step(step="downgrade", standing=one, grade=keep)
    same = up if up is not None and up.colour.rank == rank else None
    return _refresh(state, inputs, now, one, same, keep)


def _refresh(
    state: State, inputs: Inputs, now: datetime, one: Standing, same: Grade | None, keep: Grade
) -> _Step | None:
    """Give an update of a warning whose colour stays: more time, more certainty, or more area."""
    grade = same or keep
    if one.notice.expires_at - now <= hours(grade.rule.life.extend_before_h):
        return _Step(step="extend", standing=one, grade=grade)
    if same is None:
        return None
    if CERTAINTIES.index(same.certainty) > CERTAINTIES.index(one.notice.certainty):
        return _Step(step="update", standing=one, grade=same)
    return _grown(state, inputs, now, one, same)


def _grown(state: State, inputs: Inputs, now: datetime, one: Standing, up: Grade) -> _Step | None:
    """Give an update where the area grew enough, long enough after the last notice."""
    notice, life = one.notice, up.rule.life
    if now - notice.sent_at < hours(life.update_h):
        return None
    if not any(e.since > notice.sent_at for e in state.live.values()):
        return None
    area = area_of_grade(up, state, inputs.places, inputs.fields)
    new = len(area.cells) * (1.0 - covered_ratio(area.cells, notice.cells)) if area.cells else 0.0
    if new <= life.grow_ratio * max(len(notice.cells), 1):
        return None
    return _Step(step="update", standing=one, grade=up, area=area)


def _rank(notice: Notice) -> int:
    return ("blue", "yellow", "orange", "red").index(notice.colour) + 1


def _drafts(step: _Step, state: State, inputs: Inputs, now: datetime) -> list[Draft]:
    standing, grade = step.standing, step.grade
    actor = f"rule:{grade.rule.id}" if grade is not None else "clock"
    if grade is not None:
        warning_id = (
            standing.warning_id
            if standing is not None
            else derived_id(
                "warning", inputs.places.city_id, grade.rule.hazard, grade.zone, now.isoformat(), len(state.closed)
            )
        )
        notice, cause = _graded_notice(step, grade, state, inputs, now, warning_id)
        return _publish(warning_id, standing, step.step, notice, inputs, now, actor=actor, cause=cause)
    if standing is None:
        return []
    if step.step == "expire":
        body = step_fact(standing.warning_id, standing, "expire", standing.notice)
        return [
            Draft(
                stream=f"warning/{standing.warning_id}",
                body=body,
                occurred_at=now,
                actor=actor,
                cause=standing.fact_ids[-1:],
            )
        ]
    notice = cancellation(standing, inputs, now, _CALM)
    rule = f"rule:{standing.notice.rule}"
    return _publish(
        standing.warning_id,
        standing,
        "cancel",
        notice,
        inputs,
        now,
        actor=rule,
        cause=standing.fact_ids[-1:],
        reason=_CALM.en,
    )


_CALM = Bilingual(
    zh="在滞后时段内各项指标均低于预警标准，解除预警。",
    en="Everything has stayed below the rule's thresholds for its hysteresis time; the warning is cancelled.",
)


def _graded_notice(
    step: _Step, grade: Grade, state: State, inputs: Inputs, now: datetime, warning_id: str
) -> tuple[Notice, tuple[FactId, ...]]:
    area = step.area or area_of_grade(grade, state, inputs.places, inputs.fields)
    upstream = upstream_reasons(state, grade.rule.hazard) if grade.rule.forecast or grade.rule.upstream else []
    notice = notice_of_grade(
        grade,
        area,
        [reason for _, reason, _ in upstream],
        inputs,
        now,
        verb=step.step,
        warning_id=warning_id,
        before=step.standing,
    )
    causes = [s.fact_id for s in grade.supports] + [fact_id for fact_id, _, _ in upstream]
    if area.risk is not None:
        causes.append(area.risk.fact_id)
    return notice, tuple(dict.fromkeys(causes))[:_MOST_CAUSES]


def _publish(
    warning_id: str,
    standing: Standing | None,
    step: str,
    notice: Notice,
    inputs: Inputs,
    now: datetime,
    *,
    actor: str,
    cause: tuple[FactId, ...],
    reason: str = "",
) -> list[Draft]:
    body = step_fact(warning_id, standing, step, notice, reason=reason)
    draft = Draft(stream=f"warning/{warning_id}", body=body, occurred_at=now, actor=actor, cause=cause)
    return [draft, *queue(draft, warning_id, notice.notice_id, inputs.channels, now)]
