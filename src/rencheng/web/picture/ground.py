"""What happens on the ground: needs, the units sent to them, and closed roads."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from rencheng.city import City
from rencheng.ledger import Entry
from rencheng.respond import facts as respond
from rencheng.web.layers import LinkLines
from rencheng.web.picture.base import Text, View, text

__all__ = ["ClosureView", "GroundBoard", "NeedView", "UnitView"]


class NeedView(View):
    """Somebody at a place who needs something."""

    need_id: str
    incident_id: str
    kind: str
    skills: list[str]
    lon: float
    lat: float
    people: int
    priority: int = Field(description="1 most urgent … 4")
    state: str = Field(description="open, assigned, in_service, met or withdrawn")
    raised_at: datetime
    met_at: datetime | None = None
    unit_ids: list[str]
    unmet_reason: str = Field(default="", description="no_unit_with_skill, all_units_busy, unreachable, outranked")
    unmet_detail: Text | None = None


class UnitView(View):
    """A unit: where it stands or along which way it travels."""

    unit_id: str
    name: str
    kind: str
    skills: list[str]
    state: str = Field(description="available, en_route or on_scene")
    lon: float
    lat: float
    need_id: str = ""
    route: list[tuple[float, float]] = Field(default=[], description="Lon/lat along the way, while en route")
    departed_at: datetime | None = None
    arrive_at: datetime | None = None
    why: str = ""


class ClosureView(View):
    """A road link closed to traffic."""

    link_id: int
    reason: str
    depth_m: float | None
    closed_to: list[str] = Field(default=[], description="Classes of vehicle that may not pass; empty for all")
    lon: float
    lat: float
    line: list[tuple[float, float]] = Field(description="Lon/lat along the link")
    name: str
    since: datetime


class GroundBoard:
    """Needs, units and closed links by id."""

    def __init__(self, city: City) -> None:
        self.needs: dict[str, NeedView] = {}
        self.closures: dict[int, ClosureView] = {}
        self._links = LinkLines(city)
        self.units: dict[str, UnitView] = {
            row["unit_id"]: UnitView(
                unit_id=row["unit_id"],
                name=row.get("name") or row["unit_id"],
                kind=row["kind"],
                skills=[skill.strip() for skill in row["skills"].split(",")],
                state="available",
                lon=row["lon"],
                lat=row["lat"],
            )
            for row in city.rows("units")
        }

    def take(self, entry: Entry) -> None:
        """Let one fact about needs, units or roads change the board."""
        match entry.body:
            case respond.NeedRaised() as body:
                self._raised(body, entry.occurred_at)
            case respond.NeedUnmet() | respond.NeedMet() | respond.NeedWithdrawn() as body:
                self._answered(body, entry.occurred_at)
            case respond.UnitAssigned() as body:
                self._assigned(body, entry.occurred_at)
            case respond.UnitArrived(need_id=need_id, unit_id=unit_id):
                self._arrived(need_id, unit_id)
            case respond.UnitReleased(unit_id=unit_id, lon=lon, lat=lat):
                self._released(unit_id, lon, lat)
            case respond.RoadClosed() as body:
                self._closed(body, entry.occurred_at)
            case respond.RoadReopened(link_id=link_id):
                self.closures.pop(link_id, None)
            case _:
                pass

    def _closed(self, body: respond.RoadClosed, at: datetime) -> None:
        name, line = self._links.name_and_line(body.link_id)
        self.closures[body.link_id] = ClosureView(
            link_id=body.link_id,
            reason=body.reason,
            depth_m=body.depth_m,
            closed_to=list(body.closed_to),
            lon=body.lon,
            lat=body.lat,
            line=line,
            name=name,
            since=at,
        )

    def _raised(self, body: respond.NeedRaised, at: datetime) -> None:
        self.needs[body.need_id] = NeedView(
            need_id=body.need_id,
            incident_id=body.incident_id,
            kind=body.kind,
            skills=list(body.skills),
            lon=body.lon,
            lat=body.lat,
            people=body.people,
            priority=body.priority,
            state="open",
            raised_at=at,
            unit_ids=[],
        )

    def _answered(self, body: respond.NeedUnmet | respond.NeedMet | respond.NeedWithdrawn, at: datetime) -> None:
        need = self.needs.get(body.need_id)
        if need is None:
            return
        match body:
            case respond.NeedUnmet():
                need.unmet_reason = body.reason
                need.unmet_detail = text(body.detail)
            case respond.NeedMet():
                need.state = "met"
                need.met_at = at
                need.unmet_reason, need.unmet_detail = "", None
            case respond.NeedWithdrawn():
                need.state = "withdrawn"

    def _assigned(self, body: respond.UnitAssigned, at: datetime) -> None:
        need = self.needs.get(body.need_id)
        if need is not None:
            need.state = "assigned"
            need.unit_ids.append(body.unit_id)
            need.unmet_reason, need.unmet_detail = "", None
        unit = self.units.get(body.unit_id)
        if unit is not None:
            unit.state = "en_route"
            unit.need_id = body.need_id
            unit.route = list(body.route)
            unit.departed_at = at
            unit.arrive_at = body.arrive_at
            unit.why = body.why

    def _arrived(self, need_id: str, unit_id: str) -> None:
        need, unit = self.needs.get(need_id), self.units.get(unit_id)
        if need is not None and need.state != "met":
            need.state = "in_service"
        if unit is None:
            return
        unit.state = "on_scene"
        if unit.route:
            unit.lon, unit.lat = unit.route[-1]
        elif need is not None:
            unit.lon, unit.lat = need.lon, need.lat
        unit.route = []

    def _released(self, unit_id: str, lon: float, lat: float) -> None:
        unit = self.units.get(unit_id)
        if unit is not None:
            unit.state, unit.lon, unit.lat = "available", lon, lat
            unit.need_id, unit.why, unit.route = "", "", []
            unit.departed_at = unit.arrive_at = None
