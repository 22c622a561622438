"""The register of flood-prone points 易涝点 put together: standing, sensor, water now, forecast, ponding, overdue."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.files import FileFieldStore
from rencheng.app.open_run import open_ledger
from rencheng.app.run_folder import RunFolder
from rencheng.assess.flood.point_chance import PointChance, point_chances
from rencheng.city import City, read_city
from rencheng.evaluate.ponding import PointPonding, PondingKpi, point_ponding, ponding_kpi
from rencheng.kernel import StorageFailed
from rencheng.ledger import Entry
from rencheng.recover import PointStanding, State, evolve, initial_state, standing_points
from rencheng.sense.ports import QualityFlag, Readings

__all__ = ["ROUND", "PointRow", "Register", "flood_points", "points_csv", "register_of", "run_register"]

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


def run_register(place: Path, now: datetime, *, at: datetime | None = None, since: datetime | None = None) -> Register:
    """Register of a run as of its last fact or an instant, or of a bare city package as of ``now``.

    Raises
    ------
    NotFound
        If the folder holds neither a run nor a city package.
    """
    folder = RunFolder(place)
    if not folder.ledger.is_file():
        return register_of(read_city(place), initial_state(), at or now, since=since)
    city = read_city(Path(folder.mark.city))
    ledger = open_ledger(place)
    try:
        last = [e.recorded_at for e in ledger.since(max(ledger.head - 1, 0))]
        instant = at or (last[-1] if last else now)
        told = ledger.since(0, kinds=("RemediationRevised", "FloodForecastPublished"))
        entries = [entry for entry in told if entry.occurred_at <= instant]
    finally:
        ledger.close()
    objects = _objects(entries, FileFieldStore(folder.fields).get)
    state = initial_state()
    for entry in entries:
        state = evolve(state, entry)
    readings = DuckDbReadings(folder.readings) if folder.readings.is_file() else None
    try:
        return register_of(city, state, instant, readings=readings, objects=objects, since=since)
    finally:
        if readings is not None:
            readings.close()


def _objects(entries: list[Entry], get: Callable[[str], pa.Table]) -> pa.Table | None:
    """Objects of the newest flood forecast."""
    names = [entry.body.objects for entry in entries if entry.kind == "FloodForecastPublished"]
    return get(names[-1]) if names else None


def flood_points(
    place: Path,
    now: datetime,
    *,
    at: datetime | None = None,
    since: datetime | None = None,
    overdue: bool = False,
    out: Path | None = None,
) -> Iterator[str]:
    """Tell the register line by line; with a file, write the same rows as CSV.

    Parameters
    ----------
    overdue : bool
        Only points whose planned day has passed, the longest overdue first.
    out : Path, optional
        The CSV.

    Raises
    ------
    NotFound
        If the folder holds neither a run nor a city package.
    StorageFailed
        If the file cannot be written.
    """
    register = run_register(place, now, at=at, since=since)
    rows = register.overdue if overdue else register.rows
    yield from _lines(register, rows)
    if out is not None:
        try:
            out.write_bytes(points_csv(rows))
        except OSError as error:
            raise StorageFailed(f"cannot write the table: {error}", where=str(out)) from error
        yield str(out)


_HEAD = ("point", "status", "planned", "", "sensor", "now", "P(warn)", "P(close)", "pondings", "mean", "change", "name")
_WIDTHS = (-16, -9, -10, -7, -12, 7, 7, 8, 8, 8, 7)


def _lines(register: Register, rows: tuple[PointRow, ...]) -> Iterator[str]:
    yield _line(_HEAD)
    for row in rows:
        yield _line(_words(row))
    kpi = register.kpi
    yield (
        f"{kpi.points} points, {len(register.overdue)} overdue, {kpi.points - kpi.watched} without a sensor; "
        f"{kpi.events} pondings at {kpi.ponded} points since {register.since:%Y-%m-%dT%H:%MZ}"
    )
    if kpi.change_ratio is not None:
        verdict = "met" if kpi.met else "missed"
        yield (
            f"ponding duration {_minutes(kpi.mean_s)} against {_minutes(kpi.baseline_s)}: "
            f"{_signed(kpi.change_ratio)}, target {_signed(kpi.target_ratio)} {verdict} ({kpi.counted} events)"
        )


def _words(row: PointRow) -> tuple[str, ...]:
    r = row.record()
    return (
        r["point_id"],
        r["status"],
        r["planned_on"] or "-",
        "overdue" if r["overdue"] else "",
        r["sensor_id"] or "NONE",
        _or(r["depth_m"], lambda v: f"{v:.2f} m"),
        _or(r["warning_prob"], _percent),
        _or(r["closure_prob"], _percent),
        str(r["events"]) if r["measured"] else "?",
        _minutes(r["mean_s"]),
        _or(r["change_ratio"], _signed),
        " / ".join(filter(None, (r["name"], r["name_en"]))),
    )


def _line(cells: tuple[str, ...]) -> str:
    fitted = [f"{c:<{-w}}" if w < 0 else f"{c:>{w}}" for c, w in zip(cells[:-1], _WIDTHS, strict=True)]
    return " ".join([*fitted, cells[-1]])


def _or(value: Any, words: Callable[[Any], str]) -> str:
    return "-" if value is None else words(value)


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _signed(share: float) -> str:
    return f"{share:+.0%}"


def _minutes(span_s: float | None) -> str:
    return _or(span_s, lambda v: f"{v / 60.0:.0f} min")


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
