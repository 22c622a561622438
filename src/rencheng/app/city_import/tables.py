"""Tables a city writes itself: CSV files whose header names attributes of the schema."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from rencheng.adapters.tabular import numbers, read_delimited, texts
from rencheng.app.city_import.config import ImportConfig
from rencheng.app.city_import.sections import TableFile
from rencheng.city import schema_tables
from rencheng.city.source_report import SourceReport
from rencheng.kernel import InvalidConfig, InvalidInput

__all__ = ["rows_of_table_file"]

_NUMERIC = {"double": float, "int32": int, "int64": int, "uint64": int}


def rows_of_table_file(
    config: ImportConfig, section: TableFile, table: str, report: SourceReport
) -> list[dict[str, Any]]:
    """Rows of a CSV for a table of the schema; rows that lack a required value are refused.

    Raises
    ------
    InvalidConfig
        If the header has a column that the schema does not know, or lacks a required one.
    """
    path = config.path(section.file)
    attributes = {a.name: a for a in schema_tables()[table] if a.type != "geometry" and a.name != "cell"}
    header = _header(path, section.delimiter)
    for name in header:
        if name not in attributes:
            raise InvalidConfig(f"unknown column {name!r}", where=str(path), mend=f"Use: {', '.join(attributes)}")
    data = read_delimited(path, header, report, delimiter=section.delimiter)
    columns: dict[str, list[Any]] = {}
    for name in header:
        if attributes[name].type in _NUMERIC:
            kind = _NUMERIC[attributes[name].type]
            columns[name] = [kind(v) if v == v else None for v in numbers(data, name).tolist()]  # noqa: PLR0124 — NaN
        elif attributes[name].type == "bool":
            columns[name] = [None if v is None else v.lower() in {"true", "yes", "1"} for v in texts(data, name)]
        else:
            columns[name] = list(texts(data, name))
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    required = [a.name for a in attributes.values() if a.required]
    kept = []
    for number, row in enumerate(rows):
        missing = [name for name in required if row.get(name) is None]
        if missing:
            report.refuse(f"{table}: {', '.join(missing)} is missing or no number", [f"row {number + 2}"])
        else:
            kept.append(row)
    return kept


def _header(path: Any, delimiter: str) -> list[str]:
    try:
        with pa_csv.open_csv(path, parse_options=pa_csv.ParseOptions(delimiter=delimiter)) as opened:
            return list(opened.schema.names)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInput(f"not a readable table: {error}", where=str(path), mend="Check its delimiter") from error
