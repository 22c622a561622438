"""The condition of every channel as of the last commit, for whoever asks while the writer is at work."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.duckdb.database import UTC_STAMP
from rencheng.adapters.duckdb.writing import stamps
from rencheng.science.quality import interval_s
from rencheng.sense.health import HealthChanges
from rencheng.sense.ports import HEALTH_SCHEMA

__all__ = ["HealthBoard", "expected_interval_s", "health_table"]

_ROW = np.dtype(
    [("moved", np.int64), ("last_at", np.int64), ("interval_s", np.float64), ("of_late", np.uint8, (4,))], align=True
)


class HealthBoard:
    """Condition of channels by number, and at which commit each moved on; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows = np.zeros(0, dtype=_ROW)
        self._count = 0
        self._serial = self._first = 0

    @property
    def serial(self) -> int:
        """Number of the last commit that was noted."""
        return self._serial

    def begin_anew(self) -> None:
        """Forget all channels; whoever asks next is told of all."""
        with self._lock:
            self._count = 0
            self._serial += 1
            self._first = self._serial

    def note(
        self, number: NDArray[np.int64], states: NDArray[Any], configured_s: NDArray[np.float64], count: int
    ) -> None:
        """Take what a commit changed.

        Parameters
        ----------
        number : array of int
            Channels; shape (n,).
        states : structured array
            Their states, :data:`rencheng.science.quality.STATE_DTYPE`; shape (n,).
        configured_s : array of float
            Their configured intervals, NaN where there is none; shape (n,).
        count : int
            Channels in all.
        """
        rows = np.zeros(len(number), dtype=_ROW)
        rows["last_at"], rows["of_late"] = states["last_at"], states["of_late"]
        rows["interval_s"] = expected_interval_s(states, configured_s)
        with self._lock:
            if count > len(self._rows):
                wide = np.zeros(max(count, 2 * len(self._rows)), dtype=_ROW)
                wide[: self._count] = self._rows[: self._count]
                self._rows = wide
            self._count = count
            self._serial += 1
            rows["moved"] = self._serial
            self._rows[number] = rows

    def changes(self, since: int) -> HealthChanges:
        """Channels that moved on after a mark."""
        with self._lock:
            rows = self._rows[: self._count]
            anew = since < self._first
            number = np.arange(len(rows)) if anew else np.flatnonzero(rows["moved"] > since)
            moved = rows[number]
            mark = self._serial
        return HealthChanges(
            mark=mark,
            anew=anew,
            channel=number,
            last_at=moved["last_at"],
            interval_s=moved["interval_s"],
            of_late=moved["of_late"],
        )


def expected_interval_s(states: NDArray[Any], configured_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Configured intervals, else those learnt; NaN where neither is known; shape (n,)."""
    expected = configured_s.copy()
    learnt = np.flatnonzero(np.isnan(expected))
    if len(learnt):
        expected[learnt] = interval_s(states[learnt])
    return expected


def health_table(names: Sequence[tuple[str, str]], states: NDArray[Any], configured_s: NDArray[np.float64]) -> pa.Table:
    """Condition of channels: :data:`rencheng.sense.ports.HEALTH_SCHEMA`, in the order given."""
    return pa.table(
        [
            pa.array([sensor for sensor, _ in names], pa.string()),
            pa.array([of for _, of in names], pa.string()),
            stamps(states["last_at"]).cast(UTC_STAMP),
            pa.array(states["last_value"].copy()),
            pa.array(states["last_flags"].copy()),
            pa.array(expected_interval_s(states, configured_s)),
            pa.array(states["readings"].copy()),
            stamps(states["same_since"]).cast(UTC_STAMP),
            pa.array(states["good_value"].copy()),
            *(pa.array(states["of_late"][:, k].copy()) for k in range(4)),
        ],
        schema=HEALTH_SCHEMA,
    )
