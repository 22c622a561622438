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
        self.slots = np.zeros(64, dtype=SLOT_DTYPE)
        self.slot_rule = np.zeros(64, dtype=np.int64)
        self.slot_channel = np.zeros(64, dtype=np.int64)
        self.season_of = np.zeros(64, dtype=np.int64)
        self.run_of = np.zeros(64, dtype=np.int64)
        self.due = np.zeros(64, dtype=np.int64)
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
        self.add_channels(np.zeros(1, dtype=np.int32), [tuple(rules)], np.array([interval_s]))
        return self.channels - 1

    def add_channels(
        self, code: NDArray[np.int32], sets: Sequence[Sequence[int]], interval_s: NDArray[np.float64]
    ) -> None:
        """Add channels, numbered on in their order.

        Parameters
        ----------
        code : array of int
            Place of each channel's rules in ``sets``; shape (n,).
        sets : sequence of sequence of int
            Places in ``rules`` that a channel may follow together.
        interval_s : array of float
            Expected interval of the readings of each, NaN where it is to be learnt; shape (n,).
        """
        count = np.array([len(rules) for rules in sets], dtype=np.int64)[code]
        begin, channel = self.used, self.channels
        ends = begin + np.cumsum(count)
        self._grow(channel + len(code), begin + int(count.sum()))
        self.first[channel : channel + len(code)] = ends - count
        self.count[channel : channel + len(code)] = count
        mine = slice(begin, begin + int(count.sum()))
        self.slots[mine] = new_slots(1)[0]
        self.due[mine] = FOREVER
        self.slot_channel[mine] = np.repeat(np.arange(channel, channel + len(code)), count)
        for number, rules in enumerate(sets):
            first = (ends - count)[code == number]
            for place, rule in enumerate(rules):
                self.slot_rule[first + place] = rule
        self.channels += len(code)
        self.used = mine.stop
        self._begin(mine, np.repeat(interval_s, count))

    def _begin(self, mine: slice, interval_s: NDArray[np.float64]) -> None:
        """Give new records what their kind of rule needs."""
        kind = self.rules["kind"][self.slot_rule[mine]]
        told = (kind == Kind.NO_DATA) & np.isfinite(interval_s)
        self.slots["aux"][mine.start + np.flatnonzero(told), 0] = interval_s[told] * 1e6
        season, run = kind == Kind.BASELINE, kind == Kind.BAYES
        self.season_of[mine] = np.where(season, self._season_count + np.cumsum(season) - 1, 0)
        self.run_of[mine] = np.where(run, self._run_count + np.cumsum(run) - 1, 0)
        self._season_count += int(season.sum())
        self._run_count += int(run.sum())
        self.seasons = _wide(self.seasons, self._season_count)
        self.runs = _wide(self.runs, self._run_count)

    def _grow(self, channels: int, slots: int) -> None:
        """Make room for so many."""
        self.first, self.count = (_wide(array, channels) for array in (self.first, self.count))
        for name in ("slots", "slot_rule", "slot_channel", "season_of", "run_of", "due"):
            setattr(self, name, _wide(getattr(self, name), slots))

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
    """Array with room for ``size``; what it did not have is zero, and takes no memory until something is written."""
    if len(array) >= size:
        return array
    wide = np.zeros(max(size, 2 * len(array)), dtype=array.dtype)
    wide[: len(array)] = array
    return wide
