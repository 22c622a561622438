"""Rescue units and stocks of an imported city: from a table, or assumed at facilities or among the residents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from rencheng.app.city_import.config import ImportConfig
from rencheng.app.city_import.sections import StocksFrom, UnitsFrom
from rencheng.app.city_import.tables import rows_of_table_file
from rencheng.city import table_from_rows
from rencheng.city.source_report import SourceReport

__all__ = ["stocks_table", "units_table"]

_DEPARTMENT_OF_UNIT: Mapping[str, str] = {
    "fire_engine": "fire",
    "rescue_boat": "fire",
    "ambulance": "health",
    "pump_truck": "water",
    "repair_crew": "water",
    "patrol_car": "police",
    "bus": "transport",
    "volunteer_team": "civil_affairs",
}


def units_table(config: ImportConfig, tables: Mapping[str, pa.Table], report: SourceReport) -> pa.Table | None:
    """Units of the configured CSV and those assumed by ``[[units_from]]``."""
    rows = rows_of_table_file(config, config.data.units, "units", report) if config.data.units else []
    for rule in config.data.units_from:
        sites = _sites(rule, tables)
        department = rule.department or _DEPARTMENT_OF_UNIT.get(rule.kind, "emergency")
        org_id = _department(tables, department)
        rows += [
            {
                "unit_id": f"{rule.kind}-{name}",
                "name": f"{rule.kind.replace('_', ' ').capitalize()} {number + 1}",
                "kind": rule.kind,
                "skills": ",".join(rule.skills),
                "org_id": org_id,
                "lon": lon,
                "lat": lat,
                "capacity": rule.capacity,
            }
            for number, (name, lon, lat, _) in enumerate(sites)
        ]
        _tell(report, "units", rule.kind, rule.facility, len(sites))
    return _without_repeats("units", "unit_id", rows, report)


def stocks_table(config: ImportConfig, tables: Mapping[str, pa.Table], report: SourceReport) -> pa.Table | None:
    """Stocks of the configured CSV and those assumed by ``[[stocks_from]]``."""
    rows = rows_of_table_file(config, config.data.stocks, "stocks", report) if config.data.stocks else []
    for rule in config.data.stocks_from:
        sites = _sites(rule, tables)
        org_id = _department(tables, rule.department or "civil_affairs")
        rows += [
            {
                "stock_id": f"{rule.item}-{name}",
                "item": rule.item,
                "quantity": rule.quantity,
                "unit": rule.unit,
                "lon": lon,
                "lat": lat,
                "facility_id": facility,
                "org_id": org_id,
            }
            for name, lon, lat, facility in sites
        ]
        _tell(report, "stocks", rule.item, rule.facility, len(sites))
    return _without_repeats("stocks", "stock_id", rows, report)


def _sites(rule: UnitsFrom | StocksFrom, tables: Mapping[str, pa.Table]) -> list[tuple[str, float, float, str | None]]:
    """Name, lon, lat and facility of each place a rule assumes something at."""
    if rule.facility is None:
        return _among_residents(tables["cells"], rule.count)
    facilities = tables.get("facilities")
    if facilities is None:
        return []
    chosen = facilities.filter(pa.array(np.array(facilities["kind"].to_pylist()) == rule.facility))
    columns = (chosen[name].to_pylist() for name in ("facility_id", "lon", "lat"))
    return [
        (f"{name}-{k + 1}", lon, lat, name) for name, lon, lat in zip(*columns, strict=True) for k in range(rule.count)
    ]


def _among_residents(cells: pa.Table, count: int) -> list[tuple[str, float, float, str | None]]:
    """Centres of cells that part the residents evenly along the H3 index, which keeps near cells near."""
    cell = cells["cell"].to_numpy()
    order = np.argsort(cell, kind="stable")
    running = np.cumsum(cells["residents"].to_numpy()[order])
    if not len(running) or running[-1] <= 0:
        return []
    at = order[np.searchsorted(running, (np.arange(count) + 0.5) / count * running[-1])]
    lon, lat = cells["lon"].to_numpy()[at], cells["lat"].to_numpy()[at]
    return [(str(k + 1), float(lon[k]), float(lat[k]), None) for k in range(count)]


def _department(tables: Mapping[str, pa.Table], department: str) -> str | None:
    rows = tables["organisations"].select(["org_id", "department", "kind"]).to_pylist()
    found = [row["org_id"] for row in rows if row["department"] == department and row["kind"] == "department"]
    return found[0] if found else None


def _tell(report: SourceReport, what: str, kind: str, facility: str | None, count: int) -> None:
    place = f"at facilities of kind {facility}" if facility else "spread over the residents"
    report.note(f"assumption: {count} {what} ({kind}) {place}; replace them by the city's own table")


def _without_repeats(table: str, key: str, rows: list[dict[str, Any]], report: SourceReport) -> pa.Table | None:
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row[key] in first:
            report.refuse(f"{key} used twice; the first is kept", [row[key]])
        else:
            first[row[key]] = row
    report.take(table, len(first))
    return table_from_rows(table, first.values()) if first else None
