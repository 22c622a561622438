"""Reading a cyclone's track and an astronomical tide from CSV files that people write."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rencheng.city import City
from rencheng.kernel import InvalidInput, parse_instant
from rencheng.science.storm_surge.cyclone import AMBIENT_HPA, CycloneTrack, r_max_vickery_wadhera_m

__all__ = ["DatedTrack", "read_tide", "read_track"]

Floats = NDArray[np.float64]

BOUNDS = {
    "lat": (-60.0, 60.0, "degrees"),
    "lon": (-180.0, 180.0, "degrees"),
    "pressure_hpa": (850.0, AMBIENT_HPA - 0.5, "hPa; end the track where the storm has filled"),
    "wind_m_s": (8.0, 110.0, "metres per second; one knot is 0.514"),
    "r_max_km": (5.0, 200.0, "kilometres"),
    "level_m": (-20.0, 20.0, "metres above mean sea level"),
}
"""What a field may hold: the deepest typhoon had 870 hPa, the strongest 95 m/s."""
AT_SEA_1_MIN = 0.93
"""Ten-minute wind for a one-minute wind over the sea (Harper, Kepert & Ginger 2010, WMO/TD-No. 1555)."""
MOST_HOURS = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedTrack:
    """A track with the instant at which its clock starts, and what was filled in."""

    track: CycloneTrack
    start: datetime
    radius_given: bool


def read_track(path: Path, city: City, *, wind_minutes: int = 10) -> DatedTrack:
    """Read ``time, lat, lon, pressure_hpa, wind_m_s`` and, if given, ``r_max_km``; rows in the order of time.

    Parameters
    ----------
    wind_minutes : {1, 10}
        Over how many minutes the highest wind is averaged.

    Raises
    ------
    InvalidInput
        If the file, a row or a field is wrong; names them.
    """
    if wind_minutes not in {1, 10}:
        raise InvalidInput(f"winds of {wind_minutes} minutes are not known", where="--wind-minutes", mend="Say 1 or 10")
    rows = list(_rows(path, ("lat", "lon", "pressure_hpa", "wind_m_s"), ("r_max_km",)))
    start, times_s = _clock([when for when, _ in rows], path)
    value = {key: np.array([row[key] for _, row in rows]) for key in rows[0][1]}
    x, y = city.to_metric.transform(value["lon"], value["lat"])
    given = np.isfinite(value["r_max_km"])
    guessed = r_max_vickery_wadhera_m(AMBIENT_HPA - value["pressure_hpa"], value["lat"])
    track = CycloneTrack(
        times_s=times_s,
        x_m=np.asarray(x, np.float64),
        y_m=np.asarray(y, np.float64),
        lat=value["lat"],
        central_hpa=value["pressure_hpa"],
        max_wind_m_s=value["wind_m_s"] * (AT_SEA_1_MIN if wind_minutes == 1 else 1.0),
        r_max_m=np.where(given, 1000.0 * np.nan_to_num(value["r_max_km"]), guessed),
    )
    return DatedTrack(track=track, start=start, radius_given=bool(given.all()))


def read_tide(path: Path, start: datetime) -> tuple[Floats, Floats]:
    """Read ``time, level_m``, the astronomical tide above mean sea level, as seconds from ``start`` and metres.

    Raises
    ------
    InvalidInput
        If the file, a row or a field is wrong; names them.
    """
    rows = list(_rows(path, ("level_m",), ()))
    first, times_s = _clock([when for when, _ in rows], path)
    return times_s + (first - start).total_seconds(), np.array([row["level_m"] for _, row in rows])


def _clock(when: list[datetime], path: Path) -> tuple[datetime, Floats]:
    times_s = np.array([(w - when[0]).total_seconds() for w in when])
    back = np.flatnonzero(np.diff(times_s) <= 0.0)
    if len(back):
        raise InvalidInput(
            "is not later than the row before", where=f"{path} row {int(back[0]) + 3}, field time", mend="Sort the rows"
        )
    if len(when) < 2 or times_s[-1] > MOST_HOURS * 3600.0:
        raise InvalidInput(
            f"{len(when)} rows over {times_s[-1] / 3600.0:g} h",
            where=str(path),
            mend=f"Give two rows or more over at most {MOST_HOURS:g} h",
        )
    return when[0], times_s


def _rows(
    path: Path, needed: tuple[str, ...], optional: tuple[str, ...]
) -> Iterator[tuple[datetime, dict[str, float]]]:
    """Instant and fields of every row; an absent optional field is NaN."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"not a readable text file: {error}", where=str(path), mend="Give a CSV in UTF-8") from error
    reader = csv.DictReader(text.splitlines())
    missing = [name for name in ("time", *needed) if name not in (reader.fieldnames or ())]
    if missing:
        raise InvalidInput(
            f"the header has no {', '.join(missing)}", where=str(path), mend="See docs/reference/storm-track.md"
        )
    found = False
    for number, row in enumerate(reader, start=2):
        where = f"{path} row {number}, field"
        found = True
        values = {name: _number(row.get(name), name, f"{where} {name}") for name in needed}
        for name in optional:
            values[name] = _number(row[name], name, f"{where} {name}") if row.get(name) else np.nan
        try:
            yield parse_instant((row["time"] or "").strip(), name="time"), values
        except InvalidInput as error:
            raise InvalidInput(error.what, where=f"{where} time", mend=error.mend) from error
    if not found:
        raise InvalidInput("has no rows", where=str(path), mend="See docs/reference/storm-track.md")


def _number(text: str | None, name: str, where: str) -> float:
    low, high, unit = BOUNDS[name]
    try:
        value = float(text or "")
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no number", where=where, mend="Write it with a point, without unit") from error
    if not low <= value <= high:
        raise InvalidInput(f"{value:g} is not between {low:g} and {high:g}", where=where, mend=f"It is in {unit}")
    return value
