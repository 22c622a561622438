"""Land under water at a stage of a river gauge, with and without its defences, and how surely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from rencheng.assess.flood.bare_ground import BareGround, bare_ground
from rencheng.assess.flood.exposure import ObjectIndex, exposure_index
from rencheng.assess.flood.exposure_index import metric_line
from rencheng.assess.flood.extent_config import Defence, ExtentConfig, read_defences, read_extent_config
from rencheng.assess.flood.extent_totals import ExtentTotals, MemberTotals
from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.river_gauge import RiverGauge, StageLevel, level_of_stage, river_gauge
from rencheng.assess.flood.river_water import RiverWater, burnt, river_water
from rencheng.city import City, Terrain
from rencheng.kernel import InvalidInput, MissingData
from rencheng.science.flood.extent import (
    connected_extent,
    expected_extent_threshold,
    extent_members,
    levees_opened,
    levees_raised,
    spill_level,
)
from rencheng.science.flood.spreading import spread_from_water

__all__ = ["CaseName", "ExtentCase", "RiverExtent", "river_extent", "terrain_grid"]

CaseName = Literal["as_it_is", "defences_hold", "defences_fail", "defences_as_stated", "in_time"]

LEAST_DEPTH_M = 0.01
MOST_HOURS = 240.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtentCase:
    """The extent under one assumption on the defences; rasters of shape (ny, nx), row 0 south.

    Parameters
    ----------
    name : CaseName
        The assumption.
    prob : float32 array
        Probability of being under water, 0 in standing water.
    least_prob : float
        Land is shown flooded from this probability on, so that its area is the expected one.
    depth_m : float32 array
        Depth that is exceeded with that probability where land is shown flooded, else 0.
    first_stage_m : float32 array
        Stage at which the most likely terrain is first reached, over every sill; NaN where never.
    totals : ExtentTotals
        Who and what is under water.
    """

    name: CaseName
    prob: NDArray[np.float32]
    least_prob: float
    depth_m: NDArray[np.float32]
    first_stage_m: NDArray[np.float32]
    totals: ExtentTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class RiverExtent:
    """Extents at one stage of one gauge."""

    gauge: RiverGauge
    level: StageLevel
    grid: FloodGrid
    water: RiverWater
    ground: BareGround
    defences: tuple[Defence, ...]
    index: ObjectIndex
    cases: tuple[ExtentCase, ...]
    members: int
    seed: int
    notes: tuple[str, ...]

    @property
    def main(self) -> ExtentCase:
        """The case shown first: without the help of defences, as flood hazard maps are drawn."""
        return self.cases[0]


def terrain_grid(city: City, terrain: Terrain) -> FloodGrid:
    """Grid of a terrain, with its corners for a map."""
    ny, nx = terrain.ground_m.shape
    east, north = terrain.west_m + nx * terrain.cell_m, terrain.south_m + ny * terrain.cell_m
    x = [terrain.west_m, east, east, terrain.west_m]
    y = [terrain.south_m, terrain.south_m, north, north]
    lon, lat = city.to_lonlat.transform(x, y)
    corners = tuple((round(float(a), 6), round(float(b), 6)) for a, b in zip(lon, lat, strict=True))
    return FloodGrid(
        ny=ny,
        nx=nx,
        west_m=terrain.west_m,
        south_m=terrain.south_m,
        cell_m=terrain.cell_m,
        crs=terrain.crs,
        corners=corners,
    )


def river_extent(
    city: City,
    stage_m: float,
    *,
    gauge_id: str | None = None,
    defences: tuple[Defence, ...] | None = None,
    members: int = 200,
    seed: int = 1,
    hours: float | None = None,
    progress: Callable[[str, float], None] = lambda _step, _share: None,
) -> RiverExtent:
    """Map the land that a stage puts under water.

    The water surface that the terrain shows rises by the stage over its ordinary one; land below it is wet if water
    finds its way there over every sill. As the ground is known only roughly, ``members`` plausible terrains are
    flooded, the same ones for every case.

    Parameters
    ----------
    city : City
        Needs terrain, waters and a stage gauge.
    stage_m : float
        Stage at the gauge.
    gauge_id : str, optional
        Gauge; may be left out where only one of the city has a published threshold.
    defences : tuple of Defence, optional
        Levees; those of the package (``flood/defences.geojson``) where left out.
    members, seed : int
        Terrains, and where their random numbers start.
    hours : float, optional
        Adds the case ``in_time``: how far water gets over the most likely ground in so many hours with the river held
        at the stage, by the flood engine, under the first case's assumption on the defences. Its probabilities are 0
        or 1.
    progress : callable
        Told step and share done.

    Returns
    -------
    RiverExtent
        With defences, the case without their help comes first, then the one in which they hold; none is a forecast of
        which will come true.

    Raises
    ------
    MissingData
        If the city lacks what is needed.
    InvalidInput, NotFound
        If gauge or stage cannot be.
    """
    if hours is not None and not 0.0 < hours <= MOST_HOURS:
        raise InvalidInput(f"{hours:g} hours are not above 0 and at most {MOST_HOURS:g}", mend="Try 24")
    if not city.has_terrain:
        raise MissingData(
            f"city {city.manifest.id!r} has no terrain, which a flood extent needs", mend="Import a DEM ([dem])"
        )
    config = read_extent_config(city)
    gauge = river_gauge(city, gauge_id)
    terrain = city.terrain
    x, y = city.to_metric.transform(gauge.lon, gauge.lat)
    water = river_water(city, terrain, gauge_xy=(float(x), float(y)), river=gauge.river)
    level = level_of_stage(gauge, stage_m, water, config)
    progress("ground", 0.05)
    grid = terrain_grid(city, terrain)
    index = exposure_index(city, grid, dry=water.standing)
    ground = bare_ground(
        city,
        terrain,
        water,
        index,
        config,
        surveyed_m=_surveyed_m(config, level, water),
        datum_error_m=level.error_m,
    )
    lines = _package_defences(city) if defences is None else defences
    known = float(np.isfinite(terrain.ground_m).mean())
    notes = [*level.notes, *ground.notes, *_told(lines, level)]
    if known < 0.999:
        notes.append(f"{1 - known:.0%} of the map has no terrain; what lies there is not assessed and counts as dry.")
    cases = []
    for k, name in enumerate(_case_names(lines)):
        progress(name.replace("_", " "), 0.15 + (0.8 if hours is None else 0.4) * k / len(_case_names(lines)))
        cases.append(_case(city, name, lines, terrain, water, ground, level, index, members, seed))
    if hours is not None:
        progress(f"water on its way for {hours:g} h", 0.6)
        cases.append(_case_in_time(city, cases[0], lines, terrain, water, ground, level, index, hours, notes))
    progress("done", 1.0)
    return RiverExtent(
        gauge=gauge,
        level=level,
        grid=grid,
        water=water,
        ground=ground,
        defences=lines,
        index=index,
        cases=tuple(cases),
        members=members,
        seed=seed,
        notes=tuple(notes),
    )


def _surveyed_m(config: ExtentConfig, level: StageLevel, water: RiverWater) -> Floats:
    return np.array([s.stage_m - level.water_stage_m + water.at_gauge_m for s in config.survey], np.float64)


def _package_defences(city: City) -> tuple[Defence, ...]:
    file = city.path / "flood" / "defences.geojson"
    return read_defences(file) if file.is_file() else ()


def _told(lines: tuple[Defence, ...], level: StageLevel) -> list[str]:
    if not lines:
        return ["No defences are in the package; those that the terrain does not show are missing from the map."]
    over = [d.name for d in lines if d.crest_m < level.stage_m]
    told = (
        "Two cases stand side by side: defences fail (gates open, levees breached: flood hazard maps are drawn so) and "
        "defences hold. Neither is a forecast of what the defences will do."
    )
    notes = [told]
    if over:
        notes.append(f"Stage {level.stage_m:g} m is above the crest of: {', '.join(over)}.")
    return notes


def _case_names(lines: tuple[Defence, ...]) -> tuple[CaseName, ...]:
    if not lines:
        return ("as_it_is",)
    mixed = any(d.state != "intact" for d in lines) and any(d.state == "intact" for d in lines)
    return ("defences_fail", "defences_hold", "defences_as_stated") if mixed else ("defences_fail", "defences_hold")


def _case(
    city: City,
    name: CaseName,
    lines: tuple[Defence, ...],
    terrain: Terrain,
    water: RiverWater,
    ground: BareGround,
    level: StageLevel,
    index: ObjectIndex,
    members: int,
    seed: int,
) -> ExtentCase:
    above = ground.ground_m - water.base_m
    above, surveyed = _defended(city, name, lines, terrain, above, level)
    prob = np.zeros(above.shape)
    totals = MemberTotals(city, index)
    rng = np.random.default_rng(seed)
    for depth in extent_members(
        above,
        level.rise_m,
        water.rising,
        ground.error,
        cell_m=terrain.cell_m,
        members=members,
        rng=rng,
        surveyed=surveyed,
    ):
        depth[water.standing] = 0.0
        prob += depth > 0.0
        totals.add(depth)
    prob /= members
    least_prob = expected_extent_threshold(prob)
    wet = prob >= least_prob
    spread = np.sqrt(ground.error.noise_m**2 + ground.error.cover_m**2 + ground.error.datum_m**2)
    deep = level.rise_m - above + float(ndtri(1.0 - least_prob)) * spread
    depth_m = np.where(wet, np.maximum(deep, LEAST_DEPTH_M), 0.0).astype(np.float32)
    first = spill_level(above, water.rising) + level.water_stage_m
    return ExtentCase(
        name=name,
        prob=prob.astype(np.float32),
        least_prob=least_prob,
        depth_m=depth_m,
        first_stage_m=np.where(water.standing, np.nan, first).astype(np.float32),
        totals=totals.totals(least_prob),
    )


def _case_in_time(
    city: City,
    main: ExtentCase,
    lines: tuple[Defence, ...],
    terrain: Terrain,
    water: RiverWater,
    ground: BareGround,
    level: StageLevel,
    index: ObjectIndex,
    hours: float,
    notes: list[str],
) -> ExtentCase:
    above, _ = _defended(city, main.name, lines, terrain, ground.ground_m - water.base_m, level)
    reach = connected_extent(above, level.rise_m, water.rising) & ~water.standing
    run = spread_from_water(
        above,
        np.full(above.shape, level.rise_m),
        water.rising,
        cell_m=terrain.cell_m,
        duration_s=hours * 3600.0,
        reach=reach,
    )
    depth = np.where(reach, np.asarray(run.peak_depth_m, np.float64), 0.0)
    totals = MemberTotals(city, index)
    totals.add(depth)
    wet = depth >= LEAST_DEPTH_M
    share = float(wet.sum()) / max(int(reach.sum()), 1)
    notes.append(f"In {hours:g} h water gets to {share:.0%} of the land that lies below the level and is open to it.")
    return ExtentCase(
        name="in_time",
        prob=wet.astype(np.float32),
        least_prob=0.5,
        depth_m=np.where(wet, depth, 0.0).astype(np.float32),
        first_stage_m=main.first_stage_m,
        totals=totals.totals(0.5),
    )


def _defended(
    city: City, name: CaseName, lines: tuple[Defence, ...], terrain: Terrain, above: Floats, level: StageLevel
) -> tuple[Floats, NDArray[np.bool_]]:
    """Ground with the levees that stand in a case, and the cells whose height is theirs."""
    standing = np.full(above.shape, np.nan)
    gone = np.zeros(above.shape, np.bool_)
    for line in lines:
        stands = name == "defences_hold" or (name == "defences_as_stated" and line.state == "intact")
        cells = burnt(terrain, [metric_line(city, line.line)], touched=True)
        if stands:
            standing = np.where(cells, np.fmax(standing, line.crest_m - level.water_stage_m), standing)
        else:
            gone |= cells
    if gone.any():
        above = levees_opened(above, gone)
    return levees_raised(above, standing), np.isfinite(standing)
