"""What a delivery, and the passing of time, mean for feeds and sensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from rencheng.city import DeviceRegistry
from rencheng.kernel import QUANTITIES, Draft, FactId, from_micros, micros
from rencheng.sense.batch import Intake
from rencheng.sense.facts import (
    BatchTaken,
    FeedFailed,
    FeedRecovered,
    SensorRecovered,
    SensorSilent,
    SensorsRecovered,
    SensorsSilent,
    SensorSuspected,
    SensorTrusted,
)
from rencheng.sense.fault_watch import FaultWatch
from rencheng.sense.health_watch import DOUBTS, ChannelKey, HealthWatch
from rencheng.sense.maintenance import follow_faults
from rencheng.sense.model import State
from rencheng.sense.ports import ReadingStore

__all__ = ["Inputs", "decide", "feed_failed", "feed_recovered", "next_due"]

_HEALTH_RULE = "rule:sensor_health"
MANY = 1_000
"""From so many channels that fall silent or come back in one turn on they are told together."""
TOGETHER = 5_000
"""Channels told in one fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What stays the same in a run.

    Parameters
    ----------
    readings : ReadingStore
        The store, asked for the condition of channels.
    silent_after : float
        Expected intervals without a reading after which a channel is silent.
    silent_min_s : float
        No channel is silent sooner than this, whatever its interval.
    devices : DeviceRegistry
        Devices that the city package lists.

    Attributes
    ----------
    faults : FaultWatch
        Which sensors disagree with their neighbours.
    watch : HealthWatch
        Which sensors are silent or doubtful.
    """

    readings: ReadingStore
    silent_after: float = 3.0
    silent_min_s: float = 3600.0
    devices: DeviceRegistry = field(default_factory=DeviceRegistry)
    faults: FaultWatch = field(init=False, repr=False, compare=False)
    watch: HealthWatch = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "faults", FaultWatch(self.readings))
        object.__setattr__(self, "watch", HealthWatch(self.readings, self.silent_after, self.silent_min_s))


def decide(state: State, inputs: Inputs, now: datetime, intake: Intake | None = None) -> list[Draft]:
    """Say what is new: the batch taken, the feed mended, sensors silent, back, doubtful, trusted again.

    Sensor health is judged from the store's present condition against what was said before, so a turn that was lost
    between the store and the ledger is made up for at the next.

    Parameters
    ----------
    intake : Intake, optional
        The acknowledgement of the delivery that brought this turn about.
    """
    drafts: list[Draft] = []
    cause: tuple[FactId, ...] = ()
    if intake is not None:
        batch = _batch_draft(intake)
        cause = (batch.id,)
        drafts = feed_recovered(state, intake.feed_id, now)
        if not _told_already(state, intake):
            drafts.append(batch)
    watch = inputs.watch
    watch.look()
    drafts += _silence(state, watch, now, cause)
    drafts += _doubt(state, watch, now, cause)
    drafts += inputs.faults.drafts(state, now)
    return drafts + follow_faults(state, inputs.devices, drafts, now)


def _told_already(state: State, intake: Intake) -> bool:
    """Whether an acknowledgement given again is of a delivery that the ledger knows."""
    feed = state.feeds.get(intake.feed_id)
    if not intake.again or feed is None or feed.taken_at is None:
        return False
    return feed.position == intake.position or feed.taken_at > intake.taken_at


def _batch_draft(intake: Intake) -> Draft:
    body = BatchTaken(
        feed_id=intake.feed_id,
        position=intake.position,
        accepted=intake.accepted,
        repeated=intake.repeated,
        refused=intake.refused,
        flagged=intake.flagged,
        first_at=intake.first_at,
        last_at=intake.last_at,
    )
    feed = intake.feed_id
    return Draft(stream=f"feed/{feed}", body=body, occurred_at=intake.taken_at, actor=f"feed:{feed}")


def feed_failed(state: State, feed_id: str, reason: str, now: datetime) -> list[Draft]:
    """Say that a feed broke, unless that has been said already."""
    feed = state.feeds.get(feed_id)
    if feed is not None and feed.failed_at is not None:
        return []
    body = FeedFailed(feed_id=feed_id, reason=reason)
    return [Draft(stream=f"feed/{feed_id}", body=body, occurred_at=now, actor=f"feed:{feed_id}")]


def feed_recovered(state: State, feed_id: str, now: datetime) -> list[Draft]:
    """Say that a feed delivers again, if it was said to have failed."""
    feed = state.feeds.get(feed_id)
    if feed is None or feed.failed_at is None:
        return []
    body = FeedRecovered(feed_id=feed_id)
    return [Draft(stream=f"feed/{feed_id}", body=body, occurred_at=now, actor=f"feed:{feed_id}")]


def _silence(state: State, watch: HealthWatch, now: datetime, cause: tuple[FactId, ...]) -> list[Draft]:
    """Channels that fell silent, and those heard again."""
    said = state.silent
    fallen, back = watch.fallen_silent(said, now), watch.heard_again(said, now)
    names = watch.names(back)
    silent_s = [
        (last_us - micros(said[key])) / 1e6 for key, last_us in zip(names, watch.last_us(back).tolist(), strict=True)
    ]
    if len(fallen) >= MANY:
        last_at = [from_micros(last_us) for last_us in watch.last_us(fallen).tolist()]
        drafts = _together(SensorsSilent, watch.names(fallen), "last_at", last_at, now, cause)
    else:
        drafts = [_sensor_draft(_silent(row, now), now, cause) for row in watch.details(fallen)]
    if len(back) >= MANY:
        return drafts + _together(SensorsRecovered, names, "silent_s", silent_s, now, cause)
    return drafts + [
        _sensor_draft(SensorRecovered(sensor_id=key[0], quantity=key[1], silent_s=span), now, cause)
        for key, span in zip(names, silent_s, strict=True)
    ]


def _silent(row: dict[str, Any], now: datetime) -> SensorSilent:
    return SensorSilent(
        sensor_id=row["sensor_id"],
        quantity=row["quantity"],
        last_at=row["last_at"],
        expected_interval_s=row["interval_s"],
        missed_intervals=(micros(now) - micros(row["last_at"])) / 1e6 / row["interval_s"],
    )


def _together(
    kind: Any, names: Sequence[ChannelKey], what: str, values: Sequence[Any], now: datetime, cause: tuple[FactId, ...]
) -> list[Draft]:
    """Tell of very many channels by quantity, so many in a fact that a page can still show it."""
    of: dict[str, list[tuple[str, Any]]] = {}
    for (sensor, quantity), value in zip(names, values, strict=True):
        of.setdefault(quantity, []).append((sensor, value))
    drafts = []
    for quantity, told in sorted(of.items()):
        for first in range(0, len(told), TOGETHER):
            sensors, each = zip(*told[first : first + TOGETHER], strict=True)
            body = kind(quantity=quantity, sensor_ids=sensors, **{what: each})
            stream = f"sensors/{quantity}"
            drafts.append(Draft(stream=stream, body=body, occurred_at=now, actor=_HEALTH_RULE, cause=cause))
    return drafts


def _doubt(state: State, watch: HealthWatch, now: datetime, cause: tuple[FactId, ...]) -> list[Draft]:
    """Channels that are to be doubted, and those believed again."""
    doubted = watch.to_doubt(state.suspected)
    rows = watch.details(np.array([number for number, _ in doubted], dtype=np.int64))
    bodies: list[Any] = [
        SensorSuspected(
            sensor_id=row["sensor_id"], quantity=row["quantity"], flag=DOUBTS[k], detail=_why(DOUBTS[k], row)
        )
        for (_, k), row in zip(doubted, rows, strict=True)
    ]
    trusted = watch.to_trust(state.suspected)
    bodies += [SensorTrusted(sensor_id=key[0], quantity=key[1], flag=flag) for key, flag in trusted]
    return [_sensor_draft(body, now, cause) for body in bodies]


def _why(flag: str, row: dict[str, Any]) -> str:
    """Give the reason of a doubt in words a duty officer can check."""
    of = QUANTITIES[row["quantity"]]
    value = f"{row['last_value']:.6g} {of.unit}"
    if flag == "out_of_range":
        return f"reads {value}; possible is {of.low:g} to {of.high:g} {of.unit}"
    if flag == "stuck":
        return f"has stood at {value} since {row['same_since']:%Y-%m-%dT%H:%MZ}"
    good = row["good_value"]
    before = "" if np.isnan(good) else f"; believed last: {good:.6g} {of.unit}"
    if flag == "impossible_rate":
        return f"reads {value} after changes of more than {of.max_rate_per_h:g} {of.unit} an hour{before}"
    return f"reads {value}, a level that shifted in one step or an altitude in place of a stage{before}"


def _sensor_draft(body: Any, now: datetime, cause: tuple[FactId, ...]) -> Draft:
    return Draft(stream=f"sensor/{body.sensor_id}", body=body, occurred_at=now, actor=_HEALTH_RULE, cause=cause)


def next_due(state: State, inputs: Inputs) -> datetime | None:
    """Give the earliest instant at which a channel that is heard now will have been silent for too long."""
    inputs.watch.look()
    due = inputs.watch.next_due_us(state.silent)
    return from_micros(int(due)) + timedelta(microseconds=1) if np.isfinite(due) else None
