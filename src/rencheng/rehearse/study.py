"""A study: many storms over a city, with and without measures; what is written down before anything runs."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import msgspec
import yaml

from rencheng.kernel import Bilingual, InvalidConfig
from rencheng.rehearse.scenario import FORMULAS
from rencheng.science.design_storm import IntensityFormula

__all__ = ["KINDS", "Economics", "Measure", "Storms", "Study", "read_study", "study_from_plain", "study_plain"]

KINDS = ("pump", "inlets", "green_roof", "permeable_paving", "detention", "wall")
"""Kinds of measure that the flood engine can try."""

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


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a study file; a key that nobody reads is refused."""


class Measure(_Part, frozen=True, kw_only=True):
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


class Storms(_Part, frozen=True, kw_only=True):
    """Which storms, and how many of each kind of year.

    Return periods are strata: between two of them storms are drawn evenly in annual exceedance probability, and their
    mean loss counts with the probability between. The last stratum is open above.
    """

    formula: str
    per_stratum: int
    return_periods_a: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
    durations_min: tuple[int, ...] = (60, 120, 180)
    peak_ratios: tuple[float, float] = (0.3, 0.5)


class Economics(_Part, frozen=True, kw_only=True):
    """How money of different years is made one."""

    years: int = 50
    discount_rate: float = 0.04


class Study(_Part, frozen=True, kw_only=True):
    """A study file."""

    name: str
    title: Bilingual
    storms: Storms
    measures: tuple[Measure, ...]
    economics: Economics = Economics()
    raster_cells: int = 20_000
    after_min: int = 60
    """Minutes that are computed after the rain has ended."""
    surrogate_samples: int = 0
    """Storms of the large study: losses read off what was computed, with the error of that reported; 0 for none."""

    @property
    def formula(self) -> IntensityFormula:
        """Storm intensity formula."""
        return FORMULAS[self.storms.formula]

    @property
    def digest(self) -> str:
        """What makes this the same study: the hash of all that it says."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


def read_study(path: Path) -> Study:
    """Read a study file.

    Raises
    ------
    InvalidConfig
        If it is not YAML, a key is unknown, a measure lacks what its kind needs, or a number makes no sense; names the
        file and the key.
    """
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidConfig(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidConfig(f"not YAML: {error}", where=str(path)) from error
    return study_from_plain(raw, where=str(path))


def study_from_plain(raw: object, *, where: str = "study") -> Study:
    """Check plain data as a study file holds them, and make the study.

    Raises
    ------
    InvalidConfig
        As :func:`read_study`.
    """
    try:
        study = msgspec.convert(raw, Study)
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=where, mend="docs/how-to/run-a-study.md names the keys") from error
    _check_storms(study.storms, where)
    _check_numbers(study, where)
    if not study.measures:
        raise InvalidConfig("no measure is given", where=f"{where}: measures", mend="Give at least one")
    seen: list[str] = ["none"]
    for i, measure in enumerate(study.measures):
        at = f"{where}: measures[{i}] {measure.id!r}"
        if measure.id in seen or not measure.id:
            raise InvalidConfig(
                "the id is empty, stands twice, or is 'none', which is doing nothing", where=at, mend="Rename it"
            )
        seen.append(measure.id)
        _check_measure(measure, at)
    return study


def study_plain(study: Study) -> dict[str, Any]:
    """The study as plain data, as it is kept beside its results."""
    plain: dict[str, Any] = json.loads(msgspec.json.encode(study))
    return plain


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
