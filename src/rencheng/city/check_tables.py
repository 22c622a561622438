"""Checks of one table by itself: its columns and types, keys, words and numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.city.defects import Findings, telling
from rencheng.city.schema import Attribute, schema_tables

__all__ = ["check_columns", "check_keys", "check_numbers", "check_words"]

_NEVER_NEGATIVE = {"person", "job", "m2", "m/s", "s", "h", "CNY"}
"""Units whose amounts cannot be below zero."""

_LENGTHS = {"length_m", "diameter_m", "storeys", "quantity", "capacity"}
_MUST_BE_POSITIVE = {"length_m", "speed_m_s", "interval_s", "diameter_m"}
SKILLS = ("fire", "medical", "pumping", "water_rescue", "evacuation", "traffic", "repair")
"""Skills that plans and needs name."""


def check_columns(name: str, table: pa.Table, findings: Findings) -> None:
    """Columns missing, unknown, of the wrong type, or null where a value is required."""
    attributes = {a.name: a for a in schema_tables()[name]}
    for column in table.column_names:
        if column not in attributes:
            findings.whole(name, column, "the schema has no such column", "Remove the column or rename it")
    for attribute in attributes.values():
        if attribute.name not in table.column_names:
            if attribute.required:
                findings.whole(name, attribute.name, "the required column is missing", f"Add it: {_words(attribute)}")
            continue
        column = table[attribute.name]
        if not _is_same_type(column.type, attribute.arrow_type):
            what = f"is {column.type}, should be {attribute.arrow_type}"
            findings.whole(name, attribute.name, what, "Write the column in the type of the schema")
        if attribute.required:
            _check_present(name, attribute, column, findings)


def _check_present(name: str, attribute: Attribute, column: pa.ChunkedArray, findings: Findings) -> None:
    missing = pc.is_null(column, nan_is_null=True)
    if pa.types.is_string(column.type):
        missing = pc.or_(missing, pc.equal(pc.fill_null(column, ""), ""))
    bad = _mask(missing)
    if (name, attribute.name) == ("cells", "residents"):
        findings.rows(name, attribute.name, bad, "cell without population", "Give 0 where nobody lives")
    else:
        findings.rows(name, attribute.name, bad, "the required value is missing or NaN", f"Give: {_words(attribute)}")


def check_keys(name: str, table: pa.Table, findings: Findings) -> None:
    """Rows that share their id."""
    keys = [a.name for a in schema_tables()[name] if a.key]
    if not all(key in table.column_names for key in keys) or not len(table):
        return
    codes = np.zeros(len(table), dtype=np.int64)
    for key in keys:
        encoded = pc.fill_null(table[key].combine_chunks().dictionary_encode().indices, -1).to_numpy().astype(np.int64)
        codes = codes * (int(encoded.max(initial=0)) + 2) + encoded + 1
    first = np.zeros(len(table), dtype=bool)
    first[np.unique(codes, return_index=True)[1]] = True
    columns = [table[key].combine_chunks() for key in keys]
    findings.rows(
        name,
        ", ".join(keys),
        ~first,
        telling(" ".join(["{!r}"] * len(columns)) + " is already the id of an earlier row", *columns),
        "Give every row an id of its own",
    )


def check_words(name: str, table: pa.Table, findings: Findings) -> None:
    """Words that the schema does not know: an error in a closed list, a warning in an open one."""
    for attribute in schema_tables()[name]:
        if not attribute.values or attribute.name not in table.column_names:
            continue
        column = table[attribute.name].combine_chunks()
        known = pc.is_in(column, value_set=pa.array(attribute.values, pa.string()))
        bad = _mask(pc.and_(pc.invert(known), pc.is_valid(column)))
        findings.rows(
            name,
            attribute.name,
            bad,
            telling("unknown word {!r}", column),
            f"Use one of: {', '.join(attribute.values)}",
            "warning" if attribute.open_values else "error",
        )
    if name == "units" and "skills" in table.column_names:
        _check_skills(table, findings)


def _check_skills(table: pa.Table, findings: Findings) -> None:
    listed = [[s.strip() for s in (text or "").split(",")] for text in table["skills"].to_pylist()]
    bad = np.array([any(skill not in SKILLS for skill in skills) for skills in listed], dtype=bool)
    findings.rows(
        "units",
        "skills",
        bad,
        telling("unknown skill in {!r}", table["skills"].combine_chunks()),
        f"Use: {', '.join(SKILLS)}",
        "warning",
    )


def check_numbers(name: str, table: pa.Table, findings: Findings) -> None:
    """NaN, infinite, negative and zero where they make no sense, and more vulnerable residents than residents."""
    for attribute in schema_tables()[name]:
        if attribute.name not in table.column_names or not _is_numeric(table[attribute.name].type):
            continue
        values = table[attribute.name].combine_chunks()
        number = values.to_numpy(zero_copy_only=False).astype(np.float64)
        field = attribute.name
        if pa.types.is_floating(values.type):
            if not attribute.required:
                nan = _mask(pc.and_(pc.is_valid(values), pc.is_nan(values)))
                findings.rows(name, field, nan, "is NaN", "Leave the field empty where the value is unknown", "warning")
            findings.rows(name, field, np.isinf(number), "is infinite", "Give a finite number")
        if field in _MUST_BE_POSITIVE:
            bad = number <= 0
            findings.rows(name, field, bad, telling("{:g} is not above zero", number), f"Give: {_words(attribute)}")
        elif attribute.unit in _NEVER_NEGATIVE or field in _LENGTHS:
            bad = number < 0
            findings.rows(name, field, bad, telling("{:g} is negative", number), f"Give: {_words(attribute)}")
    if name == "cells":
        _check_groups(table, findings)


def _check_groups(table: pa.Table, findings: Findings) -> None:
    if "residents" not in table.column_names:
        return
    residents = _numbers(table, "residents")
    if len(residents) and not np.nansum(residents) > 0:
        findings.whole("cells", "residents", "nobody lives in any cell", "Import a population table", "warning")
    for group in ("vulnerable_residents", "elderly_residents", "child_residents", "disabled_residents"):
        if group in table.column_names:
            more = _numbers(table, group) > residents * (1 + 1e-9) + 1e-6
            findings.rows("cells", group, more, "is more than the residents of the cell", "Count each person once")


def _numbers(table: pa.Table, column: str) -> NDArray[np.float64]:
    return np.asarray(table[column].combine_chunks().to_numpy(zero_copy_only=False), dtype=np.float64)


def _mask(condition: pa.Array | pa.ChunkedArray) -> NDArray[np.bool_]:
    filled = pc.fill_null(condition, False)
    return np.asarray(filled.to_numpy(zero_copy_only=False) if isinstance(filled, pa.Array) else filled.to_numpy())


def _is_same_type(found: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_dictionary(found):
        found = found.value_type
    if pa.types.is_large_string(found) or pa.types.is_string_view(found):
        found = pa.string()
    if pa.types.is_large_binary(found) or pa.types.is_binary_view(found):
        found = pa.binary()
    return bool(found == wanted)


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_signed_integer(kind))


def _words(attribute: Attribute) -> str:
    unit = f" in {attribute.unit}" if attribute.unit else ""
    return f"{attribute.description}{unit}"
