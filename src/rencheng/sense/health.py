"""What a readings store tells of the condition of its channels, by their numbers and only of what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["ChannelHealth", "HealthChanges"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChanges:
    """Channels that took readings since somebody asked last.

    Parameters
    ----------
    mark : int
        What to ask with the next time.
    anew : bool
        True where all channels are told, because the numbers may mean other ones than before.
    channel : array of int
        Numbers, ascending; shape (n,).
    last_at : array of int
        Last reading taken in order, microseconds since 1970; the least integer where there is none; shape (n,).
    interval_s : array of float
        Configured interval, else the running median of gaps; NaN until learnt; shape (n,).
    of_late : array of uint8
        Leaky counters of range, rate, standstill and datum; shape (n, 4).
    """

    mark: int
    anew: bool
    channel: NDArray[np.int64]
    last_at: NDArray[np.int64]
    interval_s: NDArray[np.float64]
    of_late: NDArray[np.uint8]


class ChannelHealth(Protocol):
    """The side of a readings store that sensor health is judged by."""

    def changed_health(self, since: int) -> HealthChanges:
        """Channels that took readings since a mark; all of them for a mark of −1."""
        ...

    def number_of(self, channel: tuple[str, str]) -> int | None:
        """Number of a sensor's quantity that has reported; None for any other."""
        ...

    def names_of(self, number: NDArray[np.int64]) -> Sequence[tuple[str, str]]:
        """Sensor and quantity of channels by their numbers."""
        ...

    def health_of(self, number: NDArray[np.int64]) -> pa.Table:
        """Condition of channels by their numbers; :data:`rencheng.sense.ports.HEALTH_SCHEMA`."""
        ...
