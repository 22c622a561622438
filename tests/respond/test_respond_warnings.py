"""A warning becomes an incident, a plan and tasks that somebody has to answer for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.respond.respond_town import START, World, notice, town_tables

from rencheng import respond
from rencheng.city import City
from rencheng.ledger import fold
from rencheng.respond import Inputs
from rencheng.respond.orders import AcknowledgeTask, CompleteTask
from rencheng.warn.facts import WarningIssued


def kinds(bodies: list[Any]) -> list[str]:
    return [type(b).__name__ for b in bodies]


def test_a_warning_opens_one_incident_with_the_plan_of_its_level(world: World) -> None:
    said = world.warn("yellow")
    assert kinds(said)[:2] == ["IncidentOpened", "PlanActivated"]
    opened, activated = said[:2]
    assert (opened.response_level, opened.event_grade, activated.plan_id) == ("III", "general", "rainstorm-III")
    assert "rainstorm" in activated.why
    assert world.turn() == [], "the same warning must not open a second incident"


def test_a_warning_joins_the_incident_that_reports_of_it_opened(world: World) -> None:
    world.report("person_trapped", 3, 2)
    tasks = len(world.said("TaskCreated"))
    said = world.warn("orange", columns=(3,))
    assert kinds(said)[:2] == ["IncidentWarned", "PlanActivated"], "one water must not have two commands"
    incident = next(iter(world.state.incidents.values()))
    assert len(world.state.incidents) == 1
    assert (incident.warning_id, incident.response_level, incident.plan_id) == ("w1", "II", "rainstorm-II")
    assert len(world.said("TaskCreated")) > tasks, "the higher plan brings its own tasks"
    assert world.turn() == [], "it joins once"


def test_a_warning_elsewhere_or_of_another_hazard_has_an_incident_of_its_own(world: World) -> None:
    world.report("person_trapped", 0, 0)
    assert kinds(world.warn("yellow", columns=(3,)))[0] == "IncidentOpened"
    assert len(world.state.incidents) == 2


def test_a_second_warning_does_not_take_the_incident_of_the_first(world: World) -> None:
    world.warn("yellow", columns=(3,))
    second = world.hear(WarningIssued(warning_id="w2", notice=notice("red", columns=(3,), serial=5)))
    assert kinds(second)[0] == "IncidentOpened"


def test_colour_level_and_grade_are_three_fields(world: World) -> None:
    world.warn("red")
    opened = world.said("IncidentOpened")[0]
    assert (opened.response_level, opened.event_grade) == ("I", "general")


def test_tasks_go_to_the_nearest_role_that_has_the_duty(world: World) -> None:
    world.warn("yellow", columns=(3,))
    roles = {t.step_id: t.role_id for t in world.said("TaskCreated")}
    assert roles["check-pumps"] == "east-water", "the warned district's own water lead, not the city's"
    assert roles["inspect-underpasses"] == "city-traffic", "districts have no traffic lead: the level above answers"
    assert roles["stop-construction"] == "city-commander", "nobody has the duty: the commander stands in"


def test_every_district_in_the_warned_area_gets_its_own_task(world: World) -> None:
    world.warn("yellow", columns=(0, 3))
    pumps = sorted(t.role_id for t in world.said("TaskCreated") if t.step_id == "check-pumps")
    assert pumps == ["east-water", "west-water"]


def test_an_area_that_is_warned_later_gets_its_tasks_then(world: World) -> None:
    world.warn("yellow", columns=(3,))
    new = [b for b in world.update("yellow", columns=(0, 3)) if type(b).__name__ == "TaskCreated"]
    assert new
    assert all("west" in t.role_id for t in new)


def test_an_upgrade_creates_only_the_tasks_not_created_yet(world: World) -> None:
    world.warn("yellow")
    before = {t.task_id for t in world.said("TaskCreated")}
    said = world.upgrade("orange")
    assert said[0].plan_id == "rainstorm-II"
    new = [b for b in said if type(b).__name__ == "TaskCreated"]
    assert new
    assert not before & {t.task_id for t in new}
    assert "open-shelters" in {t.step_id for t in new}
    assert len(world.said("IncidentOpened")) == 1


def test_a_dependent_step_waits_for_what_it_depends_on(world: World) -> None:
    world.warn("yellow")
    created = {t.step_id: t for t in world.said("TaskCreated")}
    assert "preposition-pumps" not in created
    said = world.order(CompleteTask(task_id=created["check-pumps"].task_id, receipt="14 pumps"))
    assert [t.step_id for t in said if type(t).__name__ == "TaskCreated"] == ["preposition-pumps"]


def test_what_nobody_acknowledges_climbs_the_chain_step_by_step_and_stops_at_the_top(world: World) -> None:
    world.warn("yellow")
    task = next(t for t in world.said("TaskCreated") if t.step_id == "check-pumps")
    assert task.acknowledge_by == START + timedelta(minutes=5)
    assert world.wait(4.9) == []
    world.wait(60)
    steps = [(e.from_role_id, e.to_role_id, e.step) for e in world.said("TaskEscalated") if e.task_id == task.task_id]
    assert steps == [("east-water", "city-water", 1), ("city-water", "city-commander", 2)]
    times = [e.occurred_at for e in world.entries if e.kind == "TaskEscalated" and e.body.task_id == task.task_id]
    assert times == [START + timedelta(minutes=5), START + timedelta(minutes=10)]


def test_every_task_without_an_answer_escalates_at_five_minutes(world: World) -> None:
    world.warn("red", columns=(0, 3))
    can_climb = [
        t.task_id for t in world.said("TaskCreated") if world.inputs.organisation.escalation(t.role_id) is not None
    ]
    world.wait(5)
    assert sorted(e.task_id for e in world.said("TaskEscalated")) == sorted(can_climb)


def test_an_acknowledged_task_does_not_climb(world: World) -> None:
    world.warn("yellow")
    for task in world.said("TaskCreated"):
        world.order(AcknowledgeTask(task_id=task.task_id))
    world.wait(20)
    assert world.said("TaskEscalated") == []


def test_overdue_is_said_once(world: World) -> None:
    world.warn("yellow")
    world.wait(600)
    overdue = [t.task_id for t in world.said("TaskOverdue")]
    assert len(overdue) == len(set(overdue)) == len(world.said("TaskCreated"))
    assert respond.next_due(world.state, world.inputs) is None, "nothing more will come of itself"


def test_a_warning_that_ran_out_creates_nothing_new(world: World) -> None:
    world.warn("yellow")
    world.expire()
    check = next(t for t in world.said("TaskCreated") if t.step_id == "check-pumps")
    said = world.order(CompleteTask(task_id=check.task_id, receipt="14"))
    assert "TaskCreated" not in kinds(said)


def test_every_fact_names_what_led_to_it(world: World) -> None:
    world.warn("yellow")
    world.report("person_trapped", 2, 2)
    world.wait(90)
    ours = [e for e in world.entries if not e.stream.startswith("upstream/")]
    known = {e.id: e.seq for e in world.entries}
    assert ours
    for entry in ours:
        assert entry.cause, f"{entry.kind} has no cause"
        assert all(known[c] < entry.seq for c in entry.cause)


def test_the_same_facts_give_the_same_state_and_ids(town: City) -> None:
    def story() -> World:
        world = World(Inputs.of(town, simulate_units=True))
        world.warn("orange", columns=(1, 2, 3))
        world.report("person_trapped", 2, 2, people=9)
        world.water(114.3262, 30.618, 0.6)
        world.wait(200)
        return world

    one, two = story(), story()
    assert [e.id for e in one.entries] == [e.id for e in two.entries]
    assert fold(one.entries, respond.evolve, respond.initial_state()) == one.state


def test_a_city_without_organisation_or_roads_still_answers(make_town: Callable[..., City]) -> None:
    tables = {k: v for k, v in town_tables().items() if k not in ("organisations", "roles", "road_nodes", "road_links")}
    world = World(Inputs.of(make_town(tables), simulate_units=True))
    world.warn("orange")
    assert {t.role_id for t in world.said("TaskCreated")} == {"city-duty-officer"}
    world.report("person_trapped", 2, 2)
    assert "straight line" in world.said("UnitAssigned")[0].why
