"""Leaks of a water network from its EPANET model and a folder of SCADA files, written as a table."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rencheng.adapters.epanet.leak_drive import HOUR_US, Blocks, blocks_from_scada, drive_model
from rencheng.adapters.epanet.leak_model import Boundary, LeakModel
from rencheng.adapters.epanet.scada import read_scada
from rencheng.app.leak_filter import FoundLeak, LeakFilter, Sizes
from rencheng.app.leak_places import Places
from rencheng.app.leak_states import Doubts, LinearModel, linear_model
from rencheng.app.leak_watch import RENEW_D, WINDOWS_D, LeakWatch, Renewal
from rencheng.kernel import InvalidInput
from rencheng.science.detection.night_flow import daily_constant_flow, daily_excess, day_to_day_variance
from rencheng.science.detection.pipe_distance import pipe_distances

__all__ = ["COLUMNS", "REFERENCE_D", "LeakRow", "detect_leaks", "leaks_of_network", "write_leaks"]

Floats = NDArray[np.float64]

REFERENCE_D = 7  # days that teach the model how it is wrong here
CENTRE_M = 200.0  # the pipe is chosen for what lies this near, so that its neighbourhood is not met at its rim
NEAR_M = 300.0  # a crew searches so far from the pipe it is sent to
LEAST_VAR = 0.2**2
INFLOW_DOUBT, METER_DOUBT = 0.05, 0.02  # of an area's constant flow: by nominal demands, and by consumer meters
DAY_H = 24
COLUMNS = ("start_time", "pipe", "confidence", "detected_at", "end_time", "flow_m3_h", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakRow:
    """One line of the result; times are those of the SCADA files, without a zone."""

    start_time: datetime
    pipe: str
    confidence: float
    detected_at: datetime
    end_time: datetime | None
    flow_m3_h: float
    status: str


def detect_leaks(
    network: Path,
    scada: Path,
    out: Path,
    *,
    tell: Callable[[float, str], None] = lambda _share, _text: None,
) -> str:
    """Find leaks and write ``out``; gives a line that sums up.

    Raises
    ------
    InvalidInput, MissingData
        When the network or a table cannot be used.
    """
    rows = leaks_of_network(network, scada, tell=tell)
    write_leaks(out, rows)
    new = sum(row.status != "carried" for row in rows)
    running = sum(row.end_time is None for row in rows if row.status != "carried")
    return f"{new} leaks found, {running} still running; {out}"


def leaks_of_network(
    network: Path,
    scada: Path,
    *,
    tell: Callable[[float, str], None] = lambda _share, _text: None,
    say: Callable[[str], None] = lambda _text: None,
) -> list[LeakRow]:
    """The rows of the result in order of time."""
    from threadpoolctl import threadpool_limits

    tell(0.0, "reading")
    tables = read_scada(scada)
    with tempfile.TemporaryDirectory() as scratch:
        names = _names(network, {kind: table.ids for kind, table in tables.items()})
        with LeakModel(network, **names, scratch=Path(scratch)) as model:
            blocks = blocks_from_scada(tables, model)
            # matrices of eighty rows: a second thread only waits for the first, and on a busy machine for very long
            with threadpool_limits(1, "blas"):
                watch = _watched(model, blocks, tell, say)
            return _rows(watch.found, model, blocks)


def _names(network: Path, ids: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Sensors that the network knows; the rest cannot be used.

    Raises
    ------
    InvalidInput
        When no pressure sensor or no flow meter is left.
    """
    known = LeakModel.known_ids(network)
    nodes = [name for name in ids["pressures"] if name in known["junctions"]]
    flows = [name for name in ids["flows"] if name in known["links"]]
    for kind, found in (("pressure sensor", nodes), ("flow meter", flows)):
        if not found:
            raise InvalidInput(
                f"no {kind} of the files is in the network",
                where=str(network),
                mend="Name columns by its node and link ids",
            )
    return {
        "pressures": nodes,
        "flows": flows,
        "levels": [name for name in ids.get("levels", ()) if name in known["tanks"]],
        "meters": [name for name in ids.get("demands", ()) if name in known["junctions"]],
    }


def _watched(
    model: LeakModel, blocks: Blocks, tell: Callable[[float, str], None], say: Callable[[str], None]
) -> LeakWatch:
    skip = int(-(blocks.start_us[0] // HOUR_US) % DAY_H)
    days = (len(blocks.start_us) - skip) // DAY_H
    if days <= REFERENCE_D:
        raise InvalidInput(
            f"{days} whole days are there",
            where="SCADA",
            mend=f"Give more than {REFERENCE_D} days: these teach the model",
        )
    drive = drive_model(model, blocks)
    cut = np.arange(skip, skip + days * DAY_H)
    blocks, drive = blocks.take(cut), drive.take(cut)
    ahead = REFERENCE_D + RENEW_D + 2
    tell(0.02, "linearising")
    linear, doubts = linear_model(
        model, drive, blocks, slice(0, DAY_H * min(days, ahead)), (), None, DAY_H * REFERENCE_D
    )
    kept = _filter(model, drive, linear, doubts, days)
    watch = LeakWatch(kept, renew=_renewal(model, drive, blocks, linear, doubts, days), say=say)
    watch.begin(range(REFERENCE_D))
    for day in range(REFERENCE_D, days):
        watch.day(day)
        tell(0.05 + 0.95 * day / days, f"day {day} of {days}, {len(watch.found)} leaks")
    return watch


def _renewal(
    model: LeakModel, drive: Boundary, blocks: Blocks, linear: LinearModel, doubts: Doubts, days: int
) -> Renewal:
    solved = linear.solved

    def renew(day: int, leaks: Sizes, ran: Callable[[int], Sizes]) -> LinearModel:
        nonlocal solved
        first = max(0, day - WINDOWS_D[-1] - 2)
        hours = slice(DAY_H * first, DAY_H * min(days, day + RENEW_D + 2))
        fresh = linear_model(model, drive, blocks, hours, leaks, doubts, DAY_H * day, ran, solved=solved)[0]
        solved = fresh.solved
        return fresh

    return renew


def _filter(model: LeakModel, drive: Boundary, linear: LinearModel, doubts: Doubts, days: int) -> LeakFilter:
    balance = np.full((days, model.n_areas), np.nan)
    var, doubt = np.full(model.n_areas, LEAST_VAR), np.ones(model.n_areas)
    for area in np.flatnonzero(~model.open_area):
        rest = drive.rest_m3_h[:, area].reshape(days, DAY_H)
        nominal = drive.nominal_m3_h[:, area].reshape(days, DAY_H)
        if model.metered_area[area]:
            balance[:, area] = daily_excess(rest, nominal)
            meters = drive.meter_m3_h[:, model.meter_area == area].sum(axis=1)
            doubt[area] = METER_DOUBT * float(np.nanmean(meters)) + 0.1
        else:
            balance[:, area] = daily_constant_flow(rest, nominal)
            doubt[area] = INFLOW_DOUBT * float(np.nanmean(rest)) + 0.1
        var[area] = 2 * day_to_day_variance(balance[: 2 * REFERENCE_D, area], LEAST_VAR)
    return LeakFilter(
        linear,
        _places(model),
        balance=balance,
        balance_var=var,
        balance_doubt=doubt,
        n_doubts=len(doubts.mix),
        n_pressures=len(model.pressures),
    )


def _places(model: LeakModel) -> Places:
    n_nodes = int(model.link_ends.max()) + 1
    far = pipe_distances(model.link_ends, model.link_length_m, n_nodes)
    between = far[np.ix_(model.pipe_links, model.pipe_links)]
    return Places(
        near=between <= NEAR_M,
        nearer=between <= CENTRE_M,
        pipe_nodes=model.pipe_ends,
        pipe_weight=model.pipe_length_m,
    )


def _rows(found: list[FoundLeak], model: LeakModel, blocks: Blocks) -> list[LeakRow]:
    zero = int(-(-blocks.start_us[0] // (DAY_H * HOUR_US)) * DAY_H * HOUR_US)

    def at(hour: int) -> datetime:
        return datetime.fromtimestamp(zero / 1e6 + 3600 * hour, UTC).replace(tzinfo=None)

    last = at(len(blocks.start_us))
    rows = []
    for leak in found:
        told = at(DAY_H * (leak.told_day + 1))
        ended = leak.ended_day if leak.moved_day is None else leak.moved_day + 1
        end = None if ended is None else at(DAY_H * ended)
        # the hour by which it surely began is over; of a leak that ran before the files begin, the first hour is
        start = at(leak.sure_h + 1)
        row = LeakRow(
            start_time=start,
            pipe=model.pipes[leak.pipe],
            confidence=leak.confidence,
            detected_at=told,
            end_time=end,
            flow_m3_h=leak.peak_m3_h,
            status="moved" if leak.moved_day is not None else "present" if leak.carried else "new",
        )
        rows.append(row)
        until = end or last
        for year in range(start.year + 1, until.year + 1):
            begin = datetime(year, 1, 1, 0, 5)  # noqa: DTZ001 - SCADA files carry no zone
            if start < begin < until:
                rows.append(_carried(row, begin))
    return sorted(rows, key=lambda row: (row.start_time, row.pipe))


def _carried(row: LeakRow, begin: datetime) -> LeakRow:
    """A leak that nobody mended, put on the new year's list."""
    return LeakRow(
        start_time=begin,
        pipe=row.pipe,
        confidence=row.confidence,
        detected_at=max(row.detected_at, begin),
        end_time=row.end_time,
        flow_m3_h=row.flow_m3_h,
        status="carried",
    )


def write_leaks(out: Path, rows: list[LeakRow]) -> None:
    """Write the table; the first three columns are start time, pipe and confidence."""
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow(
                [
                    f"{row.start_time:%Y-%m-%d %H:%M}",
                    row.pipe,
                    f"{row.confidence:.2f}",
                    f"{row.detected_at:%Y-%m-%d %H:%M}",
                    "" if row.end_time is None else f"{row.end_time:%Y-%m-%d %H:%M}",
                    f"{row.flow_m3_h:.1f}",
                    row.status,
                ]
            )
