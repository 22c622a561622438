"""From raw SCADA to the hourly blocks that drive a leak model: means, area balances, phase of the demand week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rencheng.adapters.epanet.leak_model import Boundary, LeakModel
from rencheng.adapters.epanet.scada import ScadaTable
from rencheng.kernel import InvalidInput

__all__ = ["HOUR_US", "Blocks", "blocks_from_scada", "drive_model"]

Floats = NDArray[np.float64]

HOUR_US = 3_600_000_000
COVERAGE = 0.5  # a block counts where half its readings are there
SWITCHING = (0.08, 0.92)  # a pump between these shares of its usual flow switched within the block


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Hourly means, H blocks: ``start_us`` (H,), and one column a sensor; NaN where too little was read."""

    start_us: NDArray[np.int64]
    pressure_m: Floats
    flow_m3_h: Floats
    level_m: Floats
    level_change_m: Floats
    meter_m3_h: Floats

    def take(self, rows: NDArray[np.int64]) -> Self:
        """The blocks asked for."""
        return type(self)(**{name: getattr(self, name)[rows] for name in self.__slots__})


def blocks_from_scada(tables: dict[str, ScadaTable], model: LeakModel) -> Blocks:
    """Hourly means of the sensors that the model knows, in m and m³/h."""
    first = min(int(table.at_us[0]) for table in tables.values()) // HOUR_US
    last = max(int(table.at_us[-1]) for table in tables.values()) // HOUR_US
    n = last - first + 1
    start = (first + np.arange(n)) * HOUR_US

    def mean(kind: str, ids: Sequence[str]) -> Floats:
        return _means(tables.get(kind), ids, first, n)

    flow = mean("flows", model.flow_ids)
    flow *= _flow_unit(flow, model)
    meter = mean("demands", model.meters)
    meter *= _unit(float(np.nansum(np.nanmean(meter, axis=0))) if meter.size else 0.0, model.nominal_metered_m3_h)
    return Blocks(
        start_us=start,
        pressure_m=mean("pressures", model.pressures),
        flow_m3_h=flow,
        level_m=_above_bottom(mean("levels", model.levels), model),
        level_change_m=_changes(tables.get("levels"), model.levels, first, n),
        meter_m3_h=meter,
    )


def _unit(total: float, nominal: float) -> float:
    """Factor to m³/h of consumer meters in L/h (the published layout), m³/h or L/s, by the nearest order of size."""
    if total <= 0 or nominal <= 0:
        return 1e-3
    return min((1e-3, 1.0, 3.6), key=lambda factor: abs(np.log(total * factor / nominal)))


def _flow_unit(flow: Floats, model: LeakModel) -> float:
    """Factor to m³/h of flow meters in m³/h, L/s, m³/s or L/h: another unit than m³/h only where it fits much better.

    What the meters let into the network is compared with what its consumers nominally take.
    """
    inside = model.flow_areas >= 0
    source = np.flatnonzero(inside.sum(axis=1) == 1)
    sign = np.where(inside[source, 1], 1.0, -1.0)
    read = flow[:, source]
    if not source.size or np.isnan(read).all(axis=0).any() or model.nominal_demand_m3_h <= 0:
        return 1.0
    total = float((np.nanmean(read, axis=0) * sign).sum())
    if total <= 0:
        return 1.0
    off = {factor: abs(np.log(total * factor / model.nominal_demand_m3_h)) for factor in (1.0, 3.6, 3600.0, 1e-3)}
    best = min(off, key=lambda factor: off[factor])
    return best if off[1.0] > np.log(2.0) and off[best] < 0.5 * off[1.0] else 1.0


def _above_bottom(level: Floats, model: LeakModel) -> Floats:
    """Levels above each tank's bottom; those that stand above its top are heads above the datum."""
    out = level.copy()
    for column, (bottom, top) in enumerate(zip(model.tank_bottom_m, model.tank_top_m, strict=True)):
        given = level[~np.isnan(level[:, column]), column]
        if len(given) and np.median(given) > top + 0.5 and 0 <= np.median(given) - bottom <= top + 0.5:
            out[:, column] -= bottom
    return out


def _step_us(table: ScadaTable) -> int:
    return int(np.median(np.diff(table.at_us))) if len(table.at_us) > 1 else HOUR_US


def _means(table: ScadaTable | None, ids: Sequence[str], first: int, n: int) -> Floats:
    out = np.full((n, len(ids)), np.nan)
    if table is None:
        return out
    need = max(1.0, COVERAGE * HOUR_US / max(_step_us(table), 1))
    block = table.at_us // HOUR_US - first
    for column, name in enumerate(ids):
        if name not in table.ids:
            continue
        values = table.values[:, table.ids.index(name)]
        given = ~np.isnan(values)
        count = np.bincount(block[given], minlength=n)
        total = np.bincount(block[given], weights=values[given], minlength=n)
        np.divide(total, count, out=out[:, column], where=count >= need)
    return out


def _changes(table: ScadaTable | None, ids: Sequence[str], first: int, n: int) -> Floats:
    """Rise of each level over each block, from the readings nearest its edges."""
    out = np.full((n, len(ids)), np.nan)
    if table is None:
        return out
    edges = (first + np.arange(n + 1)) * HOUR_US
    for column, name in enumerate(ids):
        if name in table.ids:
            values = table.values[:, table.ids.index(name)]
            given = ~np.isnan(values)
            at, values = table.at_us[given], values[given]
            if len(at) < 2:
                continue
            level = np.interp(edges, at, values)
            near = np.minimum(np.searchsorted(at, edges), len(at) - 1)
            gap = np.abs(at[near] - edges)
            level[gap > HOUR_US // 2] = np.nan
            out[:, column] = np.diff(level)
    return out


def drive_model(model: LeakModel, blocks: Blocks) -> Boundary:
    """Area balances and nominal demands of every block.

    Raises
    ------
    InvalidInput
        When no area of the network has a known inflow.
    """
    n = len(blocks.start_us)
    pump = _settled_pumps(blocks.flow_m3_h[:, [model.flow_ids.index(name) for name in model.pumps]])
    meter = _filled(blocks.meter_m3_h)
    inflow = np.zeros((n, model.n_areas))
    for column, (from_area, to_area) in enumerate(model.flow_areas):
        if to_area >= 0:
            inflow[:, to_area] += blocks.flow_m3_h[:, column]
        if from_area >= 0:
            inflow[:, from_area] -= blocks.flow_m3_h[:, column]
    for column, area in enumerate(model.tank_area):
        if area >= 0:
            inflow[:, area] -= blocks.level_change_m[:, column] * model.tank_area_m2[column]
    inflow[:, model.open_area] = np.nan
    rest = inflow.copy()
    for column, area in enumerate(model.meter_area):
        rest[:, area] -= meter[:, column]
    if np.isnan(rest).all():
        raise InvalidInput(
            "no area has a known inflow", where="Flows", mend="Give the flow meters at the sources of the network"
        )
    kinds = _week_phase(model, blocks.start_us, rest)
    nominal = _nominal(model, kinds, metered=False)
    metered = _nominal(model, kinds, metered=True)
    for area in np.flatnonzero(model.metered_area):
        sums = meter[:, model.meter_area == area].sum(axis=1)
        ratio = np.nanmean(sums) / max(float(metered[:, area].mean()), 1e-9)
        nominal[:, area] *= ratio if np.isfinite(ratio) else 1.0
    heads = _filled(blocks.level_m) + model.tank_bottom_m
    return Boundary(
        rest_m3_h=rest,
        nominal_m3_h=nominal,
        kind_multiplier=kinds,
        meter_m3_h=np.nan_to_num(meter),
        pump_m3_h=pump,
        tank_head_m=heads,
    )


def _settled_pumps(flow: Floats) -> Floats:
    """Pump flows, NaN in blocks where a pump switched: the mean of two states is no state."""
    out = flow.copy()
    for column in range(flow.shape[1]):
        usual = np.nanpercentile(flow[:, column], 98)
        share = flow[:, column] / usual if usual > 0 else np.zeros(len(flow))
        out[(share > SWITCHING[0]) & (share < SWITCHING[1]), column] = np.nan
    return out


def _filled(values: Floats) -> Floats:
    """Short gaps (up to six blocks) take the last value; meters that never speak are zero."""
    out = values.copy()
    for column in range(out.shape[1]):
        row = out[:, column]
        given = np.where(~np.isnan(row), np.arange(len(row)), -1)
        last = np.maximum.accumulate(given)
        near = (last >= 0) & (np.arange(len(row)) - last <= 6)
        row[near] = row[last[near]]
    return out


def _kinds_at(model: LeakModel, start_us: NDArray[np.int64], shift_h: int) -> Floats:
    """Mean of each demand pattern in each block, the week beginning on Monday 00:00 plus ``shift_h``."""
    monday_us = 4 * 24 * HOUR_US  # 1970-01-05 was a Monday
    offset = (start_us - monday_us) // HOUR_US + shift_h
    step_h = model.kind_step_s / 3600
    out = np.ones((len(start_us), len(model.kind_values)))
    for column, values in enumerate(model.kind_values):
        if len(values) > 1:
            fine = np.arange(0, 1, min(1.0, step_h))
            at = ((offset[:, None] + fine) / step_h).astype(np.int64) % len(values)
            out[:, column] = values[at].mean(axis=1)
    return out


def _nominal(model: LeakModel, kinds: Floats, *, metered: bool) -> Floats:
    base = np.zeros((model.n_areas, kinds.shape[1]))
    for consumer in model.consumers:
        if consumer.metered == metered:
            for kind, value in zip(consumer.kinds, consumer.bases, strict=True):
                base[consumer.area, kind] += value
    return kinds @ base.T


def _week_phase(model: LeakModel, start_us: NDArray[np.int64], rest: Floats) -> Floats:
    """The demand patterns in the one of seven phases that fits the largest area's first four weeks best."""
    area = int(np.nanargmax(np.nan_to_num(np.nanmean(rest, axis=0), nan=-np.inf)))
    row = rest[: 28 * 24, area]
    good = ~np.isnan(row)
    best, chosen = -np.inf, 0
    for days in range(7):
        nominal = _nominal(model, _kinds_at(model, start_us[: 28 * 24], 24 * days), metered=False)[:, area]
        if good.sum() > 48 and nominal[good].std() > 0:
            fit = float(np.corrcoef(nominal[good], row[good])[0, 1])
            if fit > best + 1e-6:
                best, chosen = fit, 24 * days
    return _kinds_at(model, start_us, chosen)
