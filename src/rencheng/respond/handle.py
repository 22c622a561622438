"""Orders of people: what each does, and when it is refused and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from rencheng.kernel import Draft, Hazard, OrderRefused, cell_of, derived_id, format_instant
from rencheng.respond.closures import close_road, wanted_closures
from rencheng.respond.edge import edge_record_drafts
from rencheng.respond.facts import (
    IncidentClosed,
    NeedMet,
    NeedWithdrawn,
    RoadReopened,
    TaskAcknowledged,
    TaskCompleted,
    TaskReassigned,
    TaskReopened,
    UnitArrived,
)
from rencheng.respond.forces import release_unit
from rencheng.respond.incidents import ACKNOWLEDGE_AGAIN
from rencheng.respond.inputs import Inputs
from rencheng.respond.model import Incident, Need, State, Task, UnitNow
from rencheng.respond.needs import incident_at, raise_need
from rencheng.respond.nodes import CONDITIONS, missing_nodes, pass_node
from rencheng.respond.orders import (
    AcceptFloodAdvice,
    AcknowledgeTask,
    CloseIncident,
    CloseRoad,
    CompleteTask,
    ConfirmArrival,
    ConfirmNode,
    EndResponse,
    MeetNeed,
    RaiseNeed,
    ReassignTask,
    RecallUnit,
    ReleaseUnit,
    ReopenRoad,
    ReopenTask,
    TakeEdgeRecord,
    WithdrawNeed,
)
from rencheng.respond.turn import Turn

__all__ = ["ADVICE_NEEDS", "handle"]

ADVICE_NEEDS: Mapping[str, str] = MappingProxyType(
    {
        "mobile_pump": "pumping",
        "clear_inlets": "drain_clearing",
        "shut_gate": "gate_operation",
        "open_gate": "gate_operation",
        "start_pumps": "gate_operation",
    }
)
"""What is asked for when an option of each kind is taken up."""


def handle(state: State, order: object, inputs: Inputs, now: datetime, actor: str) -> list[Draft]:
    """Turn an order into facts.

    Raises
    ------
    OrderRefused
        If the state of the world does not allow it; says why and what to do.
    """
    if isinstance(order, TakeEdgeRecord):
        return edge_record_drafts(state.edge_logs, order)
    handler = _HANDLERS.get(type(order))
    if handler is None:
        raise OrderRefused(f"the response does not know the order {type(order).__name__}", mend="See GET /orders")
    turn = Turn(state, inputs, now, actor)
    handler(turn, order)
    return turn.drafts


def _task(turn: Turn, task_id: str) -> Task:
    task = turn.state.tasks.get(task_id)
    if task is None:
        raise OrderRefused(f"there is no task {task_id!r}", mend="Take a task_id of the task list")
    if turn.state.incidents[task.incident_id].closed_at is not None:
        raise OrderRefused(f"task {task_id!r} belongs to a closed incident", mend="Closed incidents do not change")
    return task


def _acknowledge(turn: Turn, order: AcknowledgeTask) -> None:
    task = _task(turn, order.task_id)
    role_id = order.role_id or task.role_id
    if task.acknowledged_at is not None:
        raise OrderRefused(
            f"task {task.task_id!r} was acknowledged by {task.acknowledged_by!r} at "
            f"{format_instant(task.acknowledged_at)}",
            mend="Nothing to do",
        )
    if role_id not in task.heard:
        raise OrderRefused(
            f"task {task.task_id!r} was given to {', '.join(task.heard)}, not to {role_id!r}", mend="Reassign it first"
        )
    turn.say(f"task/{task.task_id}", TaskAcknowledged(task_id=task.task_id, role_id=role_id), task.fact_id)


def _complete(turn: Turn, order: CompleteTask) -> None:
    task = _task(turn, order.task_id)
    role_id = order.role_id or task.role_id
    if task.completed_at is not None:
        raise OrderRefused(f"task {task.task_id!r} is done already", mend="Reopen it if it is not")
    if role_id not in task.heard:
        raise OrderRefused(
            f"task {task.task_id!r} was given to {', '.join(task.heard)}, not to {role_id!r}", mend="Reassign it first"
        )
    _check_receipt(task, order.receipt)
    _check_dependencies(turn, task)
    if task.acknowledged_at is None:
        turn.say(f"task/{task.task_id}", TaskAcknowledged(task_id=task.task_id, role_id=role_id), task.fact_id)
        task = turn.state.tasks[task.task_id]
    body = TaskCompleted(task_id=task.task_id, role_id=role_id, receipt=order.receipt)
    turn.say(f"task/{task.task_id}", body, task.fact_id)


def _check_receipt(task: Task, receipt: str) -> None:
    if task.receipt != "none" and not receipt.strip():
        raise OrderRefused(f"task {task.task_id!r} needs a receipt: {task.receipt}", mend="Hand it in with the order")
    if task.receipt == "count" and not receipt.strip().split()[0].replace(".", "", 1).isdigit():
        raise OrderRefused(
            f"receipt {receipt!r} of task {task.task_id!r} is not a count",
            mend="Begin it with a number, e.g. '12 pumps'",
        )


def _check_dependencies(turn: Turn, task: Task) -> None:
    incident = turn.state.incidents[task.incident_id]
    plan = turn.inputs.plans.plan(incident.plan_id, incident.plan_version)
    wanted = next((s.depends_on for s in plan.steps if s.id == task.step_id), [])
    waiting = [t for t in turn.state.tasks_of(task.incident_id) if t.step_id in wanted and t.completed_at is None]
    if waiting:
        names = ", ".join(f"{t.step_id} ({t.role_id})" for t in waiting)
        raise OrderRefused(f"task {task.step_id!r} waits for {names}", mend="Complete these first")


def _reopen_task(turn: Turn, order: ReopenTask) -> None:
    task = _task(turn, order.task_id)
    if task.completed_at is None:
        raise OrderRefused(f"task {task.task_id!r} is not done", mend="Nothing to take back")
    if turn.state.incidents[task.incident_id].response_ended:
        raise OrderRefused(f"the response that task {task.task_id!r} belongs to has ended", mend="Open a rectification")
    turn.say(f"task/{task.task_id}", TaskReopened(task_id=task.task_id, reason=order.reason), task.fact_id)


def _reassign(turn: Turn, order: ReassignTask) -> None:
    task = _task(turn, order.task_id)
    if task.completed_at is not None:
        raise OrderRefused(f"task {task.task_id!r} is done already", mend="Reopen it first")
    if order.role_id not in turn.inputs.organisation.roles:
        raise OrderRefused(f"there is no role {order.role_id!r}", mend="Take a role_id of the organisation")
    if order.role_id == task.role_id:
        raise OrderRefused(f"{order.role_id!r} has task {task.task_id!r} already", mend="Choose another role")
    body = TaskReassigned(
        task_id=task.task_id,
        from_role_id=task.role_id,
        to_role_id=order.role_id,
        acknowledge_by=turn.now + ACKNOWLEDGE_AGAIN,
        reason=order.reason,
    )
    turn.say(f"task/{task.task_id}", body, task.fact_id)


def _raise_need(turn: Turn, order: RaiseNeed) -> None:
    kind = turn.inputs.rules.need_kinds.get(order.kind)
    if kind is None:
        known = ", ".join(turn.inputs.rules.need_kinds)
        raise OrderRefused(f"there is no kind of need {order.kind!r}", mend=f"Use one of: {known}")
    if order.priority not in range(5) or order.people < 1:
        raise OrderRefused(
            f"priority {order.priority} or people {order.people} makes no sense", mend="Priority 1 to 4, people from 1"
        )
    cell = cell_of(order.lon, order.lat, turn.inputs.city.manifest.h3_resolution)
    incident_id = order.incident_id or incident_at(turn, "", cell)
    if incident_id is None or incident_id not in turn.state.incidents:
        raise OrderRefused("no open incident fits this need", mend="Name an incident_id, or report what happened")
    need_id = derived_id("need", order.kind, order.lon, order.lat, incident_id, format_instant(turn.now))
    raise_need(
        turn,
        need_id=need_id,
        incident_id=incident_id,
        kind=kind,
        lon=order.lon,
        lat=order.lat,
        cell=cell,
        people=order.people,
        priority=order.priority or kind.priority,
        report_id="",
    )


def _accept_advice(turn: Turn, order: AcceptFloodAdvice) -> None:
    """Nothing of an advice moves but by this."""
    advised = turn.state.flood_advice.get(order.option_id)
    if advised is None:
        known = ", ".join(turn.state.flood_advice) or "none"
        raise OrderRefused(
            f"the last flood advice has no option {order.option_id!r}", mend=f"Its options: {known}; look again"
        )
    option, fact_id = advised
    kind = turn.inputs.rules.need_kinds.get(ADVICE_NEEDS.get(option.kind, ""))
    if kind is None:
        raise OrderRefused(
            f"no kind of need answers {option.kind!r}",
            mend="Add drain_clearing, gate_operation and pumping to needs.yaml",
        )
    cell = cell_of(option.lon, option.lat, turn.inputs.city.manifest.h3_resolution)
    incident_id = incident_at(turn, Hazard.WATERLOGGING, cell)
    if incident_id is None:
        raise OrderRefused("no incident is open that this belongs to", mend="Report the water, or wait for a warning")
    need_id = derived_id("need", "flood-advice", option.option_id, incident_id)
    if need_id in turn.state.needs and turn.state.needs[need_id].open:
        raise OrderRefused("somebody accepted this already", mend="See the need on the board")
    raise_need(
        turn,
        need_id=need_id,
        incident_id=incident_id,
        kind=kind,
        lon=option.lon,
        lat=option.lat,
        cell=cell,
        people=1,
        priority=kind.priority,
        report_id="",
        cause=(fact_id,),
    )


def _open_need(turn: Turn, need_id: str) -> Need:
    need = turn.state.needs.get(need_id)
    if need is None:
        raise OrderRefused(f"there is no need {need_id!r}", mend="Take a need_id of the list")
    if not need.open:
        raise OrderRefused(f"need {need_id!r} is settled already", mend="Raise a new one")
    return need


def _withdraw_need(turn: Turn, order: WithdrawNeed) -> None:
    need = _open_need(turn, order.need_id)
    turn.say(f"need/{need.need_id}", NeedWithdrawn(need_id=need.need_id, reason=order.reason), need.fact_id)
    for unit_id in need.units:
        release_unit(turn, turn.state.units[unit_id])


def _meet_need(turn: Turn, order: MeetNeed) -> None:
    need = _open_need(turn, order.need_id)
    there = [u for u in need.units if turn.state.units[u].arrived_at is not None]
    if not there:
        raise OrderRefused(
            f"no unit is at need {need.need_id!r}", mend="Confirm the arrival first, or withdraw the need"
        )
    turn.say(
        f"need/{need.need_id}", NeedMet(need_id=need.need_id, unit_id=there[0]), turn.state.units[there[0]].fact_id
    )
    for unit_id in need.units:
        release_unit(turn, turn.state.units[unit_id])


def _bound_unit(turn: Turn, unit_id: str) -> UnitNow:
    if unit_id not in turn.inputs.units:
        raise OrderRefused(f"the city has no unit {unit_id!r}", mend="Take a unit_id of the units table")
    unit = turn.state.units.get(unit_id)
    if unit is None or not unit.need_id:
        raise OrderRefused(f"unit {unit_id!r} is not sent anywhere", mend="Nothing to confirm or call back")
    return unit


def _confirm_arrival(turn: Turn, order: ConfirmArrival) -> None:
    unit = _bound_unit(turn, order.unit_id)
    if unit.arrived_at is not None:
        raise OrderRefused(f"unit {unit.unit_id!r} arrived already", mend="Nothing to do")
    turn.say(f"unit/{unit.unit_id}", UnitArrived(need_id=unit.need_id, unit_id=unit.unit_id), unit.fact_id)


def _release_unit(turn: Turn, order: ReleaseUnit) -> None:
    unit = _bound_unit(turn, order.unit_id)
    if unit.arrived_at is None:
        raise OrderRefused(f"unit {unit.unit_id!r} is still on its way", mend="Recall it instead")
    release_unit(turn, unit)


def _recall_unit(turn: Turn, order: RecallUnit) -> None:
    unit = _bound_unit(turn, order.unit_id)
    if unit.arrived_at is not None:
        raise OrderRefused(f"unit {unit.unit_id!r} is at its need", mend="Release it instead")
    release_unit(turn, unit)


def _close_road(turn: Turn, order: CloseRoad) -> None:
    roads = turn.inputs.roads
    if roads is None or order.link_id not in roads.edge_of_link:
        raise OrderRefused(f"the city has no road link {order.link_id}", mend="Take a link_id of road_links")
    if order.link_id in turn.state.closures:
        why = turn.state.closures[order.link_id].reason
        raise OrderRefused(f"road link {order.link_id} is closed already: {why}", mend="Nothing to do")
    close_road(turn, roads, order.link_id, f"order/{order.reason}", order.depth_m)


def _reopen_road(turn: Turn, order: ReopenRoad) -> None:
    closure = turn.state.closures.get(order.link_id)
    if closure is None:
        raise OrderRefused(f"road link {order.link_id} is open", mend="Nothing to do")
    still = wanted_closures(turn.state, turn.inputs, turn.now).get(order.link_id)
    if still is not None:
        raise OrderRefused(
            f"road link {order.link_id} stays closed: {still.reason}", mend="It opens when that no longer holds"
        )
    turn.say(f"road/{order.link_id}", RoadReopened(link_id=order.link_id), closure.fact_id)


def _open_incident(turn: Turn, incident_id: str) -> Incident:
    incident = turn.state.incidents.get(incident_id)
    if incident is None:
        raise OrderRefused(f"there is no incident {incident_id!r}", mend="Take an incident_id of the list")
    if incident.closed_at is not None:
        raise OrderRefused(f"incident {incident_id!r} is closed", mend="Closed incidents do not change")
    return incident


def _confirm_node(turn: Turn, order: ConfirmNode) -> None:
    incident = _open_incident(turn, order.incident_id)
    missing = missing_nodes(turn.inputs, incident)
    if not missing or missing[0] != order.node:
        nxt = f"the next is {missing[0]}" if missing else "all are passed"
        raise OrderRefused(
            f"node {order.node!r} is not the next of {order.incident_id!r}: {nxt}", mend="Keep the order"
        )
    if order.node in ("situation_controlled", "response_ended", "damage_assessed", "reviewed"):
        raise OrderRefused(
            f"node {order.node!r} is passed by facts only", mend="Finish tasks and needs, assess, review"
        )
    pass_node(turn, incident, order.node)


def _end_response(turn: Turn, order: EndResponse) -> None:
    incident = _open_incident(turn, order.incident_id)
    missing = missing_nodes(turn.inputs, incident)
    if incident.response_ended:
        raise OrderRefused(f"the response to {order.incident_id!r} has ended already", mend="Nothing to do")
    before = missing[: missing.index("response_ended")]
    if before:
        raise OrderRefused(
            f"nodes not passed: {', '.join(before)}", where=order.incident_id, mend="Finish these before ending"
        )
    if not CONDITIONS["all_done"](turn.state, incident):
        raise OrderRefused("tasks or needs are open", where=order.incident_id, mend="Complete or withdraw them")
    pass_node(turn, incident, "response_ended")


def _close_incident(turn: Turn, order: CloseIncident) -> None:
    incident = _open_incident(turn, order.incident_id)
    if missing := missing_nodes(turn.inputs, incident):
        raise OrderRefused(
            f"incident cannot be closed, nodes not passed: {', '.join(missing)}",
            where=order.incident_id,
            mend="Pass every node first",
        )
    turn.say(f"incident/{incident.incident_id}", IncidentClosed(incident_id=incident.incident_id), incident.last_fact)


_HANDLERS: Mapping[type, Callable[[Turn, Any], None]] = {
    AcknowledgeTask: _acknowledge,
    CompleteTask: _complete,
    ReopenTask: _reopen_task,
    ReassignTask: _reassign,
    AcceptFloodAdvice: _accept_advice,
    RaiseNeed: _raise_need,
    WithdrawNeed: _withdraw_need,
    MeetNeed: _meet_need,
    ConfirmArrival: _confirm_arrival,
    ReleaseUnit: _release_unit,
    RecallUnit: _recall_unit,
    CloseRoad: _close_road,
    ReopenRoad: _reopen_road,
    ConfirmNode: _confirm_node,
    EndResponse: _end_response,
    CloseIncident: _close_incident,
}
