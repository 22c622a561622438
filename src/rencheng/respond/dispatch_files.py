"""Dispatch from tables that a person wrote: needs, units and closed links as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from rencheng.city import City, RoadGraph
from rencheng.kernel import InvalidInput, LonLat, NotFound
from rencheng.respond.dispatch import DispatchNeed, DispatchResult, DispatchUnit, dispatch
from rencheng.respond.inputs import Unit, units_of
from rencheng.respond.rules import Rules, read_rules

__all__ = ["dispatch_from_files"]

Row = tuple[str, Mapping[str, str]]


def dispatch_from_files(
    city: City, *, needs: Path, units: Path | None = None, closed: Path | None = None
) -> DispatchResult:
    """Assign units to needs over a city's roads.

    Parameters
    ----------
    needs : Path
        CSV with ``need_id``, ``lon``, ``lat``, and ``kind`` (of ``needs.yaml``) or ``skills`` (comma-separated);
        optional ``priority`` (1 most urgent to 4) and ``people``.
    units : Path, optional
        CSV with ``unit_id``, ``skills``, ``lon``, ``lat``; optional ``capacity`` and ``free`` (0 for busy).
    closed : Path, optional
        CSV with ``link_id``.

    Raises
    ------
    NotFound
        If a file is not there.
    InvalidInput
        If a value is missing or wrong; names file, row and column.
    MissingData
        If the city has no roads.
    """
    rules, roads = read_rules(city.path), RoadGraph.of(city)
    asked = [(_need(where, row, rules), _place(where, row)) for where, row in _rows(needs)]
    have = [(_unit(where, row), _place(where, row)) for where, row in _rows(units)] if units else _own(city)
    _refuse_doubles((n.need_id for n, _ in asked), needs, "need_id")
    _refuse_doubles((u.unit_id for u, _ in have), units or city.path, "unit_id")
    links = [_number(where, row, "link_id") for where, row in _rows(closed)] if closed else []
    to, at = _nodes(roads, [p for _, p in asked]), _nodes(roads, [p for _, p in have])
    travel_s = roads.matrix_s(at, to, [int(link) for link in links]).T
    return dispatch([n for n, _ in asked], [u for u, _ in have], travel_s)


def _nodes(roads: RoadGraph, places: list[LonLat]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if not places:
        return np.zeros(0, dtype=np.int64)
    return roads.nearest_node(np.array([p.lon for p in places]), np.array([p.lat for p in places]))


def _own(city: City) -> list[tuple[DispatchUnit, LonLat]]:
    return [(_as_dispatch(u), LonLat(u.lon, u.lat)) for u in units_of(city).values()]


def _as_dispatch(unit: Unit) -> DispatchUnit:
    return DispatchUnit(unit_id=unit.unit_id, skills=unit.skills, capacity=unit.capacity)


def _need(where: str, row: Mapping[str, str], rules: Rules) -> DispatchNeed:
    kind = rules.need_kinds.get(row.get("kind") or "")
    if kind is None and not row.get("skills"):
        raise InvalidInput(
            f"unknown kind of need {row.get('kind')!r} and no skills",
            where=f"{where}, kind",
            mend=f"Use one of: {', '.join(rules.need_kinds)}; or fill skills",
        )
    skills = _skills(row["skills"]) if row.get("skills") else tuple(sorted(kind.skills if kind else ()))
    priority = int(_number(where, row, "priority", kind.priority if kind else 2))
    people = int(_number(where, row, "people", 1))
    if priority not in range(1, 5) or people < 1:
        raise InvalidInput(
            f"priority {priority}, people {people}", where=where, mend="priority is 1 to 4, people 1 or more"
        )
    return DispatchNeed(need_id=_text(where, row, "need_id"), skills=skills, priority=priority, people=people)


def _unit(where: str, row: Mapping[str, str]) -> DispatchUnit:
    return DispatchUnit(
        unit_id=_text(where, row, "unit_id"),
        skills=_skills(_text(where, row, "skills")),
        free=bool(_number(where, row, "free", 1)),
        capacity=_number(where, row, "capacity", 0) or None,
    )


def _skills(text: str) -> tuple[str, ...]:
    return tuple(sorted({s.strip() for s in text.replace(";", ",").split(",") if s.strip()}))


def _place(where: str, row: Mapping[str, str]) -> LonLat:
    lon, lat = _number(where, row, "lon"), _number(where, row, "lat")
    try:
        return LonLat(lon, lat)
    except InvalidInput as error:
        raise InvalidInput(error.what, where=where, mend=error.mend) from error


def _text(where: str, row: Mapping[str, str], column: str) -> str:
    if not row.get(column):
        raise InvalidInput("value is missing", where=f"{where}, {column}", mend="Fill it in")
    return row[column].strip()


def _number(where: str, row: Mapping[str, str], column: str, default: float | None = None) -> float:
    text = row.get(column) or ""
    if not text.strip() and default is not None:
        return float(default)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise InvalidInput(f"{text!r} is not a number", where=f"{where}, {column}", mend="Write e.g. 114.3")
    return value


def _rows(path: Path) -> list[Row]:
    if not path.is_file():
        raise NotFound(f"{path} does not exist", mend="Give the path of a CSV file")
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return [(f"{path} row {n}", row) for n, row in enumerate(csv.DictReader(lines), start=2)]
    except UnicodeDecodeError as error:
        raise InvalidInput("file is not UTF-8 text", where=str(path), mend="Save it as CSV UTF-8") from error


def _refuse_doubles(ids: Iterable[str], path: Path, column: str) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise InvalidInput(f"{name!r} stands twice", where=f"{path}, {column}", mend="Name each once")
        seen.add(name)
