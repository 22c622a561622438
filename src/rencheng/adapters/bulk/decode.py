"""Decoding a bulk delivery: rows in the feed's own words become readings in SI units, or are kept aside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.adapters.bulk.body import opened_body
from rencheng.adapters.bulk.columns import instants, numbers
from rencheng.adapters.bulk.rows import Rows, read_rows, text_column
from rencheng.kernel import QUANTITIES, quantity, to_si
from rencheng.sense.batch import REFUSED_SCHEMA, Decoded, RefusalReason
from rencheng.sense.feed import FeedConfig, LongLayout

__all__ = ["decode"]

_DICTIONARY = pa.dictionary(pa.int32(), pa.string())


class _Aside:
    """Rows of one delivery that are kept aside, at most one entry per row and reason."""

    def __init__(self) -> None:
        self.found: dict[tuple[int, str], str] = {}

    def add(self, rows: NDArray[np.int64], reason: str, detail: str = "") -> None:
        for row in rows.tolist():
            key = (row, reason)
            self.found[key] = f"{self.found[key]}; {detail}" if key in self.found else detail

    def add_reasons(self, reason: NDArray[np.object_], usable: NDArray[np.bool_], detail: str) -> None:
        for name in (RefusalReason.BAD_NUMBER, RefusalReason.NOT_FINITE):
            self.add(np.flatnonzero(usable & (reason == name)), name, detail)

    def table(self, rows: Rows) -> pa.Table:
        if not self.found and not rows.broken:
            return REFUSED_SCHEMA.empty_table()
        entries = [(number, raw, reason, detail) for number, (raw, reason, detail) in rows.broken.items()]
        found = list(self.found.items())
        where = rows.found_again(np.array([row for (row, _), _ in found], dtype=np.int64)) if found else []
        for ((_, reason), detail), (number, text) in zip(found, where, strict=True):
            entries.append((number, text, reason, detail))
        entries.sort(key=lambda entry: (entry[0], entry[2]))
        columns = list(zip(*entries, strict=True))
        return pa.table([pa.array(column) for column in columns], schema=REFUSED_SCHEMA)


def decode(config: FeedConfig, data: bytes | Path) -> Decoded:
    """Decode a delivery by the feed's configuration.

    A row that cannot be read is kept aside with its reason while the others are taken. Only what makes the whole
    delivery doubtful refuses all of it: a body too large, broken compression, a column that is not there.

    Parameters
    ----------
    config : FeedConfig
        How the feed is read.
    data : bytes or Path
        The body, or a file with it.

    Raises
    ------
    InvalidReading
        If nothing of the delivery can be taken.
    """
    rows = read_rows(config, opened_body(config, data))
    aside = _Aside()
    if rows.table.num_rows == 0:
        return Decoded(good=_empty(), refused=aside.table(rows), rows=rows.count, limits=config.limits)
    sensor = text_column(_words(rows.table[config.sensor_column]), config.missing)
    at, no_time = instants(text_column(rows.table[config.time.column], config.missing), config.time)
    for name in (RefusalReason.BAD_TIME, RefusalReason.NAIVE_TIME):
        aside.add(np.flatnonzero(no_time == name), name, f"column {config.time.column}")
    nameless = ~np.asarray(sensor.is_valid())
    aside.add(np.flatnonzero(nameless), RefusalReason.NO_SENSOR, f"column {config.sensor_column}")
    usable = np.asarray(at.is_valid()) & ~nameless
    ids = _whole(sensor)
    ids = ids if pa.types.is_dictionary(ids.type) else pc.dictionary_encode(ids)
    parts = (
        _wide(config, rows, usable, aside) if config.long is None else _long(config, config.long, rows, usable, aside)
    )
    tables = [
        pa.table(
            {
                "sensor_id": _taken(ids, index),
                "quantity": names,
                "at": _taken(at, index),
                "value": pa.array(value),
                "row": index,
            }
        )
        for index, names, value in parts
    ]
    good = pa.concat_tables(tables).combine_chunks() if tables else _empty()
    return Decoded(good=good, refused=aside.table(rows), rows=rows.count, limits=config.limits)


def _words(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Names as text: tables may hold numbers for them."""
    if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
        return column
    return column.cast(pa.string())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    flat = column.combine_chunks()
    return flat.chunk(0) if isinstance(flat, pa.ChunkedArray) else flat


def _taken(column: pa.Array, index: pa.Array) -> pa.Array:
    """The rows of an index that rises; all of them at no cost."""
    return column if len(index) == len(column) else column.take(index)


def _empty() -> pa.Table:
    return pa.table(
        {
            "sensor_id": pa.array([], _DICTIONARY),
            "quantity": pa.array([], _DICTIONARY),
            "at": pa.array([], pa.timestamp("us", tz="UTC")),
            "value": pa.array([], pa.float64()),
            "row": pa.array([], pa.int64()),
        }
    )


def _wide(
    config: FeedConfig, rows: Rows, usable: NDArray[np.bool_], aside: _Aside
) -> list[tuple[pa.Array, pa.Array, NDArray[np.float64]]]:
    """Give (row index, quantity names, SI values) of each measured column."""
    parts = []
    for column in config.columns:
        raw, reason = numbers(text_column(rows.table[column.column], config.missing))
        aside.add_reasons(reason, usable, f"column {column.column}")
        index = np.flatnonzero(usable & ~np.isnan(raw))
        with np.errstate(over="ignore"):  # looked at in the next line
            value = to_si(raw[index], column.unit, QUANTITIES[column.quantity])
        index, value = _finite(index, value, aside, f"column {column.column}")
        names = pa.DictionaryArray.from_arrays(np.zeros(len(index), dtype=np.int32), [column.quantity])
        parts.append((pa.array(index), names, value))
    return parts


def _long(
    config: FeedConfig, layout: LongLayout, rows: Rows, usable: NDArray[np.bool_], aside: _Aside
) -> list[tuple[pa.Array, pa.Array, NDArray[np.float64]]]:
    """Give (row index, quantity names, SI values) of rows that name their quantity, converted pair by pair."""
    raw, reason = numbers(text_column(rows.table[layout.value_column], config.missing))
    aside.add_reasons(reason, usable, f"column {layout.value_column}")
    words, word_code = _coded(text_column(_words(rows.table[layout.quantity_column]), config.missing))
    units, unit_code = _units(config, layout, rows)
    factor = np.full((len(words), len(units)), np.nan)
    offset = np.zeros_like(factor)
    stored = [layout.quantities.get(word, word) for word in words]
    known = np.array([name in QUANTITIES for name in stored], dtype=bool)
    for i, name in enumerate(stored):
        for j, unit in enumerate(units):
            if known[i] and (not unit or unit in quantity(name).units):
                factor[i, j], offset[i, j] = quantity(name).units[unit or quantity(name).unit]
    unknown = usable & ~known[word_code]
    aside.add(np.flatnonzero(unknown), RefusalReason.UNKNOWN_QUANTITY, f"column {layout.quantity_column}")
    unlawful = usable & ~unknown & np.isnan(factor[word_code, unit_code])
    aside.add(np.flatnonzero(unlawful), RefusalReason.UNKNOWN_UNIT, f"column {layout.unit_column or '(config)'}")
    index = np.flatnonzero(usable & ~unknown & ~unlawful & ~np.isnan(raw))
    pair = (word_code[index], unit_code[index])
    names = pa.DictionaryArray.from_arrays(pa.array(word_code[index].astype(np.int32)), pa.array(stored, pa.string()))
    with np.errstate(over="ignore"):  # looked at in the next line
        value = raw[index] * factor[pair] + offset[pair]
    kept, value = _finite(index, value, aside, f"column {layout.value_column}")
    return [(pa.array(kept), names if len(kept) == len(index) else names.filter(np.isin(index, kept)), value)]


def _finite(
    index: NDArray[np.int64], value: NDArray[np.float64], aside: _Aside, detail: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Keep aside what is beyond all numbers once it is in SI units."""
    keep = np.isfinite(value)
    if keep.all():
        return index, value
    aside.add(index[~keep], RefusalReason.NOT_FINITE, f"{detail} in SI units")
    return index[keep], value[keep]


def _coded(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct words of a column and each row's place among them; an absent word is an empty one."""
    plain = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
    encoded = pc.dictionary_encode(pc.fill_null(plain, "").combine_chunks())
    return encoded.dictionary.to_pylist(), np.asarray(encoded.indices, dtype=np.int64)


def _units(config: FeedConfig, layout: LongLayout, rows: Rows) -> tuple[list[str], NDArray[np.int64]]:
    if layout.unit_column and layout.unit_column in rows.table.column_names:
        return _coded(text_column(_words(rows.table[layout.unit_column]), config.missing))
    return [layout.unit], np.zeros(rows.table.num_rows, dtype=np.int64)
