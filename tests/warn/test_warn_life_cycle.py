from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.warn.warn_world import World, cleared, forecast, rain, risk, stage

from rencheng import warn
from rencheng.kernel import Bilingual, OrderRefused, hours
from rencheng.warn.life_cycle import step_fact


def one(world: World) -> warn.Standing:
    (standing,) = world.state.standing.values()
    return standing


def test_a_flood_is_issued_raised_lowered_and_cancelled_once_each(world: World) -> None:
    world.hear(stage("yellow"))
    world.wait(hours=1)
    world.hear(stage("red"))
    world.wait(hours=1)
    world.hear(cleared(stage("red")))
    world.wait(hours=8)
    assert one(world).notice.colour == "yellow"
    world.hear(cleared(stage("yellow")))
    world.wait(hours=8)
    assert world.kinds == ["WarningIssued", "WarningUpgraded", "WarningDowngraded", "WarningCancelled"]
    assert world.state.standing == {}
    assert world.state.closed[0].colours == ("yellow", "red", "yellow")


def test_the_same_danger_said_again_gives_no_second_warning(world: World) -> None:
    world.hear(stage("yellow"))
    assert world.hear(stage("yellow", signal_id="another", sensor="gauge")) == []
    assert world.hear(forecast({"yellow": 0.9}, at=world.now)) == []


def test_a_colour_is_lowered_only_after_the_hysteresis_time(world: World) -> None:
    world.hear(stage("yellow"))
    world.hear(cleared(stage("yellow")))
    assert world.wait(hours=5.9) == []
    said = world.wait(hours=0.2)
    assert [e.kind for e in said][:1] == ["WarningCancelled"]


def test_water_that_comes_back_within_the_hysteresis_time_keeps_the_warning(world: World) -> None:
    world.hear(stage("yellow"))
    world.hear(cleared(stage("yellow")))
    world.wait(hours=5)
    assert world.hear(stage("yellow")) == []
    assert world.wait(hours=12) == []


def test_each_notice_refers_to_all_before_it_as_cap_asks(world: World) -> None:
    first = world.hear(stage("yellow"))[0].body.notice
    world.wait(hours=1)
    second = world.hear(stage("orange"))[0].body.notice
    world.wait(hours=1)
    third = world.hear(stage("red"))[0].body.notice
    assert first.references == ()
    assert second.references == (f"warning@town,{first.notice_id},2024-05-01T00:00:00+00:00",)
    assert third.references == (*second.references, f"warning@town,{second.notice_id},2024-05-01T01:00:00+00:00")
    assert (first.action, second.action, third.action) == ("Alert", "Update", "Update")


def test_a_warning_still_needed_is_extended_before_it_runs_out(world: World) -> None:
    world.hear(stage("yellow"))
    until = one(world).notice.expires_at
    said = world.wait(hours=24)
    assert [e.kind for e in said] == ["WarningUpdated", "MessageQueued"]
    assert said[0].occurred_at == until - hours(6)
    assert one(world).notice.expires_at > until


def test_a_persons_warning_runs_out_by_itself(world: World) -> None:
    order = warn.IssueWarning(
        hazard="gale",
        colour="blue",
        area_id="east",
        reason=Bilingual(zh="阵风", en="gusts"),
        expires_at=world.now + hours(3),
    )
    world.order(order)
    said = world.wait(hours=4)
    assert [e.kind for e in said] == ["WarningExpired"]
    assert said[0].occurred_at == world.now - hours(1)


def test_an_area_that_grew_is_said_again_but_not_too_often(world: World) -> None:
    cells = [int(c) for c in world.inputs.places.cells]
    world.hear(risk(world.inputs, dict.fromkeys(cells[:6], "orange")))
    assert world.hear(risk(world.inputs, dict.fromkeys(cells[:12], "orange"))) == []
    world.wait(hours=1.5)
    said = world.hear(risk(world.inputs, dict.fromkeys(cells[:20], "orange")))
    assert said[0].kind == "WarningUpdated"
    assert len(said[0].body.notice.cells) == 20


def test_a_slightly_larger_area_is_not_worth_an_update(world: World) -> None:
    cells = [int(c) for c in world.inputs.places.cells]
    world.hear(risk(world.inputs, dict.fromkeys(cells[:20], "orange")))
    world.wait(hours=1.5)
    assert world.hear(risk(world.inputs, dict.fromkeys(cells[:22], "orange"))) == []


def test_a_forecast_that_came_true_is_updated_to_observed(world: World) -> None:
    world.hear(forecast({"yellow": 0.7}))
    world.wait(hours=2)
    said = world.hear(stage("yellow"))
    assert said[0].kind == "WarningUpdated"
    assert said[0].body.notice.certainty == "Observed"


def test_rain_that_eases_cancels_the_warning(world: World) -> None:
    signal = rain(55.0, 6)
    world.hear(signal)
    world.hear(cleared(signal))
    world.wait(hours=3)
    assert world.kinds == ["WarningIssued", "WarningCancelled"]
    cancel = world.entries[-2].body if world.entries[-1].kind != "WarningCancelled" else world.entries[-1].body
    assert cancel is not None
    last = world.state.closed[0].notice
    assert (last.action, len(last.references)) == ("Cancel", 1)


def test_facts_carry_their_causes_and_messages_the_warning(world: World) -> None:
    world.hear(stage("yellow"))
    signal, issued, message = world.entries
    assert issued.cause == (signal.id,)
    assert issued.actor == "rule:river-stage/yellow"
    assert message.cause == (issued.id,)
    assert message.body.notice_id == issued.body.notice.notice_id


@pytest.mark.parametrize("step", ["issue", "upgrade", "downgrade"])
def test_steps_that_cannot_follow_are_refused(world: World, step: str) -> None:
    world.hear(stage("yellow"))
    standing = one(world)
    same = replace(standing.notice, references=standing.references)
    with pytest.raises(OrderRefused):
        step_fact(standing.warning_id, standing, step, same)


def test_nothing_follows_the_end_of_a_warning(world: World) -> None:
    world.hear(stage("yellow"))
    standing = one(world)
    for step in ("issue", "upgrade", "downgrade", "update", "extend", "cancel", "expire"):
        with pytest.raises(OrderRefused):
            step_fact(standing.warning_id, standing, step, standing.notice, over=True)
    for step in ("upgrade", "downgrade", "update", "extend", "cancel", "expire"):
        with pytest.raises(OrderRefused):
            step_fact("w-new", None, step, standing.notice)


def test_nothing_due_without_warnings(world: World) -> None:
    assert warn.next_due(world.state, world.inputs) is None
    world.hear(stage("yellow", in_city=False))
    assert warn.next_due(world.state, world.inputs) is None


def test_the_timer_names_the_instant_of_the_cancellation(world: World) -> None:
    world.hear(stage("yellow"))
    world.deliver_all()
    world.now += timedelta(hours=2)
    world.hear(cleared(stage("yellow")))
    assert warn.next_due(world.state, world.inputs) == world.now + hours(6)
