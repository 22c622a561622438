"""The risk-warning index 风险预警指数: 6 × 42 indicators, weights that follow the season, a grade by thresholds.

Pure: values in, score and grade out. What a run can say of each indicator is collected in
:mod:`rencheng.assess.risk_collectors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

import msgspec
import yaml

from rencheng.assess.indicator_tree import IndicatorTree, Measurement, TreeScore, score_tree, tree_from_dict
from rencheng.kernel import Bilingual, Colour, InvalidConfig, InvalidInput

__all__ = [
    "Grade",
    "RiskIndex",
    "RiskIndexRules",
    "Season",
    "default_risk_index",
    "evaluate_risk_index",
    "grade_of",
    "risk_index_from_dict",
    "risk_tree",
]

FIRST_LEVEL, SECOND_LEVEL = 6, 42
"""Counts of indicators that the system is to have (AST-05)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """A colour and the lowest score that has it."""

    colour: Colour
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """Months of the city's clock in which other weights hold."""

    id: str
    title: Bilingual
    months: tuple[int, ...]
    weights: dict[str, float]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskIndexRules:
    """The index as data: its tree, seasons and grades.

    Raises
    ------
    InvalidInput
        If the tree has not 6 × 42 indicators, a season's weights do not sum to 1 or two seasons share a month, or the
        grades do not rise.
    """

    tree: IndicatorTree
    seasons: tuple[Season, ...]
    grades: tuple[Grade, ...]
    grades_source: str

    def __post_init__(self) -> None:
        first = len(self.tree.dimensions)
        second = sum(len(d.indicators) for d in self.tree.dimensions)
        if (first, second) != (FIRST_LEVEL, SECOND_LEVEL):
            raise InvalidInput(
                f"{first} first-level and {second} second-level indicators",
                where=self.tree.id,
                mend=f"The risk-warning index has {FIRST_LEVEL} and {SECOND_LEVEL}",
            )
        for season in self.seasons:
            self.tree.require_weights(season.weights)
        months = [month for season in self.seasons for month in season.months]
        if len(months) != len(dict.fromkeys(months)) or not all(1 <= month <= 12 for month in months):
            raise InvalidInput("a month stands in two seasons or is none", where=f"{self.tree.id} seasons")
        rising = all(a.score < b.score and a.colour.rank < b.colour.rank for a, b in pairwise(self.grades))
        if not self.grades or not rising:
            raise InvalidInput("grades must rise in colour and score", where=f"{self.tree.id} grades")

    def weights_in(self, month: int) -> tuple[str, dict[str, float]]:
        """Season of a month (empty outside any) and the weights that hold in it."""
        for season in self.seasons:
            if month in season.months:
                return season.id, dict(season.weights)
        return "", self.tree.weights


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskIndex:
    """The index at one instant.

    Parameters
    ----------
    colour : str
        Grade; empty below blue, and where nothing could be measured.
    season : str
        Whose weights were used; empty for the tree's own; ``revised`` where people had revised them.
    """

    scored: TreeScore
    colour: str
    season: str


def grade_of(score: float | None, grades: Sequence[Grade]) -> str:
    """Highest grade whose lowest score is reached; empty below the first, or without a score.

    Examples
    --------
    >>> grades = [Grade(colour=Colour.BLUE, score=25.0), Grade(colour=Colour.RED, score=75.0)]
    >>> grade_of(74.9, grades), grade_of(75.0, grades), grade_of(3.0, grades)
    ('blue', 'red', '')
    """
    reached = [grade for grade in grades if score is not None and score >= grade.score]
    return str(reached[-1].colour) if reached else ""


def evaluate_risk_index(
    values: Mapping[str, Measurement],
    *,
    month: int,
    rules: RiskIndexRules | None = None,
    weights: Mapping[str, float] | None = None,
) -> RiskIndex:
    """Score and grade the index.

    Parameters
    ----------
    values : mapping of str to Measurement
        By indicator; what is not there has no collector and its weight is shared.
    month : int
        1 to 12 by the city's clock, for the season's weights.
    rules : RiskIndexRules, optional
        The shipped ones unless given.
    weights : mapping of str to float, optional
        Dimension → weight that people decided on; goes before the season's.

    Raises
    ------
    InvalidInput
        If given weights do not fit the tree or do not sum to 1 within 1e-9.
    """
    rules = default_risk_index() if rules is None else rules
    season, seasonal = rules.weights_in(month)
    scored = score_tree(rules.tree, values, seasonal if weights is None else weights)
    colour = grade_of(scored.score, rules.grades)
    return RiskIndex(scored=scored, colour=colour, season=season if weights is None else "revised")


@cache
def default_risk_index() -> RiskIndexRules:
    """The shipped index."""
    text = (files("rencheng.assess") / "data" / "risk_index_cn.yaml").read_text(encoding="utf-8")
    return risk_index_from_dict(yaml.safe_load(text), where="risk_index_cn.yaml")


def risk_tree() -> IndicatorTree:
    """The indicator tree of the shipped index."""
    return default_risk_index().tree


def risk_index_from_dict(data: dict[str, object], *, where: str) -> RiskIndexRules:
    """Make the rules of plain data.

    Raises
    ------
    InvalidConfig
        If a field is missing or wrong; says which.
    """
    tree_from_dict(data.get("tree"), where=where)
    try:
        return msgspec.convert(data, RiskIndexRules)
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=where, mend="See docs/reference/indicators.md") from error
    except InvalidInput as error:
        raise InvalidConfig(f"{error.where}: {error.what}", where=where, mend=error.mend) from error
