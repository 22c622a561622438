"""Orders of people to sensing."""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from datetime import datetime, timedelta

from rencheng.kernel import Draft, Hazard, InvalidInput, LonLat, OrderRefused, cell_of, derived_id, require_utc
from rencheng.sense.decide import Inputs
from rencheng.sense.device_life import DEVICE_ORDERS, handle_device_order
from rencheng.sense.facts import RainForecastTaken, RainPictureTaken, ReportReceived
from rencheng.sense.fusion import event_of
from rencheng.sense.model import FUSION_RESOLUTION, State
from rencheng.sense.orders import (
    CATEGORIES,
    PICTURE_SOURCES,
    SOURCES,
    ReloadFeed,
    ReofferRefused,
    SubmitReport,
    TakeRainForecast,
    TakeRainPicture,
)

__all__ = ["handle"]

CLOCK_AHEAD = timedelta(minutes=5)
"""How far a reporter's clock may be ahead."""
TEXT_LIMIT = 4000
FORECAST_OLD = timedelta(hours=24)
"""A forecast of the rain issued longer ago says little of the day ahead."""

_ORDERS = ", ".join(
    [
        "ReloadFeed, ReofferRefused, SubmitReport, TakeRainForecast, TakeRainPicture",
        *(order.__name__ for order in DEVICE_ORDERS),
    ]
)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def handle(state: State, order: object, inputs: Inputs, now: datetime, actor: str) -> list[Draft]:
    """Answer an order with facts.

    Raises
    ------
    OrderRefused
        If the report's source, hazard, category, place, time or depth cannot be, or a picture or forecast of the rain
        comes from the future or is out of date, or a device is unknown or cannot go on as asked.
    """
    if isinstance(order, DEVICE_ORDERS):
        return handle_device_order(state, order, inputs.devices, now, actor)
    if isinstance(order, TakeRainPicture):
        return _take_picture(order, now, actor)
    if isinstance(order, TakeRainForecast):
        return _take_forecast(order, now, actor)
    if isinstance(order, ReloadFeed | ReofferRefused):  # a live run sees to them before they come here
        raise OrderRefused("feeds are tended in a live run only", mend="Start one with: rencheng run --city CITY")
    if not isinstance(order, SubmitReport):
        raise OrderRefused(f"sense has no order {type(order).__name__}", mend=f"Use: {_ORDERS}")
    _require_sane(order)
    seen_at = now if order.seen_at is None else require_utc(order.seen_at, name="seen_at")
    if seen_at > now + CLOCK_AHEAD:
        raise OrderRefused(
            f"seen_at {seen_at.isoformat()} lies ahead of now {now.isoformat()}",
            where="SubmitReport",
            mend="Set the clock",
        )
    said = {
        **{key: value for key, value in asdict(order).items() if key != "seen_at"},
        "lon": float(order.lon),
        "lat": float(order.lat),
        "depth_m": None if order.depth_m is None else float(order.depth_m),
        "people": int(order.people),
    }
    report_id = derived_id("report", actor, seen_at.isoformat(), *said.values())
    cell = cell_of(order.lon, order.lat, FUSION_RESOLUTION)
    event_id = event_of(
        state.recent,
        cell=cell,
        hazard=order.hazard,
        lon=order.lon,
        lat=order.lat,
        at=seen_at,
        report_id=report_id,
    )
    body = ReportReceived(report_id=report_id, cell=cell, event_id=event_id, **said)
    return [Draft(stream=f"report/{report_id}", body=body, occurred_at=seen_at, actor=actor)]


def _take_picture(order: TakeRainPicture, now: datetime, actor: str) -> list[Draft]:
    at = require_utc(order.at, name="at")
    if order.source not in PICTURE_SOURCES:
        mend = f"Use one of: {', '.join(PICTURE_SOURCES)}"
        raise OrderRefused(f"unknown source {order.source!r}", where="TakeRainPicture", mend=mend)
    if at > now + CLOCK_AHEAD:
        raise OrderRefused(
            f"the picture shows {at.isoformat()}, ahead of now {now.isoformat()}",
            where="TakeRainPicture",
            mend="Set the clock, or give a forecast as one",
        )
    body = RainPictureTaken(
        picture_id=derived_id("rain-picture", order.source, at.isoformat(), order.field),
        source=order.source,
        at=at,
        field=order.field,
        cell_m=order.cell_m,
        mean_mm_h=order.mean_mm_h,
        highest_mm_h=order.highest_mm_h,
        missing_ratio=order.missing_ratio,
    )
    return [Draft(stream=f"rain-picture/{order.source}", body=body, occurred_at=at, actor=actor)]


def _take_forecast(order: TakeRainForecast, now: datetime, actor: str) -> list[Draft]:
    issued = require_utc(order.issued_at, name="issued_at")
    where = "TakeRainForecast"
    if not _NAME.fullmatch(order.source):
        mend = "Use up to 40 lower-case letters, digits and '-'"
        raise OrderRefused(f"{order.source!r} cannot name a source", where=where, mend=mend)
    if issued > now + CLOCK_AHEAD:
        said = f"issued at {issued.isoformat()}, ahead of now {now.isoformat()}"
        raise OrderRefused(said, where=where, mend="Set the clock, or give the time of issue and not of validity")
    if issued < now - FORECAST_OLD or issued + timedelta(hours=order.horizon_h) <= now:
        said = f"issued at {issued.isoformat()} for {order.horizon_h:g} h, and it is {now.isoformat()}"
        raise OrderRefused(said, where=where, mend="Give a newer forecast")
    body = RainForecastTaken(
        forecast_id=derived_id("rain-forecast", order.source, issued.isoformat(), order.field),
        source=order.source,
        issued_at=issued,
        field=order.field,
        kind=order.kind,
        layers=order.layers,
        steps=order.steps,
        horizon_h=order.horizon_h,
        total_mm=order.total_mm,
        highest_mm_h=order.highest_mm_h,
    )
    return [Draft(stream=f"rain-forecast/{order.source}", body=body, occurred_at=now, actor=actor)]


def _require_sane(order: SubmitReport) -> None:
    for name, value, legal in (
        ("source", order.source, SOURCES),
        ("hazard", order.hazard, tuple(Hazard)),
        ("category", order.category, CATEGORIES),
    ):
        if value not in legal:
            raise OrderRefused(
                f"unknown {name} {value!r}", where="SubmitReport", mend=f"Use one of: {', '.join(legal)}"
            )
    try:
        LonLat(order.lon, order.lat)
    except InvalidInput as error:
        raise OrderRefused(error.what, where="SubmitReport", mend=error.mend) from error
    depth = order.depth_m
    if depth is not None and not (math.isfinite(depth) and 0.0 <= depth <= 20.0):
        raise OrderRefused(f"depth_m {depth} is not between 0 and 20", where="SubmitReport", mend="Give metres")
    if order.people < 0:
        raise OrderRefused(f"people {order.people} is negative", where="SubmitReport", mend="Give a count")
    if len(order.text) > TEXT_LIMIT:
        raise OrderRefused(
            f"the text has {len(order.text)} characters", where="SubmitReport", mend=f"At most {TEXT_LIMIT}"
        )
