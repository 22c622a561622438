"""How well the edge of a storm surge is known 48 hours ahead: ``python -m benchmarks.storm_surge``.

Forty synthetic typhoons strike near a city on a straight coast. The forecast is a track issued 48 hours before it
reaches the shore; the storm that comes is that track with errors drawn from the published ones, in position, strength,
size, peakedness, drag and the sea's roughness, none of which the forecast knows. The land behind the shore is one of
four: the engine runs water over the plains; the steeper coasts, which a surge fills within the hour, take the land
joined to the sea below its highest level.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.extent import correlated_field
from rencheng.science.flood.walls import faces_along, wall_crests
from rencheng.science.storm_surge.coastal_flooding import Coast, coastal_floods
from rencheng.science.storm_surge.cyclone import CycloneTrack, r_max_vickery_wadhera_m
from rencheng.science.storm_surge.flood_edge import HIGH_RISK_CHANCE, MEDIAN_CHANCE, edge_distance, overrun_m
from rencheng.science.storm_surge.shelf import ShelfSea, cyclone_forcing, shelf_surge
from rencheng.science.storm_surge.track_errors import (
    NORTHWEST_PACIFIC,
    StormMember,
    TrackErrors,
    displaced,
    storm_members,
)

Floats = NDArray[np.float64]
HOUR_S = 3600.0
LEAD_H, AFTER_H, MODEL_FROM_H = 48, 12, 24
SEA_CELL_M, COAST_M = 8000.0, 48_000.0
ROWS, COLUMNS = 62, 44
CITY_M = 0.5 * ROWS * SEA_CELL_M
WET_M = 0.15
EDGE_M = 500.0
FLOODS_M = 1.6
"""Highest level from which a storm is said to flood: twice the height of the shore. The others are easy to foretell."""
LEADS = {1.0: "published errors, 48 h", 0.5: "half of them (about 18 h)", 0.0: "perfect track and strength"}


def shelf() -> ShelfSea:
    """A shelf that falls by 1 in 1000 to 100 m, then by 1 in 250 to 300 m; land of 1 in 1000."""
    x = (np.arange(COLUMNS) + 0.5) * SEA_CELL_M - COAST_M
    depth = np.interp(x, [0.0, 100e3, 150e3], [0.0, 100.0, 300.0])
    bed = np.tile(np.where(x > 0.0, -np.maximum(depth, 2.0), 1.0 - x / 1000.0), (ROWS, 1))
    return ShelfSea(
        bed_m=bed,
        cell_m=SEA_CELL_M,
        west_m=0.0,
        south_m=0.0,
        lat=np.full(ROWS, 22.0),
        open_sides=(False, True, True, True),
    )


def forecast_track(rng: np.random.Generator) -> CycloneTrack:
    """A typhoon that is forecast to come ashore within 60 km of the city 48 hours after the forecast was issued."""
    hours = np.arange(0.0, LEAD_H + AFTER_H + 0.1, 6.0)
    speed, turn = rng.uniform(3.0, 8.0), np.radians(rng.uniform(-40.0, 40.0))
    strike = CITY_M + rng.uniform(-60e3, 60e3)
    ashore_s = (hours - LEAD_H) * HOUR_S
    top = rng.uniform(30.0, 50.0)
    wind = top * np.where(ashore_s > 0.0, np.exp(-0.095 * ashore_s / HOUR_S), 1.0)  # Kaplan & DeMaria 1995
    deficit = (wind / 0.93 / 0.5144 / 6.7) ** (1.0 / 0.644)  # Atkinson & Holliday 1977, one-minute knots
    lat = np.full(len(hours), 22.0)
    r_max = float(r_max_vickery_wadhera_m(float(deficit.max()), 22.0))
    return CycloneTrack(
        times_s=hours * HOUR_S,
        x_m=COAST_M - ashore_s * speed * np.cos(turn),
        y_m=strike + ashore_s * speed * np.sin(turn),
        lat=lat,
        central_hpa=1010.0 - deficit,
        max_wind_m_s=wind,
        r_max_m=np.full(len(hours), np.clip(r_max, 20e3, 70e3)),
    )


def land(slope: float, cell_m: float, inland_m: float, crest_m: float | None = None) -> Coast:
    """A strip of 4 km of coast that rises evenly with a roughness of 0.3 m, behind a dike or none 300 m inland."""
    ny, nx = round(4000.0 / cell_m), round(inland_m / cell_m) + 3
    x = (np.arange(nx) - 3 + 0.5) * cell_m
    rough = 0.3 * correlated_field((ny, nx), 600.0 / cell_m, np.random.default_rng(5))
    ground = 0.8 + np.maximum(x, 0.0) * slope + rough
    sea = np.zeros((ny, nx), np.bool_)
    sea[:, :3] = True
    walls = None
    if crest_m is not None:
        at = 3 * cell_m + max(300.0, cell_m)
        line = faces_along([at, at], [0.0, ny * cell_m], (ny, nx), cell_m=cell_m)
        walls = wall_crests([(line, crest_m)], (ny, nx))
    return Coast(ground_m=ground, sea=sea, cell_m=cell_m, series=np.zeros((ny, nx), np.int64), walls=walls)


COASTS = {
    "steep, 1 : 100": (land(0.01, 50.0, 1200.0), False),
    "moderate, 1 : 500": (land(0.002, 50.0, 5500.0), False),
    "plain, 1 : 2000": (land(0.0005, 250.0, 20_000.0), True),
    "plain behind a dike of 4 m": (land(0.0005, 250.0, 20_000.0, crest_m=4.0), True),
}
"""Each with whether the engine runs the water over it."""


def levels(sea: ShelfSea, storm: StormMember, tide: tuple[Floats, Floats], manning_ratio: float = 1.0) -> Floats:
    """Level before the city from a day before the forecast landfall on, every ten minutes; shape (nt, 1)."""
    track = replace(storm.track, times_s=storm.track.times_s - MODEL_FROM_H * HOUR_S)
    roughness = manning_ratio * np.where(sea.bed_m < 0.0, 0.022, 0.06)
    city = np.array([ROWS // 2 * COLUMNS + int(COAST_M / SEA_CELL_M)])
    run = shelf_surge(
        sea,
        cyclone_forcing(track, sea, drag_ratio=storm.drag_ratio),
        (LEAD_H + AFTER_H - MODEL_FROM_H) * HOUR_S,
        cells=city,
        tide=tide,
        manning=roughness,
    )
    return run.level_m


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One storm on one coast."""

    mean_m: float
    p95_m: float
    overrun_m: float
    area_ratio: float
    level_miss_m: float
    level_m: float


def scores(members: Sequence[Floats], truth: Floats, times_s: Floats, coast: Coast, engine: bool) -> Score:
    """Compare the ensemble's edges with the flood that came."""
    floods = coastal_floods(coast, times_s, [*members, truth], engine=engine, threads=1) >= WET_M
    chance, came = floods[:-1].mean(axis=0), floods[-1]
    median, risky = chance >= MEDIAN_CHANCE, chance >= HIGH_RISK_CHANCE
    edge = edge_distance(median, came, coast.sea, coast.cell_m)
    return Score(
        mean_m=edge.mean_m,
        p95_m=edge.p95_m,
        overrun_m=overrun_m(risky, came, coast.sea, coast.cell_m),
        area_ratio=float((risky | coast.sea).sum() - coast.sea.sum()) / max(float(came.sum()), 1.0),
        level_m=float(truth.max()),
        level_miss_m=abs(float(np.median([m.max() for m in members])) - float(truth.max())),
    )


def experiment(storms: int, members: int, seed: int, ratios: Sequence[float]) -> dict[tuple[float, str], list[Score]]:
    """All storms with each size of error on each coast."""
    sea = shelf()
    out: dict[tuple[float, str], list[Score]] = {}
    times = np.arange(0.0, (LEAD_H + AFTER_H - MODEL_FROM_H) * HOUR_S + 1.0, 600.0)
    for number in range(storms):
        rng = np.random.default_rng([seed, number])
        forecast = forecast_track(rng)
        tide = (times, 0.8 * np.cos(2.0 * np.pi * (times / 44_714.0 + rng.uniform())))  # M2, 12.42 h
        draw, rougher = rng.standard_normal(6), float(np.exp(0.15 * rng.standard_normal()))
        for ratio in ratios if number < storms // 2 else ratios[:1]:
            errors: TrackErrors = NORTHWEST_PACIFIC.scaled(ratio)
            cloud = storm_members(forecast, errors, members, np.random.default_rng([seed, number, 1]))
            told = [levels(sea, one, tide) for one in cloud]
            truth = levels(sea, displaced(forecast, draw, errors), tide, rougher)
            for name, (coast, engine) in COASTS.items():
                out.setdefault((ratio, name), []).append(scores(told, truth, times, coast, engine))
    return out


def table_row(rows: Sequence[Score]) -> str:
    """Counts, medians and shares of some storms on one coast, as cells of a table."""
    mean, p95, over, area, level = (
        np.array([getattr(r, k) for r in rows]) for k in ("mean_m", "p95_m", "overrun_m", "area_ratio", "level_miss_m")
    )
    return (
        f"{len(rows)} | {np.median(level):.2f} m | {np.nanmedian(mean):.0f} m | {(mean <= EDGE_M).mean():.0%} | "
        f"{(p95 <= EDGE_M).mean():.0%} | {(over <= EDGE_M).mean():.0%} | {np.median(area):.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--storms", type=int, default=40)
    parser.add_argument("--members", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--published-only", action="store_true", help="no smaller errors beside the published ones")
    asked = parser.parse_args()
    begun = time.perf_counter()
    found = experiment(asked.storms, asked.members, asked.seed, [1.0] if asked.published_only else list(LEADS))
    print(
        f"{asked.storms} storms with the published errors, half as many with smaller ones, {asked.members} members. "
        f"*Median edge*: of land with a chance of at least {MEDIAN_CHANCE:.0%} of {WET_M} m; *high risk*: at least "
        f"{HIGH_RISK_CHANCE:.0%}. Distances between edges are both ways, the larger counts.\n"
    )
    print(
        "| forecast errors | coast | storms | level missed, median | edge missed, median | mean within 500 m | "
        "95 % of the edge | truth ≤ 500 m beyond high risk | high-risk area / flooded, median |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for (ratio, name), rows in found.items():
        print(f"| {LEADS[ratio]} | {name} | {table_row(rows)}")
        flooded = [row for row in rows if row.level_m >= FLOODS_M]
        if flooded:
            print(f"| — those that reach {FLOODS_M} m | {name} | {table_row(flooded)}")
    print(f"\n{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
