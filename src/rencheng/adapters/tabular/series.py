"""One series in delimited text, read block by block in file order: memory stays flat however long the file is."""

from __future__ import annotations

import codecs
import csv
import gzip
import math
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from rencheng.kernel import InvalidConfig, InvalidInput, NotFound, micros

__all__ = ["SeriesBlock", "read_series"]

_BLOCK_BYTES: Final = 1 << 20
_LONGEST_LINE_BYTES: Final = 1 << 24
_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_MISSING: Final = ("", "nan", "na", "n/a", "null", "none", "-", "--", "inf", "+inf", "-inf", "infinity", "-infinity")
"""What people and programs write for a value that is not there, in lower case."""
_ZONED: Final = r"\d[Tt ]\d\d.*([Zz]|[+-]\d\d(:?\d\d)?)$"
_EPOCH_UNITS: Final = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (math.inf, 1e-3))
"""Below each bound an epoch counts seconds, milliseconds, microseconds, nanoseconds; with its microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesBlock:
    """Rows of a series, in file order.

    ``time_text`` and ``value_text`` are what the file says; ``at_us`` microseconds since 1970 UTC (a stamp without a
    zone is taken as UTC); ``value`` NaN where the value is missing; ``share`` of the file that has been read.
    """

    time_text: pa.Array
    value_text: pa.Array
    at_us: NDArray[np.int64]
    value: NDArray[np.float64]
    share: float


def read_series(path: Path | None, time: str, value: str) -> Iterator[SeriesBlock]:
    """Read the time and value columns of a CSV file, plain or ``.gz`` (None: standard input).

    Empty lines are skipped; a field may be quoted, but not hold a line break. A value that says it is missing (empty,
    NaN, NA, null, none, -, inf) comes as NaN.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidConfig
        If a column is not in the header, or is there twice.
    InvalidInput
        At the first line whose time or value cannot be read, or that has another number of fields; the blocks before
        it were given.
    """
    where = str(path) if path else "standard input"
    if path and not path.is_file():
        raise NotFound("no such file", where=where)
    size = path.stat().st_size if path else 0
    try:
        with path.open("rb") if path else nullcontext(sys.stdin.buffer) as raw:
            opened = gzip.GzipFile(fileobj=raw) if path and path.suffix == ".gz" else raw
            header = _header(opened.readline(), where, (time, value))
            line = 2
            for lines in _whole_lines(opened):
                yield _block(lines, header, (time, value), where, line, share=raw.tell() / size if size else 0.0)
                line += lines.count(b"\n")
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(f"cannot be read: {error}", where=where) from error


def _header(line: bytes, where: str, columns: tuple[str, str]) -> list[str]:
    text = line.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="replace")
    names = [name.strip() for name in next(csv.reader([text]), [])]
    for name in columns:
        if names.count(name) != 1:
            what = f"no column {name!r}" if name not in names else f"column {name!r} is there more than once"
            raise InvalidConfig(what, where=where, mend=f"The header has: {', '.join(names)[:500]}")
    return names


def _whole_lines(opened: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    """Blocks of whole lines, each ending in a line break."""
    rest = b""
    while block := opened.read(_BLOCK_BYTES):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield rest + block[:cut]
            rest = block[cut:]
        else:
            rest += block
            if len(rest) > _LONGEST_LINE_BYTES:
                raise InvalidInput("a line longer than 16 MiB: not a table of rows")
    if rest.strip():
        yield rest + b"\n"


def _block(
    lines: bytes, header: list[str], columns: tuple[str, str], where: str, line: int, *, share: float
) -> SeriesBlock:
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(lines),
            read_options=pa_csv.ReadOptions(column_names=header, use_threads=False, block_size=len(lines) + 1),
            convert_options=pa_csv.ConvertOptions(
                include_columns=list(dict.fromkeys(columns)),
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=False,
            ),
        )
        time_text, value_text = (pc.utf8_trim_whitespace(table[name].combine_chunks()) for name in columns)
        at_us = _instants(time_text, columns[0])
        value = _values(value_text, columns[1])
    except _BadRow as bad:
        number = _line_of_row(lines, line, bad.row)
        raise InvalidInput(f"line {number}, {bad.what}", where=where, mend=bad.mend) from None
    except pa.ArrowInvalid as error:
        raise _damage(lines, len(header), line, where, error) from error
    return SeriesBlock(time_text=time_text, value_text=value_text, at_us=at_us, value=value, share=share)


def _line_of_row(lines: bytes, first: int, row: int) -> int:
    """Number of the line in the file that holds a row of the block: empty lines are no rows."""
    filled = [i for i, text in enumerate(lines.split(b"\n")) if text not in {b"", b"\r"}]
    return first + filled[row]


def _damage(lines: bytes, fields: int, first: int, where: str, error: Exception) -> InvalidInput:
    """What is wrong with a block that is no table, told by its first wrong line."""
    for number, line in enumerate(lines.splitlines(), first):
        try:
            found = len(next(csv.reader([line.decode("utf-8")]), []))
        except (UnicodeDecodeError, csv.Error) as why:
            return InvalidInput(f"line {number}: {why}", where=where, mend="Save the file as UTF-8 text")
        if found not in {0, fields}:
            what = f"line {number}: {found} fields where the header has {fields}"
            return InvalidInput(what, where=where, mend="Quote fields that hold a comma")
    return InvalidInput(f"lines from {first} on: not a readable table: {error}", where=where)


class _BadRow(Exception):
    """A row of a block that cannot be taken; its line is not known yet."""

    def __init__(self, row: int, what: str, mend: str) -> None:
        super().__init__(what)
        self.row, self.what, self.mend = row, what, mend


def _values(text: pa.Array, column: str) -> NDArray[np.float64]:
    numeric = pc.match_substring_regex(text, _NUMBER)
    bad = pc.and_not(pc.invert(numeric), pc.is_in(pc.utf8_lower(text), value_set=pa.array(_MISSING)))
    if pc.any(bad).as_py():
        row = pc.index(bad, True).as_py()
        raise _BadRow(
            row,
            f"column {column!r}: {text[row].as_py()[:60]!r} is no number",
            "Write a number with a decimal point, or leave the field empty where the value is missing",
        )
    value = pc.cast(pc.if_else(numeric, text, None), pa.float64()).to_numpy(zero_copy_only=False)
    value = np.asarray(value, dtype=np.float64)
    return np.where(np.isfinite(value), value, np.nan)  # 1e999 is not a measurement


def _instants(text: pa.Array, column: str) -> NDArray[np.int64]:
    if len(text) == 0:
        return np.zeros(0, np.int64)
    if pc.all(pc.match_substring_regex(text, _NUMBER)).as_py():
        return _from_epoch(np.asarray(pc.cast(text, pa.float64()), dtype=np.float64))
    try:
        if pc.any(pc.match_substring_regex(text, _ZONED)).as_py():
            stamps = pc.cast(text, pa.timestamp("us", tz="UTC"))
        else:
            stamps = pc.cast(text, pa.timestamp("us"))
        return np.asarray(pc.cast(stamps, pa.int64()), dtype=np.int64)
    except pa.ArrowInvalid:  # mixed or rarer forms: one by one, so that the line can be named
        return np.array([_instant(t, column, i) for i, t in enumerate(text.to_pylist())], np.int64)


def _from_epoch(epoch: NDArray[np.float64]) -> NDArray[np.int64]:
    """Microseconds of an epoch of any unit, told by its size: seconds stay below 1e11 until the year 5138."""
    bounds = np.array([bound for bound, _ in _EPOCH_UNITS])
    factor = np.array([factor for _, factor in _EPOCH_UNITS])
    instants = np.rint(epoch * factor[np.searchsorted(bounds, np.abs(epoch), side="right")])
    return np.asarray(instants, dtype=np.int64)


def _instant(text: str, column: str, row: int) -> int:
    if re.match(_NUMBER, text):
        return int(_from_epoch(np.array([float(text)]))[0])
    try:
        stamp = datetime.fromisoformat(text.replace("/", "-"))
        return micros(stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise _BadRow(
            row,
            f"column {column!r}: {text[:60]!r} is no time",
            "Write ISO 8601 (2026-01-31 08:00:00, with or without a zone) or an epoch in s, ms, µs or ns",
        ) from None
