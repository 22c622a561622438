"""What a delivery, and the passing of time, mean for feeds and sensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.city import DeviceRegistry
from rencheng.kernel import QUANTITIES, Draft, FactId, from_micros, micros
from rencheng.sense.batch import Intake
from rencheng.sense.facts import (
    BatchTaken,
    FeedFailed,
    FeedRecovered,
    SensorRecovered,
    SensorSilent,
    SensorSuspected,
    SensorTrusted,
)
from rencheng.sense.fault_watch import FaultWatch
from rencheng.sense.maintenance import follow_faults
from rencheng.sense.model import State
from rencheng.sense.ports import ReadingStore

__all__ = ["Inputs", "decide", "feed_failed", "feed_recovered", "next_due"]

SUSPECT_AT = 3
"""A channel is suspected when its counter for a flag reaches this, and trusted again when it is back at 0."""
_FLAGS = ("out_of_range", "impossible_rate", "stuck", "datum_jump")
_HEALTH_RULE = "rule:sensor_health"


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
    """

    readings: ReadingStore
    silent_after: float = 3.0
    silent_min_s: float = 3600.0
    devices: DeviceRegistry = field(default_factory=DeviceRegistry)
    faults: FaultWatch = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "faults", FaultWatch(self.readings))


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
    health = inputs.readings.health()
    if health.num_rows:
        drafts += _silence(state, inputs, now, health, cause)
        drafts += _doubt(state, now, health, cause)
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


def _patience_us(inputs: Inputs, health: pa.Table) -> NDArray[np.float64]:
    """Microseconds without a reading after which each channel is silent; NaN where no interval is known yet."""
    interval = health["interval_s"].to_numpy()
    return np.asarray(np.maximum(interval * inputs.silent_after, inputs.silent_min_s) * 1e6)


def _last_us(health: pa.Table) -> NDArray[np.int64]:
    # a channel whose every reading was out of turn has no last one; it counts as never heard
    return np.asarray(health["last_at"].cast(pa.int64()).fill_null(0).to_numpy(), dtype=np.int64)


def _silence(state: State, inputs: Inputs, now: datetime, health: pa.Table, cause: tuple[FactId, ...]) -> list[Draft]:
    last = _last_us(health)
    quiet = (micros(now) - last > _patience_us(inputs, health)) & (last > 0)
    sensor, of = health["sensor_id"], health["quantity"]
    drafts = []
    for i in np.flatnonzero(quiet).tolist():
        key = (sensor[i].as_py(), of[i].as_py())
        if key not in state.silent:
            interval = float(health["interval_s"][i].as_py())
            silent = SensorSilent(
                sensor_id=key[0],
                quantity=key[1],
                last_at=from_micros(int(last[i])),
                expected_interval_s=interval,
                missed_intervals=(micros(now) - int(last[i])) / 1e6 / interval,
            )
            drafts.append(_sensor_draft(silent, now, cause))
    if state.silent:
        place = _places(health)
        for key, last_at in sorted(state.silent.items()):
            at = place.get(key)
            if at is not None and not quiet[at] and int(last[at]) > micros(last_at):
                silent_s = (int(last[at]) - micros(last_at)) / 1e6
                body = SensorRecovered(sensor_id=key[0], quantity=key[1], silent_s=silent_s)
                drafts.append(_sensor_draft(body, now, cause))
    return drafts


def _doubt(state: State, now: datetime, health: pa.Table, cause: tuple[FactId, ...]) -> list[Draft]:
    drafts = []
    sensor, quantity = health["sensor_id"], health["quantity"]
    for flag in _FLAGS:
        for i in np.flatnonzero(health[flag].to_numpy() >= SUSPECT_AT).tolist():
            key = (sensor[i].as_py(), quantity[i].as_py())
            if flag not in state.suspected.get(key, {}):
                row = health.slice(i, 1).to_pylist()[0]
                body = SensorSuspected(sensor_id=key[0], quantity=key[1], flag=flag, detail=_why(flag, row))
                drafts.append(_sensor_draft(body, now, cause))
    if state.suspected:
        place = _places(health)
        counters = {flag: health[flag].to_numpy() for flag in _FLAGS}
        for (sensor_id, of), flags in sorted(state.suspected.items()):
            at = place.get((sensor_id, of))
            for flag in flags if at is not None else ():
                if flag in counters and counters[flag][at] == 0:
                    body_ = SensorTrusted(sensor_id=sensor_id, quantity=of, flag=flag)
                    drafts.append(_sensor_draft(body_, now, cause))
    return drafts


def _places(health: pa.Table) -> dict[tuple[str, str], int]:
    keys = zip(health["sensor_id"].to_pylist(), health["quantity"].to_pylist(), strict=True)
    return {key: i for i, key in enumerate(keys)}


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
    health = inputs.readings.health()
    if not health.num_rows:
        return None
    last = _last_us(health)
    due = last + _patience_us(inputs, health)
    heard = ~np.isnan(due) & (last > 0)
    if state.silent:
        place = _places(health)
        heard[[place[key] for key in state.silent if key in place]] = False
    return from_micros(int(due[heard].min())) + timedelta(microseconds=1) if heard.any() else None
