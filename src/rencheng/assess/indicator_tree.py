"""Indicator trees as versioned data: dimensions of weighted indicators with goalposts and sources, and their scores.

A tree scores 0 to 100. What has no value is left out; its weight goes to its siblings in proportion, and the score says
so. The arithmetic is that of :mod:`rencheng.science.composite`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import msgspec
import numpy as np
import yaml

from rencheng.kernel import Bilingual, InvalidConfig, InvalidInput
from rencheng.science.composite import Branch, aggregate_tree, leaf_weights, min_max, require_weights

__all__ = [
    "Dimension",
    "DimensionScore",
    "IndicatorScore",
    "IndicatorTree",
    "Measurement",
    "TreeIndicator",
    "TreeScore",
    "read_tree",
    "score_tree",
    "tree_from_dict",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeIndicator:
    """A second-level indicator.

    Parameters
    ----------
    goalposts : tuple of float
        Value scored 0 and value scored 100, in the indicator's unit; their order gives the direction.
    weight : float
        Beside the other indicators of its dimension.
    source : str
        Where the goalposts come from: a standard, a plan, or ``proposal`` for this project's own.
    """

    id: str
    unit: str
    goalposts: tuple[float, float]
    title: Bilingual
    source: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A first-level indicator and its weight in the whole."""

    id: str
    weight: float
    title: Bilingual
    indicators: tuple[TreeIndicator, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorTree:
    """An index as data; weights of its dimensions sum to 1."""

    id: str
    version: str
    jurisdiction: str
    valid_from: str
    source: str
    title: Bilingual
    dimensions: tuple[Dimension, ...]
    aggregation: str = "arithmetic"

    def __post_init__(self) -> None:
        require_weights([d.weight for d in self.dimensions], where=f"{self.id} dimensions")
        names = [d.id for d in self.dimensions] + [i.id for d in self.dimensions for i in d.indicators]
        twice = sorted(name for name in dict.fromkeys(names) if names.count(name) > 1)
        if twice:
            raise InvalidInput(f"two parts are called {twice[0]!r}", where=self.id, mend="Give every part its own id")
        for indicator in (i for d in self.dimensions for i in d.indicators):
            if not indicator.source.strip():
                raise InvalidInput("no source", where=indicator.id, mend="Name one, or write: proposal")
            if not indicator.weight > 0.0:
                raise InvalidInput(f"weight {indicator.weight:g} is not above 0", where=indicator.id)
            min_max(np.array(0.0), *indicator.goalposts)
        if not all(d.indicators for d in self.dimensions):
            raise InvalidInput("a dimension has no indicators", where=self.id)

    @property
    def weights(self) -> dict[str, float]:
        """Dimension → weight, as the file gives them."""
        return {d.id: d.weight for d in self.dimensions}

    def require_weights(self, weights: Mapping[str, float]) -> None:
        """Refuse weights that are not one for each dimension, or do not sum to 1 within 1e-9.

        Raises
        ------
        InvalidInput
            Says which dimension, or the sum.
        """
        odd = sorted(set(weights) ^ set(self.weights))
        if odd:
            mend = f"Give each of: {', '.join(self.weights)}"
            raise InvalidInput(f"dimension {odd[0]!r} is missing or unknown", where=f"weights of {self.id}", mend=mend)
        require_weights([weights[name] for name in self.weights], where=f"weights of {self.id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """An indicator's value, or why there is none; an infinite one (never recovered) scores like its goalpost."""

    value: float | None
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorScore:
    """An indicator in a scored tree; ``effective_weight`` is its share of the whole with what is missing left out."""

    indicator: TreeIndicator
    value: float | None
    score: float | None
    effective_weight: float
    missing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionScore:
    """A dimension in a scored tree; no score where none of its indicators has a value."""

    id: str
    title: Bilingual
    weight: float
    effective_weight: float
    score: float | None
    indicators: tuple[IndicatorScore, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeScore:
    """A scored tree.

    Parameters
    ----------
    score : float, optional
        0 to 100; None where nothing at all could be measured.
    measured_ratio : float
        Share of the weight (before anything was left out) that stands on a measured value.
    missing : tuple of str
        Indicators that were left out.
    """

    id: str
    version: str
    title: Bilingual
    score: float | None
    measured_ratio: float
    dimensions: tuple[DimensionScore, ...]
    missing: tuple[str, ...]


def read_tree(package: str, name: str) -> IndicatorTree:
    """Read a tree that ships in the ``data`` folder of a package of ours."""
    text = (files(package) / "data" / name).read_text(encoding="utf-8")
    return tree_from_dict(yaml.safe_load(text), where=name)


def tree_from_dict(data: object, *, where: str) -> IndicatorTree:
    """Make a tree of plain data.

    Raises
    ------
    InvalidConfig
        If a field is missing or wrong, weights do not sum to 1, an id stands twice, or an indicator names no source.
    """
    try:
        return msgspec.convert(data, IndicatorTree)
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=where, mend="See docs/explanation/resilience-index.md") from error
    except InvalidInput as error:
        raise InvalidConfig(f"{error.where}: {error.what}", where=where, mend=error.mend) from error


def score_tree(
    tree: IndicatorTree, values: Mapping[str, Measurement], weights: Mapping[str, float] | None = None
) -> TreeScore:
    """Score a tree from its indicators' values.

    Parameters
    ----------
    tree : IndicatorTree
        The index.
    values : mapping of str to Measurement
        By indicator; one that is not there has no collector.
    weights : mapping of str to float, optional
        Dimension → weight in force; the tree's own unless given.

    Raises
    ------
    InvalidInput
        If the weights are not one for each dimension or do not sum to 1 within 1e-9.
    """
    weights = tree.weights if weights is None else weights
    tree.require_weights(weights)
    known = {i.id: _measured(i, values) for d in tree.dimensions for i in d.indicators}
    scores = {i.id: _score(i, known[i.id].value) for d in tree.dimensions for i in d.indicators}
    branch = _branch(tree, weights)
    present = {name: score is not None for name, score in scores.items()}
    found = aggregate_tree(branch, {name: np.array(s) for name, s in scores.items() if s is not None})
    effective, full = leaf_weights(branch, present), leaf_weights(branch)
    return TreeScore(
        id=tree.id,
        version=tree.version,
        title=tree.title,
        score=_plain(float(found[tree.id])),
        measured_ratio=float(np.sum([full[name] for name, there in present.items() if there])),
        dimensions=tuple(
            DimensionScore(
                id=d.id,
                title=d.title,
                weight=weights[d.id],
                effective_weight=float(np.sum([effective[i.id] for i in d.indicators])),
                score=_plain(float(found[d.id])),
                indicators=tuple(
                    IndicatorScore(
                        indicator=i,
                        value=known[i.id].value,
                        score=scores[i.id],
                        effective_weight=effective[i.id],
                        missing=known[i.id].missing,
                    )
                    for i in d.indicators
                ),
            )
            for d in tree.dimensions
        ),
        missing=tuple(name for name, there in present.items() if not there),
    )


def _measured(indicator: TreeIndicator, values: Mapping[str, Measurement]) -> Measurement:
    known = values.get(indicator.id, Measurement(value=None, missing="no collector"))
    if known.value is not None and np.isnan(known.value):
        return Measurement(value=None, missing=known.missing or "not a number")
    return known


def _score(indicator: TreeIndicator, value: float | None) -> float | None:
    return None if value is None else 100.0 * float(min_max(np.array(value), *indicator.goalposts))


def _branch(tree: IndicatorTree, weights: Mapping[str, float]) -> Branch:
    children = tuple(
        Branch(id=d.id, weight=weights[d.id], children=tuple(Branch(id=i.id, weight=i.weight) for i in d.indicators))
        for d in tree.dimensions
    )
    return Branch(id=tree.id, children=children, aggregation=tree.aggregation)


def _plain(score: float) -> float | None:
    """Nine digits: a score that is a threshold by hand must not miss it by the last bit of a sum."""
    return round(score, 9) if np.isfinite(score) else None
