"""The public call: water over the ground for a while."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from rencheng.kernel.errors import InvalidInput
from rencheng.science.flood.boundary import Condition, Stretch, boundary_from
from rencheng.science.flood.domain import Domain, domain_from
from rencheng.science.flood.inflow import inflows_from
from rencheng.science.flood.local_inertial import LocalInertial
from rencheng.science.flood.ports import Exchange, Infiltration, Stepper
from rencheng.science.flood.rain import RainSeries, rain_from
from rencheng.science.flood.result import FloodResult
from rencheng.science.flood.shallow_water import ShallowWater
from rencheng.science.flood.time_loop import Forcing, Progress, run

__all__ = ["simulate"]


def simulate(
    bed_m: ArrayLike,
    cell_m: float,
    duration_s: float,
    *,
    depth_m: ArrayLike | None = None,
    velocity_x_m_s: ArrayLike | None = None,
    velocity_y_m_s: ArrayLike | None = None,
    rain_mm_h: float | NDArray[np.floating[Any]] | RainSeries | None = None,
    manning: ArrayLike = 0.03,
    inflows: Sequence[tuple[NDArray[np.bool_], ArrayLike, ArrayLike]] = (),
    boundary: str | Mapping[str, Condition] | Sequence[Stretch] = "closed",
    infiltration: Infiltration | None = None,
    exchanges: Sequence[Exchange] = (),
    walls: tuple[ArrayLike, ArrayLike] | None = None,
    active: ArrayLike | None = None,
    scheme: Literal["shallow_water", "local_inertial"] = "shallow_water",
    order: Literal[1, 2] = 1,
    dtype: DTypeLike = np.float64,
    device: Literal["cpu", "cuda"] = "cpu",
    save_every_s: float | None = None,
    arrival_depth_m: float = 0.05,
    cfl: float | None = None,
    max_steps: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> FloodResult:
    """Let water run over the ground for ``duration_s`` seconds.

    Arrays have shape (ny, nx) with row 0 in the south and column 0 in the west.

    Parameters
    ----------
    bed_m : array, shape (ny, nx)
        Ground level, m.
    cell_m : float
        Width of the square cells, m.
    duration_s : float
        Simulated time, s.
    depth_m, velocity_x_m_s, velocity_y_m_s : array, shape (ny, nx), optional
        Start; dry and still by default.
    rain_mm_h : float, array (ny, nx) or RainSeries, optional
        Rain rate, mm/h.
    manning : float or array (ny, nx)
        Manning's n, s/m^(1/3); 0 is frictionless.
    inflows : sequence of (mask, times_s, discharge_m3_s)
        Hydrographs spread evenly over the cells of a bool mask; linear between times, held beyond the ends.
    boundary : "closed", "open", mapping side → condition, or sequence of Stretch
        The edge of the raster (see :mod:`rencheng.science.flood.boundary`).
    infiltration : Infiltration, optional
        Soil that takes water.
    exchanges : sequence of Exchange
        Culverts, pumps, inlets, sewers: water moved past the surface.
    walls : (array (ny, nx + 1), array (ny + 1, nx)), optional
        Crest levels of walls on the faces across x and across y, m; NaN or −inf where there is none.
    active : bool array, shape (ny, nx), optional
        Cells of the domain; nothing flows over the others.
    scheme : {"shallow_water", "local_inertial"}
        Full shallow-water equations, or the faster local inertial approximation (slow, subcritical water only).
    order : {1, 2}
        Order of accuracy of the full equations.
    dtype : float64 or float32
        Arithmetic of velocities and fluxes; the volume closes to rounding in both.
    device : {"cpu", "cuda"}
        Where to compute.
    save_every_s : float, optional
        Keep a snapshot at this interval, start and end included.
    arrival_depth_m : float
        Depth from which a cell counts as flooded in ``arrival_s`` and ``duration_s``.
    cfl : float, optional
        Share of the longest stable step; by default 0.9 (0.7 of the wave's path for local inertia).
    max_steps : int, optional
        Stop after so many steps.
    threads : int, optional
        Threads to use; all the process may use by default. The outcome does not depend on it.
    progress : callable, optional
        Called after every step with the simulated time and the count of steps.
    stop : callable, optional
        Asked after every step; the run ends when it says True.

    Returns
    -------
    FloodResult
        Water at the end, extremes in each cell, the account of volumes, snapshots.

    Raises
    ------
    InvalidInput
        For input that cannot be right; the message names the cell and the mend. A run that diverges does not raise: it
        returns its last state with the reason in ``stopped``.

    Examples
    --------
    An hour of 50 mm/h on a closed square leaves 50 mm on it:

    >>> import numpy as np
    >>> result = simulate(np.zeros((4, 4)), 2.0, 3600.0, rain_mm_h=50.0)
    >>> float(result.depth_m.mean().round(6)), abs(result.volume_error_ratio) < 1e-12
    (0.05, True)
    """
    _check_choices(duration_s, order, dtype, save_every_s, cfl)
    domain = domain_from(
        bed_m,
        cell_m,
        depth_m=depth_m,
        velocity_x_m_s=velocity_x_m_s,
        velocity_y_m_s=velocity_y_m_s,
        manning=manning,
        walls=walls,
        active=active,
    )
    forcing = Forcing(
        rain=rain_from(rain_mm_h, domain.shape, domain.cell_m, domain.active),
        inflows=inflows_from(inflows, domain.shape, domain.active),
        boundary=boundary_from(boundary, domain.shape, domain.cell_m, domain.active, domain.bed_m),
        exchanges=tuple(exchanges),
        infiltration=infiltration,
        duration_s=float(duration_s),
        save_every_s=save_every_s,
        cfl=0.9 if cfl is None else cfl,
        max_steps=max_steps,
        progress=progress,
        stop=stop,
    )
    stepper = _stepper(
        domain,
        scheme=scheme,
        device=device,
        order=order,
        dtype=dtype,
        cfl=cfl,
        arrival_depth_m=arrival_depth_m,
        threads=threads,
    )
    try:
        return run(stepper, forcing)
    finally:
        stepper.close()


def _stepper(
    domain: Domain,
    *,
    scheme: str,
    device: str,
    order: int,
    dtype: DTypeLike,
    cfl: float | None,
    arrival_depth_m: float,
    threads: int | None,
) -> Stepper:
    count = len(os.sched_getaffinity(0)) if threads is None else threads
    if device == "cpu" and scheme == "shallow_water":
        return ShallowWater(
            domain,
            order=order,
            dtype=dtype,
            cfl=0.9 if cfl is None else cfl,
            arrival_depth_m=arrival_depth_m,
            threads=count,
        )
    if device == "cpu" and scheme == "local_inertial":
        return LocalInertial(
            domain,
            dtype=dtype,
            cfl=0.7 if cfl is None else cfl,
            arrival_depth_m=arrival_depth_m,
            threads=count,
        )
    if device == "cuda":
        from rencheng.science.flood.cuda_run import cuda_stepper

        return cuda_stepper(domain, scheme=scheme, order=order, dtype=dtype, cfl=cfl, arrival_depth_m=arrival_depth_m)
    raise InvalidInput(
        f"there is no scheme '{scheme}' on '{device}'",
        where="scheme, device",
        mend="Choose shallow_water or local_inertial, on cpu or cuda",
    )


def _check_choices(
    duration_s: float, order: int, dtype: DTypeLike, save_every_s: float | None, cfl: float | None
) -> None:
    if not (np.isfinite(duration_s) and duration_s > 0):
        raise InvalidInput(
            f"a duration of {duration_s} s", where="duration_s", mend="Give a positive number of seconds"
        )
    if order not in (1, 2):
        raise InvalidInput(f"order {order}", where="order", mend="Choose 1 or 2")
    if np.dtype(dtype) not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise InvalidInput(f"arithmetic in {np.dtype(dtype)}", where="dtype", mend="Choose float32 or float64")
    if save_every_s is not None and not (np.isfinite(save_every_s) and save_every_s > 0):
        raise InvalidInput(f"an interval of {save_every_s} s", where="save_every_s", mend="Give seconds, or None")
    if cfl is not None and not 0 < cfl <= 1:
        raise InvalidInput(f"a Courant number of {cfl}", where="cfl", mend="Give a share of the stable step, up to 1")
