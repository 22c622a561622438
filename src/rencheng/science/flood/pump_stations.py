"""Pumping stations on the raster: sumps in cells, delivery into other cells or out of the city."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput
from rencheng.science.flood.ports import Surface, Transfers
from rencheng.science.flood.pumps import PumpCurve, pump_discharge_m3_s, pumps_running

__all__ = ["OUTSIDE", "PumpStation", "PumpStations"]

F64 = NDArray[np.float64]

OUTSIDE = -1
"""Delivery out of the surface: into a river that is not modelled, or a tank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpStation:
    """A pump that empties a cell: an underpass, a basin, the land side of a levee.

    Parameters
    ----------
    name : str
        What it is called.
    from_cell, to_cell : int
        Flat cells; ``to_cell`` may be :data:`OUTSIDE`.
    start_m, stop_m : float
        Depths in the sump's cell at which it starts and stops.
    curve : PumpCurve
        Discharge by head.
    delivery_m : float, optional
        Level of the delivery pipe's mouth; the head is the higher of it and the water it delivers into, less the
        sump's level. ``None`` takes no head (the curve's first point).
    from_s, until_s : float
        When it is there: a mobile pump arrives late.
    """

    name: str
    from_cell: int
    to_cell: int
    start_m: float
    stop_m: float
    curve: PumpCurve
    delivery_m: float | None = None
    from_s: float = 0.0
    until_s: float = np.inf

    def __post_init__(self) -> None:
        if not 0.0 <= self.stop_m <= self.start_m or self.from_cell < 0 or self.to_cell < OUTSIDE:
            raise InvalidInput(
                f"it starts at {self.start_m} m and stops at {self.stop_m} m, cell {self.from_cell} to {self.to_cell}",
                where=self.name,
                mend="Stop at 0 m or more and no higher than the start; place it on the raster",
            )
        if self.to_cell == self.from_cell:
            raise InvalidInput("it delivers into its own sump", where=self.name, mend="Give another cell, or OUTSIDE")


class PumpStations:
    """All pumping stations of a run, an engine's ``Exchange``."""

    def __init__(self, stations: Sequence[PumpStation]) -> None:
        self.stations = tuple(stations)
        self._from = np.array([s.from_cell for s in self.stations], np.int64)
        self._to = np.array([s.to_cell for s in self.stations], np.int64)
        self._start = np.array([s.start_m for s in self.stations])
        self._stop = np.array([s.stop_m for s in self.stations])
        self._there = np.array([[s.from_s, s.until_s] for s in self.stations]).reshape(-1, 2)
        self.running = np.zeros(len(self.stations), np.bool_)
        self.starts = np.zeros(len(self.stations), np.int64)
        self.volume_m3 = np.zeros(len(self.stations))

    def exchange(self, time_s: float, step_s: float, surface: Surface) -> Transfers:
        """Water the pumps would lift in the step."""
        depth = surface.depth_m.reshape(-1)
        there = (self._there[:, 0] <= time_s) & (time_s < self._there[:, 1])
        running = pumps_running(self.running, depth[self._from], start_m=self._start, stop_m=self._stop) & there
        self.starts += running & ~self.running
        self.running = running
        flow = np.where(running, self._lift(surface), 0.0)
        return Transfers(from_cells=self._from, to_cells=self._to, volume_m3=flow * step_s)

    def moved(self, volume_m3: F64) -> None:
        """Keep what was really lifted."""
        self.volume_m3 += volume_m3

    def _lift(self, surface: Surface) -> F64:
        bed, depth = surface.bed_m.reshape(-1), surface.depth_m.reshape(-1)
        flow = np.zeros(len(self.stations))
        for k, station in enumerate(self.stations):
            head = station.curve.head_m[0]
            if station.delivery_m is not None:
                mouth = station.delivery_m
                if station.to_cell >= 0:
                    mouth = max(mouth, float(bed[station.to_cell] + depth[station.to_cell]))
                head = mouth - float(bed[station.from_cell] + depth[station.from_cell])
            flow[k] = float(pump_discharge_m3_s(station.curve, head))
        return flow
