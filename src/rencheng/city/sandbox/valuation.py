"""What buildings are worth, how high their floors lie, who works there, and their Hazus occupancy class.

Structure values are building costs, CNY/m² (order of the China Statistical Yearbook's cost of completed buildings,
2022); occupancy classes are those of the Hazus Flood Technical Manual (FEMA), RES3A–F by number of dwellings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.city.sandbox.buildings import HOUSE, OLD, SHOP, TOWER, USES, WORKS, Buildings
from rencheng.city.sandbox.facilities import RULES, Facilities
from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.people import Households

__all__ = ["COST_CNY_M2", "floor_heights_m", "jobs_of", "occupancy_of", "values_cny"]

Floats = NDArray[np.float64]

COST_CNY_M2 = {
    "RES1": 2000.0,
    "RES3": 2800.0,
    "RES6": 3500.0,
    "COM": 3800.0,
    "COM6": 6000.0,
    "IND": 2200.0,
    "GOV": 4000.0,
    "EDU": 3500.0,
    "REL": 3000.0,
}
"""By the longest matching beginning of the occupancy class."""
_M2_PER_JOB = {"commercial": 35.0, "industrial": 70.0, "public": 40.0, "education": 60.0, "health": 35.0}
_EMPLOYED = 0.5


def occupancy_of(
    frame: Frame, buildings: Buildings, households: Households, facilities: Facilities
) -> NDArray[np.object_]:
    """Hazus class of every building."""
    rng = frame.rng("occupancy")
    homes = np.bincount(households.building, minlength=len(buildings))
    out = np.full(len(buildings), "GOV1", dtype=object)
    size = np.searchsorted([2, 3, 5, 10, 20, 50], homes, side="right")
    names = np.array(["RES1", "RES3A", "RES3B", "RES3C", "RES3D", "RES3E", "RES3F"], dtype=object)
    housing = buildings.use == USES.index("residential")
    out[housing] = names[size][housing]
    shops = buildings.use == USES.index("commercial")
    trade = np.array(["COM1", "COM3", "COM4", "COM8"], dtype=object)
    out[shops] = trade[rng.choice(4, len(buildings), p=[0.45, 0.2, 0.25, 0.1])][shops]
    works = buildings.use == USES.index("industrial")
    out[works] = np.array(["IND1", "IND2", "IND3"], dtype=object)[rng.choice(3, len(buildings), p=[0.3, 0.6, 0.1])][
        works
    ]
    out[buildings.use == USES.index("education")] = "EDU1"
    out[buildings.use == USES.index("health")] = "COM7"
    by_kind = {rule.kind: rule.occupancy for rule in RULES}
    for kind, building in zip(facilities.kind, facilities.building, strict=True):
        if building >= 0 and kind in by_kind:
            out[building] = by_kind[kind]
    return out


def values_cny(buildings: Buildings, occupancy: NDArray[np.object_]) -> Floats:
    """Replacement value of the structures, rounded to 1,000 CNY."""
    classes, which = np.unique(occupancy.astype(str), return_inverse=True)
    cost = np.array([_cost(name) for name in classes.tolist()])[which]
    high_rise = 1.0 + 0.012 * np.maximum(buildings.storeys - 6, 0)
    return np.asarray(np.round(buildings.floor_m2 * cost * high_rise / 1000.0) * 1000.0)


def _cost(occupancy: str) -> float:
    fits = [key for key in COST_CNY_M2 if occupancy.startswith(key)]
    return COST_CNY_M2[max(fits, key=len)]


def floor_heights_m(frame: Frame, buildings: Buildings) -> Floats:
    """First-floor height over the ground: a step in old quarters and shops, half a metre in newer housing."""
    rng = frame.rng("floors")
    base = np.full(len(buildings), 0.45)
    base[buildings.land == OLD] = 0.15
    base[buildings.land == HOUSE] = 0.30
    base[buildings.land == TOWER] = 0.60
    base[(buildings.land == SHOP) | (buildings.land == WORKS)] = 0.20
    return np.asarray(np.round(base + rng.choice([-0.1, 0.0, 0.0, 0.1, 0.15], len(buildings)), 2))


def jobs_of(frame: Frame, buildings: Buildings) -> Floats:
    """Jobs by floor area and use, scaled to half the residents (employment rate of all ages, census 2020)."""
    per_m2 = np.array([1.0 / _M2_PER_JOB[use] if use in _M2_PER_JOB else 0.0 for use in USES])
    jobs = buildings.floor_m2 * per_m2[buildings.use]
    return np.asarray(jobs * (_EMPLOYED * frame.residents / jobs.sum()))
