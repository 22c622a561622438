"""One sensor: what it is, its series as fine as a screen can show, what was expected of it, its alarms."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
from fastapi import APIRouter, Query
from fastapi.responses import Response
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, Field

from rencheng.city import City
from rencheng.kernel import InvalidInput, NotFound, micros, quantity
from rencheng.science.detection.baseline_band import expected_band
from rencheng.science.detection.rules import DetectionRule
from rencheng.science.thinning import thinned
from rencheng.sense import QualityFlag, detection_rules_of
from rencheng.sense.detection_rules import DetectionRules
from rencheng.web.context import Context, Served
from rencheng.web.picture import LatestView
from rencheng.web.picture.outlook import ForecastView
from rencheng.web.problems import PROBLEMS

__all__ = ["AlarmView", "BandView", "SensorView", "SeriesView", "router"]

router = APIRouter(prefix="/api/sensors", tags=["outlook"], responses={k: PROBLEMS[k] for k in (404, 422)})

_LONGEST = timedelta(days=400)
_LEARN = timedelta(days=42)
"""Six weeks are what a baseline remembers of an hour of the week."""
_BAND_POINTS = 600
_MOST_FLAGGED = 1000
_DOUBTED = np.uint16(~QualityFlag.LATE & 0xFFFF)
"""Flags by which a value is not believed; one that only came late is."""
_SHOWN_BASELINE = DetectionRule(
    id="", kind="baseline", levels={"notice": 4.0, "blue": 8.0}, follow_s=21_600.0, warm_s=259_200.0
)
_SEVERITIES = ("", "notice", "blue", "yellow", "orange", "red")


class ThresholdView(BaseModel):
    """A level that means something."""

    colour: str
    value: float
    name: str


class SeriesView(BaseModel):
    """Readings of one channel with its thresholds and its last forecast."""

    sensor_id: str
    quantity: str
    unit: str
    kind: str = Field(description="level, or increment for an amount since the last reading")
    start: int = Field(description="Milliseconds since 1970-01-01T00:00Z, like all instants here")
    end: int
    total: int = Field(description="Readings in the span, of which those below are the points worth drawing")
    at: list[int]
    value: list[float]
    flags: list[int] = Field(description="Quality flags, 0 is good; flagged readings are never thinned away unseen")
    step_ms: float = Field(description="Where amounts are summed up: over so long before each point; else 0")
    gap_ms: float = Field(description="Points further apart than this have nothing between them")
    thresholds: list[ThresholdView]
    forecast: ForecastView | None


class BandView(BaseModel):
    """What the seasonal baseline expected, worked out again from the readings before."""

    sensor_id: str
    quantity: str
    rule: str = Field(description="Rule of detection that goes by it; empty where none does and it is for looking only")
    deviations: float = Field(description="Standard deviations at which the rule takes notice")
    at: list[int]
    expected: list[float]
    scale: list[float] = Field(description="Robust standard deviation")


class AlarmView(BaseModel):
    """An alarm from its begin to its end."""

    alarm_id: str
    quantity: str
    rule: str
    rule_name: dict[str, str]
    kind: str
    severity: str = Field(description="Highest that it reached")
    state: str
    begun_at: datetime
    ended_at: datetime | None
    value: float | None
    score: float | None = Field(description="What the rule compared")
    limit: float | None
    confidence: float
    window_start: datetime = Field(description="Evidence begins")
    window_end: datetime
    cause: str
    end_cause: str


class ChannelView(BaseModel):
    """A quantity that a sensor measures."""

    quantity: str
    unit: str
    kind: str
    interval_s: float | None
    datum_m: float | None
    lowest: float | None = Field(description="What can be at all, by the quantity")
    highest: float | None
    thresholds: list[ThresholdView]
    latest: LatestView | None


class SensorView(BaseModel):
    """A sensor of the city."""

    sensor_id: str
    name: str
    kind: str
    lon: float | None
    lat: float | None
    altitude_m: float | None
    channels: list[ChannelView]


@router.get("", summary="Find sensors")
def find(
    context: Served,
    search: Annotated[str, Query(max_length=100, description="Part of the id or the name")] = "",
    top: Annotated[int, Query(ge=1, le=200)] = 20,
) -> list[dict[str, Any]]:
    """Sensors whose id or name has a text, in the order of the city's table."""
    city = context.session.city
    if not city.has("sensors"):
        return []
    table = city.table("sensors")
    wanted = pc.match_substring(table["sensor_id"].cast(pa.string()), search, ignore_case=True)
    if "name" in table.column_names:
        named = pc.fill_null(pc.match_substring(table["name"].cast(pa.string()), search, ignore_case=True), False)
        wanted = pc.or_(wanted, named)
    rows = table.filter(wanted).slice(0, top).to_pylist()
    return [{key: row.get(key) for key in ("sensor_id", "name", "kind", "lon", "lat")} for row in rows]


@router.get("/{sensor_id}", summary="A sensor")
def sensor(context: Served, sensor_id: str) -> SensorView:
    """What a sensor is, what it measures and its last readings."""
    city = context.session.city
    row = _sensor(city, sensor_id)
    listed = {of["quantity"]: of for of in _rows_of(city, "channels", sensor_id)}
    latest = {of.quantity: of for of in context.latest() if of.sensor_id == sensor_id}
    return SensorView(
        sensor_id=sensor_id,
        name=row.get("name") or sensor_id,
        kind=row.get("kind") or "",
        lon=row.get("lon"),
        lat=row.get("lat"),
        altitude_m=row.get("altitude_m"),
        channels=[
            _channel(city, sensor_id, name, listed.get(name, {}), latest.get(name))
            for name in dict.fromkeys([*listed, *latest])
        ],
    )


@router.get("/{sensor_id}/series", summary="Series of a sensor", response_model=SeriesView)
def series(
    context: Served,
    sensor_id: str,
    quantity_name: Annotated[str, Query(alias="quantity", examples=["stage_m"])],
    hours: Annotated[float, Query(gt=0, le=24 * 400, description="Before the end, where no start is given")] = 24.0,
    start: Annotated[AwareDatetime | None, Query(description="After this instant")] = None,
    end: Annotated[AwareDatetime | None, Query(description="Up to this instant; now where absent")] = None,
    points: Annotated[int, Query(ge=100, le=10_000, description="About so many at most")] = 2000,
) -> Response:
    """Give the readings of a span, flagged ones included.

    Where there are many, the lowest and highest of each stretch are given; of amounts, such as rain, the sum.
    """
    of = quantity(quantity_name, where="quantity")
    _sensor(context.session.city, sensor_id)
    begin, until = _span(context, hours, start, end)
    at, value, flags = _readings(context, sensor_id, quantity_name, begin, until)
    bins = points // 2
    total, step_us = len(at), 0.0
    usual = float(np.median(np.diff(at))) if total > 1 else 0.0
    if of.kind == "increment" and total > points:
        step_us = (micros(until) - micros(begin)) / bins
        at, value, flags = _summed(at, value, flags, micros(begin), step_us)
    keep = _worth_drawing(at, value, flags, max(bins, len(at) if step_us else 0), micros(begin), micros(until))
    view = {
        "sensor_id": sensor_id,
        "quantity": quantity_name,
        "unit": of.unit,
        "kind": of.kind,
        "start": micros(begin) // 1000,
        "end": micros(until) // 1000,
        "total": total,
        "at": (at[keep] // 1000).tolist(),
        "value": np.round(value[keep], 4).tolist(),
        "flags": flags[keep].tolist(),
        "step_ms": step_us / 1000,
        "gap_ms": max(3.5 * usual, 2.5 * (micros(until) - micros(begin)) / bins if len(keep) < total else 0.0) / 1000,
        "thresholds": [t.model_dump() for t in _thresholds(context.session.city, sensor_id, quantity_name)],
        "forecast": next(
            (f.model_dump() for f in context.keeper.forecasts(sensor_id) if f.quantity == quantity_name), None
        ),
    }
    return Response(msgspec.json.encode(view), media_type="application/json")


@router.get("/{sensor_id}/series.csv", summary="Series of a sensor as CSV", response_class=Response)
def series_csv(
    context: Served,
    sensor_id: str,
    quantity_name: Annotated[str, Query(alias="quantity", examples=["stage_m"])],
    start: Annotated[AwareDatetime, Query()],
    end: Annotated[AwareDatetime, Query()],
) -> Response:
    """Every reading of a span: instant, value in the SI unit, quality flags by name."""
    of = quantity(quantity_name, where="quantity")
    _sensor(context.session.city, sensor_id)
    begin, until = _span(context, 0.0, start, end)
    at, value, flags = _readings(context, sensor_id, quantity_name, begin, until)
    table = pa.table(
        {
            "at_utc": pc.strftime(pa.array(at).cast(pa.timestamp("us")), format="%Y-%m-%dT%H:%M:%SZ"),
            f"{quantity_name} ({of.unit})": pa.array(value),
            "flags": pa.array([_flag_names(bits) for bits in flags.tolist()], pa.string()),
        }
    )
    sink = io.BytesIO()
    pv.write_csv(table, sink)
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in f"{sensor_id}-{quantity_name}")
    headers = {"Content-Disposition": f'attachment; filename="{safe}.csv"'}
    return Response(sink.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/{sensor_id}/band", summary="What was expected of a sensor", response_model=BandView)
def band(
    context: Served,
    sensor_id: str,
    quantity_name: Annotated[str, Query(alias="quantity", examples=["stage_m"])],
    start: Annotated[AwareDatetime, Query()],
    end: Annotated[AwareDatetime, Query()],
) -> Response:
    """Give what the seasonal baseline expected and how sure it was.

    The detector keeps no history of what it expected, so its fold over the six weeks before and the span is done again.
    """
    of = quantity(quantity_name, where="quantity")
    city = context.session.city
    kind = _sensor(city, sensor_id).get("kind") or ""
    begin, until = _span(context, 0.0, start, end)
    rules = detection_rules_of(city.path)
    own = [rules.rules[k].rule for k in rules.places_for(quantity_name, kind)]
    rule = next((one for one in own if one.kind == "baseline"), _SHOWN_BASELINE)
    view: dict[str, Any] = {"sensor_id": sensor_id, "quantity": quantity_name, "rule": rule.id}
    view |= {"deviations": min(rule.levels.values(), default=0.0), "at": [], "expected": [], "scale": []}
    if of.kind == "level":
        at, value, flags = _readings(context, sensor_id, quantity_name, begin - _LEARN, until)
        alarmed = _within(at, _alarms(context, sensor_id, quantity_name, rules), rule.id)
        expected, scale = expected_band(at, value, rule, flags=flags, alarmed=alarmed)
        keep = np.flatnonzero((at > micros(begin)) & np.isfinite(expected))
        keep = keep[:: max(1, -(-len(keep) // _BAND_POINTS))]
        view |= {"at": (at[keep] // 1000).tolist()}
        view |= {"expected": np.round(expected[keep], 4).tolist(), "scale": np.round(scale[keep], 5).tolist()}
    return Response(msgspec.json.encode(view), media_type="application/json")


@router.get("/{sensor_id}/alarms", summary="Alarms of a sensor")
def alarms(
    context: Served,
    sensor_id: str,
    start: Annotated[AwareDatetime, Query()],
    end: Annotated[AwareDatetime, Query()],
    quantity_name: Annotated[str, Query(alias="quantity")] = "",
) -> list[AlarmView]:
    """Alarms that stood at some time of a span, newest first."""
    _sensor(context.session.city, sensor_id)
    begin, until = _span(context, 0.0, start, end)
    found = _alarms(context, sensor_id, quantity_name, detection_rules_of(context.session.city.path))
    return [a for a in reversed(found) if a.begun_at <= until and (a.ended_at is None or a.ended_at >= begin)]


def _sensor(city: City, sensor_id: str) -> dict[str, Any]:
    rows = _rows_of(city, "sensors", sensor_id)
    if not rows:
        raise NotFound(f"no sensor {sensor_id!r}", mend="List them with GET /api/city/layers/sensors")
    return rows[0]


def _rows_of(city: City, table: str, sensor_id: str) -> list[dict[str, Any]]:
    if not city.has(table):
        return []
    found = city.table(table)
    rows: list[dict[str, Any]] = found.filter(pc.equal(found["sensor_id"].cast(pa.string()), sensor_id)).to_pylist()
    return rows


def _thresholds(city: City, sensor_id: str, name: str) -> list[ThresholdView]:
    return [
        ThresholdView(colour=row["colour"], value=row["value"], name=row.get("name") or "")
        for row in _rows_of(city, "thresholds", sensor_id)
        if row["quantity"] == name
    ]


def _channel(city: City, sensor_id: str, name: str, row: Mapping[str, Any], latest: LatestView | None) -> ChannelView:
    of = quantity(name)
    return ChannelView(
        quantity=name,
        unit=of.unit,
        kind=of.kind,
        interval_s=row.get("interval_s"),
        datum_m=row.get("datum_m"),
        lowest=of.low,
        highest=of.high,
        thresholds=_thresholds(city, sensor_id, name),
        latest=latest,
    )


def _span(context: Context, hours: float, start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    until = (end or context.session.clock().now).astimezone(UTC)
    try:
        begin = (start or until - timedelta(hours=hours)).astimezone(UTC)
    except OverflowError:
        raise InvalidInput("there is no such instant", where="start") from None
    if not begin < until:
        raise InvalidInput("the span ends before it begins", where="start", mend="Give start before end")
    if until - begin > _LONGEST or begin.year < 1900 or until.year > 2200:
        raise InvalidInput(f"the span is longer than {_LONGEST.days} days", where="start", mend="Ask for less")
    return begin, until


def _readings(
    context: Context, sensor_id: str, name: str, begin: datetime, until: datetime
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.uint16]]:
    """Readings of one channel in a span: microseconds, values, flags. All that this page draws comes through here."""
    table = context.session.readings.window(name, start=begin, end=until, sensors=[sensor_id], good_only=False)
    at = table.column("at").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return (
        np.asarray(at.to_numpy(), dtype=np.int64),
        np.asarray(table.column("value").to_numpy(), dtype=np.float64),
        np.asarray(table.column("flags").to_numpy(), dtype=np.uint16),
    )


def _worth_drawing(
    at: NDArray[np.int64], value: NDArray[np.float64], flags: NDArray[np.uint16], bins: int, begin: int, until: int
) -> NDArray[np.int64]:
    """Extremes of the good readings, and of the flagged ones for themselves where those are many too."""
    doubted = (flags & _DOUBTED) != 0
    good, odd = np.flatnonzero(~doubted), np.flatnonzero(doubted)
    kept = good[thinned(at[good], value[good], bins=bins, start=begin, end=until)]
    if len(odd) > _MOST_FLAGGED:
        odd = odd[thinned(at[odd], value[odd], bins=_MOST_FLAGGED // 2, start=begin, end=until)]
    return np.sort(np.concatenate([kept, odd]))


def _summed(
    at: NDArray[np.int64], value: NDArray[np.float64], flags: NDArray[np.uint16], begin: int, step: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.uint16]]:
    """Amounts summed up over steps, each at the end of its step; flagged readings stay as they are."""
    good = (flags & _DOUBTED) == 0
    of = np.ceil((at[good] - begin) / step).astype(np.int64)
    steps, inverse = np.unique(of, return_inverse=True)
    sums = np.bincount(inverse, weights=value[good], minlength=len(steps))
    every = np.concatenate([(begin + steps * step).astype(np.int64), at[~good]])
    order = np.argsort(every, kind="stable")
    marks = np.concatenate([np.zeros(len(steps), dtype=np.uint16), flags[~good]])
    return every[order], np.concatenate([sums, value[~good]])[order], marks[order]


def _flag_names(bits: int) -> str:
    return " ".join(str(flag.name).lower() for flag in QualityFlag if bits & flag)


def _alarms(context: Context, sensor_id: str, name: str, rules: DetectionRules) -> list[AlarmView]:
    """Alarms of a sensor from begin to end, in the order in which they became known."""
    store = context.session.alarms
    if store is None:
        return []
    names = {rule.rule.id: {"zh": rule.name.zh, "en": rule.name.en} for rule in rules.rules}
    found: dict[str, AlarmView] = {}
    for row in store.alarms(sensor_id=sensor_id).to_pylist():
        if name and row["quantity"] != name:
            continue
        known = found.get(row["alarm_id"])
        if known is None:
            fields = {key: row[key] for key in AlarmView.model_fields if key in row}
            title = names.get(row["rule"], {"zh": row["rule"], "en": row["rule"]})
            found[row["alarm_id"]] = AlarmView(**fields, rule_name=title, end_cause="")
            continue
        known.state, known.ended_at = row["state"], row["ended_at"]
        if row["state"] == "cleared":
            known.end_cause = row["cause"]
        else:
            known.severity = max(known.severity, row["severity"], key=_rank)
            known.confidence = max(known.confidence, row["confidence"])
            known.window_end = max(known.window_end, row["window_end"])
    return list(found.values())


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else 0


def _within(at: NDArray[np.int64], found: list[AlarmView], rule: str) -> NDArray[np.bool_]:
    """Readings within an alarm of a rule."""
    inside = np.zeros(len(at), dtype=bool)
    for alarm in found:
        if alarm.rule == rule:
            until = np.iinfo(np.int64).max if alarm.ended_at is None else micros(alarm.ended_at)
            inside |= (at >= micros(alarm.begun_at)) & (at <= until)
    return inside
