"""The condition of millions of channels: who fell silent, who reports again, who is to be doubted and believed again.

A turn of the loop asks several times a second, and nearly always nothing has changed. So what is known of channels
stands in arrays by their number, the store tells which of them have moved on since the last question, and the clock is
looked at only when the earliest of all deadlines has passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import micros
from rencheng.sense.ports import ReadingStore

__all__ = ["DOUBTS", "SUSPECT_AT", "ChannelKey", "HealthWatch"]

ChannelKey = tuple[str, str]
"""Sensor and quantity."""
DOUBTS = ("out_of_range", "impossible_rate", "stuck", "datum_jump")
"""Flags that a channel is doubted for, in the order of the store's counters."""
SUSPECT_AT = 3
"""A channel is suspected when its counter for a flag reaches this, and trusted again when it is back at 0."""
_FOREVER = float("inf")


class HealthWatch:
    """Compares what the store knows of channels with what was said of them; can be made anew at any time.

    Parameters
    ----------
    readings : ReadingStore
        The store.
    silent_after : float
        Expected intervals without a reading after which a channel is silent.
    silent_min_s : float
        No channel is silent sooner than this.
    """

    def __init__(self, readings: ReadingStore, silent_after: float, silent_min_s: float) -> None:
        self._readings = readings
        self._after, self._least_s = silent_after, silent_min_s
        self._earliest = _FOREVER
        self._doubted = np.zeros(0, dtype=np.int64)
        self._mark = -1
        self._grow(0)
        self._forget()

    def _forget(self) -> None:
        """Compare with what was said from the beginning."""
        self._missing = False
        self._silent_of: Mapping[ChannelKey, datetime] | None = None
        self._suspected_of: Mapping[ChannelKey, Mapping[str, datetime]] | None = None

    def look(self) -> None:
        """Learn from the store which channels have moved on."""
        changes = self._readings.changed_health(self._mark)
        if changes.anew:
            self._grow(0)
            self._forget()
        self._mark = changes.mark
        number = changes.channel
        if not len(number):
            return
        count = int(number[-1]) + 1
        if count > self._count:
            self._grow(count)
            if self._missing:  # somebody of whom something was said may be among the new ones
                self._forget()
        last = np.maximum(changes.last_at, 0)  # one whose every reading was out of turn counts as never heard
        patience = np.maximum(changes.interval_s * self._after, self._least_s) * 1e6
        self._last[number] = last
        self._patience[number] = patience
        self._late[number] = changes.of_late
        self._earliest = min(self._earliest, _first_due(last, patience))
        self._doubted = np.union1d(self._doubted, number[(changes.of_late >= SUSPECT_AT).any(axis=1)])

    def _grow(self, size: int) -> None:
        """Make room for channels; all are unheard of where none are known."""
        self._count = size
        if size == 0:
            self._last = np.zeros(0, dtype=np.int64)
            self._patience, self._late = np.zeros(0), np.zeros((0, len(DOUBTS)), dtype=np.uint8)
            self._is_silent, self._is_suspected = np.zeros(0, dtype=bool), np.zeros((0, len(DOUBTS)), dtype=bool)
            self._earliest, self._doubted = _FOREVER, np.zeros(0, dtype=np.int64)
        elif size > len(self._last):
            room = max(size, 2 * len(self._last)) - len(self._last)
            for name in ("_last", "_patience", "_late", "_is_silent", "_is_suspected"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros((room, *old.shape[1:]), dtype=old.dtype)]))

    def fallen_silent(self, said: Mapping[ChannelKey, datetime], now: datetime) -> NDArray[np.int64]:
        """Channels that are silent and not said to be, by sensor and quantity."""
        self._hear_silent(said)
        now_us = micros(now)
        if now_us < self._earliest:
            return np.zeros(0, dtype=np.int64)
        waiting = (self._last > 0) & ~self._is_silent
        quiet = np.flatnonzero(waiting & (now_us - self._last > self._patience))
        self._earliest = _first_due(self._last[waiting], self._patience[waiting])
        return self._in_order(quiet)

    def heard_again(self, said: Mapping[ChannelKey, datetime], now: datetime) -> NDArray[np.int64]:
        """Channels that are said to be silent and report, by sensor and quantity."""
        self._hear_silent(said)
        number, last = self._silent, self._last[self._silent]
        quiet = micros(now) - last > self._patience[number]
        return self._in_order(number[~quiet & (last > self._silent_last)])

    def to_doubt(self, said: Mapping[ChannelKey, Mapping[str, datetime]]) -> list[tuple[int, int]]:
        """Channels and flags (places in :data:`DOUBTS`) that deserve doubt and have none yet, flag by flag."""
        self._hear_suspected(said)
        number = self._doubted
        fresh = (self._late[number] >= SUSPECT_AT) & ~self._is_suspected[number]
        self._doubted = number[fresh.any(axis=1)]
        if not len(self._doubted):
            return []
        return [(n, k) for k in range(len(DOUBTS)) for n in self._in_order(number[fresh[:, k]]).tolist()]

    def to_trust(self, said: Mapping[ChannelKey, Mapping[str, datetime]]) -> list[tuple[ChannelKey, str]]:
        """Doubted channels and flags of which nothing has been seen for long enough, by sensor and quantity."""
        self._hear_suspected(said)
        well = self._late[self._suspects, self._suspect_flag] == 0
        return [self._suspect_key[k] for k in np.flatnonzero(well).tolist()]

    def names(self, number: NDArray[np.int64]) -> Sequence[ChannelKey]:
        """Sensor and quantity of channels."""
        return self._readings.names_of(number) if len(number) else ()

    def details(self, number: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Rows of :data:`rencheng.sense.ports.HEALTH_SCHEMA`."""
        rows: list[dict[str, Any]] = self._readings.health_of(number).to_pylist() if len(number) else []
        return rows

    def last_us(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """When channels were heard last; microseconds."""
        return np.asarray(self._last[number])

    def next_due_us(self, said: Mapping[ChannelKey, datetime]) -> float:
        """Earliest instant up to which a channel that is heard now must report; infinite where there is none."""
        self._hear_silent(said)
        waiting = (self._last > 0) & ~self._is_silent
        return _first_due(self._last[waiting], self._patience[waiting])

    def _hear_silent(self, said: Mapping[ChannelKey, datetime]) -> None:
        """Learn who is said to be silent, if that is not what it was."""
        if said is self._silent_of:
            return
        keys = self._known(said)
        self._silent_of, self._earliest = said, -_FOREVER
        self._silent = np.array([number for number, _ in keys], dtype=np.int64)
        self._silent_last = np.array([micros(said[key]) for _, key in keys], dtype=np.int64)
        self._is_silent[:] = False
        self._is_silent[self._silent] = True

    def _hear_suspected(self, said: Mapping[ChannelKey, Mapping[str, datetime]]) -> None:
        if said is self._suspected_of:
            return
        self._suspected_of = said
        of = {flag: place for place, flag in enumerate(DOUBTS)}
        doubts = [
            (number, of[flag], (key, flag))
            for number, key in sorted(self._known(said), key=_by_key)
            for flag in said[key]
            if flag in of
        ]
        self._suspects = np.array([number for number, _, _ in doubts], dtype=np.int64)
        self._suspect_flag = np.array([flag for _, flag, _ in doubts], dtype=np.int64)
        self._suspect_key = [key for _, _, key in doubts]
        self._is_suspected[:] = False
        self._is_suspected[self._suspects, self._suspect_flag] = True
        self._doubted = np.flatnonzero((self._late >= SUSPECT_AT).any(axis=1))

    def _known(self, keys: Iterable[ChannelKey]) -> list[tuple[int, ChannelKey]]:
        """Channels of the store that are told of, with their numbers."""
        numbers = [(self._readings.number_of(key), key) for key in keys]
        known = [(number, key) for number, key in numbers if number is not None and number < self._count]
        self._missing = self._missing or len(known) < len(numbers)
        return known

    def _in_order(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        if len(number) < 2:
            return number
        return np.array([n for _, n in sorted(zip(self._readings.names_of(number), number.tolist(), strict=True))])


def _first_due(last: NDArray[np.int64], patience: NDArray[np.float64]) -> float:
    """Earliest deadline of channels that were heard; infinite where there is none."""
    due = (last + patience)[last > 0]
    return float(np.fmin.reduce(due, initial=_FOREVER))


def _by_key(pair: tuple[int, ChannelKey]) -> ChannelKey:
    return pair[1]
