"""A flood forecast made by formula: a pond that grows along the river and wanders east, twenty members around it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.memory import MemoryFieldStore
from rencheng.assess.facts import (
    Evidence,
    FloodAdviceGiven,
    FloodForecastPublished,
    FloodForecastScored,
    FloodForecastSuperseded,
    FloodOption,
    FloodScore,
    FloodTotal,
)
from rencheng.assess.flood.frames import FloodFrames, FloodGrid, frames_table
from rencheng.assess.flood.objects import OBJECT_KINDS, OBJECT_SCHEMA, THRESHOLDS_M, exceed_column
from rencheng.city import City
from rencheng.kernel import Draft
from rencheng.respond.facts import FloodNeedsMapped

LEADS = tuple(range(0, 121, 10))
MEMBERS = 20
MODEL = "flood-ensemble"


def flood_grid(city: City, cell_m: float) -> FloodGrid:
    x, y = city.to_metric.transform(city.column("cells", "lon"), city.column("cells", "lat"))
    west, south = float(np.floor(x.min())), float(np.floor(y.min()))
    nx, ny = int(np.ceil((x.max() - west) / cell_m)), int(np.ceil((y.max() - south) / cell_m))
    east, north = west + nx * cell_m, south + ny * cell_m
    lon, lat = city.to_lonlat.transform([west, east, east, west], [south, south, north, north])
    corners = tuple((float(a), float(b)) for a, b in zip(lon, lat, strict=True))
    crs = city.manifest.metric_crs
    return FloodGrid(ny=ny, nx=nx, west_m=west, south_m=south, cell_m=cell_m, crs=crs, corners=corners)


def _member_depths(grid: FloodGrid, swell: float) -> NDArray[np.float32]:
    """Depth of every member and lead, shape (members, leads, ny, nx)."""
    row, column = np.mgrid[0 : grid.ny, 0 : grid.nx]
    u, v = (column + 0.5) / grid.nx, (row + 0.5) / grid.ny
    ponds = [(0.32, 0.55, 0.16), (0.55, 0.38, 0.11), (0.68, 0.62, 0.14), (0.44, 0.24, 0.07), (0.8, 0.3, 0.06)]
    rough = 0.12 * np.sin(u * 61) * np.sin(v * 47) + 0.06 * np.sin(u * 143 + v * 97)
    low = sum(np.exp(-(((u - a) / w) ** 2) - ((v - b) / (w * 0.7)) ** 2) for a, b, w in ponds) + rough
    streets = np.maximum(np.cos(u * np.pi * 30) ** 24, np.cos(v * np.pi * 24) ** 24)
    low = low + 0.22 * streets * np.exp(-(((v - 0.45) / 0.25) ** 2))
    made = np.zeros((MEMBERS, len(LEADS), grid.ny, grid.nx), np.float32)
    for m in range(MEMBERS):
        strength = swell * (0.7 + 0.6 * m / (MEMBERS - 1))
        for k, lead in enumerate(LEADS):
            rise = strength * np.sin(np.pi * min(1.0, (lead + 12) / 140) * 0.8)
            made[m, k] = np.clip((low - 1.3 + 0.95 * rise) * 1.7, 0, None)
    return made


def flood_frames(city: City, *, cell_m: float = 30.0, swell: float = 1.0) -> FloodFrames:
    grid = flood_grid(city, cell_m)
    members = _member_depths(grid, swell)
    exceed = {t: np.rint(100 * (members >= t).mean(0)).astype(np.uint8) for t in THRESHOLDS_M}
    depth = np.median(members, axis=0).astype(np.float32)
    return FloodFrames(grid=grid, lead_min=LEADS, depth_m=depth, exceed_prob=exceed)


def _sampled(city: City, frames: FloodFrames, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> dict[str, Any]:
    """Depth and probabilities at places, shape (places, leads); nothing outside the grid."""
    g = frames.grid
    x, y = city.to_metric.transform(lon, lat)
    row, column = ((np.asarray(v) - o) // g.cell_m for v, o in ((y, g.south_m), (x, g.west_m)))
    inside = (row >= 0) & (row < g.ny) & (column >= 0) & (column < g.nx)
    r, c = np.clip(row, 0, g.ny - 1).astype(int), np.clip(column, 0, g.nx - 1).astype(int)
    depth = np.where(inside[:, None], frames.depth_m[:, r, c].T, 0)
    exceed = {t: np.where(inside[:, None], p[:, r, c].T / 100, 0) for t, p in frames.exceed_prob.items()}
    return {"depth": depth, "exceed": exceed}


def _things(city: City) -> list[tuple[str, str, str, float, float, float]]:
    """Kind, id, detail, lon, lat, people of every object of the city."""
    found: list[tuple[str, str, str, float, float, float]] = []
    nodes = {n["node_id"]: (n["lon"], n["lat"]) for n in city.rows("road_nodes")}
    for row in city.rows("road_links"):
        (a, b), (c, d) = nodes[row["from_node"]], nodes[row["to_node"]]
        under = row["link_id"] % 211 in (7, 8)
        detail = "underpass" if under or row.get("underpass") else row["road_class"]
        found.append(("road_link", str(row["link_id"]), detail, (a + c) / 2, (b + d) / 2, 0.0))
    found += [
        ("building", r["building_id"], r["use"], r["lon"], r["lat"], r.get("residents") or 0.0)
        for r in city.rows("buildings")
    ]
    found += [
        ("facility", r["facility_id"], r["kind"], r["lon"], r["lat"], r.get("capacity") or 0.0)
        for r in city.rows("facilities")
    ]
    return sorted(found, key=lambda t: (OBJECT_KINDS.index(t[0]), t[1]))


def flood_objects(city: City, frames: FloodFrames) -> pa.Table:
    things = _things(city)
    lon, lat = (np.array([t[n] for t in things]) for n in (3, 4))
    at = _sampled(city, frames, lon, lat)
    obj, lead = np.nonzero(at["exceed"][THRESHOLDS_M[0]] > 0)
    columns: dict[str, Any] = {
        "kind": [things[n][0] for n in obj.tolist()],
        "object_id": [things[n][1] for n in obj.tolist()],
        "detail": [things[n][2] for n in obj.tolist()],
        "lead_min": np.array(LEADS)[lead],
        "lon": lon[obj],
        "lat": lat[obj],
        "depth_m": at["depth"][obj, lead].astype(np.float32),
        "depth_high_m": (at["depth"][obj, lead] * 1.3).astype(np.float32),
        **{exceed_column(t): at["exceed"][t][obj, lead].astype(np.float32) for t in THRESHOLDS_M},
        "people": np.array([things[n][5] for n in obj.tolist()], np.float32),
    }
    return pa.table({f.name: pa.array(columns[f.name], f.type) for f in OBJECT_SCHEMA}, schema=OBJECT_SCHEMA)


def _totals(frames: FloodFrames, objects: pa.Table) -> tuple[FloodTotal, ...]:
    totals = []
    for k, lead in enumerate(LEADS):
        rows = [r for r in objects.to_pylist() if r["lead_min"] == lead and r[exceed_column(0.15)] >= 0.5]
        kinds: dict[str, int] = {}
        for r in rows:
            if r["kind"] == "facility":
                kinds[r["detail"]] = kinds.get(r["detail"], 0) + 1
        area = float(frames.exceed_prob[0.15][k].sum()) / 100 * frames.grid.cell_m**2 / 1e6
        links = [r for r in rows if r["kind"] == "road_link"]
        totals.append(
            FloodTotal(
                lead_min=lead,
                area_km2=round(area, 3),
                residents=round(sum(r["people"] for r in rows if r["kind"] == "building")),
                buildings=sum(r["kind"] == "building" for r in rows),
                road_km=round(0.125 * len(links), 2),
                underpasses=sum(r["detail"] == "underpass" for r in links),
                facilities=dict(sorted(kinds.items())),
            )
        )
    return tuple(totals)


_MADE: dict[tuple[str, float, float], tuple[pa.Table, pa.Table, tuple[FloodTotal, ...], FloodGrid]] = {}


def _made(city: City, swell: float, cell_m: float) -> tuple[pa.Table, pa.Table, tuple[FloodTotal, ...], FloodGrid]:
    """The tables of a forecast, made once per process: many sessions play the same script."""
    key = (city.digest, swell, cell_m)
    if key not in _MADE:
        frames = flood_frames(city, cell_m=cell_m, swell=swell)
        objects = flood_objects(city, frames)
        _MADE[key] = (frames_table(frames), objects, _totals(frames, objects), frames.grid)
    return _MADE[key]


def flood_published(
    city: City, fields: MemoryFieldStore, at: datetime, *, swell: float = 1.0, cell_m: float = 30.0, number: int = 1
) -> list[tuple[str, Any]]:
    """A forecast and its advice, as (stream, body)."""
    frames, objects, totals, grid = _made(city, swell, cell_m)
    forecast_id = f"flood-{number}"
    published = FloodForecastPublished(
        forecast_id=forecast_id,
        model=MODEL,
        based_at=at - timedelta(minutes=4),
        rain_source="radar",
        scheme="local_inertial",
        members=MEMBERS,
        cell_m=cell_m,
        lead_min=LEADS,
        thresholds_m=THRESHOLDS_M,
        frames=fields.put(frames),
        objects=fields.put(objects),
        points="",
        analysis="",
        totals=totals,
        weights=tuple([1 / MEMBERS] * MEMBERS),
        volume_error_ratio=3e-16,
        evidence=(Evidence(kind="reading", sensor_id="r1", quantity="rain_mm", value=14.2, unit="mm", at=at),),
    )
    west, south = grid.corners[0]
    advice = FloodAdviceGiven(
        advice_id=f"advice-{number}",
        forecast_id=forecast_id,
        options=(
            FloodOption(
                option_id="o1",
                kind="mobile_pump",
                detail="underpass 429",
                lon=west + 0.022,
                lat=south + 0.03,
                avoided_residents=410.0,
                avoided_underpasses=2,
                avoided_area_km2=0.21,
                lowered_m=0.24,
            ),
            FloodOption(
                option_id="o2",
                kind="gate",
                detail="南湖闸 0.8 m",
                lon=west + 0.05,
                lat=south + 0.02,
                avoided_residents=120.0,
                avoided_underpasses=0,
                avoided_area_km2=0.08,
                lowered_m=0.06,
            ),
            FloodOption(
                option_id="o0",
                kind="none",
                detail="",
                lon=west,
                lat=south,
                avoided_residents=0.0,
                avoided_underpasses=0,
                avoided_area_km2=0.0,
                lowered_m=0.0,
            ),
        ),
    )
    return [
        ("flood/linjiang", published),
        ("flood/linjiang", advice),
        ("flood/needs", _needs(city, fields, forecast_id, swell)),
    ]


def _needs(city: City, fields: MemoryFieldStore, forecast_id: str, swell: float) -> FloodNeedsMapped:
    cells = city.column("cells", "cell")[::7][:40]
    bags = np.round(swell * 60 * np.linspace(1, 4, len(cells)))
    table = pa.table(
        {
            "cell": pa.array(np.concatenate([cells, cells[:8]]), pa.uint64()),
            "item": ["sandbag"] * len(cells) + ["pump"] * 8,
            "quantity": np.concatenate([bags, np.ones(8)]),
        }
    )
    wanted = {"sandbag": float(bags.sum()), "pump": 8.0}
    return FloodNeedsMapped(
        forecast_id=forecast_id,
        field=fields.put(table),
        wanted=wanted,
        stock={"sandbag": 4000.0, "pump": 12.0},
        short={"sandbag": round(max(0.0, wanted["sandbag"] - 4000), 1), "pump": 0.0},
    )


def flood_scored() -> FloodForecastScored:
    scores = tuple(
        FloodScore(
            lead_min=lead,
            threshold_m=t,
            hits=40 - n,
            misses=6 + n // 2,
            false_alarms=9 + n,
            correct_negatives=260,
            pod=(40 - n) / (46 - n + n // 2),
            far=(9 + n) / 49,
            csi=(40 - n) / (55 + n // 2),
            brier=0.05 + 0.003 * n,
            reliability=((0.1, 0.08, 120), (0.5, 0.46, 60), (0.9, 0.93, 40)),
        )
        for n, lead in enumerate((30, 60, 90, 120))
        for t in THRESHOLDS_M
    )
    return FloodForecastScored(model=MODEL, pairs=315, crps_m=0.031, persistence_crps_m=0.058, scores=scores)


def flood_superseded(at: datetime) -> FloodForecastSuperseded:
    return FloodForecastSuperseded(based_at=at, superseded_by=at + timedelta(minutes=10), reason="newer rain picture")


def flood_drafts(city: City, fields: MemoryFieldStore, at: datetime, **how: Any) -> list[Draft]:
    """A forecast with its advice as drafts for a ledger."""
    return [
        Draft(stream=stream, body=body, occurred_at=at, actor="model:flood")
        for stream, body in flood_published(city, fields, at, **how)
    ]
