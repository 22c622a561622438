"""A study: many storms over a city, with and without measures; what is written down before anything runs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml
from numpy.typing import NDArray

from rencheng.kernel import Bilingual, InvalidConfig
from rencheng.rehearse.scenario import FORMULAS
from rencheng.science.design_storm import IntensityFormula

__all__ = ["KINDS", "Economics", "Measure", "Storms", "StormDraw", "Study", "read_study"]

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


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a study file; a key that nobody reads is refused."""


class Measure(_Part, frozen=True, kw_only=True):
    """Something that may be built, what it costs, and how it acts on the water.

    ``pump`` lifts ``discharge_m3_s`` at a place; ``inlets`` multiplies the capacity of inlets (within ``radius_m`` of a
    place, or everywhere) by ``factor``; ``green_roof`` keeps ``retention_mm`` on a ``share`` of the roofs;
    ``permeable_paving`` lets ``rate_mm_h`` into a ``share`` of the ground between buildings; ``detention`` lowers
    ``area_m2`` about a place to hold ``volume_m3``; ``wall`` raises the ground along a line by ``height_m``.
    """

    id: str
    kind: str
    title: Bilingual
    capital_cny: float
    yearly_cny: float = 0.0
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

    @property
    def annuity(self) -> float:
        """Present value of one a year: ``(1 − (1 + r)^−n) / r``.

        Examples
        --------
        >>> round(Economics(years=50, discount_rate=0.04).annuity, 2)
        21.48
        """
        rate = self.discount_rate
        return float(self.years) if rate == 0.0 else (1.0 - (1.0 + rate) ** -self.years) / rate


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StormDraw:
    """One storm of a study."""

    number: int
    stratum: int
    return_period_a: float
    duration_min: int
    peak_ratio: float
    seed: int
    extra: dict[str, float] = field(default_factory=dict)


def draw_storms(study: Study, seed: int) -> tuple[list[StormDraw], NDArray[np.float64]]:
    """Draw the storms of a study and the annual probability of each stratum.

    Returns
    -------
    storms : list of StormDraw
        Ordered by stratum.
    weight : float64 array, shape (strata,)
        Annual probability that the year's storm lies in the stratum.

    Notes
    -----
    Annual maxima: a storm of return period T is exceeded in a year with probability 1/T. Stratum k holds the
    probabilities ``1/T_{k+1} … 1/T_k``, the last ``0 … 1/T_n``; the expected annual loss is
    ``Σ (1/T_k − 1/T_{k+1}) · mean loss of the stratum`` (stratified sampling: Cochran 1977, ch. 5).
    """
    storms = study.storms
    edges = 1.0 / np.array([*storms.return_periods_a, np.inf])
    weight = edges[:-1] - edges[1:]
    rng = np.random.default_rng([seed, 31])
    drawn: list[StormDraw] = []
    for k in range(len(weight)):
        within = (rng.permutation(storms.per_stratum) + rng.random(storms.per_stratum)) / storms.per_stratum
        for u in within.tolist():
            exceeded = max(edges[k + 1] + u * weight[k], 1e-4)  # 10,000 years: no formula says anything beyond
            drawn.append(
                StormDraw(
                    number=len(drawn),
                    stratum=k,
                    return_period_a=float(max(1.0 / exceeded, 1.0)),
                    duration_min=int(rng.choice(np.array(storms.durations_min))),
                    peak_ratio=float(rng.uniform(*storms.peak_ratios)),
                    seed=int(rng.integers(2**31)),
                )
            )
    return drawn, weight


__all__ += ["draw_storms"]


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
        study = msgspec.convert(raw, Study)
    except OSError as error:
        raise InvalidConfig(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidConfig(f"not YAML: {error}", where=str(path)) from error
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=str(path), mend="See docs/how-to/run-a-study.md for the keys") from error
    _check(study, str(path))
    return study


def _check(study: Study, where: str) -> None:
    storms = study.storms
    if storms.formula not in FORMULAS:
        raise InvalidConfig(
            f"unknown formula {storms.formula!r}", where=f"{where}: storms.formula", mend=f"Use: {', '.join(FORMULAS)}"
        )
    periods = storms.return_periods_a
    if not periods or list(periods) != sorted(set(periods)) or periods[0] < 1.0 or periods[-1] > 10_000.0:
        raise InvalidConfig(
            f"return periods {periods} must rise from 1 year to at most 10,000",
            where=f"{where}: storms.return_periods_a",
            mend="Beyond the record no formula says anything",
        )
    low, high = storms.peak_ratios
    for name, value, fine in (
        ("storms.per_stratum", storms.per_stratum, storms.per_stratum >= 2),
        ("storms.durations_min", storms.durations_min, min(storms.durations_min, default=0) >= 15),
        ("storms.peak_ratios", storms.peak_ratios, 0.0 < low <= high < 1.0),
        ("economics.years", study.economics.years, study.economics.years >= 1),
        ("economics.discount_rate", study.economics.discount_rate, 0.0 <= study.economics.discount_rate < 0.5),
        ("raster_cells", study.raster_cells, study.raster_cells >= 400),
        ("after_min", study.after_min, 0 <= study.after_min <= 1440),
    ):
        if not fine:
            raise InvalidConfig(f"{value} makes no sense", where=f"{where}: {name}", mend="Compare with the example")
    seen: set[str] = set()
    for i, measure in enumerate(study.measures):
        at = f"{where}: measures[{i}] {measure.id!r}"
        if measure.id in seen or measure.id == "none":
            raise InvalidConfig(
                "the id stands twice (or is 'none', which is doing nothing)", where=at, mend="Rename it"
            )
        seen.add(measure.id)
        _check_measure(measure, at)


def _check_measure(measure: Measure, where: str) -> None:
    if measure.kind not in KINDS:
        raise InvalidConfig(f"unknown kind {measure.kind!r}", where=where, mend=f"Use one of: {', '.join(KINDS)}")
    lacking = [name for name in _NEEDS[measure.kind] if getattr(measure, name) is None]
    if lacking:
        raise InvalidConfig(f"a {measure.kind} needs {', '.join(lacking)}", where=where, mend="Give them")
    if not measure.capital_cny > 0.0 or measure.yearly_cny < 0.0:
        raise InvalidConfig(
            f"capital {measure.capital_cny} and yearly {measure.yearly_cny} CNY", where=where, mend="Nothing is free"
        )
    if measure.share is not None and not 0.0 < measure.share <= 1.0:
        raise InvalidConfig(f"share {measure.share} is not within 0 … 1", where=where, mend="Give a share of 1")
    for name in ("discharge_m3_s", "factor", "retention_mm", "rate_mm_h", "area_m2", "volume_m3", "height_m"):
        value = getattr(measure, name)
        if value is not None and not (np.isfinite(value) and value > 0.0):
            raise InvalidConfig(f"{name} is {value}", where=where, mend="Give a number above 0")


def study_plain(study: Study) -> dict[str, Any]:
    """The study as plain data, as it is kept beside its results."""
    plain: dict[str, Any] = json.loads(msgspec.json.encode(study))
    return plain


__all__ += ["study_plain"]
