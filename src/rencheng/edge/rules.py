"""Local rules: those of the core's files that a gateway can follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import yaml

from rencheng.kernel import Bilingual, InvalidConfig, InvalidInput, NotFound
from rencheng.science.detection.rules import DetectionRule
from rencheng.science.detection.scalar_step import SCALAR_KINDS, ScalarRule

__all__ = ["LocalRule", "LocalRules", "read_local_rules"]

_NUMBERS = tuple(f.name for f in fields(DetectionRule))
_OWN = ("quantity", "hazard", "name", "source", "sensor_kinds", "tell")
_PAGE = "See docs/reference/detectors.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRule:
    """A rule that is followed here."""

    id: str
    quantity: str
    hazard: str
    name: Bilingual
    sensor_kinds: tuple[str, ...]
    numbers: ScalarRule
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRules:
    """Rules that are followed, and the names of those that are left to the core."""

    rules: tuple[LocalRule, ...]
    left: tuple[str, ...]
    clock_lag_s: float

    def of(self, quantity: str, kind: str) -> tuple[LocalRule, ...]:
        """Rules of a channel: those that name its sensor's kind, else those that name none."""
        mine = [rule for rule in self.rules if rule.quantity == quantity]
        return tuple([r for r in mine if kind in r.sensor_kinds] or [r for r in mine if not r.sensor_kinds])


def read_local_rules(paths: Sequence[Path]) -> LocalRules:
    """Read files of detection rules, the same as the core's; without any, those that ship.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidConfig
        If one is wrong; names the rule, the key and the mend.
    """
    shipped = files("rencheng") / "sense" / "data" / "detection-rules.yaml"
    texts = [(str(path), _text(path)) for path in paths] or [(str(shipped), shipped.read_text(encoding="utf-8"))]
    rules: list[LocalRule] = []
    left: list[str] = []
    lag_s = 60.0
    for where, text in texts:
        try:
            data = yaml.safe_load(text)
            rows = data["rules"]
            lag_s = float(data.get("clock_lag_s", lag_s))
        except (yaml.YAMLError, TypeError, KeyError, ValueError) as error:
            raise InvalidConfig(f"no YAML with a list of rules: {error}", where=where, mend=_PAGE) from error
        for n, row in enumerate(rows, 1):
            rule, followed = _rule(row, f"{where} rules[{n}]")
            if followed:
                rules.append(rule)
            else:
                left.append(rule.id)
    names = [rule.id for rule in rules] + left
    for name in names:
        if names.count(name) > 1:
            raise InvalidConfig(f"rule {name!r} is there more than once", mend="Give every rule its own id")
    return LocalRules(rules=tuple(rules), left=tuple(left), clock_lag_s=lag_s)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"there is no file of detection rules {path}", mend=_PAGE) from None


def _rule(row: Any, where: str) -> tuple[LocalRule, bool]:
    if not isinstance(row, dict) or "id" not in row:
        raise InvalidConfig("a rule must be a mapping with an id", where=where, mend=_PAGE)
    where = f"{where} {row['id']!r}"
    for key in row:
        if key not in (*_NUMBERS, *_OWN):
            raise InvalidConfig(f"unknown key {key!r}", where=where, mend=f"Use: {', '.join((*_NUMBERS, *_OWN))}")
    try:
        numbers = msgspec.convert({key: row[key] for key in _NUMBERS if key in row}, DetectionRule)
        record = numbers.record()
        rule = LocalRule(
            id=numbers.id,
            quantity=row["quantity"],
            hazard=row["hazard"],
            name=msgspec.convert(row["name"], Bilingual),
            sensor_kinds=tuple(row.get("sensor_kinds", ())),
            numbers=ScalarRule.from_record(record),
            digest=sha256(record.tobytes()).hexdigest()[:16],
        )
    except (msgspec.ValidationError, KeyError, TypeError) as error:
        raise InvalidConfig(f"key missing or wrong: {error}", where=where, mend=_PAGE) from error
    except InvalidInput as error:
        raise InvalidConfig(error.what, where=where, mend=error.mend) from error
    asks_neighbours = numbers.reach_m > 0
    followed = numbers.kind in SCALAR_KINDS and not asks_neighbours and row.get("tell", "signal") != "record"
    return rule, followed
