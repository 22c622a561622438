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

    def sizes(self, begin: int, end: int) -> NDArray[np.int64]:
        """Records, seasons and run lengths of channels in a row, shape (channels, 3)."""
        slots = self._range(begin, end)
        owner = self.slot_channel[slots] - begin
        kept = [np.ones(len(owner), dtype=bool), self.season_of[slots] > 0, self.run_of[slots] > 0]
        return np.stack([np.bincount(owner[mine], minlength=end - begin) for mine in kept], axis=-1)

    def page(self, begin: int, end: int) -> tuple[bytes, bytes, bytes]:
        """Records, seasons and run lengths of channels in a row as bytes, for keeping."""
        slots = self._range(begin, end)
        season, run = self.season_of[slots], self.run_of[slots]
        return (
            self.slots[slots].tobytes(),
            self.seasons[season[season > 0]].tobytes(),
            self.runs[run[run > 0]].tobytes(),
        )

    def load_page(self, begin: int, end: int, page: tuple[bytes, bytes, bytes]) -> None:
        """Take up what :meth:`page` gave of the same channels under the same rules."""
        slots = self._range(begin, end)
        season, run = self.season_of[slots], self.run_of[slots]
        self.slots[slots] = np.frombuffer(page[0], dtype=SLOT_DTYPE)
        self.seasons[season[season > 0]] = np.frombuffer(page[1], dtype=SEASON_DTYPE)
        self.runs[run[run > 0]] = np.frombuffer(page[2], dtype=RUN_DTYPE)

    def _range(self, begin: int, end: int) -> slice:
        """Places of the records of channels in a row: they were added in the order of channels."""
        if end <= begin:
            return slice(0, 0)
        return slice(int(self.first[begin]), int(self.first[end - 1] + self.count[end - 1]))


def _wide(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Array with room for ``size``, doubled as often as it takes; new room is zero."""
    while len(array) < size:
        array = np.concatenate([array, np.zeros_like(array)])
    return array
