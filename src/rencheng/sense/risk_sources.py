"""Classes of lifeline risk sources 城市生命线风险源: what watches each, and how many sensors of a city do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec
import numpy as np
import yaml

from rencheng.city import City
from rencheng.kernel import Bilingual
from rencheng.sense.detection_rules import DetectionRules

__all__ = ["RiskSourceClass", "RiskSourceRegister", "RiskSourceRow", "risk_source_rows", "risk_sources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSourceClass:
    """One class of risk sources.

    Parameters
    ----------
    sensor_kinds : tuple of str
        Kinds of the city's table of sensors that watch it.
    detection : tuple of str
        Rules of detection by id.
    hazards : tuple of str
        Hazards that rules of warning are for.
    """

    id: str
    name: Bilingual
    sensor_kinds: tuple[str, ...]
    detection: tuple[str, ...]
    hazards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSourceRegister:
    """All classes, and whose list it is."""

    id: str
    version: str
    valid_from: str
    source: str
    classes: tuple[RiskSourceClass, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSourceRow:
    """How one class is watched in a city."""

    source: RiskSourceClass
    rules: tuple[str, ...]
    """Rules of detection, and hazards with rules of warning, that watch it here."""
    sensors: int
    """Sensors of its kinds."""
    channels: int
    """Channels of these sensors that one of its rules of detection follows."""


@cache
def risk_sources() -> RiskSourceRegister:
    """The register that ships with Rencheng."""
    text = (files("rencheng.sense") / "data" / "risk-sources.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), RiskSourceRegister)


def risk_source_rows(city: City, rules: DetectionRules, hazards: Sequence[str]) -> list[RiskSourceRow]:
    """Count, for every class, what watches it in a city.

    Parameters
    ----------
    rules : DetectionRules
        Rules that hold in the city; a class's rule that is not among them does not watch it.
    hazards : sequence of str
        Hazards for which rules of warning hold there.
    """
    known = {rule.rule.id: place for place, rule in enumerate(rules.rules)}
    pairs = _channels(city)
    kinds: dict[str, int] = {}
    if city.has("sensors"):
        names, counts = np.unique(city.column("sensors", "kind").astype(str), return_counts=True)
        kinds = dict(zip(names.tolist(), counts.tolist(), strict=True))
    rows = []
    for of in risk_sources().classes:
        mine = {known[name] for name in of.detection if name in known}
        followed = sum(
            count
            for (kind, quantity), count in pairs.items()
            if kind in of.sensor_kinds and mine.intersection(rules.places_for(quantity, kind))
        )
        rows.append(
            RiskSourceRow(
                source=of,
                rules=(*(n for n in of.detection if n in known), *(n for n in of.hazards if n in hazards)),
                sensors=sum(kinds.get(kind, 0) for kind in of.sensor_kinds),
                channels=followed,
            )
        )
    return rows


def _channels(city: City) -> dict[tuple[str, str], int]:
    """(Kind of sensor, quantity) → channels."""
    if not city.has("sensors") or not city.has("channels"):
        return {}
    kind = dict(zip(city.column("sensors", "sensor_id").tolist(), city.column("sensors", "kind").tolist(), strict=True))
    found: dict[tuple[str, str], int] = {}
    columns = (city.column("channels", name).tolist() for name in ("sensor_id", "quantity"))
    for sensor, quantity in zip(*columns, strict=True):
        key = (kind.get(sensor, ""), quantity)
        found[key] = found.get(key, 0) + 1
    return found
