"""Channels by number: the registry that the store keeps in memory beside their quality-control states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.kernel import QUANTITIES
from rencheng.science.quality import CHECK_DTYPE, STATE_DTYPE, new_states
from rencheng.sense.channels import Channel
from rencheng.sense.checks import checks_of_channel
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
        listed = None if known is None else list(known)
        self._configured = {(c.sensor_id, c.quantity): c for c in listed or ()}
        self._sensors = None if listed is None else {c.sensor_id: c for c in listed}
        self._number: dict[str, dict[str, int]] = {}
        self.names: list[tuple[str, str]] = []
        self.interval_s: list[float] = []
        self._states = new_states(64)
        self._checks = np.zeros(64, dtype=CHECK_DTYPE)
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

    def numbers(self, sensors: Sequence[str], quantities: Sequence[str]) -> NDArray[np.int64]:
        """Give channel numbers of sensors' quantities, adding new channels of known sensors; −1 is unknown."""
        known = self._number
        number = np.empty(len(sensors), dtype=np.int64)
        for i, (sensor, of) in enumerate(zip(sensors, quantities, strict=True)):
            found = known.get(of, _NONE).get(sensor)
            if found is None:
                found = self.add((sensor, of)) if self.knows((sensor, of)) else UNKNOWN
            number[i] = found
        return number

    def knows(self, pair: tuple[str, str]) -> bool:
        """Whether readings of this sensor and quantity are taken."""
        return pair[1] in QUANTITIES and (self._sensors is None or pair[0] in self._sensors)

    def add(self, pair: tuple[str, str]) -> int:
        """Give a pair the next number."""
        channel = self._configured.get(pair)
        if channel is None:
            sibling = (self._sensors or {}).get(pair[0])
            bare = Channel(sensor_id=pair[0])
            channel = replace(sibling or bare, quantity=pair[1], interval_s=None, datum_m=None)
        number = len(self.names)
        if number == len(self._states):
            self._states = np.concatenate([self._states, new_states(number)])
            self._checks = np.concatenate([self._checks, np.zeros(number, dtype=CHECK_DTYPE)])
        self._checks[number] = checks_of_channel(channel).record()
        self._number.setdefault(pair[1], {})[pair[0]] = number
        self.interval_s.append(channel.interval_s or float("nan"))
        self.names.append(pair)
        if self._desk is not None:
            self._desk.add(channel)
        return number

    def number_of(self, pair: tuple[str, str]) -> int | None:
        """Number of a channel that has reported; None for any other."""
        return self._number.get(pair[1], _NONE).get(pair[0])

    def admit(self, channels: Iterable[Channel]) -> None:
        """Take readings of further sensors from now on; a store that takes every sensor needs no telling."""
        for channel in channels:
            self._configured[channel.sensor_id, channel.quantity] = channel
            if self._sensors is not None:
                self._sensors.setdefault(channel.sensor_id, channel)

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
        names = list(self.names)
        if self._arrays[0] != len(names):
            order = sorted(range(len(names)), key=names.__getitem__)
            rank = np.empty(len(names), dtype=np.int64)
            rank[order] = np.arange(len(names))
            self._arrays = (len(names), pa.array([sensor for sensor, _ in names], pa.string()), rank)
        return self._arrays


def states_from_blobs(blobs: Sequence[bytes]) -> NDArray[Any]:
    """Read stored states back, shape (n,)."""
    return np.frombuffer(b"".join(blobs), dtype=STATE_DTYPE).copy()
