"""What warning knows: what assessment says now and said lately, warnings that stand, and messages on their way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from rencheng.assess.facts import (
    FloodForecastPublished,
    ForecastPublished,
    RiskAssessed,
    SignalCleared,
    SignalRaised,
)
from rencheng.kernel import FactId
from rencheng.ledger import Entry
from rencheng.sense.facts import ReportReceived
from rencheng.warn.facts import (
    MessageAbandoned,
    MessageDelivered,
    MessageFailed,
    MessageQueued,
    Notice,
    WarningCancelled,
    WarningDowngraded,
    WarningExpired,
    WarningIssued,
    WarningUpdated,
    WarningUpgraded,
)

__all__ = [
    "MOST_HYSTERESIS",
    "Closed",
    "Episode",
    "Message",
    "Receipt",
    "Standing",
    "State",
    "cap_instant",
    "evolve",
    "initial_state",
]

MOST_HYSTERESIS = timedelta(hours=24)
"""How far back a rule's hysteresis may look; what ended longer ago is forgotten."""

_START = datetime(1970, 1, 1, tzinfo=UTC)
_FAINT = 0.05
"""A forecast below this probability everywhere never keeps a warning up, so its past need not be remembered."""

Judgement = SignalRaised | ForecastPublished | FloodForecastPublished | RiskAssessed | ReportReceived


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A judgement of assessment (or a report) and the time through which it held."""

    fact_id: FactId
    body: Judgement
    since: datetime
    until: datetime | None = None
    """When something later replaced or cleared it; None while it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A warning that stands."""

    warning_id: str
    notice: Notice
    """The latest notice."""
    issued_at: datetime
    colours: tuple[str, ...]
    """Colours through which it went, first to last."""
    fact_ids: tuple[FactId, ...]

    @property
    def references(self) -> tuple[str, ...]:
        """What the next notice refers to: every earlier one as ``sender,identifier,sent``."""
        return (*self.notice.references, reference(self.notice))


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A warning that is over."""

    warning_id: str
    notice: Notice
    """The last notice: the cancellation, or the one that ran out."""
    colours: tuple[str, ...]
    issued_at: datetime
    closed_at: datetime
    how: str
    """cancelled or expired"""
    withdrawn: bool
    """Whether a person took it back: the rules then keep silent until it would have run out, unless worse comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that no channel has taken yet."""

    message_id: str
    warning_id: str
    channel: str
    notice: Notice
    attempts: int
    due_at: datetime
    queued_at: datetime
    fact_id: FactId


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a message."""

    message_id: str
    warning_id: str
    notice_id: str
    channel: str
    queued_at: datetime
    closed_at: datetime
    attempts: int
    delivered: bool
    text: str
    """The channel's receipt, or why it was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """State of warning; dictionaries inside are never mutated.

    Attributes
    ----------
    as_of : datetime
        Latest instant heard of.
    live : dict of str to Episode
        What holds now, by what it is about (``signal/…``, ``forecast/…``, ``risk/…``, ``report/…``).
    past : dict of str to tuple of Episode
        What held within the longest hysteresis time, oldest first.
    standing : dict of str to Standing
        Warnings that stand, in order of issue.
    closed : tuple of Closed
        Warnings that are over, in order of closing.
    outbox : dict of str to Message
        Messages on their way.
    receipts : dict of str to Receipt
        Messages delivered or given up.
    """

    as_of: datetime = _START
    live: dict[str, Episode] = field(default_factory=dict)
    past: dict[str, tuple[Episode, ...]] = field(default_factory=dict)
    standing: dict[str, Standing] = field(default_factory=dict)
    closed: tuple[Closed, ...] = ()
    outbox: dict[str, Message] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)


def initial_state() -> State:
    """State before the first fact."""
    return State()


def reference(notice: Notice) -> str:
    """How CAP refers to a message: ``sender,identifier,sent``."""
    return f"{notice.sender},{notice.notice_id},{cap_instant(notice.sent_at)}"


def cap_instant(instant: datetime) -> str:
    """Instant as CAP 1.2 §3.3.2 writes it: whole seconds, offset with sign and never ``Z``.

    Examples
    --------
    >>> cap_instant(datetime(2024, 5, 1, 12, 0, tzinfo=UTC))
    '2024-05-01T12:00:00+00:00'
    """
    return instant.astimezone(UTC).replace(microsecond=0).isoformat()


def evolve(state: State, entry: Entry) -> State:
    """Give the state after one more fact; facts that mean nothing to warning leave it as it is."""
    step = _STEPS.get(type(entry.body))
    return step(state, entry) if step is not None else state


def _on_signal(state: State, entry: Entry) -> State:
    return _begin(state, f"signal/{entry.body.signal_id}", entry)


def _on_clear(state: State, entry: Entry) -> State:
    return _end(state, f"signal/{entry.body.signal_id}", entry)


def _on_forecast(state: State, entry: Entry) -> State:
    body = entry.body
    return _begin(state, f"forecast/{body.sensor_id}/{body.quantity}/{body.model}", entry)


def _on_flood(state: State, entry: Entry) -> State:
    return _begin(state, f"flood/{entry.body.model}", entry)


def _on_risk(state: State, entry: Entry) -> State:
    return _begin(state, f"risk/{entry.body.hazard}/{entry.body.model}", entry)


def _on_report(state: State, entry: Entry) -> State:
    return _begin(_forget_reports(state, entry.occurred_at), f"report/{entry.body.report_id}", entry)


def _begin(state: State, key: str, entry: Entry) -> State:
    state = _end(state, key, entry)
    episode = Episode(fact_id=entry.id, body=entry.body, since=entry.occurred_at)
    return replace(state, live={**state.live, key: episode}, as_of=max(state.as_of, entry.occurred_at))


def _end(state: State, key: str, entry: Entry) -> State:
    before = state.live.get(key)
    if before is None:
        return state
    now = entry.occurred_at
    live = {k: v for k, v in state.live.items() if k != key}
    past = state.past
    recent = tuple(e for e in past.get(key, ()) if e.until is not None and e.until > now - MOST_HYSTERESIS)
    if _speaks(before.body):
        recent = (*recent, replace(before, until=now))
    if recent:
        past = {**past, key: recent}
    elif key in past:
        past = {k: v for k, v in past.items() if k != key}
    return replace(state, live=live, past=past, as_of=max(state.as_of, now))


def _speaks(body: Judgement) -> bool:
    match body:
        case ForecastPublished(horizons=horizons):
            return any(p >= _FAINT for h in horizons for p in h.exceed_prob.values())
        case RiskAssessed(totals=totals):
            return any(t.colour for t in totals)
        case FloodForecastPublished(totals=totals):
            return any(t.area_km2 > 0.0 for t in totals)
        case _:
            return True


def _forget_reports(state: State, now: datetime) -> State:
    old = [
        key
        for key, e in state.live.items()
        if isinstance(e.body, ReportReceived) and e.since <= now - 2 * MOST_HYSTERESIS
    ]
    if not old:
        return state
    gone = frozenset(old)
    return replace(state, live={k: v for k, v in state.live.items() if k not in gone})


def _stand(state: State, entry: Entry) -> State:
    body = entry.body
    before = state.standing.get(body.warning_id)
    colour = body.notice.colour
    if before is None and any(c.warning_id == body.warning_id for c in state.closed):
        return state  # nothing raises a warning that is over
    if before is None:
        now = Standing(
            warning_id=body.warning_id,
            notice=body.notice,
            issued_at=entry.occurred_at,
            colours=(colour,),
            fact_ids=(entry.id,),
        )
    else:
        colours = before.colours if before.notice.colour == colour else (*before.colours, colour)
        now = replace(before, notice=body.notice, colours=colours, fact_ids=(*before.fact_ids, entry.id))
    return replace(state, standing={**state.standing, body.warning_id: now}, as_of=max(state.as_of, entry.occurred_at))


def _on_cancel(state: State, entry: Entry) -> State:
    return _close(state, entry.body.warning_id, "cancelled", entry)


def _on_expire(state: State, entry: Entry) -> State:
    return _close(state, entry.body.warning_id, "expired", entry)


def _close(state: State, warning_id: str, how: str, entry: Entry) -> State:
    before = state.standing.get(warning_id)
    if before is None:
        return state
    closed = Closed(
        warning_id=warning_id,
        notice=entry.body.notice if how == "cancelled" else before.notice,
        colours=before.colours,
        issued_at=before.issued_at,
        closed_at=entry.occurred_at,
        how=how,
        withdrawn=how == "cancelled" and not entry.actor.startswith("rule:"),
    )
    return replace(
        state,
        standing={k: v for k, v in state.standing.items() if k != warning_id},
        closed=(*state.closed, closed),
        as_of=max(state.as_of, entry.occurred_at),
    )


def _post(state: State, entry: Entry) -> State:
    body = entry.body
    state = replace(state, as_of=max(state.as_of, entry.occurred_at))
    if isinstance(body, MessageQueued):
        return _queue(state, body, entry)
    message = state.outbox.get(body.message_id)
    if message is None:
        return state
    if isinstance(body, MessageFailed):
        tried = replace(message, attempts=body.attempt, due_at=body.retry_at)
        return replace(state, outbox={**state.outbox, body.message_id: tried})
    delivered = isinstance(body, MessageDelivered)
    receipt = Receipt(
        message_id=message.message_id,
        warning_id=message.warning_id,
        notice_id=message.notice.notice_id,
        channel=message.channel,
        queued_at=message.queued_at,
        closed_at=entry.occurred_at,
        attempts=body.attempt if isinstance(body, MessageDelivered) else body.attempts,
        delivered=delivered,
        text=body.receipt if isinstance(body, MessageDelivered) else body.reason,
    )
    outbox = {k: v for k, v in state.outbox.items() if k != body.message_id}
    return replace(state, outbox=outbox, receipts={**state.receipts, body.message_id: receipt})


def _queue(state: State, body: MessageQueued, entry: Entry) -> State:
    notice = _notice(state, body.warning_id, body.notice_id)
    if notice is None or body.message_id in state.outbox or body.message_id in state.receipts:
        return state
    message = Message(
        message_id=body.message_id,
        warning_id=body.warning_id,
        channel=body.channel,
        notice=notice,
        attempts=0,
        due_at=entry.occurred_at,
        queued_at=entry.occurred_at,
        fact_id=entry.id,
    )
    return replace(state, outbox={**state.outbox, body.message_id: message})


def _notice(state: State, warning_id: str, notice_id: str) -> Notice | None:
    standing = state.standing.get(warning_id)
    latest = [standing.notice] if standing is not None else []
    latest += [c.notice for c in reversed(state.closed) if c.warning_id == warning_id]
    return next((n for n in latest if n.notice_id == notice_id), None)


_STEPS: dict[type, Callable[[State, Entry], State]] = {
    SignalRaised: _on_signal,
    SignalCleared: _on_clear,
    ForecastPublished: _on_forecast,
    FloodForecastPublished: _on_flood,
    RiskAssessed: _on_risk,
    ReportReceived: _on_report,
    WarningIssued: _stand,
    WarningUpgraded: _stand,
    WarningDowngraded: _stand,
    WarningUpdated: _stand,
    WarningCancelled: _on_cancel,
    WarningExpired: _on_expire,
    MessageQueued: _post,
    MessageDelivered: _post,
    MessageFailed: _post,
    MessageAbandoned: _post,
}
