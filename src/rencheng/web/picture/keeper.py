"""Keeping the picture: catching up with the ledger and giving consistent snapshots of it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import islice
from threading import Lock

from pydantic import Field

from rencheng.city import City
from rencheng.kernel import fact_type
from rencheng.ledger import Entry, Ledger
from rencheng.recover import State as RecoverState
from rencheng.web.picture.aftermath import (
    AftermathBoard,
    DamageView,
    IndicatorView,
    LessonView,
    RectificationView,
    VisitView,
)
from rencheng.web.picture.base import Board, Text, View
from rencheng.web.picture.flood import (
    FloodAdviceView,
    FloodBoard,
    FloodForecastView,
    FloodGlance,
    FloodNeedsView,
    FloodSkillView,
    SupersededView,
)
from rencheng.web.picture.ground import ClosureView, GroundBoard, NeedView, UnitView
from rencheng.web.picture.incidents import IncidentBoard, IncidentView, TaskView
from rencheng.web.picture.outlook import ForecastView, OutlookBoard, RiskView, SignalView
from rencheng.web.picture.sensing import ChannelHealth, FeedView, ReportView, SensingBoard
from rencheng.web.picture.warnings import WarningBoard, WarningView

__all__ = ["ClockView", "LatestView", "PictureKeeper", "PictureView"]


MOST_UNWELL = 2_000
"""Channels that are told one by one; a page cannot list more, and a gateway may take a hundred thousand with it."""


class ClockView(View):
    """What the run's clock says."""

    mode: str = Field(description="live, replay or rehearsal")
    now: datetime
    speed: float = Field(description="Seconds of the run per second of the wall; 0 for as fast as possible")
    phase: str = Field(description="starting, running, paused, ended or failed")
    progress_ratio: float | None
    title: Text
    run_id: str
    message: Text | None


class LatestView(View):
    """The last reading of a channel."""

    sensor_id: str
    quantity: str
    at: datetime
    value: float
    flags: int
    colour: str = Field(default="", description="Highest of the channel's thresholds reached; empty for none")


class PictureView(View):
    """The common operating picture at one position of the ledger."""

    seq: int = Field(description="Ledger position; follow on with GET /api/events?since=seq")
    clock: ClockView
    warnings: list[WarningView]
    incidents: list[IncidentView]
    tasks: list[TaskView]
    needs: list[NeedView]
    units: list[UnitView]
    closures: list[ClosureView]
    signals: list[SignalView]
    forecasts: list[ForecastView]
    risks: list[RiskView]
    feeds: list[FeedView]
    health: list[ChannelHealth] = Field(description=f"Channels that are silent or doubted, at most {MOST_UNWELL:,}")
    health_count: int = Field(description="How many are")
    latest: list[LatestView] = Field(
        description="Last reading of every channel; of the gauges alone where sensors are more than 20,000"
    )
    reports: list[ReportView] = Field(description="Last reports, newest last")
    report_count: int
    visits: list[VisitView]
    damage: list[DamageView]
    rectifications: list[RectificationView]
    indicators: list[IndicatorView]
    lessons: list[LessonView]
    flood: FloodGlance | None = Field(description="The newest flood forecast; whole: GET /api/flood/forecasts")


class PictureKeeper:
    """The boards of one ledger, brought up to date whenever somebody looks.

    Parameters
    ----------
    city : City
        Gives the units and where they stand at first.
    ledger : Ledger
        The facts.
    """

    def __init__(self, city: City, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = Lock()
        self._seq = 0
        self.counts: Counter[str] = Counter()
        self.warnings = WarningBoard()
        self.incidents = IncidentBoard()
        self.ground = GroundBoard(city)
        self.sensing = SensingBoard()
        self.outlook = OutlookBoard()
        self.aftermath = AftermathBoard()
        self.flood = FloodBoard()
        self._boards: dict[str, tuple[Board, ...]] = {
            "sense": (self.sensing,),
            "assess": (self.outlook, self.flood),
            "warn": (self.warnings, self.incidents),
            "respond": (self.incidents, self.ground, self.flood),
            "recover": (self.aftermath,),
            "community": (self.aftermath,),
            "evaluate": (self.aftermath,),
        }

    def catch_up(self) -> int:
        """Take what the ledger has since the last look; the position reached."""
        with self._lock:
            return self._catch_up()

    def _catch_up(self) -> int:
        if self._ledger.head > self._seq:
            for entry in self._ledger.since(self._seq):
                self._take(entry)
        return self._seq

    def _take(self, entry: Entry) -> None:
        for board in self._boards.get(fact_type(entry.kind).room, ()):
            board.take(entry)
        self.counts[entry.kind] += 1
        self._seq = entry.seq

    def warning(self, warning_id: str) -> WarningView | None:
        """One warning as it stands, or None."""
        with self._lock:
            self._catch_up()
            known = self.warnings.warnings.get(warning_id)
            return known.model_copy(deep=True) if known else None

    def all_warnings(self) -> list[WarningView]:
        """All warnings of the run, newest first."""
        with self._lock:
            self._catch_up()
            return [w.model_copy(deep=True) for w in reversed(self.warnings.warnings.values())]

    def risk(self, hazard: str) -> RiskView | None:
        """The last risk assessment of a hazard, or None."""
        with self._lock:
            self._catch_up()
            return self.outlook.risks.get(hazard)

    def forecasts(self, sensor_id: str) -> list[ForecastView]:
        """The last forecasts for a gauge."""
        with self._lock:
            self._catch_up()
            return [f for (sensor, _), f in self.outlook.forecasts.items() if sensor == sensor_id]

    def flood_forecasts(self) -> list[FloodForecastView]:
        """Forecasts of the flood engine, newest first."""
        with self._lock:
            self._catch_up()
            return list(reversed(self.flood.forecasts.values()))

    def flood_forecast(self, forecast_id: str) -> FloodForecastView | None:
        """One forecast of the flood engine, or None."""
        with self._lock:
            self._catch_up()
            return self.flood.forecasts.get(forecast_id)

    def flood_advice(self, forecast_id: str) -> FloodAdviceView | None:
        """What was advised for a flood forecast, or None."""
        with self._lock:
            self._catch_up()
            return self.flood.advice.get(forecast_id)

    def flood_needs(self, forecast_id: str) -> FloodNeedsView | None:
        """What the water of a flood forecast asks for, or None."""
        with self._lock:
            self._catch_up()
            return self.flood.needs.get(forecast_id)

    def remediation(self) -> RecoverState:
        """Revisions of flood-prone points."""
        with self._lock:
            self._catch_up()
            return self.aftermath.remediation

    def flood_skill(self) -> dict[str, FloodSkillView]:
        """How flood forecasts came true so far, by model."""
        with self._lock:
            self._catch_up()
            return dict(self.flood.skill)

    def flood_superseded(self) -> list[SupersededView]:
        """Cycles that were given up, the last first."""
        with self._lock:
            self._catch_up()
            return list(reversed(self.flood.superseded))

    def closures(self) -> list[ClosureView]:
        """Roads that are closed now."""
        with self._lock:
            self._catch_up()
            return [c.model_copy() for c in self.ground.closures.values()]

    def position(self) -> tuple[int, int]:
        """Ledger position reached and batches of readings taken until then."""
        with self._lock:
            self._catch_up()
            return self._seq, self.counts["BatchTaken"]

    def snapshot_json(self, clock: ClockView, latest: list[LatestView]) -> bytes:
        """Give the whole picture as JSON, consistent with the one position it carries."""
        with self._lock:
            self._catch_up()
            view = PictureView.model_construct(
                seq=self._seq,
                clock=clock,
                warnings=list(reversed(self.warnings.warnings.values())),
                incidents=list(reversed(self.incidents.incidents.values())),
                tasks=list(self.incidents.tasks.values()),
                needs=list(self.ground.needs.values()),
                units=list(self.ground.units.values()),
                closures=list(self.ground.closures.values()),
                signals=list(self.outlook.signals.values()),
                forecasts=list(self.outlook.forecasts.values()),
                risks=list(self.outlook.risks.values()),
                feeds=list(self.sensing.feeds.values()),
                health=list(islice(self.sensing.health.values(), MOST_UNWELL)),
                health_count=len(self.sensing.health),
                latest=latest,
                reports=list(self.sensing.reports),
                report_count=self.sensing.report_count,
                visits=list(self.aftermath.visits.values()),
                damage=list(self.aftermath.damage.values()),
                rectifications=list(self.aftermath.rectifications.values()),
                indicators=list(self.aftermath.indicators.values()),
                lessons=list(self.aftermath.lessons.values()),
                flood=self.flood.glance(),
            )
            return view.model_dump_json().encode()
