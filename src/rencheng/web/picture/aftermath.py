"""After the water: damage, gaps of resources, rectification, visits, indicators and lessons."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from rencheng import recover as recovery
from rencheng.community import facts as community
from rencheng.evaluate import facts as evaluate
from rencheng.evaluate import indicators
from rencheng.ledger import Entry
from rencheng.recover import facts as recover
from rencheng.web.picture.base import Text, View, text

__all__ = [
    "AftermathBoard",
    "DamageView",
    "GapView",
    "IndicatorView",
    "LessonView",
    "RectificationView",
    "VisitView",
]


class GapView(View):
    """What an area needs and what is within reach."""

    area_id: str
    item: str
    needed: float
    available: float
    unit: str


class DamageView(View):
    """The last damage assessment of an incident."""

    incident_id: str
    method: str
    buildings_damaged: int
    residents_affected: float
    loss_cny: float | None
    gaps: list[GapView]
    at: datetime


class RectificationView(View):
    """A latent hazard that somebody has to put right."""

    rectification_id: str
    incident_id: str
    title: Text
    role_id: str
    lon: float
    lat: float
    due_at: datetime
    completed_at: datetime | None = None


class VisitView(View):
    """Grid officers asked to knock at the doors of those who need help."""

    visit_id: str
    warning_id: str
    area_id: str
    vulnerable_residents: float
    role_id: str
    due_at: datetime
    reached: int = 0
    need_help: int = 0
    recorded_at: datetime | None = None


class IndicatorView(View):
    """The last published value of a governance indicator; none before it is measured or without data."""

    indicator: str
    title: Text
    meaning: Text = Field(description="What is measured; empty for an indicator outside the shipped tree")
    value: float | None
    unit: str = Field(description="ratio, min, or another unit")
    colour: str = Field(description="red, yellow, blue (good), or empty where there is no value")
    at: datetime | None = Field(description="When its colour last changed; none before it is measured")


class LessonView(View):
    """What a round taught."""

    lesson_id: str
    incident_id: str
    text: Text
    changes: str


class AftermathBoard:
    """Recovery, visits and evaluation by id; the shipped indicators stand from the start, without a value."""

    def __init__(self) -> None:
        self.damage: dict[str, DamageView] = {}
        self.rectifications: dict[str, RectificationView] = {}
        self.visits: dict[str, VisitView] = {}
        self.indicators: dict[str, IndicatorView] = {
            i.id: IndicatorView(
                indicator=i.id,
                title=text(i.title),
                meaning=text(i.meaning),
                value=None,
                unit=i.unit,
                colour="",
                at=None,
            )
            for i in indicators()
        }
        self.lessons: dict[str, LessonView] = {}
        self.remediation = recovery.initial_state()
        """Revisions of flood-prone points, as recovery keeps them."""

    def take(self, entry: Entry) -> None:
        """Let one fact of recovery, community or evaluation change the board."""
        match entry.body:
            case recover.DamageAssessed() as body:
                self._damage(body, entry.occurred_at)
            case recover.RectificationOpened() as body:
                self._opened(body)
            case recover.RectificationCompleted(rectification_id=rectification_id):
                if rectification_id in self.rectifications:
                    self.rectifications[rectification_id].completed_at = entry.occurred_at
            case recover.RemediationRevised():
                self.remediation = recovery.evolve(self.remediation, entry)
            case community.VisitRequested() as body:
                self._visit(body)
            case community.VisitRecorded() as body:
                self._visited(body, entry.occurred_at)
            case evaluate.IndicatorMeasured() as body:
                self._measured(body, entry.occurred_at)
            case evaluate.LessonRecorded(lesson_id=lesson_id, incident_id=incident_id, text=said, changes=changes):
                self.lessons[lesson_id] = LessonView(
                    lesson_id=lesson_id, incident_id=incident_id, text=text(said), changes=changes
                )
            case _:
                pass

    def _measured(self, body: evaluate.IndicatorMeasured, at: datetime) -> None:
        known = self.indicators.get(body.indicator)
        self.indicators[body.indicator] = IndicatorView(
            indicator=body.indicator,
            title=known.title if known else Text(zh=body.indicator, en=body.indicator),
            meaning=known.meaning if known else Text(zh="", en=""),
            value=body.value,
            unit=body.unit,
            colour=body.colour,
            at=at,
        )

    def _damage(self, body: recover.DamageAssessed, at: datetime) -> None:
        self.damage[body.incident_id] = DamageView(
            incident_id=body.incident_id,
            method=body.method,
            buildings_damaged=body.buildings_damaged,
            residents_affected=body.residents_affected,
            loss_cny=body.loss_cny,
            gaps=[
                GapView(area_id=g.area_id, item=g.item, needed=g.needed, available=g.available, unit=g.unit)
                for g in body.gaps
            ],
            at=at,
        )

    def _opened(self, body: recover.RectificationOpened) -> None:
        self.rectifications[body.rectification_id] = RectificationView(
            rectification_id=body.rectification_id,
            incident_id=body.incident_id,
            title=text(body.title),
            role_id=body.role_id,
            lon=body.lon,
            lat=body.lat,
            due_at=body.due_at,
        )

    def _visit(self, body: community.VisitRequested) -> None:
        self.visits[body.visit_id] = VisitView(
            visit_id=body.visit_id,
            warning_id=body.warning_id,
            area_id=body.area_id,
            vulnerable_residents=body.vulnerable_residents,
            role_id=body.role_id,
            due_at=body.due_at,
        )

    def _visited(self, body: community.VisitRecorded, at: datetime) -> None:
        visit = self.visits.get(body.visit_id)
        if visit is not None:
            visit.reached, visit.need_help, visit.recorded_at = body.reached, body.need_help, at
