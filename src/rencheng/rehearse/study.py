"""A study: many storms over a city, with and without measures; what is written down before anything runs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import yaml

from rencheng.kernel import Bilingual, InvalidConfig
from rencheng.rehearse.scenario import FORMULAS
from rencheng.rehearse.study_checks import check_study
from rencheng.rehearse.study_parts import KINDS, Budgets, Climate, Economics, Levels, Measure, Part, Storms
from rencheng.science.design_storm import IntensityFormula

__all__ = [
    "KINDS",
    "Budgets",
    "Climate",
    "Economics",
    "Levels",
    "Measure",
    "Storms",
    "Study",
    "read_study",
    "study_from_plain",
    "study_plain",
]


class Study(Part, frozen=True, kw_only=True):
    """A study file."""

    name: str
    title: Bilingual
    storms: Storms
    measures: tuple[Measure, ...]
    economics: Economics = Economics()
    raster_cells: int = 20_000
    after_min: int = 60
    """Minutes that are computed after the rain has ended."""
    climates: tuple[Climate, ...] = ()
    """Climates beside today's."""
    portfolios: Budgets | None = None
    levels: Levels | None = None
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

    def portfolio(self, name: str) -> tuple[Measure, ...]:
        """Measures of a portfolio by its name, ids joined by ``+``; ``none`` has none."""
        known = {m.id: m for m in self.measures}
        return () if name == "none" else tuple(known[part] for part in name.split("+"))

    def name_of(self, mask: int) -> str:
        """Name of the portfolio that holds the measures whose bits are set."""
        return "+".join(m.id for i, m in enumerate(self.measures) if mask >> i & 1) or "none"

    def climate_factor(self, climate: str) -> float:
        """Rain rates in a climate as a multiple of today's; ``now`` is today's."""
        return next((c.factor for c in self.climates if c.id == climate), 1.0)


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
    check_study(study, where)
    return study


def study_plain(study: Study) -> dict[str, Any]:
    """The study as plain data, as it is kept beside its results."""
    plain: dict[str, Any] = json.loads(msgspec.json.encode(study))
    return plain
