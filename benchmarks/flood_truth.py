"""How far the flood engine is from exact solutions, from the Agency's tests and from Merewether.

``python -m benchmarks.flood_truth [exact] [agency] [merewether]``; all three by default. Single runs: these numbers do
not depend on the machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tests.truth.flood_ea import (
    CREST_M,
    DEPRESSION_CENTRES_M,
    HOUR,
    depressions,
    disconnected_body,
    level_at,
    obstruction,
    run_depressions,
    run_disconnected_body,
    run_obstruction,
)
from tests.truth.flood_runs import (
    Score,
    bowl,
    dam_break,
    hunter,
    lake_at_rest,
    observed_orders,
    rain_on_plane,
    steady_channel,
)
from tests.truth.flood_solutions import STEADY_FLOWS
from tests.truth.flood_spreading import reference_spread, run_spreading, spread_of
from tests.truth.merewether import merewether, peak_stages, run_merewether

MEREWETHER = Path(__file__).resolve().parents[2] / "shared" / "data" / "merewether"
SCHEMES: dict[str, dict[str, Any]] = {
    "order 1": {"order": 1},
    "order 2": {"order": 2},
    "order 2, float32": {"order": 2, "dtype": np.float32},
    "local inertial": {"scheme": "local_inertial"},
}
FULL = ("order 1", "order 2", "order 2, float32")


def problems() -> dict[str, tuple[tuple[str, ...], tuple[int, ...], Callable[..., Score]]]:
    """Problem, the schemes that may be asked, the numbers of cells, and the run."""
    every = tuple(SCHEMES)
    found: dict[str, tuple[tuple[str, ...], tuple[int, ...], Callable[..., Score]]] = {
        "Ritter, dry dam break": (every, (100, 200, 400), dam_break),
        "Stoker, wet dam break 5 m : 1 m": (every, (100, 200, 400), lambda n, **how: dam_break(n, right_m=1.0, **how)),
        "Thacker, planar, 3 periods": (every, (50, 100, 200), lambda n, **how: bowl(n, "planar", **how)),
        "Thacker, radial, 3 periods": (every, (50, 100, 200), lambda n, **how: bowl(n, "radial", **how)),
        "Hunter, wave over a dry plane": (every, (50, 100, 200), hunter),
    }
    for name in STEADY_FLOWS:

        def run(n: int, name: str = name, **how: Any) -> Score:
            return steady_channel(n, name, **how)

        found[f"MacDonald, {name}"] = (FULL[:2], (50, 100, 200), run)
    return found


def print_exact() -> None:
    print("| problem | solver | cells | L1 relative | L∞, m | observed order | volume error |")
    print("|---|---|---|---|---|---|---:|")
    for problem, (schemes, cells, run) in problems().items():
        for scheme in schemes:
            scores = [run(n, **SCHEMES[scheme]) for n in cells]
            l1, linf = ([f"{getattr(s, field):.1e}" for s in scores] for field in ("l1", "linf_m"))
            orders = [f"{order:.2f}" for order in observed_orders(scores)]
            lost = max(s.volume_error for s in scores)
            columns = [problem, scheme, *(" · ".join(map(str, c)) for c in (cells, l1, linf, orders)), f"{lost:.0e}"]
            print(f"| {' | '.join(columns)} |")
    print("\n| rain on a plane, 40 cells of 5 m, 60 mm/h | solver | depth L1 | outflow L1 | steady outflow error |")
    print("|---|---|---:|---:|---:|")
    for slope in (0.005, 0.05, 0.2):
        for scheme, how in SCHEMES.items():
            told = rain_on_plane(40, slope=slope, **how)
            print(
                f"| slope {slope} ({slope * 5:.2f} m a cell) | {scheme} | {told.depth.l1:.1e} "
                f"| {told.outflow_l1:.1e} | {told.steady_outflow_error:.1e} |"
            )
    print("\n| lake at rest on rough wet and dry ground | surface moved, m | speed, m/s | volume error |")
    print("|---|---:|---:|---:|")
    for scheme, how in SCHEMES.items():
        print(f"| {scheme} | " + " | ".join(f"{value:.0e}" for value in lake_at_rest(**how)) + " |")


def print_agency() -> None:
    print("\n| Environment Agency test | solver | what | ours | published |")
    print("|---|---|---|---|---|")
    for scheme, how in SCHEMES.items():
        beach = disconnected_body()
        done = run_disconnected_body(beach, **how)
        high = {round(s.time_s / HOUR, 1): s for s in done.snapshots}[11.0]
        levels = [float(beach.bed_m[5, c] + high.depth_m[5, c]) for c in (40, 60)]
        ponds = [level_at(done, beach, x, 50.0) for x in (400.0, 600.0)]
        row = "1, disconnected body"
        print(f"| {row} | {scheme} | level at 11 h, m | {levels[0]:.3f}, {levels[1]:.3f} | 10.35 |")
        print(f"| {row} | {scheme} | pond at 20 h, m | {ponds[0]:.3f}, {ponds[1]:.3f} | 10.25 |")
        plain = depressions()
        settled = run_depressions(plain, **how)
        at = [float(settled.depth_m[int(y // 20), int(x // 20)]) for x, y in DEPRESSION_CENTRES_M]
        depths = "; ".join(" ".join(f"{d:.2f}" for d in at[i : i + 4]) for i in range(0, 16, 4))
        print(f"| 2, hollows | {scheme} | depth at points 1–16 after 48 h, m | {depths} | 15, 16 dry |")
        bar = obstruction()
        over = run_obstruction(bar, **how)
        first, second = (level_at(over, bar, x, 50.0) for x in (150.0, 250.0))
        told = f"{first - CREST_M:+.3f}, {second - 9.75:.3f}"
        print(f"| 3, obstruction | {scheme} | first pond to crest, depth in second, m | {told} | below, some cm |")
    print_spreading()


def print_spreading(until_s: float = 5400.0, cell_m: float = 10.0) -> None:
    """Test 4: arrivals, depths and speeds at the six points beside the rings'."""
    rings = reference_spread(until_s)
    print("\n| Environment Agency test 4 after 90 min, 10 m cells | arrival, min | depth, m | speed, m/s |")
    print("|---|---|---|---|")
    told = {"rings (reference)": rings}
    for scheme, how in SCHEMES.items():
        told[scheme] = spread_of(run_spreading(until_s, cell_m, **how), cell_m)
    for name, spread in told.items():
        arrival, depth, speed = (
            " ".join(f"{value:.{digits}f}" for value in values)
            for values, digits in ((spread.arrival_s / 60.0, 1), (spread.depth_m, 3), (spread.speed_m_s, 3))
        )
        print(f"| {name} | {arrival} | {depth} | {speed} |")


def print_merewether() -> None:
    if not MEREWETHER.is_dir():
        print("\nThe shared data is absent: no Merewether.")
        return
    print("\n| Merewether, RMSE of peak stage, m | to TUFLOW | to observed | stages at points 0–4 | volume error | s |")
    print("|---|---:|---:|---|---:|---:|")
    for coarser in (2, 1):
        case = merewether(MEREWETHER, coarser)
        for scheme in ("order 1", "order 2", "local inertial"):
            begin = time.perf_counter()
            result = run_merewether(case, **SCHEMES[scheme])
            took = time.perf_counter() - begin
            told = peak_stages(MEREWETHER, case, result.peak_depth_m)
            stages = " ".join(f"{told.ours_m[told.name.index(i)]:.2f}" for i in range(5))
            print(
                f"| {coarser} m, {scheme} | {told.rmse_to(told.tuflow_m):.3f} | {told.rmse_to(told.observed_m):.3f} "
                f"| {stages} | {abs(result.volume_error_ratio):.0e} | {took:.0f} |"
            )


def main(arguments: list[str]) -> None:
    parts = {"exact": print_exact, "agency": print_agency, "merewether": print_merewether}
    for name in arguments or parts:
        parts[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
