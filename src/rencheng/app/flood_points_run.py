"""``rencheng flood points``: the register of flood-prone points of a run or a city package, for people and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.files import FileFieldStore
from rencheng.app.flood_points import PointRow, Register, points_csv, register_of
from rencheng.app.open_run import open_ledger
from rencheng.app.run_folder import RunFolder
from rencheng.assess.facts import NOWCAST
from rencheng.city import read_city
from rencheng.kernel import StorageFailed
from rencheng.ledger import Entry
from rencheng.recover import evolve, initial_state

__all__ = ["flood_points", "run_register"]


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
    """Objects of the newest flood forecast of the next two hours, else of the newest of all."""
    every = [entry.body for entry in entries if entry.kind == "FloodForecastPublished"]
    chosen = [body for body in every if body.product == NOWCAST] or every
    return get(chosen[-1].objects) if chosen else None


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
