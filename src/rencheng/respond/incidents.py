"""From warnings to incidents, plans and tasks; and the escalation of tasks that nobody acknowledges."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rencheng.kernel import Bilingual, EventGrade, FactId, Hazard, ResponseLevel, derived_id
from rencheng.respond.facts import (
    IncidentOpened,
    IncidentWarned,
    PlanActivated,
    TaskCreated,
    TaskEscalated,
    TaskOverdue,
)
from rencheng.respond.inputs import Inputs
from rencheng.respond.model import CallSeen, Incident, State, Task, WarningSeen
from rencheng.respond.plans import Plan, Step
from rencheng.respond.turn import Turn

__all__ = [
    "ACKNOWLEDGE_AGAIN",
    "HAZARD_NAMES",
    "activate_plan",
    "answer_warnings",
    "chase_tasks",
    "issue_tasks",
    "next_task_due",
    "open_reported_incident",
    "open_signalled_incident",
]

ACKNOWLEDGE_AGAIN = timedelta(minutes=5)
"""Time that each role up the chain has to answer (T+5 min)."""

HAZARD_NAMES = {
    Hazard.RAINSTORM: Bilingual(zh="暴雨", en="Rainstorm"),
    Hazard.RIVER_FLOOD: Bilingual(zh="江河洪水", en="River flood"),
    Hazard.WATERLOGGING: Bilingual(zh="城市内涝", en="Waterlogging"),
}


def answer_warnings(turn: Turn) -> None:
    """Give every new warning an incident and bring each one's plan and tasks to its colour and area.

    A warning of what people reported before joins their incident: one water, one command.
    """
    led = {incident.warning_id for incident in turn.state.incidents.values()}
    for seen in list(turn.state.warnings.values()):
        if seen.over or seen.warning_id in led:
            continue
        reported = _reported_at(turn.state, seen)
        if reported is None:
            _open_for_warning(turn, seen, derived_id("incident", seen.warning_id))
        else:
            _join(turn, seen, reported)
    for incident in list(turn.state.incidents.values()):
        if incident.closed_at is not None or incident.response_ended:
            continue
        warned = turn.state.warnings.get(incident.warning_id)
        if warned is None:
            issue_tasks(turn, incident, incident.area_ids, incident.fact_id)
        elif not warned.over:
            _follow(turn, incident, warned)


def _reported_at(state: State, seen: WarningSeen) -> Incident | None:
    """Oldest running incident that began with reports of the warning's hazard within its area."""
    cells = frozenset(seen.notice.cells)
    for incident in state.incidents.values():
        running = incident.closed_at is None and not incident.response_ended and not incident.warning_id
        if running and incident.hazard == seen.notice.hazard and not cells.isdisjoint(incident.cells):
            return incident
    return None


def _join(turn: Turn, seen: WarningSeen, incident: Incident) -> None:
    """Let a warning lead an incident that reports opened; its plan and level follow in the same turn."""
    cells = tuple(sorted({*incident.cells, *seen.notice.cells}))
    turn.say(
        f"incident/{incident.incident_id}",
        IncidentWarned(
            incident_id=incident.incident_id,
            warning_id=seen.warning_id,
            title=seen.notice.headline,
            cells=cells,
            area_ids=_areas(turn.inputs, cells, seen.notice.area_ids),
        ),
        seen.fact_id,
        incident.last_fact,
    )


def _open_for_warning(turn: Turn, seen: WarningSeen, incident_id: str) -> None:
    notice = seen.notice
    level = turn.inputs.rules.level_of(notice.colour, turn.inputs.jurisdiction)
    turn.say(
        f"incident/{incident_id}",
        IncidentOpened(
            incident_id=incident_id,
            hazard=notice.hazard,
            title=notice.headline,
            response_level=level,
            event_grade=EventGrade.GENERAL,
            warning_id=seen.warning_id,
            cells=notice.cells,
            area_ids=_areas(turn.inputs, notice.cells, notice.area_ids),
        ),
        seen.fact_id,
    )


def _follow(turn: Turn, incident: Incident, seen: WarningSeen) -> None:
    level = turn.inputs.rules.level_of(seen.notice.colour, turn.inputs.jurisdiction)
    area_ids = _areas(turn.inputs, seen.notice.cells, seen.notice.area_ids)
    if not incident.plan_id or incident.response_level != level:
        activate_plan(turn, incident.incident_id, level, seen.notice.colour, area_ids, seen.fact_id)
    else:
        issue_tasks(turn, turn.state.incidents[incident.incident_id], area_ids, seen.fact_id)


def open_reported_incident(turn: Turn, hazard: str, cell: int, key: str, cause: FactId) -> str:
    """Open an incident that began with a call for help, at the lowest level, and give its id."""
    name = HAZARD_NAMES.get(Hazard(hazard), Bilingual(zh=hazard, en=hazard)) if hazard in list(Hazard) else None
    name = name or Bilingual(zh="突发事件", en="Emergency")
    title = Bilingual(zh=f"{name.zh}险情报告", en=f"{name.en} reported")
    return _open_called_incident(turn, derived_id("incident", "report", key), hazard, title, cell, cause)


def open_signalled_incident(turn: Turn, call: CallSeen, cell: int) -> str:
    """Open an incident that began with a signal which calls for help by itself, at the lowest level; give its id."""
    title = Bilingual(zh=f"{call.title.zh}报警", en=f"Alarm: {call.title.en}")
    incident_id = derived_id("incident", "signal", call.signal_id)
    return _open_called_incident(turn, incident_id, call.hazard, title, cell, call.fact_id)


def _open_called_incident(turn: Turn, incident_id: str, hazard: str, title: Bilingual, cell: int, cause: FactId) -> str:
    area_ids = _areas(turn.inputs, (cell,), ())
    turn.say(
        f"incident/{incident_id}",
        IncidentOpened(
            incident_id=incident_id,
            hazard=hazard,
            title=title,
            response_level=ResponseLevel.IV,
            event_grade=EventGrade.GENERAL,
            warning_id="",
            cells=(cell,),
            area_ids=area_ids,
        ),
        cause,
    )
    activate_plan(turn, incident_id, ResponseLevel.IV, "", area_ids, cause)
    return incident_id


def activate_plan(
    turn: Turn, incident_id: str, level: ResponseLevel, colour: str, area_ids: Sequence[str], cause: FactId
) -> None:
    """Put the most specific plan of a level in force and issue the tasks that are not issued yet."""
    incident = turn.state.incidents[incident_id]
    chosen = turn.inputs.plans.resolve(
        hazard=incident.hazard,
        level=level,
        colour=colour,
        area_ids=area_ids,
        areas=turn.inputs.organisation.areas,
        jurisdiction=turn.inputs.jurisdiction,
        at=turn.now,
    )
    turn.say(
        f"incident/{incident_id}",
        PlanActivated(
            incident_id=incident_id,
            plan_id=chosen.plan.id,
            plan_version=chosen.plan.version,
            response_level=level,
            why=chosen.why,
        ),
        cause,
        incident.last_fact,
    )
    issue_tasks(turn, turn.state.incidents[incident_id], area_ids, cause)


def issue_tasks(turn: Turn, incident: Incident, area_ids: Sequence[str], cause: FactId) -> None:
    """Create the tasks of the incident's plan that it does not have yet; one per step and accountable role.

    A step that depends on others becomes a task when all tasks of these are done, so that nobody is asked too early.
    """
    plan = turn.inputs.plans.plan(incident.plan_id, incident.plan_version)
    done: dict[str, bool] | None = None
    for step_index, role_id, task_id in _wanted_tasks(turn.inputs, incident.incident_id, plan, tuple(area_ids)):
        if task_id in turn.state.tasks:
            continue
        step = plan.steps[step_index]
        if step.depends_on:
            done = _steps_done(turn.state, incident.incident_id) if done is None else done
            if not all(done.get(other, False) for other in step.depends_on):
                continue
        turn.say(
            f"task/{task_id}",
            TaskCreated(
                task_id=task_id,
                incident_id=incident.incident_id,
                step_id=step.id,
                title=step.title,
                role_id=role_id,
                acknowledge_by=turn.now + timedelta(minutes=step.acknowledge_min),
                due_at=_due_at(turn, incident, step),
                receipt=step.receipt,
                measure=step.measure,
            ),
            incident.plan_fact,
            cause,
            *(t.fact_id for t in turn.state.tasks_of(incident.incident_id) if t.step_id in step.depends_on),
        )


def _due_at(turn: Turn, incident: Incident, step: Step) -> datetime:
    """Deadline from activation; from now for an area that came later; never before it can be acknowledged."""
    if not step.depends_on:
        return turn.now + timedelta(minutes=step.deadline_min)
    since = incident.activated_at or turn.now
    return max(since + timedelta(minutes=step.deadline_min), turn.now + timedelta(minutes=step.acknowledge_min))


def _steps_done(state: State, incident_id: str) -> dict[str, bool]:
    """Whether all tasks of each step are done."""
    done: dict[str, bool] = {}
    for task in state.tasks_of(incident_id):
        done[task.step_id] = done.get(task.step_id, True) and task.completed_at is not None
    return done


def _wanted_tasks(
    inputs: Inputs, incident_id: str, plan: Plan, area_ids: tuple[str, ...]
) -> tuple[tuple[int, str, str], ...]:
    key = ("tasks", incident_id, plan.id, plan.version, area_ids)
    if key not in inputs.memo:
        organisation = inputs.organisation
        wanted: dict[tuple[int, str], str] = {}
        for k, step in enumerate(plan.steps):
            for area in organisation.areas.at_level(area_ids, step.level) or ("",):
                role = organisation.resolve(step.duty, area)
                wanted.setdefault((k, role), derived_id("task", incident_id, step.id, role))
        inputs.memo[key] = tuple((k, role, task) for (k, role), task in wanted.items())
    result: tuple[tuple[int, str, str], ...] = inputs.memo[key]
    return result


def _areas(inputs: Inputs, cells: tuple[int, ...], named: tuple[str, ...]) -> tuple[str, ...]:
    """Smallest areas that hold the cells; the areas named where the city does not say; else the whole city."""
    key = ("areas", cells, named)
    if key not in inputs.memo:
        of_cell = inputs.area_of_cell
        known = sorted({of_cell[c] for c in cells if c in of_cell})
        given = [a for a in named if a in inputs.organisation.areas.parent]
        root = inputs.organisation.areas.root
        inputs.memo[key] = tuple(known or given or ([root] if root else []))
    result: tuple[str, ...] = inputs.memo[key]
    return result


def chase_tasks(turn: Turn) -> None:
    """Escalate what is not acknowledged in time, one step up at a time, and say once what is overdue."""
    for task in list(turn.state.tasks.values()):
        if _silent(turn.state, turn.inputs, task) and task.acknowledge_by <= turn.now:
            above = turn.inputs.organisation.escalation(task.role_id)
            assert above is not None
            turn.say(
                f"task/{task.task_id}",
                TaskEscalated(
                    task_id=task.task_id,
                    from_role_id=task.role_id,
                    to_role_id=above,
                    step=task.escalations + 1,
                    acknowledge_by=turn.now + ACKNOWLEDGE_AGAIN,
                ),
                task.fact_id,
            )
        if _may_fall_overdue(turn.state, task) and task.due_at <= turn.now:
            turn.say(f"task/{task.task_id}", TaskOverdue(task_id=task.task_id), turn.state.tasks[task.task_id].fact_id)


def next_task_due(state: State, inputs: Inputs) -> datetime | None:
    """Earliest instant at which :func:`chase_tasks` has something to say."""
    instants = [t.acknowledge_by for t in state.tasks.values() if _silent(state, inputs, t)]
    instants += [t.due_at for t in state.tasks.values() if _may_fall_overdue(state, t)]
    return min(instants, default=None)


def _live(state: State, task: Task) -> bool:
    incident = state.incidents[task.incident_id]
    return task.completed_at is None and incident.closed_at is None and not incident.response_ended


def _silent(state: State, inputs: Inputs, task: Task) -> bool:
    if task.acknowledged_at is not None or not _live(state, task):
        return False
    above = inputs.organisation.escalation(task.role_id)
    return above is not None and above not in task.heard


def _may_fall_overdue(state: State, task: Task) -> bool:
    return not task.overdue and _live(state, task)
