"""Readings of very many sensors at once: the last ones in a box of the map, and their hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Query
from fastapi.responses import Response

from rencheng.kernel import InvalidInput, NotFound, quantity, require_utc
from rencheng.sense import SummedReadings
from rencheng.sense.map_box import MapBox
from rencheng.web.context import Served
from rencheng.web.problems import PROBLEMS

__all__ = ["router"]

router = APIRouter(prefix="/api/readings", tags=["outlook"], responses={k: PROBLEMS[k] for k in (404, 422)})

ARROW = "application/vnd.apache.arrow.stream"
_LONGEST = timedelta(days=366)
Quantity = Annotated[str, Query(alias="quantity", max_length=60, description="Name in the quantity table")]
Form = Annotated[Literal["json", "arrow"], Query(alias="format", description="Columns in JSON, or an Arrow stream")]
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/json": {"schema": {"type": "object"}},
            ARROW: {"schema": {"type": "string", "format": "binary"}},
        }
    }
}


@router.get("/latest", summary="Last readings in a box of the map", response_model=None, responses=_CONTENT)
def latest(
    context: Served,
    of: Quantity,
    west: Annotated[float, Query(ge=-180, le=180)],
    south: Annotated[float, Query(ge=-90, le=90)],
    east: Annotated[float, Query(ge=-180, le=180)],
    north: Annotated[float, Query(ge=-90, le=90)],
    across: Annotated[int, Query(ge=1, le=1024, description="Squares side by side, each gives one sensor")] = 128,
    form: Form = "json",
) -> Response:
    """Give what a map can draw: in each square the sensor with the greatest value, how many report there, the least.

    ``west`` greater than ``east`` goes across the 180th meridian. In JSON, ``at`` is in seconds since 1970.
    """
    if not south < north or west == east:
        raise InvalidInput("the box of the map is empty", mend="Give west, south, east, north in degrees")
    box = MapBox(west=west, south=south, east=east, north=north, across=across)
    return _answer(context.sensor_map.latest(quantity(of).name, box), form)


@router.get("/hourly", summary="Readings by hour", response_model=None, responses=_CONTENT)
def hourly(
    context: Served,
    of: Quantity,
    start: Annotated[datetime, Query(description="With a zone; the hour that holds it is the first")],
    end: Annotated[datetime, Query(description="With a zone; the hour that begins then is no more given")],
    sensor: Annotated[list[str] | None, Query(max_length=1000, description="Of these only; may be repeated")] = None,
    together: Annotated[bool, Query(description="One series of all of them")] = False,
    form: Form = "json",
) -> Response:
    """Give number, least, mean and greatest of the readings of each hour, by sensor or of all together.

    Readings that a check objected to do not count, late ones do. In JSON, ``at`` is in seconds since 1970.
    """
    start, end = require_utc(start, name="start"), require_utc(end, name="end")
    if not start < end or end - start > _LONGEST:
        raise InvalidInput("the span is empty or longer than a year", mend="Give start and end, start first")
    table = _summed(context).hourly(quantity(of).name, start=start, end=end, sensors=sensor, together=together)
    return _answer(table, form)


def _summed(context: Served) -> SummedReadings:
    readings = context.session.readings
    if not isinstance(readings, SummedReadings):
        raise NotFound("this run keeps no readings to sum up", mend="Ask a run with a readings store")
    return readings


def _answer(table: pa.Table, form: str) -> Response:
    if form == "arrow":
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return Response(sink.getvalue().to_pybytes(), media_type=ARROW)
    columns = {name: _plain(table[name]) for name in table.column_names}
    return Response(msgspec.json.encode(columns), media_type="application/json")


def _plain(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        return list((np.asarray(column.cast(pa.timestamp("us")).cast(pa.int64())) / 1e6).tolist())
    return list(column.to_pylist() if pa.types.is_string(column.type) else column.to_numpy().tolist())
