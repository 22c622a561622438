"""From a city, a track and a bathymetry to the files of a storm surge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rencheng.adapters.raster.bathymetry import bed_on_terrain, shelf_sea_from_raster
from rencheng.app.flood_surge_files import TITLES, write_surge
from rencheng.app.flood_surge_track import read_tide, read_track
from rencheng.assess.flood.extent_config import read_defences
from rencheng.assess.flood.surge_extent import SurgeExtent, surge_extent
from rencheng.city import read_city
from rencheng.kernel import InvalidInput, MissingData, StorageFailed
from rencheng.science.storm_surge.flood_edge import HIGH_RISK_CHANCE, MEDIAN_CHANCE

__all__ = ["MOST_MEMBERS", "flood_surge", "surge_summary"]

MOST_MEMBERS = 1000


def flood_surge(
    city: Path,
    track: Path,
    bathymetry: Path,
    out: Path,
    *,
    issued: datetime | None = None,
    tide: Path | None = None,
    sea_level_m: float = 0.0,
    defences: Path | None = None,
    wind_minutes: int = 10,
    members: int = 40,
    seed: int = 1,
    engine: bool = True,
    progress: Callable[[str, float], None] = lambda _step, _share: None,
) -> SurgeExtent:
    """Foretell the surge of a cyclone before a city and the land it may flood, and write both into a folder.

    Parameters
    ----------
    city : Path
        Folder of a city package by the sea.
    track : Path
        CSV of the forecast track (docs/reference/storm-track.md).
    bathymetry : Path
        Raster of heights above mean sea level, negative in the sea, some 300 km to either side of the city.
    out : Path
        Folder for the results.
    issued : datetime, optional
        When the forecast was issued; the track's first row if absent. Errors grow from there.
    tide : Path, optional
        CSV of the astronomical tide; none if absent.
    sea_level_m : float
        Mean sea level in the terrain's heights.
    defences : Path, optional
        GeoJSON of dikes, crests in the terrain's heights; the package's own if absent.
    wind_minutes, members, seed, engine
        Averaging time of the track's winds; storms drawn; where random numbers start; whether water runs in its time.
    progress : callable
        Told step and share done.

    Raises
    ------
    InvalidInput
        If a file or an option is wrong.
    MissingData
        If the city has no terrain or lies by no sea.
    StorageFailed
        If the folder cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise InvalidInput(f"{out} is a file, not a folder", mend="Choose another --out")
    if not 1 <= members <= MOST_MEMBERS:
        raise InvalidInput(f"{members} members are not between 1 and {MOST_MEMBERS:,}", mend="Try 40")
    package = read_city(city)
    told = read_track(track, package, wind_minutes=wind_minutes)
    if not package.has_terrain:
        raise MissingData(
            f"city {package.manifest.id!r} has no terrain, which a storm surge needs", mend="Import a DEM ([dem])"
        )
    progress("bathymetry", 0.01)
    sea = shelf_sea_from_raster(bathymetry, metric_crs=package.manifest.metric_crs)
    own = package.path / "flood" / "defences.geojson"
    lines = defences or (own if own.is_file() else None)
    extent = surge_extent(
        package,
        told.track,
        sea,
        bed_on_terrain(bathymetry, package.terrain),
        issued_s=0.0 if issued is None else (issued - told.start).total_seconds(),
        tide=None if tide is None else read_tide(tide, told.start),
        sea_level_m=sea_level_m,
        defences=() if lines is None else read_defences(lines),
        members=members,
        seed=seed,
        engine=engine,
        progress=progress,
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_surge(extent, package, told, out)
    except OSError as error:
        raise StorageFailed(
            f"cannot write the surge: {error}", where=str(out), mend="Free space or choose another folder"
        ) from error
    return extent


def surge_summary(extent: SurgeExtent) -> list[str]:
    """Lines for a terminal: the highest water, then who is at risk, in Chinese and English."""
    top = extent.levels.members_m.max(axis=(1, 2))
    low, middle, high = sorted(top.tolist())[len(top) // 10], sorted(top.tolist())[len(top) // 2], float(top.max())
    told = f"median {middle:.1f} m, 10 % {low:.1f} m, highest {high:.1f} m of {len(top)} storms"
    lines = [f"{TITLES['level']}: {float(extent.levels.forecast_m.max()):.1f} m as forecast; {told}"]
    for name, chance, totals in (
        ("high_risk", HIGH_RISK_CHANCE, extent.high_risk),
        ("median", MEDIAN_CHANCE, extent.median),
    ):
        total = totals.areas[0]
        lines.append(
            f"{TITLES[name]} (≥ {chance:.0%}): {total.flooded_km2:.1f} km², {total.residents:,.0f} residents, "
            f"{total.schools} schools, {sum(total.facilities.values())} facilities, "
            f"{sum(total.road_km.values()):.0f} km of road, {total.isolated_residents:,.0f} residents cut off"
        )
    return [*lines, *extent.notes]
