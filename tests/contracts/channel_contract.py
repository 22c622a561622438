"""What every channel must do, whatever it reaches."""

from __future__ import annotations

from rencheng.warn import Channel, Notice

__all__ = ["ChannelContract"]


class ChannelContract:
    """Suite for one channel; a subclass gives ``channel`` and ``taken`` (how many messages the receiver has)."""

    channel: Channel
    notice: Notice

    def taken(self) -> int:
        raise NotImplementedError

    def test_a_message_gives_a_receipt_that_says_something(self) -> None:
        receipt = self.channel.send("message-1", self.notice)
        assert receipt
        assert self.taken() == 1

    def test_a_message_sent_twice_has_one_effect_and_the_same_receipt(self) -> None:
        first = self.channel.send("message-1", self.notice)
        assert self.channel.send("message-1", self.notice) == first
        assert self.taken() == 1

    def test_two_messages_are_two(self) -> None:
        self.channel.send("message-1", self.notice)
        self.channel.send("message-2", self.notice)
        assert self.taken() == 2
