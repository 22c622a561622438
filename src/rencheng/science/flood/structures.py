"""Works that pass water between cells beside the surface flow: weirs, gates, culverts, bridges, breaches and pumps.

Each is an engine's ``Exchange``: what leaves one cell arrives at the other or outside, and is counted once. A flow
never carries more than would bring the two levels together, so that a structure cannot swing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel import InvalidInput
from rencheng.science.flood.breach import BreachGrowth, breach_growth
from rencheng.science.flood.culvert import Culvert, culvert_discharge_m3_s
from rencheng.science.flood.ports import Surface, Transfers
from rencheng.science.flood.walls import Faces
from rencheng.science.flood.weirs import broad_crested_weir_m3_s, deck_m3_s, gate_m3_s

__all__ = [
    "FlowLaw",
    "PairedFlow",
    "breach_in_wall",
    "bridge_over_faces",
    "culvert_between",
    "gate_between",
    "weir_over_faces",
]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

FlowLaw = Callable[[F64, F64, float], F64]
"""Discharge (n,) in m³/s from the levels (n,) on the two sides and the time, positive from side 1 to side 2."""

_STEADY_SHARE = 0.5
"""Of the volume that would make two levels equal, the most that one step moves: explicit steps then die out evenly."""


class PairedFlow:
    """Flow between pairs of cells by a law of their two levels.

    Parameters
    ----------
    name : str
        What it is called in messages and reports.
    cells_1, cells_2 : int64 arrays, shape (n,)
        Flat cells of each pair.
    law : FlowLaw
        Discharge of the pairs.
    sill_m : float or array (n,)
        Level below which a dry side's ground does not count as tailwater (the invert, the crest).
    """

    def __init__(self, name: str, cells_1: ArrayLike, cells_2: ArrayLike, law: FlowLaw, *, sill_m: ArrayLike) -> None:
        self.name = name
        self._cells = (np.atleast_1d(np.asarray(cells_1, np.int64)), np.atleast_1d(np.asarray(cells_2, np.int64)))
        if self._cells[0].shape != self._cells[1].shape or any((c < 0).any() for c in self._cells):
            raise InvalidInput(
                "it does not join two cells of the raster", where=name, mend="Place both of its ends on the raster"
            )
        if (self._cells[0] == self._cells[1]).any():
            raise InvalidInput(
                "both ends lie in the same cell", where=name, mend="Take smaller cells, or leave it to the surface flow"
            )
        self._law = law
        self._sill_m = np.broadcast_to(np.asarray(sill_m, dtype=np.float64), self._cells[0].shape)
        self._sign = np.ones(len(self._cells[0]))
        self._step_s = 1.0
        self.discharge_m3_s = np.zeros(len(self._cells[0]))
        self.volume_m3 = 0.0

    def exchange(self, time_s: float, step_s: float, surface: Surface) -> Transfers:
        """Water it would pass in the step."""
        bed, depth = surface.bed_m.reshape(-1), surface.depth_m.reshape(-1)
        one, two = (self._level(bed[cells], depth[cells]) for cells in self._cells)
        flow = np.asarray(self._law(one, two, time_s), dtype=np.float64)
        level = _STEADY_SHARE * 0.5 * surface.cell_m**2 * np.abs(one - two)
        self._sign = np.where(flow < 0.0, -1.0, 1.0)
        self._step_s = step_s
        back = flow < 0.0
        return Transfers(
            from_cells=np.where(back, self._cells[1], self._cells[0]),
            to_cells=np.where(back, self._cells[0], self._cells[1]),
            volume_m3=np.minimum(np.abs(flow) * step_s, level),
        )

    def moved(self, volume_m3: F64) -> None:
        """Keep what was really passed."""
        self.discharge_m3_s = self._sign * volume_m3 / max(self._step_s, np.finfo(np.float64).tiny)
        self.volume_m3 += float(np.sum(self._sign * volume_m3))

    def _level(self, bed_m: F64, depth_m: F64) -> F64:
        return np.where(depth_m > 0.0, bed_m + depth_m, np.minimum(bed_m, self._sill_m))


def _inner(faces: Faces, name: str) -> NDArray[np.bool_]:
    inner = (faces.cells_1 >= 0) & (faces.cells_2 >= 0)
    if not inner.any():
        raise InvalidInput("no face of it lies between two cells", where=name, mend="Move it off the raster's edge")
    return inner


def weir_over_faces(
    faces: Faces, *, crest_m: ArrayLike, cell_m: float, coefficient_ratio: float = 1.0, name: str = "weir"
) -> PairedFlow:
    """Broad-crested weir along faces that a wall closes to the surface flow (a spillway in a levee).

    Parameters
    ----------
    faces : Faces
        Where it stands; the wall there must be higher than any water.
    crest_m : float or array (n,)
        Crest of each face.
    cell_m : float
        Width of each face.
    coefficient_ratio : float
        See :func:`~rencheng.science.flood.weirs.broad_crested_weir_m3_s`.
    """
    inner = _inner(faces, name)
    crest = np.broadcast_to(np.asarray(crest_m, dtype=np.float64), (len(faces),))[inner]

    def law(one: F64, two: F64, time_s: float) -> F64:
        del time_s
        return broad_crested_weir_m3_s(one, two, crest_m=crest, width_m=cell_m, coefficient_ratio=coefficient_ratio)

    return PairedFlow(name, faces.cells_1[inner], faces.cells_2[inner], law, sill_m=crest)


def bridge_over_faces(
    faces: Faces, *, bed_m: ArrayLike, soffit_m: float, crest_m: float, cell_m: float, name: str = "bridge"
) -> PairedFlow:
    """A bridge deck along faces that a wall closes to the surface flow (:func:`~.weirs.deck_m3_s`).

    Parameters
    ----------
    faces : Faces
        Line of the deck.
    bed_m : array (ny, nx)
        Ground; the opening reaches down to the higher of the two cells of a face.
    soffit_m, crest_m : float
        Underside of the deck, top of its parapet.
    cell_m : float
        Width of each face.
    """
    if not soffit_m <= crest_m:
        raise InvalidInput(
            f"its soffit at {soffit_m} m lies over its crest at {crest_m} m", where=name, mend="Swap the two levels"
        )
    inner = _inner(faces, name)
    ground = np.asarray(bed_m, dtype=np.float64).reshape(-1)
    sill = np.maximum(ground[faces.cells_1[inner]], ground[faces.cells_2[inner]])
    soffit = np.maximum(sill, soffit_m)

    def law(one: F64, two: F64, time_s: float) -> F64:
        del time_s
        return deck_m3_s(one, two, bed_m=sill, soffit_m=soffit, crest_m=crest_m, width_m=cell_m)

    return PairedFlow(name, faces.cells_1[inner], faces.cells_2[inner], law, sill_m=sill)


def gate_between(
    cell_1: int,
    cell_2: int,
    *,
    sill_m: float,
    width_m: float,
    times_s: ArrayLike,
    opening_m: ArrayLike,
    name: str = "gate",
) -> PairedFlow:
    """A sluice gate whose lip is moved by a timetable.

    Parameters
    ----------
    cell_1, cell_2 : int
        Flat cells on both sides.
    sill_m, width_m : float
        Sill level and clear width.
    times_s, opening_m : arrays, shape (k,)
        Height of the lip over the sill, linear between times and held beyond the ends.
    """
    times, openings = np.asarray(times_s, dtype=np.float64), np.asarray(opening_m, dtype=np.float64)
    if times.shape != openings.shape or not len(times) or (np.diff(times) <= 0).any() or not (openings >= 0.0).all():
        raise InvalidInput(
            "its timetable makes no sense",
            where=name,
            mend="Give increasing times and an opening of 0 or more for each",
        )

    def law(one: F64, two: F64, time_s: float) -> F64:
        opening = float(np.interp(time_s, times, openings))
        return gate_m3_s(one, two, sill_m=sill_m, opening_m=opening, width_m=width_m)

    return PairedFlow(name, cell_1, cell_2, law, sill_m=sill_m)


def culvert_between(cell_1: int, cell_2: int, culvert: Culvert, *, name: str = "culvert") -> PairedFlow:
    """A culvert between two cells (:func:`~.culvert.culvert_discharge_m3_s`), by its rating tables.

    The full law needs a search per step; the two parts that do (inlet control, and outlet control against a free
    outlet) depend on the headwater alone, so they are tabulated once for each direction. The rest has a closed form.
    """
    ratings = [_free_rating(culvert, forward=forward) for forward in (True, False)]
    full = culvert_discharge_m3_s(1e3 + 1.0, 1e3, culvert)

    def law(one: F64, two: F64, time_s: float) -> F64:
        del time_s
        forward = one >= two
        drop = np.abs(one - two)
        free = np.where(
            forward,
            np.interp(one - culvert.invert_1_m, *ratings[0]),
            np.interp(two - culvert.invert_2_m, *ratings[1]),
        )
        flow = np.minimum(free, full * np.sqrt(drop))
        return np.asarray(np.where(forward, flow, -flow), dtype=np.float64)

    return PairedFlow(name, cell_1, cell_2, law, sill_m=min(culvert.invert_1_m, culvert.invert_2_m))


def _free_rating(culvert: Culvert, *, forward: bool) -> tuple[F64, F64]:
    """Headwater over the upper mouth's invert and the discharge into the open."""
    top = max(20.0 * culvert.height_m, 20.0)
    over = top * np.linspace(0.0, 1.0, 2049) ** 2
    up, down = (culvert.invert_1_m, culvert.invert_2_m) if forward else (culvert.invert_2_m, culvert.invert_1_m)
    levels = up + over
    dry = np.full_like(levels, min(up, down) - 1e-9)
    if forward:
        return over, culvert_discharge_m3_s(levels, dry, culvert)
    return over, -culvert_discharge_m3_s(dry, levels, culvert)


def breach_in_wall(faces: Faces, growth: BreachGrowth, *, cell_m: float, name: str = "breach") -> PairedFlow:
    """A breach that opens from the middle of a stretch of wall; flow through it as over a broad crest.

    Parameters
    ----------
    faces : Faces
        Stretch of the wall in which it opens, at least as long as it becomes wide.
    growth : BreachGrowth
        Its size in time.
    cell_m : float
        Width of each face.

    Raises
    ------
    InvalidInput
        If the stretch is shorter than the breach.
    """
    inner = _inner(faces, name)
    station = (np.arange(int(inner.sum())) + 0.5) * cell_m
    if growth.width_m > len(station) * cell_m * (1.0 + 1e-9):
        raise InvalidInput(
            f"it grows {growth.width_m:g} m wide in {len(station) * cell_m:g} m of wall",
            where=name,
            mend="Give a longer stretch of the wall",
        )
    away = np.abs(station - station.mean())

    def law(one: F64, two: F64, time_s: float) -> F64:
        width, sill = breach_growth(growth, time_s)
        open_m = np.clip(0.5 * float(width) - away + 0.5 * cell_m, 0.0, cell_m)
        return broad_crested_weir_m3_s(one, two, crest_m=float(sill), width_m=open_m)

    return PairedFlow(name, faces.cells_1[inner], faces.cells_2[inner], law, sill_m=growth.sill_m)
