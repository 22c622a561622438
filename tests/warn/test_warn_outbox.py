from __future__ import annotations

import pytest
from tests.warn.warn_world import World, cleared, stage

from rencheng import warn
from rencheng.adapters.channels import RecordingChannel
from rencheng.kernel import StorageFailed
from rencheng.warn.outbox import MOST_ATTEMPTS


class Broken:
    """A gateway that is down for its first so many messages."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.sent: list[str] = []

    def send(self, message_id: str, notice: warn.Notice) -> str:
        if self.left:
            self.left -= 1
            raise StorageFailed("gateway down", mend="Wait")
        self.sent.append(message_id)
        return f"ok {notice.notice_id}"


def work(world: World, channels: dict[str, warn.Channel]) -> list[str]:
    return [e.kind for e in world.take(warn.deliver(warn.pending(world.state, world.now), channels, world.now))]


def until_due(world: World) -> None:
    due = warn.next_due(world.state, world.inputs)
    assert due is not None
    assert due > world.now
    world.now = due


def test_a_message_is_queued_with_its_warning_and_delivered_once(world: World) -> None:
    channel = RecordingChannel()
    world.hear(stage("yellow"))
    assert work(world, {"file": channel}) == ["MessageDelivered"]
    assert work(world, {"file": channel}) == []
    assert len(channel.sent) == 1
    (receipt,) = world.state.receipts.values()
    assert receipt.delivered
    assert receipt.attempts == 1


def test_a_failed_message_is_retried_with_growing_waits(world: World) -> None:
    gateway = Broken(3)
    world.hear(stage("yellow"))
    waits = []
    for _ in range(3):
        assert work(world, {"file": gateway}) == ["MessageFailed"]
        before = world.now
        until_due(world)
        waits.append((world.now - before).total_seconds())
    assert waits == [15.0, 30.0, 60.0]
    assert work(world, {"file": gateway}) == ["MessageDelivered"]
    assert len(gateway.sent) == 1


def test_a_message_that_cannot_be_sent_is_given_up_in_the_open(world: World) -> None:
    world.hear(stage("yellow"))
    kinds = []
    while world.state.outbox:
        kinds += work(world, {"file": Broken(10**6)})
        if world.state.outbox:
            until_due(world)
    assert kinds == ["MessageFailed"] * (MOST_ATTEMPTS - 1) + ["MessageAbandoned"]
    (view,) = warn.messages(world.state)
    assert view.status == "abandoned"
    assert "gateway down" in view.detail


def test_a_channel_that_the_run_does_not_have_fails_openly(world: World) -> None:
    world.hear(stage("yellow"))
    assert work(world, {}) == ["MessageFailed"]
    assert "no channel 'file'" in world.entries[-1].body.reason


def test_a_sender_that_died_before_recording_sends_again_with_one_effect(world: World) -> None:
    channel = RecordingChannel()
    world.hear(stage("yellow"))
    warn.deliver(warn.pending(world.state, world.now), {"file": channel}, world.now)  # its facts are lost
    assert work(world, {"file": channel}) == ["MessageDelivered"]
    assert len(channel.sent) == 1


def test_one_broken_channel_does_not_hold_up_the_others(inputs: warn.Inputs) -> None:
    from dataclasses import replace

    world = World(inputs=replace(inputs, channels=("sms", "file")))
    world.hear(stage("yellow"))
    assert work(world, {"sms": Broken(9), "file": RecordingChannel()}) == ["MessageFailed", "MessageDelivered"]


def test_the_cancellation_of_a_warning_goes_out_too(world: World) -> None:
    channel = RecordingChannel()
    world.hear(stage("yellow"))
    work(world, {"file": channel})
    world.hear(cleared(stage("yellow")))
    until_due(world)
    world.hear()
    work(world, {"file": channel})
    assert [n.action for n in channel.sent.values()] == ["Alert", "Cancel"]


@pytest.mark.parametrize("kind", ["standing", "history"])
def test_people_see_each_warning_with_reasons_and_receipts(world: World, kind: str) -> None:
    world.hear(stage("orange"))
    work(world, {"file": RecordingChannel()})
    if kind == "history":
        world.hear(cleared(stage("orange")))
        world.wait(hours=7)
        (view,) = warn.warning_history(world.state)
        assert view.status == "cancelled"
        assert view.closed_at is not None
        assert len(view.messages) == 2
    else:
        (view,) = warn.standing_warnings(world.state)
        assert view.status == "standing"
        assert view.reasons[0].en
        assert [m.status for m in view.messages] == ["delivered"]
    assert view.hazard_name.zh == "洪水"
    assert view.colours == ("orange",)
