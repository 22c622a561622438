"""Water that street sensors and people saw, and the signals it makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from rencheng.assess.facts import Evidence, SignalRaised
from rencheng.assess.frame import CityFrame, Threshold, cell_rows
from rencheng.assess.hazard_model import DepthObservation
from rencheng.assess.model import ReceivedReport, State
from rencheng.assess.rules import WaterRules
from rencheng.assess.signals import at_gauge, graded, signal_cleared, signal_raised
from rencheng.assess.windows import series_window
from rencheng.kernel import Draft, Hazard, derived_id, from_micros, hours, neighbours
from rencheng.science.regular_series import last_values
from rencheng.sense.ports import Readings

__all__ = ["depth_observations", "water_signals"]

_SENSOR = "sensor"
_WATER_HAZARDS = (str(Hazard.WATERLOGGING), str(Hazard.RAINSTORM), str(Hazard.RIVER_FLOOD))


def depth_observations(
    state: State, readings: Readings, frame: CityFrame, rules: WaterRules, now: datetime
) -> tuple[DepthObservation, ...]:
    """Latest depth of every street sensor, then recent reports of water in a cell of the city."""
    return (*_sensed(readings, frame, rules, now), *_reported(state, frame, rules, now))


def _sensed(readings: Readings, frame: CityFrame, rules: WaterRules, now: datetime) -> Iterator[DepthObservation]:
    if "street_depth" not in frame.gauges.kind:
        return
    start = now - hours(rules.reports_within_h)
    depth = series_window(readings, frame.gauges, "water_depth_m", start=start, end=now)
    value, at = last_values(depth.row, depth.at_us, depth.value, count=len(frame.gauges))
    for row in np.flatnonzero(np.isfinite(value) & (frame.gauges.cell_row >= 0)).tolist():
        yield DepthObservation(
            cell_row=int(frame.gauges.cell_row[row]),
            depth_m=float(value[row]),
            at=from_micros(int(at[row])),
            source=_SENSOR,
            sensor_id=frame.gauges.ids[row],
            fact_id=None,
        )


def _reported(state: State, frame: CityFrame, rules: WaterRules, now: datetime) -> Iterator[DepthObservation]:
    recent = _recent(state, rules, now)
    rows = cell_rows(frame.cells.cell, np.array([r.body.cell for r in recent], dtype=np.uint64))
    for report, row in zip(recent, rows.tolist(), strict=True):
        depth = report.body.depth_m
        if row >= 0:
            yield DepthObservation(
                cell_row=row,
                depth_m=rules.assumed_depth_m.get(report.body.category, 0.0) if depth is None else depth,
                at=report.at,
                source=report.body.source,
                sensor_id="",
                fact_id=report.fact_id,
            )


def _recent(state: State, rules: WaterRules, now: datetime) -> list[ReceivedReport]:
    since = now - hours(rules.reports_within_h)
    return [
        r
        for r in state.reports
        if since < r.at <= now
        and (r.body.depth_m is not None or r.body.category in rules.assumed_depth_m)
        and (r.body.hazard in _WATER_HAZARDS or not r.body.hazard)
    ]


def water_signals(
    state: State, frame: CityFrame, rules: WaterRules, depths: Sequence[DepthObservation], now: datetime
) -> Iterator[Draft]:
    """Signals of street sensors by depth and of cells by reports that agree."""
    yield from _sensor_signals(state, frame, rules, depths, now)
    yield from _report_signals(state, rules, now)


def _sensor_signals(
    state: State, frame: CityFrame, rules: WaterRules, depths: Sequence[DepthObservation], now: datetime
) -> Iterator[Draft]:
    latest = {d.sensor_id: d for d in depths if d.source == _SENSOR}
    standing = {s.body.sensor_id: s for s in state.signals.values() if s.body.name == "water_on_street"}
    for sensor in sorted({*latest, *standing}):
        before, seen = standing.get(sensor), latest.get(sensor)
        if seen is None:
            assert before is not None
            if now - before.raised_at >= hours(rules.silent_clear_h):
                yield signal_cleared(before, "the sensor has been silent too long", now=now, actor="rule:water")
            continue
        thresholds: tuple[Threshold, ...] = frame.gauges.thresholds.get((sensor, "water_depth_m"), ())
        limit = rules.depth_sensor_m if before is None else rules.clear_depth_m
        if seen.depth_m < limit:
            if before is not None:
                yield signal_cleared(before, f"depth {seen.depth_m:.2f} m", now=now, actor="rule:water")
            continue
        held = graded(seen.depth_m, thresholds, standing=before, clear_below=0.05)
        colour = "" if held is None else str(held.colour)
        if before is None or before.body.colour != colour:
            evidence = Evidence(
                kind="reading",
                sensor_id=sensor,
                quantity="water_depth_m",
                value=round(seen.depth_m, 3),
                unit="m",
                at=seen.at,
                threshold=rules.depth_sensor_m if held is None else held.value,
            )
            row = frame.gauges.index[sensor]
            body = at_gauge(
                frame.gauges,
                row,
                hazard=Hazard.WATERLOGGING,
                name="water_on_street",
                colour=colour,
                evidence=(evidence,),
            )
            yield signal_raised(body, now=now, actor="rule:water")


def _report_signals(state: State, rules: WaterRules, now: datetime) -> Iterator[Draft]:
    recent = _recent(state, rules, now)
    by_cell: dict[int, list[ReceivedReport]] = {}
    for report in recent:
        by_cell.setdefault(int(report.body.cell), []).append(report)
    agreeing = {c: [r for n in neighbours(c) for r in by_cell.get(n, ())] for c in sorted(by_cell)}
    for cell, reports in agreeing.items():
        signal_id = derived_id("signal", "reported_water", cell)
        enough = len(reports) >= rules.reports_at_least or any(
            r.body.source in rules.trusted_sources for r in by_cell[cell]
        )
        first = max(neighbours(cell), key=lambda n: (len(agreeing.get(n, ())), n)) == cell
        if enough and first and signal_id not in state.signals:
            body = _reported_water(signal_id, by_cell[cell][0], reports)
            yield signal_raised(body, now=now, actor="rule:reports", cause=tuple(r.fact_id for r in reports))
    for standing in state.signals.values():
        if standing.body.name == "reported_water":
            still = any(derived_id("signal", "reported_water", c) == standing.body.signal_id for c in by_cell)
            if not still:
                yield signal_cleared(standing, "no report of water any more", now=now, actor="rule:reports")


def _reported_water(signal_id: str, at: ReceivedReport, reports: Sequence[ReceivedReport]) -> SignalRaised:
    return SignalRaised(
        signal_id=signal_id,
        hazard=str(Hazard.WATERLOGGING),
        name="reported_water",
        colour="",
        sensor_id="",
        lon=at.body.lon,
        lat=at.body.lat,
        in_city=True,
        evidence=tuple(
            Evidence(
                kind="report",
                quantity="water_depth_m",
                value=r.body.depth_m,
                unit="m",
                at=r.at,
                note=f"{r.body.source}: {r.body.category}",
            )
            for r in reports
        ),
    )
