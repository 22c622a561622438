"""Orders that do not fit the world are refused with the reason; those that do can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.respond.respond_town import World, place

from rencheng.respond.orders import (
    AcknowledgeTask,
    CloseRoad,
    CompleteTask,
    ConfirmArrival,
    MeetNeed,
    RaiseNeed,
    ReassignTask,
    RecallUnit,
    ReleaseUnit,
    ReopenRoad,
    ReopenTask,
    WithdrawNeed,
)


def task_of(world: World, step_id: str) -> str:
    task_id: str = next(t.task_id for t in world.said("TaskCreated") if t.step_id == step_id)
    return task_id


REFUSALS: list[tuple[Callable[[World], Any], str]] = [
    (lambda _: AcknowledgeTask(task_id="nope"), "no task"),
    (lambda w: AcknowledgeTask(task_id=task_of(w, "consult"), role_id="west-water"), "not to 'west-water'"),
    (lambda w: CompleteTask(task_id=task_of(w, "consult")), "needs a receipt: text"),
    (lambda w: CompleteTask(task_id=task_of(w, "check-pumps"), receipt="all fine"), "not a count"),
    (lambda w: ReopenTask(task_id=task_of(w, "consult"), reason="x"), "is not done"),
    (lambda w: ReassignTask(task_id=task_of(w, "consult"), role_id="ghost", reason="x"), "no role"),
    (lambda w: ReassignTask(task_id=task_of(w, "consult"), role_id="city-duty", reason="x"), "already"),
    (lambda _: RaiseNeed(kind="miracle", lon=114.3, lat=30.6), "no kind of need"),
    (lambda _: RaiseNeed(kind="fire", lon=114.3, lat=30.6, people=0), "makes no sense"),
    (lambda _: WithdrawNeed(need_id="nope", reason="x"), "no need"),
    (lambda _: ConfirmArrival(unit_id="ghost"), "no unit"),
    (lambda _: ConfirmArrival(unit_id="boat-1"), "not sent anywhere"),
    (lambda _: CloseRoad(link_id=-1, reason="x"), "no road link"),
    (lambda _: ReopenRoad(link_id=1), "is open"),
    (lambda _: "go", "does not know the order str"),
]


@pytest.mark.parametrize(("order", "reason"), REFUSALS, ids=[reason for _, reason in REFUSALS])
def test_refused_with_the_reason(live: World, order: Callable[[World], Any], reason: str) -> None:
    live.warn("yellow")
    assert reason in live.refused(order(live))


def test_a_task_is_acknowledged_once(live: World) -> None:
    live.warn("yellow")
    task = task_of(live, "consult")
    live.order(AcknowledgeTask(task_id=task))
    assert "was acknowledged by 'city-duty'" in live.refused(AcknowledgeTask(task_id=task))


def test_who_was_asked_first_may_still_answer_after_the_escalation(live: World) -> None:
    live.warn("yellow")
    task = task_of(live, "check-pumps")
    live.wait(6)
    live.order(AcknowledgeTask(task_id=task, role_id="east-water"))
    assert live.state.tasks[task].role_id == "east-water"
    live.wait(10)
    assert len([e for e in live.said("TaskEscalated") if e.task_id == task]) == 1


def test_done_without_acknowledging_counts_as_both(live: World) -> None:
    live.warn("yellow")
    said = live.order(CompleteTask(task_id=task_of(live, "consult"), receipt="met at 16:10"))
    assert [type(b).__name__ for b in said[:2]] == ["TaskAcknowledged", "TaskCompleted"]


def test_a_completion_can_be_taken_back(live: World) -> None:
    live.warn("yellow")
    task = task_of(live, "consult")
    live.order(CompleteTask(task_id=task, receipt="done"))
    live.order(ReopenTask(task_id=task, reason="was the wrong pump"))
    assert live.state.tasks[task].completed_at is None
    live.order(CompleteTask(task_id=task, receipt="done now"))
    assert live.state.tasks[task].handed_in == "done now"


def test_a_task_given_to_another_must_be_acknowledged_anew(live: World) -> None:
    live.warn("yellow")
    task = task_of(live, "check-pumps")
    live.order(AcknowledgeTask(task_id=task))
    live.order(ReassignTask(task_id=task, role_id="west-water", reason="east is cut off"))
    assert live.state.tasks[task].acknowledged_at is None
    live.wait(5)
    assert [e.from_role_id for e in live.said("TaskEscalated") if e.task_id == task] == ["west-water"]


def test_a_unit_can_be_called_back_and_its_need_is_open_again(live: World) -> None:
    live.warn("yellow")
    live.report("person_trapped", 2, 0)
    first = live.said("UnitAssigned")[0].unit_id
    live.now += timedelta(seconds=60)
    said = live.order(RecallUnit(unit_id=first))
    assert [type(b).__name__ for b in said[:2]] == ["UnitReleased", "UnitAssigned"]


def test_people_confirm_arrival_and_the_end_of_work(live: World) -> None:
    live.warn("yellow")
    live.report("medical", 2, 2)
    need = live.said("NeedRaised")[0].need_id
    assert "no unit is at need" in live.refused(MeetNeed(need_id=need))
    assert "on its way" in live.refused(ReleaseUnit(unit_id="ambulance-1"))
    live.order(ConfirmArrival(unit_id="ambulance-1"))
    assert "arrived already" in live.refused(ConfirmArrival(unit_id="ambulance-1"))
    assert "Release it instead" in live.refused(RecallUnit(unit_id="ambulance-1"))
    said = live.order(MeetNeed(need_id=need))
    assert [type(b).__name__ for b in said[:2]] == ["NeedMet", "UnitReleased"]
    assert "settled already" in live.refused(WithdrawNeed(need_id=need, reason="x"))


def test_a_false_call_frees_the_units(live: World) -> None:
    live.warn("yellow")
    live.report("person_trapped", 2, 2, people=10)
    need = live.said("NeedRaised")[0].need_id
    live.order(WithdrawNeed(need_id=need, reason="false call"))
    assert len(live.said("UnitReleased")) == 2
    assert live.said("NeedMet") == []


def test_a_need_by_order_takes_the_kinds_urgency_unless_told(live: World) -> None:
    live.warn("yellow")
    lon, lat = place(1, 1)
    live.order(RaiseNeed(kind="pumping", lon=lon, lat=lat))
    live.now += timedelta(seconds=1)
    live.order(RaiseNeed(kind="pumping", lon=lon, lat=lat, priority=1))
    assert [n.priority for n in live.said("NeedRaised")] == [3, 1]
    assert live.said("UnitAssigned")[0].unit_id == "pump-1"
