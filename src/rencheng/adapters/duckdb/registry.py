"""Channels by number: the registry that the store keeps in memory beside their quality-control states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.kernel import QUANTITIES
from rencheng.science.quality import CHECK_DTYPE, STATE_DTYPE, new_states
from rencheng.sense.channels import Channel, ChannelTable
from rencheng.sense.checks import checks_of_channels
from rencheng.sense.detection import DetectionDesk

__all__ = ["UNKNOWN", "ChannelRegistry", "states_from_blobs"]

UNKNOWN = -1
_NONE: Mapping[str, int] = {}


class ChannelRegistry:
    """Numbers, limits and states of channels.

    Parameters
    ----------
    known : iterable of Channel, optional
        The city's channels; readings of other sensors are refused. ``None`` takes every sensor.
    desk : DetectionDesk, optional
        Told of every channel, in the order of their numbers.
    """

    def __init__(self, known: Iterable[Channel] | None, desk: DetectionDesk | None = None) -> None:
        self._desk = desk
        self._closed = known is not None
        self._listed = ChannelTable.of(known or ())
        self._admitted: dict[tuple[str, str], Channel] = {}
        self._guests: dict[str, Channel] = {}
        self._number: dict[str, dict[str, int]] = {}
        self.names: list[tuple[str, str]] = []
        self._states = new_states(0)
        self._checks = np.zeros(0, dtype=CHECK_DTYPE)
        self._interval_s = np.zeros(0)
        self._arrays: tuple[int, pa.Array, NDArray[np.int64]] = (0, pa.array([], pa.string()), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def states(self) -> NDArray[Any]:
        """States of all channels, :data:`STATE_DTYPE`; a view."""
        return self._states[: len(self.names)]

    @property
    def checks(self) -> NDArray[Any]:
        """Limits of all channels; a view."""
        return self._checks[: len(self.names)]

    @property
    def interval_s(self) -> NDArray[np.float64]:
        """Configured intervals of all channels, NaN where there is none; a view."""
        return self._interval_s[: len(self.names)]

    def numbers(self, sensors: Sequence[str], quantities: Sequence[str]) -> NDArray[np.int64]:
        """Give channel numbers of sensors' quantities, adding new channels of known sensors; −1 is unknown."""
        known = self._number
        pairs = zip(sensors, quantities, strict=True)
        found = [known.get(of, _NONE).get(sensor, UNKNOWN) for sensor, of in pairs]
        number = np.array(found, dtype=np.int64)
        unknown = np.flatnonzero(number == UNKNOWN).tolist()
        if unknown:
            asked = [(sensors[k], quantities[k]) for k in unknown]
            self.add_many(list(dict.fromkeys(pair for pair in asked if self.knows(pair))))
            number[unknown] = [known.get(of, _NONE).get(sensor, UNKNOWN) for sensor, of in asked]
        return number

    def knows(self, pair: tuple[str, str]) -> bool:
        """Whether readings of this sensor and quantity are taken."""
        if pair[1] not in QUANTITIES:
            return False
        return not self._closed or self._listed.knows(pair[0]) or pair[0] in self._guests

    def add_many(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Give pairs that have none the next numbers, in their order."""
        if not pairs:
            return
        first, count = len(self.names), len(pairs)
        table = self._listed.told([sensor for sensor, _ in pairs], [of for _, of in pairs])
        if self._guests:
            for place, pair in enumerate(pairs):
                if guest := self._guest(pair):
                    table.put(place, guest)
        self._grow(first + count)
        self._states[first : first + count] = new_states(1)[0]
        self._checks[first : first + count] = checks_of_channels(table)
        self._interval_s[first : first + count] = np.where(table.interval_s > 0, table.interval_s, np.nan)
        names = list(zip(table.sensor_id, table.quantity, strict=True))  # texts that the city has already
        for of, numbers in _by_quantity(table, first):
            self._number.setdefault(of, {}).update(numbers)
        self.names += names
        if self._desk is not None:
            self._desk.add_many(table, names)

    def _guest(self, pair: tuple[str, str]) -> Channel | None:
        """A channel as it was admitted, or what it has of its sensor where only that was."""
        admitted = self._admitted.get(pair)
        if admitted is not None or self._listed.knows(pair[0]) or pair[0] not in self._guests:
            return admitted
        return replace(self._guests[pair[0]], quantity=pair[1], interval_s=None, datum_m=None)

    def _grow(self, size: int) -> None:
        """Make room; what is not used yet takes no memory, since nothing is written there."""
        if size > len(self._states):
            room = max(size, 2 * len(self._states))
            used = len(self.names)
            for name in ("_states", "_checks", "_interval_s"):
                old = getattr(self, name)
                wide = np.zeros(room, dtype=old.dtype)
                wide[:used] = old[:used]
                setattr(self, name, wide)

    def number_of(self, pair: tuple[str, str]) -> int | None:
        """Number of a channel that has reported; None for any other."""
        return self._number.get(pair[1], _NONE).get(pair[0])

    def admit(self, channels: Iterable[Channel]) -> None:
        """Take readings of further sensors from now on; a store that takes every sensor needs no telling."""
        for channel in channels:
            self._admitted[channel.sensor_id, channel.quantity] = channel
            self._guests.setdefault(channel.sensor_id, channel)

    def of_quantity(self, quantity: str, sensors: Sequence[str] | None) -> list[int]:
        """Numbers of a quantity's channels, of all sensors or of those named."""
        if sensors is not None:
            known = self._number.get(quantity, _NONE)
            return [known[sensor] for sensor in dict.fromkeys(sensors) if sensor in known]
        return list(self._number.get(quantity, _NONE).values())

    def sensor_column(self, number: NDArray[np.int64]) -> pa.Array:
        """Sensor ids of channels, shape (n,)."""
        return self._named()[1].take(pa.array(number))

    def rank(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places of channels in the order of (sensor, quantity), shape (n,)."""
        return self._named()[2][number]

    def _named(self) -> tuple[int, pa.Array, NDArray[np.int64]]:
        if self._arrays[0] != len(self.names):
            names = list(self.names)
            sensor = pa.array([sensor for sensor, _ in names], pa.string())
            table = pa.table({"sensor": sensor, "of": pa.array([of for _, of in names], pa.string())})
            order = pc.sort_indices(table, [("sensor", "ascending"), ("of", "ascending")])
            rank = np.empty(len(names), dtype=np.int64)
            rank[np.asarray(order)] = np.arange(len(names))
            self._arrays = (len(names), sensor, rank)
        return self._arrays


def _by_quantity(table: ChannelTable, first: int) -> Iterator[tuple[str, Iterator[tuple[str, int]]]]:
    """Sensors with their numbers, quantity by quantity; channels are numbered on from ``first``."""
    words = list(dict.fromkeys(table.quantity))
    if len(words) == 1:
        yield words[0], zip(table.sensor_id, range(first, first + len(table)), strict=True)
        return
    sensor, of = (
        np.array([*table.sensor_id, None], dtype=object)[:-1],
        np.array([*table.quantity, None], dtype=object)[:-1],
    )
    for word in words:
        mine = np.flatnonzero(of == word)
        yield word, zip(sensor[mine].tolist(), (mine + first).tolist(), strict=True)


def states_from_blobs(blobs: Sequence[bytes]) -> NDArray[Any]:
    """Read stored states back, shape (n,)."""
    return np.frombuffer(b"".join(blobs), dtype=STATE_DTYPE).copy()
