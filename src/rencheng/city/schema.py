"""The schema of the city package: one table of attributes that drives reading, checking and the documentation."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import pyarrow as pa

__all__ = ["Attribute", "arrow_schema", "schema_tables"]

_ARROW = {
    "string": pa.string(),
    "double": pa.float64(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint64": pa.uint64(),
    "bool": pa.bool_(),
    "geometry": pa.binary(),  # well-known binary, as GeoParquet 1.1 says
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One column of a city table: name, type, unit, whether it must be there, and what it means.

    ``key`` columns together name a row of the table; ``refers`` lists the ``table.attribute`` a value must be found
    in (any of them); ``values`` are the words the column may hold, ``open_values`` says that others may come.
    """

    table: str
    name: str
    type: str
    unit: str
    required: bool
    description: str
    key: bool = False
    refers: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    open_values: bool = False

    @property
    def arrow_type(self) -> pa.DataType:
        """Arrow type the column is stored in; geometry is WKB."""
        return _ARROW[self.type]


@cache
def schema_tables() -> Mapping[str, tuple[Attribute, ...]]:
    """All tables of a city package with their attributes, in the order of the schema file."""
    tables: dict[str, list[Attribute]] = {}
    with files("rencheng.city").joinpath("schema.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            attribute = Attribute(
                table=row["table"],
                name=row["attribute"],
                type=row["type"],
                unit=row["unit"],
                required=row["required"] == "yes",
                description=row["description"],
                key=row["key"] == "yes",
                refers=tuple(filter(None, row["refers"].split("|"))),
                values=tuple(v for v in row["values"].split("|") if v not in {"", "…"}),
                open_values=row["values"].endswith("…"),
            )
            tables.setdefault(attribute.table, []).append(attribute)
    return MappingProxyType({name: tuple(attributes) for name, attributes in tables.items()})


def arrow_schema(table: str) -> pa.Schema:
    """Arrow schema of a table with every attribute in schema order."""
    return pa.schema([pa.field(a.name, a.arrow_type) for a in schema_tables()[table]])
