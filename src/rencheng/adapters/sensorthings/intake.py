"""Observations that clients create: as readings in the stored unit, apart from what no reading can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from rencheng.adapters.sensorthings.book import EntityBook
from rencheng.adapters.sensorthings.checking import checked_content
from rencheng.adapters.sensorthings.instants import instant_text, read_span
from rencheng.adapters.sensorthings.model import MODEL, EntityKey
from rencheng.adapters.sensorthings.refusal import Refusal
from rencheng.adapters.sensorthings.units import OM_MEASUREMENT
from rencheng.sense.batch import GOOD_SCHEMA, Decoded, TimingLimits

__all__ = ["AHEAD_S", "NewObservation", "decoded_observations", "new_observation"]

AHEAD_S = TimingLimits().future_limit_s
"""How far ahead of now an Observation may be stamped, as with every other feed."""
_EXTRAS = ("resultQuality", "validTime", "parameters")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewObservation:
    """An Observation on its way in.

    Parameters
    ----------
    datastream : id
        Its Datastream.
    at_us : int
        Begin of its phenomenonTime, microseconds since 1970.
    value : float or None
        Result in the unit in which it is stored; None where it is no reading.
    content : mapping
        Its properties as shown.
    feature : id, optional
        FeatureOfInterest that it names or describes.
    is_more : bool
        Whether it says more than a reading holds.
    """

    datastream: EntityKey
    at_us: int
    value: float | None
    content: Mapping[str, Any]
    feature: EntityKey | None
    is_more: bool


def new_observation(
    book: EntityBook, datastream: EntityKey, body: Mapping[str, Any], feature: EntityKey | None, now_us: int
) -> NewObservation:
    """Read one Observation.

    Raises
    ------
    Refusal
        If a property is wrong, the result is no number though its Datastream measures, or its time lies ahead.
    """
    if "result" not in body:
        raise Refusal("must be given", where="Observation result")
    content = checked_content(body, MODEL["Observations"], complete=False)
    content.setdefault("result", None)
    said = content.get("phenomenonTime") or instant_text(now_us)
    span = read_span(said)
    if max(span.start_us, span.end_us) > now_us + AHEAD_S * 1e6 and span.is_instant:
        raise Refusal(
            f"{said} lies more than {AHEAD_S / 3600:g} h ahead",
            where="Observation phenomenonTime",
            mend="Set the clock",
        )
    content = {"phenomenonTime": said, "resultTime": content.get("resultTime") or said, **content}
    properties = book.properties("Datastreams", datastream)
    value = None
    if book.channel(datastream)[1]:
        factor, offset = book.conversion(datastream)
        value = _number(content["result"]) * factor + offset
    elif properties.get("observationType") == OM_MEASUREMENT:
        _number(content["result"])
    is_more = (
        value is None
        or not span.is_instant
        or content["resultTime"] != said
        or any(content.get(name) is not None for name in _EXTRAS)
    )
    return NewObservation(
        datastream=datastream, at_us=span.start_us, value=value, content=content, feature=feature, is_more=is_more
    )


def _number(result: Any) -> float:
    if isinstance(result, bool) or not isinstance(result, int | float) or not abs(result) < 1e300:
        raise Refusal("must be a finite number", where="Observation result")
    return float(result)


def decoded_observations(book: EntityBook, observations: Sequence[NewObservation]) -> Decoded | None:
    """Make a batch of those that are readings; None where none is."""
    readings = [one for one in observations if one.value is not None]
    if not readings:
        return None
    channels = [book.channel(one.datastream) for one in readings]
    good = pa.table(
        [
            pa.array([sensor_id for sensor_id, _ in channels], pa.string()),
            pa.array([quantity for _, quantity in channels], pa.string()),
            pa.array([one.at_us for one in readings], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            pa.array([one.value for one in readings], pa.float64()),
        ],
        schema=GOOD_SCHEMA,
    )
    return Decoded(good=good, rows=len(readings))
