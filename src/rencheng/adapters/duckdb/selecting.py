"""Pages of readings in SQL: every value goes in as a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from rencheng.adapters.duckdb.database import UTC_STAMP
from rencheng.adapters.duckdb.layout import Snapshot
from rencheng.adapters.duckdb.registry import ChannelRegistry
from rencheng.sense.ports import QualityFlag
from rencheng.sense.reading_query import AllOf, AnyOf, Comparison, Condition, Not, OneReading, ReadingQuery

__all__ = ["channel_in", "count_selected", "select_page"]

_COLUMNS = {"at": "stamp", "value": "value", "flags": "flags"}
_SECOND = int(QualityFlag.DUPLICATE_STAMP)


def channel_in(numbers: Sequence[int]) -> tuple[str, list[Any]]:
    """Condition that a reading's channel is one of some; a single one is looked up in the bounds of row groups."""
    if len(numbers) == 1:
        return "channel = ?", list(numbers)
    if not numbers:
        return "false", []
    return (
        "channel BETWEEN ? AND ? AND channel IN (SELECT unnest(?::INTEGER[]))",
        [min(numbers), max(numbers), list(numbers)],
    )


def select_page(now: Snapshot, registry: ChannelRegistry, query: ReadingQuery) -> pa.Table:
    """Give a page: ``sensor_id``, ``quantity``, ``at``, ``value``, ``flags`` in the order asked for."""
    where, values = _where(registry, query)
    order = [f"{_COLUMNS[column]} {'DESC' if down else 'ASC'}" for column, down in query.order]
    down = bool(query.order) and query.order[0] == ("at", True)
    ties = ["channel", f"flags & {_SECOND}", "value"] if down else ["stamp", "channel", f"flags & {_SECOND}", "value"]
    by = ", ".join([*order, *ties])
    rows = now.rows(*_span(query.where))
    found = now.numpy(
        f"SELECT channel, stamp, value, flags FROM {rows} {where} ORDER BY {by} LIMIT ? OFFSET ?",  # noqa: S608 — only column names of ours; values are parameters
        [*values, query.top, query.skip],
    )
    channel = np.asarray(found["channel"], dtype=np.int64)
    distinct, which = np.unique(channel, return_inverse=True)
    names = pa.array([registry.names[n][1] for n in distinct.tolist()], pa.string())
    return pa.table(
        {
            "sensor_id": registry.sensor_column(channel),
            "quantity": names.take(pa.array(which)),
            "at": pa.array(found["stamp"].astype("datetime64[us]").view(np.int64)).cast(UTC_STAMP),
            "value": pa.array(found["value"].astype(np.float64)),
            "flags": pa.array(found["flags"].astype(np.uint16)),
        }
    )


def count_selected(now: Snapshot, registry: ChannelRegistry, query: ReadingQuery) -> int:
    """Count what a query would give on all its pages."""
    where, values = _where(registry, query)
    if not where:
        return now.count()
    return int(now.numpy(f"SELECT count(*) AS n FROM {now.rows(*_span(query.where))} {where}", values)["n"][0])  # noqa: S608 — as above


def _where(registry: ChannelRegistry, query: ReadingQuery) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    if query.channels is not None:
        numbers = [n for pair in query.channels if (n := registry.number_of(pair)) is not None]
        of_them, channels = channel_in(numbers)
        parts.append(of_them)
        values += channels
    if query.where is not None:
        parts.append(_condition(registry, query.where, values))
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), values


def _span(condition: Condition | None) -> tuple[int | None, int | None]:
    """First and last stamp that a condition lets through, where it says so at its top."""
    parts = condition.parts if isinstance(condition, AllOf) else (condition,)
    first: list[int] = []
    last: list[int] = []
    for part in parts:
        match part:
            case Comparison("at", ">" | ">=" | "=", number):
                first.append(int(number))
        match part:
            case Comparison("at", "<" | "<=" | "=", number):
                last.append(int(number))
            case OneReading():
                first.append(part.at_us)
                last.append(part.at_us)
    return max(first, default=None), min(last, default=None)


def _condition(registry: ChannelRegistry, condition: Condition, values: list[Any]) -> str:
    match condition:
        case Comparison("at", operator, number):
            values.append(int(number))
            return f"stamp {operator} make_timestamp(?::BIGINT)"
        case Comparison(column, operator, number):
            values.append(number)
            return f"{_COLUMNS[column]} {operator} ?"
        case OneReading():
            return _one(registry, condition, values)
        case AllOf(parts):
            return "(" + " AND ".join(_condition(registry, part, values) for part in parts) + ")" if parts else "true"
        case AnyOf(parts):
            return "(" + " OR ".join(_condition(registry, part, values) for part in parts) + ")" if parts else "false"
        case Not(part):
            return f"(NOT {_condition(registry, part, values)})"


def _one(registry: ChannelRegistry, one: OneReading, values: list[Any]) -> str:
    number = registry.number_of((one.sensor_id, one.quantity))
    values += [-1 if number is None else number, one.at_us]
    said = "(channel = ? AND stamp = make_timestamp(?::BIGINT)"
    if one.second is None:
        return f"{said} AND (flags & {_SECOND}) = 0)"
    values.append(one.second)
    return f"{said} AND (flags & {_SECOND}) <> 0 AND value = ?)"
