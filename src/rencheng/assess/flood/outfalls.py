"""Outfalls under a high river: what the sewers behind them still take, what comes back through them, and their gates.

A sewer runs by the head between the street and the water at its mouth. Where a river stands over the mouth it takes
less; where the river stands higher than the street, and no gate is shut, the river comes up through the inlets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from rencheng.assess.flood.frames import FloodGrid
from rencheng.city import City
from rencheng.science.flood import Surface, Transfers

__all__ = ["Backflow", "OutfallState", "Outfalls", "no_outfalls", "outfalls_of", "river_level_at"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_REACH_M = 5_000.0
"""A gauge farther than this says nothing of the river at an outfall."""
_WATERS_M = 1_000.0
"""Waters so far from a mouth stand at its level."""
_LEAST_HEAD_M = 0.3
"""No sewer is designed for less between the street and its mouth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outfalls:
    """Outfalls that drain by gravity, and the inlets behind each; arrays of shape (outfalls,) and (inlets,).

    Parameters
    ----------
    node_id, name, gate : tuple of str
        Node, what the city calls its gate, and the gate's kind: ``sluice_gate``, ``flap_gate`` or empty.
    normally_open : bool array, shape (outfalls,)
        Position that nobody touched.
    lon, lat, x_m, y_m, invert_m : float64 arrays, shape (outfalls,)
        Where it lies, and the height of its mouth.
    inlet_cell, inlet_outfall : int64 arrays, shape (inlets,)
        Flat raster cell of each inlet and the outfall that it drains to.
    inlet_m3_s, pipe_m3_s : float64 arrays, shape (inlets,)
        What it takes when the whole sewer runs as designed, and what its own pipe carries.
    """

    node_id: tuple[str, ...]
    name: tuple[str, ...]
    gate: tuple[str, ...]
    normally_open: NDArray[np.bool_]
    lon: F64
    lat: F64
    x_m: F64
    y_m: F64
    invert_m: F64
    inlet_cell: I64
    inlet_outfall: I64
    inlet_m3_s: F64
    pipe_m3_s: F64

    def __len__(self) -> int:
        return len(self.node_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutfallState:
    """How the outfalls stand: level of the water at each mouth (NaN where nobody knows), and which gates are open."""

    level_m: F64
    open: NDArray[np.bool_]

    def with_gate(self, outfall: int, *, opened: bool) -> OutfallState:
        """The same with one gate in another position."""
        positions = self.open.copy()
        positions[outfall] = opened
        return OutfallState(level_m=self.level_m, open=positions)


def no_outfalls() -> Outfalls:
    """None."""
    none, cells = np.zeros(0), np.zeros(0, np.int64)
    return Outfalls(
        node_id=(),
        name=(),
        gate=(),
        normally_open=np.zeros(0, np.bool_),
        lon=none,
        lat=none,
        x_m=none,
        y_m=none,
        invert_m=none,
        inlet_cell=cells,
        inlet_outfall=cells,
        inlet_m3_s=none,
        pipe_m3_s=none,
    )


def outfalls_of(city: City, outfall_of_inlet: tuple[str, ...], cell: I64, rate_m3_s: F64, pipe_m3_s: F64) -> Outfalls:
    """Outfalls of the inlets of a raster, with the gates that the package knows.

    Parameters
    ----------
    outfall_of_inlet : tuple of str
        Node at the end of each inlet's way; empty where a pump or nothing is.
    cell, rate_m3_s, pipe_m3_s : arrays, shape (inlets,)
        Raster cell of each, what it takes, and what its own pipe carries.
    """
    nodes = {n["node_id"]: n for n in city.rows("network_nodes") if n["network"] == "drainage"}
    names = sorted({o for o in outfall_of_inlet if o and nodes[o].get("invert_m") is not None})
    if not names:
        return no_outfalls()
    place = {name: k for k, name in enumerate(names)}
    gates = {c["node_id"]: c for c in (city.rows("drainage_controls") if city.has("drainage_controls") else [])}
    lon = np.array([float(nodes[n]["lon"]) for n in names])
    lat = np.array([float(nodes[n]["lat"]) for n in names])
    x, y = city.to_metric.transform(lon, lat)
    mine = np.array([o in place for o in outfall_of_inlet], np.bool_)
    return Outfalls(
        node_id=tuple(names),
        name=tuple(str((gates.get(n) or {}).get("name") or "") for n in names),
        gate=tuple(str((gates.get(n) or {}).get("kind") or "") for n in names),
        normally_open=np.array([(gates.get(n) or {}).get("normally") != "shut" for n in names], np.bool_),
        lon=lon,
        lat=lat,
        x_m=np.asarray(x, np.float64),
        y_m=np.asarray(y, np.float64),
        invert_m=np.array([float(nodes[n]["invert_m"]) for n in names]),
        inlet_cell=cell[mine],
        inlet_outfall=np.array([place[o] for o in outfall_of_inlet if o in place], np.int64),
        inlet_m3_s=rate_m3_s[mine],
        pipe_m3_s=pipe_m3_s[mine],
    )


def river_level_at(outfalls: Outfalls, river: tuple[tuple[float, float, float], ...]) -> F64:
    """Level of the river at each mouth from gauges: of the two nearest, by inverse distance; NaN farther than 5 km.

    Parameters
    ----------
    river : tuple of (x_m, y_m, level_m)
        Gauges in the metric reference system and the height of the water at each, in the terrain's datum.

    Examples
    --------
    A mouth 1 km from a gauge at 20.0 m and 3 km from one at 19.0 m: (3 · 20 + 1 · 19) / 4 = 19.75 m.
    """
    if not river:
        return np.full(len(outfalls), np.nan)
    x, y, level = (np.array(column) for column in zip(*river, strict=True))
    away = np.hypot(outfalls.x_m[:, None] - x[None, :], outfalls.y_m[:, None] - y[None, :])
    near = np.argsort(away, axis=1, kind="stable")[:, :2]
    metres = np.maximum(np.take_along_axis(away, near, axis=1), 1.0)
    weight = np.where(metres <= _REACH_M, 1.0 / metres, 0.0)
    total = weight.sum(axis=1)
    known = total > 0.0
    mean = (weight * level[near]).sum(axis=1) / np.where(known, total, 1.0)
    return np.where(known, mean, np.nan)


def _standing_waters(
    outfalls: Outfalls, state: OutfallState, bed_m: F64, water: NDArray[np.bool_], grid: FloodGrid
) -> F64:
    """The bed, raised in waters within a kilometre of a mouth to the level there."""
    known, cells = np.flatnonzero(np.isfinite(state.level_m)), np.flatnonzero(water)
    if not len(known) or not len(cells):
        return bed_m
    mouths = KDTree(np.column_stack([outfalls.x_m[known], outfalls.y_m[known]]))
    row, column = np.divmod(cells, grid.nx)
    at = np.column_stack([grid.west_m + (column + 0.5) * grid.cell_m, grid.south_m + (row + 0.5) * grid.cell_m])
    away, nearest = mouths.query(at)
    level = np.where(away <= _WATERS_M, state.level_m[known[nearest]], -np.inf)
    out = bed_m.copy()
    out.reshape(-1)[cells] = np.maximum(out.reshape(-1)[cells], level)
    return out


class Backflow:
    """Sewers under a river's levels: what their inlets still take, and an engine's ``Exchange`` of what comes back.

    With ``z`` the street at an inlet, ``h`` the river and ``o`` the mouth, an open sewer takes the share
    ``sqrt((z - max(h, o)) / (z - o))`` of its design, as a full pipe does by the head left to it (Manning); a river
    above the water in the street sends back ``sqrt((h - w) / (z - o))``, at most 1, of what the drowned inlets' own
    pipes carry, but no more in all than the sewer is designed for. A shut gate does neither; a flap gate takes as an
    open one and sends nothing back.

    Parameters
    ----------
    outfalls : Outfalls
        The sewers' mouths.
    state : OutfallState
        River and gates.
    bed_m : float64 array, shape (ny, nx)
        The street.
    water : bool array, shape (ny, nx)
        Rivers and the like.
    grid : FloodGrid
        Where the raster lies.

    Attributes
    ----------
    bed_m : float64 array, shape (ny, nx)
        The bed with the waters about the mouths up to their level, so that no street drains below it.
    """

    def __init__(
        self, outfalls: Outfalls, state: OutfallState, bed_m: F64, water: NDArray[np.bool_], grid: FloodGrid
    ) -> None:
        self.bed_m = _standing_waters(outfalls, state, bed_m, water, grid)
        at = outfalls.inlet_outfall
        level, mouth = state.level_m[at], outfalls.invert_m[at]
        street = bed_m.reshape(-1)[outfalls.inlet_cell]
        head = np.maximum(street - mouth, _LEAST_HEAD_M)
        drowned = np.isfinite(level) & (level > mouth)
        left = np.clip((street - np.where(drowned, level, mouth)) / head, 0.0, 1.0)
        passing = state.open[at]
        share = np.where(passing, np.where(drowned, np.sqrt(left), 1.0), 0.0)
        lost = np.bincount(outfalls.inlet_cell, (1.0 - share) * outfalls.inlet_m3_s, minlength=bed_m.size)
        self.lost_m3_s: F64 = lost.astype(np.float64).reshape(bed_m.shape)
        """What the inlets of each cell take less than designed, shape (ny, nx)."""
        flap = np.array([g == "flap_gate" for g in outfalls.gate], np.bool_)[at]
        back = np.flatnonzero(drowned & passing & ~flap & (level > street))
        self._cell, self._level = outfalls.inlet_cell[back], level[back]
        whole = np.bincount(at, outfalls.inlet_m3_s, minlength=len(outfalls))
        drowned_pipes = np.bincount(at[back], outfalls.pipe_m3_s[back], minlength=len(outfalls))
        limit = np.minimum(whole / np.maximum(drowned_pipes, 1e-9), 1.0)
        self._head, self._most = head[back], outfalls.pipe_m3_s[back] * limit[at[back]]
        self._outside = np.full(len(back), -1, np.int64)
        self.volume_m3 = 0.0

    def exchange(self, time_s: float, step_s: float, surface: Surface) -> Transfers:
        """Ask for what the river sends up in a step."""
        del time_s
        water = (surface.bed_m + surface.depth_m).reshape(-1)[self._cell]
        flow = self._most * np.sqrt(np.clip((self._level - water) / self._head, 0.0, 1.0))
        return Transfers(from_cells=self._outside, to_cells=self._cell, volume_m3=flow * step_s)

    def moved(self, volume_m3: F64) -> None:
        """Keep what came."""
        self.volume_m3 += float(volume_m3.sum())
