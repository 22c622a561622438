"""What sensing knows of itself by its own facts: feeds, silent and doubtful channels, events reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from rencheng.kernel import cell_of
from rencheng.ledger import Entry
from rencheng.sense.device_state import DEVICE_FACTS, DeviceChanges, evolve_devices
from rencheng.sense.facts import (
    BatchTaken,
    FeedFailed,
    FeedRecovered,
    ReportReceived,
    SensorRecovered,
    SensorSilent,
    SensorsRecovered,
    SensorsSilent,
    SensorSuspected,
    SensorTrusted,
)
from rencheng.sense.fusion import Recent, RecentReport, with_report
from rencheng.sense.refused import is_reoffer

__all__ = ["FUSION_RESOLUTION", "EventState", "FeedState", "State", "evolve", "initial_state"]

ChannelKey = tuple[str, str]
"""Sensor and quantity."""
FUSION_RESOLUTION = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """A feed as its facts tell."""

    feed_id: str
    position: str = ""
    taken_at: datetime | None = None
    batches: int = 0
    accepted: int = 0
    repeated: int = 0
    refused: int = 0
    failed_at: datetime | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventState:
    """Reports fused to one event, with all they came from."""

    event_id: str
    hazard: str
    categories: tuple[str, ...]
    sources: tuple[str, ...]
    report_ids: tuple[str, ...]
    lon: float
    lat: float
    first_at: datetime
    last_at: datetime
    depth_m: float | None
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state of sensing; the dictionaries inside are replaced, never changed."""

    feeds: Mapping[str, FeedState] = field(default_factory=dict)
    silent: Mapping[ChannelKey, datetime] = field(default_factory=dict)
    """Silent channel → its last reading."""
    suspected: Mapping[ChannelKey, Mapping[str, datetime]] = field(default_factory=dict)
    """Doubtful channel → flag → since when."""
    events: Mapping[str, EventState] = field(default_factory=dict)
    recent: Recent = field(default_factory=dict)
    devices: DeviceChanges = field(default_factory=DeviceChanges)


def initial_state() -> State:
    """Give the state before any fact."""
    return State()


def evolve(state: State, entry: Entry) -> State:
    """Give the state after a fact; facts of other stages change nothing."""
    change = _CHANGES.get(type(entry.body))
    return state if change is None else change(state, entry)


def _batch_taken(state: State, entry: Entry) -> State:
    body: BatchTaken = entry.body
    feed = state.feeds.get(body.feed_id, FeedState(feed_id=body.feed_id))
    feed = replace(
        feed,
        position=feed.position if is_reoffer(body.position) else body.position,
        taken_at=entry.occurred_at,
        batches=feed.batches + 1,
        accepted=feed.accepted + body.accepted,
        repeated=feed.repeated + body.repeated,
        refused=feed.refused + body.refused,
    )
    return replace(state, feeds={**state.feeds, body.feed_id: feed})


def _feed_failed(state: State, entry: Entry) -> State:
    body: FeedFailed = entry.body
    feed = state.feeds.get(body.feed_id, FeedState(feed_id=body.feed_id))
    failed = replace(feed, failed_at=entry.occurred_at, failure=body.reason)
    return replace(state, feeds={**state.feeds, body.feed_id: failed})


def _feed_recovered(state: State, entry: Entry) -> State:
    body: FeedRecovered = entry.body
    feed = state.feeds.get(body.feed_id, FeedState(feed_id=body.feed_id))
    return replace(state, feeds={**state.feeds, body.feed_id: replace(feed, failed_at=None, failure="")})


def _sensor_silent(state: State, entry: Entry) -> State:
    body: SensorSilent = entry.body
    return replace(state, silent={**state.silent, (body.sensor_id, body.quantity): body.last_at})


def _sensor_recovered(state: State, entry: Entry) -> State:
    body: SensorRecovered = entry.body
    key = (body.sensor_id, body.quantity)
    return replace(state, silent={k: at for k, at in state.silent.items() if k != key})


def _sensors_silent(state: State, entry: Entry) -> State:
    body: SensorsSilent = entry.body
    fallen = {(sensor, body.quantity): at for sensor, at in zip(body.sensor_ids, body.last_at, strict=True)}
    return replace(state, silent={**state.silent, **fallen})


def _sensors_recovered(state: State, entry: Entry) -> State:
    body: SensorsRecovered = entry.body
    back = {(sensor, body.quantity) for sensor in body.sensor_ids}
    return replace(state, silent={k: at for k, at in state.silent.items() if k not in back})


def _sensor_suspected(state: State, entry: Entry) -> State:
    body: SensorSuspected = entry.body
    key = (body.sensor_id, body.quantity)
    flags = {**state.suspected.get(key, {}), body.flag: entry.occurred_at}
    return replace(state, suspected={**state.suspected, key: flags})


def _sensor_trusted(state: State, entry: Entry) -> State:
    body: SensorTrusted = entry.body
    key = (body.sensor_id, body.quantity)
    flags = {flag: at for flag, at in state.suspected.get(key, {}).items() if flag != body.flag}
    others = {k: v for k, v in state.suspected.items() if k != key}
    return replace(state, suspected={**others, key: flags} if flags else others)


def _report_received(state: State, entry: Entry) -> State:
    body: ReportReceived = entry.body
    at = entry.occurred_at
    recent = RecentReport(event_id=body.event_id, hazard=body.hazard, lon=body.lon, lat=body.lat, at=at)
    event = _event_with(state.events.get(body.event_id), body, at)
    cell = cell_of(body.lon, body.lat, FUSION_RESOLUTION)
    return replace(state, events={**state.events, body.event_id: event}, recent=with_report(state.recent, cell, recent))


def _event_with(event: EventState | None, body: ReportReceived, at: datetime) -> EventState:
    if event is None:
        return EventState(
            event_id=body.event_id,
            hazard=body.hazard,
            categories=(body.category,),
            sources=(body.source,),
            report_ids=(body.report_id,),
            lon=body.lon,
            lat=body.lat,
            first_at=at,
            last_at=at,
            depth_m=body.depth_m,
            people=body.people,
        )
    n = len(event.report_ids)
    depths = [depth for depth in (event.depth_m, body.depth_m) if depth is not None]
    return replace(
        event,
        categories=tuple(dict.fromkeys((*event.categories, body.category))),
        sources=tuple(dict.fromkeys((*event.sources, body.source))),
        report_ids=(*event.report_ids, body.report_id),
        lon=(event.lon * n + body.lon) / (n + 1),
        lat=(event.lat * n + body.lat) / (n + 1),
        first_at=min(event.first_at, at),
        last_at=max(event.last_at, at),
        depth_m=max(depths, default=None),
        people=max(event.people, body.people),
    )


def _devices(state: State, entry: Entry) -> State:
    return replace(state, devices=evolve_devices(state.devices, entry))


_CHANGES: dict[type, Callable[[State, Entry], State]] = {
    BatchTaken: _batch_taken,
    FeedFailed: _feed_failed,
    FeedRecovered: _feed_recovered,
    SensorSilent: _sensor_silent,
    SensorRecovered: _sensor_recovered,
    SensorsSilent: _sensors_silent,
    SensorsRecovered: _sensors_recovered,
    SensorSuspected: _sensor_suspected,
    SensorTrusted: _sensor_trusted,
    ReportReceived: _report_received,
    **dict.fromkeys(DEVICE_FACTS, _devices),
}
