"""Expressions of ``$filter`` and ``$orderby`` as trees, and writing them down again."""

from __future__ import annotations

from dataclasses import dataclass

from rencheng.adapters.sensorthings.instants import Span, span_text

__all__ = ["Binary", "Call", "Expression", "Geography", "Literal", "Path", "Unary", "written"]


@dataclass(frozen=True, slots=True)
class Geography:
    """A geometry in well-known text."""

    wkt: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: null, boolean, number, text, time, duration (seconds in a tuple) or geometry."""

    value: bool | int | float | str | Span | Geography | tuple[float] | None


@dataclass(frozen=True, slots=True)
class Path:
    """A property, perhaps of a linked entity: names from left to right."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """``not x`` or ``-x``."""

    operator: str
    of: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """Two sides and what stands between them."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[Expression, ...]


Expression = Literal | Path | Unary | Binary | Call


def written(expression: Expression) -> str:
    """Write an expression in the grammar it was read from, with all its brackets.

    Examples
    --------
    >>> written(Binary("gt", Path(("result",)), Literal(5)))
    '(result gt 5)'
    """
    match expression:
        case Literal(value):
            return _constant(value)
        case Path(names):
            return "/".join(names)
        case Unary("not", of):
            return f"(not {written(of)})"
        case Unary(_, of):
            return f"(-{written(of)})"
        case Binary(operator, left, right):
            return f"({written(left)} {operator} {written(right)})"
        case Call(name, arguments):
            return f"{name}({','.join(written(argument) for argument in arguments)})"


def _constant(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case Span():
            return span_text(value)
        case Geography(wkt):
            return "geography'" + wkt.replace("'", "''") + "'"
        case (seconds,):
            return f"duration'PT{seconds!r}S'"
        case _:
            return repr(value)
