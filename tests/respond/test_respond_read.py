"""What the page shows: countdowns that count, units where they are, both languages everywhere."""

from __future__ import annotations

from datetime import timedelta

from tests.respond.respond_town import START, World, place

from rencheng.kernel import canonical_json
from rencheng.respond.orders import AcknowledgeTask, CompleteTask
from rencheng.respond.read import closure_views, incident_views, need_views, task_views, unit_views


def test_a_countdown_runs_down_and_past_zero(live: World) -> None:
    live.warn("yellow")
    live.now += timedelta(minutes=4)
    task = next(t for t in task_views(live.state, live.inputs, live.now) if t.step_id == "consult")
    assert (task.acknowledge_in_s, task.due_in_s, task.state) == (60.0, 26 * 60.0, "waiting")
    assert task.role.zh == "值班员"
    live.wait(40)
    task = next(t for t in task_views(live.state, live.inputs, live.now) if t.step_id == "consult")
    assert task.due_in_s == -14 * 60.0
    assert task.overdue


def test_a_countdown_stops_when_there_is_nothing_to_wait_for(live: World) -> None:
    live.warn("yellow")
    name = next(t.task_id for t in live.said("TaskCreated") if t.step_id == "consult")
    live.order(AcknowledgeTask(task_id=name))
    live.order(CompleteTask(task_id=name, receipt="done"))
    views = task_views(live.state, live.inputs, live.now)
    assert views[-1].task_id == name, "what is done stands at the end"
    assert (views[-1].acknowledge_in_s, views[-1].due_in_s, views[-1].state) == (None, None, "done")


def test_an_incident_shows_all_twelve_nodes_and_its_numbers(live: World) -> None:
    live.warn("yellow")
    view = incident_views(live.state, live.inputs)[0]
    assert [n.number for n in view.nodes] == list(range(1, 13))
    assert view.nodes[2].at == START
    assert view.nodes[3].at is None
    assert view.missing[0] == "command_established"
    assert (view.state, view.tasks, view.tasks_done) == ("open", 9, 0)
    assert all(n.title.zh and n.title.en for n in view.nodes)


def test_needs_and_units_tell_the_same_story(world: World) -> None:
    world.warn("yellow")
    world.report("medical", 2, 4)
    world.report("medical", 0, 0)
    views = need_views(world.state, world.inputs)
    assert {v.state for v in views} == {"on_the_way", "waiting"}
    waiting = next(v for v in views if v.state == "waiting")
    assert waiting.unmet_reason == "all_units_busy"
    assert waiting.unmet is not None
    assert waiting.title.zh == "医疗救护"
    units = {u.unit_id: u for u in unit_views(world.state, world.inputs, world.now)}
    assert units["ambulance-1"].state == "on_the_way"
    assert units["boat-1"].state == "free"
    assert (units["boat-1"].lon, units["boat-1"].lat) == place(0, 0)


def test_views_can_be_sent_as_json(world: World) -> None:
    world.warn("red")
    world.report("person_trapped", 2, 2)
    world.report("road_blocked", 4, 4)
    for views in (
        incident_views(world.state, world.inputs),
        task_views(world.state, world.inputs, world.now),
        unit_views(world.state, world.inputs, world.now),
        need_views(world.state, world.inputs),
        closure_views(world.state, world.inputs),
    ):
        assert canonical_json(views) != b"[]"
