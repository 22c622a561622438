"""Street and sewer as one water: what flows through inlets and manholes between a flood's cells and a pipe network.

The network is whatever solves flow in pipes (SWMM, say). Both sides run at their own steps; at an interval the sewer is
given what the street let in and says how high its nodes stand. Between two such moments each opening passes what the
heads on both sides drive (weir and orifice: Rubinato et al. 2017; Leandro & Martins 2016, Water Sci. Technol. 73:3017),
and a surcharged node gives back no more water than stands in it above the street.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput
from rencheng.science.flood.inlets import HEC_22, OpeningLaw, opening_exchange_m3_s
from rencheng.science.flood.ports import Surface, Transfers

__all__ = ["SewerBalance", "SewerCoupling", "SewerNetwork", "SewerOpenings", "SewerState", "SewerTotals"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SewerOpenings:
    """Openings between street cells and sewer nodes, arrays of shape (n,).

    Parameters
    ----------
    cells : int64 array
        Flat street cell of each.
    nodes : int64 array
        Place of each opening's node among the network's coupled nodes; several openings may lead to one.
    perimeter_m, area_m2 : float64 arrays
        Of the opening, clogging taken off.
    takes : bool array
        Whether water may enter from the street; a manhole's lid only lets it out.
    law : OpeningLaw
        Coefficients of the exchange.
    """

    cells: I64
    nodes: I64
    perimeter_m: F64
    area_m2: F64
    takes: NDArray[np.bool_]
    law: OpeningLaw = HEC_22

    def __post_init__(self) -> None:
        shapes = {self.cells.shape, self.nodes.shape, self.perimeter_m.shape, self.area_m2.shape, self.takes.shape}
        if len(shapes) != 1 or not ((self.perimeter_m >= 0.0) & (self.area_m2 > 0.0)).all():
            raise InvalidInput(
                "openings of different number, or without an area",
                where="SewerOpenings",
                mend="Give one cell, node, perimeter, area and direction for each",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SewerTotals:
    """What a network says of its own account so far, m³.

    Parameters
    ----------
    own_inflow : float
        Taken in otherwise than through the openings (dry-weather flow, inflows of its own).
    outfall : float
        Left through outfalls.
    flooded : float
        Lost at nodes that join no street cell.
    stored : float
        In pipes and nodes now.
    continuity_error_ratio : float
        Continuity error that the network's solver itself reports; NaN before the end.
    """

    own_inflow: float
    outfall: float
    flooded: float
    stored: float
    continuity_error_ratio: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class SewerState:
    """Coupled nodes at an instant, arrays of shape (nodes,).

    Parameters
    ----------
    head_over_rim_m : float64 array
        Head over the node's rim, negative while it is not full.
    ponded_m3 : float64 array
        Water that stands in it above the rim.
    """

    head_over_rim_m: F64
    ponded_m3: F64


class SewerNetwork(Protocol):
    """Flow in pipes, as the coupling needs it."""

    @property
    def ponded_area_m2(self) -> F64:
        """Area over which each coupled node stores water above its rim, shape (nodes,)."""
        ...

    def state(self) -> SewerState:
        """Coupled nodes now."""
        ...

    def advance(self, inflow_m3_s: F64, step_s: int) -> SewerState:
        """Let the network run for whole seconds with a steady inflow (nodes,), negative where water is taken out."""
        ...

    def totals(self) -> SewerTotals:
        """Account of the network."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SewerBalance:
    """Water of street and sewer together, m³.

    Parameters
    ----------
    taken, returned : float
        From the street into the sewer, and back.
    waiting : float
        Taken and not handed to the network yet (0 once the run is finished).
    stored_before : float
        In the network at the start.
    network : SewerTotals
        The network's own account.
    """

    taken: float
    returned: float
    waiting: float
    stored_before: float
    network: SewerTotals

    @property
    def handed(self) -> float:
        """What the street gave the network, net."""
        return self.taken - self.returned - self.waiting

    @property
    def error_m3(self) -> float:
        """Water between street and outfall that nobody can account for: what the pipe solver lost (negative: made)."""
        came = self.stored_before + self.handed + self.network.own_inflow
        return came - (self.network.outfall + self.network.flooded + self.network.stored)

    @property
    def error_ratio(self) -> float:
        """``error_m3`` beside all water that the network handled."""
        handled = self.stored_before + self.taken + self.network.own_inflow
        return self.error_m3 / handled if handled > 0.0 else 0.0


class SewerCoupling:
    """Exchange of a flood's surface with a sewer network, an engine's ``Exchange``.

    Parameters
    ----------
    network : SewerNetwork
        Pipes and their coupled nodes.
    openings : SewerOpenings
        Where and how they meet the street.
    interval_s : int
        Least time between two hand-overs, whole seconds.
    """

    def __init__(self, network: SewerNetwork, openings: SewerOpenings, *, interval_s: int = 10) -> None:
        if interval_s < 1:
            raise InvalidInput(f"an interval of {interval_s} s", where="interval_s", mend="Give a second or more")
        self._network = network
        self._openings = openings
        self._interval_s = interval_s
        self._sewer_s = 0
        self._now_s = 0.0
        count = len(openings.cells)
        self._state = network.state()
        self._area = np.maximum(network.ponded_area_m2, 1e-9)
        self._stored_before = network.totals().stored
        self._since = np.zeros(len(self._area))
        self._signs = np.ones(count)
        self._chosen = np.zeros(0, np.int64)
        self._taken, self._returned = 0.0, 0.0
        self.taken_m3, self.returned_m3 = np.zeros(count), np.zeros(count)

    def exchange(self, time_s: float, step_s: float, surface: Surface) -> Transfers:
        """Water that the openings would pass in the step."""
        openings = self._openings
        depth = surface.depth_m.reshape(-1)[openings.cells]
        head = self._head_now()[openings.nodes]
        flow = opening_exchange_m3_s(
            depth, head, perimeter_m=openings.perimeter_m, area_m2=openings.area_m2, law=openings.law
        )
        flow = np.where((flow > 0.0) & ~openings.takes, 0.0, flow)
        cell_area = surface.cell_m**2
        # no more than half the way to equal heads, so that street and node do not swap water to and fro
        store = self._area[openings.nodes]
        meet = 0.5 * np.abs(depth - head) * cell_area * store / (cell_area + store)
        volume = np.where(head > 0.0, np.minimum(np.abs(flow) * step_s, meet), np.abs(flow) * step_s)
        volume = np.where(flow < 0.0, volume * self._share_standing(np.where(flow < 0.0, volume, 0.0)), volume)
        self._chosen = np.flatnonzero(volume > 0.0)
        self._signs = np.where(flow < 0.0, -1.0, 1.0)[self._chosen]
        self._now_s = time_s
        cells = openings.cells[self._chosen]
        return Transfers(
            from_cells=np.where(self._signs > 0.0, cells, -1),
            to_cells=np.where(self._signs > 0.0, -1, cells),
            volume_m3=volume[self._chosen],
        )

    def moved(self, volume_m3: F64) -> None:
        """Keep what was passed, and hand it to the network when it is time."""
        into, back = self._signs > 0.0, self._signs < 0.0
        np.add.at(self._since, self._openings.nodes[self._chosen], self._signs * volume_m3)
        self.taken_m3[self._chosen[into]] += volume_m3[into]
        self.returned_m3[self._chosen[back]] += volume_m3[back]
        self._taken += float(np.sum(volume_m3[into]))
        self._returned += float(np.sum(volume_m3[back]))
        whole = int(self._now_s - self._sewer_s + 1e-9)
        if whole >= self._interval_s:
            self._hand_over(whole)

    def finish(self) -> SewerBalance:
        """Hand over what still waits, and give account; call it when the run has ended."""
        left = math.ceil(self._now_s - self._sewer_s - 1e-9)
        if left > 0 or np.any(self._since):
            self._hand_over(max(left, 1))
        return self.balance()

    def balance(self) -> SewerBalance:
        """Account of the water so far."""
        return SewerBalance(
            taken=self._taken,
            returned=self._returned,
            waiting=float(np.sum(self._since)),
            stored_before=self._stored_before,
            network=self._network.totals(),
        )

    def _head_now(self) -> F64:
        """Head over the rim, carried on since the last hand-over where the node stands above its rim."""
        head = self._state.head_over_rim_m
        return np.where(head > 0.0, np.maximum(head + self._since / self._area, 0.0), head)

    def _share_standing(self, wanted_m3: F64) -> F64:
        """Share of what the openings would give back that stands in their nodes above the rim."""
        nodes = self._openings.nodes
        asked = np.zeros(len(self._area))
        np.add.at(asked, nodes, wanted_m3)
        standing = np.maximum(self._state.ponded_m3 + self._since, 0.0)
        share = np.where(asked > standing, standing / np.where(asked > standing, asked, 1.0), 1.0)
        return np.asarray(share[nodes], dtype=np.float64)

    def _hand_over(self, step_s: int) -> None:
        self._state = self._network.advance(self._since / step_s, step_s)
        self._since = np.zeros_like(self._since)
        self._sewer_s += step_s
