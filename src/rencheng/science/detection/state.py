"""What detectors remember: records of fixed size per channel and rule, in arrays that grow with the channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.detection.arrays import FOREVER, NEVER, RULE_DTYPE, RUN_DTYPE, SEASON_DTYPE, SLOT_DTYPE, Kind

__all__ = ["DetectorState", "new_slots"]

_INSTANTS = (
    "last_at",
    "first_at",
    "begun_at",
    "clear_since",
    "since",
    "ready",
    "onset",
    "mark",
    "pause_from",
    "pause_to",
)


def new_slots(n: int) -> NDArray[Any]:
    """Records of rules that have seen nothing, shape (n,)."""
    slots = np.zeros(n, dtype=SLOT_DTYPE)
    for name in _INSTANTS:
        slots[name] = NEVER
    for name in ("last_x", "last_value"):
        slots[name] = np.nan
    return slots


class DetectorState:
    """State of all rules of all channels.

    Parameters
    ----------
    rules : structured array
        :data:`RULE_DTYPE`, shape (k,).

    Attributes
    ----------
    first, count : array of int
        Where the records of a channel begin in ``slots`` and how many it has; shape (channels,).
    slots : structured array
        :data:`SLOT_DTYPE`.
    due : array of int
        Instant at which a timer of the record runs out.
    """

    def __init__(self, rules: NDArray[Any]) -> None:
        if rules.dtype != RULE_DTYPE:
            raise TypeError(f"rules must be of RULE_DTYPE, not {rules.dtype}")
        self.rules = rules if len(rules) else np.zeros(1, dtype=RULE_DTYPE)
        self.channels = 0
        self.used = 0
        self.first = np.zeros(64, dtype=np.int64)
        self.count = np.zeros(64, dtype=np.int64)
        self.slots = new_slots(64)
        self.slot_rule = np.zeros(64, dtype=np.int64)
        self.slot_channel = np.zeros(64, dtype=np.int64)
        self.season_of = np.zeros(64, dtype=np.int64)
        self.run_of = np.zeros(64, dtype=np.int64)
        self.due = np.full(64, FOREVER, dtype=np.int64)
        self.seasons = np.zeros(4, dtype=SEASON_DTYPE)
        self.runs = np.zeros(4, dtype=RUN_DTYPE)
        self._season_count = self._run_count = 1  # the first of each belongs to rules that need none

    def add_channel(self, rules: Sequence[int], interval_s: float = float("nan")) -> int:
        """Add a channel that is followed by some rules; gives its number.

        Parameters
        ----------
        rules : sequence of int
            Places in ``rules``.
        interval_s : float
            Expected interval of its readings; learnt where not known.
        """
        number = self.channels
        self.first, self.count = (_wide(array, number + 1) for array in (self.first, self.count))
        self.first[number], self.count[number] = self.used, len(rules)
        self.channels += 1
        for rule in rules:
            self._add_slot(number, rule, interval_s)
        return number

    def _add_slot(self, channel: int, rule: int, interval_s: float) -> None:
        k = self.used
        if k == len(self.slots):
            self.slots = np.concatenate([self.slots, new_slots(k)])
            self.due = np.concatenate([self.due, np.full(k, FOREVER, dtype=np.int64)])
            for name in ("slot_rule", "slot_channel", "season_of", "run_of"):
                setattr(self, name, _wide(getattr(self, name), k + 1))
        self.slot_rule[k], self.slot_channel[k] = rule, channel
        kind = int(self.rules["kind"][rule])
        if kind == Kind.NO_DATA and np.isfinite(interval_s):
            self.slots["aux"][k, 0] = interval_s * 1e6
        if kind == Kind.BASELINE:
            self.seasons = _wide(self.seasons, self._season_count + 1)
            self.season_of[k] = self._season_count
            self._season_count += 1
        if kind == Kind.BAYES:
            self.runs = _wide(self.runs, self._run_count + 1)
            self.run_of[k] = self._run_count
            self._run_count += 1
        self.used += 1

    def packed(self, channels: NDArray[np.int64]) -> list[bytes]:
        """Records of channels as bytes, for keeping; :meth:`unpack` reads them back."""
        pieces = []
        for channel in channels.tolist():
            mine = slice(int(self.first[channel]), int(self.first[channel] + self.count[channel]))
            season, run = self.season_of[mine], self.run_of[mine]
            pieces.append(
                self.slots[mine].tobytes()
                + self.seasons[season[season > 0]].tobytes()
                + self.runs[run[run > 0]].tobytes()
            )
        return pieces

    def unpack(self, channel: int, data: bytes) -> None:
        """Take the records of a channel from bytes.

        Raises
        ------
        ValueError
            If they are of other rules.
        """
        mine = slice(int(self.first[channel]), int(self.first[channel] + self.count[channel]))
        season, run = self.season_of[mine], self.run_of[mine]
        season, run = season[season > 0], run[run > 0]
        sizes = [
            int(self.count[channel]) * SLOT_DTYPE.itemsize,
            len(season) * SEASON_DTYPE.itemsize,
            len(run) * RUN_DTYPE.itemsize,
        ]
        if len(data) != sum(sizes):
            raise ValueError(f"{len(data)} bytes of a state that has {sum(sizes)}")
        a, b = sizes[0], sizes[0] + sizes[1]
        self.slots[mine] = np.frombuffer(data[:a], dtype=SLOT_DTYPE)
        self.seasons[season] = np.frombuffer(data[a:b], dtype=SEASON_DTYPE)
        self.runs[run] = np.frombuffer(data[b:], dtype=RUN_DTYPE)


def _wide(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Array with room for ``size``, doubled as often as it takes; new room is zero."""
    while len(array) < size:
        array = np.concatenate([array, np.zeros_like(array)])
    return array
