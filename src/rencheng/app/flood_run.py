"""``rencheng flood run``: a city's water under a rain that a file describes, from start to maps and tables."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.csv
from numpy.typing import NDArray

from rencheng.adapters.files.arrow import bytes_from_table
from rencheng.adapters.raster.flood_layers import write_extent_geojson, write_geotiff, write_picture
from rencheng.app.flood_rain import rain_of_config
from rencheng.app.flood_works import Works, works_of
from rencheng.assess.facts import FloodTotal
from rencheng.assess.flood.domain import FloodDomain, flood_domain
from rencheng.assess.flood.exposure import object_depths, objects_table
from rencheng.assess.flood.frames import FloodFrames, frames_table
from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.assess.flood.rain_config import DesignRain, MovingRain, storm_warnings
from rencheng.assess.flood.run_config import RAIN_KINDS, RunConfig, read_run_config
from rencheng.assess.flood.totals import flood_totals
from rencheng.assess.flood.underpasses import TankExchange
from rencheng.city import City, read_city
from rencheng.kernel import Conflict, InvalidInput, RenchengError, StorageFailed
from rencheng.science.design_storm import SHANGHAI_2017
from rencheng.science.flood import FloodResult, RainSeries, simulate
from rencheng.science.flood.hazard_rating import general_hazard_class, hazard_rating
from rencheng.science.flood.storm_sewer import SewerBalance

__all__ = ["FloodRunDiverged", "flood_run"]

F32 = NDArray[np.float32]
Tell = Callable[[float, str], None]

SUMMARY = "summary.json"
"""Marks a folder as one that a flood run made, and may therefore be replaced."""
ARRIVAL_DEPTH_M = 0.05
"""Depth from which a cell counts as flooded in arrival and duration."""
_MOST_SAVED_BYTES = 4 << 30


class FloodRunDiverged(RenchengError):
    """The computation could not be carried on; what was reached is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extremes:
    """Fastest water and highest hazard over the saved states, shape (ny, nx)."""

    speed_m_s: F32
    rating: F32
    hazard: NDArray[np.uint8]


def flood_run(city_path: Path, config_path: Path, out: Path, *, tell: Tell = lambda _share, _text: None) -> str:
    """Run a flood over a city and write its layers, tables and account.

    Parameters
    ----------
    city_path : Path
        City package.
    config_path : Path
        TOML or YAML file (see ``docs/reference/flood-run.md``).
    out : Path
        Folder to make; one that an earlier run made is replaced whole, anything else is left alone.
    tell : callable, optional
        Told the share done and what is going on.

    Returns
    -------
    str
        One line that sums the run up.

    Raises
    ------
    InvalidInput
        If the configuration, the terrain or the rain is wrong; names the place and the mend.
    Conflict
        If ``out`` holds something else.
    FloodRunDiverged
        If the computation broke off; the last good state is written first.
    """
    _require_replaceable(out)
    config = read_run_config(config_path)
    city = read_city(city_path)
    tell(0.0, "laying the city out")
    domain = flood_domain(
        city,
        cell_m=config.cell_m or city.terrain.cell_m,
        drainage=config.drainage == "inlets",
        tanks=config.underpasses == "tanks" and config.drainage != "swmm",
        water_level_m=config.water_level_m,
    )
    rain = rain_of_config(config.rain, domain.grid, config_path.parent)
    warnings = (*domain.repairs, *_storm_warnings(config, rain))
    duration_s = config.hours * 3600.0 if config.hours is not None else float(np.asarray(rain.times_s)[-1]) + 3600.0
    with works_of(config, city, domain, rain, config_path.parent, duration_s=duration_s) as works:
        begun = time.perf_counter()
        result = _with_underpasses(_simulated(config, domain, rain, works, duration_s, tell), works.tanks)
        spent_s = time.perf_counter() - begun
        sewer = works.sewer.finish() if works.sewer is not None else None
    tell(0.95, "writing layers and tables")
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        totals = _write(part, domain, result)
        summary = _summary(city, config, domain, result, works, warnings, totals, spent_s) | _sewer_account(sewer)
        (part / SUMMARY).write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2))
        _replace(out, part)
    except OSError as error:
        raise StorageFailed(f"cannot write: {error}", where=str(out), mend="Free space, or choose another") from error
    if result.stopped:
        raise FloodRunDiverged(
            f"the run stopped at {result.end_s:.0f} s: {result.stopped}",
            where=str(out),
            mend="What was reached is written there; look at the terrain at the cell named, or lower the rain",
        )
    return _line(domain, result, totals, out)


def _storm_warnings(config: RunConfig, rain: RainSeries) -> tuple[str, ...]:
    storm = config.rain.storm if isinstance(config.rain, MovingRain) else config.rain
    return storm_warnings(rain, storm.intensity if isinstance(storm, DesignRain) else SHANGHAI_2017)


def _require_replaceable(out: Path) -> None:
    if out.name in {"", ".."}:
        raise InvalidInput(f"{str(out)!r} is no name for a folder", where="--out", mend="Name a folder of its own")
    if out.is_dir() and any(out.iterdir()) and not (out / SUMMARY).is_file():
        raise Conflict(f"{out} holds something else than a flood run", mend="Choose another folder, or empty it")
    if out.exists() and not out.is_dir():
        raise Conflict(f"{out} is a file, not a folder", mend="Choose another name")


def _replace(out: Path, part: Path) -> None:
    old = out.with_name(f".{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    part.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _simulated(
    config: RunConfig, domain: FloodDomain, rain: RainSeries, works: Works, duration_s: float, tell: Tell
) -> FloodResult:
    every_s = min(config.save_every_min * 60.0, duration_s)
    saved = 12 * domain.bed_m.size * (duration_s / every_s + 1.0)
    if saved > _MOST_SAVED_BYTES:
        raise InvalidInput(
            f"{duration_s / every_s:.0f} frames of {domain.bed_m.size:,} cells would take {saved / 2**30:.0f} GiB",
            where="save_every_min",
            mend="Save less often, or use larger cells",
        )
    arguments: dict[str, Any] = {}
    if config.scheme == "shallow_water":
        arguments["order"] = config.order
    if works.walls is not None:
        arguments["walls"] = works.walls
    return simulate(
        domain.bed_m,
        domain.grid.cell_m,
        duration_s,
        rain_mm_h=rain,
        manning=domain.manning if config.manning is None else config.manning,
        boundary=config.boundary,
        infiltration=works.losses,
        exchanges=works.exchanges,
        active=domain.active,
        scheme=config.scheme,  # type: ignore[arg-type]  # checked when the configuration was read
        dtype=config.dtype,
        device=config.device,  # type: ignore[arg-type]  # checked when the configuration was read
        save_every_s=every_s,
        arrival_depth_m=ARRIVAL_DEPTH_M,
        progress=_bar(tell, duration_s),
        **arguments,
    )


def _with_underpasses(result: FloodResult, run: TankExchange) -> FloodResult:
    """Result with the water of the underpasses standing in their cells."""
    places = run.tanks.places
    if not len(places):
        return result
    times, depths = run.history()
    at_save = run.depths_at(result.snapshot_times_s)

    def lifted(raster: NDArray[Any], add: NDArray[np.float64]) -> NDArray[Any]:
        out = raster.copy()
        out.reshape(-1)[places] += add.astype(out.dtype)
        return out

    deep = depths >= ARRIVAL_DEPTH_M
    first = np.where(deep.any(axis=0), times[np.argmax(deep, axis=0)], np.nan)
    spell = (deep[1:] * np.diff(times)[:, None]).sum(axis=0)
    arrival, duration = result.arrival_s.copy(), result.duration_s.copy()
    arrival.reshape(-1)[places] = np.fmin(arrival.reshape(-1)[places], first)
    duration.reshape(-1)[places] = np.maximum(duration.reshape(-1)[places], spell)
    return replace(
        result,
        depth_m=lifted(result.depth_m, depths[-1]),
        peak_depth_m=lifted(result.peak_depth_m, depths.max(axis=0)),
        arrival_s=arrival,
        duration_s=duration,
        snapshots=tuple(
            replace(s, depth_m=lifted(s.depth_m, d)) for s, d in zip(result.snapshots, at_save, strict=True)
        ),
    )


def _bar(tell: Tell, duration_s: float) -> Callable[[float, int], None]:
    """Progress of the engine, told at every hundredth of the way."""
    told = [-1]

    def progress(time_s: float, steps: int) -> None:
        hundredth = int(100.0 * time_s / duration_s)
        if hundredth > told[0]:
            told[0] = hundredth
            tell(0.05 + 0.9 * time_s / duration_s, f"{time_s / 60.0:.0f} min of water, {steps:,} steps")

    return progress


def _write(folder: Path, domain: FloodDomain, result: FloodResult) -> tuple[FloodTotal, ...]:
    """Write layers and tables; give the totals of every frame."""
    grid = domain.grid
    dry = domain.water | ~domain.active
    peak = np.where(dry, np.nan, result.peak_depth_m).astype(np.float32)
    extremes = _extremes(result)
    for name, raster, unit, what in (
        ("peak_depth", peak, "m", "highest depth"),
        ("peak_velocity", extremes.speed_m_s, "m/s", "fastest water over the saved states"),
        ("hazard_rating", extremes.rating, "1", "highest hazard rating d(v+0.5)+DF, FD2320/TR2"),
        ("arrival", result.arrival_s, "s", "first time with 5 cm or more"),
        ("duration", result.duration_s, "s", "time with 5 cm or more"),
        ("final_depth", result.depth_m, "m", "depth at the end"),
    ):
        masked = np.where(dry, np.nan, np.asarray(raster, np.float32)).astype(np.float32)
        write_geotiff(folder / f"{name}.tif", masked, grid, unit=unit, what=what)
    hazard = np.where(dry, np.uint8(0), extremes.hazard)
    what = "highest general hazard class H1 to H6, 0 dry (ADR Guideline 7-3)"
    write_geotiff(folder / "hazard_class.tif", hazard, grid, unit="1", what=what)
    street = np.where(domain.blocked, np.float32(0.0), peak)
    write_extent_geojson(folder / "extent.geojson", street, grid, thresholds_m=THRESHOLDS_M)
    write_picture(
        folder / "map.png",
        street,
        domain.bed_m,
        water=domain.water,
        building=domain.blocked,
        street=domain.cover.road >= 0.3,
    )
    return _write_tables(folder, domain, result)


def _extremes(result: FloodResult) -> _Extremes:
    shape = result.depth_m.shape
    speed, rating = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    hazard = np.zeros(shape, np.uint8)
    for state in result.snapshots:
        v = np.hypot(state.velocity_x_m_s, state.velocity_y_m_s)
        d = np.maximum(state.depth_m, 0.0)
        wet = d >= 0.01
        d, v = np.where(wet, d, 0.0), np.where(wet, v, 0.0)
        speed = np.maximum(speed, v)
        rating = np.maximum(rating, hazard_rating(d, v).astype(np.float32))
        hazard = np.maximum(hazard, general_hazard_class(d, v))
    return _Extremes(speed_m_s=speed, rating=rating, hazard=hazard)


def _write_tables(folder: Path, domain: FloodDomain, result: FloodResult) -> tuple[FloodTotal, ...]:
    counted = domain.active & ~domain.water & ~domain.blocked
    states = [np.where(counted, s.depth_m, np.float32(0.0)).astype(np.float32) for s in result.snapshots]
    lead = tuple(round(s.time_s / 60.0) for s in result.snapshots)
    depths = np.stack(states) if states else np.zeros((0, *result.depth_m.shape), np.float32)
    percent = {t: (100 * (depths >= np.float32(t))).astype(np.uint8) for t in THRESHOLDS_M}
    frames = FloodFrames(grid=domain.grid, lead_min=lead, depth_m=depths, exceed_prob=percent)
    (folder / "frames.arrow").write_bytes(bytes_from_table(frames_table(frames)))
    by_lead = np.stack([object_depths(domain.objects, d) for d in depths])[:, None, :] if len(depths) else None
    if by_lead is None:
        return ()
    table = objects_table(domain.objects, by_lead, lead)
    (folder / "objects.arrow").write_bytes(bytes_from_table(table))
    peak = np.where(counted, result.peak_depth_m, np.float32(0.0)).astype(np.float32)
    highest = objects_table(domain.objects, object_depths(domain.objects, peak)[None, None, :], (0,))
    keep = ["kind", "object_id", "detail", "lon", "lat", "depth_m", "people"]
    pyarrow.csv.write_csv(highest.select(keep), folder / "objects.csv")
    (folder / "objects.json").write_bytes(msgspec.json.encode(highest.select(keep).to_pylist()))
    area = (depths >= np.float32(THRESHOLDS_M[0])).sum(axis=(1, 2)) * domain.grid.cell_m**2 / 1e6
    return flood_totals(domain.objects, domain.links, by_lead, np.ones(1), lead, area)


def _summary(
    city: City,
    config: RunConfig,
    domain: FloodDomain,
    result: FloodResult,
    works: Works,
    warnings: tuple[str, ...],
    totals: tuple[FloodTotal, ...],
    spent_s: float,
) -> dict[str, Any]:
    volumes = {name: round(value, 6) for name, value in asdict(result.volumes).items()}
    peak = np.where(domain.active & ~domain.water & ~domain.blocked, result.peak_depth_m, 0.0)
    return {
        "city": city.manifest.id,
        "config": msgspec.to_builtins(config) | {"rain": {"kind": _kind(config), **msgspec.to_builtins(config.rain)}},
        "grid": asdict(domain.grid),
        "drained_by": "swmm" if config.drainage == "swmm" else domain.drained_by,
        "works": works.told,
        "steps": result.steps,
        "simulated_s": result.end_s,
        "computed_s": round(spent_s, 3),
        "stopped": result.stopped,
        "volumes_m3": volumes,
        "underpasses_m3": [round(float(v), 3) for v in works.tanks.volume_m3],
        "pumped_from_underpasses_m3": [round(float(v), 3) for v in works.tanks.lifted_m3],
        "volume_error_m3": result.volumes.error_m3,
        "volume_error_ratio": result.volume_error_ratio,
        "peak_depth_m": round(float(peak.max(initial=0.0)), 4),
        "flooded_km2": {
            f"{t:g}": round(float((peak >= t).sum()) * domain.grid.cell_m**2 / 1e6, 6) for t in THRESHOLDS_M
        },
        "totals": [asdict(t) for t in totals],
        "warnings": list(warnings),
    }


def _sewer_account(balance: SewerBalance | None) -> dict[str, Any]:
    if balance is None:
        return {}
    account = {
        "taken_m3": balance.taken,
        "returned_m3": balance.returned,
        "outfall_m3": balance.network.outfall,
        "stored_m3": balance.network.stored,
        "error_ratio": balance.error_ratio,
        "swmm_continuity_error_ratio": balance.network.continuity_error_ratio,
    }
    return {"sewer": {name: round(value, 6) for name, value in account.items()}}


def _kind(config: RunConfig) -> str:
    return next(name for name, kind in RAIN_KINDS.items() if isinstance(config.rain, kind))


def _line(domain: FloodDomain, result: FloodResult, totals: tuple[FloodTotal, ...], out: Path) -> str:
    peak = np.where(domain.active & ~domain.water & ~domain.blocked, result.peak_depth_m, 0.0)
    area = float((peak >= THRESHOLDS_M[0]).sum()) * domain.grid.cell_m**2 / 1e6
    residents = max((t.residents for t in totals), default=0.0)
    return (
        f"{result.end_s / 3600.0:g} h of water in {result.steps:,} steps: {area:.3f} km² under 15 cm or more at the "
        f"peak, {residents:,.0f} residents with it at the wall; volume error {result.volume_error_ratio:.1e}; in {out}"
    )
