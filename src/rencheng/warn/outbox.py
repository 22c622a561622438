"""The outbox: messages are queued with the warning they carry, tried until taken, and given up as a fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from rencheng.kernel import Draft, RenchengError, derived_id
from rencheng.warn.facts import MessageAbandoned, MessageDelivered, MessageFailed, MessageQueued
from rencheng.warn.model import Message, State
from rencheng.warn.ports import Channel

__all__ = ["FIRST_RETRY", "LONGEST_RETRY", "MOST_ATTEMPTS", "deliver", "pending", "queue", "retry_delay"]

FIRST_RETRY = timedelta(seconds=15)
LONGEST_RETRY = timedelta(minutes=15)
MOST_ATTEMPTS = 8
"""Tries before a message is given up: over about 30 minutes with the delays above."""


def queue(cause: Draft, warning_id: str, notice_id: str, channels: Sequence[str], now: datetime) -> list[Draft]:
    """Give the messages of a notice, one per channel, to be committed together with the warning's own fact."""
    drafts = []
    for channel in channels:
        message_id = derived_id("message", notice_id, channel)
        body = MessageQueued(message_id=message_id, warning_id=warning_id, notice_id=notice_id, channel=channel)
        drafts.append(
            Draft(stream=f"message/{message_id}", body=body, occurred_at=now, actor="rule:outbox", cause=(cause.id,))
        )
    return drafts


def pending(state: State, now: datetime) -> list[Message]:
    """Messages due to be tried, in the order they were queued."""
    return [m for m in state.outbox.values() if m.due_at <= now]


def retry_delay(attempt: int) -> timedelta:
    """Wait after a failed try, doubling from 15 s to at most 15 min.

    Examples
    --------
    >>> [retry_delay(n).total_seconds() for n in (1, 2, 3)]
    [15.0, 30.0, 60.0]
    """
    return min(FIRST_RETRY * float(2 ** (attempt - 1)), LONGEST_RETRY)


def deliver(messages: Sequence[Message], channels: Mapping[str, Channel], now: datetime) -> list[Draft]:
    """Try messages on their channels and give what came of each.

    A channel that fails does not hold up the others; a channel that this run does not have fails like any other, so
    that the message is given up in the open and not lost.
    """
    return [_try(message, channels.get(message.channel), now) for message in messages]


def _try(message: Message, channel: Channel | None, now: datetime) -> Draft:
    body = _outcome(message, channel, message.attempts + 1, now)
    return Draft(
        stream=f"message/{message.message_id}",
        body=body,
        occurred_at=now,
        actor=f"channel:{message.channel}",
        cause=(message.fact_id,),
    )


def _outcome(
    message: Message, channel: Channel | None, attempt: int, now: datetime
) -> MessageDelivered | MessageFailed | MessageAbandoned:
    if channel is None:
        reason = f"this run has no channel {message.channel!r}. Name it in the settings"
        return _failed(message, attempt, reason, now)
    try:
        receipt = channel.send(message.message_id, message.notice)
    except (RenchengError, OSError) as error:
        return _failed(message, attempt, str(error), now)
    return MessageDelivered(message_id=message.message_id, channel=message.channel, attempt=attempt, receipt=receipt)


def _failed(message: Message, attempt: int, reason: str, now: datetime) -> MessageFailed | MessageAbandoned:
    if attempt >= MOST_ATTEMPTS:
        return MessageAbandoned(message_id=message.message_id, channel=message.channel, attempts=attempt, reason=reason)
    return MessageFailed(
        message_id=message.message_id,
        channel=message.channel,
        attempt=attempt,
        reason=reason,
        retry_at=now + retry_delay(attempt),
    )
