"""Detection rules as data: a file says for each quantity what means an alarm, whose rule it is and from when."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import yaml

from rencheng.kernel import Bilingual, InvalidConfig, InvalidInput, NotFound, quantity
from rencheng.science.detection.rules import DetectionRule

__all__ = [
    "CHANNELS_TELL",
    "ChannelRule",
    "DetectionRules",
    "default_detection_rules",
    "detection_rules_of",
    "read_detection_rules",
]

CHANNELS_TELL = ("signal", "maintenance", "record")
"""Who is told of an alarm: officers, those who mend sensors, or nobody beyond the readings store."""
_OWN = ("quantity", "hazard", "name", "source", "sensor_kinds", "tell")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRule:
    """A rule and the channels it is for.

    Parameters
    ----------
    quantity : str
        Name in the quantity table.
    rule : DetectionRule
        What means an alarm.
    hazard : str
        What the alarm is about.
    name : Bilingual
        How people call it.
    source : str
        Where the limits come from.
    sensor_kinds : tuple of str
        Kinds of sensor of the city's table; empty for all. A rule that names kinds goes before one that does not.
    tell : str
        One of :data:`CHANNELS_TELL`.
    """

    quantity: str
    rule: DetectionRule
    hazard: str
    name: Bilingual
    source: str
    sensor_kinds: tuple[str, ...] = ()
    tell: str = "signal"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionRules:
    """All rules of a jurisdiction.

    Parameters
    ----------
    clock_lag_s : float
        The clock of detection stays so far behind the newest stamp, so that sensors whose clocks differ are not taken
        for silent.
    rules : tuple of ChannelRule
        In the order of the file.
    """

    id: str
    version: str
    jurisdiction: str
    valid_from: str
    source: str
    clock_lag_s: float = 60.0
    rules: tuple[ChannelRule, ...] = field(default=())

    def places_for(self, of: str, kind: str) -> tuple[int, ...]:
        """Places of the rules that a channel follows: those that name its sensor's kind, else those that name none."""
        mine = [k for k, rule in enumerate(self.rules) if rule.quantity == of]
        named = [k for k in mine if kind in self.rules[k].sensor_kinds]
        return tuple(named or [k for k in mine if not self.rules[k].sensor_kinds])

    def digest(self, places: tuple[int, ...]) -> str:
        """Digest of some rules, by which kept states are known to be theirs."""
        text = repr([self.rules[k].rule for k in places])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_detection_rules(path: Path) -> DetectionRules:
    """Read a file of detection rules.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidConfig
        If it is not YAML, or a key is unknown, missing or wrong; names the rule, the key and the mend.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"there is no file of detection rules {path}", mend="See docs/reference/detectors.md") from None
    return _rules(text, where=str(path))


def detection_rules_of(folder: Path) -> DetectionRules:
    """Rules of a city: its own where ``detection-rules.yaml`` lies in its folder, else those that ship."""
    own = folder / "detection-rules.yaml"
    return read_detection_rules(own) if own.is_file() else default_detection_rules()


@cache
def default_detection_rules() -> DetectionRules:
    """Rules that ship with Rencheng."""
    name = "detection-rules.yaml"
    return _rules(files("rencheng.sense").joinpath("data", name).read_text(encoding="utf-8"), where=name)


def _rules(text: str, *, where: str) -> DetectionRules:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidConfig(f"not YAML: {error}", where=where) from error
    if not isinstance(data, dict) or not isinstance(data.get("rules"), list):
        raise InvalidConfig("there is no list of rules", where=where, mend="See docs/reference/detectors.md")
    head = {key: value for key, value in data.items() if key != "rules"}
    _known(head, [f.name for f in fields(DetectionRules) if f.name != "rules"], where)
    rules = tuple(_rule(row, f"{where} rules[{n}]") for n, row in enumerate(data["rules"], 1))
    names = [rule.rule.id for rule in rules]
    for name in sorted({name for name in names if names.count(name) > 1}):
        raise InvalidConfig(f"rule {name!r} is there more than once", where=where, mend="Give every rule its own id")
    try:
        return msgspec.convert({**head, "rules": ()}, DetectionRules).__class__(**{**head, "rules": rules})
    except (msgspec.ValidationError, TypeError) as error:
        raise InvalidConfig(str(error), where=where, mend="Compare with the rules that ship with Rencheng") from error


def _rule(row: Any, where: str) -> ChannelRule:
    if not isinstance(row, dict):
        raise InvalidConfig("a rule must be a mapping", where=where, mend="Write id, quantity, kind, levels …")
    where = f"{where} {row.get('id', '')!r}"
    numbers = [f.name for f in fields(DetectionRule)]
    _known(row, [*numbers, *_OWN], where)
    try:
        rule = msgspec.convert({k: v for k, v in row.items() if k in numbers}, DetectionRule)
        own = msgspec.convert({k: v for k, v in row.items() if k in _OWN} | {"rule": {"id": "", "kind": ""}}, _Own)
        quantity(own.quantity)
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=where, mend="Compare with the rules that ship with Rencheng") from error
    except InvalidInput as error:
        raise InvalidConfig(error.what, where=where, mend=error.mend) from error
    if own.tell not in CHANNELS_TELL:
        raise InvalidConfig(f"tell {own.tell!r} is not known", where=where, mend=f"Use: {', '.join(CHANNELS_TELL)}")
    return ChannelRule(
        quantity=own.quantity,
        rule=rule,
        hazard=own.hazard,
        name=own.name,
        source=own.source,
        sensor_kinds=own.sensor_kinds,
        tell=own.tell,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """Keys of a rule that are not its numbers."""

    quantity: str
    hazard: str
    name: Bilingual
    source: str
    sensor_kinds: tuple[str, ...] = ()
    tell: str = "signal"


def _known(row: Mapping[str, Any], keys: list[str], where: str) -> None:
    for key in row:
        if key not in keys:
            raise InvalidConfig(f"unknown key {key!r}", where=where, mend=f"Use: {', '.join(keys)}")
