"""Checks of the register of flood-prone points: depths, days and sensors that contradict themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.city.defects import Findings, telling
from rencheng.city.flood_points import SENSOR_REACH_M, WATCHING, day_of, depth_rule
from rencheng.kernel import distance_m

__all__ = ["check_flood_points"]

_TABLE = "flood_prone_points"
_FIRST_YEAR, _LAST_YEAR = 1949, 2100


def check_flood_points(tables: Mapping[str, pa.Table], findings: Findings) -> None:
    """Points whose depths, days, link or sensor cannot be as they are said to be."""
    table = tables.get(_TABLE)
    if table is None or not len(table):
        return
    _check_depths(table, findings)
    _check_days(table, findings)
    _check_years(table, findings)
    _check_link(table, tables.get("road_links"), findings)
    _check_sensor(table, tables, findings)


def _column(table: pa.Table, name: str) -> list[Any]:
    return table[name].to_pylist() if name in table.column_names else [None] * len(table)


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.array([np.nan if v is None else float(v) for v in _column(table, name)])


def _check_depths(table: pa.Table, findings: Findings) -> None:
    warning, closure = _numbers(table, "warning_m"), _numbers(table, "closure_m")
    for name, depth in (("warning_m", warning), ("closure_m", closure)):
        mend = "Give metres, or leave it empty for the rule of its kind"
        findings.rows(_TABLE, name, depth <= 0.0, telling("{:g} m is no depth of water", depth), mend)
        findings.rows(_TABLE, name, depth > 5.0, telling("{:g} m is deeper than any street", depth), mend, "warning")
    rules = [depth_rule(str(kind)) for kind in _column(table, "kind")]
    warns = np.where(np.isnan(warning), [rule.warning_m for rule in rules], warning)
    closes = np.where(np.isnan(closure), [rule.closure_m for rule in rules], closure)
    what = telling("is closed from {:g} m but warned from {:g} m", closes, warns)
    findings.rows(_TABLE, "closure_m", closes < warns, what, "Close at the warning depth or deeper")


def _check_days(table: pa.Table, findings: Findings) -> None:
    days = {}
    for name in ("planned_on", "done_on"):
        texts = _column(table, name)
        days[name] = [day_of(text) for text in texts]
        wrong = np.array([bool(t) and d is None for t, d in zip(texts, days[name], strict=True)], dtype=bool)
        findings.rows(_TABLE, name, wrong, telling("{!r} is no day", texts), "Write YYYY-MM-DD")
    status = _column(table, "status")
    ended = np.array([s in {"done", "verified"} for s in status], dtype=bool)
    dated = np.array([d is not None for d in days["done_on"]], dtype=bool)
    empty = np.array([not text for text in _column(table, "done_on")], dtype=bool)
    mend = "Give the day of completion, or the status that holds"
    findings.rows(_TABLE, "done_on", ended & empty, telling("is {} on no day", status), mend)
    begun = np.array([s in {"planned", "in_work"} for s in status], dtype=bool)
    findings.rows(_TABLE, "done_on", begun & dated, telling("is only {} and yet has a day of completion", status), mend)
    undated = begun & np.array([not text for text in _column(table, "planned_on")], dtype=bool)
    what = "has no planned day, so it can never be overdue"
    findings.rows(_TABLE, "planned_on", undated, what, "Give the day by which it is to be done", "warning")


def _check_years(table: pa.Table, findings: Findings) -> None:
    for name in ("listed_year", "baseline_year"):
        year = _numbers(table, name)
        wrong = (year < _FIRST_YEAR) | (year > _LAST_YEAR)
        findings.rows(_TABLE, name, wrong, telling("{:g} is no year", year), "Give a year such as 2023")
    lonely = ~np.isnan(_numbers(table, "baseline_ponding_s")) & np.isnan(_numbers(table, "baseline_year"))
    findings.rows(_TABLE, "baseline_year", lonely, "a baseline of no year", "Say which year it was measured", "warning")


def _check_link(table: pa.Table, links: pa.Table | None, findings: Findings) -> None:
    if links is None or not {"link_id", "underpass"} <= set(links.column_names):
        return
    under = dict(zip(links["link_id"].to_pylist(), links["underpass"].to_pylist(), strict=True))
    rows = zip(_column(table, "kind"), _column(table, "link_id"), strict=True)
    other = np.array([kind == "underpass" and link in under and not under[link] for kind, link in rows], dtype=bool)
    mend = "Mark the link as underpass, or name the link that dips"
    what = telling("the underpass lies on link {}, which is none", _column(table, "link_id"))
    findings.rows(_TABLE, "link_id", other, what, mend, "warning")


def _check_sensor(table: pa.Table, tables: Mapping[str, pa.Table], findings: Findings) -> None:
    named = _column(table, "sensor_id")
    channels, sensors = tables.get("channels"), tables.get("sensors")
    if not any(named) or channels is None or sensors is None:
        return
    measured = set(zip(_column(channels, "sensor_id"), _column(channels, "quantity"), strict=True))
    listed = dict(zip(_column(sensors, "sensor_id"), range(len(sensors)), strict=True))
    kinds = _column(sensors, "kind")
    known = [name for name in named if name in listed]
    deaf = {s for s in known if (s, WATCHING[1]) not in measured or kinds[listed[s]] != WATCHING[0]}
    wrong = np.array([name in deaf for name in named], dtype=bool)
    what = telling("sensor {!r} is no " + WATCHING[0] + " sensor with " + WATCHING[1], named)
    findings.rows(_TABLE, "sensor_id", wrong, what, "Name a street-depth sensor, or leave it empty for the nearest")
    away = _distances(table, sensors, [listed.get(name) for name in named])
    what = telling("sensor {!r} stands {:,.0f} m away", named, away)
    mend = f"Check the place; without a name only sensors within {SENSOR_REACH_M:g} m count"
    findings.rows(_TABLE, "sensor_id", (away > SENSOR_REACH_M) & ~wrong, what, mend, "warning")


def _distances(table: pa.Table, sensors: pa.Table, row: list[int | None]) -> NDArray[np.float64]:
    at = np.array([-1 if k is None else k for k in row], np.int64)
    away = np.asarray(
        distance_m(
            _numbers(table, "lon"), _numbers(table, "lat"), _numbers(sensors, "lon")[at], _numbers(sensors, "lat")[at]
        )
    )
    return np.where(at < 0, np.nan, away)
