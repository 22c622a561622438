"""The edge of the raster: closed, open, a water level, a discharge, a rating or a free slope, by side and stretch.

A condition holds on a stretch of a side. The four sides are ``west``, ``east`` (cells counted northwards by row) and
``south``, ``north`` (cells counted eastwards by column). What is not named is closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = [
    "CLOSED",
    "FALL",
    "INFLOW",
    "LEVEL",
    "OPEN",
    "SIDES",
    "SLOPE",
    "Boundary",
    "Closed",
    "Condition",
    "Discharge",
    "FreeFall",
    "FreeFlow",
    "Open",
    "Rating",
    "SideConditions",
    "Stage",
    "Stretch",
    "boundary_from",
    "check_series",
    "mean_over_step",
]

F64 = NDArray[np.float64]
Side = Literal["west", "east", "south", "north"]

SIDES: Final = ("west", "east", "south", "north")
CLOSED: Final = 0
OPEN: Final = 1
SLOPE: Final = 2
LEVEL: Final = 3
INFLOW: Final = 4
FALL: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A wall that lets nothing through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Water leaves with the speed it has, or with that of normal flow where the ground falls outwards; none comes in.

    Beyond the edge the ground is taken to go on as it does in the last two cells. Where it is level or falls inwards
    only moving water leaves (zero gradient), and a pond stays.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeFall:
    """The ground ends: water falls over the edge as onto a dry bed far below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeFlow:
    """Water leaves at the normal depth of a slope: ``q = h^(5/3) √S / n`` (Manning).

    Parameters
    ----------
    slope : float
        Bed slope beyond the edge, positive outwards (0.001 is 1 m per km).
    """

    slope: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A water level given in time (a river, a tide), linear between times and held beyond the ends.

    Parameters
    ----------
    times_s, level_m : array, shape (nt,)
        Seconds from the start and water level in the datum of the bed.
    """

    times_s: F64
    level_m: F64


@dataclass(frozen=True, slots=True, kw_only=True)
class Discharge:
    """Water that enters over the stretch, spread evenly over its cells (negative: leaves, as far as there is water).

    Parameters
    ----------
    times_s, discharge_m3_s : array, shape (nt,)
        Hydrograph, linear between times and held beyond the ends; each step takes its exact integral.
    """

    times_s: F64
    discharge_m3_s: F64


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """Water leaves by a rating of the water level on the stretch (the highest level among its wet cells).

    Parameters
    ----------
    stage_m, discharge_m3_s : array, shape (n,)
        Rating table, stages increasing; nothing leaves below the first stage, the last discharge holds above the last.
    """

    stage_m: F64
    discharge_m3_s: F64


Condition = Closed | Open | FreeFall | FreeFlow | Stage | Discharge | Rating


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A condition on cells ``start … stop - 1`` of a side.

    Parameters
    ----------
    side : {"west", "east", "south", "north"}
        Side of the raster.
    condition : Condition
        What holds there.
    start, stop : int, optional
        First cell and the one after the last, along the side; the whole side by default.
    """

    side: Side
    condition: Condition
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SideConditions:
    """What holds at each outer face during one step.

    Parameters
    ----------
    kind : tuple of int8 arrays (west, east, south, north)
        ``CLOSED``, ``OPEN``, ``SLOPE``, ``LEVEL``, ``INFLOW`` or ``FALL``.
    value : tuple of float64 arrays
        Slope (at an open edge that of the ground, if it falls outwards), level in m, or discharge into the raster
        per metre of edge (m²/s); 0 otherwise.
    """

    kind: tuple[NDArray[np.int8], NDArray[np.int8], NDArray[np.int8], NDArray[np.int8]]
    value: tuple[F64, F64, F64, F64]


@dataclass(frozen=True, slots=True)
class Boundary:
    """The conditions of a run, checked, and what they say for a step."""

    stretches: tuple[Stretch, ...]
    shape: tuple[int, int]
    cell_m: float
    active: tuple[NDArray[np.bool_], ...]
    steady: SideConditions

    @property
    def needs_levels(self) -> bool:
        """Whether some condition depends on the water level at the edge."""
        return any(isinstance(one.condition, Rating) for one in self.stretches)

    @property
    def is_steady(self) -> bool:
        """Whether the conditions are the same at every step."""
        return not any(isinstance(one.condition, Stage | Discharge | Rating) for one in self.stretches)

    def during(self, now_s: float, step_s: float, edge_levels: Sequence[F64] | None = None) -> SideConditions:
        """Conditions of the step from ``now_s``; levels at mid-step, discharges as exact means over it.

        Parameters
        ----------
        edge_levels : four arrays, optional
            Water level of the cells along each side (NaN where dry); needed where a rating stands.
        """
        if self.is_steady:
            return self.steady
        value = tuple(side.copy() for side in self.steady.value)
        for one in self.stretches:
            k = SIDES.index(one.side)
            cells = slice(one.start, one.stop)
            count = max(int(self.active[k][cells].sum()), 1)
            if isinstance(one.condition, Stage):
                value[k][cells] = np.interp(now_s + 0.5 * step_s, one.condition.times_s, one.condition.level_m)
            elif isinstance(one.condition, Discharge):
                flow = mean_over_step(one.condition.times_s, one.condition.discharge_m3_s, now_s, step_s)
                value[k][cells] = flow / (count * self.cell_m)
            elif isinstance(one.condition, Rating) and edge_levels is not None:
                value[k][cells] = -_rated(one.condition, edge_levels[k][cells]) / (count * self.cell_m)
        west, east, south, north = value
        return SideConditions(kind=self.steady.kind, value=(west, east, south, north))


def _rated(rating: Rating, levels: F64) -> float:
    wet = levels[np.isfinite(levels)]
    return float(np.interp(wet.max(), rating.stage_m, rating.discharge_m3_s, left=0.0)) if len(wet) else 0.0


def mean_over_step(times_s: F64, values: F64, now_s: float, step_s: float) -> float:
    """Exact mean over a step of a series that is linear between its times and held beyond its ends.

    ``times (0, 10)``, ``values (0, 20)``: over the step from 5 to 15 s the mean is (5·15 + 5·20)/10 = 17.5.
    """
    if step_s <= 0:
        return float(np.interp(now_s, times_s, values))
    inner = times_s[(times_s > now_s) & (times_s < now_s + step_s)]
    knots = np.concatenate(([now_s], inner, [now_s + step_s]))
    heights = np.interp(knots, times_s, values)
    return float(np.sum(0.5 * (heights[1:] + heights[:-1]) * np.diff(knots))) / step_s


def boundary_from(
    boundary: str | Mapping[str, Condition] | Sequence[Stretch],
    shape: tuple[int, int],
    cell_m: float,
    active: NDArray[np.bool_] | None = None,
    bed_m: F64 | None = None,
) -> Boundary:
    """Check what a caller says of the edge.

    Parameters
    ----------
    boundary : "closed", "open", mapping side → condition, or sequence of Stretch
        Later stretches lie over earlier ones.
    shape : (ny, nx)
        Shape of the raster.
    cell_m : float
        Cell width, m.
    active : bool array, optional
        Cells of the domain; others stay closed.
    bed_m : array, shape (ny, nx), optional
        Bed level, from which open edges take how the ground falls outwards.

    Raises
    ------
    InvalidInput
        For a side, stretch or series that does not exist or makes no sense.
    """
    stretches = _stretches(boundary, shape)
    lengths = (shape[0], shape[0], shape[1], shape[1])
    edges = _edges(np.ones(shape, dtype=bool) if active is None else active)
    kind = tuple(np.zeros(n, dtype=np.int8) for n in lengths)
    value = tuple(np.zeros(n) for n in lengths)
    for one in stretches:
        k = SIDES.index(one.side)
        cells = slice(one.start, one.stop)
        code, number = _code(one.condition, where=f"boundary {one.side}")
        kind[k][cells] = np.where(edges[k][cells], code, CLOSED)
        value[k][cells] = number
        if code == OPEN and bed_m is not None:
            value[k][cells] = _outward_slope(bed_m, k, cell_m)[cells]
    steady = SideConditions(kind=(kind[0], kind[1], kind[2], kind[3]), value=(value[0], value[1], value[2], value[3]))
    return Boundary(stretches, shape, cell_m, edges, steady)


def _outward_slope(bed_m: F64, side: int, cell_m: float) -> F64:
    """Slope by which the ground falls towards a side over its last two cells, 0 where it does not."""
    across = bed_m if side >= 2 else bed_m.T
    if len(across) < 2:
        return np.zeros(across.shape[1])
    last, inner = (across[0], across[1]) if side % 2 == 0 else (across[-1], across[-2])
    slope = np.maximum(inner - last, 0.0) / cell_m
    return np.where(slope < 1.0, slope, 0.0)  # steeper is the foot of a wall, or ground outside the domain


def _edges(grid: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], ...]:
    return (grid[:, 0].copy(), grid[:, -1].copy(), grid[0].copy(), grid[-1].copy())


def _stretches(
    boundary: str | Mapping[str, Condition] | Sequence[Stretch], shape: tuple[int, int]
) -> tuple[Stretch, ...]:
    if isinstance(boundary, str):
        if boundary not in {"closed", "open"}:
            raise InvalidInput(
                f"'{boundary}' is no boundary", where="boundary", mend="Say 'closed', 'open', or name sides"
            )
        return tuple(Stretch(side=side, condition=Open()) for side in SIDES) if boundary == "open" else ()
    if isinstance(boundary, Mapping):
        boundary = [Stretch(side=side, condition=condition) for side, condition in boundary.items()]  # type: ignore[arg-type]  # checked below
    return tuple(_checked(one, shape) for one in boundary)


def _checked(one: Stretch, shape: tuple[int, int]) -> Stretch:
    if one.side not in SIDES:
        raise InvalidInput(f"no side is called '{one.side}'", where="boundary", mend=f"Sides are {', '.join(SIDES)}")
    length = shape[0] if one.side in {"west", "east"} else shape[1]
    stop = length if one.stop is None else one.stop
    if not 0 <= one.start < stop <= length:
        raise InvalidInput(
            f"cells {one.start} to {stop} do not exist on a side of {length} cells",
            where=f"boundary {one.side}",
            mend=f"Give 0 ≤ start < stop ≤ {length}",
        )
    return Stretch(side=one.side, condition=one.condition, start=one.start, stop=stop)


def _code(condition: Condition, *, where: str) -> tuple[int, float]:
    match condition:
        case Closed():
            return CLOSED, 0.0
        case Open():
            return OPEN, 0.0
        case FreeFall():
            return FALL, 0.0
        case FreeFlow(slope=slope):
            if not (np.isfinite(slope) and 0 < slope < 1):
                raise InvalidInput(f"slope of {slope:g}", where=where, mend="Give rise over run between 0 and 1")
            return SLOPE, float(slope)
        case Stage(times_s=times, level_m=levels):
            check_series(times, levels, where=where)
            return LEVEL, 0.0
        case Discharge(times_s=times, discharge_m3_s=flows):
            check_series(times, flows, where=where)
            return INFLOW, 0.0
        case Rating(stage_m=stage, discharge_m3_s=flows):
            check_series(stage, flows, where=where)
            if (np.asarray(flows) < 0).any():
                raise InvalidInput("negative discharge in a rating", where=where, mend="A rating lets water out only")
            return INFLOW, 0.0
    raise InvalidInput(
        f"{condition!r} is no condition", where=where, mend="Use Stage, Discharge, Rating, FreeFlow, Open"
    )


def check_series(times: F64, values: F64, *, where: str) -> None:
    """Refuse a series whose times do not increase or whose values are not numbers.

    Raises
    ------
    InvalidInput
        Naming the first wrong time.
    """
    times, values = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if times.ndim != 1 or times.shape != values.shape or not len(times):
        raise InvalidInput(
            f"{times.shape} times for {values.shape} values", where=where, mend="Give one value per time"
        )
    wrong = ~np.isfinite(times) | ~np.isfinite(values)
    wrong[1:] |= np.diff(times) <= 0
    if wrong.any():
        k = int(np.argmax(wrong))
        raise InvalidInput(
            f"entry {k} (time {times[k]:g}, value {values[k]:g}) does not follow",
            where=where,
            mend="Times must increase and every value be a number",
        )
