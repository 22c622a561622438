"""How often the flood forecast of the next day is right: synthetic storms over the sandbox city, a day ahead.

In every trial a storm of its own (return period, length, path) falls on the city in the last hours of a day; the true
water is the engine's with inlets and soil of its own. The forecast sees only a forecast of the rain with errors of
amount, time and place. Hits, misses and false alarms of 0.15 m within the day are counted per cell of the raster, per
road link and per H3 cell, at several chances from which a forecast counts as yes. The goal is a hit rate of 92 %.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.cycle import CycleResult
from rencheng.assess.flood.day_ahead import day_ahead_cycle
from rencheng.assess.flood.domain import FloodDomain, flood_domain
from rencheng.assess.flood.ensemble import MemberPool, MemberTask, Plan, member_pool
from rencheng.assess.flood.member_rain import rain_centres, rain_shape
from rencheng.assess.flood.objects import OBJECT_KINDS, exceed_column
from rencheng.assess.flood.watch import RainRecord
from rencheng.city import City, read_city
from rencheng.city.sandbox import make_city
from rencheng.rehearse.rain_forecaster import ForecastErrors, forecast_of_rain
from rencheng.science.design_storm import SHANGHAI_2017, StormCell, chicago_hyetograph, rain_rate

GOAL = 0.92
CHANCES = (0.08, 0.15, 0.25, 0.5)
DRY = RainRecord(xy_m=np.zeros((0, 2)), edges_s=np.array([-300.0, 0.0]), rate_mm_h=np.zeros((1, 0)), pictures=())

F64 = NDArray[np.float64]
Rain = Callable[[F64, F64, float], F64]


def storm_of(rng: np.random.Generator, middle: tuple[float, float], horizon_h: float) -> tuple[Rain, float]:
    """A storm whose heaviest hour comes in the last quarter of the horizon, and that hour."""
    minutes = int(rng.integers(90, 360))
    rain = 60.0 * chicago_hyetograph(
        SHANGHAI_2017, return_period_a=float(np.exp(rng.uniform(np.log(5.0), np.log(100.0)))), duration_min=minutes
    )
    peak_h = float(rng.uniform(0.75, 0.95)) * horizon_h
    begins_s = peak_h * 3600.0 - 0.4 * minutes * 60.0
    heading, speed = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.5, 4.0)
    east, north = speed * np.sin(heading), speed * np.cos(heading)
    aside = rng.normal(0.0, 2500.0, 2)
    cell = StormCell(
        start_x_m=middle[0] + float(aside[0]) - east * 0.4 * minutes * 60.0,
        start_y_m=middle[1] + float(aside[1]) - north * 0.4 * minutes * 60.0,
        speed_x_m_s=east,
        speed_y_m_s=north,
        radius_m=float(rng.uniform(5000.0, 12000.0)),
        floor_ratio=0.45,
    )

    def rate(x_m: F64, y_m: F64, time_s: float) -> F64:
        minute = int((time_s - begins_s) // 60)
        if not 0 <= minute < len(rain):
            return np.zeros(len(x_m))
        return rain_rate(cell, x_m, y_m, time_s - begins_s, float(rain[minute]))

    return rate, peak_h


def true_water(pool: MemberPool, rain: Rain, horizon_h: float, rng: np.random.Generator) -> tuple[F64, F64]:
    """Deepest water of the horizon per raster cell and per object, as it came."""
    grid = pool.domain.grid
    shape = rain_shape(grid)
    centres = rain_centres(grid, shape)
    edges = np.arange(0.0, horizon_h * 3600.0 + 1.0, 300.0)
    rate = np.stack([rain(centres[:, 0], centres[:, 1], t + 150.0).reshape(shape) for t in edges[:-1]])
    task = MemberTask(
        rate_mm_h=rate.astype(np.float32),
        drain_ratio=float(rng.uniform(0.4, 1.2)),
        initial_loss_mm=float(rng.uniform(0.0, 20.0)),
        loss_mm_h=float(np.exp(rng.uniform(np.log(2.0), np.log(30.0)))),
    )
    plan = Plan(begin_s=0.0, lead_s=(0.0, horizon_h * 3600.0), rain_edges_s=edges, looks=int(horizon_h * 6))
    run = pool.run(plan, [task])
    assert run is not None
    return run[0].depth_mm[-1] / 1000.0, run[0].object_depth_m[-1].astype(np.float64)


def chances(domain: FloodDomain, result: CycleResult) -> dict[str, F64]:
    """Highest chance of 0.15 m at any lead time: per raster cell, road link and H3 cell."""
    raster = result.frames.exceed_prob[0.15][1:].max(axis=0).ravel() / 100.0
    index = domain.objects
    row = {(OBJECT_KINDS[int(k)], i): n for n, (k, i) in enumerate(zip(index.kind, index.object_id, strict=True))}
    by_object = np.zeros(len(index))
    table = result.objects
    for kind, name, chance, lead in zip(
        *(table[c].to_pylist() for c in ("kind", "object_id", exceed_column(0.15), "lead_min")), strict=True
    ):
        if lead > 0:
            at = row[kind, name]
            by_object[at] = max(by_object[at], chance)
    return {"raster": raster, "objects": by_object}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--residents", type=int, default=20_000)
    parser.add_argument("--city", type=Path)
    parser.add_argument("--cell-m", type=float, default=40.0)
    parser.add_argument("--storms", type=int, default=12)
    parser.add_argument("--members", type=int, default=12)
    parser.add_argument("--horizon-h", type=float, default=24.0)
    parser.add_argument("--error-scale", type=float, default=1.0, help="times the assumed errors of the rain forecast")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = args.city or Path(folder) / "city"
        city = read_city(path) if args.city else make_city(args.residents, 1, path)
        counted, spent = trials(city, args)
    print(
        f"{args.storms} storms of 5 to 100 years, {args.members} members, cells of {args.cell_m:g} m, "
        f"{args.horizon_h:g} h ahead; one cycle {spent:.0f} s."
    )
    print()
    print("| 0.15 m or more on | yes from a chance of | hit rate | false alarms | CSI | goal |")
    print("|---|---|---|---|---|---|")
    for (what, chance), (hits, misses, false) in counted.items():
        print(
            f"| {what} | {chance:.0%} | {hits / max(hits + misses, 1):.1%} | {false / max(hits + false, 1):.1%} | "
            f"{hits / max(hits + misses + false, 1):.2f} | {GOAL:.0%} |"
        )


def trials(city: City, args: argparse.Namespace) -> tuple[dict[tuple[str, float], np.ndarray], float]:
    domain = flood_domain(city, cell_m=args.cell_m)
    grid = domain.grid
    east, north = grid.west_m + grid.nx * grid.cell_m, grid.south_m + grid.ny * grid.cell_m
    bounds = (grid.west_m, grid.south_m, east, north)
    middle = (0.5 * (grid.west_m + east), 0.5 * (grid.south_m + north))
    errors = ForecastErrors(
        amount_sigma=0.3 * args.error_scale, time_h=args.error_scale, place_m=6000.0 * args.error_scale
    )
    land = (domain.active & ~domain.water & ~domain.blocked).ravel()
    index = domain.objects
    parts: dict[str, Any] = {
        "raster cells": land,
        "road links": index.rows_of("road_link"),
        "H3 cells": index.rows_of("cell"),
    }
    counted = {(w, c): np.zeros(3, np.int64) for w in parts for c in CHANCES}
    spent = []
    with member_pool(domain) as pool:
        for trial in range(args.storms):
            rng = np.random.default_rng([trial, 15])
            rain, peak_h = storm_of(rng, middle, args.horizon_h)
            forecast = forecast_of_rain(
                rain, 0.0, bounds, grid.crs, horizon_h=args.horizon_h, errors=errors, lead_to_peak_h=peak_h, rng=rng
            )
            raster, objects = true_water(pool, rain, args.horizon_h, rng)
            begun = time.perf_counter()
            result = day_ahead_cycle(
                pool, DRY, forecast, members=args.members, rng=rng, horizon_h=args.horizon_h, step_h=3.0
            )
            spent.append(time.perf_counter() - begun)
            assert result is not None
            said = chances(domain, result)
            for what, part in parts.items():
                came = (raster.ravel() if what == "raster cells" else objects)[part] >= 0.15
                prob = said["raster" if what == "raster cells" else "objects"][part]
                for chance in CHANCES:
                    yes = prob >= chance - 1e-6
                    counted[what, chance] += [(yes & came).sum(), (~yes & came).sum(), (yes & ~came).sum()]
    return counted, float(np.median(spent))


if __name__ == "__main__":
    main()
