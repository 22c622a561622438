"""The last reading of every channel as of the last commit, for whoever asks while the writer is at work."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["LATEST_DTYPE", "LatestBoard"]

LATEST_DTYPE = np.dtype(
    [("newest_at", np.int64), ("last_at", np.int64), ("value", np.float64), ("flags", np.uint16)], align=True
)
"""Newest stamp stored at all; stamp, value and flags of the last reading taken in order. Microseconds since 1970."""


class LatestBoard:
    """Last readings by channel number; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows = _no_readings(0)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def note(self, number: NDArray[np.int64], states: NDArray[Any], count: int) -> None:
        """Take what a commit changed.

        Parameters
        ----------
        number : array of int
            Channels; shape (n,).
        states : structured array
            Their states, :data:`rencheng.science.quality.STATE_DTYPE`; shape (n,).
        count : int
            Channels in all.
        """
        rows = np.zeros(len(number), dtype=LATEST_DTYPE)
        for name, of in (
            ("newest_at", "newest_at"),
            ("last_at", "last_at"),
            ("value", "last_value"),
            ("flags", "last_flags"),
        ):
            rows[name] = states[of]
        with self._lock:
            if count > len(self._rows):
                wide = _no_readings(max(count, 2 * len(self._rows)))
                wide[: self._count] = self._rows[: self._count]
                self._rows = wide
            self._count = count
            self._rows[number] = rows

    def of(self, number: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """Give the rows of channels, or of all; :data:`LATEST_DTYPE`, a copy."""
        with self._lock:
            rows = self._rows[: self._count]
            return rows.copy() if number is None else _taken(rows, number)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _taken(rows, number):  # type: ignore[no-untyped-def]
    """Rows by number, field by field: several times as fast as numpy takes records, and other threads go on."""
    taken = np.empty(len(number), dtype=rows.dtype)
    for i in range(len(number)):
        row = rows[number[i]]
        taken[i].newest_at = row.newest_at
        taken[i].last_at = row.last_at
        taken[i].value = row.value
        taken[i].flags = row.flags
    return taken


def _no_readings(n: int) -> NDArray[Any]:
    rows = np.zeros(n, dtype=LATEST_DTYPE)
    rows["newest_at"] = rows["last_at"] = np.iinfo(np.int64).min
    return rows
