"""The water in the streets of the simulated world: what really happens, by the flood engine on the city's ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.domain import FloodDomain, flood_domain
from rencheng.assess.flood.drains import DrainSinks, drain_sinks
from rencheng.assess.flood.engine import suitable_cell_m
from rencheng.assess.flood.underpasses import TankExchange
from rencheng.city import City
from rencheng.kernel import MissingData
from rencheng.rehearse.scenario import Scenario
from rencheng.science.flood import RainSeries, simulate
from rencheng.science.flood.ground_losses import ConstantLossSoil, Losses

__all__ = ["StreetWater", "street_water"]

F64 = NDArray[np.float64]

_RAIN_CELLS = 24
"""The storm is laid on so many cells along the longer side of the city."""
_NEAR_M = 60.0
"""A low place is the lowest street within this of where it is said to be."""


class StreetWater:
    """Water on the ground of the city and in its underpasses; advances turn by turn with the world.

    Parameters
    ----------
    domain : FloodDomain
        The city's ground.
    sinks : DrainSinks
        What its sewers really take.
    soil : ConstantLossSoil
        What its unsealed ground really takes.
    pumps_m3_s : float64 array, shape (tanks,)
        What the pumps of its underpasses really lift.
    x_m, y_m : float64 arrays, shape (n,)
        Low places in the city's metric reference system.
    """

    def __init__(
        self, domain: FloodDomain, sinks: DrainSinks, soil: ConstantLossSoil, pumps_m3_s: F64, x_m: F64, y_m: F64
    ) -> None:
        self._domain = domain
        self._sewers = sinks
        self._soil = soil
        self._lifts = pumps_m3_s
        self._tank = domain.tanks.nearest(x_m, y_m)
        own = np.append(domain.tanks.places, -1)[self._tank]
        self._places = np.where(self._tank >= 0, own, _lowest_near(domain, x_m, y_m))
        self._pumps: dict[str, tuple[int, int, float]] = {}
        shape = (domain.grid.ny, domain.grid.nx)
        self._depth: F64 = np.zeros(shape)
        self._east: F64 = np.zeros(shape)
        self._north: F64 = np.zeros(shape)
        self._below: F64 = np.zeros(len(domain.tanks))
        self.volume_error_ratio = 0.0
        rows = np.linspace(0, shape[0], _RAIN_CELLS + 1).astype(np.int64)
        columns = np.linspace(0, shape[1], _RAIN_CELLS + 1).astype(np.int64)
        grid = domain.grid
        x = grid.west_m + (columns[:-1] + columns[1:]) / 2.0 * grid.cell_m
        y = grid.south_m + (rows[:-1] + rows[1:]) / 2.0 * grid.cell_m
        self.rain_x_m, self.rain_y_m = (a.ravel() for a in np.meshgrid(x, y))
        self._rain_rows = np.clip(np.searchsorted(rows, np.arange(shape[0]), side="right") - 1, 0, _RAIN_CELLS - 1)
        self._rain_columns = np.clip(
            np.searchsorted(columns, np.arange(shape[1]), side="right") - 1, 0, _RAIN_CELLS - 1
        )

    def pump(self, name: str, x_m: float, y_m: float, discharge_m3_s: float) -> None:
        """Let a pump draw water from the underpass or the lowest street at a place until :meth:`stop_pump`."""
        at = np.array([x_m]), np.array([y_m])
        tank, place = int(self._domain.tanks.nearest(*at)[0]), int(_lowest_near(self._domain, *at)[0])
        if tank >= 0 or place >= 0:
            self._pumps[name] = (tank, place, discharge_m3_s)

    def stop_pump(self, name: str) -> None:
        """Take a pump away; one that is not there is no matter."""
        self._pumps.pop(name, None)

    def advance(self, rate_mm_h: F64, step_s: float) -> F64:
        """Let the streets take the rain of some steps.

        Parameters
        ----------
        rate_mm_h : float64 array, shape (steps, rain cells)
            Rain at ``rain_x_m``, ``rain_y_m`` in every step.
        step_s : float
            Length of a step.

        Returns
        -------
        float64 array, shape (steps, places)
            Depth at the low places at the end of every step.
        """
        steps = len(rate_mm_h)
        if not rate_mm_h.any() and not self._depth.any() and not self._below.any():
            return np.zeros((steps, len(self._places)))
        sinks, lifts = self._drawn()
        tanks = TankExchange(self._domain.tanks, depth_m=self._below, pump_m3_s=lifts)
        result = simulate(
            self._domain.bed_m,
            self._domain.grid.cell_m,
            steps * step_s,
            depth_m=self._depth,
            velocity_x_m_s=self._east,
            velocity_y_m_s=self._north,
            rain_mm_h=RainSeries(
                times_s=np.arange(steps, dtype=np.float64) * step_s,
                rate_mm_h=rate_mm_h.reshape(steps, _RAIN_CELLS, _RAIN_CELLS),
                rows=self._rain_rows,
                columns=self._rain_columns,
            ),
            manning=self._domain.manning,
            boundary="open",
            infiltration=Losses([self._soil, sinks]),
            exchanges=(tanks,),
            active=self._domain.active,
            save_every_s=step_s,
            scheme="local_inertial",
        )
        self._depth, self._east, self._north = result.depth_m, result.velocity_x_m_s, result.velocity_y_m_s
        self.volume_error_ratio = max(self.volume_error_ratio, abs(result.volume_error_ratio))
        below = tanks.depths_at(np.arange(1, steps + 1, dtype=np.float64) * step_s)
        self._below = below[-1]
        street = np.stack([s.depth_m.reshape(-1) for s in result.snapshots[1 : steps + 1]])
        under = np.concatenate([below, np.zeros((steps, 1))], axis=1)[:, self._tank]
        return np.asarray(np.where(self._places >= 0, street[:, self._places], 0.0) + under, dtype=np.float64)

    def _drawn(self) -> tuple[DrainSinks, F64]:
        """Sewers and pumps together: what each cell and each underpass gives at most."""
        if not self._pumps:
            return self._sewers, self._lifts
        rate, lifts = np.zeros(self._depth.size), self._lifts.copy()
        rate[self._sewers.places] = self._sewers.rate_m_s
        for tank, place, discharge in self._pumps.values():
            if tank >= 0:
                lifts[tank] += discharge
            else:
                rate[place] += discharge / self._domain.grid.cell_m**2
        places = np.flatnonzero(rate > 0.0)
        return DrainSinks(self._sewers.shape, places, rate[places]), lifts


def street_water(city: City, scenario: Scenario, x_m: F64, y_m: F64, rng: np.random.Generator) -> StreetWater | None:
    """Lay the city out for the simulated world; None where it has no terrain, whose streets then stay dry.

    Every inlet and every pump works as well as it happens to: the share it takes of its capacity is drawn for each,
    which is what no forecast knows.

    Parameters
    ----------
    x_m, y_m : float64 arrays, shape (n,)
        Low places in the city's metric reference system.
    rng : numpy.random.Generator
        Source of chance.
    """
    try:
        domain = flood_domain(city, cell_m=suitable_cell_m(city, scenario.streets.raster_cells))
    except MissingData:
        return None
    sinks = drain_sinks(domain)
    drained = domain.drain_mm_h.ravel()[sinks.places] > 0.0
    share = np.where(drained, rng.uniform(*scenario.streets.drain_ratio, len(sinks.places)), 1.0)
    real = DrainSinks(sinks.shape, sinks.places, sinks.rate_m_s * share)
    designed = domain.drain_mm_h.ravel()[domain.tanks.places].astype(np.float64) / 3.6e6 * domain.grid.cell_m**2
    lifts = designed * rng.uniform(*scenario.streets.drain_ratio, len(domain.tanks))
    unsealed, streets = domain.pervious_ratio, scenario.streets
    soil = ConstantLossSoil(
        unsealed.shape, rate_mm_h=streets.soil_loss_mm_h * unsealed, initial_mm=streets.soil_initial_mm * unsealed
    )
    return StreetWater(domain, real, soil, lifts, x_m, y_m)


def _lowest_near(domain: FloodDomain, x_m: F64, y_m: F64) -> NDArray[np.int64]:
    grid = domain.grid
    street = np.where(domain.active & ~domain.water & ~domain.blocked, domain.bed_m, np.inf)
    reach = max(1, int(_NEAR_M // grid.cell_m))
    found = np.full(len(x_m), -1, dtype=np.int64)
    for k, (x, y) in enumerate(zip(x_m.tolist(), y_m.tolist(), strict=True)):
        row, column = int((y - grid.south_m) // grid.cell_m), int((x - grid.west_m) // grid.cell_m)
        if not (0 <= row < grid.ny and 0 <= column < grid.nx):
            continue
        top, left = max(row - reach, 0), max(column - reach, 0)
        about = street[top : row + reach + 1, left : column + reach + 1]
        i, j = np.unravel_index(int(about.argmin()), about.shape)
        if np.isfinite(about[i, j]):
            found[k] = (top + int(i)) * grid.nx + left + int(j)
    return found
