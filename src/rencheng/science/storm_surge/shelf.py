"""A storm over a shelf sea: the depth-averaged equations without advection, as in operational surge models.

``∂η/∂t + ∇·q = 0`` and ``∂q/∂t + f k×q = −g h ∇η − h/ρ ∇p + (τ − τ_bed)/ρ`` with Manning's friction, on an Arakawa
C grid stepped forward-backward (Sielecki 1968, Mon. Wea. Rev. 96, 150); what flows from cell to cell never exceeds what
is there, so land wets and dries and the volume closes to rounding. SLOSH leaves advection out too (Jelesnianski, Chen &
Shaffer 1992, NOAA Tech. Rep. NWS 48). Open edges radiate (Flather 1976) against the tide and the inverse barometer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rencheng.kernel import InvalidInput
from rencheng.science.storm_surge.cyclone import HPA, CycloneTrack, coriolis_per_s, pressure_and_wind
from rencheng.science.storm_surge.shelf_kernel import GRAVITY_M_S2, WATER_KG_M3, advance
from rencheng.science.storm_surge.wind_stress import wind_stress_pa

__all__ = ["Forcing", "ShelfSea", "SurgeResult", "cyclone_forcing", "sea_connected", "shelf_surge"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Forcing = Callable[[float], tuple[Floats, Floats, Floats]]
"""Time in s → pressure anomaly (Pa, 0 far away) and stress towards east and north (Pa), arrays (ny, nx)."""

SEA_MANNING = 0.022
"""Roughness of a sandy shelf, s/m^(1/3) (0.02 to 0.025: Bunya et al. 2010, Mon. Wea. Rev. 138, 345)."""
LAND_MANNING = 0.06
COURANT = 0.7
FORCING_S = 600.0
HIGHEST_SURGE_M = 10.0
NO_SEA_M = 1e6
RAMP_S = 3 * 3600.0
"""The storm is let grow over this time, so that the sea starts at rest without a jolt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfSea:
    """Bed of a sea and its coast; arrays have shape (ny, nx), row 0 in the south.

    Parameters
    ----------
    bed_m : float64 array
        Height of bed or land, negative below the datum of the levels; NaN is land that never floods.
    cell_m : float
        Edge of a cell.
    west_m, south_m : float
        Outer corner of cell (0, 0).
    lat : float64 array, shape (ny,)
        Latitude of the rows, degrees, for the earth's rotation.
    open_sides : (west, east, south, north)
        Whether the sea goes on beyond a side; else that side is a wall.
    """

    bed_m: Floats
    cell_m: float
    west_m: float
    south_m: float
    lat: Floats
    open_sides: tuple[bool, bool, bool, bool] = (True, True, True, True)

    def __post_init__(self) -> None:
        if self.bed_m.ndim != 2 or min(self.bed_m.shape) < 3 or self.lat.shape != self.bed_m.shape[:1]:
            raise InvalidInput(
                f"bed {self.bed_m.shape} and latitudes {self.lat.shape} do not fit",
                where="bed_m, lat",
                mend="3 by 3 cells or more",
            )
        if not self.cell_m > 0.0 or not (np.nan_to_num(self.bed_m, nan=1.0) < 0.0).any():
            raise InvalidInput("no cell lies below 0: there is no sea", where="bed_m", mend="Are depths negative?")

    def centres(self) -> tuple[Floats, Floats]:
        """Metric x and y of all cells, shape (ny, nx)."""
        ny, nx = self.bed_m.shape
        x = self.west_m + (np.arange(nx) + 0.5) * self.cell_m
        y = self.south_m + (np.arange(ny) + 0.5) * self.cell_m
        grid_x, grid_y = np.meshgrid(x, y)
        return grid_x, grid_y


@dataclass(frozen=True, slots=True, kw_only=True)
class SurgeResult:
    """What a storm did to the sea.

    Parameters
    ----------
    times_s : float64 array, shape (nt,)
        Instants of the series, from 0.
    level_m : float64 array, shape (nt, k)
        Water level at the cells asked for; the ground where one is dry.
    peak_level_m : float64 array, shape (ny, nx)
        Highest level; NaN where it stayed dry.
    depth_m : float64 array, shape (ny, nx)
        At the end.
    steps : int
        Time steps.
    volume_error_ratio : float
        Water that cannot be accounted for, beside all that was there or came.
    """

    times_s: Floats
    level_m: Floats
    peak_level_m: Floats
    depth_m: Floats
    steps: int
    volume_error_ratio: float


def sea_connected(bed_m: Floats, open_sides: tuple[bool, bool, bool, bool], level_m: float = 0.0) -> Mask:
    """Cells below a level that are joined to an open edge; without an open edge all below it."""
    below = np.nan_to_num(bed_m, nan=np.inf) < level_m
    if not any(open_sides):
        return below
    label = ndimage.label(below)[0]
    edges = (label[:, 0], label[:, -1], label[0], label[-1])
    joined = np.concatenate([edge for edge, is_open in zip(edges, open_sides, strict=True) if is_open])
    return np.asarray(below & np.isin(label, joined[joined > 0]), np.bool_)


def cyclone_forcing(track: CycloneTrack, sea: ShelfSea, *, drag_ratio: float = 1.0) -> Forcing:
    """Pressure and stress of a cyclone over a sea, growing from nothing in the first three hours."""
    x, y = sea.centres()

    def at(time_s: float) -> tuple[Floats, Floats, Floats]:
        pressure, wind_x, wind_y = pressure_and_wind(track, time_s, x, y)
        grown = min(time_s / RAMP_S, 1.0)
        stress_x, stress_y = wind_stress_pa(wind_x, wind_y, ratio=drag_ratio * grown)
        return grown * (pressure - HPA * track.ambient_hpa), stress_x, stress_y

    return at


def shelf_surge(
    sea: ShelfSea,
    forcing: Forcing,
    duration_s: float,
    *,
    cells: NDArray[np.int64] | None = None,
    tide: tuple[Floats, Floats] | None = None,
    start_level_m: Floats | None = None,
    manning: Floats | float | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> SurgeResult:
    """Let a storm pass over a sea at rest.

    Parameters
    ----------
    sea : ShelfSea
        Bed, coast and open edges.
    forcing : Forcing
        Pressure and stress, asked for at the middle of every ten minutes.
    duration_s : float
        Simulated time.
    cells : int64 array, shape (k,), optional
        Flat indices whose level is kept every ten minutes.
    tide : (times_s, level_m), optional
        Level at the open edges without the storm, linear between times; the sea starts at its first level. 0 if absent.
    start_level_m : float64 array, shape (ny, nx), optional
        Level at the start instead.
    manning : float or array (ny, nx), optional
        Roughness; 0.022 in the sea and 0.06 on land if absent.
    progress : callable
        Told the share done.

    Returns
    -------
    SurgeResult

    Raises
    ------
    InvalidInput
        If times make no sense or the run diverges (it names the time).
    """
    if not duration_s > 0.0:
        raise InvalidInput(f"{duration_s:g} s is no duration", where="duration_s")
    bed = np.ascontiguousarray(np.nan_to_num(sea.bed_m, nan=NO_SEA_M), np.float64)
    tide_s, tide_m = (np.zeros(1), np.zeros(1)) if tide is None else tide
    depth = _start(sea, bed, float(np.interp(0.0, tide_s, tide_m)), start_level_m)
    qx, qy, peak, share = _at_rest(bed, depth)
    friction = _friction(bed, manning)
    record = np.zeros(0, np.int64) if cells is None else np.asarray(cells, np.int64)
    chunks = max(round(duration_s / FORCING_S), 1)
    steps = _stable_steps(duration_s / chunks, float(depth.max()), sea.cell_m)
    dt = duration_s / chunks / steps
    start_m, came_m = float(depth.sum()), 0.0
    series = [(bed + depth).ravel()[record]]
    open_sides, coriolis = np.array(sea.open_sides, np.bool_), coriolis_per_s(sea.lat)
    for k in range(chunks):
        middle = (k + 0.5) * duration_s / chunks
        pressure, stress_x, stress_y = forcing(middle)
        outside = np.interp(middle, tide_s, tide_m) - pressure / (WATER_KG_M3 * GRAVITY_M_S2)
        came_m += advance(
            depth, bed, qx, qy, peak, share, pressure, stress_x, stress_y, outside,
            coriolis, friction, open_sides, dt, sea.cell_m, k * steps, steps,
        )  # fmt: skip
        if not np.isfinite(depth).all():
            raise InvalidInput(f"the sea diverged at {middle / 3600.0:.1f} h", mend="Look at bed and track there")
        series.append((bed + depth).ravel()[record])
        progress((k + 1) / chunks)
    return SurgeResult(
        times_s=np.linspace(0.0, duration_s, chunks + 1),
        level_m=np.array(series),
        peak_level_m=np.where(np.isfinite(peak), peak, np.nan),
        depth_m=depth,
        steps=chunks * steps,
        volume_error_ratio=(float(depth.sum()) - start_m - came_m) / max(start_m + abs(came_m), 1e-300),
    )


def _at_rest(bed: Floats, depth: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Transports of still water, its level as the highest so far, and room for the kernel."""
    ny, nx = bed.shape
    peak = np.where(depth > 0.0, bed + depth, -np.inf)
    return np.zeros((ny, nx + 1)), np.zeros((ny + 1, nx)), peak, np.ones((ny, nx))


def _friction(bed: Floats, manning: Floats | float | None) -> Floats:
    """``g n²`` of every cell."""
    roughness = np.where(bed < 0.0, SEA_MANNING, LAND_MANNING) if manning is None else manning
    return GRAVITY_M_S2 * np.square(np.broadcast_to(np.asarray(roughness, np.float64), bed.shape))


def _stable_steps(span_s: float, deepest_m: float, cell_m: float) -> int:
    """Steps in a span so that no wave crosses a cell's diagonal in one, with room for ten metres of surge."""
    celerity = np.sqrt(2.0 * GRAVITY_M_S2 * (deepest_m + HIGHEST_SURGE_M))
    return max(int(np.ceil(span_s * celerity / (COURANT * cell_m))), 1)


def _start(sea: ShelfSea, bed: Floats, level_m: float, start_level_m: Floats | None) -> Floats:
    if start_level_m is not None:
        return np.maximum(start_level_m - bed, 0.0)
    return np.where(sea_connected(sea.bed_m, sea.open_sides, level_m), np.maximum(level_m - bed, 0.0), 0.0)
