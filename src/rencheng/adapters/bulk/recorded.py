"""A recorded feed, played again in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from rencheng.adapters.bulk.decode import decode
from rencheng.kernel import InvalidInput, format_instant, from_micros, micros
from rencheng.sense.batch import REFUSED_SCHEMA, Decoded
from rencheng.sense.feed import FeedConfig

__all__ = ["FeedBatch", "RecordedFeed"]


_LONGEST_BREAK_US = 366 * 86_400 * 1_000_000
"""A break between two stamps beyond which they do not belong to one record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedBatch:
    """One delivery of a feed: where it stands, when it arrived, and what it holds."""

    position: str
    now: datetime
    batch: Decoded


class RecordedFeed:
    """A recorded feed as deliveries of equal length in event time.

    The whole file is decoded once; each delivery is a slice of it. Rows that could not be read come with the first
    delivery. The position of a delivery is the instant at which its slice ends, so a replay can go on where it
    stopped, and the same file cut the same way always has the same positions.

    Stamps more than a year away from the rest (a logger that lost its clock writes 1970 or 2099) do not stretch the
    record: they come with the first delivery, where the store judges them late or in the future as it does live.

    Parameters
    ----------
    config : FeedConfig
        How the file is read.
    data : Path or bytes
        The recorded file or its bytes.
    step_s : float
        Length of a slice in seconds; slices end at multiples of it since 1970.
    delay_s : float
        Time from the end of a slice to its arrival.
    """

    def __init__(self, config: FeedConfig, data: Path | bytes, *, step_s: float = 3600.0, delay_s: float = 0.0) -> None:
        if step_s <= 0 or delay_s < 0:
            raise InvalidInput("a replay needs a positive step and no negative delay", where=f"feed {config.id!r}")
        self.config = config
        self.decoded = decode(config, data)
        self._step_us = round(step_s * 1e6)
        self._delay = timedelta(seconds=delay_s)
        at = _by_the_clock_of_the_record(self._micros(self.decoded.good))
        # measured values of one instant stay in the order of the file, which decides whose duplicate stays
        order = np.argsort(at, kind="stable")
        self._good: pa.Table = self.decoded.good.take(pa.array(order))
        self._at = at[order]
        self._row = np.asarray(self._good["row"].to_numpy())

    @staticmethod
    def _micros(table: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.asarray(table["at"].cast(pa.timestamp("us")).to_numpy(), dtype="datetime64[us]").astype(np.int64)

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """First and last stamp of the record, strays left out; ``None`` when nothing could be read."""
        return (from_micros(int(self._at[0])), from_micros(int(self._at[-1]))) if len(self._at) else None

    @property
    def readings(self) -> int:
        """Measured values in the record (a wide row holds several)."""
        return len(self._at)

    @property
    def rows(self) -> int:
        """Rows in the record."""
        return self.decoded.rows

    def batches(self, *, after: str | None = None, until: datetime | None = None) -> Iterator[FeedBatch]:
        """Give the deliveries in order, those without readings too.

        Parameters
        ----------
        after : str, optional
            Position of the last delivery already taken; playing goes on behind it.
        until : datetime, optional
            No delivery whose slice ends later is given.
        """
        if not len(self._at):
            return
        step = self._step_us
        first = (int(self._at[0]) - 1) // step + 1
        last = (int(self._at[-1]) - 1) // step + 1
        edges = np.arange(first, last + 1, dtype=np.int64) * step
        cuts = np.searchsorted(self._at, edges, side="right")
        start = 0
        for number, (edge, stop) in enumerate(zip(edges.tolist(), cuts.tolist(), strict=True)):
            end = from_micros(edge)
            if until is not None and micros(until) < edge:
                return
            refused = self.decoded.refused if number == 0 else REFUSED_SCHEMA.empty_table()
            rows = len(np.unique(self._row[start:stop])) + len(refused["row"].unique())
            batch = Decoded(
                good=self._good.slice(start, stop - start), refused=refused, rows=rows, limits=self.config.limits
            )
            start = stop
            position = format_instant(end)
            if after is None or position > after:
                yield FeedBatch(position=position, now=end + self._delay, batch=batch)


def _by_the_clock_of_the_record(
    at: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Put stamps far from the rest at the beginning of the record.

    The record is the part without a break of more than a year that has most stamps, the earlier one of equals.
    """
    ordered = np.sort(at)
    breaks = np.flatnonzero(np.diff(ordered) > _LONGEST_BREAK_US) + 1
    if not len(breaks):
        return at
    part = max(np.split(ordered, breaks), key=len)
    return np.where((at < part[0]) | (at > part[-1]), part[0], at)
