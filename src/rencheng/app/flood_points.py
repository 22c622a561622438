"""The register of flood-prone points 易涝点 put together: standing, sensor, water now, forecast, ponding, overdue."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from rencheng.assess.flood.point_chance import PointChance, point_chances
from rencheng.city import City
from rencheng.evaluate.ponding import PointPonding, PondingKpi, point_ponding, ponding_kpi
from rencheng.recover import PointStanding, State, standing_points
from rencheng.sense.ports import QualityFlag, Readings

__all__ = ["ROUND", "PointRow", "Register", "points_csv", "register_of"]

ROUND = timedelta(days=30)
"""Length of the round that ponding is told of where nobody names its start."""
_COLUMNS = (
    "point_id", "name", "name_en", "kind", "lon", "lat", "link_id", "org_id", "warning_m", "closure_m", "depth_source",
    "listed_year", "status", "planned_on", "done_on", "overdue", "measure", "measure_en", "sensor_id",
    "sensor_distance_m", "depth_m", "depth_at", "warning_prob", "closure_prob", "first_min", "measured", "events",
    "above_s", "mean_s", "baseline_year", "baseline_s", "change_ratio", "revised_at", "revised_by", "why",
)  # fmt: skip
_DOUBTED = ~QualityFlag.LATE.value
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRow:
    """One point with all that is known of it."""

    standing: PointStanding
    depth_m: float | None
    """Last good reading of its sensor; None where there is none."""
    depth_at: datetime | None
    chance: PointChance | None
    """None where no forecast of the flood engine stands."""
    ponding: PointPonding

    def record(self) -> dict[str, Any]:
        """Give the row as plain data, for JSON, CSV and GeoJSON; unknown is None, a day is YYYY-MM-DD."""
        s, p, c, w = self.standing, self.standing.point, self.chance, self.ponding
        last = s.revisions[-1] if s.revisions else None
        found = {
            **{name: getattr(p, name) for name in _COLUMNS[:12]},
            "status": s.status.value,
            "planned_on": s.planned_on.isoformat() if s.planned_on else None,
            "done_on": s.done_on.isoformat() if s.done_on else None,
            "overdue": s.overdue,
            "measure": p.measure,
            "measure_en": p.measure_en,
            "sensor_id": p.sensor.sensor_id if p.sensor else None,
            "sensor_distance_m": p.sensor.distance_m if p.sensor else None,
            "depth_m": self.depth_m,
            "depth_at": self.depth_at,
            **{name: getattr(c, name) if c else None for name in ("warning_prob", "closure_prob", "first_min")},
            **{name: getattr(w, name) for name in ("measured", "above_s", "mean_s", "baseline_s", "change_ratio")},
            "events": len(w.events),
            "baseline_year": p.baseline_year,
            "revised_at": last.at if last else None,
            "revised_by": last.actor if last else None,
            "why": last.why if last else None,
        }
        return {name: found[name] for name in _COLUMNS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The register at an instant."""

    now: datetime
    since: datetime
    rows: tuple[PointRow, ...]
    kpi: PondingKpi

    @property
    def overdue(self) -> tuple[PointRow, ...]:
        """Rows whose planned day has passed, the longest overdue first."""
        late = [row for row in self.rows if row.standing.overdue]
        return tuple(sorted(late, key=lambda r: (str(r.standing.planned_on), r.standing.point.point_id)))


def register_of(
    city: City,
    state: State,
    now: datetime,
    *,
    readings: Readings | None = None,
    objects: pa.Table | None = None,
    since: datetime | None = None,
) -> Register:
    """Put the register together.

    Parameters
    ----------
    state : State
        What recovery knows: the revisions.
    now : datetime
        Instant for overdue, water now and the end of the round.
    readings : Readings, optional
        Where the street sensors' readings lie; without it nothing is measured.
    objects : Table, optional
        Objects of the flood forecast that stands.
    since : datetime, optional
        Begin of the round; else :data:`ROUND` before ``now``.
    """
    begin = since if since is not None else now - ROUND
    standing = standing_points(city, state, now)
    points = [s.point for s in standing]
    ponding = point_ponding(city, points, readings, begin, now)
    chances = point_chances(objects, points) if objects is not None else {}
    depths = _depths(readings, now) if readings is not None and points else {}
    rows = []
    for s in standing:
        at, depth = depths.get(s.point.sensor.sensor_id if s.point.sensor else "", (None, None))
        chance = chances.get(s.point.point_id)
        water = ponding[s.point.point_id]
        rows.append(PointRow(standing=s, depth_m=depth, depth_at=at, chance=chance, ponding=water))
    return Register(now=now, since=begin, rows=tuple(rows), kpi=ponding_kpi(points, ponding))


def _depths(readings: Readings, now: datetime) -> dict[str, tuple[datetime, float]]:
    rows = readings.latest(at=now, quantity="water_depth_m").to_pylist()
    return {row["sensor_id"]: (row["at"], round(row["value"], 3)) for row in rows if not row["flags"] & _DOUBTED}


def points_csv(rows: tuple[PointRow, ...]) -> bytes:
    """Rows as CSV in UTF-8 with a byte order mark, so that spreadsheets read Chinese; no text becomes a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _plain(value) for key, value in row.record().items()})
    return ("\ufeff" + out.getvalue()).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
