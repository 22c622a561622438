"""SCADA of a water network from a folder of CSV files, in the layout of the BattLeDIM data set.

A folder (or its subfolders, one per year) holds ``*Pressures*.csv`` (m), ``*Flows*.csv`` (m³/h), ``*Levels*.csv`` (m)
and ``*Demands*.csv`` (consumer meters, L/h; also named ``*AMR*``): one column of time, then one column a node or link.
Semicolons with decimal commas, and semicolons, commas or tabs with decimal points, are read; an empty cell is a missing
reading; rows may stand in any order; ``.csv``, ``.tsv``, ``.txt`` and their ``.gz`` are taken. Files named for leakages
hold the answer, not readings, and are left alone.
"""

from __future__ import annotations

import gzip
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from rencheng.adapters.epanet.scada_time import scada_times
from rencheng.kernel import InvalidInput, MissingData

__all__ = ["KINDS", "ScadaTable", "read_scada"]

Floats = NDArray[np.float64]

KINDS = ("pressures", "flows", "levels", "demands")
NAMED = {"pressures": ("pressure",), "flows": ("flow",), "levels": ("level",), "demands": ("demand", "amr")}
ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
NEEDED = ("pressures", "flows")
LONGEST_US = 50 * 366 * 86_400_000_000
IMPOSSIBLE = 1e7  # metres, m³/h or L/h: no sensor of a city reads so much
LINES_LOOKED_AT = 300  # a day of five-minute rows: among so many some value is no whole number
ANSWER = re.compile(r"leakage|leaks?[ _-]?(flow|demand|pressure)")
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
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        kind = _kind(path)
        if kind is not None:
            files.setdefault(kind, []).append(path)
    for kind in NEEDED:
        if kind not in files:
            sheets = sorted(path.name for path in folder.rglob("*.xls*"))
            mend = f"Put a file {kind.capitalize()}.csv into the folder"
            raise MissingData(
                f"no {kind} are there",
                where=str(folder),
                mend=f"Save the sheets of {sheets[0]} as CSV files" if sheets else mend,
            )
    return {kind: _joined([_table(path) for path in files[kind]]) for kind in KINDS if kind in files}


def _kind(path: Path) -> str | None:
    """What a file holds by its name; a folder's name does not count."""
    name = path.name.lower()
    if not name.endswith(ENDINGS) or ANSWER.search(name) or not path.is_file():
        return None
    return next((kind for kind in KINDS if any(word in name for word in NAMED[kind])), None)


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
            read_options=pacsv.ReadOptions(column_names=names, skip_rows=1, use_threads=False),
            parse_options=pacsv.ParseOptions(delimiter=delimiter),
            convert_options=pacsv.ConvertOptions(
                column_types=types, decimal_point=point, null_values=NULLS, strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid as error:
        raise InvalidInput(
            f"the table cannot be read: {_named(str(error), names)}",
            where=str(path),
            mend="Every cell but the first is a number or empty",
        ) from error
    at = scada_times([str(text) if text is not None else "" for text in table.column(0).to_pylist()], path)
    values = np.column_stack([table.column(c).to_numpy().astype(np.float64) for c in range(1, len(names))])
    values[~(np.abs(values) < IMPOSSIBLE)] = np.nan
    if at.max() - at.min() > LONGEST_US:
        raise InvalidInput(
            "the times span more than fifty years", where=str(path), mend="Take out the rows whose clock was wrong"
        )
    order = np.argsort(at, kind="stable")
    last = np.append(np.diff(at[order]) > 0, True)
    return ScadaTable(at_us=at[order][last], ids=tuple(names[1:]), values=values[order][last])


def _named(said: str, names: list[str]) -> str:
    """A reader's complaint with the sensor's id beside the number of its column."""
    number = said.partition("column #")[2].partition(":")[0]
    return f"{said} ({names[int(number)]})" if number.isdigit() and int(number) < len(names) else said


def _first_lines(path: Path) -> list[str]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as raw:
            file = io.TextIOWrapper(raw, encoding="utf-8-sig")
            return [file.readline(1_000_000) for _ in range(LINES_LOOKED_AT)]
    except UnicodeDecodeError as error:
        raise InvalidInput("the file is not UTF-8 text", where=str(path), mend="Save it as CSV in UTF-8") from error
    except (EOFError, gzip.BadGzipFile) as error:
        raise InvalidInput("the file is not a whole .gz", where=str(path), mend="Pack it again") from error


def _delimiter(path: Path) -> str:
    head = _first_lines(path)[0]
    counts = {mark: head.count(mark) for mark in ";,\t"}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ""


def _uses_commas(path: Path) -> bool:
    return any("," in line for line in _first_lines(path)[1:])
