"""How easily each cell floods by its ground: height above drainage, connection to the river, sinks and underpasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.frame import CellFrame, GaugeFrame, cell_rows
from rencheng.city import City, Terrain
from rencheng.kernel import MissingData, cells_of
from rencheng.science.terrain_flow import (
    FlowNetwork,
    drainage_by_threshold,
    flow_accumulation,
    flow_network,
    height_above_drainage,
    rise_to_reach,
)

__all__ = ["Susceptibility", "susceptibility_of"]

RIVER_KINDS = ("river", "canal", "lake", "reservoir", "sea")
"""Waters that a river gauge speaks for; streams and drains are local drainage."""
CHANNEL_AREA_M2 = 2.0e6
"""Ground that drains together makes a channel from this area on, where the city names no waters."""
GAUGE_REACH_M = 25_000.0
"""Farther from every gauge with a published threshold, a place has no flood stage to be judged by."""
RIVER_SLOPE = 1.0e-3
"""Steepest water surface that a rise at a gauge follows upstream (lowland rivers lie well below 1 m per km)."""
QUANTILES = 9
"""Points by which a cell's ground is summed up, each standing for the same share of its land."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Susceptibility:
    """The ground of every cell as floods see it; arrays have shape (cells,) or (cells, QUANTILES).

    Parameters
    ----------
    reach_m : float64 array, shape (cells, QUANTILES)
        Rise of the river above its banks at which water finds its way to that share of the land, over every sill
        between; inf where the ground is unknown or drains to no river.
    hand_m : float64 array, shape (cells, QUANTILES)
        Height of the same land above nearest drainage; inf where unknown.
    gauge_row : int64 array, shape (cells,)
        Gauge that speaks for the river the cell drains to; -1 for none.
    waterlogging_ratio : float64 array, shape (cells,)
        0 (ridge) … 1 (sink) by local drainage and sinks.
    terrain_error_m : float
        Standard error of a height difference in this terrain.
    source : str
        How it was made, for evidence.
    """

    reach_m: NDArray[np.float64]
    hand_m: NDArray[np.float64]
    gauge_row: NDArray[np.int64]
    waterlogging_ratio: NDArray[np.float64]
    terrain_error_m: float
    source: str


def susceptibility_of(city: City, cells: CellFrame, gauges: GaugeFrame) -> Susceptibility:
    """Compute the susceptibility of a city with terrain.

    The river is what the package calls river, canal, lake, reservoir or sea; where it names none, channels draining
    more than 2 km² of the terrain. Height above it follows the flow (Nobre 2011); land whose water leaves the terrain
    before meeting the river is measured against the river nearest as the crow flies.

    Raises
    ------
    MissingData
        If the city has no terrain or no cells.
    """
    if not city.has_terrain or len(cells) == 0:
        missing = "terrain" if len(cells) else "cells"
        raise MissingData(
            f"city {city.manifest.id!r} has no {missing}, which flood susceptibility needs",
            mend="Import a DEM" if missing == "terrain" else "Import a population table",
        )
    terrain = city.terrain
    network = flow_network(terrain.ground_m, cell_m=terrain.cell_m)
    accumulation = flow_accumulation(network)
    channels = drainage_by_threshold(accumulation, cell_m=terrain.cell_m, area_m2=CHANNEL_AREA_M2)
    given = _rasterised_waters(city, terrain, RIVER_KINDS)
    known = np.isfinite(terrain.ground_m)
    origin = "waters" if (given & known).any() else "flow"
    river = (given if origin == "waters" else channels) & known
    local = (river | channels | _rasterised_waters(city, terrain, ("stream", "drain"))) & known
    pixel = _pixel_cells(city, terrain, cells, known & ~river)
    reach, hand, drain = _height_above_river(terrain, network, river)
    gauge, extra = _backwater(terrain, gauges, river, drain)
    reach = reach + extra
    reach_q, hand_q = _quantiles(pixel, reach, hand + extra, len(cells))
    local_hand, _ = height_above_drainage(terrain.ground_m, network, local)
    return Susceptibility(
        reach_m=reach_q,
        hand_m=hand_q,
        gauge_row=_cell_gauges(pixel, reach, gauge, len(cells)),
        waterlogging_ratio=_waterlogging(city, cells, pixel, local_hand, network.filled_m - terrain.ground_m),
        terrain_error_m=1.5 if terrain.cell_m >= 20.0 else 0.3,
        source=f"HAND on {terrain.cell_m:g} m terrain, drainage from {origin}",
    )


def _rasterised_waters(city: City, terrain: Terrain, kinds: tuple[str, ...]) -> NDArray[np.bool_]:
    """Pixels touched by the waters of some kinds."""
    shape = terrain.ground_m.shape
    if not city.has("waters"):
        return np.zeros(shape, np.bool_)
    import shapely
    from rasterio.features import rasterize
    from rasterio.transform import Affine

    table = city.table("waters")
    wanted = [i for i, kind in enumerate(table.column("kind").to_pylist()) if kind in kinds]
    if not wanted:
        return np.zeros(shape, np.bool_)
    wkb = table.column("geometry").take(wanted).to_pylist()
    geometries: Any = shapely.from_wkb([g for g in wkb if g is not None])
    metric = shapely.transform(geometries, lambda xy: np.column_stack(city.to_metric.transform(xy[:, 0], xy[:, 1])))
    affine = Affine(terrain.cell_m, 0.0, terrain.west_m, 0.0, terrain.cell_m, terrain.south_m)
    burnt = rasterize([(g, 1) for g in metric], out_shape=shape, transform=affine, all_touched=True, dtype="uint8")
    return np.asarray(burnt, dtype=np.uint8) > 0


def _pixel_cells(city: City, terrain: Terrain, cells: CellFrame, land: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Row of the cell that each pixel of known land lies in, -1 elsewhere; shape (ny, nx)."""
    out = np.full(land.shape, -1, np.int64)
    x, y = terrain.centres()
    margin = 500.0
    low, high = cells.xy_m.min(axis=0) - margin, cells.xy_m.max(axis=0) + margin
    near = land & ((y >= low[1]) & (y <= high[1]))[:, None] & ((x >= low[0]) & (x <= high[0]))[None, :]
    rows, columns = np.nonzero(near)
    lon, lat = city.to_lonlat.transform(x[columns], y[rows])
    owner = cells_of(np.asarray(lon), np.asarray(lat), city.manifest.h3_resolution)
    out[rows, columns] = cell_rows(cells.cell, owner)
    return out


def _height_above_river(
    terrain: Terrain, network: FlowNetwork, river: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Rise that reaches each pixel, its height above the river, and the river pixel it answers to."""
    from scipy.ndimage import distance_transform_edt

    ground = terrain.ground_m.astype(np.float64)
    hand, drain = height_above_drainage(ground, network, river)
    reach = rise_to_reach(ground, network, river)
    if river.any():
        lost = np.isfinite(ground) & (drain < 0)
        nearest = distance_transform_edt(~river, return_distances=False, return_indices=True)
        flat = nearest[0] * ground.shape[1] + nearest[1]
        drain = np.where(lost, flat, drain)
        base = ground.ravel()[flat]
        hand = np.where(lost, np.maximum(ground - base, 0.0), hand)
        reach = np.where(lost, np.maximum(network.filled_m - base, 0.0), reach)
    return reach, hand, drain


def _quantiles(
    pixel: NDArray[np.int64], reach: NDArray[np.float64], hand: NDArray[np.float64], cells: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum each cell's land up by pixels at evenly spaced ranks of the rise that reaches them."""
    reach_q = np.full((cells, QUANTILES), np.inf)
    hand_q = np.full((cells, QUANTILES), np.inf)
    inside = (pixel >= 0) & np.isfinite(reach)
    owner, rise, height = pixel[inside], reach[inside], hand[inside]
    order = np.lexsort((height, rise, owner))
    owner, rise, height = owner[order], rise[order], height[order]
    first = np.searchsorted(owner, np.arange(cells), side="left")
    count = np.searchsorted(owner, np.arange(cells), side="right") - first
    rank = (np.arange(QUANTILES) + 0.5) / QUANTILES
    has = np.flatnonzero(count > 0)
    pick = first[has][:, None] + np.floor(rank[None, :] * count[has][:, None]).astype(np.int64)
    reach_q[has] = rise[pick]
    hand_q[has] = height[pick]
    return reach_q, hand_q


def _backwater(
    terrain: Terrain, gauges: GaugeFrame, river: NDArray[np.bool_], drain: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Gauge that speaks for each pixel's drainage, and how much higher than the gauge's water that drainage lies.

    The gauge is the nearest with a published stage threshold within reach. A rise at the gauge follows its river up
    at no more than ``RIVER_SLOPE``; drainage above that line belongs to a steeper stream and needs so much more.
    """
    row = np.full(drain.shape, -1, np.int64)
    extra = np.zeros(drain.shape)
    rows = [gauges.index[s] for s, q in gauges.thresholds if q == "stage_m" and s in gauges.index]
    if not rows or not river.any():
        return row, extra
    river_at = np.flatnonzero(river)
    river_xy = _pixel_xy(terrain, river_at)
    ground = terrain.ground_m.ravel().astype(np.float64)
    gauge_xy = gauges.xy_m[rows]
    level = np.array([ground[river_at[np.hypot(*(river_xy - xy).T).argmin()]] for xy in gauge_xy])
    used, back = np.unique(drain[drain >= 0], return_inverse=True)
    far = np.hypot(*(_pixel_xy(terrain, used)[:, None, :] - gauge_xy[None, :, :]).transpose(2, 0, 1))
    nearest = far.argmin(axis=1)
    distance = far[np.arange(len(used)), nearest]
    above = np.maximum(ground[used] - level[nearest] - RIVER_SLOPE * distance, 0.0)
    served = np.where(distance <= GAUGE_REACH_M, np.asarray(rows, np.int64)[nearest], -1)
    row[drain >= 0] = served[back]
    extra[drain >= 0] = above[back]
    return row, extra


def _pixel_xy(terrain: Terrain, flat: NDArray[np.int64]) -> NDArray[np.float64]:
    nx = terrain.ground_m.shape[1]
    x = terrain.west_m + (flat % nx + 0.5) * terrain.cell_m
    y = terrain.south_m + (flat // nx + 0.5) * terrain.cell_m
    return np.column_stack([x, y])


def _cell_gauges(
    pixel: NDArray[np.int64], reach: NDArray[np.float64], gauge: NDArray[np.int64], cells: int
) -> NDArray[np.int64]:
    """Gauge of the land in each cell that the river reaches first."""
    out = np.full(cells, -1, np.int64)
    inside = (pixel >= 0) & np.isfinite(reach) & (gauge >= 0)
    owner, rise, row = pixel[inside], reach[inside], gauge[inside]
    order = np.lexsort((row, rise, owner))
    owner, row = owner[order], row[order]
    if len(owner):
        lowest = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
        out[owner[lowest]] = row[lowest]
    return out


def _waterlogging(
    city: City,
    cells: CellFrame,
    pixel: NDArray[np.int64],
    local_hand: NDArray[np.float64],
    sink_m: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Share of a cell's land that is low above local drainage or lies in a sink; an underpass makes it at least 0.8."""
    inside = pixel >= 0
    height = np.where(np.isfinite(local_hand), local_hand, 5.0)
    index = 0.6 * np.exp(-height / 3.0) + 0.4 * (1.0 - np.exp(-np.maximum(np.nan_to_num(sink_m), 0.0) / 0.3))
    total = np.bincount(pixel[inside], weights=index[inside], minlength=len(cells))
    count = np.bincount(pixel[inside], minlength=len(cells))
    ratio = np.where(count > 0, total / np.maximum(count, 1), 0.3)
    if city.has("road_links") and {"underpass", "cell"} <= set(city.table("road_links").column_names):
        links = city.table("road_links")
        under = np.asarray(links.column("underpass").fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)
        where = links.column("cell").fill_null(0).to_numpy()[under]
        rows = cell_rows(cells.cell, np.asarray(where, dtype=np.uint64))
        ratio[rows[rows >= 0]] = np.maximum(ratio[rows[rows >= 0]], 0.8)
    return np.clip(ratio, 0.0, 1.0)
