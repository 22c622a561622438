"""Reading ``$filter`` and ``$orderby``: OData's grammar of OGC 18-088 clause 9.3.3.5, errors by their position."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import shapely
from shapely.errors import ShapelyError

from rencheng.adapters.sensorthings.expression import Binary, Call, Expression, Geography, Literal, Path, Unary
from rencheng.adapters.sensorthings.instants import duration_s, read_span
from rencheng.adapters.sensorthings.refusal import Refusal

__all__ = ["FUNCTIONS", "MOST_CHARACTERS", "MOST_DEPTH", "parse_expression", "parse_order"]

MOST_CHARACTERS = 8192
"""Longest ``$filter``."""
MOST_DEPTH = 40
"""Deepest nesting of brackets, functions and ``not``."""
_MOST_TERMS = 200
"""Most operators of one expression: what reads it goes as deep."""

FUNCTIONS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("substringof", "endswith", "startswith", "indexof", "concat"), (2,)),
    **dict.fromkeys(("length", "tolower", "toupper", "trim"), (1,)),
    "substring": (2, 3),
    **dict.fromkeys(("year", "month", "day", "hour", "minute", "second", "fractionalseconds"), (1,)),
    **dict.fromkeys(("date", "time", "totaloffsetminutes"), (1,)),
    **dict.fromkeys(("now", "mindatetime", "maxdatetime"), (0,)),
    **dict.fromkeys(("round", "floor", "ceiling"), (1,)),
    "geo.distance": (2,),
    "geo.length": (1,),
    "geo.intersects": (2,),
    **dict.fromkeys(
        (
            "st_equals",
            "st_disjoint",
            "st_touches",
            "st_within",
            "st_overlaps",
            "st_crosses",
            "st_intersects",
            "st_contains",
        ),
        (2,),
    ),
    "st_relate": (3,),
}
"""Functions and how many arguments they take."""

_LEVELS = (("or",), ("and",), ("eq", "ne", "gt", "ge", "lt", "le"), ("add", "sub"), ("mul", "div", "mod"))
_COMPARISON = 2
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<geography>geography'(?:[^']|'')*')
    | (?P<duration>duration'(?:[^']|'')*')
    | (?P<text>'(?:[^']|'')*')
    | (?P<time>\d{4}-\d{2}-\d{2}(?:[Tt]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:[Zz]|[+\-\ ]\d{2}:\d{2})?)?
        (?:/\d{4}-\d{2}-\d{2}(?:[Tt]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:[Zz]|[+\-\ ]\d{2}:\d{2})?)?)?)
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>@?[^\W\d][\w.\-]*(?:/@?[^\W\d][\w.\-]*)*)
    | (?P<mark>[(),-])
    )""",
    re.VERBOSE,
)
_CONSTANTS: dict[str, bool | None] = {"null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse_expression(text: str, *, option: str = "$filter") -> Expression:
    """Read an expression.

    Raises
    ------
    Refusal
        If it does not fit the grammar, is too long or too deep; names the position (from 1).

    Examples
    --------
    >>> parse_expression("result gt 5")
    Binary(operator='gt', left=Path(names=('result',)), right=Literal(value=5))
    """
    parser = _Parser(text, option)
    found = parser.binary(0)
    parser.end()
    return found


def parse_order(text: str) -> list[tuple[Expression, bool]]:
    """Read ``$orderby``: expressions, each with whether it goes down."""
    parser = _Parser(text, "$orderby")
    found = []
    while True:
        by = parser.binary(0)
        down = parser.accept("name", "desc")
        if not down:
            parser.accept("name", "asc")
        found.append((by, down))
        if not parser.accept("mark", ","):
            parser.end()
            return found


def _tokens(text: str, option: str) -> list[_Token]:
    if len(text) > MOST_CHARACTERS:
        raise Refusal(f"{len(text):,} characters are more than {MOST_CHARACTERS:,}", where=option)
    found = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            at = position + len(text[position:]) - len(text[position:].lstrip())
            raise Refusal(f"{text[at : at + 20]!r} cannot be read", where=f"{option} position {at + 1}")
        found.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
        if len(found) > 10 * _MOST_TERMS:
            raise Refusal("there are too many terms", where=f"{option} position {position}")
    return found


class _Parser:
    def __init__(self, text: str, option: str) -> None:
        self._option = option
        self._tokens = _tokens(text, option)
        self._end = _Token("end", "", len(text))
        self._next = 0
        self._depth = self._terms = 0

    def binary(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        left = self.binary(level + 1)
        while (token := self._peek()).kind == "name" and token.text in _LEVELS[level]:
            self._next += 1
            self._terms += 1
            if self._terms > _MOST_TERMS:
                raise self._wrong("there are too many terms", token)
            left = Binary(token.text, left, self.binary(level + 1))
            if level == _COMPARISON:
                break
        return left

    def accept(self, kind: str, text: str) -> bool:
        token = self._peek()
        if token.kind == kind and token.text == text:
            self._next += 1
            return True
        return False

    def end(self) -> None:
        token = self._peek()
        if token.kind != "end":
            raise self._wrong(f"{token.text[:20]!r} is not expected here", token)

    def _peek(self) -> _Token:
        return self._tokens[self._next] if self._next < len(self._tokens) else self._end

    def _wrong(self, what: str, token: _Token) -> Refusal:
        return Refusal(what, where=f"{self._option} position {token.at + 1}", mend="See docs/reference/sensorthings.md")

    def _unary(self) -> Expression:
        token = self._peek()
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._wrong(f"it is nested deeper than {MOST_DEPTH}", token)
        try:
            if token.kind == "name" and token.text == "not":
                self._next += 1
                return Unary("not", self.binary(_COMPARISON) if self._peek().text != "(" else self._unary())
            if self.accept("mark", "-"):
                return Unary("-", self._unary())
            return self._primary()
        finally:
            self._depth -= 1

    def _primary(self) -> Expression:
        token = self._peek()
        self._next += 1
        where = f"{self._option} position {token.at + 1}"
        match token.kind:
            case "mark" if token.text == "(":
                found = self.binary(0)
                self._expect(")")
                return found
            case "name":
                return self._named(token)
            case "text":
                return Literal(token.text[1:-1].replace("''", "'"))
            case "number":
                number = _number(token.text)
                if math.isinf(number):
                    raise self._wrong("the number is too large", token)
                return Literal(number)
            case "time":
                return Literal(read_span(token.text, where=where))
            case "duration":
                return Literal((duration_s(token.text[9:-1], where=where),))
            case "geography":
                return Literal(_geography(token.text[10:-1].replace("''", "'"), where))
        what = f"{token.text[:20]!r} is not expected here" if token.kind != "end" else "it ends too early"
        raise self._wrong(what, token)

    def _named(self, token: _Token) -> Expression:
        if self._peek().text == "(" and self._peek().kind == "mark":
            return self._call(token)
        if token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text])
        if any(token.text in level for level in _LEVELS):
            raise self._wrong(f"{token.text!r} is not expected here", token)
        return Path(tuple(token.text.split("/")))

    def _call(self, token: _Token) -> Expression:
        counts = FUNCTIONS.get(token.text)
        if counts is None:
            raise self._wrong(f"there is no function {token.text[:40]!r}", token)
        self._expect("(")
        arguments: list[Expression] = []
        while not self.accept("mark", ")"):
            if arguments:
                self._expect(",")
            arguments.append(self.binary(0))
        if len(arguments) not in counts:
            legal = " or ".join(map(str, counts))
            raise self._wrong(f"{token.text} takes {legal} arguments, not {len(arguments)}", token)
        return Call(token.text, tuple(arguments))

    def _expect(self, mark: str) -> None:
        token = self._peek()
        if not self.accept("mark", mark):
            found = repr(token.text[:20]) if token.kind != "end" else "the end"
            raise self._wrong(f"expected {mark!r}, found {found}", token)


def _number(text: str) -> int | float:
    if "." in text or "e" in text.lower() or len(text) > 18:
        return float(text)
    return int(text)


def _geography(wkt: str, where: str) -> Geography:
    try:
        shapely.from_wkt(wkt)
    except (ShapelyError, ValueError, TypeError) as error:
        said = str(error).splitlines()[0][:120] if str(error) else "unreadable"
        raise Refusal(f"not a geometry in well-known text: {said}", where=where) from error
    return Geography(wkt)
