"""Whether a study file makes sense; what does not is refused naming the key."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rencheng.kernel import InvalidConfig
from rencheng.rehearse.scenario import FORMULAS
from rencheng.rehearse.study_parts import KINDS, Climate, Measure, Storms

if TYPE_CHECKING:
    from rencheng.rehearse.study import Study

__all__ = ["FIELDS", "check_study"]

FIELDS = ("uniform", "moving")
"""Shapes of a storm in space."""

_NEEDS: dict[str, tuple[str, ...]] = {
    "pump": ("lon", "lat", "discharge_m3_s"),
    "inlets": ("factor",),
    "green_roof": ("share", "retention_mm"),
    "permeable_paving": ("share", "rate_mm_h"),
    "detention": ("lon", "lat", "area_m2", "volume_m3"),
    "wall": ("line", "height_m"),
}
_SIZES = ("radius_m", "discharge_m3_s", "factor", "retention_mm", "rate_mm_h", "area_m2", "volume_m3", "height_m")
_EFFECTS = (*_SIZES, "share", "lon", "lat", "line")
MOST_YEARS = 10_000.0
"""Greatest return period that a study may name."""


def check_study(study: Study, where: str) -> None:
    """Refuse a study that makes no sense.

    Raises
    ------
    InvalidConfig
        Names the file and the key.
    """
    _check_storms(study.storms, where)
    _check_numbers(study, where)
    _check_climates(study.climates, where)
    _check_options(study, where)
    if not study.measures:
        raise InvalidConfig("no measure is given", where=f"{where}: measures", mend="Give at least one")
    seen: list[str] = ["none"]
    for i, measure in enumerate(study.measures):
        at = f"{where}: measures[{i}] {measure.id!r}"
        if measure.id in seen or not measure.id or "+" in measure.id:
            raise InvalidConfig(
                "the id is empty, stands twice, holds a +, or is 'none', which is doing nothing",
                where=at,
                mend="Rename it",
            )
        seen.append(measure.id)
        _check_measure(measure, at)


def _check_storms(storms: Storms, where: str) -> None:
    if storms.formula not in FORMULAS:
        raise InvalidConfig(
            f"unknown formula {storms.formula!r}", where=f"{where}: storms.formula", mend=f"Use: {', '.join(FORMULAS)}"
        )
    periods = storms.return_periods_a
    if not periods or list(periods) != sorted(set(periods)) or not 1.0 <= periods[0] <= periods[-1] <= MOST_YEARS:
        raise InvalidConfig(
            f"return periods {periods} must rise from 1 year to at most {MOST_YEARS:,.0f}",
            where=f"{where}: storms.return_periods_a",
            mend="No formula says anything beyond its record",
        )


def _check_numbers(study: Study, where: str) -> None:
    storms, economics = study.storms, study.economics
    low, high = storms.peak_ratios
    durations = storms.durations_min
    for name, value, fine, wanted in (
        ("storms.per_stratum", storms.per_stratum, 2 <= storms.per_stratum <= 100_000, "2 to 100,000"),
        (
            "storms.durations_min",
            durations,
            bool(durations) and all(15 <= d <= 1440 and d % 5 == 0 for d in durations),
            "multiples of 5 from 15 to 1440 minutes",
        ),
        ("storms.field", storms.field, storms.field in FIELDS, " or ".join(FIELDS)),
        (
            "storms.headings_deg",
            storms.headings_deg,
            -360.0 <= storms.headings_deg[0] <= storms.headings_deg[1] <= 360.0,
            "two bearings, the lower first",
        ),
        (
            "storms.speeds_m_s",
            storms.speeds_m_s,
            1.0 <= storms.speeds_m_s[0] <= storms.speeds_m_s[1] <= 50.0,
            "two speeds from 1 to 50 m/s, the lower first",
        ),
        ("storms.peak_ratios", storms.peak_ratios, 0.0 < low <= high < 1.0, "two shares of 1, the lower first"),
        ("economics.years", economics.years, 1 <= economics.years <= 500, "1 to 500"),
        ("economics.discount_rate", economics.discount_rate, 0.0 <= economics.discount_rate < 0.5, "0 to 0.5 a year"),
        ("raster_cells", study.raster_cells, 400 <= study.raster_cells <= 10_000_000, "400 to 10,000,000"),
        ("after_min", study.after_min, 0 <= study.after_min <= 1440, "0 to 1440"),
        ("surrogate_samples", study.surrogate_samples, 0 <= study.surrogate_samples <= 10**8, "0 to 100,000,000"),
    ):
        if not fine:
            raise InvalidConfig(f"{value} makes no sense", where=f"{where}: {name}", mend=f"Give {wanted}")


def _check_measure(measure: Measure, where: str) -> None:
    if measure.kind not in KINDS:
        raise InvalidConfig(f"unknown kind {measure.kind!r}", where=where, mend=f"Use one of: {', '.join(KINDS)}")
    lacking = [name for name in _NEEDS[measure.kind] if getattr(measure, name) is None]
    if lacking:
        raise InvalidConfig(f"a {measure.kind} needs {', '.join(lacking)}", where=where, mend="Give them")
    unread = [name for name in _EFFECTS if getattr(measure, name) is not None and name not in _read_by(measure.kind)]
    if unread:
        raise InvalidConfig(f"a {measure.kind} reads no {', '.join(unread)}", where=where, mend="Take it out")
    if not 0.0 < measure.capital_cny < math.inf or not 0.0 <= measure.yearly_cny < math.inf:
        raise InvalidConfig(
            f"capital_cny {measure.capital_cny} and yearly_cny {measure.yearly_cny}",
            where=where,
            mend="Nothing is free: give a capital above 0 and a yearly cost of 0 or more",
        )
    if measure.share is not None and not 0.0 < measure.share <= 1.0:
        raise InvalidConfig(f"share {measure.share} is not within 0 … 1", where=where, mend="Give a share of 1")
    for name in ("life_years", *_SIZES):
        value = getattr(measure, name)
        if value is not None and not 0.0 < value < math.inf:
            raise InvalidConfig(f"{name} is {value}", where=where, mend="Give a number above 0")
    _check_place(measure, where)


def _check_place(measure: Measure, where: str) -> None:
    given = [
        getattr(measure, name) is not None for name in ("lon", "lat", *(["radius_m"] * (measure.kind == "inlets")))
    ]
    if any(given) and not all(given):
        raise InvalidConfig("a place is lon and lat, for inlets with radius_m", where=where, mend="Give all or none")
    line = measure.line
    if line is not None and len(line) < 2:
        raise InvalidConfig("a line has two points or more", where=where, mend="Give [lon, lat] pairs")
    points = [*(line or ()), *([(measure.lon, measure.lat)] if measure.lon is not None else [])]
    for lon, lat in points:
        if not (-180.0 <= lon <= 180.0 and -90.0 <= (lat or 0.0) <= 90.0):
            raise InvalidConfig(
                f"lon {lon}, lat {lat} is no place on Earth", where=where, mend="Give degrees, EPSG:4326"
            )


def _read_by(kind: str) -> tuple[str, ...]:
    return _NEEDS[kind] + (("lon", "lat", "radius_m") if kind == "inlets" else ())


def _check_climates(climates: tuple[Climate, ...], where: str) -> None:
    seen = ["now"]
    for i, climate in enumerate(climates):
        at = f"{where}: climates[{i}] {climate.id!r}"
        if climate.id in seen or not climate.id:
            raise InvalidConfig("the id is empty, stands twice, or is 'now', today's", where=at, mend="Rename it")
        seen.append(climate.id)
        if not (-5.0 <= climate.warming_k <= 10.0 and 0.0 <= climate.per_kelvin <= 0.2):
            raise InvalidConfig(
                f"warming_k {climate.warming_k} with per_kelvin {climate.per_kelvin}",
                where=at,
                mend="Give -5 to 10 kelvin and 0 to 0.2 per kelvin",
            )


def _check_options(study: Study, where: str) -> None:
    if study.portfolios is not None:
        budgets = study.portfolios.budgets_cny
        if not budgets or list(budgets) != sorted(set(budgets)) or not 0.0 < budgets[0] <= budgets[-1] < math.inf:
            raise InvalidConfig(f"budgets {budgets}", where=f"{where}: portfolios", mend="Give budgets that rise")
    levels = study.levels
    if levels is None:
        return
    cells, per = levels.raster_cells, levels.per_stratum
    fine = [*cells, study.raster_cells]
    if len(cells) != len(per) or not cells or fine != sorted(set(fine)) or cells[0] < 100:
        raise InvalidConfig(
            f"rasters of {cells} cells with {per} storms",
            where=f"{where}: levels",
            mend="Give as many storms as rasters, coarsest first, all coarser than raster_cells",
        )
    if not all(2 <= n <= 1_000_000 for n in per):
        raise InvalidConfig(f"{per} storms", where=f"{where}: levels.per_stratum", mend="Give 2 to 1,000,000")
