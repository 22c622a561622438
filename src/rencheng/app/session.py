"""A session: one run with its clock in a thread, as the page and the API see it. Every method is thread-safe."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from rencheng.adapters.raster import rain_picture_from_raster
from rencheng.adapters.sensorthings import FEED_ID, SensorThings
from rencheng.app.batch_cadence import BatchCadence
from rencheng.app.clocks import Moment
from rencheng.app.compose import Run
from rencheng.app.connectors import FeedCondition
from rencheng.app.feed_care import FeedCare, reoffered_draft
from rencheng.app.live_intake import LiveIntake, feed_notice
from rencheng.app.open_run import make_report
from rencheng.app.rain_forecasts import rain_forecast_of
from rencheng.app.sensorthings import sensorthings_feed, sensorthings_of
from rencheng.app.stages import Inputs, States
from rencheng.assess.ports import FieldStore
from rencheng.city import City
from rencheng.evaluate import report_html, report_json
from rencheng.kernel import Bilingual, Draft, InvalidInput, OrderRefused, RenchengError
from rencheng.ledger import Entry, Ledger
from rencheng.sense import (
    Delivery,
    FeedConfig,
    Intake,
    Readings,
    ReloadFeed,
    ReofferRefused,
    TakeRainPicture,
    rain_forecast_order,
    rain_forecast_table,
    rain_picture_table,
)
from rencheng.sense.facts import FeedReloaded
from rencheng.sense.ports import Alarms
from rencheng.sense.refused import RefusedQuery

__all__ = ["ClockReading", "Score", "Session"]

_LOG = logging.getLogger(__name__)
_LISTEN_S = 0.1
"""How often a live run listens to what feeds delivered."""
_REST_RATIO = 3.0
"""After a turn that feeds brought about, a live run rests so many times as long as the turn took: feeds never stop, and
people's orders and the feeds' own threads need the processor too. An alarm cuts the rest short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """What the run's clock shows."""

    mode: str
    now: datetime
    speed: float
    phase: str
    """starting, running, paused, ended or failed"""
    progress_ratio: float | None
    title: Bilingual
    run_id: str
    message: Bilingual | None = None


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a session plays: a run, the moments of its clock, and what it is called."""

    run: Run
    moments: Iterator[Moment] | None
    """None when live: the wall's clock."""
    title: Bilingual
    feeds: dict[str, FeedConfig]
    feed_files: dict[str, Path] = field(default_factory=dict)
    """Where the configuration of each feed is read again."""


class Session:
    """A run that turns by itself while people look on and give orders.

    Parameters
    ----------
    compose : callable
        Makes a fresh score; asked again when somebody begins anew.
    speed : float
        Seconds of the run per second of the wall; 0 is as fast as it goes. Live runs go at 1.
    live_turn_s : float
        Longest time between two turns of a live run.
    told_every_s : float
        Deliveries of a feed that come one after another are told in one fact for so long, see :class:`BatchCadence`.
    """

    def __init__(
        self,
        compose: Callable[[], Score],
        *,
        speed: float = 1.0,
        live_turn_s: float = 300.0,
        told_every_s: float = 0.0,
    ) -> None:
        self._compose = compose
        self._live_turn_s = live_turn_s
        self._cadence = BatchCadence(told_every_s)
        self._alarm_heard = 0
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._score = compose()
        self._speed = speed
        self._phase = "starting"
        self._message: Bilingual | None = None
        self._progress = 0.0
        self._anchor: tuple[datetime, float] | None = None
        self._next: datetime | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        score = self._score
        feeds = {FEED_ID: sensorthings_feed(), **score.feeds}
        self._intake = LiveIntake(score.run.readings, feeds, clock=self._now) if self._live else None
        self._feed_care = (
            None
            if self._intake is None
            else FeedCare(self._intake, score.run.readings, score.feed_files, clock=self._now)
        )
        self._sensorthings = self._sensorthings_of(score.run)

    @property
    def city(self) -> City:
        """The city of the run."""
        return self._score.run.city

    @property
    def ledger(self) -> Ledger:
        """The run's ledger."""
        return self._score.run.ledger

    @property
    def fields(self) -> FieldStore:
        """Large tables named in facts."""
        return self._score.run.fields

    @property
    def readings(self) -> Readings:
        """What was sensed."""
        return self._score.run.readings

    @property
    def alarms(self) -> Alarms:
        """Alarms that detection found in what was sensed."""
        return self._score.run.readings

    @property
    def sensorthings(self) -> SensorThings:
        """The run's OGC SensorThings service."""
        return self._sensorthings

    def states(self) -> States:
        """State of every stage: a snapshot that nobody changes."""
        return self._score.run.loop.states

    def inputs(self) -> Inputs:
        """What every stage is given that stays the same in a run."""
        return self._score.run.loop.inputs

    def start(self) -> None:
        """Let the clock run, in a thread of its own."""
        with self._lock:
            self._stop.clear()
            self._phase = "running"
            self._thread = threading.Thread(target=self._turn_supervised, name="rencheng-loop", daemon=True)
            self._thread.start()
            if self._intake is not None:
                self._intake.start()

    def close(self) -> None:
        """Stop the clock and release the stores."""
        self._halt()
        if self._intake is not None:
            self._intake.close()
            if self._phase == "running":
                with self._changed:
                    self._turn_on_heard(all_of_it=True)  # what was acknowledged last is in the ledger before it closes
        self._sensorthings.close()
        self._score.run.close()

    def clock(self) -> ClockReading:
        """Read the run's clock."""
        run = self._score.run
        return ClockReading(
            mode=run.mark.mode,
            now=self._now(),
            speed=1.0 if self._live else self._speed,
            phase=self._phase,
            progress_ratio=None if self._live else self._progress,
            title=self._score.title,
            run_id=run.folder.path.name,
            message=self._message,
        )

    def order(self, order: object, *, actor: str) -> list[Entry]:
        """Carry a person's order out, now.

        Raises
        ------
        OrderRefused
            If the state of the world does not allow it.
        """
        if self._feed_care is not None and isinstance(order, ReloadFeed | ReofferRefused):
            return self._tend(self._feed_care, order, actor)
        with self._changed:
            entries = self._score.run.loop.order(order, actor=actor, now=self._now())
            self._changed.notify_all()
            return entries

    def _tend(self, care: FeedCare, order: ReloadFeed | ReofferRefused, actor: str) -> list[Entry]:
        """Carry out what a person wants done about a feed; what comes of it is in the store before it is a fact."""
        intakes: Sequence[Intake] = ()
        told: list[Draft] = []
        if isinstance(order, ReloadFeed):
            reloaded: FeedReloaded | None = care.reload(order.feed_id)
        else:
            query = RefusedQuery(feed_id=order.feed_id, reason=order.reason, ids=order.ids)
            reloaded, done = care.reoffer(query, by=actor)
            told, intakes = [reoffered_draft(done)], done.intakes
        with self._changed:
            now = self._now()
            if reloaded is not None:
                stream = f"feed/{order.feed_id}"
                told.insert(0, Draft(stream=stream, body=reloaded, occurred_at=now, actor=actor))
            entries = self._score.run.loop.turn(now, intakes=intakes, drafts=told)
            self._changed.notify_all()
            return entries

    def _retell(self) -> None:
        """Tell of offers that the store knows of and that a kill kept from the ledger."""
        run = self._score.run
        known = {entry.body.position for entry in run.ledger.since(0, kinds=("RefusedReoffered",))}
        missed = [reoffered_draft(told) for told in run.readings.reoffers() if told.position not in known]
        if missed:
            run.loop.turn(self._now(), drafts=missed)

    def record(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Record facts that no stage decides on, now, in a turn of the loop."""
        with self._changed:
            entries = self._score.run.loop.turn(self._now(), drafts=drafts, sensed=False)
            self._changed.notify_all()
            return entries

    def offer(
        self, feed_id: str, data: bytes, *, content_encoding: str = "", delivery: Delivery | None = None
    ) -> Intake:
        """Take a bulk of raw readings for a feed of the city; when this returns it is on the disk.

        The loop turns on it within moments; where the clock was not started, here and now.

        Raises
        ------
        NotFound
            If the city has no such feed.
        OrderRefused
            If the run's readings come from a record or a simulated world.
        """
        intake = self._readings_in().offer(feed_id, data, content_encoding=content_encoding, delivery=delivery)
        self._turn_if_still()
        return intake

    def hand_in(
        self, feed_id: str, data: bytes, *, content_encoding: str = "", delivery: Delivery | None = None
    ) -> Future[Intake]:
        """Decode a bulk of raw readings and lay it on the desk, as :meth:`offer` but without standing by.

        The future is done when it is on the disk, or refused. Where the clock was not started that is so on return.
        """
        handed = self._readings_in().hand_in(feed_id, data, content_encoding=content_encoding, delivery=delivery)
        if self._thread is None:
            handed.result()
            self._turn_if_still()
        return handed

    def _readings_in(self) -> LiveIntake:
        if self._intake is None:
            raise OrderRefused("readings can be offered to a live run only", mend="Start one with: rencheng run --city")
        return self._intake

    def _turn_if_still(self) -> None:
        """Turn on what was taken, here and now, where no clock does."""
        if self._thread is None:
            with self._changed:
                self._turn_on_heard()

    def _sensorthings_of(self, run: Run) -> SensorThings:
        return sensorthings_of(run, self._intake, record=self.record, taken=self._turn_if_still, clock=self._now)

    @property
    def feed_care(self) -> FeedCare | None:
        """What people can do about the feeds of a live run; None where readings are recorded or simulated."""
        return self._feed_care

    def feeds(self) -> list[FeedCondition]:
        """How each feed of a live run is; none where readings are recorded or simulated."""
        return [] if self._intake is None else self._intake.conditions()

    def offer_rain_picture(self, source: str, at: datetime, data: bytes) -> list[Entry]:
        """Take a raster of rain rates (mm/h) that shows the instant ``at``.

        Raises
        ------
        InvalidInput
            If it is no raster, does not touch the city, or holds rain that cannot be.
        OrderRefused
            If the run is not live, or the picture is from the future or nobody's.
        """
        if not self._live:
            raise OrderRefused("rain pictures can be offered to a live run only", mend="Start one with: rencheng run")
        lon, lat = self.city.column("cells", "lon"), self.city.column("cells", "lat")
        picture = rain_picture_from_raster(
            data,
            metric_crs=self.city.manifest.metric_crs,
            bounds_lonlat=(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())),
        )
        seen = picture.rate_mm_h[np.isfinite(picture.rate_mm_h)]
        order = TakeRainPicture(
            source=source,
            at=at,
            field=self._score.run.fields.put(rain_picture_table(picture)),
            cell_m=picture.cell_m,
            mean_mm_h=round(float(seen.mean()), 3),
            highest_mm_h=round(float(seen.max()), 3),
            missing_ratio=round(picture.missing_ratio, 4),
        )
        return self.order(order, actor=f"feed:{source}")

    def offer_rain_forecast(
        self,
        source: str,
        issued_at: datetime,
        data: bytes,
        *,
        media_type: str,
        step_min: float = 60.0,
        members: int = 1,
    ) -> list[Entry]:
        """Take a forecast of the rain from ``issued_at`` on: a CSV table, a JSON document or a raster of bands.

        Raises
        ------
        InvalidInput
            If it is of no known kind, or holds rain that cannot be.
        OrderRefused
            If the run is not live, or the forecast is from the future or out of date.
        """
        if not self._live:
            raise OrderRefused("rain forecasts can be offered to a live run only", mend="Start one with: rencheng run")
        forecast = rain_forecast_of(data, media_type, self.city, step_min=step_min, members=members)
        field = self._score.run.fields.put(rain_forecast_table(forecast))
        return self.order(rain_forecast_order(source, issued_at, forecast, field), actor=f"feed:{source}")

    def control(self, *, phase: str | None = None, speed: float | None = None, restart: bool = False) -> ClockReading:
        """Pause, go on, change the speed, or begin anew.

        Raises
        ------
        OrderRefused
            If the run is live: nobody stops the wall's clock.
        InvalidInput
            If the phase is neither ``running`` nor ``paused``, or the speed is negative.
        """
        if self._live:
            raise OrderRefused("a live run goes by the wall's clock")
        if phase not in {None, "running", "paused"}:
            raise InvalidInput(f"unknown phase {phase!r}", where="phase", mend="Use running or paused")
        if speed is not None and not 0.0 <= speed <= 1e6:
            raise InvalidInput(f"speed {speed} is not between 0 and 1,000,000", where="speed")
        if restart:
            self._restart()
        with self._changed:
            now = self._now()
            if speed is not None:
                self._speed = speed
            if phase is not None and self._phase in {"running", "paused"}:
                self._phase = phase
            self._anchor = (now, time.monotonic())
            self._changed.notify_all()
        return self.clock()

    def wait(self, seq: int, timeout_s: float) -> int:
        """Block until the ledger's head passes ``seq`` or the clock was changed, at most so long; give the head."""
        with self._changed:
            if self._score.run.loop.states.seq <= seq:
                self._changed.wait(timeout_s)
            return self._score.run.loop.states.seq

    def report(self) -> tuple[str, dict[str, Any]]:
        """After-action report up to now, as a page and as data."""
        report = make_report(list(self.ledger.since(0)), self.city)
        return report_html(report), report_json(report)

    @property
    def _live(self) -> bool:
        return self._score.moments is None

    def _now(self) -> datetime:
        """The clock between two moments: it goes on at its speed, but never past the next moment."""
        loop_now = self._score.run.loop.now
        if self._live:
            wall = datetime.now(UTC)
            return wall if loop_now is None else max(wall, loop_now)
        if self._anchor is None:
            return loop_now or self._next or datetime.now(UTC)
        begun, wall_s = self._anchor
        now = begun
        if self._phase == "running" and self._speed > 0:
            now = begun + timedelta(seconds=(time.monotonic() - wall_s) * self._speed)
        if self._next is not None:
            now = min(now, self._next)
        return now if loop_now is None else max(now, loop_now)

    def _halt(self) -> None:
        with self._changed:
            self._stop.set()
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _restart(self) -> None:
        self._halt()
        self._sensorthings.close()
        self._score.run.close()
        with self._changed:
            self._score = self._compose()
            self._sensorthings = self._sensorthings_of(self._score.run)
            self._phase, self._message, self._progress = "starting", None, 0.0
            self._anchor = self._next = None
        self.start()

    def _turn_supervised(self) -> None:
        """The one boundary at which a failing run is told instead of raised."""
        try:
            if self._live:
                self._turn_live()
            else:
                self._turn_moments()
        except RenchengError as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001 — the boundary: a clock that stopped must never look as if it ran
            _LOG.exception("the loop stopped")
            self._fail(f"{type(error).__name__}: {error}")

    def _fail(self, why: str) -> None:
        with self._changed:
            self._phase = "failed"
            self._message = Bilingual(zh=f"运行中断:{why}", en=f"The run stopped: {why}")
            self._changed.notify_all()

    def _turn_moments(self) -> None:
        moments = self._score.moments
        assert moments is not None
        while True:
            with self._changed:
                moment = next(moments, None)
                self._changed.notify_all()
                if moment is None or self._stop.is_set():
                    self._phase = "ended" if moment is None else self._phase
                    self._progress = 1.0 if moment is None else self._progress
                    self._changed.notify_all()
                    return
                self._next, self._progress = moment.at, moment.progress_ratio
                if self._anchor is None:
                    self._anchor = (moment.at, time.monotonic())
                self._wait_for(moment.at)
                if self._stop.is_set():
                    return

    def _wait_for(self, at: datetime) -> None:
        """Sleep, with the lock given back, until the clock may show ``at``."""
        while not self._stop.is_set():
            if self._phase == "paused":
                self._changed.wait(1.0)
                continue
            if self._speed <= 0:
                self._changed.wait(0.0005)  # others must get the lock between two moments
                return
            assert self._anchor is not None
            begun, wall_s = self._anchor
            ahead = (at - begun).total_seconds() / self._speed - (time.monotonic() - wall_s)
            if ahead <= 0:
                return
            self._changed.wait(min(ahead, 1.0))

    def _turn_on_heard(self, *, all_of_it: bool = False) -> bool:
        """Turn on what feeds delivered since the last turn, and on feeds that broke or mended, if any."""
        if self._intake is None:
            return False
        self._alarm_heard = self._score.run.readings.last_alarm
        heard, notices = self._intake.heard(), self._intake.notices()
        now, loop = self._now(), self._score.run.loop
        for notice in notices:
            if news := feed_notice(loop.states.sense, notice, now):
                loop.turn(now, drafts=news, sensed=False)
        failed = {feed_id for feed_id, feed in loop.states.sense.feeds.items() if feed.failed_at is not None}
        told = self._cadence.hear(heard, now, failed)
        told += self._cadence.rest(now) if all_of_it else []
        if heard or told:
            loop.turn(now, intakes=told)
        if heard or told or notices:
            self._changed.notify_all()
        return bool(heard or told)

    def _alarm_waits(self) -> bool:
        """Whether detection raised or closed an alarm since the last turn on what feeds delivered."""
        return self._score.run.readings.last_alarm > self._alarm_heard

    def _turn_live(self) -> None:
        last = time.monotonic()
        listen_at = 0.0
        with self._changed:
            self._score.run.begin(self._now())
            self._score.run.take_up(self._now())  # what was acknowledged before a kill, and not turned on
            self._retell()
        while not self._stop.is_set():
            with self._changed:
                begun = time.monotonic()
                if (begun >= listen_at or self._alarm_waits()) and self._turn_on_heard():
                    turned = time.monotonic()
                    listen_at = turned + max(_LISTEN_S, _REST_RATIO * (turned - begun))
                now, due = self._now(), self._score.run.loop.next_due()
                flood = self._score.run.flood
                if flood is not None and flood.ready():
                    self._score.run.loop.turn(now, drafts=flood.take(now))
                elif flood is not None and (given_up := flood.look(now)):
                    self._score.run.loop.turn(now, drafts=given_up, sensed=False)
                if time.monotonic() - last >= self._live_turn_s:
                    self._score.run.loop.turn(now)
                    last = time.monotonic()
                elif due is not None and due <= now:
                    self._score.run.loop.turn(now, sensed=False)
                self._changed.notify_all()
                self._changed.wait(_LISTEN_S)
