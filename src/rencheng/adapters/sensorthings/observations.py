"""Observations: readings of the store, and over them what clients said that a reading does not hold."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from rencheng.adapters.sensorthings.book import EntityBook
from rencheng.adapters.sensorthings.evaluate import Scope, holds, order_key
from rencheng.adapters.sensorthings.expression import Expression
from rencheng.adapters.sensorthings.instants import instant_text, read_span
from rencheng.adapters.sensorthings.model import EntityKey
from rencheng.adapters.sensorthings.observation_filter import pushed_order, split_filter
from rencheng.adapters.sensorthings.refusal import Refusal
from rencheng.sense.channels import Channel
from rencheng.sense.ports import QualityFlag
from rencheng.sense.reading_query import AllOf, Comparison, Condition, Not, OneReading, ReadingQuery

__all__ = ["ObservationQuery", "ObservationStore", "Observations", "Row", "observation_id", "shown_value"]

_MOST_JUDGED = 200_000
"""Readings that one request may have judged row by row (about two seconds)."""
_MOST_EXCLUDED = 200
_ID = re.compile(r"(.+):(-?\d{1,18})(?:~(.+))?", re.DOTALL)


class ObservationStore(Protocol):
    """The part of the readings store that Observations need."""

    def channels(self) -> Sequence[tuple[str, str]]:
        """Sensor and quantity of every channel that ever reported."""
        ...

    def select(self, query: ReadingQuery) -> pa.Table:
        """A page of readings: ``sensor_id``, ``quantity``, ``at``, ``value``, ``flags``."""
        ...

    def count_selected(self, query: ReadingQuery) -> int:
        """How many readings a query has on all its pages."""
        ...

    def admit(self, channels: Sequence[Channel]) -> None:
        """Take readings of further sensors from now on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One Observation."""

    key: str
    datastream: EntityKey
    at_us: int
    properties: Mapping[str, Any]
    feature: EntityKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationQuery:
    """Which Observations, in which order.

    Parameters
    ----------
    datastreams : tuple, optional
        Of these Datastreams; ``None`` for all.
    feature : id, optional
        About this FeatureOfInterest only.
    where : Expression, optional
        ``$filter``.
    order : tuple of (expression, whether down)
        ``$orderby``; by time where empty.
    skip, top : int
        The page.
    """

    datastreams: tuple[EntityKey, ...] | None = None
    feature: EntityKey | None = None
    where: Expression | None = None
    order: tuple[tuple[Expression, bool], ...] = ()
    skip: int = 0
    top: int = 100


def observation_id(datastream: EntityKey, at_us: int, second: float | str | None = None) -> str:
    """Id of an Observation: its Datastream and its stamp, and its value where the stamp has another one already.

    Examples
    --------
    >>> observation_id("g-1:stage_m", 1_700_000_000_000_000)
    'g-1:stage_m:1700000000000000'
    """
    return f"{datastream}:{at_us}" + ("" if second is None else f"~{second}")


def shown_value(stored: float, conversion: tuple[float, float]) -> float:
    """A stored value in a Datastream's own unit; twelve digits, so that what was sent is what is shown.

    Examples
    --------
    >>> shown_value(3.45, (0.01, 0.0))
    345.0
    """
    if conversion == (1.0, 0.0):
        return stored
    return float(f"{(stored - conversion[1]) / conversion[0]:.12g}")


class Observations:
    """Observations of a book's Datastreams.

    Parameters
    ----------
    book : EntityBook
        Datastreams, and what clients changed.
    store : ObservationStore
        The readings.
    scope : callable
        Makes what a filter is asked of, from a row.
    now_us : callable
        The run's now.
    """

    def __init__(
        self,
        book: EntityBook,
        store: ObservationStore,
        *,
        scope: Callable[[Row], Scope],
        now_us: Callable[[], int],
    ) -> None:
        self._book, self._store, self._scope, self._now_us = book, store, scope, now_us

    def page(self, query: ObservationQuery) -> list[Row]:
        """Rows of a page."""
        plan = _Plan(self._book, query, self._now_us())
        if plan.order is None:
            rows = self._sorted(list(self._all(plan)), query.order)
            return rows[query.skip : query.skip + query.top]
        if plan.is_plain:
            return list(self._rows(self._store.select(plan.query(query.skip, query.top)), plan))
        found = []
        for number, row in enumerate(self._merged(plan, query)):
            if number >= query.skip + query.top:
                break
            if number >= query.skip:
                found.append(row)
        return found

    def count(self, query: ObservationQuery) -> int:
        """How many rows a query has on all its pages."""
        plan = _Plan(self._book, query, self._now_us())
        if plan.is_judged:
            return sum(1 for _ in self._all(plan))
        return self._store.count_selected(plan.query(0, 0)) + len(self._changed(plan))

    def one(self, key: str) -> Row | None:
        """The Observation of an id; None where there is none."""
        record = self._book.records["Observations"].get(key)
        if record is not None:
            return self._changed_row(key)
        found = _ID.fullmatch(key)
        if found is None or self._book.is_removed("Observations", key):
            return None
        datastream = self._datastream(found[1])
        if datastream is None or self._book.feature_of(datastream) is None:
            return None
        plan = _Plan(self._book, ObservationQuery(datastreams=(datastream,)), self._now_us())
        try:
            one = OneReading(
                *self._book.channel(datastream), int(found[2]), None if found[3] is None else float(found[3])
            )
        except ValueError:
            return None
        plan.conditions = [one]
        return next(iter(self._rows(self._store.select(plan.query(0, 1)), plan)), None)

    def between(self, datastream: EntityKey, first_us: int, last_us: int) -> list[Row]:
        """Readings of a Datastream from one instant to another, both among them."""
        plan = _Plan(self._book, ObservationQuery(datastreams=(datastream,)), self._now_us())
        plan.conditions += [Comparison("at", ">=", first_us), Comparison("at", "<=", last_us)]
        return list(self._rows(self._store.select(plan.query(0, _MOST_JUDGED)), plan))

    def _datastream(self, text: str) -> EntityKey | None:
        if text.isdecimal() and text.isascii() and int(text) in self._book.records["Datastreams"]:
            return int(text)
        return text if self._book.has("Datastreams", text) else None

    def _all(self, plan: _Plan) -> Iterator[Row]:
        yield from self._changed(plan)
        yield from self._judged(plan)

    def _merged(self, plan: _Plan, query: ObservationQuery) -> Iterator[Row]:
        """Stored and changed rows in one order."""
        changed = self._sorted(self._changed(plan), query.order)
        if not changed:
            return self._judged(plan)
        return heapq.merge(self._judged(plan), changed, key=lambda row: self._sort_key(row, query.order))

    def _judged(self, plan: _Plan) -> Iterator[Row]:
        """Stored rows for which the whole filter holds, read in growing pieces."""
        at, size = 0, 500
        while True:
            rows = list(self._rows(self._store.select(plan.query(at, size)), plan))
            for row in rows:
                if row.key not in plan.excluded and all(holds(part, self._scope(row)) for part in plan.left):
                    yield row
            if len(rows) < size:
                return
            at, size = at + size, min(size * 4, 50_000)
            if at >= _MOST_JUDGED:
                raise Refusal(
                    f"more than {_MOST_JUDGED:,} Observations would have to be looked at one by one",
                    where="$filter",
                    mend="Narrow it by phenomenonTime, result or Datastream",
                )

    def _sort_key(self, row: Row, order: Sequence[tuple[Expression, bool]]) -> tuple[Any, ...]:
        scope = self._scope(row)
        keys = [_Falling(order_key(by, scope)) if down else order_key(by, scope) for by, down in order]
        return (*keys, row.at_us, row.key)

    def _sorted(self, rows: list[Row], order: Sequence[tuple[Expression, bool]]) -> list[Row]:
        return sorted(rows, key=lambda row: self._sort_key(row, order))

    def _rows(self, table: pa.Table, plan: _Plan) -> Iterator[Row]:
        columns = (table[name].to_pylist() for name in ("sensor_id", "quantity", "value", "flags"))
        stamps = table["at"].cast(pa.int64()).to_pylist()
        for at_us, sensor_id, quantity, value, flags in zip(stamps, *columns, strict=True):
            found = plan.of_channel(sensor_id, quantity)
            if found is None:
                continue
            datastream, conversion, feature = found
            yield _stored_row(datastream, conversion, feature, at_us, value, flags)

    def _changed(self, plan: _Plan) -> list[Row]:
        rows = [self._changed_row(key) for key in plan.changed]
        return [
            row
            for row in rows
            if row is not None
            and (plan.feature is None or row.feature == plan.feature)
            and (plan.where is None or holds(plan.where, self._scope(row)))
        ]

    def _changed_row(self, key: str) -> Row | None:
        record = self._book.records["Observations"][key]
        datastream = record.links["Datastream"][0]
        features = self._book.links("Observations", key, "FeatureOfInterest")
        if not self._book.has("Datastreams", datastream) or not features:
            return None
        at_us = read_span(str(record.content["phenomenonTime"])).start_us
        return Row(key=key, datastream=datastream, at_us=at_us, properties=record.content, feature=features[0])


class _Plan:
    """How a query is answered: what the store is asked, and what is left to do here."""

    def __init__(self, book: EntityBook, query: ObservationQuery, now_us: int) -> None:
        self._book, self.where, self.feature = book, query.where, query.feature
        self._known: dict[tuple[str, str], tuple[EntityKey, tuple[float, float], EntityKey | None] | None] = {}
        streams = query.datastreams
        scope = [key for key in book.records["Datastreams"] if streams is None or key in streams]
        plain = all(book.conversion(key) == (1.0, 0.0) for key in scope)
        condition, self.left = split_filter(query.where, now_us=now_us, plain_results=plain)
        self.conditions: list[Condition] = [] if condition is None else [condition]
        self.order = pushed_order(query.order, plain_results=plain)
        self.channels = self._channels(streams)
        self.changed = book.changed_observations(None)
        if streams is not None:
            self.changed = [key for stream in streams for key in book.changed_observations(stream)]
        gone = [str(key) for key in book.removed("Observations")]
        self.excluded = dict.fromkeys([*self.changed, *gone])
        if len(self.excluded) <= _MOST_EXCLUDED:
            self.conditions += [Not(one) for key in self.excluded if (one := self._one(key)) is not None]
            self.excluded = {}

    @property
    def is_judged(self) -> bool:
        """Whether rows must be looked at one by one."""
        return bool(self.left or self.excluded)

    @property
    def is_plain(self) -> bool:
        """Whether the store answers all of it."""
        return not self.is_judged and not self.changed

    def query(self, skip: int, top: int) -> ReadingQuery:
        """What the store is asked."""
        where = AllOf(tuple(self.conditions)) if self.conditions else None
        return ReadingQuery(channels=self.channels, where=where, order=tuple(self.order or ()), skip=skip, top=top)

    def of_channel(
        self, sensor_id: str, quantity: str
    ) -> tuple[EntityKey, tuple[float, float], EntityKey | None] | None:
        """Datastream of a channel, its conversion and the feature of its plain readings."""
        pair = (sensor_id, quantity)
        if pair not in self._known:
            key = self._book.datastream_of(sensor_id, quantity)
            self._known[pair] = None if key is None else (key, self._book.conversion(key), self._book.feature_of(key))
        return self._known[pair]

    def _channels(self, streams: tuple[EntityKey, ...] | None) -> tuple[tuple[str, str], ...] | None:
        book = self._book
        if self.feature is not None:
            about = dict.fromkeys(book.datastreams_about(self.feature))
            streams = tuple(key for key in about if streams is None or key in streams)
        elif streams is None:
            if not book.removed("Datastreams") and not book.removed("FeaturesOfInterest"):
                return None
            streams = tuple(book.keys("Datastreams"))
        shown = (key for key in streams if self._is_shown(book.feature_of(key)))
        return tuple(book.channel(key) for key in shown)

    def _is_shown(self, feature: EntityKey | None) -> bool:
        return feature is None or self._book.has("FeaturesOfInterest", feature)

    def _one(self, key: str) -> OneReading | None:
        found = _ID.fullmatch(key)
        if found is None:
            return None
        stream = found[1]
        number = int(stream) if stream.isdecimal() and stream.isascii() else None
        of_ours = number is not None and number in self._book.records["Datastreams"]
        datastream: EntityKey = number if of_ours and number is not None else stream
        if not self._book.has("Datastreams", datastream):
            return None
        try:
            second = None if found[3] is None else float(found[3])
        except ValueError:
            return None
        return OneReading(*self._book.channel(datastream), int(found[2]), second)


def _stored_row(
    datastream: EntityKey,
    conversion: tuple[float, float],
    feature: EntityKey | None,
    at_us: int,
    value: float,
    flags: int,
) -> Row:
    at = instant_text(at_us)
    second = repr(value) if flags & QualityFlag.DUPLICATE_STAMP else None
    properties: dict[str, Any] = {"phenomenonTime": at, "resultTime": at, "result": shown_value(value, conversion)}
    if flags:
        properties["resultQuality"] = {"flags": [str(flag.name).lower() for flag in QualityFlag if flags & flag]}
    key = observation_id(datastream, at_us, second)
    return Row(key=key, datastream=datastream, at_us=at_us, properties=properties, feature=feature)


class _Falling:
    """A key that sorts the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: tuple[int, Any]) -> None:
        self.key = key

    def __lt__(self, other: _Falling) -> bool:
        return other.key < self.key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Falling) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)
