"""How long a whole city's storm takes: ``python -m benchmarks.flood_city [CELLS]``.

A city of 10 km × 10 km in cells of 10 m (CELLS × CELLS, 1000 by default): hills, a street grid between blocks 3 m
high, two hours of a storm with its peak after 50 minutes, and drains in the streets that take what a design storm
brings. Median of three runs where one takes less than twenty seconds.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rencheng.science.design_storm import SHANGHAI_2017, chicago_hyetograph
from rencheng.science.flood import FloodResult, RainSeries, simulate
from rencheng.science.flood.boundary import FreeFall
from rencheng.science.flood.ground_losses import DesignedDrains, GreenAmptSoil, Losses
from rencheng.science.flood.inlets import design_capacity_mm_h

Floats = NDArray[np.float64]
CELL_M = 10.0
STREET_EVERY, INLET_EVERY = 10, 3
GOAL_S, PARTLY_DRY_RATIO = 60.0, 3.0
WET_M = 0.001
SCHEMES: dict[str, dict[str, Any]] = {
    "local inertial, float32": {"scheme": "local_inertial", "dtype": np.float32},
    "local inertial": {"scheme": "local_inertial"},
    "shallow water, order 1, float32": {"order": 1, "dtype": np.float32},
}


class Spent(NamedTuple):
    """Seconds by the clock and of all cores."""

    seconds: float
    cpu_s: float


@dataclass(frozen=True, kw_only=True)
class Town:
    """Ground of the benchmark; arrays of shape (n, n)."""

    bed_m: Floats
    manning: Floats
    street: NDArray[np.bool_]
    yard: NDArray[np.bool_]
    drain_mm_h: Floats


def town(n: int) -> Town:
    """Lay out n × n cells: ground falls 2 m per km to the river, in swells and hollows of 1.5 m."""
    y, x = np.meshgrid(*[(np.arange(n) + 0.5) * CELL_M] * 2, indexing="ij")
    ground = 5.0 + 0.002 * y + 1.5 * np.sin(2 * np.pi * x / 2300.0) * np.sin(2 * np.pi * y / 1700.0)
    row, column = np.meshgrid(np.arange(n) % STREET_EVERY, np.arange(n) % STREET_EVERY, indexing="ij")
    street = (row < 2) | (column < 2)
    court = (row >= 5) & (row <= 6) & (column >= 5) & (column <= 6)
    gap = (row == 4) & (column == 5)  # the gate of the courtyard
    house = (row >= 3) & (row <= 8) & (column >= 3) & (column <= 8) & ~court & ~gap
    house &= ~((row == 3) & (column == 5))
    river = y < 100.0
    street, house = street & ~river, house & ~river
    bed = ground - 0.15 * street + 3.0 * house
    bed[river] = 0.5
    manning = np.where(street, 0.016, np.where(house, 0.02, 0.06))
    inlet = street & ((row == 0) | (column == 0)) & ((np.add(*np.indices((n, n)))) % INLET_EVERY == 0)
    designed = float(
        design_capacity_mm_h(SHANGHAI_2017, return_period_a=3.0, concentration_min=30.0, runoff_ratio=0.65)
    )
    served = float((~river).sum()) / float(inlet.sum())
    return Town(
        bed_m=bed,
        manning=manning,
        street=street,
        yard=~street & ~house & ~river,
        drain_mm_h=inlet * designed * served,
    )


def storm(minutes: int, *, whole: bool) -> RainSeries:
    """Two hours of a 50-year storm, over all of the city or over a twelfth of it."""
    rate = np.append(chicago_hyetograph(SHANGHAI_2017, return_period_a=50.0, duration_min=120) * 60.0, 0.0)
    rate = rate[: minutes + 1]
    field = np.ones((24, 24))
    if not whole:
        field[:] = 0.0
        field[8:15, 8:15] = 1.0
    return RainSeries(times_s=60.0 * np.arange(len(rate), dtype=np.float64), rate_mm_h=rate[:, None, None] * field)


def run(city: Town, minutes: int, *, whole: bool, how: dict[str, Any]) -> tuple[Spent, FloodResult, Losses]:
    """Time of a run, its result and its losses."""
    shape = (city.bed_m.shape[0], city.bed_m.shape[1])
    soil = GreenAmptSoil(
        shape,
        conductivity_mm_h=np.where(city.yard, 3.4, 0.0),  # loam of Rawls et al. (1983)
        suction_mm=88.9,
        deficit_ratio=0.2,
        interval_s=30.0,
    )
    losses = Losses([soil, DesignedDrains(shape, capacity_mm_h=city.drain_mm_h, interval_s=30.0)])
    begin, work = time.perf_counter(), time.process_time()
    result = simulate(
        city.bed_m,
        CELL_M,
        minutes * 60.0,
        rain_mm_h=storm(minutes, whole=whole),
        manning=city.manning,
        infiltration=losses,
        boundary={"south": FreeFall()},
        **how,
    )
    return Spent(time.perf_counter() - begin, time.process_time() - work), result, losses


def dry_share(result: FloodResult) -> float:
    """Share of cells that never held a millimetre."""
    return float((result.peak_depth_m < WET_M).mean())


def row(name: str, spent: Spent, result: FloodResult, losses: Losses) -> str:
    """One line of the table."""
    cells = result.depth_m.size
    soaked, drained = losses.sums_m * CELL_M**2
    stopped = f" (stopped: {result.stopped})" if result.stopped else ""
    return (
        f"| {name}{stopped} | {spent.seconds:.1f} | {spent.cpu_s:.1f} | {result.steps:,} "
        f"| {cells * result.steps / spent.seconds / 1e6:.0f} "
        f"| {100 * dry_share(result):.0f} % | {result.volumes.rain:,.0f} | {drained:,.0f} | {soaked:,.0f} "
        f"| {-result.volumes.edge:,.0f} | {result.volume_error_ratio:.0e} "
        f"| {100 * float((result.peak_depth_m > 0.15).mean()):.1f} % |"
    )


def main() -> None:
    """Print the table."""
    quick = "--quick" in sys.argv[1:]
    n, minutes = (333, 10) if quick else (1000, 120)
    city = town(n)
    small = town(120)
    for how in SCHEMES.values():
        run(small, 1, whole=True, how=how)  # compiles
    print(f"{n * n:,} cells of {CELL_M:.0f} m, {minutes} minutes of a 50-year storm\n")
    print(
        "| run | s | CPU s | steps | M cell-steps/s | dry cells | rain, m³ | drained, m³ | soaked, m³ "
        "| to the river, m³ | volume error | over 0.15 m |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    times: dict[bool, float] = {}
    fast = next(iter(SCHEMES))
    for name, how in SCHEMES.items():
        spent, result, losses = run(city, minutes, whole=True, how=how)
        times.setdefault(True, spent.cpu_s / result.steps)
        print(row(name, spent, result, losses), flush=True)
    spent, result, losses = run(city, minutes, whole=False, how=SCHEMES[fast])
    times[False] = spent.cpu_s / result.steps
    print(row(f"{fast}, storm over a twelfth", spent, result, losses), flush=True)
    ratio = times[True] / times[False]
    print(
        f"\nGoal: {GOAL_S:.0f} s. A step of the city that is mostly dry takes 1/{ratio:.1f} of the work of a wet one's"
    )
    print(f"(goal 1/{PARTLY_DRY_RATIO:.0f}).")


if __name__ == "__main__":
    main()
