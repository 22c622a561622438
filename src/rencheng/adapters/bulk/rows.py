"""Rows of a delivery as a table of columns, with broken rows kept aside and line numbers that can be found again."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.json as pj
from numpy.typing import NDArray

from rencheng.adapters.bulk.arrow_tables import read_columns
from rencheng.adapters.bulk.body import utf8_lines
from rencheng.kernel import InvalidReading
from rencheng.sense.batch import RefusalReason
from rencheng.sense.feed import FeedConfig

__all__ = ["Rows", "read_rows", "text_column", "wanted_columns"]


@dataclass(slots=True)
class Rows:
    """Columns as text (or as numbers where JSON said so) and what could not be parsed at all.

    Parameters
    ----------
    table : pyarrow.Table
        The feed's columns.
    body : bytes
        The text the rows came from.
    broken : dict of int to (str, str, str)
        Line number → raw text, reason, detail.
    header_lines : int
        1 for CSV.
    is_json : bool
        A line of nothing but blanks is an empty one then; in CSV it is a row of one column.
    is_text : bool
        False for Arrow and Parquet, whose rows are numbered by their place and have no line.
    """

    table: pa.Table
    body: bytes
    broken: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    header_lines: int = 0
    is_json: bool = False
    is_text: bool = True

    @property
    def count(self) -> int:
        """Rows delivered, broken ones among them."""
        return int(self.table.num_rows) + len(self.broken)

    def found_again(self, rows: NDArray[np.int64]) -> list[tuple[int, str]]:
        """Number and text of rows of the table, to tell of those that are refused."""
        if not self.is_text:
            told = _told_rows(self.table.take(rows))
            return [(row + 1, text) for row, text in zip(rows.tolist(), told, strict=True)]
        numbers, lines = self.line_numbers()
        return [(int(numbers[row]), lines[int(numbers[row]) - 1].rstrip("\r")) for row in rows.tolist()]

    def line_numbers(self) -> tuple[NDArray[np.int64], list[str]]:
        """Line number of each row of the table, and all lines; only asked for when something is refused."""
        lines = self.body.decode().split("\n")
        blank = None if self.is_json else "\r"
        filled = [n for n, line in enumerate(lines, 1) if line.strip(blank) and n not in self.broken]
        return np.asarray(filled[self.header_lines :], dtype=np.int64), lines


def _told_rows(table: pa.Table) -> list[str]:
    """Rows of a table as text, whatever is in them: a stamp beyond the calendar is no Python object."""
    cells = []
    for column in table.columns:
        try:
            cells.append(pc.cast(column, pa.string()).to_pylist())
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            cells.append([f"({column.type})"] * table.num_rows)
    return [str(dict(zip(table.column_names, row, strict=True))) for row in zip(*cells, strict=True)]


def wanted_columns(config: FeedConfig) -> list[str]:
    """Columns that a feed's configuration reads, each once."""
    names = [config.sensor_column, config.time.column, *(column.column for column in config.columns)]
    if config.long is not None:
        names += [config.long.quantity_column, config.long.value_column]
        names += [config.long.unit_column] if config.long.unit_column else []
    return list(dict.fromkeys(names))


def read_rows(config: FeedConfig, body: bytes) -> Rows:
    """Parse an opened body by the feed's format.

    Raises
    ------
    InvalidReading
        If a column that the configuration names is missing, or nothing of the body can be parsed.
    """
    if config.format in ("arrow", "parquet"):
        table = read_columns(config, body, wanted_columns(config))
        return Rows(table=table, body=b"", is_text=False)
    if b"\r" in body and config.format == "csv" and not config.encoding.lower().startswith(("utf-16", "utf-32")):
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # a lone return ends a line for the parser too
    text, bad = utf8_lines(config, body)
    rows = _csv_rows(config, text) if config.format == "csv" else _json_rows(config, text)
    for number, raw in bad.items():
        rows.broken[number] = (raw, RefusalReason.BAD_ENCODING, f"not {config.encoding}")
    return rows


def _csv_rows(config: FeedConfig, body: bytes) -> Rows:
    where = f"feed {config.id!r}"
    text = body.lstrip(b"\r\n")  # the parser would take an empty line before the header for the header
    head, _, _ = text.partition(b"\n")
    header = [name.strip().strip('"') for name in head.decode().rstrip("\r").split(config.delimiter)]
    _require_columns(config, header, where)
    malformed: list[int] = []

    def keep_aside(row: Any) -> str:
        malformed.append(row.number)
        return "skip"

    try:
        table = pv.read_csv(
            pa.BufferReader(text),
            read_options=pv.ReadOptions(use_threads=False, column_names=header, skip_rows=0, skip_rows_after_names=1),
            parse_options=pv.ParseOptions(delimiter=config.delimiter, invalid_row_handler=keep_aside),
            convert_options=pv.ConvertOptions(
                include_columns=wanted_columns(config),
                column_types=dict.fromkeys(wanted_columns(config), pa.string()),
                null_values=list(config.missing),
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        raise InvalidReading(f"not readable as CSV: {error}", where=where, mend="Check the delimiter") from error
    rows = Rows(table=table, body=body, header_lines=1)
    if malformed:
        _set_aside(rows, malformed, f"not {len(header)} columns")
    return rows


def _set_aside(rows: Rows, malformed: list[int], detail: str) -> None:
    """Find the lines of malformed rows, whose numbers the parser counts over lines that are not empty."""
    numbers, lines = Rows(table=rows.table, body=rows.body).line_numbers()
    for ordinal in malformed:
        number = int(numbers[ordinal - 1])
        rows.broken[number] = (lines[number - 1].rstrip("\r"), RefusalReason.BAD_ROW, detail)


def _json_rows(config: FeedConfig, body: bytes) -> Rows:
    names = wanted_columns(config)
    numeric = {column.column for column in config.columns}
    if config.long is not None:
        numeric.add(config.long.value_column)
    if config.time.format.startswith("epoch"):
        numeric.add(config.time.column)
    schema = pa.schema([(name, pa.float64() if name in numeric else pa.string()) for name in names])
    if not body.strip():
        return Rows(table=schema.empty_table(), body=body, is_json=True)
    try:
        table = pj.read_json(
            io.BytesIO(body),
            read_options=pj.ReadOptions(use_threads=False, block_size=max(len(body), 1 << 20)),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid:
        return _json_rows_one_by_one(config, body, names)
    lines = body.count(b"\n") + (not body.endswith(b"\n"))
    if table.num_rows != lines and table.num_rows != _filled_lines(body):  # the parser takes two objects in a line too
        return _json_rows_one_by_one(config, body, names)
    _require_columns(config, _present(table), f"feed {config.id!r}")
    return Rows(table=table.select(names), body=body, is_json=True)


def _filled_lines(body: bytes) -> int:
    return sum(1 for line in body.split(b"\n") if line.strip())


def _present(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if not table.num_rows or table[name].null_count < table.num_rows]


def _json_rows_one_by_one(config: FeedConfig, body: bytes, names: list[str]) -> Rows:
    """Read a body that has a broken line line by line, so that the good lines are kept."""
    rows = Rows(table=pa.table({}), body=body, is_json=True)
    kept: dict[str, list[str | None]] = {name: [] for name in names}
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = msgspec.json.decode(line)
            if not isinstance(record, dict):
                raise msgspec.DecodeError("not a JSON object")  # noqa: TRY301 — one way out for all broken lines
        except (msgspec.DecodeError, RecursionError) as error:
            reason = RefusalReason.TOO_DEEP if isinstance(error, RecursionError) else RefusalReason.BAD_ROW
            rows.broken[number] = (line.decode().rstrip("\r"), reason, str(error))
            continue
        for name in names:
            value = record.get(name)
            kept[name].append(None if value is None else str(value))
    rows.table = pa.table({name: pa.array(values, pa.string()) for name, values in kept.items()})
    _require_columns(config, _present(rows.table), f"feed {config.id!r}")
    return rows


def _require_columns(config: FeedConfig, present: list[str], where: str) -> None:
    needed = {config.sensor_column, config.time.column}
    if config.format == "csv":
        needed.update(wanted_columns(config))
    elif config.long is not None:
        needed.update((config.long.quantity_column, config.long.value_column))
    for name in wanted_columns(config):
        if name in needed and name not in present:
            raise InvalidReading(
                f"there is no column {name!r}; there are {', '.join(present) or 'none'}",
                where=where,
                mend="Name the columns of the feed in its configuration; nothing was taken",
            )


def text_column(column: pa.ChunkedArray, missing: tuple[str, ...]) -> pa.ChunkedArray:
    """Trim a text column; tokens that mean "not measured" become nulls. Other columns are left as they are."""
    if pa.types.is_dictionary(column.type):
        return _trimmed_words(column.unify_dictionaries().combine_chunks(), missing)
    if not pa.types.is_string(column.type):
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.is_in(trimmed, pa.array([*missing, ""], pa.string())), None, trimmed)


def _trimmed_words(column: pa.ChunkedArray | pa.DictionaryArray, missing: tuple[str, ...]) -> pa.ChunkedArray:
    """Trim the distinct words of a coded column once each."""
    whole = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    words = text_column(pa.chunked_array([whole.dictionary.cast(pa.string())]), missing).combine_chunks()
    coded = pc.dictionary_encode(words)
    codes = pc.take(coded.indices, whole.indices.cast(pa.int64()))
    return pa.chunked_array([pa.DictionaryArray.from_arrays(codes, coded.dictionary)])
