"""The city resilience index: what the city is and how it came through the round, on one scale of 0 to 100."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np

from rencheng.assess.indicator_tree import IndicatorTree, Measurement, TreeScore, read_tree, score_tree
from rencheng.city import City
from rencheng.city.provision import CITY_MEASURES
from rencheng.evaluate.indicators import Measured
from rencheng.evaluate.service import ServiceCurve
from rencheng.kernel import MissingData
from rencheng.sense.read import coverage

__all__ = ["RoundMeasures", "resilience_index", "resilience_tree"]


class RoundMeasures(Protocol):
    """What the index takes of a round; an after-action report has it."""

    @property
    def indicators(self) -> Sequence[Measured]:
        """Governance indicators at the end of the round."""
        ...

    @property
    def services(self) -> Sequence[ServiceCurve]:
        """Service levels over the round."""
        ...

    @property
    def damage(self) -> Sequence[Mapping[str, Any]]:
        """Damage assessed, by incident."""
        ...


@cache
def resilience_tree() -> IndicatorTree:
    """The shipped tree of the index."""
    return read_tree("rencheng.evaluate", "resilience.yaml")


def resilience_index(
    city: City,
    report: RoundMeasures | None = None,
    weights: Mapping[str, float] | None = None,
    *,
    tree: IndicatorTree | None = None,
) -> TreeScore:
    """Score a city's resilience, by dimension and as a whole.

    Parameters
    ----------
    city : City
        What the city is.
    report : RoundMeasures, optional
        How it came through a round; without one the indicators of the round are left out.
    weights : mapping of str to float, optional
        Dimension → weight in force; those of the tree unless given. They sum to 1.
    tree : IndicatorTree, optional
        The shipped one unless given.

    Returns
    -------
    TreeScore
        0 to 100. An indicator without a value is left out, named with the reason, and its weight shared.

    Raises
    ------
    InvalidInput
        If the weights are not one for each dimension, or do not sum to 1 within 1e-9.
    """
    tree = resilience_tree() if tree is None else tree
    values = {
        indicator.id: _measurement(indicator.id, city, report)
        for dimension in tree.dimensions
        for indicator in dimension.indicators
    }
    return score_tree(tree, values, weights)


def _measurement(name: str, city: City, report: RoundMeasures | None) -> Measurement:
    try:
        if name in CITY_MEASURES:
            return Measurement(value=CITY_MEASURES[name](city))
        if name == "sensed_communities_ratio":
            return Measurement(value=_sensed(city))
    except MissingData as error:
        return Measurement(value=None, missing=str(error))
    if report is None:
        return Measurement(value=None, missing="no round to measure")
    if name in _ROUND:
        return _ROUND[name](city, report)
    for measured in report.indicators:
        if measured.indicator.id == name:
            nothing = "" if measured.value is not None else "nothing in the round to measure it on"
            return Measurement(value=measured.value, missing=nothing)
    return Measurement(value=None, missing="no collector")


def _sensed(city: City) -> float:
    if not city.has("sensors"):
        raise MissingData(f"city {city.manifest.id!r} has no sensors", mend="Add sensors to the package")
    found = coverage(city)
    if found.area_kind != "community":
        raise MissingData(f"city {city.manifest.id!r} has no community polygons", mend="Add areas of kind community")
    return found.ratio


def _service(service: str, measure: str) -> Callable[[City, RoundMeasures], Measurement]:
    def collect(_: City, report: RoundMeasures) -> Measurement:
        for curve in report.services:
            if curve.service == service:
                return Measurement(value=float(getattr(curve.measure, measure)))
        return Measurement(value=None, missing=f"no service curve of {service}")

    return collect


def _building_loss(city: City, report: RoundMeasures) -> Measurement:
    """Loss of all incidents over the replacement value of all buildings."""
    losses = [row["loss_cny"] for row in report.damage if row.get("loss_cny") is not None]
    if not losses:
        return Measurement(value=None, missing="no damage with a loss was assessed")
    try:
        value = city.column("buildings", "value_cny").astype(np.float64)
    except MissingData as error:
        return Measurement(value=None, missing=str(error))
    whole = float(np.nansum(value))
    return (
        Measurement(value=float(np.sum(losses)) / whole) if whole > 0.0 else Measurement(value=None, missing="no value")
    )


_ROUND: Mapping[str, Callable[[City, RoundMeasures], Measurement]] = {
    "mobility_loss_h": _service("mobility", "loss_h"),
    "mobility_recovery_h": _service("mobility", "recovery_h"),
    "safety_recovery_h": _service("safety", "recovery_h"),
    "building_loss_ratio": _building_loss,
}
