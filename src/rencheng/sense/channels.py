"""Channels: what each sensor of the city measures, how often, and within which limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.city import City

__all__ = ["Channel", "ChannelTable", "channels_of_city"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One quantity of one sensor.

    Parameters
    ----------
    sensor_id : str
        Sensor of the city's registry.
    quantity : str
        Name in the quantity table; empty for a sensor that is known but whose channels are not listed.
    interval_s : float, optional
        Expected reporting interval; learnt from the data where absent.
    datum_m : float, optional
        Height of the gauge's zero. A channel whose datum is given is never judged to report altitude by mistake.
    altitude_m : float, optional
        Height of the station; readings near it instead of near zero are altitude reported in place of stage.
    kind : str
        Kind of the sensor; empty where the city does not say.
    lon, lat : float, optional
        Where it stands.
    """

    sensor_id: str
    quantity: str = ""
    interval_s: float | None = None
    datum_m: float | None = None
    altitude_m: float | None = None
    kind: str = ""
    lon: float | None = None
    lat: float | None = None


_WORDS = ("sensor_id", "quantity", "kind")
_NUMBERS = ("interval_s", "datum_m", "altitude_m", "lon", "lat")


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelTable(Sequence[Channel]):
    """Channels in columns: millions of them take the room of their numbers, and are worked on all at once.

    Parameters
    ----------
    sensor_id : list of str
        Sensor of each channel.
    quantity, kind : list of str
        As of :class:`Channel`; the same text is the same object.
    interval_s, datum_m, altitude_m, lon, lat : array of float
        As of :class:`Channel`; NaN where it has none. Shape (n,).

    Examples
    --------
    >>> table = ChannelTable.of([Channel(sensor_id="A", quantity="stage_m", interval_s=900.0)])
    >>> table[0].interval_s, table.told(["A", "A"], ["stage_m", "rain_mm"]).interval_s.tolist()
    (900.0, [900.0, nan])
    """

    sensor_id: list[str]
    quantity: list[str]
    kind: list[str]
    interval_s: NDArray[np.float64]
    datum_m: NDArray[np.float64]
    altitude_m: NDArray[np.float64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]

    @classmethod
    def of(cls, channels: Iterable[Channel]) -> ChannelTable:
        """Give channels as a table; a table stays what it is."""
        if isinstance(channels, ChannelTable):
            return channels
        listed = list(channels)
        numbers: dict[str, Any] = {name: _floats([getattr(channel, name) for channel in listed]) for name in _NUMBERS}
        texts: dict[str, Any] = {
            name: [getattr(channel, name) for channel in listed] for name in ("sensor_id", "quantity", "kind")
        }
        return cls(**texts, **numbers)

    def __len__(self) -> int:
        return len(self.sensor_id)

    def __iter__(self) -> Iterator[Channel]:
        return (self[k] for k in range(len(self)))

    @overload
    def __getitem__(self, place: int) -> Channel: ...
    @overload
    def __getitem__(self, place: slice) -> ChannelTable: ...
    def __getitem__(self, place: int | slice) -> Channel | ChannelTable:
        if isinstance(place, slice):
            return ChannelTable(**{f.name: getattr(self, f.name)[place] for f in fields(self)})
        values: dict[str, Any] = {name: float(getattr(self, name)[place]) for name in _NUMBERS}
        return Channel(
            sensor_id=self.sensor_id[place],
            quantity=self.quantity[place],
            kind=self.kind[place],
            **{name: None if np.isnan(value) else value for name, value in values.items()},
        )

    def knows(self, sensor_id: str) -> bool:
        """Whether any channel is of this sensor."""
        return sensor_id in self._first

    @cached_property
    def _first(self) -> dict[str, int]:
        """Sensor → place of its first channel."""
        backwards = range(len(self.sensor_id) - 1, -1, -1)
        return dict(zip(reversed(self.sensor_id), backwards, strict=True))

    @cached_property
    def _next(self) -> NDArray[np.int64]:
        """Place of the next channel of the same sensor, −1 after its last; shape (n,)."""
        after = np.full(len(self), -1, dtype=np.int64)
        if len(self._first) < len(self):
            last: dict[str, int] = {}
            for place, sensor in enumerate(self.sensor_id):
                if sensor in last:
                    after[last[sensor]] = place
                last[sensor] = place
        return after

    @cached_property
    def _word(self) -> dict[str, int]:
        return {word: code for code, word in enumerate(dict.fromkeys(self.quantity))}

    @cached_property
    def _quantity_code(self) -> NDArray[np.int32]:
        return np.fromiter(map(self._word.__getitem__, self.quantity), dtype=np.int32, count=len(self))

    def told(self, sensor_id: list[str], quantity: list[str]) -> ChannelTable:
        """What the table tells of some pairs: their channels, or what is known of their sensors, or nothing.

        Parameters
        ----------
        sensor_id, quantity : list of str
            The pairs; same length.

        Returns
        -------
        ChannelTable
            One channel per pair. One that is not listed has place, kind and altitude of its sensor's first channel;
            one of an unknown sensor has nothing.
        """
        n = len(sensor_id)
        first = np.fromiter((self._first.get(sensor, -1) for sensor in sensor_id), dtype=np.int64, count=n)
        wanted = np.fromiter((self._word.get(of, -1) for of in quantity), dtype=np.int64, count=n)
        place = first.copy()
        seeking = np.flatnonzero(place >= 0)
        while len(seeking := seeking[self._quantity_code[place[seeking]] != wanted[seeking]]):
            place[seeking] = self._next[place[seeking]]
            seeking = seeking[place[seeking] >= 0]
        exact, known = place >= 0, first >= 0
        sibling = np.where(exact, place, first)
        places = sibling.tolist()
        kind = [self.kind[k] if k >= 0 else "" for k in places]
        same = [self.sensor_id[k] if k >= 0 else sensor for k, sensor in zip(places, sensor_id, strict=True)]
        of = {word: word for word in dict.fromkeys(quantity)} | {word: word for word in self._word}
        numbers = {
            name: _taken(getattr(self, name), sibling, known if name in {"altitude_m", "lon", "lat"} else exact)
            for name in _NUMBERS
        }
        return ChannelTable(sensor_id=same, quantity=[of[word] for word in quantity], kind=kind, **numbers)

    def put(self, place: int, channel: Channel) -> None:
        """Put another channel in the place of one."""
        for name in _WORDS:
            getattr(self, name)[place] = getattr(channel, name)
        for name in _NUMBERS:
            value = getattr(channel, name)
            getattr(self, name)[place] = np.nan if value is None else value


def _taken(
    values: NDArray[Any], place: NDArray[np.int64], there: NDArray[np.bool_], missing: float = np.nan
) -> NDArray[Any]:
    out = np.full(len(place), missing, dtype=values.dtype)
    out[there] = values[place[there]]
    return out


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def channels_of_city(city: City) -> ChannelTable:
    """List the channels of a city's sensors, sorted by sensor and quantity.

    Every sensor appears: one without rows in the table ``channels`` comes with an empty quantity, so that its
    readings are taken as those of a known sensor.
    """
    rows = city.sensor_rows
    listed = city.table("channels") if city.has("channels") else pa.table({"sensor_id": _TEXTS, "quantity": _TEXTS})
    place = np.array(list(rows.values()), dtype=np.int64)
    found = pc.index_in(_whole(listed["sensor_id"]), value_set=pa.array(list(rows), pa.string()))
    number = np.asarray(found.fill_null(-1), dtype=np.int64)
    unheard = np.ones(len(place), dtype=bool)
    unheard[number[number >= 0]] = False
    bare = {sensor: row for (sensor, row), without in zip(rows.items(), unheard.tolist(), strict=True) if without}
    row = np.concatenate([_taken(place, number, number >= 0, -1), np.array(list(bare.values()), dtype=np.int64)])
    names = pa.concat_arrays([_whole(listed["sensor_id"]), pa.array(list(bare), pa.string())])
    of = pa.concat_arrays([_whole(listed["quantity"]), pa.array([""] * len(bare), pa.string())])
    order = _order(names, of)
    row, missing = row[order], np.full(len(bare), np.nan)
    numbers = {name: np.append(_column(listed, name), missing)[order] for name in ("interval_s", "datum_m")}
    own = city.table("sensors") if city.has("sensors") else pa.table({"sensor_id": _TEXTS, "kind": _TEXTS})
    numbers |= {name: _taken(_column(own, name), row, row >= 0) for name in ("altitude_m", "lon", "lat")}
    kind = pa.concat_arrays([_whole(own["kind"]), pa.array([""], pa.string())])  # the last is that of strangers
    return ChannelTable(
        sensor_id=_shared(names.take(order), row, rows),
        quantity=_few(of.take(order)),
        kind=_few(kind.take(pa.array(row % len(kind)))),
        **numbers,
    )


_TEXTS = pa.array([], pa.string())


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column of texts in one piece; what is absent is empty."""
    return pc.fill_null(pa.concat_arrays(pa.chunked_array(column).chunks or [_TEXTS]).cast(pa.string()), "")


def _column(table: pa.Table, name: str) -> NDArray[np.float64]:
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), dtype=np.float64)


def _order(sensor: pa.Array, of: pa.Array) -> NDArray[np.int64]:
    """Places in the order of sensor and quantity; of a channel that is listed twice the last counts."""
    table = pa.table({"sensor": sensor, "of": of, "place": pa.array(np.arange(len(sensor)))})
    keys = [("sensor", "ascending"), ("of", "ascending"), ("place", "ascending")]
    order = np.asarray(pc.sort_indices(table, keys), dtype=np.int64)
    sensor, of = sensor.take(order), of.take(order)
    last = np.ones(len(order), dtype=bool)
    if len(order) > 1:
        same = pc.and_(pc.equal(sensor[:-1], sensor[1:]), pc.equal(of[:-1], of[1:]))
        last[:-1] = ~same.to_numpy(zero_copy_only=False)
    return order[last]


def _shared(names: pa.Array, row: NDArray[np.int64], rows: Mapping[str, int]) -> list[str]:
    """Texts as objects: of sensors that the city has, those by which it knows them."""
    known = np.empty(max(rows.values(), default=-1) + 1, dtype=object)
    known[list(rows.values())] = list(rows)
    out = np.empty(len(row), dtype=object)
    out[row >= 0] = known[row[row >= 0]]
    strange = np.flatnonzero(row < 0)
    out[strange] = names.take(strange).to_pylist()
    found: list[str] = out.tolist()
    return found


def _few(texts: pa.Array) -> list[str]:
    """Texts of which there are few, each one object however often it occurs."""
    coded = texts.dictionary_encode()
    words = np.empty(len(coded.dictionary), dtype=object)
    words[:] = coded.dictionary.to_pylist()
    found: list[str] = words[np.asarray(coded.indices, dtype=np.int64)].tolist()
    return found
