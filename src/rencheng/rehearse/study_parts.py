"""The parts of a study file: measures, storms, climates, budgets, and how money is counted."""

from __future__ import annotations

import msgspec

from rencheng.kernel import Bilingual

__all__ = ["KINDS", "Budgets", "Climate", "Economics", "Levels", "Measure", "Part", "Storms"]

KINDS = ("pump", "inlets", "green_roof", "permeable_paving", "detention", "wall")
"""Kinds of measure that the flood engine can try."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a study file; a key that nobody reads is refused."""


class Measure(Part, frozen=True, kw_only=True):
    """Something that may be built, what it costs, and how it acts on the water.

    ``pump`` lifts ``discharge_m3_s`` at a place; ``inlets`` multiplies the capacity of inlets (within ``radius_m`` of a
    place, or everywhere) by ``factor``; ``green_roof`` keeps ``retention_mm`` on a ``share`` of the roofs;
    ``permeable_paving`` lets ``rate_mm_h`` into a ``share`` of the ground between buildings; ``detention`` lowers
    about ``area_m2`` at a place to hold ``volume_m3``; ``wall`` raises the ground along a line by ``height_m``.
    """

    id: str
    kind: str
    title: Bilingual
    capital_cny: float
    yearly_cny: float = 0.0
    life_years: int | None = None
    """After so many years it is built anew; absent: it outlives the study's years."""
    lon: float | None = None
    lat: float | None = None
    radius_m: float | None = None
    discharge_m3_s: float | None = None
    factor: float | None = None
    share: float | None = None
    retention_mm: float | None = None
    rate_mm_h: float | None = None
    area_m2: float | None = None
    volume_m3: float | None = None
    line: tuple[tuple[float, float], ...] | None = None
    height_m: float | None = None
    source: str = ""
    """Where its cost and its effect come from."""


class Storms(Part, frozen=True, kw_only=True):
    """Which storms, and how many of each kind of year.

    Return periods are strata: between two of them storms are drawn evenly in annual exceedance probability, and their
    mean loss counts with the probability between. The last stratum is open above.
    """

    formula: str
    per_stratum: int
    return_periods_a: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
    durations_min: tuple[int, ...] = (60, 120, 180)
    peak_ratios: tuple[float, float] = (0.3, 0.5)
    field: str = "uniform"
    """``uniform``: the same rain everywhere; ``moving``: storms that cross the city."""
    headings_deg: tuple[float, float] = (0.0, 360.0)
    """Where moving storms go to, clockwise from north."""
    speeds_m_s: tuple[float, float] = (4.0, 16.0)
    """Bounds of their speed, evenly drawn in its logarithm."""


class Economics(Part, frozen=True, kw_only=True):
    """How money of different years is made one."""

    years: int = 50
    discount_rate: float = 0.04


class Climate(Part, frozen=True, kw_only=True):
    """A climate in which the storms of today rain harder: every rate grows by ``per_kelvin`` for each kelvin.

    7 % per kelvin is what air can hold more (Clausius–Clapeyron; heavy rain of a day follows it: IPCC AR6 WG1, 11.4);
    short storms may grow faster.
    """

    id: str
    title: Bilingual
    warming_k: float
    per_kelvin: float = 0.07
    source: str = ""

    @property
    def factor(self) -> float:
        """Rain rates as a multiple of today's."""
        return float((1.0 + self.per_kelvin) ** self.warming_k)


class Budgets(Part, frozen=True, kw_only=True):
    """Which portfolios of measures to look for: the best that each budget (present value) can pay."""

    budgets_cny: tuple[float, ...]


class Levels(Part, frozen=True, kw_only=True):
    """Coarser rasters that more storms are computed on (multilevel Monte Carlo), coarsest first."""

    raster_cells: tuple[int, ...]
    per_stratum: tuple[int, ...]
    """Storms of each kind of year on each of them."""
