"""How well assessment forecasts stages, and how long its turns and its terrain take.

Run with ``python -m benchmarks.assess [CITY]``. Skill is measured on the shared telemetry of the Guaíba basin: every
gauge is forecast every hour from 15 April to 1 May 2024 by what was known then, learnt from 1 April on, refitted every
midnight; the peer is persistence. CITY is a city package of that basin for the turns; the hex grid without terrain
stands in where none is given.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from tests.assess.memory_readings import MemoryReadings
from tests.assess.real_gauges import CITY_GAUGE, gauges_city, readings_from_telemetry

from rencheng import assess
from rencheng.adapters.memory import MemoryFieldStore
from rencheng.assess.forecasting import StageForecaster
from rencheng.assess.frame import city_frame
from rencheng.assess.gauging import gauges_now
from rencheng.assess.model import learn
from rencheng.assess.rules import default_rules
from rencheng.assess.stage_card import LEADS_H
from rencheng.assess.windows import series_window
from rencheng.city import City, read_city
from rencheng.kernel import hours, micros
from rencheng.science.terrain_flow import (
    drainage_by_threshold,
    flow_accumulation,
    flow_network,
    height_above_drainage,
)

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "porto_alegre"
START, END = datetime(2024, 4, 15, 3, tzinfo=UTC), datetime(2024, 5, 1, 15, tzinfo=UTC)
FLOOD_FROM = datetime(2024, 4, 28, 3, tzinfo=UTC)
RIVERS = {
    "Guaíba": (CITY_GAUGE, "87242000"),
    "Taquari": ("86510000", "86879300", "86950000"),
    "Jacuí": ("85400000", "85642000", "85900000"),
    "Caí": ("87170000", "87270000", "87230000"),
    "Sinos": ("87380000", "87382000"),
    "Gravataí": ("87399000", "87401750"),
}
Floats = NDArray[np.float64]


def terrain_s(n: int) -> float:
    """Seconds from ground to height above nearest drainage on an n by n raster, after one run that compiles."""
    ground = gaussian_filter(np.random.default_rng(0).random((n, n)), 5) * 100

    def run(z: Floats) -> None:
        network = flow_network(z, cell_m=30.0)
        drainage = drainage_by_threshold(flow_accumulation(network), cell_m=30.0, area_m2=1e6)
        height_above_drainage(z, network, drainage)

    run(ground[:50, :50])
    return statistics.median(timed(lambda: run(ground)) for _ in range(3))


def timed(work: object) -> float:
    assert callable(work)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def forecasts(city: City, readings: MemoryReadings) -> Floats:
    """Rows of gauge row, lead, origin, observed, median, low and high of every hourly forecast."""
    frame, rules = city_frame(city), default_rules()
    forecaster = StageForecaster(readings=readings, gauges=frame.gauges, rules=rules)
    rows = [frame.gauges.index[s] for sensors in RIVERS.values() for s in sensors]
    told, now = [], START
    while now <= END:
        stage = series_window(readings, frame.gauges, "stage_m", start=now - hours(6), end=now)
        gauges = gauges_now(stage, len(frame.gauges), now, rules.stage)
        heard = [r for r in rows if gauges.fresh[r]]
        for row, (_, outlook) in forecaster.outlooks(heard, gauges, now).items():
            for i, lead in enumerate(LEADS_H):
                interval = (outlook.median_m[i], outlook.low_m[i], outlook.high_m[i])
                told.append((row, lead, micros(now) / 3.6e9, gauges.stage_m[row], *interval))
        now += timedelta(hours=1)
    return np.array(told)


def pinball(truth: Floats, quantile: Floats, level: float) -> Floats:
    """Quantile score, metres."""
    gap = truth - quantile
    return np.asarray(np.maximum(level * gap, (level - 1.0) * gap), dtype=np.float64)


def verified(told: Floats) -> Floats:
    """Forecasts with what came: the same columns and the truth as the last."""
    seen = {(int(r[0]), round(r[2])): r[3] for r in told}
    truth = np.array([seen.get((int(r[0]), round(r[2] + r[1])), np.nan) for r in told])
    together = np.column_stack([told, truth])[np.isfinite(truth)]
    return np.asarray(together, dtype=np.float64)


def skill_row(name: str, lead: int, part: Floats) -> str:
    now, median, low, high, truth = part[:, 3:].T
    error, still = np.abs(truth - median), np.abs(truth - now)
    rmse = [float(np.sqrt(np.mean(e**2))) for e in (error, still)]
    crps = np.mean(pinball(truth, low, 0.1) + pinball(truth, median, 0.5) + pinball(truth, high, 0.9)) * 2 / 3
    inside = np.mean((low <= truth) & (truth <= high))
    figures = f"{error.mean():.3f} | {still.mean():.3f} | {error.mean() / still.mean():.2f}"
    return (
        f"| {name} | {lead} | {len(part)} | {figures} | {rmse[0]:.3f} | {rmse[1]:.3f} | {crps:.3f} "
        f"| {inside:.0%} | {np.mean(high - low):.2f} |"
    )


def print_skill(city: City, readings: MemoryReadings) -> None:
    index = city_frame(city).gauges.index
    found = verified(forecasts(city, readings))
    flood = found[:, 2] >= micros(FLOOD_FROM) / 3.6e9
    groups = {"Cais Mauá": (CITY_GAUGE,), **RIVERS, "all 15": tuple(s for river in RIVERS.values() for s in river)}
    for title, when in (("15–27 April, rivers calm", ~flood), ("28 April–1 May, the flood", flood)):
        print(f"\nStage forecast, {title}\n")
        scores = ["MAE m", "persistence", "ratio", "RMSE m", "persistence", "~CRPS m", "in 80 %", "width m"]
        columns = ["gauges", "lead h", "n", *scores]
        print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
        for name, sensors in groups.items():
            mine = np.isin(found[:, 0], [index[s] for s in sensors]) & when
            for lead in LEADS_H:
                print(skill_row(name, lead, found[mine & (found[:, 1] == lead)]))


def print_turns(city: City, readings: MemoryReadings) -> None:
    start = time.perf_counter()
    inputs, state = assess.Inputs(city=city, readings=readings, fields=MemoryFieldStore()), assess.initial_state()
    opened = time.perf_counter() - start
    spent, now = [], START
    while now <= END:
        start = time.perf_counter()
        drafts = assess.decide(state, inputs, now)
        spent.append(time.perf_counter() - start)
        for draft in drafts:
            state = learn(state, draft.body, fact_id=draft.id, at=draft.occurred_at)
        now += timedelta(hours=1)
    ms = np.array(spent) * 1000
    print("\n| cells | sensors | turns | opening s | mean ms | median ms | 95 % ms |\n|---|---|---|---|---|---|---|")
    size = f"| {len(inputs.frame.cells)} | {len(inputs.frame.gauges)} | {len(ms)} | {opened:.1f}"
    print(f"{size} | {ms.mean():.0f} | {np.median(ms):.0f} | {np.percentile(ms, 95):.0f} |")


def main() -> None:
    print("| raster | ground to height above drainage, s |\n|---|---|")
    for n in (400, 1000):
        print(f"| {n} × {n} | {terrain_s(n):.2f} |")
    if not DATA.is_dir():
        print("\nThe shared data is absent: no skill and no turns.")
        return
    readings = readings_from_telemetry(DATA)
    with tempfile.TemporaryDirectory() as folder:
        gauges = gauges_city(DATA, Path(folder) / "city", readings)
        print_turns(read_city(Path(sys.argv[1])) if len(sys.argv) > 1 else gauges, readings)
        print_skill(gauges, readings)


if __name__ == "__main__":
    main()
