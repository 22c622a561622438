"""Hours of readings: what runs have summed up already, and what is not in runs yet summed now."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from rencheng.adapters.duckdb.layout import Snapshot
from rencheng.adapters.duckdb.runs import HOUR_US
from rencheng.kernel import InvalidInput
from rencheng.sense.ports import QualityFlag

__all__ = ["Hours", "hours_of"]

_BAD = int(~QualityFlag.LATE & 0xFFFF)
MOST_HOURS = 20_000_000
"""Sensor-hours of one answer; a year of 2,000 sensors."""


class Hours:
    """Number, least, greatest and sum of readings by series and hour; shape (series, hours) each."""

    def __init__(self, series: int, first_hour: int, hours: int) -> None:
        if series * hours > MOST_HOURS:
            raise InvalidInput(
                f"{series:,} series of {hours:,} hours are more than {MOST_HOURS:,} in one answer",
                mend="Ask for a shorter span, for fewer sensors, or for all of them together",
            )
        self.first_hour = first_hour
        shape = (series, hours)
        self.readings = np.zeros(shape, np.int64)
        self.low, self.high = np.full(shape, np.inf), np.full(shape, -np.inf)
        self.total = np.zeros(shape)

    def take(self, place: NDArray[np.int64], table: pa.Table) -> None:
        """Add rows of ``channel``, ``stamp`` and either ``value``, or ``readings``, ``low``, ``high`` and ``total``.

        Parameters
        ----------
        place : array of int
            Channel number → series; −1 for none.
        table : pyarrow.Table
            In an order that stays the same, since sums depend on it in their last digits.
        """
        batches = table.to_batches()
        ones = np.ones(max((batch.num_rows for batch in batches), default=0), np.uint32)
        for batch in batches:
            columns = {name: batch[name].to_numpy() for name in batch.schema.names}
            columns["stamp"] = columns["stamp"].astype("datetime64[us]", copy=False).view(np.int64)
            if "value" in columns:
                value = columns["value"]
                columns |= {"readings": ones[: len(value)], "low": value, "high": value, "total": value}
            rows = tuple(columns[name] for name in ("channel", "stamp", "readings", "low", "high", "total"))
            _add(place, self.first_hour, rows, (self.readings, self.low, self.high, self.total))

    def table(self, names: pa.Array) -> pa.Table:
        """Hours that have readings, by series and hour; see :class:`rencheng.sense.summed.SummedReadings`.

        Parameters
        ----------
        names : pyarrow.Array
            What each series is called.
        """
        series, hour = np.nonzero(self.readings)
        readings = self.readings[series, hour]
        at = pa.array((hour + self.first_hour) * HOUR_US)
        return pa.table(
            {
                "sensor_id": names.take(pa.array(series)),
                "at": at.cast(pa.timestamp("us", tz="UTC")),
                "readings": readings,
                "low": self.low[series, hour],
                "mean": self.total[series, hour] / readings,
                "high": self.high[series, hour],
            }
        )


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _add(place, first_hour, rows, sums):  # type: ignore[no-untyped-def]
    channel, us, readings, low, high, total = rows
    to_readings, to_low, to_high, to_total = sums
    hours = to_readings.shape[1]
    for i in range(len(us)):
        if channel[i] >= len(place):
            continue
        s, h = place[channel[i]], us[i] // HOUR_US - first_hour
        if s < 0 or h < 0 or h >= hours:
            continue
        to_readings[s, h] += readings[i]
        to_low[s, h] = min(to_low[s, h], low[i])
        to_high[s, h] = max(to_high[s, h], high[i])
        to_total[s, h] += total[i]


def hours_of(
    now: Snapshot, place: NDArray[np.int64], of_them: str, channels: list[Any], first_us: int, last_us: int
) -> Hours:
    """Sum readings up by series and hour.

    Parameters
    ----------
    now : Snapshot
        The readings.
    place : array of int
        Channel number → series; −1 for none.
    of_them, channels : str, list
        Condition of the channels, and its values.
    first_us, last_us : int
        From the hour of the first to the hour before the last, microseconds since 1970.
    """
    first, last = first_us // HOUR_US, -(-last_us // HOUR_US)
    hours = Hours(int(place.max(initial=-1)) + 1, first, max(0, last - first))
    span = "stamp >= make_timestamp(?) AND stamp < make_timestamp(?)"
    values = [first * HOUR_US, last * HOUR_US, *channels]
    if (summed := now.hours(first * HOUR_US, last * HOUR_US)) is not None:
        hours.take(
            place,
            now.table(
                "SELECT channel, stamp, readings, low, high, total"  # noqa: S608 — names of ours
                f" FROM {summed} WHERE {span} AND {of_them}",
                values,
            ),
        )
    hours.take(
        place,
        now.table(
            f"SELECT channel, stamp, value FROM {now.unsorted()}"  # noqa: S608 — names of ours
            f" WHERE {span} AND {of_them} AND (flags & {_BAD}) = 0",
            values,
        ),
    )
    return hours
