"""The people of the sandbox city: households, their vulnerable members, and the dwellings they live in.

Shares are those of China's Seventh National Population Census (2020): 2.62 persons per family household, 25.4 % of
households of one person and 29.7 % of two, 13.5 % of people aged 65 and over; about 6 % under 6 years (5.5 % under
5); 6.3 % with a disability (China Disabled Persons' Federation, end of 2010).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.city.sandbox.buildings import Buildings
from rencheng.city.sandbox.frame import Frame

__all__ = ["HOUSEHOLD_SIZES", "Households", "households_of"]

Ints = NDArray[np.int64]

HOUSEHOLD_SIZES = np.array([0.2539, 0.2968, 0.2099, 0.1317, 0.0620, 0.0297, 0.0160])
"""Share of households with 1, 2 … 7 members (the census' "7", "8" … are taken together)."""
_ELDERLY = np.array([0.20, 0.205, 0.08, 0.09, 0.145, 0.14, 0.14])
_CHILDREN = np.array([0.0, 0.006, 0.085, 0.105, 0.10, 0.10, 0.10])
_DISABLED_ELDERLY, _DISABLED_OTHER = 0.16, 0.048


@dataclass(frozen=True, kw_only=True)
class Households:
    """Households; arrays of shape (n,), sorted by building.

    ``disabled_other`` counts those with a disability who are neither elderly nor a child, so that elderly +
    children + disabled_other is the number of vulnerable residents, each counted once.
    """

    building: Ints
    residents: Ints
    elderly: Ints
    children: Ints
    disabled: Ints
    disabled_other: Ints


def households_of(frame: Frame, buildings: Buildings) -> Households:
    """Draw households until every resident has one and share them among the dwellings by floor area."""
    rng = frame.rng("people")
    size = _sizes(rng, frame.residents)
    elderly = rng.binomial(size, _ELDERLY[size - 1])
    children = np.minimum(rng.binomial(size, _CHILDREN[size - 1]), np.maximum(size - elderly - 1, 0))
    adults = size - elderly - children
    disabled_elderly = rng.binomial(elderly, _DISABLED_ELDERLY)
    disabled_child = rng.binomial(children, 0.02)
    disabled_other = rng.binomial(adults, _DISABLED_OTHER)
    return Households(
        building=_dwellings(rng, buildings, len(size)),
        residents=size,
        elderly=elderly,
        children=children,
        disabled=disabled_elderly + disabled_child + disabled_other,
        disabled_other=disabled_other,
    )


def _sizes(rng: np.random.Generator, residents: int) -> Ints:
    """Household sizes that add up to the residents exactly."""
    share = HOUSEHOLD_SIZES / HOUSEHOLD_SIZES.sum()
    most = int(residents / 2.3) + 200
    size = rng.choice(np.arange(1, len(share) + 1), size=most, p=share)
    total = np.cumsum(size)
    count = int(np.searchsorted(total, residents)) + 1
    size = size[:count].astype(np.int64)
    size[-1] -= total[count - 1] - residents
    return size


def _dwellings(rng: np.random.Generator, buildings: Buildings, households: int) -> Ints:
    """Building of each household, ascending: households in proportion to housing floor area (largest remainders)."""
    homes = np.flatnonzero(buildings.use == 0)
    wish = buildings.floor_m2[homes] * rng.uniform(0.8, 1.2, len(homes))
    wish = wish / wish.sum() * households
    count = np.floor(wish).astype(np.int64)
    rest = np.argsort(count - wish, kind="stable")[: households - int(count.sum())]
    count[rest] += 1
    return np.repeat(homes, count)
