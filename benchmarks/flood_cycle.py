"""A whole flood forecast cycle of a city: rain of the members, the engine, depths and chances, tables.

The sandbox city of 100,000 residents, twenty members, two hours ahead in ten-minute steps. The first cycle looks back
over three hours of rain on dry ground, the ones after it go on from the water of the last. No peer runs this cycle;
the nowcast alone is measured beside pysteps where that is installed (``--pysteps``: a Python that has it).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from rencheng.assess.flood.cycle import CycleResult, flood_cycle
from rencheng.assess.flood.day_ahead import day_ahead_cycle
from rencheng.assess.flood.domain import flood_domain
from rencheng.assess.flood.engine import suitable_cell_m
from rencheng.assess.flood.ensemble import MemberPool, member_pool
from rencheng.assess.flood.frames import frames_table
from rencheng.assess.flood.watch import RainRecord
from rencheng.assess.rules import FloodRules
from rencheng.city import City, read_city
from rencheng.city.sandbox import make_city
from rencheng.science.design_storm import SHANGHAI_2017, chicago_hyetograph
from rencheng.science.nowcast import radar_nowcast
from rencheng.sense.rain_forecast import RainForecast

TARGET_S = 60.0
MEMBERS = 20
SIZE = 128

PEER = """
import json, sys, time
import numpy as np
from pysteps import motion, nowcasts
rate = np.load(sys.argv[1])
threshold = -10.0
db = np.where(rate >= 0.1, 10.0 * np.log10(np.maximum(rate, 1e-6)), -15.0)
best = 1e9
for _ in range(3):
    begun = time.perf_counter()
    flow = motion.get_method("LK")(db)
    member = nowcasts.get_method("steps")(
        db, flow, timesteps=24, n_ens_members=20, n_cascade_levels=6, precip_thr=threshold, kmperpixel=1.0,
        timestep=5, seed=1, num_workers=2, mask_method="incremental", probmatching_method="cdf")
    best = min(best, time.perf_counter() - begun)
rate = np.where(member >= threshold, 10.0 ** (member / 10.0), 0.0)
mean = np.nanmean(np.where(np.isfinite(member), rate, np.nan), axis=0)
np.save(sys.argv[2], mean)
print(json.dumps({"seconds": best}))
"""


def record_of(city: City, hours: float) -> RainRecord:
    """Gauges in a ten-year storm that has been going on for its last hour, dry before."""
    gauges = [s for s in city.rows("sensors") if s["kind"] == "rain_gauge"]
    x, y = city.to_metric.transform([s["lon"] for s in gauges], [s["lat"] for s in gauges])
    storm = chicago_hyetograph(SHANGHAI_2017, return_period_a=10.0, duration_min=120, step_min=5) * 12.0
    steps = round(hours * 12)
    rate = np.zeros(steps)
    rate[-min(steps, 12) :] = storm[:12][-min(steps, 12) :]
    uneven = np.exp(0.25 * np.random.default_rng(1).standard_normal((steps, len(gauges))))
    return RainRecord(
        xy_m=np.column_stack([x, y]),
        edges_s=-300.0 * np.arange(steps, -1, -1, dtype=np.float64),
        rate_mm_h=rate[:, None] * uneven,
        pictures=(),
    )


def timed_cycle(pool: MemberPool, record: RainRecord, last: CycleResult | None = None) -> tuple[CycleResult, float]:
    """One cycle with its tables, and how long it took."""
    begun = time.perf_counter()
    result = flood_cycle(
        pool,
        record,
        members=MEMBERS,
        rng=np.random.default_rng(7),
        analysis_mm=None if last is None else last.analysis_mm,
    )
    assert result is not None
    frames_table(result.frames)
    return result, time.perf_counter() - begun


def turning_storm(step: float) -> np.ndarray:
    """Rain cells that move and turn over a square of 128 km, one picture every five minutes."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    rain = np.zeros((SIZE, SIZE))
    rng = np.random.default_rng(5)
    for _ in range(14):
        radius, phase, peak, width = rng.uniform(4, 45), rng.uniform(0, 6.3), rng.uniform(8, 60), rng.uniform(3, 9)
        angle = phase + 0.02 * step
        cy, cx = 58 + 0.6 * step + radius * np.sin(angle), 50 + 0.9 * step + radius * np.cos(angle)
        rain += peak * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 2 / width**2)
    return np.where(rain > 0.3, rain, 0.0)


def success(said: np.ndarray, came: np.ndarray) -> float:
    """Critical success index at 5 mm/h."""
    a, b = np.nan_to_num(said) >= 5.0, came >= 5.0
    return float((a & b).sum() / (a | b).sum())


def nowcast_table(pysteps: str) -> list[str]:
    """The nowcast alone: time and skill, beside pysteps and persistence."""
    pictures = np.stack([turning_storm(k) for k in range(3)])
    spent = []
    for _ in range(3):
        begun = time.perf_counter()
        own = radar_nowcast(
            pictures, cell_m=1000.0, interval_s=300.0, leads=24, members=MEMBERS, rng=np.random.default_rng(1)
        )
        spent.append(time.perf_counter() - begun)
    mean = own.rate_mm_h.mean(axis=0).reshape(25, SIZE, SIZE)
    came = {lead: turning_storm(2 + lead) for lead in (6, 12)}
    scores = [f"{success(mean[lead], came[lead]):.2f}" for lead in came]
    lines = [
        "",
        f"Rain nowcast alone: {MEMBERS} members, 24 steps, {SIZE}×{SIZE} cells, every cell given.",
        "",
        "| nowcast | time | CSI 5 mm/h at 30 min | at 60 min |",
        "|---|---|---|---|",
        f"| Rencheng | {min(spent):.1f} s | {scores[0]} | {scores[1]} |",
    ]
    if pysteps:
        seconds, theirs = peer_nowcast(pysteps, pictures)
        scores = [f"{success(theirs[lead - 1], came[lead]):.2f}" for lead in came]
        lines.append(f"| pysteps STEPS, Lucas–Kanade | {seconds:.1f} s | {scores[0]} | {scores[1]} |")
    still = [f"{success(pictures[-1], came[lead]):.2f}" for lead in came]
    return [*lines, f"| persistence | – | {still[0]} | {still[1]} |"]


def peer_nowcast(python: str, pictures: np.ndarray) -> tuple[float, np.ndarray]:
    """Time and ensemble mean of pysteps, run by a Python of its own."""
    with tempfile.TemporaryDirectory() as folder:
        given, back = Path(folder) / "rain.npy", Path(folder) / "mean.npy"
        np.save(given, pictures)
        done = subprocess.run([python, "-c", PEER, str(given), str(back)], capture_output=True, text=True, check=True)
        return float(json.loads(done.stdout.strip().splitlines()[-1])["seconds"]), np.load(back)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--residents", type=int, default=100_000)
    parser.add_argument("--city", type=Path, help="a package; else one is made")
    parser.add_argument("--cell-m", type=float, default=20.0)
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--pysteps", default=os.environ.get("PYSTEPS_PYTHON", ""))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = args.city or Path(folder) / "city"
        city = read_city(path) if args.city else make_city(args.residents, 1, path)
        begun = time.perf_counter()
        domain = flood_domain(city, cell_m=args.cell_m)
        laid_s = time.perf_counter() - begun
        rows = [f"| the city laid out as a flood domain (once) | {laid_s:.1f} s | |"]
        with member_pool(domain) as pool:
            timed_cycle(pool, record_of(city, 1 / 12))  # the processes start and load what is compiled
            first, first_s = timed_cycle(pool, record_of(city, 3.0))
            rows.append(f"| first cycle, from dry ground three hours ago | {first_s:.1f} s | {TARGET_S:.0f} s |")
            spent = [timed_cycle(pool, record_of(city, 1 / 6), first)[1] for _ in range(args.cycles)]
            rows.append(f"| cycle that goes on from the last | {float(np.median(spent)):.1f} s | {TARGET_S:.0f} s |")
        rules = FloodRules()
        cell_m = suitable_cell_m(city, rules.day_raster_cells)
        with member_pool(flood_domain(city, cell_m=cell_m)) as pool:
            hourly = 25.0 * np.exp(-0.5 * ((np.arange(24) - 9.0) / 2.0) ** 2)
            rain = RainForecast(
                edges_s=3600.0 * np.arange(25.0), rate_mm_h=hourly.astype(np.float32)[None, :, None, None]
            )
            dry = record_of(city, 1 / 12)
            rng = np.random.default_rng(2)
            day_ahead_cycle(pool, dry, rain, members=2, rng=rng, horizon_h=3.0)  # the processes start
            begun = time.perf_counter()
            day_ahead_cycle(pool, dry, rain, members=rules.day_members, rng=rng)
            spent_s = time.perf_counter() - begun
            what = f"a day ahead, {rules.day_members} members on {pool.domain.bed_m.size:,} cells of {cell_m:.0f} m"
            rows.append(f"| {what}, 125 mm | {spent_s:.1f} s | {TARGET_S:.0f} s |")
    wettest = max(first.totals, key=lambda t: t.area_km2)
    shape = f"{domain.bed_m.shape[0]}×{domain.bed_m.shape[1]} cells of {args.cell_m:g} m"
    print(f"{args.residents:,} residents, {shape}, {MEMBERS} members.")
    print()
    print("| | time | target |")
    print("|---|---|---|")
    print("\n".join(rows))
    print()
    print(
        f"Largest volume error of a member {first.volume_error_ratio:.0e}; at the worst lead time "
        f"{wettest.area_km2:.2f} km² under 15 cm, {wettest.residents:,.0f} residents with it at the wall."
    )
    print("\n".join(nowcast_table(args.pysteps)))


if __name__ == "__main__":
    main()
