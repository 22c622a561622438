"""How fast the flood engine is, beside landlab and itzi on the same raster: ``python -m benchmarks.flood_rain500``.

``rain500``: an hour of 50 mm/h on 500 × 500 cells of 2 m with 3 m high blocks, closed, dry at the start, n = 0.035.
``--quick`` rains ten minutes instead and runs everything once. Peers run in an environment of their own
(``benchmarks/flood_peers``), made at the first run.
"""

from __future__ import annotations

import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from benchmarks.flood_peers.environment import run_peer
from numpy.typing import NDArray

from rencheng.science.flood import FloodResult, simulate

Floats = NDArray[np.float64]
CELL_M, MANNING, RAIN_MM_H = 2.0, 0.035, 50.0
OURS: dict[str, dict[str, Any]] = {
    "shallow water, order 1": {"order": 1},
    "shallow water, order 1, float32": {"order": 1, "dtype": np.float32},
    "shallow water, order 2": {"order": 2},
    "local inertial": {"scheme": "local_inertial"},
    "local inertial, float32": {"scheme": "local_inertial", "dtype": np.float32},
}
REFERENCE = "shallow water, order 2"
PEERS = {"landlab 2.11 OverlandFlow": "landlab", "itzi 25.8 (float32)": "itzi"}
BYTES_A_STEP = 80
"""Least traffic of one double-precision cell-step: read h, qx, qy, bed, peak, arrival; write h, qx, qy, peak."""


class Run(NamedTuple):
    """One run: time, work, what it lost, and its peak depths."""

    seconds: float
    cell_steps: float
    volume_error: float
    peak_m: Floats
    runs: int


def rain500(n: int = 500, cell_m: float = CELL_M) -> Floats:
    """Bed of the case, metres; n × n cells."""
    x, y = np.meshgrid(*[(np.arange(n) + 0.5) * cell_m] * 2)
    bed = 10.0 + 0.004 * x + 0.003 * y + 0.8 * np.sin(2 * np.pi * x / 400.0) * np.sin(2 * np.pi * y / 330.0)
    blocks = (x % 50 > 10) & (x % 50 < 40) & (y % 50 > 10) & (y % 50 < 40)
    return np.asarray(bed + 3.0 * blocks, np.float64)


def timed(work: Callable[[], FloodResult], runs: int) -> tuple[float, FloodResult]:
    """Median seconds of several runs, and the last result."""
    seconds = []
    for _ in range(runs):
        begin = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds), result


def ours(bed: Floats, duration_s: float, runs: int, **how: Any) -> Run:
    def work() -> FloodResult:
        return simulate(bed, CELL_M, duration_s, rain_mm_h=RAIN_MM_H, manning=MANNING, **how)

    simulate(bed[:40, :40], CELL_M, 5.0, rain_mm_h=RAIN_MM_H, manning=MANNING, **how)  # compiles
    seconds, result = timed(work, runs)
    fell = RAIN_MM_H / 3.6e6 * duration_s * bed.size
    lost = abs(float(result.depth_m.astype(np.float64).sum()) / fell - 1.0)
    return Run(seconds, float(bed.size) * result.steps, lost, np.asarray(result.peak_depth_m, np.float64), runs)


def theirs(peer: str, bed: Floats, duration_s: float) -> Run:
    case = {"bed_m": bed, "depth_m": np.zeros_like(bed), "cell_m": CELL_M, "manning": MANNING}
    told = run_peer(peer, {**case, "rain_mm_h": RAIN_MM_H, "duration_s": duration_s})
    lost = abs(told["depth_m"].sum() / (RAIN_MM_H / 3.6e6 * duration_s * bed.size) - 1.0)
    return Run(float(told["seconds"]), bed.size * float(told["steps"]), float(lost), told["peak_depth_m"], 1)


def print_race(duration_s: float, repeats: int) -> dict[str, Run]:
    bed = rain500()
    raced = {name: theirs(peer, bed, duration_s) for name, peer in PEERS.items()}
    fastest = min(run.seconds for run in raced.values())
    for name, how in OURS.items():
        runs = 1 if "order 2" in name or "float32" in name else repeats
        raced[name] = ours(bed, duration_s, runs, **how)
    print(f"rain500, {duration_s:.0f} s of rain; peak depths beside those of ours, {REFERENCE}, where either is wet\n")
    print("| solver | runs | s | × fastest peer | M cell-steps/s | volume error | Δ peak median, mm | 95 %, mm |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, run in raced.items():
        wet = np.maximum(run.peak_m, raced[REFERENCE].peak_m) > 0.01
        apart = np.abs(run.peak_m - raced[REFERENCE].peak_m)[wet] * 1000.0
        print(
            f"| {name} | {run.runs} | {run.seconds:.1f} | {fastest / run.seconds:.1f} "
            f"| {run.cell_steps / run.seconds / 1e6:.0f} | {run.volume_error:.0e} "
            f"| {np.median(apart):.1f} | {np.percentile(apart, 95):.0f} |"
        )
    return raced


def print_refined(duration_s: float = 600.0) -> None:
    """Who is nearest to the answer of cells a quarter as wide, on the first 250 m."""
    n, finer = 125, 4
    rain = {"rain_mm_h": RAIN_MM_H, "manning": MANNING}
    fine = simulate(rain500(n * finer, CELL_M / finer), CELL_M / finer, duration_s, order=2, **rain)  # type: ignore[arg-type]  # numbers
    truth = np.asarray(fine.peak_depth_m, np.float64).reshape(n, finer, n, finer).mean(axis=(1, 3))
    bed = rain500(n)
    told = {name: ours(bed, duration_s, 1, **how).peak_m for name, how in OURS.items()}
    told |= {name: theirs(peer, bed, duration_s).peak_m for name, peer in PEERS.items()}
    print(f"\nThe first 250 m, {duration_s:.0f} s of rain: peaks beside the means of order 2 on cells of 0.5 m\n")
    print("| solver | Δ peak median, mm | 95 %, mm |\n|---|---:|---:|")
    for name, peak in told.items():
        apart = np.abs(peak - truth)[np.maximum(peak, truth) > 0.01] * 1000.0
        print(f"| {name} | {np.median(apart):.1f} | {np.percentile(apart, 95):.0f} |")


@numba.njit(parallel=True, cache=True)
def _triad(a: Floats, b: Floats, c: Floats) -> None:
    for i in numba.prange(a.size):
        a[i] = b[i] + 3.0 * c[i]


def triad_gb_s() -> float:
    """Memory bandwidth as STREAM's triad measures it (McCalpin 1995): best of several, 24 bytes a step."""
    a, b, c = (np.ones(16_000_000) for _ in range(3))
    _triad(a, b, c)
    best = np.inf
    for _ in range(8):
        begin = time.perf_counter()
        _triad(a, b, c)
        best = min(best, time.perf_counter() - begin)
    return float(24e-9 * a.size / best)


def wet_speed(n: int, repeats: int, **how: Any) -> tuple[float, float]:
    """Seconds and cell-steps a second of a minute of water 0.1 m deep all over n × n cells."""
    bed, depth = rain500(n), np.full((n, n), 0.1)
    seconds, result = timed(
        lambda: simulate(bed, CELL_M, 60.0, depth_m=depth, rain_mm_h=RAIN_MM_H, manning=MANNING, **how), repeats
    )
    return seconds, n * n * result.steps / seconds


def print_growth(repeats: int) -> None:
    bandwidth = triad_gb_s()
    print("\nGrowth: a minute of rain on 0.1 m of water everywhere, first and second order, float64\n")
    print("| cells | order 1, s | M cell-steps/s | GB/s at least | of the triad | order 2, s | M cell-steps/s |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for n in (125, 250, 500, 1000):
        first, first_rate = wet_speed(n, repeats, order=1)
        second, second_rate = wet_speed(n, repeats, order=2)
        moved = first_rate * BYTES_A_STEP / 1e9
        print(
            f"| {n}² | {first:.2f} | {first_rate / 1e6:.0f} | {moved:.1f} | {moved / bandwidth:.0%} "
            f"| {second:.2f} | {second_rate / 1e6:.0f} |"
        )
    print(f"\nSTREAM-like triad in the same run: {bandwidth:.1f} GB/s.")


def print_dry(repeats: int) -> None:
    """Time of a step where a fifth of the city is wet, beside the whole of it."""
    n = 500
    x, y = np.meshgrid(*[(np.arange(n) + 0.5) * CELL_M] * 2)
    bed = np.hypot(x - 500.0, y - 500.0) * 0.02
    full, part = np.full((n, n), 16.0) - bed, np.maximum(5.0 - bed, 0.0)
    spent = []
    for depth in (full, part):
        simulate(bed, CELL_M, 1.0, depth_m=depth)
        seconds, result = timed(lambda d=depth: simulate(bed, CELL_M, 60.0, depth_m=d), repeats)  # type: ignore[misc]  # bound at once
        spent.append(seconds / result.steps)
    share = float((part > 0.0).mean())
    print(
        f"\nA lake over {share:.0%} of 500² cells: {spent[1] * 1e3:.2f} ms a step; over all of them "
        f"{spent[0] * 1e3:.2f} ms: {spent[0] / spent[1]:.1f}× as long."
    )


def print_memory(n: int = 1000) -> None:
    """Bytes a cell that a call takes on top of the caller's bed: while it steps, and at its highest."""
    bed = rain500(n)
    print("\n| solver | bytes per cell while stepping | at most |\n|---|---:|---:|")
    for name, how in OURS.items():
        stepping: list[int] = []

        def look(now_s: float, steps: int, seen: list[int] = stepping) -> None:
            del now_s, steps
            seen.append(tracemalloc.get_traced_memory()[0])

        tracemalloc.start()
        simulate(bed, CELL_M, 0.5, rain_mm_h=RAIN_MM_H, manning=MANNING, progress=look, **how)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"| {name} | {max(stepping) / n**2:.0f} | {highest / n**2:.0f} |")


def main(arguments: list[str]) -> None:
    quick = "--quick" in arguments
    print_race(600.0 if quick else 3600.0, 1 if quick else 3)
    print_refined()
    print_growth(1 if quick else 3)
    print_dry(1 if quick else 3)
    print_memory()


if __name__ == "__main__":
    main(sys.argv[1:])
