"""Twelve nodes in order, none skipped, and no closing before the last."""

from __future__ import annotations

from datetime import timedelta

from tests.respond.respond_town import START, World

from rencheng.city import City
from rencheng.kernel import Bilingual
from rencheng.recover.facts import DamageAssessed, RectificationOpened, ReviewRecorded
from rencheng.respond import Inputs
from rencheng.respond.orders import AcknowledgeTask, CloseIncident, CompleteTask, ConfirmNode, EndResponse
from rencheng.respond.read import incident_views

NODES = [
    "warning_received", "situation_verified", "plan_activated", "command_established", "tasks_issued",
    "tasks_acknowledged", "forces_deployed", "on_site_disposal", "situation_controlled", "response_ended",
    "damage_assessed", "reviewed",
]  # fmt: skip


def incident_id(world: World) -> str:
    name: str = world.said("IncidentOpened")[0].incident_id
    return name


def reached(world: World) -> list[str]:
    return [n.node for n in world.said("IncidentNodeReached")]


def do_all_tasks(world: World) -> None:
    while open_tasks := [t for t in world.state.tasks.values() if t.completed_at is None]:
        for task in open_tasks:
            if task.acknowledged_at is None:
                world.order(AcknowledgeTask(task_id=task.task_id))
            world.order(CompleteTask(task_id=task.task_id, receipt="12 done"))


def damage(incident: str, buildings: int = 3, loss_cny: float = 2e7) -> DamageAssessed:
    return DamageAssessed(
        incident_id=incident, method="hazus", buildings_field="b", cells_field="c", buildings_damaged=buildings,
        residents_affected=40.0, loss_cny=loss_cny, gaps=(),
    )  # fmt: skip


def rectification(incident: str) -> RectificationOpened:
    return RectificationOpened(
        rectification_id="x1", incident_id=incident, title=Bilingual(zh="整改", en="Mend"), role_id="city-water",
        lon=114.3, lat=30.6, due_at=START + timedelta(days=30),
    )  # fmt: skip


def test_the_whole_life_of_an_incident(world: World) -> None:
    world.warn("yellow")
    incident = incident_id(world)
    assert reached(world) == NODES[:3], "command is not established before the commander acknowledges"
    do_all_tasks(world)
    assert reached(world) == NODES[:9]
    world.all_clear()
    assert reached(world) == NODES[:10]
    world.hear(damage(incident))
    assert reached(world) == NODES[:10], "damage without rectification is not settled"
    world.hear(rectification(incident))
    assert reached(world) == NODES[:11]
    said = world.hear(ReviewRecorded(incident_id=incident, findings=()))
    assert reached(world) == NODES
    assert type(said[-1]).__name__ == "IncidentClosed"
    numbers = [n.number for n in world.said("IncidentNodeReached")]
    assert numbers == list(range(1, 13))
    times = [n.at for n in incident_views(world.state, world.inputs)[0].nodes]
    assert all(t is not None for t in times)
    assert times == sorted(t for t in times if t is not None)


def test_forces_are_not_deployed_by_acknowledging_alone(world: World) -> None:
    world.warn("yellow", hazard="waterlogging")
    for task in world.said("TaskCreated"):
        world.order(AcknowledgeTask(task_id=task.task_id))
    assert reached(world) == NODES[:6]
    world.order(CompleteTask(task_id=world.said("TaskCreated")[0].task_id, receipt="2 pumps at the site"))
    assert reached(world) == NODES[:8]


def test_a_missing_node_blocks_closing_and_is_named(live: World) -> None:
    live.warn("yellow")
    reason = live.refused(CloseIncident(incident_id=incident_id(live)))
    assert "command_established" in reason
    assert "reviewed" in reason


def test_damage_without_loss_needs_no_rectification(world: World) -> None:
    world.warn("yellow")
    do_all_tasks(world)
    world.all_clear()
    world.hear(damage(incident_id(world), buildings=0, loss_cny=0.0))
    assert reached(world)[-1] == "damage_assessed"


def test_a_review_before_its_time_does_not_skip_nodes(world: World) -> None:
    world.warn("yellow")
    world.hear(ReviewRecorded(incident_id=incident_id(world), findings=()))
    assert reached(world) == NODES[:3]


def test_response_does_not_end_while_somebody_waits_for_help(world: World) -> None:
    world.warn("yellow")
    do_all_tasks(world)
    world.report("person_trapped", 3, 2)
    world.all_clear()
    assert "response_ended" not in reached(world)
    world.wait(60)
    assert "response_ended" in reached(world)


def test_a_commander_may_end_the_response_before_the_warning_does_but_not_before_the_work(live: World) -> None:
    live.warn("yellow")
    incident = incident_id(live)
    assert "nodes not passed" in live.refused(EndResponse(incident_id=incident))
    do_all_tasks(live)
    said = live.order(EndResponse(incident_id=incident))
    assert said[0].node == "response_ended"
    assert live.upgrade("orange") == [], "an ended response is not taken up again"


def test_a_commander_may_attest_only_the_next_node(live: World) -> None:
    live.warn("yellow")
    incident = incident_id(live)
    assert "command_established" in live.refused(ConfirmNode(incident_id=incident, node="tasks_acknowledged"))
    assert live.order(ConfirmNode(incident_id=incident, node="command_established"))[0].number == 4


def test_closing_may_be_left_to_a_person(town: City) -> None:
    world = World(Inputs.of(town, close_when_reviewed=False))
    world.warn("yellow")
    incident = incident_id(world)
    do_all_tasks(world)
    world.all_clear()
    world.hear(damage(incident), rectification(incident))
    world.hear(ReviewRecorded(incident_id=incident, findings=()))
    assert world.said("IncidentClosed") == []
    assert type(world.order(CloseIncident(incident_id=incident))[0]).__name__ == "IncidentClosed"


def test_the_grade_follows_the_loss(world: World) -> None:
    world.warn("yellow")
    assert incident_views(world.state, world.inputs)[0].event_grade == "general"
    world.hear(damage(incident_id(world), loss_cny=2e7))
    assert incident_views(world.state, world.inputs)[0].event_grade == "larger"
