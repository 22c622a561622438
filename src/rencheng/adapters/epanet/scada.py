"""SCADA of a water network from a folder of CSV files, in the layout of the BattLeDIM data set.

A folder (or its subfolders, one per year) holds ``*Pressures*.csv`` (m), ``*Flows*.csv`` (m³/h), ``*Levels*.csv`` (m)
and ``*Demands*.csv`` (consumer meters, L/h): one column ``Timestamp``, then one column a node or link. Semicolons with
decimal commas, and commas or tabs with decimal points, are both read; an empty cell is a missing reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput, MissingData

__all__ = ["KINDS", "ScadaTable", "read_scada"]

Floats = NDArray[np.float64]

KINDS = ("pressures", "flows", "levels", "demands")
NEEDED = ("pressures", "flows")
LONGEST_US = 50 * 366 * 86_400_000_000
NULLS = ["", "NaN", "nan", "NA", "null", "None", "-"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScadaTable:
    """One kind of sensor: ``at_us`` (n,) rising, ``ids`` (m,), ``values`` (n, m) with NaN where nothing was read."""

    at_us: NDArray[np.int64]
    ids: tuple[str, ...]
    values: Floats


def read_scada(folder: Path) -> dict[str, ScadaTable]:
    """The tables of a folder by kind, years joined in order of time; of a time given twice the later file counts.

    Raises
    ------
    MissingData
        When the folder holds no pressures or no flows.
    InvalidInput
        When a file cannot be read as a table of numbers over time.
    """
    if not folder.is_dir():
        raise InvalidInput("no such folder of SCADA files", where=str(folder), mend="Give the folder of Pressures.csv")
    found: dict[str, ScadaTable] = {}
    for kind in KINDS:
        files = sorted(p for p in folder.rglob("*.csv") if kind in p.name.lower())
        if files:
            found[kind] = _joined([_table(path) for path in files])
    for kind in NEEDED:
        if kind not in found:
            raise MissingData(
                f"no {kind} are there", where=str(folder), mend=f"Put a file {kind.capitalize()}.csv into the folder"
            )
    return found


def _joined(tables: list[ScadaTable]) -> ScadaTable:
    ids = tuple(dict.fromkeys(name for table in tables for name in table.ids))
    at = np.unique(np.concatenate([table.at_us for table in tables]))
    values = np.full((len(at), len(ids)), np.nan)
    for table in tables:
        rows = np.searchsorted(at, table.at_us)
        for column, name in enumerate(table.ids):
            given = ~np.isnan(table.values[:, column])
            values[rows[given], ids.index(name)] = table.values[given, column]
    return ScadaTable(at_us=at, ids=ids, values=values)


def _table(path: Path) -> ScadaTable:
    delimiter = _delimiter(path)
    head = _first_lines(path)[0].strip().split(delimiter) if delimiter else []
    if len(head) < 2:
        raise InvalidInput(
            "the first line names no sensors", where=str(path), mend="Write Timestamp and sensor ids, split by ; or ,"
        )
    names = [name.strip().strip('"') for name in head]
    if len(set(names)) < len(names):
        raise InvalidInput("a sensor is named twice", where=str(path), mend="Give each column its own id")
    point = "," if delimiter == ";" and _uses_commas(path) else "."
    types = {name: pa.float64() for name in names[1:]} | {names[0]: pa.string()}
    try:
        table = pacsv.read_csv(
            path,
            read_options=pacsv.ReadOptions(column_names=names, skip_rows=1),
            parse_options=pacsv.ParseOptions(delimiter=delimiter),
            convert_options=pacsv.ConvertOptions(
                column_types=types, decimal_point=point, null_values=NULLS, strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid as error:
        raise InvalidInput(
            f"the table cannot be read: {error}", where=str(path), mend="Every cell but the first is a number or empty"
        ) from error
    at = _times(table.column(0), path)
    values = np.column_stack([table.column(c).to_numpy().astype(np.float64) for c in range(1, len(names))])
    values[~np.isfinite(values)] = np.nan
    if at.max() - at.min() > LONGEST_US:
        raise InvalidInput(
            "the times span more than fifty years", where=str(path), mend="Take out the rows whose clock was wrong"
        )
    order = np.argsort(at, kind="stable")
    last = np.append(np.diff(at[order]) > 0, True)
    return ScadaTable(at_us=at[order][last], ids=tuple(names[1:]), values=values[order][last])


def _first_lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return [file.readline(1_000_000) for _ in range(5)]
    except UnicodeDecodeError as error:
        raise InvalidInput("the file is not UTF-8 text", where=str(path), mend="Save it as CSV in UTF-8") from error


def _delimiter(path: Path) -> str:
    head = _first_lines(path)[0]
    counts = {mark: head.count(mark) for mark in ";,\t"}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ""


def _uses_commas(path: Path) -> bool:
    return any("," in line for line in _first_lines(path)[1:])


def _times(column: pa.ChunkedArray, path: Path) -> NDArray[np.int64]:
    texts = np.array(column.to_pylist(), dtype=object)
    if not len(texts):
        raise InvalidInput("the table has no rows", where=str(path), mend="Give at least two weeks of readings")
    try:
        at = np.array([np.datetime64(str(t).strip().replace(" ", "T").removesuffix("Z"), "us") for t in texts])
    except ValueError as error:
        raise InvalidInput(
            f"a time cannot be read ({error})", where=f"{path}: first column", mend="Write 2018-01-01 00:05"
        ) from error
    if np.isnat(at).any():
        row = int(np.flatnonzero(np.isnat(at))[0]) + 2
        raise InvalidInput("a time is missing", where=f"{path}: line {row}", mend="Write 2018-01-01 00:05")
    return at.astype(np.int64)
