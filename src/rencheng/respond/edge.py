"""What gateways did while they were alone: their logs, checked and taken as facts with their own times."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from rencheng.kernel import Bilingual, Draft, FactId, OrderRefused, from_micros, micros, require_utc
from rencheng.respond.facts import EdgeAlarmChanged, EdgeMessageSent, EdgeOrderEnded, EdgeOrderGiven
from rencheng.respond.model import EdgeLog
from rencheng.respond.orders import TakeEdgeRecord

__all__ = ["EDGE_ENTRIES", "edge_record_drafts", "log_with"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alarm:
    alarm_id: str
    sensor_id: str
    quantity: str
    rule: str
    hazard: str
    name: Bilingual
    state: str
    severity: str
    begun_at: int
    at: int
    value: float
    limit: float
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _OrderBody:
    order_id: str
    rule: str
    action: str
    hazard: str
    severity: str
    text: Bilingual
    channels: tuple[str, ...]
    sensor_id: str
    alarm_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ordered:
    what: str
    by: str
    reason: str
    order: _OrderBody


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    order_id: str
    what: str
    channel: str
    tries: int
    error: str


EDGE_ENTRIES: Mapping[str, type] = {"alarm": _Alarm, "order": _Ordered, "sent": _Sent, "unsent": _Sent}
"""Kind of entry of a gateway's log → type that reads its body."""


def edge_record_drafts(logs: Mapping[str, EdgeLog], order: TakeEdgeRecord) -> list[Draft]:
    """Give the facts of one entry of a gateway's log; an entry that is known gives none.

    Parameters
    ----------
    logs : mapping of str to EdgeLog
        How far the log of each gateway is known.
    order : TakeEdgeRecord
        The entry.

    Raises
    ------
    OrderRefused
        If its digest is not that of its text, or it does not follow the entry before.
    """
    at = require_utc(order.at, name="at")
    text = "\n".join((order.previous, order.edge_id, str(order.log_seq), str(micros(at)), order.kind, order.body))
    where = f"edge {order.edge_id!r} entry {order.log_seq}"
    if hashlib.sha256(text.encode()).hexdigest() != order.digest:
        raise OrderRefused("the digest is not that of the entry", where=where, mend="Check the gateway's log")
    known = logs.get(order.edge_id)
    if known is not None and order.log_seq <= known.log_seq:
        return []
    if known is not None and order.log_seq == known.log_seq + 1 and order.previous != known.digest:
        raise OrderRefused("it does not follow the entry before", where=where, mend="The gateway's log was changed")
    kind = EDGE_ENTRIES.get(order.kind)
    if kind is None:
        raise OrderRefused(f"unknown kind {order.kind!r}", where=where, mend=f"Use: {', '.join(EDGE_ENTRIES)}")
    try:
        body: Any = msgspec.json.decode(order.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise OrderRefused(f"the entry cannot be read: {error}", where=where) from error
    fact, actor, causes = _fact(body, order)
    causes_known = () if known is None else tuple(known.facts[name] for name in causes if name in known.facts)
    stream = f"edge/{order.edge_id}"
    cause = tuple(dict.fromkeys(causes_known))
    return [Draft(stream=stream, body=fact, occurred_at=_when(body, at), actor=actor, cause=cause)]


def _when(body: Any, at: datetime) -> datetime:
    """An alarm happened when its readings say; the rest when the gateway did it."""
    return from_micros(body.at) if isinstance(body, _Alarm) else at


def _fact(body: Any, order: TakeEdgeRecord) -> tuple[Any, str, tuple[str, ...]]:
    """The fact, who is behind it, and the names of what led to it."""
    log: dict[str, Any] = {
        "edge_id": order.edge_id,
        "log_seq": order.log_seq,
        "log_digest": order.digest,
        "clock_ahead_s": order.clock_ahead_s,
    }
    mine = f"edge:{order.edge_id}"
    if isinstance(body, _Alarm):
        same: tuple[str, ...] = ("alarm_id", "sensor_id", "quantity", "rule", "hazard", "state", "severity", "value")
        own: dict[str, Any] = {name: getattr(body, name) for name in same}
        fact = EdgeAlarmChanged(
            **log,
            **own,
            threshold=body.limit,
            confidence_prob=body.confidence,
            begun_at=from_micros(body.begun_at),
        )
        return fact, mine, (body.alarm_id,)
    if isinstance(body, _Sent):
        own = {name: getattr(body, name) for name in ("order_id", "what", "channel", "tries", "error")}
        return EdgeMessageSent(**log, **own), mine, (body.order_id,)
    given = body.order
    if body.what in {"given", "joined"}:
        same = ("order_id", "rule", "action", "hazard", "severity", "text", "channels", "sensor_id", "alarm_ids")
        own = {name: getattr(given, name) for name in same}
        return EdgeOrderGiven(**log, **own, joined=body.what == "joined"), mine, given.alarm_ids
    ended = EdgeOrderEnded(**log, order_id=given.order_id, how=body.what, by=body.by, reason=body.reason)
    return ended, mine if body.by == "clock" else f"person:{body.by}", (given.order_id,)


def _names(body: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names under which a fact leads to later ones, and names that it ends."""
    if isinstance(body, EdgeAlarmChanged):
        return ((), (body.alarm_id,)) if body.state == "cleared" else ((body.alarm_id,), ())
    if isinstance(body, EdgeOrderGiven):
        return (body.order_id,), ()
    return (), ()


def log_with(known: EdgeLog | None, body: Any, fact_id: FactId) -> EdgeLog:
    """A gateway's log after one more entry."""
    begun, ended = _names(body)
    facts = {} if known is None else {name: f for name, f in known.facts.items() if name not in ended}
    return EdgeLog(log_seq=body.log_seq, digest=body.log_digest, facts={**facts, **dict.fromkeys(begun, fact_id)})
