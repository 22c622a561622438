"""Checks of the register of devices: days that are none, periods that cannot be, gateways that speak through none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from rencheng.city.defects import Findings, telling
from rencheng.city.flood_points import day_of

__all__ = ["check_devices"]

_TABLE = "devices"
_STANDING = frozenset({"installed", "in_service", "maintenance", "faulty"})


def check_devices(tables: Mapping[str, pa.Table], findings: Findings) -> None:
    """Devices whose days, periods, state or gateway cannot be as they are said to be."""
    table = tables.get(_TABLE)
    if table is None or not len(table):
        return
    for name in ("installed_on", "calibrated_on", "battery_on"):
        texts = _column(table, name)
        wrong = np.array([bool(text) and day_of(text) is None for text in texts], dtype=bool)
        findings.rows(_TABLE, name, wrong, telling("{!r} is no day", texts), "Write YYYY-MM-DD")
    for name in ("design_life_months", "calibration_months", "battery_months"):
        months = _column(table, name)
        wrong = np.array([m is not None and not 0 < m <= 1200 for m in months], dtype=bool)
        mend = "Give 1 to 1200 months, or leave it empty where nothing falls due"
        findings.rows(_TABLE, name, wrong, telling("{} is no number of months", months), mend)
    _check_state(table, findings)
    _check_gateways(table, findings)


def _column(table: pa.Table, name: str) -> list[Any]:
    return table[name].to_pylist() if name in table.column_names else [None] * len(table)


def _check_state(table: pa.Table, findings: Findings) -> None:
    states, days = _column(table, "state"), _column(table, "installed_on")
    pairs = list(zip(states, days, strict=True))
    early = np.array([state == "planned" and bool(day) for state, day in pairs], dtype=bool)
    findings.rows(_TABLE, "installed_on", early, "is only planned and yet installed on a day", "Say which holds")
    lives = _column(table, "design_life_months")
    rows = zip(pairs, lives, strict=True)
    undated = np.array([s in _STANDING and not d and m is not None for (s, d), m in rows], dtype=bool)
    what = "has a design life but no day of installation, so its end is unknown"
    findings.rows(_TABLE, "installed_on", undated, what, "Give the day of installation", "warning")


def _check_gateways(table: pa.Table, findings: Findings) -> None:
    own, through = _column(table, "device_id"), _column(table, "gateway_id")
    itself = np.array([bool(g) and g == d for d, g in zip(own, through, strict=True)], dtype=bool)
    findings.rows(_TABLE, "gateway_id", itself, "speaks through itself", "Leave it empty")
