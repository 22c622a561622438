"""Clocks of a feed's devices: which are wrong, told by how late their readings come compared with the others'."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rencheng.science.clock_skew import SKEW_STATE, add_lags, lag_medians_s, skew_s, usual_lag_s

__all__ = ["DeviceClocks", "WrongClock"]

_MOST_DEVICES = 100_000
"""Devices of a feed that are watched, 13 MB; strangers must not fill the memory."""
_MOST_TOLD = 20
_MOST_READINGS = 50_000
"""Readings of a batch beyond which it is a bulk, whose lags tell of the bulk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongClock:
    """A device whose clock is wrong by more than the feed allows.

    Parameters
    ----------
    sensor_id : str
        The device.
    ahead_s : float
        How far its clock is ahead of the others', seconds; negative if behind.
    """

    sensor_id: str
    ahead_s: float


class DeviceClocks:
    """Watches the clocks of one feed; its callers see to it that one at a time does.

    Parameters
    ----------
    limit_s : float
        How wrong a clock may be.

    Notes
    -----
    Nothing is corrected: the estimate cannot tell a clock from a device that keeps its readings back on purpose, and
    a stamp that was altered could not be held against the device's own record. See
    :mod:`rencheng.science.clock_skew`.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._rows: dict[str, int] = {}
        self._state = np.zeros(16, SKEW_STATE)

    def note(self, good: pa.Table, arrived_us: int) -> None:
        """Learn from a batch of readings."""
        if not 0 < good.num_rows <= _MOST_READINGS:
            return
        column = good["sensor_id"].combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = pc.dictionary_encode(column)
        rows = np.array([self._row(name) for name in column.dictionary.to_pylist()], np.int64)
        device = rows[column.indices.to_numpy(zero_copy_only=False)]
        known = device >= 0
        event_us = good["at"].cast(pa.int64()).to_numpy()
        add_lags(self._state, device[known], event_us[known], arrived_us)

    def _row(self, name: str) -> int:
        row = self._rows.get(name)
        if row is None:
            if len(self._rows) >= _MOST_DEVICES:
                return -1
            row = self._rows[name] = len(self._rows)
            if row >= len(self._state):
                self._state = np.concatenate([self._state, np.zeros(len(self._state), SKEW_STATE)])
        return row

    def wrong(self) -> tuple[WrongClock, ...]:
        """The clocks that are wrong, the worst first, twenty at most."""
        median_s = lag_medians_s(self._state[: len(self._rows)])
        ahead_s = skew_s(median_s, usual_lag_s(median_s))
        found = np.flatnonzero(np.abs(np.nan_to_num(ahead_s)) > self._limit_s)
        worst = found[np.argsort(-np.abs(ahead_s[found]), kind="stable")][:_MOST_TOLD]
        names = list(self._rows)
        return tuple(WrongClock(sensor_id=names[row], ahead_s=float(ahead_s[row])) for row in worst.tolist())
