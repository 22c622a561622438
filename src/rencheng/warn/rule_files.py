"""Reading rule files: every refusal names the file, the line and the key."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import yaml

from rencheng.kernel import Bilingual, Colour, InvalidConfig
from rencheng.warn.rules import (
    AdviceLine,
    Criteria,
    HazardTerm,
    Rule,
    RuleBook,
    RuleFile,
    RuleLine,
    RuleSet,
    Terms,
)

__all__ = ["NATIONAL_SIGNALS", "load_rules", "load_terms", "rule_book_from_yaml"]

NATIONAL_SIGNALS = 44
"""Signals of CMA Order No. 16 (2007)."""

_COLOURS = tuple(c.value for c in Colour)
_TRIGGERS = ("criteria", "signal", "forecast", "upstream", "risk", "report", "impact")


def load_rules(city_folder: Path | None = None) -> RuleSet:
    """Read the rule books that ship with Rencheng, and those of a city package.

    Parameters
    ----------
    city_folder : Path, optional
        City package; every ``rules/*.yaml`` in it is a book that goes before the others for its hazards.

    Raises
    ------
    InvalidConfig
        If a file is wrong; names file, line and key.
    """
    terms = load_terms()
    own = sorted((city_folder / "rules").glob("*.yaml")) if city_folder is not None else []
    books = [rule_book_from_yaml(p.read_text(encoding="utf-8"), str(p), terms, from_city=True) for p in own]
    return RuleSet(books=(*books, *_shipped_books()), terms=terms)


@cache
def _shipped_books() -> tuple[RuleBook, ...]:
    names = ("cn-2007.yaml", "river-stage.yaml", "rain-generic.yaml", "waterlogging.yaml")
    terms = load_terms()
    return tuple(rule_book_from_yaml(_shipped(name), name, terms) for name in names)


def _shipped(name: str) -> str:
    return (files("rencheng.warn") / "data" / name).read_text(encoding="utf-8")


@cache
def load_terms() -> Terms:
    """Read the words and the advice that ship with Rencheng."""
    words = yaml.safe_load(_shipped("terms.yaml"))
    advice = yaml.safe_load(_shipped("advice.yaml"))
    return Terms(
        hazards={
            code: HazardTerm(name=_text(h, f"terms.yaml hazards.{code}"), category=h["category"])
            for code, h in words["hazards"].items()
        },
        colours={code: Bilingual(**text) for code, text in words["colours"].items()},
        facilities={code: Bilingual(**text) for code, text in words["facilities"].items()},
        advice={
            hazard: tuple(
                AdviceLine(colour=Colour(line["from"]), text=_text(line, f"advice.yaml {hazard}")) for line in lines
            )
            for hazard, lines in advice.items()
        },
    )


def _text(line: dict[str, str], where: str) -> Bilingual:
    unknown = sorted(set(line) - {"zh", "en", "from", "category"})
    if unknown or not line.get("zh") or not line.get("en"):
        raise InvalidConfig(
            f"keys {sorted(line)} are not zh and en", where=where, mend="Quote a text that has a comma within braces"
        )
    return Bilingual(zh=line["zh"], en=line["en"])


def rule_book_from_yaml(text: str, where: str, terms: Terms, *, from_city: bool = False) -> RuleBook:
    """Read one rule book.

    Parameters
    ----------
    text : str
        The YAML.
    where : str
        File name for messages.
    terms : Terms
        Known hazards.
    from_city : bool
        Whether it is a city's own book.

    Raises
    ------
    InvalidConfig
        Names ``file:line`` and key.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise InvalidConfig(f"not YAML: {getattr(error, 'problem', error)}", where=f"{where}{line}") from error
    try:
        file = msgspec.convert(raw, RuleFile)
    except msgspec.ValidationError as error:
        message, path = _split(str(error))
        raise InvalidConfig(
            message, where=_place(where, node, path), mend="See docs/reference/warning-rules.md for the keys"
        ) from error
    _check_file(file, where, node, terms)
    return _book(file, from_city=from_city)


def _split(message: str) -> tuple[str, str]:
    found = re.match(r"(.*) - at `\$?(.*?)`$", message, re.DOTALL)
    return (found[1], found[2].lstrip(".")) if found else (message, "")


def _place(where: str, node: yaml.Node | None, path: str) -> str:
    """Give ``file:line key`` of a path such as ``rules[3].window_h``, or of its nearest parent that is written."""
    line = 1
    for step in re.findall(r"[^.\[\]]+", path):
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            child = next((v for k, v in node.value if k.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and step.isdigit() and int(step) < len(node.value):
            child = node.value[int(step)]
        if child is None:
            break
        node, line = child, child.start_mark.line + 1
    return f"{where}:{line} {path}".rstrip()


def _check_file(file: RuleFile, where: str, node: Any, terms: Terms) -> None:
    def refuse(path: str, what: str, mend: str) -> None:
        raise InvalidConfig(what, where=_place(where, node, path), mend=mend)

    if file.valid_to is not None and file.valid_to <= file.valid_from:
        refuse("valid_to", "the book ends before it begins", "valid_to is the first day on which it no longer holds")
    seen: dict[str, int] = {}
    for i, line in enumerate(file.rules):
        if line.code in seen:
            refuse(
                f"rules[{i}].code", f"code {line.code!r} stands twice (also in rule {seen[line.code] + 1})", "Rename"
            )
        seen[line.code] = i
        if line.hazard not in terms.hazards:
            refuse(f"rules[{i}].hazard", f"unknown hazard {line.hazard!r}", f"Use one of: {', '.join(terms.hazards)}")
        if line.colour not in _COLOURS:
            refuse(f"rules[{i}].colour", f"unknown colour {line.colour!r}", f"Use one of: {', '.join(_COLOURS)}")
        _check_triggers(line, f"rules[{i}]", refuse)
    wanted = NATIONAL_SIGNALS if file.rulebook == "CN-2007" else file.signals
    if wanted is not None and len(file.rules) != wanted:
        refuse(
            "rules", f"{len(file.rules)} rules, but the source has {wanted}", "Add or remove rules, or change signals"
        )


def _check_triggers(line: RuleLine, path: str, refuse: Any) -> None:
    if all(getattr(line, name) is None for name in _TRIGGERS):
        refuse(path, f"rule {line.code!r} has nothing that raises it", f"Give one of: {', '.join(_TRIGGERS)}")
    if line.criteria is not None:
        _check_criteria(line.criteria, line.window_h, path, refuse)
    impact = line.impact
    if impact is not None and impact.residents is None and impact.underpasses is None and not impact.facilities:
        refuse(f"{path}.impact", "nothing is counted", "Give residents, underpasses or facilities")
    trigger = line.forecast
    if trigger is not None:
        if not 0.0 < trigger.hold_prob <= trigger.exceed_prob <= 1.0:
            refuse(f"{path}.forecast", "needs 0 < hold_prob <= exceed_prob <= 1", "Lower hold_prob")
        if trigger.of_colour and trigger.of_colour not in _COLOURS:
            refuse(f"{path}.forecast.of_colour", f"unknown colour {trigger.of_colour!r}", f"Use: {', '.join(_COLOURS)}")


def _check_criteria(criteria: Criteria, window_h: float, path: str, refuse: Any) -> None:
    if bool(criteria.any) == bool(criteria.all):
        refuse(f"{path}.criteria", "needs either any or all, not both", "Write one list of conditions")
    if window_h <= 0.0:
        refuse(f"{path}.window_h", "criteria need a window above 0 h", "Write e.g. window_h: 12")
    for name in ("any", "all"):
        for j, condition in enumerate(getattr(criteria, name)):
            given = (condition.at_least, condition.above, condition.at_most, condition.below)
            if sum(value is not None for value in given) != 1:
                refuse(
                    f"{path}.criteria.{name}[{j}]",
                    f"condition on {condition.quantity!r} needs exactly one bound",
                    "Give one of at_least, above, at_most, below",
                )


def _book(file: RuleFile, *, from_city: bool) -> RuleBook:
    rules = tuple(
        Rule(
            book=file.rulebook,
            code=line.code,
            hazard=line.hazard,
            colour=Colour(line.colour),
            text=line.text,
            window_h=line.window_h,
            criteria=line.criteria,
            signal=line.signal,
            forecast=line.forecast,
            upstream=line.upstream,
            risk=line.risk,
            report=line.report,
            impact=line.impact,
            life=line.life or file.life,
            area=line.area or file.area,
            audience=line.audience or file.audience,
            source=file.source,
            unconfirmed=line.unconfirmed,
        )
        for line in file.rules
    )
    return RuleBook(
        name=file.rulebook,
        jurisdiction=file.jurisdiction,
        version=file.version,
        valid_from=file.valid_from,
        valid_to=file.valid_to,
        source=file.source,
        rules=rules,
        from_city=from_city,
    )
