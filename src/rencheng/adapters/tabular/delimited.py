"""Read delimited text row by row without losing the good rows to the bad ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from rencheng.city.source_report import SourceReport
from rencheng.kernel import InvalidConfig, InvalidInput

__all__ = ["numbers", "read_delimited", "texts"]

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def read_delimited(
    path: Path,
    columns: Sequence[str],
    report: SourceReport,
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> pa.Table:
    """Read the named columns as text, in file order; ragged rows are refused, the rest is kept.

    Parameters
    ----------
    path : Path
        The file, also ``.gz`` or ``.bz2``; a byte order mark is skipped.
    columns : sequence of str
        Columns wanted, by their name in the header.

    Returns
    -------
    pyarrow.Table
        String columns, empty fields null.

    Raises
    ------
    InvalidConfig
        If a wanted column is not in the header.
    InvalidInput
        If the file is damaged or of another encoding.
    """
    ragged: list[str] = []

    def skip(row: Any) -> str:
        ragged.append(f"row {row.number if row.number is not None else '?'}: {row.actual_columns} fields")
        return "skip"

    wanted = list(dict.fromkeys(columns))
    try:
        with pa_csv.open_csv(path, **_options(delimiter, encoding, [], skip)) as opened:
            header = opened.schema.names
        missing = [name for name in wanted if name not in header]
        if missing:
            raise InvalidConfig(
                f"no column {', '.join(map(repr, missing))}",
                where=str(path),
                mend=f"The header has: {', '.join(header)}",
            )
        ragged.clear()
        table = pa_csv.read_csv(path, **_options(delimiter, encoding, wanted, skip))
    except (pa.ArrowInvalid, OSError, UnicodeError, LookupError) as error:
        raise InvalidInput(
            f"not a readable table: {error}", where=str(path), mend="Check its delimiter and encoding"
        ) from error
    report.refuse("row has another number of fields than the header", ragged)
    return table


def _options(delimiter: str, encoding: str, wanted: list[str], skip: Any) -> dict[str, Any]:
    return {
        "read_options": pa_csv.ReadOptions(encoding=encoding, use_threads=False),
        "parse_options": pa_csv.ParseOptions(delimiter=delimiter, invalid_row_handler=skip),
        "convert_options": pa_csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        ),
    }


def texts(table: pa.Table, column: str) -> list[str | None]:
    """A column as stripped text; empty is ``None``."""
    stripped = pc.utf8_trim_whitespace(table[column])
    plain: list[str | None] = pc.if_else(pc.equal(stripped, ""), None, stripped).to_pylist()
    return plain


def numbers(table: pa.Table, column: str, *, decimal: str = ".") -> NDArray[np.float64]:
    """A column as numbers; NaN where the field is empty or no number.

    Examples
    --------
    >>> numbers(pa.table({"a": ["1,5", "x"]}), "a", decimal=",").tolist()
    [1.5, nan]
    """
    stripped = pc.utf8_trim_whitespace(table[column])
    if decimal != ".":
        stripped = pc.replace_substring(stripped, decimal, ".")
    numeric = pc.match_substring_regex(stripped, _NUMBER)
    parsed = pc.cast(pc.if_else(numeric, stripped, None), pa.float64())
    if isinstance(parsed, pa.ChunkedArray):
        parsed = parsed.combine_chunks()
    return np.asarray(parsed.to_numpy(zero_copy_only=False), dtype=np.float64)
