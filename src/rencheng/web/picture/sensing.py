"""The senses' part of the picture: feeds, sensors that are silent or doubted, and reports from people."""

from __future__ import annotations

from collections import Counter, deque
from datetime import datetime

from pydantic import Field

from rencheng.ledger import Entry
from rencheng.sense import facts as sense
from rencheng.web.picture.base import View

__all__ = ["ChannelHealth", "FeedView", "ReportView", "SensingBoard"]

_REPORTS_KEPT = 500


class FeedView(View):
    """A feed: what it brought and whether it is broken."""

    feed_id: str
    batches: int = 0
    accepted: int = 0
    repeated: int = 0
    refused: int = 0
    flagged: dict[str, int] = Field(default={}, description="Quality flag → readings that carry it")
    last_at: datetime | None = None
    failed: str = Field(default="", description="Why it is broken; empty while it delivers")


class ChannelHealth(View):
    """A channel that is silent or doubted."""

    sensor_id: str
    quantity: str
    silent_since: datetime | None = None
    flags: list[str] = Field(default=[], description="Why its readings do not deserve belief")
    detail: str = ""


class ReportView(View):
    """Something that a person, a hotline or a camera reported."""

    report_id: str
    source: str
    hazard: str
    category: str
    lon: float
    lat: float
    text: str
    depth_m: float | None
    people: int
    event_id: str
    at: datetime


class SensingBoard:
    """Feeds, unwell channels and the last reports."""

    def __init__(self) -> None:
        self.feeds: dict[str, FeedView] = {}
        self.health: dict[tuple[str, str], ChannelHealth] = {}
        self.reports: deque[ReportView] = deque(maxlen=_REPORTS_KEPT)
        self.report_count = 0

    def take(self, entry: Entry) -> None:
        """Let one sensing fact change the board."""
        match entry.body:
            case sense.BatchTaken() as body:
                self._batch(body)
            case sense.FeedFailed(feed_id=feed_id, reason=reason):
                self.feeds.setdefault(feed_id, FeedView(feed_id=feed_id)).failed = reason
            case sense.FeedRecovered(feed_id=feed_id):
                self.feeds.setdefault(feed_id, FeedView(feed_id=feed_id)).failed = ""
            case sense.SensorSilent(sensor_id=sensor_id, quantity=quantity, last_at=last_at):
                self._channel(sensor_id, quantity).silent_since = last_at
            case sense.SensorRecovered(sensor_id=sensor_id, quantity=quantity):
                self._channel(sensor_id, quantity).silent_since = None
                self._forget_well(sensor_id, quantity)
            case sense.SensorsSilent(quantity=quantity, sensor_ids=sensor_ids, last_at=last_at):
                for sensor_id, at in zip(sensor_ids, last_at, strict=True):
                    self._channel(sensor_id, quantity).silent_since = at
            case sense.SensorsRecovered(quantity=quantity, sensor_ids=sensor_ids):
                for sensor_id in sensor_ids:
                    self._channel(sensor_id, quantity).silent_since = None
                    self._forget_well(sensor_id, quantity)
            case sense.SensorSuspected(sensor_id=sensor_id, quantity=quantity, flag=flag, detail=detail):
                channel = self._channel(sensor_id, quantity)
                channel.flags = sorted({*channel.flags, flag})
                channel.detail = detail
            case sense.SensorTrusted(sensor_id=sensor_id, quantity=quantity, flag=flag):
                channel = self._channel(sensor_id, quantity)
                channel.flags = [known for known in channel.flags if known != flag]
                self._forget_well(sensor_id, quantity)
            case sense.ReportReceived() as body:
                self._report(body, entry.occurred_at)
            case _:
                pass

    def _batch(self, body: sense.BatchTaken) -> None:
        feed = self.feeds.setdefault(body.feed_id, FeedView(feed_id=body.feed_id))
        feed.batches += 1
        feed.accepted += body.accepted
        feed.repeated += body.repeated
        feed.refused += body.refused
        feed.flagged = dict(sorted((Counter(feed.flagged) + Counter(body.flagged)).items()))
        feed.last_at = body.last_at or feed.last_at

    def _channel(self, sensor_id: str, quantity: str) -> ChannelHealth:
        return self.health.setdefault((sensor_id, quantity), ChannelHealth(sensor_id=sensor_id, quantity=quantity))

    def _forget_well(self, sensor_id: str, quantity: str) -> None:
        channel = self._channel(sensor_id, quantity)
        if channel.silent_since is None and not channel.flags:
            del self.health[sensor_id, quantity]

    def _report(self, body: sense.ReportReceived, at: datetime) -> None:
        self.report_count += 1
        self.reports.append(
            ReportView(
                report_id=body.report_id,
                source=body.source,
                hazard=body.hazard,
                category=body.category,
                lon=body.lon,
                lat=body.lat,
                text=body.text,
                depth_m=body.depth_m,
                people=body.people,
                event_id=body.event_id,
                at=at,
            )
        )
