"""The life cycle of an incident: twelve nodes in order, each passed by the facts that show it, none skipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rencheng.kernel import FactId
from rencheng.respond.facts import IncidentClosed, IncidentNodeReached
from rencheng.respond.inputs import Inputs
from rencheng.respond.model import Incident, State
from rencheng.respond.turn import Turn

__all__ = ["CONDITIONS", "advance_nodes", "missing_nodes", "pass_node"]


def _graded(state: State, incident: Incident) -> bool:
    seen = state.warnings.get(incident.warning_id)
    return bool(state.needs_of(incident.incident_id)) if seen is None else bool(seen.notice.rule)


def _command(state: State, incident: Incident) -> bool:
    tasks = [t for t in state.tasks_of(incident.incident_id) if t.measure == "establish_command"]
    return all(t.acknowledged_at is not None for t in tasks)


def _forces(state: State, incident: Incident) -> bool:
    """Somebody is there: a unit at a need; or nobody waits and the tasks that put forces in place (or any) are done."""
    needs = state.needs_of(incident.incident_id)
    if any(n.served or n.met_at for n in needs) or any(_at_work(state, u) for n in needs for u in n.units):
        return True
    tasks = state.tasks_of(incident.incident_id)
    placing = [t for t in tasks if t.measure.startswith(("preposition", "ready_forces"))]
    in_place = all(t.completed_at is not None for t in placing) if placing else _disposal(state, incident)
    return in_place and not any(n.open for n in needs)


def _at_work(state: State, unit_id: str) -> bool:
    unit = state.units.get(unit_id)
    return unit is not None and unit.arrived_at is not None


def _disposal(state: State, incident: Incident) -> bool:
    done = any(t.completed_at is not None for t in state.tasks_of(incident.incident_id))
    return done or any(n.served or n.met_at for n in state.needs_of(incident.incident_id))


def _all_done(state: State, incident: Incident) -> bool:
    tasks, needs = state.tasks_of(incident.incident_id), state.needs_of(incident.incident_id)
    return all(t.completed_at is not None for t in tasks) and not any(n.open for n in needs)


def _warning_over(state: State, incident: Incident) -> bool:
    seen = state.warnings.get(incident.warning_id)
    return (seen is None or seen.over) and _all_done(state, incident)


def _assessed(_state: State, incident: Incident) -> bool:
    return incident.damage_fact is not None and (incident.buildings_damaged == 0 or bool(incident.rectifications))


CONDITIONS: Mapping[str, Callable[[State, Incident], bool]] = {
    "opened": lambda _s, _i: True,
    "graded": _graded,
    "plan_active": lambda _s, i: bool(i.plan_id),
    "command_acknowledged": _command,
    "tasks_issued": lambda s, i: any(t.incident_id == i.incident_id for t in s.tasks.values()),
    "tasks_acknowledged": lambda s, i: all(t.acknowledged_at is not None for t in s.tasks_of(i.incident_id)),
    "forces_deployed": _forces,
    "disposal_begun": _disposal,
    "all_done": _all_done,
    "warning_over": _warning_over,
    "damage_assessed": _assessed,
    "reviewed": lambda _s, i: i.review_fact is not None,
}
"""Conditions that ``nodes.yaml`` names; each looks only at facts."""


def advance_nodes(turn: Turn) -> None:
    """Let every open incident pass the nodes whose conditions hold, in order, and close it after the twelfth."""
    for incident_id in list(turn.state.incidents):
        for rule in turn.inputs.rules.nodes[len(turn.state.incidents[incident_id].nodes) :]:
            incident = turn.state.incidents[incident_id]
            if incident.closed_at is not None or not CONDITIONS[rule.when](turn.state, incident):
                break
            pass_node(turn, incident, rule.node, _shown_by(turn.state, incident, rule.when))
        incident = turn.state.incidents[incident_id]
        complete = incident.closed_at is None and not missing_nodes(turn.inputs, incident)
        if complete and turn.inputs.close_when_reviewed:
            turn.say(f"incident/{incident_id}", IncidentClosed(incident_id=incident_id), incident.last_fact)


def pass_node(turn: Turn, incident: Incident, node: str, *cause: FactId | None) -> None:
    """Record that an incident passed its next node."""
    body = IncidentNodeReached(incident_id=incident.incident_id, node=node, number=len(incident.nodes) + 1)
    turn.say(f"incident/{incident.incident_id}", body, *cause, incident.last_fact)


def missing_nodes(inputs: Inputs, incident: Incident) -> tuple[str, ...]:
    """Nodes an incident has not passed, in order; while there is one it cannot be closed."""
    return tuple(rule.node for rule in inputs.rules.nodes[len(incident.nodes) :])


def _shown_by(state: State, incident: Incident, when: str) -> FactId | None:
    tasks = state.tasks_of(incident.incident_id)
    seen = state.warnings.get(incident.warning_id)
    if when in ("opened", "graded", "warning_over"):
        return seen.fact_id if seen else incident.fact_id
    if when == "plan_active":
        return incident.plan_fact
    if when == "damage_assessed":
        return incident.damage_fact
    if when == "reviewed":
        return incident.review_fact
    return max(tasks, key=lambda t: t.acknowledged_at or t.created_at).fact_id if tasks else None
