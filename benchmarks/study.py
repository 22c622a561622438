"""How many storms a study computes, and how surely it knows the expected loss after eight minutes.

The sandbox city of 10,000 residents, storms as in the handbook's study, on two processes. A run of the flood engine
with the same equations on the same raster stands beside as the peer. Multilevel Monte Carlo with control variates: a
pilot tells what each raster counts for, its variance and its processor time; curves of the figure over rain, whose
mean a million years give for nothing, are the coarsest level; of all choices of rasters the one that needs least time
is taken, Giles' rule tells how many storms of each fill the minutes, and they are run.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.drains import drain_sinks, tank_exchange
from rencheng.city import read_city
from rencheng.city.sandbox import make_city
from rencheng.rehearse.study import Study, study_from_plain
from rencheng.rehearse.study_storms import (
    ManyStorms,
    StormDraw,
    draw_many,
    draw_storms,
    greatest_hour_mm,
    stratum_weights,
)
from rencheng.rehearse.study_world import StudyWorld
from rencheng.science.flood import RainSeries, simulate
from rencheng.science.loss_surrogate import fit_loss_curve
from rencheng.science.multilevel import control_ratio, level_counts, multilevel_estimate, stratified_variance
from rencheng.science.storm_batch import LANES, run_storms

F64 = NDArray[np.float64]

RASTERS = (400, 1500, 5000)
PROCESSES = 2
MEASURE = "roofs"
PLAIN = {
    "name": "benchmark",
    "title": {"zh": "基准", "en": "Benchmark"},
    "storms": {
        "formula": "shanghai_2017",
        "per_stratum": 16,
        "return_periods_a": [2, 5, 10, 20, 50, 100],
        "durations_min": [60, 120, 180],
    },
    "raster_cells": RASTERS[-1],
    "measures": [
        {
            "id": MEASURE,
            "kind": "green_roof",
            "title": {"zh": "绿色屋顶", "en": "Green roofs"},
            "capital_cny": 1.8e7,
            "share": 0.3,
            "retention_mm": 25,
        }
    ],
}

_worlds: dict[int, StudyWorld] = {}


def begin(city: Path) -> None:
    """Lay the city out on every raster, and compile, before anything is timed."""
    study = study_from_plain(PLAIN)
    package = read_city(city)
    for cells in RASTERS:
        _worlds[cells] = StudyWorld(package, study, raster_cells=cells)
        _worlds[cells].run(draw_storms(study, 1)[0])


def job(task: tuple[int, str, Sequence[StormDraw]]) -> tuple[F64, float]:
    """Losses of some storms on a raster, and the processor time they took."""
    cells, measure, storms = task
    begun = time.process_time()
    runs = _worlds[cells].run_many(storms, measure)
    return np.array([r.loss_cny for r in runs]), time.process_time() - begun


def by_chunks(pool: Any, cells: int, measure: str, storms: list[StormDraw]) -> tuple[F64, float]:
    """Losses of many storms in their order, and the processor time."""
    order = sorted(range(len(storms)), key=lambda i: (storms[i].duration_min, i))
    chunks = [order[i : i + LANES] for i in range(0, len(order), LANES)]
    done = pool.map(job, [(cells, measure, [storms[i] for i in rows]) for rows in chunks], chunksize=1)
    loss = np.zeros(len(storms))
    for rows, (found, _) in zip(chunks, done, strict=True):
        loss[rows] = found
    return loss, sum(spent for _, spent in done)


def engine_run(world: StudyWorld, storm: StormDraw) -> tuple[NDArray[np.float32], float]:
    """Peak depths by the flood engine, and the processor time."""
    domain, rate = world.domain, world.rain.hyetograph_mm_h(storm)
    begun = time.process_time()
    result = simulate(
        domain.bed_m,
        domain.grid.cell_m,
        (storm.duration_min + world.study.after_min) * 60.0,
        rain_mm_h=RainSeries(
            times_s=np.arange(len(rate) + 1, dtype=np.float64) * 300.0, rate_mm_h=np.append(rate, 0.0)
        ),
        manning=domain.manning,
        boundary="open",
        infiltration=drain_sinks(domain),
        exchanges=(tank_exchange(domain),),
        active=domain.active,
        scheme="local_inertial",
        threads=1,
    )
    return np.nan_to_num(np.asarray(result.peak_depth_m)), time.process_time() - begun


def pace(pool: Any, study: Study) -> None:
    """Runs a second by raster, and the flood engine beside."""
    print("| raster | open cells | cell, m | runs a second of a core | two processes, runs a minute | flood engine |")
    print("|---|---:|---:|---:|---:|---:|")
    storms = draw_storms(study, 1)
    for cells in RASTERS:
        world = _worlds[cells]
        begun = time.perf_counter()
        _, spent = by_chunks(pool, cells, "none", storms)
        wall = time.perf_counter() - begun
        peer = min(engine_run(world, s)[1] for s in storms[20:23])
        print(
            f"| `raster_cells: {cells}` | {int(world.domain.active.sum()):,} | {world.domain.grid.cell_m:.0f} "
            f"| {len(storms) / spent:.0f} | {60.0 * len(storms) / wall:,.0f} | {1.0 / peer:.1f} a second of a core |"
        )


def agreement(study: Study) -> None:
    """How far peaks of the batch and of the flood engine lie apart."""
    world, storms = _worlds[RASTERS[-1]], draw_storms(study, 1)[::12]
    out = run_storms(world.ground("none"), world.rain.batch(storms, 1.0))
    active = world.domain.active
    apart = np.concatenate(
        [np.abs(engine_run(world, s)[0] - out.peak_depth_m[k])[active] for k, s in enumerate(storms)]
    )
    print(
        f"\nPeaks of {len(storms)} storms at {RASTERS[-1]} cells against the flood engine's: median difference "
        f"{1000 * np.median(apart):.2f} mm, 95 % {1000 * np.quantile(apart, 0.95):.1f} mm; water lost or gained "
        f"{np.abs(out.volume_error_ratio).max():.0e} of the rain.\n"
    )


def hours_of(study: Study, storms: list[StormDraw]) -> tuple[F64, NDArray[np.int64]]:
    """Greatest rain of an hour and duration of storms."""
    many = ManyStorms(
        stratum=np.array([s.stratum for s in storms]),
        return_period_a=np.array([s.return_period_a for s in storms]),
        duration_min=np.array([s.duration_min for s in storms]),
        peak_ratio=np.array([s.peak_ratio for s in storms]),
    )
    return greatest_hour_mm(study.formula, many), many.duration_min


class RainCurve:
    """Figure over rain, a curve for each duration, fitted to a pilot: the coarsest level, which costs nothing."""

    def __init__(self, study: Study, pilot: list[StormDraw], figures: F64) -> None:
        hour, minutes = hours_of(study, pilot)
        self._study, self._curves = study, {}
        self.left_out = np.zeros(len(pilot))
        for duration in np.unique(minutes).tolist():
            rows = minutes == duration
            self._curves[duration] = fit_loss_curve(hour[rows], figures[rows])
            self.left_out[rows] = self._curves[duration].left_out

    def __call__(self, hour: F64, minutes: NDArray[np.int64]) -> F64:
        """Values at rains and durations."""
        out = np.zeros(len(hour))
        for duration, curve in self._curves.items():
            out[minutes == duration] = curve(hour[minutes == duration])
        return out

    def expected(self) -> tuple[float, float]:
        """Expected annual value and its standard error, from a million years."""
        many = draw_many(self._study, 1_000_000, np.random.default_rng(9))
        value = np.where(many.stratum >= 0, self(greatest_hour_mm(self._study.formula, many), many.duration_min), 0.0)
        return float(value.mean()), float(value.std() / np.sqrt(len(value)))


class Plan:
    """Levels of a figure by a pilot: what each coarser one counts for, variance and price of a storm on each."""

    def __init__(
        self, study: Study, pilot: list[StormDraw], held: dict[int, tuple[F64, float]], rasters: tuple[int, ...]
    ) -> None:
        weight, row = stratum_weights(study.storms), np.array([s.stratum for s in pilot])
        self.rasters = rasters
        self.curve = RainCurve(study, pilot, held[rasters[0]][0])
        self.ratio = [1.0, *(control_ratio(held[c][0], held[b][0], row, weight) for b, c in pairwise(rasters))]
        self.scale = np.cumprod([1.0, *self.ratio[:0:-1]])[::-1]
        terms = [self.curve.left_out]
        terms += [held[c][0] - r * held[b][0] for (b, c), r in zip(pairwise(rasters), self.ratio[1:], strict=True)]
        self.variance = np.array(
            [
                len(weight) * f**2 * stratified_variance(t, row, weight).sum()
                for f, t in zip(self.scale, terms, strict=True)
            ]
        )
        spent = [held[c][1] + (held[rasters[k - 1]][1] if k else 0.0) for k, c in enumerate(rasters)]
        self.price = np.array(spent) / len(pilot)

    @property
    def effort(self) -> float:
        """Processor time times squared standard error: what makes one plan better than another."""
        return float(np.sqrt(self.variance * self.price).sum()) ** 2


def multilevel(pool: Any, study: Study, minutes: float) -> None:
    """Fill the minutes with storms by the best plan, and with storms on the finest raster alone."""
    weight, pilot = stratum_weights(study.storms), draw_storms(study, 2)
    row, strata = np.array([s.stratum for s in pilot]), len(weight)
    budget = minutes * 60.0 * PROCESSES * 0.9
    for name, measure in (("loss, nothing done", ""), ("loss avoided by green roofs", MEASURE)):
        held = {cells: figure(pool, cells, measure, pilot) for cells in RASTERS}
        chosen = [(*c, RASTERS[-1]) for n in range(len(RASTERS)) for c in combinations(RASTERS[:-1], n)]
        plan = min((Plan(study, pilot, held, rasters) for rasters in chosen), key=lambda p: p.effort)
        counts = np.maximum(level_counts(plan.variance, plan.price, budget=budget) / strata, 2).astype(int)
        begun, found, scenarios = time.perf_counter(), [], 0
        for k, cells in enumerate(plan.rasters):
            storms = draw_storms(study, 3, per_stratum=int(counts[k]), stream=41 + k)
            fine, _ = figure(pool, cells, measure, storms)
            coarse = (
                figure(pool, plan.rasters[k - 1], measure, storms)[0] if k else plan.curve(*hours_of(study, storms))
            )
            term = plan.scale[k] * (fine - plan.ratio[k] * coarse)
            found.append((term, np.array([s.stratum for s in storms])))
            scenarios += len(storms) * (2 if k else 1) * (2 if measure else 1)
        spent = time.perf_counter() - begun
        told, (base, base_error) = multilevel_estimate(found, weight), plan.curve.expected()
        mean = told.mean + plan.scale[0] * base
        error = float(np.hypot(told.standard_error, plan.scale[0] * base_error))
        price = held[RASTERS[-1]][1] / len(pilot)
        variance = strata * stratified_variance(held[RASTERS[-1]][0], row, weight).sum()
        plain = float(np.sqrt(variance / (budget / price)))
        levels = ", ".join(f"{strata * n:,} at {c:,}" for c, n in zip(plan.rasters, counts.tolist(), strict=True))
        print(
            f"| {name} | {mean / 1e6:.4f} | {error / 1e6:.5f} | {error / mean:.2%} | {levels} | {scenarios:,} "
            f"| {spent / 60:.1f} | {int(budget / price):,} | {plain / 1e6:.5f} | {(plain / error) ** 2:.1f} |",
            flush=True,
        )


def figure(pool: Any, cells: int, measure: str, storms: list[StormDraw]) -> tuple[F64, float]:
    """Loss of each storm with nothing done, or what the measure avoids, and the processor time."""
    loss, spent = by_chunks(pool, cells, "none", storms)
    if not measure:
        return loss, spent
    with_it, more = by_chunks(pool, cells, measure, storms)
    return loss - with_it, spent + more


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=8.0, help="minutes to fill, for each of two figures")
    parser.add_argument("--city", type=Path, help="sandbox city of 10,000 residents, else it is grown")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        city = given.city or Path(folder) / "city"
        if given.city is None:
            make_city(10_000, 7, city)
        study = study_from_plain(PLAIN)
        begin(city)
        context = multiprocessing.get_context("spawn")
        with context.Pool(PROCESSES, initializer=begin, initargs=(city,)) as pool:
            pool.map(job, [(c, m, draw_storms(study, 1)[:1]) for c in RASTERS for m in ("none", MEASURE)] * PROCESSES)
            pace(pool, study)
            agreement(study)
            print(f"Two processes for about {given.minutes:g} minutes a row; millions of CNY a year:\n")
            print(
                "| figure | estimate | standard error | relative | storms by raster, coarsest first | runs | minutes "
                f"| plain: runs at {RASTERS[-1]} in that time | its standard error | times the runs it would need |"
            )
            print("|---|---:|---:|---:|---|---:|---:|---:|---:|---:|")
            multilevel(pool, study, given.minutes)


if __name__ == "__main__":
    main()
