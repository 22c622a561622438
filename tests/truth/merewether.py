"""The Merewether flood of June 2007 as Australian Rainfall and Runoff published it (Smith & Wasko 2012, Project 15).

A steady 19.7 m³/s comes in at the south-west corner and finds its way between sixty houses and down a street.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from rencheng.science.flood import FloodResult, Open, simulate

Floats = NDArray[np.float64]

INFLOW_M3_S, INFLOW_AT, INFLOW_RADIUS_M = 19.7, (382265.0, 6354280.0), 10.0
HOUSE_M, MANNING_ROAD, MANNING = 3.0, 0.02, 0.04
DURATION_S = 1000.0
NODATA = -9999.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Merewether:
    """The published case on a raster, row 0 south.

    Parameters
    ----------
    bed_m, manning : ndarray of float, (ny, nx)
        Ground with houses as blocks, and roughness.
    active, inflow, house : ndarray of bool, (ny, nx)
        Where there is terrain, where the water comes in, and where a house stands.
    cell_m, west_m, south_m : float
        Raster geometry, MGA zone 56.
    """

    bed_m: Floats
    manning: Floats
    active: NDArray[np.bool_]
    inflow: NDArray[np.bool_]
    house: NDArray[np.bool_]
    cell_m: float
    west_m: float
    south_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakStages:
    """Stages at the five points, metres: published as observed and by TUFLOW ("ARR Report Final"), and ours."""

    name: tuple[int, ...]
    observed_m: Floats
    tuflow_m: Floats
    ours_m: Floats

    def rmse_to(self, stages_m: Floats) -> float:
        """Root mean square difference to published stages, m."""
        return float(np.sqrt(np.mean((self.ours_m - stages_m) ** 2)))


def _polygon(path: Path) -> shapely.Polygon:
    return shapely.Polygon(np.loadtxt(path, delimiter=","))


def _coarser(values: Floats, by: int) -> Floats:
    ny, nx = (n - n % by for n in values.shape)
    return np.asarray(np.nanmean(values[:ny, :nx].reshape(ny // by, by, nx // by, by), axis=(1, 3)), np.float64)


def merewether(folder: Path, coarser: int = 1) -> Merewether:
    """The case on the published 1 m terrain, or on means of ``coarser`` × ``coarser`` of its cells.

    A cell belongs to a house or road whose polygon holds its centre.
    """
    with (folder / "topography1.asc").open(encoding="ascii") as file:
        head = dict(next(file).split() for _ in range(6))
        ground = np.loadtxt(file)[::-1]
    ground[ground == NODATA] = np.nan
    if coarser > 1:
        ground = _coarser(ground, coarser)
    cell = float(head["cellsize"]) * coarser
    west, south = float(head["xllcorner"]), float(head["yllcorner"])
    x = west + (np.arange(ground.shape[1]) + 0.5) * cell
    y = south + (np.arange(ground.shape[0]) + 0.5) * cell
    xx, yy = np.meshgrid(x, y)
    house = np.zeros(ground.shape, np.bool_)
    for path in sorted((folder / "houses").glob("house*.csv")):
        house |= shapely.contains_xy(_polygon(path), xx, yy)
    road = shapely.contains_xy(_polygon(folder / "Road" / "RoadPolygon.csv"), xx, yy)
    active = np.isfinite(ground)
    return Merewether(
        bed_m=np.where(active, ground, np.nanmax(ground)) + HOUSE_M * house,
        manning=np.where(road, MANNING_ROAD, MANNING),
        active=active,
        inflow=active & (np.hypot(xx - INFLOW_AT[0], yy - INFLOW_AT[1]) <= INFLOW_RADIUS_M),
        house=house,
        cell_m=cell,
        west_m=west,
        south_m=south,
    )


def run_merewether(case: Merewether, **how: object) -> FloodResult:
    """Run the case for its 1000 s; water may leave over the north and east edges."""
    times, discharge = np.array([0.0, DURATION_S]), np.full(2, INFLOW_M3_S)
    settings: dict[str, object] = {"boundary": {"north": Open(), "east": Open()}, **how}
    return simulate(
        case.bed_m,
        case.cell_m,
        DURATION_S,
        manning=case.manning,
        active=case.active,
        inflows=[(case.inflow, times, discharge)],
        **settings,  # type: ignore[arg-type]  # the caller's keywords of simulate
    )


def peak_stages(folder: Path, case: Merewether, peak_depth_m: Floats, wet_m: float = 0.01) -> PeakStages:
    """Peak water levels at the published points; a point on a house or dry ground takes the nearest wet cell's."""
    table = np.loadtxt(folder / "Observations" / "ObservationPoints.csv", delimiter=",", skiprows=1)
    rows, columns = np.nonzero((peak_depth_m > wet_m) & ~case.house)
    x, y = case.west_m + (columns + 0.5) * case.cell_m, case.south_m + (rows + 0.5) * case.cell_m
    nearest = [int(np.argmin(np.hypot(x - px, y - py))) for px, py in table[:, :2]]
    level = (case.bed_m + peak_depth_m)[rows[nearest], columns[nearest]]
    return PeakStages(
        name=tuple(int(i) for i in table[:, 2]), observed_m=table[:, 4], tuflow_m=table[:, 5], ours_m=level
    )
