"""``rencheng flood day``: a city's water of the next day from a file of forecast rain, as maps and tables."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from rencheng.adapters.files.arrow import bytes_from_table
from rencheng.adapters.raster.flood_layers import write_geotiff
from rencheng.app.rain_forecasts import read_rain_forecast
from rencheng.assess.flood.cycle import CycleResult
from rencheng.assess.flood.day_ahead import day_ahead_cycle
from rencheng.assess.flood.day_engine import frames_ahead
from rencheng.assess.flood.domain import FloodDomain, flood_domain
from rencheng.assess.flood.engine import suitable_cell_m
from rencheng.assess.flood.ensemble import member_pool
from rencheng.assess.flood.frames import frames_table
from rencheng.assess.flood.objects import THRESHOLDS_M, exceed_column
from rencheng.assess.flood.watch import RainRecord
from rencheng.assess.flood.wet_places import place_names
from rencheng.assess.rules import FloodRules
from rencheng.city import City, read_city
from rencheng.kernel import Conflict, InvalidInput

__all__ = ["flood_day", "roads_at_risk"]

Tell = Callable[[float, str], None]

SUMMARY = "summary.json"
_DRY = RainRecord(xy_m=np.zeros((0, 2)), edges_s=np.array([-300.0, 0.0]), rate_mm_h=np.zeros((1, 0)), pictures=())


def flood_day(
    city_path: Path,
    rain: Path,
    out: Path,
    *,
    step_min: float = 60.0,
    rain_members: int = 1,
    members: int | None = None,
    horizon_h: float | None = None,
    seed: int = 1,
    tell: Tell = lambda _share, _text: None,
) -> str:
    """Forecast the water of the next day over dry streets, and write what it touches.

    Parameters
    ----------
    city_path, rain, out : Path
        City package; file of forecast rain, or a folder whose last file is taken; folder for the results.
    step_min, rain_members : float, int
        Of a raster of forecast rain: minutes per band, and members in its bands.
    members : int, optional
        Members of the ensemble; as the rules say where absent.
    horizon_h : float, optional
        How far to look; as the rules say where absent, and no farther than the rain forecast.
    seed : int
        Of the ensemble's chance.
    tell : callable
        Told the share done.

    Returns
    -------
    str
        One line of what comes.

    Raises
    ------
    InvalidInput
        If the rain cannot be read or holds what cannot be.
    Conflict
        If ``out`` holds something else.
    """
    rules = FloodRules()
    _require_free(out)
    city = read_city(city_path)
    forecast = read_rain_forecast(rain, city, step_min=step_min, members=rain_members)
    chosen = rules.day_members if members is None else members
    if chosen < 1:
        raise InvalidInput(f"{chosen} members", where="--members", mend="Give one or more")
    domain = flood_domain(city, cell_m=suitable_cell_m(city, rules.day_raster_cells))
    with member_pool(domain) as pool:
        result = day_ahead_cycle(
            pool,
            _DRY,
            forecast,
            members=chosen,
            rng=np.random.default_rng(seed),
            horizon_h=rules.day_horizon_h if horizon_h is None else horizon_h,
            step_h=rules.day_step_h,
            progress=lambda share: tell(share, "members"),
        )
    assert result is not None, "nobody stops it"
    roads = roads_at_risk(result.objects, city)
    _write(out, domain, result, roads)
    worst = max(result.totals[1:], key=lambda t: t.area_km2)
    return (
        f"{city.manifest.id}: {forecast.total_mm:.0f} mm forecast ({forecast.kind}), {chosen} members on "
        f"{domain.grid.cell_m:g} m cells; worst by +{worst.lead_min // 60} h: {worst.area_km2:.2f} km² expected under "
        f"15 cm, {roads.num_rows} road links with a chance of it; {out}"
    )


def roads_at_risk(objects: pa.Table, city: City) -> pa.Table:
    """Road links with any chance of 0.15 m: the greatest chance, from when, and how deep; the likeliest first.

    Parameters
    ----------
    objects : pyarrow.Table
        In ``OBJECT_SCHEMA``.
    city : City
        Knows their names.

    Returns
    -------
    pyarrow.Table
        ``link_id``, ``name``, ``road_class``, ``lon``, ``lat``, ``prob_0_15_m``, ``prob_0_3_m``, ``first_h`` (end of
        the first window with a chance), ``depth_m`` and ``depth_high_m`` (median and 90 % quantile, deepest).
    """
    rows = objects.filter(pc.and_(pc.equal(objects["kind"], "road_link"), pc.greater(objects["lead_min"], 0)))
    kerb, axle = exceed_column(THRESHOLDS_M[0]), exceed_column(THRESHOLDS_M[1])
    grouped = rows.group_by(["object_id", "detail", "lon", "lat"]).aggregate(
        [(kerb, "max"), (axle, "max"), ("lead_min", "min"), ("depth_m", "max"), ("depth_high_m", "max")]
    )
    names = place_names(city)
    table = pa.table(
        {
            "link_id": grouped["object_id"],
            "name": pa.array([names.get(i, "") for i in grouped["object_id"].to_pylist()], pa.string()),
            "road_class": grouped["detail"],
            "lon": grouped["lon"],
            "lat": grouped["lat"],
            "prob_0_15_m": pc.round(grouped[f"{kerb}_max"], 3),
            "prob_0_3_m": pc.round(grouped[f"{axle}_max"], 3),
            "first_h": pc.divide(pc.cast(grouped["lead_min_min"], pa.float64()), 60.0),
            "depth_m": pc.round(grouped["depth_m_max"], 3),
            "depth_high_m": pc.round(grouped["depth_high_m_max"], 3),
        }
    )
    order = [("prob_0_15_m", "descending"), ("depth_high_m", "descending"), ("link_id", "ascending")]
    return table.sort_by(order)


def _require_free(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise Conflict(f"{out} is a file, not a folder", mend="Choose another name")
    if out.is_dir() and any(out.iterdir()) and not (out / SUMMARY).is_file():
        raise Conflict(f"{out} holds something else", mend="Choose another folder, or empty it")


def _write(out: Path, domain: FloodDomain, result: CycleResult, roads: pa.Table) -> None:
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    frames, objects = frames_ahead(result)
    for threshold, percent in sorted(frames.exceed_prob.items()):
        chance = percent.max(axis=0).astype(np.float32) / np.float32(100.0)
        raster = np.where(domain.water | ~domain.active, np.nan, chance).astype(np.float32)
        what = f"highest chance of {threshold:g} m at any time ahead"
        write_geotiff(part / f"chance_{round(threshold * 1000)}mm.tif", raster, frames.grid, unit="1", what=what)
    (part / "frames.arrow").write_bytes(bytes_from_table(frames_table(frames)))
    pyarrow.csv.write_csv(objects, part / "objects.csv")
    pyarrow.csv.write_csv(roads, part / "roads.csv")
    said = {
        "lead_min": frames.lead_min,
        "members": len(result.weights),
        "cell_m": frames.grid.cell_m,
        "totals": [asdict(t) for t in result.totals[1:]],
        "volume_error_ratio": result.volume_error_ratio,
    }
    (part / SUMMARY).write_bytes(msgspec.json.format(msgspec.json.encode(said), indent=2))
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)
