"""Land of a city that a cyclone may put under the sea: chances from storms drawn around a forecast track."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.exposure import exposure_index
from rencheng.assess.flood.extent_config import Defence
from rencheng.assess.flood.extent_totals import ExtentTotals, MemberTotals
from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.assess.flood.river_extent import terrain_grid
from rencheng.assess.flood.surge_coast import city_coast
from rencheng.city import City, Terrain
from rencheng.kernel import MissingData
from rencheng.science.storm_surge.coastal_flooding import coastal_floods
from rencheng.science.storm_surge.cyclone import CycloneTrack
from rencheng.science.storm_surge.flood_edge import HIGH_RISK_CHANCE, MEDIAN_CHANCE
from rencheng.science.storm_surge.shelf import ShelfSea, cyclone_forcing, shelf_surge
from rencheng.science.storm_surge.track_errors import NORTHWEST_PACIFIC, StormMember, TrackErrors, storm_members

__all__ = ["CoastLevels", "SurgeExtent", "surge_extent"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
WET_M = THRESHOLDS_M[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoastLevels:
    """Sea level before the city, above mean sea level.

    Parameters
    ----------
    times_s : float64 array, shape (nt,)
        Seconds from the track's first row.
    forecast_m : float64 array, shape (nt, k)
        Of the track as forecast, at each of the sea's cells before the city.
    members_m : float64 array, shape (members, nt, k)
        Of the storms drawn around it.
    tide_m : float64 array, shape (nt,)
        Without any storm.
    """

    times_s: Floats
    forecast_m: Floats
    members_m: Floats
    tide_m: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class SurgeExtent:
    """What a cyclone may do to a city; rasters of shape (ny, nx), row 0 south.

    Parameters
    ----------
    chance : float32 array
        Share of the storms that put at least 0.15 m on the land; 0 in the sea.
    depth_m : float32 array
        Depth that is exceeded with the chance of high risk.
    forecast_depth_m : float32 array
        Depth under the track as forecast.
    levels : CoastLevels
        Sea level before the city.
    high_risk, median : ExtentTotals
        Who and what stands on land with a chance of at least 10 %, and of at least 50 %.
    """

    grid: FloodGrid
    sea: Mask
    chance: NDArray[np.float32]
    depth_m: NDArray[np.float32]
    forecast_depth_m: NDArray[np.float32]
    levels: CoastLevels
    high_risk: ExtentTotals
    median: ExtentTotals
    storms: tuple[StormMember, ...]
    seed: int
    notes: tuple[str, ...]


def surge_extent(
    city: City,
    track: CycloneTrack,
    sea: ShelfSea,
    bed_m: NDArray[np.float32],
    *,
    issued_s: float = 0.0,
    tide: tuple[Floats, Floats] | None = None,
    sea_level_m: float = 0.0,
    defences: tuple[Defence, ...] = (),
    errors: TrackErrors = NORTHWEST_PACIFIC,
    members: int = 40,
    seed: int = 1,
    engine: bool = True,
    progress: Callable[[str, float], None] = lambda _step, _share: None,
) -> SurgeExtent:
    """Let storms drawn around a forecast track raise the sea before a city and run over its land.

    Parameters
    ----------
    city : City
        Needs a terrain that meets the sea.
    track : CycloneTrack
        The forecast, in the city's metric system.
    sea, bed_m : ShelfSea, float32 array
        The shelf, and the bathymetry at the cells of the city's terrain.
    issued_s : float
        When the forecast was issued on the track's clock.
    tide : (times_s, level_m), optional
        Level without the storm, above mean sea level.
    sea_level_m : float
        Mean sea level in the heights of the terrain and of the dikes' crests.
    defences : tuple of Defence
        Dikes; those intact stand.
    errors, members, seed : TrackErrors, int, int
        How wrong forecasts are, how many storms are drawn, where the random numbers start.
    engine : bool
        Let water run inland in its time; else all land joined to the sea below its highest level.
    progress : callable
        Told step and share done.

    Raises
    ------
    MissingData
        If the city has no terrain or no coast.
    """
    if not city.has_terrain:
        raise MissingData(
            f"city {city.manifest.id!r} has no terrain, which a storm surge needs", mend="Import a DEM ([dem])"
        )
    terrain = city.terrain
    coast, cells = city_coast(city, terrain, bed_m, sea, sea_level_m=sea_level_m, defences=defences)
    drawn = storm_members(track, errors, members, np.random.default_rng(seed), issued_s=issued_s)
    levels = _levels(track, drawn, sea, cells, tide, progress)
    every = [levels.forecast_m, *levels.members_m]
    progress("water on the land", 0.6)
    floods = coastal_floods(
        coast, levels.times_s, every, engine=engine, progress=lambda s: progress("water on the land", 0.6 + 0.35 * s)
    )
    grid = terrain_grid(city, terrain)
    totals = MemberTotals(city, exposure_index(city, grid, dry=coast.sea))
    for depth in floods[1:]:
        totals.add(depth.astype(np.float64))
    deep = np.quantile(floods[1:], 1.0 - HIGH_RISK_CHANCE, axis=0, method="inverted_cdf")
    progress("done", 1.0)
    return SurgeExtent(
        grid=grid,
        sea=coast.sea,
        chance=(floods[1:] >= WET_M).mean(axis=0).astype(np.float32),
        depth_m=deep.astype(np.float32),
        forecast_depth_m=floods[0],
        levels=levels,
        high_risk=totals.totals(HIGH_RISK_CHANCE),
        median=totals.totals(MEDIAN_CHANCE),
        storms=drawn,
        seed=seed,
        notes=_notes(track, terrain, sea, defences),
    )


def _levels(
    track: CycloneTrack,
    drawn: tuple[StormMember, ...],
    sea: ShelfSea,
    cells: NDArray[np.int64],
    tide: tuple[Floats, Floats] | None,
    progress: Callable[[str, float], None],
) -> CoastLevels:
    runs = []
    for k, storm in enumerate((StormMember(track=track), *drawn)):
        progress(f"storm {k} of {len(drawn)}", 0.05 + 0.55 * k / (len(drawn) + 1))
        forcing = cyclone_forcing(storm.track, sea, drag_ratio=storm.drag_ratio)
        runs.append(shelf_surge(sea, forcing, float(track.times_s[-1]), cells=cells, tide=tide))
    times = runs[0].times_s
    return CoastLevels(
        times_s=times,
        forecast_m=runs[0].level_m,
        members_m=np.stack([run.level_m for run in runs[1:]]),
        tide_m=np.zeros(len(times)) if tide is None else np.interp(times, *tide),
    )


def _notes(track: CycloneTrack, terrain: Terrain, sea: ShelfSea, defences: tuple[Defence, ...]) -> tuple[str, ...]:
    ny, nx = terrain.ground_m.shape
    x, y = terrain.west_m + 0.5 * nx * terrain.cell_m, terrain.south_m + 0.5 * ny * terrain.cell_m
    when = np.arange(0.0, float(track.times_s[-1]) + 1.0, 600.0)
    far = np.hypot(np.interp(when, track.times_s, track.x_m) - x, np.interp(when, track.times_s, track.y_m) - y)
    nearest = int(far.argmin())
    near_km, near_h = far[nearest] / 1000.0, when[nearest] / 3600.0
    notes = [
        f"The forecast track passes {near_km:.0f} km from the city's middle after {near_h:.0f} h.",
        f"The sea is modelled on cells of {sea.cell_m / 1000.0:.1f} km; waves, rain and rivers are not in it.",
    ]
    if when[nearest] >= float(track.times_s[-1]) - 3 * 3600.0:
        notes.append("WARNING: the track ends while the storm still comes nearer; the highest water may come after it.")
    rows, columns = sea.bed_m.shape
    inside_x, inside_y = (x - sea.west_m) / sea.cell_m / columns, (y - sea.south_m) / sea.cell_m / rows
    if not (0.1 < inside_x < 0.9 or 0.1 < inside_y < 0.9):
        notes.append("WARNING: the city lies in a corner of the bathymetry, whose open edge falsifies its levels.")
    gone = [d.name for d in defences if d.state != "intact"]
    if gone:
        notes.append(f"Open or breached, so not standing: {', '.join(gone)}.")
    if not defences:
        notes.append("No dikes are in the package; those that the terrain does not show are missing.")
    return tuple(notes)
