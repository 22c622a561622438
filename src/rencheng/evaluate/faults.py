"""How often sensors, devices and feeds fail and how long they stay down, from the facts of sensing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.city import City, DeviceRegistry, DeviceState, device_registry
from rencheng.kernel import micros
from rencheng.ledger import Entry
from rencheng.science.dependability import NEVER_US, Dependability, dependability, down_time

__all__ = ["FAULT_FACTS", "FaultFigures", "fault_figures"]

FAULT_FACTS = (
    "SensorSilent", "SensorRecovered", "SensorSuspected", "SensorTrusted", "FeedFailed", "FeedRecovered", "BatchTaken",
    "DevicesRegistered", "DeviceStateChanged",
)  # fmt: skip
"""Facts that the figures are made from."""
_SERVING = frozenset({DeviceState.IN_SERVICE, DeviceState.FAULTY})
_BEFORE_ALL = -(2**62)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultFigures:
    """Dependability of one group."""

    of: str
    """``sensor`` (grouped by kind), ``device`` (grouped by kind and model) or ``feed`` (each by itself)"""
    group: str
    figures: Dependability


@dataclass(slots=True)
class _Item:
    """A thing that can fail: its faults, and the stretches in which it is not meant to serve."""

    faults: list[tuple[int, int]]
    away: list[tuple[int, int]]


def fault_figures(entries: Iterable[Entry], city: City, start: datetime, stop: datetime) -> list[FaultFigures]:
    """Reckon MTBF, MTTR, availability and failure rate of every group over a window.

    A sensor is down while one of its channels is silent or suspected, a device from the fault until it is in service
    again (the repair in between included), a feed from its failure to its recovery. A device that is not there yet or
    no more, or that was well when it was taken to maintenance, is neither up nor down, and so are the sensors that it
    carries; sensors without a device count all the time.

    Parameters
    ----------
    entries : iterable of Entry
        Facts in order, from the begin of the ledger: what stands at the window's begin is known from before it.
    city : City
        Its sensors and devices.
    start, stop : datetime
        The window.
    """
    book = _Book(city)
    for entry in entries:
        if entry.occurred_at <= stop:
            book.learn(entry)
    window = (micros(start), micros(stop))
    sensors = ((book.kinds[name], book.sensor(name)) for name in sorted(book.kinds))
    devices = ((book.models[name], book.device(name)) for name in sorted(book.models))
    feeds = ((name, _Item(book.feeds[name].spells, [])) for name in sorted(book.feeds))
    return [
        *_groups("sensor", sensors, window),
        *_groups("device", devices, window),
        *_groups("feed", feeds, window),
    ]


class _Spells:
    """Stretches of time in which something holds, learnt in order; an open one ends never."""

    def __init__(self) -> None:
        self.spells: list[tuple[int, int]] = []
        self._open: dict[Any, int] = {}

    @property
    def open(self) -> bool:
        """Whether one holds now."""
        return bool(self._open)

    def begin(self, key: Any, at: int) -> None:
        """It holds from now on, if it did not yet."""
        if key not in self._open:
            self._open[key] = len(self.spells)
            self.spells.append((at, NEVER_US))

    def end(self, key: Any, at: int) -> None:
        """It holds no more."""
        place = self._open.pop(key, None)
        if place is not None:
            self.spells[place] = (self.spells[place][0], at)


class _Book:
    """What the facts tell of each sensor, device and feed."""

    def __init__(self, city: City) -> None:
        self.kinds: dict[str, str] = {}
        if city.has("sensors"):
            names, kinds = (city.column("sensors", column).tolist() for column in ("sensor_id", "kind"))
            self.kinds = dict(zip(names, kinds, strict=True))
        self.models: dict[str, str] = {}
        self.feeds: dict[str, _Spells] = {}
        self._faults: dict[str, _Spells] = {}
        self._broken: dict[str, _Spells] = {}
        self._away: dict[str, _Spells] = {}
        self._carrier: dict[str, str] = {}
        self._list(device_registry(city), _BEFORE_ALL)

    def learn(self, entry: Entry) -> None:
        """Take one fact in."""
        known = _LEARN.get(entry.kind)
        if known is not None:
            known(self, entry.body, micros(entry.occurred_at))

    def sensor(self, name: str) -> _Item:
        """What is known of a sensor."""
        away = self._away.get(self._carrier.get(name, ""))
        faults = self._faults.get(name)
        return _Item(faults.spells if faults else [], away.spells if away else [])

    def device(self, name: str) -> _Item:
        """What is known of a device."""
        return _Item(self._broken[name].spells, self._away[name].spells)

    def _list(self, registry: DeviceRegistry, at: int) -> None:
        for device in registry.devices.values():
            self.models[device.device_id] = f"{device.kind} {device.model}".strip()
            self._broken[device.device_id] = _Spells()
            self._away[device.device_id] = _Spells()
            self._carrier.update(dict.fromkeys(device.sensor_ids, device.device_id))
            if at > _BEFORE_ALL:  # listed later: not there before
                self._away[device.device_id].spells.append((_BEFORE_ALL, at))
            self._enter(device.device_id, device.state, at)

    def _enter(self, device_id: str, state: str, at: int) -> None:
        broken, away = self._broken[device_id], self._away[device_id]
        repair = state == DeviceState.MAINTENANCE and broken.open
        (broken.begin if state == DeviceState.FAULTY or repair else broken.end)("state", at)
        (away.end if state in _SERVING or repair else away.begin)("state", at)

    def registered(self, body: Any, at: int) -> None:
        """Devices listed by order."""
        self._list(DeviceRegistry(devices={device.device_id: device for device in body.devices}), at)

    def state_changed(self, body: Any, at: int) -> None:
        """A device went on in its life."""
        if body.device_id in self.models:
            self._enter(body.device_id, body.state, at)

    def sensor_fault(self, body: Any, at: int) -> None:
        """A channel fell silent or is doubted."""
        self._faults.setdefault(body.sensor_id, _Spells()).begin(_channel(body), at)

    def sensor_well(self, body: Any, at: int) -> None:
        """A channel is heard or believed again."""
        self._faults.setdefault(body.sensor_id, _Spells()).end(_channel(body), at)

    def feed_failed(self, body: Any, at: int) -> None:
        """A feed broke."""
        self.feeds.setdefault(body.feed_id, _Spells()).begin("feed", at)

    def feed_delivers(self, body: Any, at: int) -> None:
        """A feed delivers."""
        self.feeds.setdefault(body.feed_id, _Spells()).end("feed", at)


def _channel(body: Any) -> tuple[str, str]:
    return body.quantity, getattr(body, "flag", "silent")


_LEARN: Mapping[str, Callable[[_Book, Any, int], None]] = {
    "SensorSilent": _Book.sensor_fault,
    "SensorSuspected": _Book.sensor_fault,
    "SensorRecovered": _Book.sensor_well,
    "SensorTrusted": _Book.sensor_well,
    "FeedFailed": _Book.feed_failed,
    "FeedRecovered": _Book.feed_delivers,
    "BatchTaken": _Book.feed_delivers,
    "DevicesRegistered": _Book.registered,
    "DeviceStateChanged": _Book.state_changed,
}


def _groups(of: str, items: Iterable[tuple[str, _Item]], window: tuple[int, int]) -> Iterator[FaultFigures]:
    grouped: dict[str, list[_Item]] = {}
    for group, item in items:
        grouped.setdefault(group, []).append(item)
    for group in sorted(grouped):
        yield FaultFigures(of=of, group=group, figures=_figures(grouped[group], window))


def _figures(items: Sequence[_Item], window: tuple[int, int]) -> Dependability:
    in_service = np.full(len(items), window[1] - window[0], dtype=np.int64)
    away = _spells([item.away for item in items], window)
    np.subtract.at(in_service, away[:, 0], away[:, 2] - away[:, 1])
    return dependability(_without(_spells([item.faults for item in items], window), away), in_service)


def _spells(of: Sequence[Sequence[tuple[int, int]]], window: tuple[int, int]) -> NDArray[np.int64]:
    rows = [(k, a, b) for k, spells in enumerate(of) for a, b in spells]
    item, begin, end = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return down_time(item, begin, end, start_us=window[0], stop_us=window[1])


def _without(faults: NDArray[np.int64], away: NDArray[np.int64]) -> NDArray[np.int64]:
    """Faults less the stretches in which the item is not meant to serve.

    A fault that such a stretch cuts off was not restored by it, and one that it uncovers did not begin there.
    """
    gone: dict[int, list[tuple[int, int]]] = {}
    for k, a, b in away[:, :3].tolist():
        gone.setdefault(k, []).append((a, b))
    left: list[tuple[int, int, int, int, int]] = []
    for k, begin, end, failed, restored in faults.tolist():
        at, began = begin, failed
        for a, b in gone.get(k, ()):
            if b <= at or a >= end:
                continue
            if a > at:
                left.append((k, at, a, began, 0))
            at, began = b, 0
        if at < end:
            left.append((k, at, end, began, restored))
    return np.array(left, dtype=np.int64).reshape(-1, 5)
