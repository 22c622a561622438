"""Which part of a filter of Observations the readings store can answer by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rencheng.adapters.sensorthings.evaluate import values_of
from rencheng.adapters.sensorthings.expression import Binary, Call, Expression, Literal, Path, Unary
from rencheng.adapters.sensorthings.instants import Span
from rencheng.adapters.sensorthings.refusal import Refusal
from rencheng.sense.reading_query import AllOf, AnyOf, Comparison, Condition, Not

__all__ = ["conjuncts", "pushed_order", "split_filter"]

_SQL = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_FLIPPED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
_TIMES = ("phenomenonTime", "resultTime")


def split_filter(
    expression: Expression | None, *, now_us: int, plain_results: bool
) -> tuple[Condition | None, list[Expression]]:
    """Give the condition for the store, and what is left to be judged row by row; both must hold.

    Parameters
    ----------
    expression : Expression, optional
        The filter.
    now_us : int
        What ``now()`` means, microseconds since 1970.
    plain_results : bool
        Whether results are shown in the unit in which readings are kept; otherwise ``result`` is judged row by row.
    """
    pushed, left = [], []
    for part in conjuncts(expression):
        condition = _condition(part, now_us, plain_results)
        if condition is None:
            left.append(part)
        else:
            pushed.append(condition)
    return (AllOf(tuple(pushed)) if pushed else None), left


def conjuncts(expression: Expression | None) -> list[Expression]:
    """Parts of an expression that must all hold."""
    match expression:
        case None:
            return []
        case Binary("and", left, right):
            return [*conjuncts(left), *conjuncts(right)]
        case _:
            return [expression]


def pushed_order(order: Sequence[tuple[Expression, bool]], *, plain_results: bool) -> list[tuple[str, bool]] | None:
    """Give an order in columns of the store; None where it must be made here."""
    columns = []
    for by, down in order:
        column = _column(by, plain_results)
        if column is None:
            return None
        columns.append((column, down))
    return columns


def _column(expression: Expression, plain_results: bool) -> str | None:
    match expression:
        case Path((name,)) if name in _TIMES:
            return "at"
        case Path(("result",)) if plain_results:
            return "value"
        case _:
            return None


def _condition(expression: Expression, now_us: int, plain: bool) -> Condition | None:
    match expression:
        case Binary("and" | "or" as name, left, right):
            first, second = _condition(left, now_us, plain), _condition(right, now_us, plain)
            if first is None or second is None:
                return None
            return AllOf((first, second)) if name == "and" else AnyOf((first, second))
        case Unary("not", of):
            inner = _condition(of, now_us, plain)
            return None if inner is None else Not(inner)
        case Binary(name, left, right) if name in _SQL:
            return _compared(name, left, right, now_us, plain)
        case _:
            return None


def _compared(name: str, left: Expression, right: Expression, now_us: int, plain: bool) -> Condition | None:
    column, other = _column(left, plain), right
    if column is None:
        column, other, name = _column(right, plain), left, _FLIPPED.get(name, name)
    if column is None or not _is_constant(other):
        return None
    value = next(iter(values_of(other, _Clock(now_us))), None)
    if column == "at":
        return _at(name, value) if isinstance(value, Span) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Comparison("value", _SQL[name], float(value))
    return None


def _at(name: str, span: Span) -> Condition:
    """A stamp against an instant or an interval, as :mod:`evaluate` compares them."""
    if not span.is_instant and name in {"eq", "ne"}:
        return AnyOf(()) if name == "eq" else AllOf(())
    return Comparison("at", _SQL[name], span.start_us if name in {"lt", "le", "eq", "ne"} else span.end_us)


def _is_constant(expression: Expression) -> bool:
    match expression:
        case Literal():
            return True
        case Path():
            return False
        case Unary(_, of):
            return _is_constant(of)
        case Binary(_, left, right):
            return _is_constant(left) and _is_constant(right)
        case Call(_, arguments):
            return all(map(_is_constant, arguments))


class _Clock:
    """The scope of a constant."""

    def __init__(self, now_us: int) -> None:
        self.now_us = now_us

    def values(self, names: Sequence[str]) -> list[Any]:
        raise Refusal(f"{'/'.join(names)} is not a constant")
