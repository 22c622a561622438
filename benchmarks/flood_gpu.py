"""The flood engine on a GPU: ``python -m benchmarks.flood_gpu``.

Rain on square cities of growing size, both schemes, float32; cell-steps a second beside the memory the card moves in a
plain copy. ``--megacity`` adds 253 million cells (6,340 km² at 5 m). Where no card answers only the computed
table is printed.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood import simulate
from rencheng.science.flood.cuda_device import cuda

Floats = NDArray[np.float64]
CELL_M, STEPS, WARM_UP = 5.0, 60, 10
SIDES = (1_000, 4_000, 8_000)
MEGACITY = 15_900

TRAFFIC = {"local_inertial": (48, 64), "shallow_water": (56, 72)}
"""Least bytes of a float32 cell-step: below and above the arrival depth (see docs/explanation/flood-gpu.md)."""

MEMORY = {"local_inertial": 52, "shallow_water": 60}
"""Bytes of state per cell with float32."""


class Pace(NamedTuple):
    """Cell-steps a second, and what closed."""

    cell_steps_s: float
    step_ms: float
    volume_error: float
    device_bytes_per_cell: float


def city(side: int) -> Floats:
    """Undulating ground with blocks of houses, m."""
    x, y = np.meshgrid(*[(np.arange(side) + 0.5) * CELL_M] * 2)
    bed = 10.0 + 0.8 * np.sin(2 * np.pi * x / 1_000.0) * np.sin(2 * np.pi * y / 825.0)
    blocks = (x % 125 > 25) & (x % 125 < 100) & (y % 125 > 25) & (y % 125 < 100)
    return np.asarray(bed + 3.0 * blocks, np.float64)


def pace(side: int, scheme: Any) -> Pace:
    """Median time of a step after the first ones."""
    bed = city(side)
    depth = np.where(bed < 10.0, 10.0 - bed, 0.0)
    free = cuda.current_context().get_memory_info().free
    used: list[int] = []
    stamps: list[float] = []

    def note(_: float, steps: int) -> None:
        if steps == 1:
            used.append(free - cuda.current_context().get_memory_info().free)
        if steps >= WARM_UP:
            stamps.append(time.perf_counter())

    result = simulate(
        bed, CELL_M, 7_200.0, depth_m=depth, rain_mm_h=50.0, manning=0.035, scheme=scheme, dtype=np.float32,
        device="cuda", max_steps=STEPS, progress=note,
    )  # fmt: skip
    step = statistics.median(np.diff(stamps).tolist())
    return Pace(side * side / step, 1e3 * step, result.volume_error_ratio, used[0] / side**2)


def copy_bytes_s() -> float:
    """Bytes a second, read and written, of a plain copy on the card."""
    size = 256 * 2**20
    source, target = cuda.device_array(size, np.float64), cuda.device_array(size, np.float64)
    times = []
    for _ in range(5):
        cuda.synchronize()
        start = time.perf_counter()
        target.copy_to_device(source)
        cuda.synchronize()
        times.append(time.perf_counter() - start)
    return 2 * 8 * size / min(times)


def computed() -> None:
    """What the memory of a card would allow at most."""
    print("Computed, not measured: least traffic of a float32 cell-step and what 4.8 TB/s (an H200) allow at most.\n")
    print(
        "| scheme | bytes a cell-step, shallow – deep | at most, G cell-steps/s | state, bytes a cell | 253 M cells |"
    )
    print("|---|---:|---:|---:|---:|")
    for scheme, (least, most) in TRAFFIC.items():
        bounds = f"{4_800 / least:.0f} – {4_800 / most:.0f}"
        print(f"| {scheme} | {least} – {most} | {bounds} | {MEMORY[scheme]} | {MEMORY[scheme] * 0.253:.1f} GB |")


def main() -> None:
    """Print the tables."""
    computed()
    if not cuda.is_available():
        print("\nNo CUDA device answers on this machine: nothing was measured.")
        return
    bandwidth = copy_bytes_s()
    print(f"\nMeasured on {cuda.get_current_device().name.decode()}; a copy moves {bandwidth / 1e12:.2f} TB/s.\n")
    print("| scheme | cells | step, ms | G cell-steps/s | share of the copy | bytes a cell | volume error |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for scheme in TRAFFIC:
        for side in (*SIDES, *((MEGACITY,) if "--megacity" in sys.argv else ())):
            got = pace(side, scheme)
            share = got.cell_steps_s * TRAFFIC[scheme][0] / bandwidth
            print(
                f"| {scheme} | {side**2 / 1e6:,.0f} M | {got.step_ms:.2f} | {got.cell_steps_s / 1e9:.1f} | {share:.0%} "
                f"| {got.device_bytes_per_cell:.0f} | {got.volume_error:.1e} |"
            )


if __name__ == "__main__":
    main()
