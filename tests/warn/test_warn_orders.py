from __future__ import annotations

from dataclasses import replace

import pytest
from tests.warn.warn_world import START, World, rain, stage

from rencheng import warn
from rencheng.kernel import Bilingual, InvalidInput, OrderRefused, hours

REASON = Bilingual(zh="值班员研判", en="duty officer's judgement")


def issue(**kwargs: object) -> warn.IssueWarning:
    order = warn.IssueWarning(
        hazard="river_flood", colour="orange", area_id="east", reason=REASON, expires_at=START + hours(6)
    )
    return replace(order, **kwargs)  # type: ignore[arg-type]


def test_a_duty_officer_warns_an_area(world: World) -> None:
    said = world.order(issue())
    notice = said[0].body.notice
    assert [e.kind for e in said] == ["WarningIssued", "MessageQueued"]
    assert said[0].actor == "person:wang"
    assert (notice.origin, notice.area_ids, notice.residents > 0) == ("person", ("east",), True)
    assert notice.advice.zh


def test_rules_may_raise_but_not_lower_a_persons_warning(world: World) -> None:
    world.order(issue(colour="yellow", area_id="", hazard="rainstorm"))
    world.wait(hours=3)
    (standing,) = world.state.standing.values()
    assert standing.notice.colour == "yellow"
    world.hear(rain(120.0, 3))
    (standing,) = world.state.standing.values()
    assert (standing.notice.colour, standing.notice.origin) == ("red", "person")


def test_what_a_person_warned_of_is_not_warned_of_again(world: World) -> None:
    world.order(issue(area_id="", colour="red"))
    assert world.hear(stage("orange")) == []
    assert len(world.state.standing) == 1


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (issue(hazard="meteor"), "unknown hazard 'meteor'"),
        (issue(colour="purple"), "unknown colour 'purple'"),
        (issue(area_id="atlantis"), "no area 'atlantis'"),
        (issue(expires_at=START), "run out before"),
        (issue(certainty="Maybe"), "unknown certainty"),
        (warn.CancelWarning(warning_id="w", reason="x"), "does not exist"),
        (warn.ExtendWarning(warning_id="w", expires_at=START, reason="x"), "does not exist"),
    ],
)
def test_an_order_that_does_not_fit_is_refused_with_its_reason(world: World, order: object, said: str) -> None:
    with pytest.raises(OrderRefused, match=said):
        world.order(order)


def test_a_second_warning_for_the_same_is_refused(world: World) -> None:
    world.order(issue())
    with pytest.raises(OrderRefused, match="already covers"):
        world.order(issue(colour="blue"), actor="person:li")


def test_a_graver_order_raises_the_standing_warning(world: World) -> None:
    world.hear(stage("yellow"))
    said = world.order(issue(area_id="", colour="red"))
    assert [e.kind for e in said] == ["WarningUpgraded", "MessageQueued"]
    (standing,) = world.state.standing.values()
    assert (standing.notice.colour, standing.notice.origin, len(standing.notice.references)) == ("red", "person", 1)


def test_a_person_cancels_and_nothing_more_can_be_done_with_it(world: World) -> None:
    warning_id = world.order(issue())[0].body.warning_id
    said = world.order(warn.CancelWarning(warning_id=warning_id, reason="河水已退"))
    assert said[0].body.notice.action == "Cancel"
    assert said[0].body.notice.description.zh == "河水已退"
    with pytest.raises(OrderRefused, match="is over"):
        world.order(warn.CancelWarning(warning_id=warning_id, reason="again"))


def test_rules_do_not_argue_with_a_person_who_withdrew_a_warning_unless_it_gets_worse(world: World) -> None:
    warning_id = world.hear(stage("yellow"))[0].body.warning_id
    world.order(warn.CancelWarning(warning_id=warning_id, reason="仪器故障"))
    assert world.hear() == []
    assert world.hear(stage("yellow", value=3.4)) == []
    assert world.hear(stage("orange"))[0].kind == "WarningIssued"


def test_a_withdrawn_warning_is_issued_again_when_it_would_have_run_out(world: World) -> None:
    warning_id = world.hear(stage("yellow"))[0].body.warning_id
    world.order(warn.CancelWarning(warning_id=warning_id, reason="仪器故障"))
    said = world.wait(hours=25)
    assert said[0].kind == "WarningIssued"
    assert said[0].occurred_at == START + hours(24)


def test_an_extension_must_be_later(world: World) -> None:
    warning_id = world.order(issue())[0].body.warning_id
    with pytest.raises(OrderRefused, match="not later"):
        world.order(warn.ExtendWarning(warning_id=warning_id, expires_at=START + hours(5), reason="x"))
    world.order(warn.ExtendWarning(warning_id=warning_id, expires_at=START + hours(9), reason="雨未停"))
    assert world.state.standing[warning_id].notice.expires_at == START + hours(9)


def test_an_unknown_mode_is_refused(inputs: warn.Inputs) -> None:
    with pytest.raises(InvalidInput, match="Actual"):
        replace(inputs, mode="Party")


def test_an_order_of_another_room_is_refused(world: World) -> None:
    with pytest.raises(OrderRefused, match="does not know"):
        world.order(object())
