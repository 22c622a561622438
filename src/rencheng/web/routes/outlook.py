"""What was sensed and what is expected: risk by cell and the series of a sensor."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from rencheng.kernel import Colour, NotFound, quantity
from rencheng.web.context import Context, Served
from rencheng.web.picture.outlook import ForecastView
from rencheng.web.problems import PROBLEMS

__all__ = ["RiskCells", "SeriesView", "router"]

router = APIRouter(prefix="/api", tags=["outlook"], responses={k: PROBLEMS[k] for k in (404, 422)})

_RANK = {"": 0, **{c.value: c.rank for c in Colour}}
_MOST_POINTS = 2_000


class RiskCells(BaseModel):
    """Risk of one hazard at one horizon, by cell, in columns."""

    hazard: str
    model: str
    seq: int
    lead_h: float
    leads_h: list[float] = Field(description="Horizons to choose from")
    h3: list[str] = Field(description="H3 cells, hexadecimal")
    colour: list[int] = Field(description="0 below blue, 1 blue, 2 yellow, 3 orange, 4 red")
    probability: list[float]
    intensity: list[float]
    residents: list[float]
    vulnerable_residents: list[float]
    risk: list[float] = Field(description="Expected people affected")


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
    at: list[int] = Field(description="Milliseconds since 1970-01-01T00:00Z")
    value: list[float]
    flags: list[int] = Field(description="Quality flags, 0 is good")
    thresholds: list[ThresholdView]
    forecast: ForecastView | None


@router.get("/risk/{hazard}", summary="Risk by cell")
def risk(
    context: Served,
    hazard: str,
    lead_h: Annotated[float, Query(ge=0, le=10_000, description="Horizon in hours; the nearest one is given")] = 0.0,
) -> RiskCells:
    """Give the last assessment of a hazard at the horizon nearest to the one asked for."""
    view = context.keeper.risk(hazard)
    if view is None:
        raise NotFound(f"no risk of {hazard!r} was assessed in this run", mend="GET /api/state lists what was")
    table = context.session.fields.get(view.field)
    columns = {n: table.column(n).combine_chunks().to_numpy(zero_copy_only=False) for n in table.column_names}
    leads = sorted({t.lead_h for t in view.totals} | set(np.unique(columns["lead_h"]).tolist()))
    lead = min(leads, key=lambda value: (abs(value - lead_h), value), default=lead_h)
    rows = np.flatnonzero(columns["lead_h"] == lead)

    def rounded(name: str, digits: int) -> list[float]:
        values: list[float] = np.nan_to_num(np.round(columns[name][rows].astype(float), digits)).tolist()
        return values

    return RiskCells(
        hazard=hazard,
        model=view.model,
        seq=view.seq,
        lead_h=lead,
        leads_h=leads,
        h3=[f"{cell:x}" for cell in columns["cell"][rows].tolist()],
        colour=[_RANK.get(c or "", 0) for c in columns["colour"][rows].tolist()],
        probability=rounded("probability", 4),
        intensity=rounded("intensity", 4),
        residents=rounded("residents", 1),
        vulnerable_residents=rounded("vulnerable_residents", 1),
        risk=rounded("risk", 3),
    )


def _thresholds(context: Context, sensor_id: str, name: str) -> list[ThresholdView]:
    return [
        ThresholdView(colour=row["colour"], value=row["value"], name=row.get("name") or "")
        for row in context.session.city.rows("thresholds")
        if row["sensor_id"] == sensor_id and row["quantity"] == name
    ]


def _thinned(columns: dict[str, Any]) -> dict[str, Any]:
    """Keep the lowest and highest value of each stretch when there are more points than a screen can show."""
    count = len(columns["value"])
    if count <= _MOST_POINTS:
        return columns
    keep: list[int] = []
    for rows in np.array_split(np.arange(count), _MOST_POINTS // 2):
        ends = {int(rows[np.argmin(columns["value"][rows])]), int(rows[np.argmax(columns["value"][rows])])}
        keep.extend(sorted(ends))
    return {name: values[keep] for name, values in columns.items()}


@router.get("/sensors/{sensor_id}/series", summary="Series of a sensor")
def series(
    context: Served,
    sensor_id: str,
    quantity_name: Annotated[str, Query(alias="quantity", examples=["stage_m"])],
    hours: Annotated[float, Query(gt=0, le=24 * 31)] = 24.0,
) -> SeriesView:
    """Give the readings of the last hours, flagged ones included, with thresholds and forecast."""
    of = quantity(quantity_name, where="quantity")
    session = context.session
    if not session.city.has("sensors") or sensor_id not in session.city.column("sensors", "sensor_id"):
        raise NotFound(f"no sensor {sensor_id!r}", mend="List them with GET /api/city/layers/sensors")
    now = session.clock().now
    table = session.readings.window(
        quantity_name, start=now - timedelta(hours=hours), end=now, sensors=[sensor_id], good_only=False
    )
    at_ms = pc.divide(table.column("at").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()), 1000)
    columns = _thinned(
        {
            "at": at_ms.to_numpy(),
            "value": table.column("value").to_numpy(),
            "flags": table.column("flags").to_numpy(),
        }
    )
    return SeriesView(
        sensor_id=sensor_id,
        quantity=quantity_name,
        unit=of.unit,
        kind=of.kind,
        at=columns["at"].tolist(),
        value=np.round(columns["value"], 4).tolist(),
        flags=columns["flags"].tolist(),
        thresholds=_thresholds(context, sensor_id, quantity_name),
        forecast=next((f for f in context.keeper.forecasts(sensor_id) if f.quantity == quantity_name), None),
    )
