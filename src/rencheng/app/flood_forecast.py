"""``rencheng flood forecast``: the river's stage ahead, from what a run has read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.flood_forecast_chart import fan_chart
from rencheng.app.open_run import open_ledger
from rencheng.app.run_folder import RunFolder
from rencheng.assess.frame import GaugeFrame, Threshold, city_frame
from rencheng.assess.river import (
    GaugeOutlook,
    RiverForecast,
    RiverForecaster,
    find_river_file,
    read_river_file,
    regression_forecast,
)
from rencheng.assess.river.outlook import exceed_prob
from rencheng.city import City, read_city
from rencheng.kernel import InvalidInput, NotFound, StorageFailed, format_instant, hours
from rencheng.science.river_outlook import QUANTILES
from rencheng.sense.ports import Readings

__all__ = ["flood_forecast", "horizon_hours"]

STEP_H = 6
MOST_HOURS = 168


def horizon_hours(text: str) -> int:
    """Read a horizon such as ``72h``, ``3d`` or ``72``.

    Raises
    ------
    InvalidInput
        If it is none, or not within 1 and 168 hours.

    Examples
    --------
    >>> horizon_hours("72h"), horizon_hours("3d"), horizon_hours("24")
    (72, 72, 24)
    """
    unit = 24 if text.endswith("d") else 1
    number = text.removesuffix("h").removesuffix("d")
    if not number.isdecimal() or not 1 <= int(number) * unit <= MOST_HOURS:
        raise InvalidInput(f"{text!r} is no horizon", where="--horizon", mend="Write e.g. 72h; 1 to 168 hours")
    return int(number) * unit


def flood_forecast(
    run: Path,
    gauge: str,
    *,
    horizon_h: int = 72,
    at: datetime | None = None,
    out: Path | None = None,
    river: Path | None = None,
) -> Iterator[str]:
    """Forecast a gauge from the readings of a run, line by line for people; with a folder, write files as well.

    Parameters
    ----------
    run : Path
        Folder of a run.
    gauge : str
        Sensor to forecast.
    horizon_h : int
        How far ahead.
    at : datetime, optional
        Forecast as it was then; else at the run's last fact. Nothing measured later is read.
    out : Path, optional
        Folder for ``forecast.json``, ``forecast.csv`` and ``forecast.svg``.
    river : Path, optional
        River file; else the one of the city package.

    Raises
    ------
    NotFound
        If the run, its readings or the gauge are not there.
    MissingData
        If the gauge was silent.
    StorageFailed
        If the folder cannot be written.
    """
    folder = RunFolder(run)
    city = read_city(Path(folder.mark.city))
    if not folder.readings.is_file():
        raise NotFound(f"{run} holds no readings", mend="Make a run with: rencheng replay")
    now = at or _last_instant(run)
    frame = city_frame(city).gauges
    readings = DuckDbReadings(folder.readings)
    try:
        forecast = forecast_gauge(city, frame, readings, gauge, now, horizon_h=horizon_h, river=river)
    finally:
        readings.close()
    thresholds = frame.thresholds.get((gauge, "stage_m"), ())
    yield from _lines(forecast, forecast.gauge(gauge), thresholds, city)
    if out is not None:
        for path in _write(forecast, gauge, thresholds, city, out):
            yield str(path)


def forecast_gauge(
    city: City,
    frame: GaugeFrame,
    readings: Readings,
    gauge: str,
    now: datetime,
    *,
    horizon_h: int,
    river: Path | None = None,
) -> RiverForecast:
    """Forecast by routing where the river file knows the gauge, by regression where not."""
    if gauge not in frame.index:
        raise NotFound(f"the city has no gauge {gauge!r}", mend="Name a sensor of the city package")
    path = river or find_river_file(city)
    if path is not None:
        file = read_river_file(path)
        if gauge in file.ids:
            return RiverForecaster(readings=readings, gauges=frame, file=file).forecast(now, horizon_h=horizon_h)
    return regression_forecast(readings, frame, gauge, now, horizon_h=horizon_h)


def _last_instant(run: Path) -> datetime:
    ledger = open_ledger(run)
    try:
        last = list(ledger.since(max(ledger.head - 1, 0)))
    finally:
        ledger.close()
    if not last:
        raise NotFound(f"{run} holds no facts yet", mend="Name an instant with --at")
    return last[-1].recorded_at


def _lines(forecast: RiverForecast, told: GaugeOutlook, thresholds: tuple[Threshold, ...], city: City) -> Iterator[str]:
    local = forecast.based_at.astimezone(city.zone)
    yield f"{told.name} ({told.sensor_id}): {told.observed_m:.2f} m at {local:%Y-%m-%d %H:%M %Z}, by {forecast.model}"
    marks = "".join(f"  P(≥{t.value:.2f} m)" for t in thresholds)
    yield f"{'lead':>5}  {'local time':<16} {'median':>7}  {'80 %':<13}  {'95 %':<13}{marks}"
    chance = [exceed_prob(told.stage_m, t.value) for t in thresholds]
    for lead in _leads(told.stage_m.shape[1]):
        q = told.stage_m[:, lead - 1]
        when = (forecast.based_at + hours(lead)).astimezone(city.zone)
        width = [len(f"P(≥{t.value:.2f} m)") for t in thresholds]
        share = "".join(f"  {p[lead - 1]:>{w}.0%}" for p, w in zip(chance, width, strict=True))
        inner, outer = f"{q[1]:>5.2f} … {q[5]:<5.2f}", f"{q[0]:>5.2f} … {q[6]:<5.2f}"
        yield f"{lead:>3} h  {when:%Y-%m-%d %H:%M} {q[3]:>7.2f}  {inner}  {outer}{share}"
    for note in forecast.notes:
        yield f"note: {note}"


def _leads(horizon: int) -> list[int]:
    return [lead for lead in range(1, horizon + 1) if lead % STEP_H == 0 or lead == horizon]


def _write(forecast: RiverForecast, gauge: str, thresholds: tuple[Threshold, ...], city: City, out: Path) -> list[Path]:
    told = forecast.gauge(gauge)
    files = {
        "forecast.json": json.dumps(_document(forecast, gauge, thresholds), ensure_ascii=False, indent=1),
        "forecast.csv": _table(forecast, told, thresholds),
        "forecast.svg": fan_chart(forecast, told, [(t.value, t.name or str(t.colour)) for t in thresholds], city.zone),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageFailed(f"cannot write the forecast: {error}", where=str(out)) from error
    return [out / name for name in files]


def _document(forecast: RiverForecast, gauge: str, thresholds: tuple[Threshold, ...]) -> dict[str, Any]:
    """All that the forecast says, of the gauge asked for and of the others of its river."""
    return {
        "based_at": format_instant(forecast.based_at),
        "model": forecast.model,
        "gauge": gauge,
        "members": forecast.members,
        "effective_members": round(forecast.effective_members, 1),
        "quantiles": list(QUANTILES),
        "thresholds_m": {t.name or str(t.colour): t.value for t in thresholds},
        "notes": list(forecast.notes),
        "gauges": [
            {
                "sensor_id": g.sensor_id,
                "name": g.name,
                "observed_m": round(g.observed_m, 3),
                "stage_m": _rounded(g.stage_m, 3),
                "discharge_m3_s": None if g.discharge_m3_s is None else _rounded(g.discharge_m3_s, 1),
            }
            for g in forecast.gauges
        ],
    }


def _rounded(values: np.ndarray[Any, np.dtype[np.float64]], digits: int) -> list[list[float]]:
    return [[round(v, digits) for v in row] for row in values.tolist()]


def _table(forecast: RiverForecast, told: GaugeOutlook, thresholds: tuple[Threshold, ...]) -> str:
    """The gauge's quantiles and chances, an hour per row."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    names = [f"stage_m_q{round(q * 1000):03d}" for q in QUANTILES]
    rows.writerow(["valid_at", "lead_h", *names, *(f"prob_at_least_{t.value:g}m" for t in thresholds)])
    chance = [exceed_prob(told.stage_m, t.value) for t in thresholds]
    for t in range(told.stage_m.shape[1]):
        valid = format_instant(forecast.based_at + hours(t + 1))
        values = [f"{v:.3f}" for v in told.stage_m[:, t].tolist()]
        rows.writerow([valid, t + 1, *values, *(f"{p[t]:.3f}" for p in chance)])
    return text.getvalue()
