"""What an expression says of an entity: values of properties, compared, reckoned with, called.

A path through a collection (``Datastreams/ObservedProperty/name``) has several values; a comparison holds where it
holds for one of them. Comparing kinds that do not compare is false, and so is every comparison with null but
``eq null`` and ``ne null``; a function of something it is not made for gives null.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from typing import Any, Protocol

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from rencheng.adapters.sensorthings.expression import Binary, Call, Expression, Geography, Literal, Path, Unary
from rencheng.adapters.sensorthings.instants import MOST_US, Span, instant_text

__all__ = ["Scope", "holds", "order_key", "values_of"]

_MOST_VALUES = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Scope(Protocol):
    """What an expression is asked of."""

    @property
    def now_us(self) -> int:
        """The run's now, microseconds since 1970."""
        ...

    def values(self, names: Sequence[str]) -> list[Any]:
        """Values at the end of a path; none where a link leads nowhere. Unknown names are refused."""
        ...


def holds(expression: Expression, scope: Scope) -> bool:
    """Tell whether a filter holds."""
    return any(value is True for value in values_of(expression, scope))


def order_key(expression: Expression, scope: Scope) -> tuple[int, Any]:
    """Give what to sort by: nothing before numbers before texts."""
    value = next(iter(values_of(expression, scope)), None)
    match value:
        case None:
            return 0, 0
        case Span():
            return 1, (value.start_us, value.end_us)
        case bool() | int() | float():
            return 2, value
        case _:
            return 3, str(value)


def values_of(expression: Expression, scope: Scope) -> list[Any]:  # noqa: PLR0911 — one line per sort of expression
    """Values of an expression; several where it goes through a collection."""
    match expression:
        case Literal(value):
            return [_geometry(value) if isinstance(value, Geography) else value]
        case Path(names):
            return scope.values(names)
        case Unary("not", of):
            return [not holds(of, scope)]
        case Unary(_, of):
            return [-v if _is_number(v) else None for v in values_of(of, scope)]
        case Binary("and", left, right):
            return [holds(left, scope) and holds(right, scope)]
        case Binary("or", left, right):
            return [holds(left, scope) or holds(right, scope)]
        case Binary(name, left, right):
            pairs = product(values_of(left, scope), values_of(right, scope))
            of_two = _COMPARISONS.get(name) or _ARITHMETIC[name]
            return [of_two(a, b) for a, b in islice(pairs, _MOST_VALUES)]
        case Call(name, arguments):
            if name in _CLOCKS:
                return [_CLOCKS[name](scope.now_us)]
            given = product(*(values_of(argument, scope) for argument in arguments))
            return [_called(name, some) for some in islice(given, _MOST_VALUES)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _comparison(of_numbers: Callable[[Any, Any], bool], of_spans: Callable[[Span, Span], bool]) -> Any:
    def compare(a: Any, b: Any) -> bool:
        if isinstance(a, Span) and isinstance(b, Span):
            return of_spans(a, b)
        alike = (_is_number(a) and _is_number(b)) or (type(a) is type(b) and isinstance(a, str | bool | tuple))
        return bool(alike and of_numbers(a, b))

    return compare


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Span) and isinstance(b, Span):
        return (a.start_us, a.end_us) == (b.start_us, b.end_us)
    if isinstance(a, BaseGeometry) or isinstance(b, BaseGeometry):
        first, second = _geometry(a), _geometry(b)
        return first is not None and second is not None and bool(first.equals(second))
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    return bool(a == b)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": _equal,
    "ne": lambda a, b: not _equal(a, b),
    "lt": _comparison(operator.lt, lambda a, b: a.end_us < b.start_us),
    "gt": _comparison(operator.gt, lambda a, b: a.start_us > b.end_us),
    "le": _comparison(operator.le, lambda a, b: a.start_us <= b.start_us and a.end_us <= b.end_us),
    "ge": _comparison(operator.ge, lambda a, b: a.start_us >= b.start_us and a.end_us >= b.end_us),
}


def _arithmetic(of_numbers: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def reckon(a: Any, b: Any) -> Any:
        if not (_is_number(a) and _is_number(b)):
            return None
        try:
            found = of_numbers(a, b)
        except (ZeroDivisionError, OverflowError, ValueError):
            return None
        return found if abs(found) <= 1e300 else None

    return reckon


def _divided(a: Any, b: Any) -> Any:
    """Whole numbers divide to whole numbers (OData 4, 5.1.1.2.4)."""
    return int(a / b) if isinstance(a, int) and isinstance(b, int) else a / b


def _moved(a: Any, b: Any, sign: int) -> Any:
    """Move a time by a duration, or give the duration between two times."""
    if isinstance(a, Span) and isinstance(b, tuple):
        by = sign * round(b[0] * 1e6)
        start, end = a.start_us + by, a.end_us + by
        return Span(start, end, a.offset_min) if abs(start) < MOST_US and abs(end) < MOST_US else None
    if sign < 0 and isinstance(a, Span) and isinstance(b, Span):
        return ((a.start_us - b.start_us) / 1e6,)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return (a[0] + sign * b[0],)
    return _arithmetic(operator.add if sign > 0 else operator.sub)(a, b)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: _moved(a, b, 1),
    "sub": lambda a, b: _moved(a, b, -1),
    "mul": _arithmetic(operator.mul),
    "div": _arithmetic(_divided),
    "mod": _arithmetic(math.fmod),
}
_CLOCKS: dict[str, Callable[[int], Span]] = {
    "now": lambda now_us: Span(now_us, now_us),
    "mindatetime": lambda _: Span(-62_135_510_399_999_999, -62_135_510_399_999_999),
    "maxdatetime": lambda _: Span(MOST_US - 1, MOST_US - 1),
}


def _called(name: str, arguments: tuple[Any, ...]) -> Any:
    if name.startswith(("st_", "geo.")):
        return _of_geometries(name, arguments)
    first = arguments[0]
    if name in _OF_TIMES:
        return _OF_TIMES[name](first) if isinstance(first, Span) else None
    if name in _OF_NUMBERS:
        return _OF_NUMBERS[name](first) if _is_number(first) and math.isfinite(first) else None
    return _of_texts(name, arguments)


def _of_texts(name: str, arguments: tuple[Any, ...]) -> Any:
    if name == "substring":
        text, *numbers = arguments
        if not isinstance(text, str) or not all(isinstance(n, int) and n >= 0 for n in numbers):
            return None
        return text[numbers[0] :] if len(numbers) == 1 else text[numbers[0] : sum(numbers)]
    if not all(isinstance(argument, str) for argument in arguments):
        return None
    return _OF_TEXTS[name](*arguments)


_OF_TEXTS: dict[str, Callable[..., Any]] = {
    "substringof": lambda part, text: part in text,
    "endswith": lambda text, part: text.endswith(part),
    "startswith": lambda text, part: text.startswith(part),
    "indexof": lambda text, part: text.find(part),
    "concat": lambda a, b: a + b,
    "length": len,
    "tolower": str.lower,
    "toupper": str.upper,
    "trim": str.strip,
}
_OF_NUMBERS: dict[str, Callable[[Any], int]] = {
    "round": lambda x: math.floor(abs(x) + 0.5) * (1 if x >= 0 else -1),
    "floor": math.floor,
    "ceiling": math.ceil,
}


def _local(span: Span) -> datetime:
    return _EPOCH.replace(tzinfo=None) + timedelta(microseconds=span.start_us)


_OF_TIMES: dict[str, Callable[[Span], Any]] = {
    "year": lambda t: _local(t).year,
    "month": lambda t: _local(t).month,
    "day": lambda t: _local(t).day,
    "hour": lambda t: _local(t).hour,
    "minute": lambda t: _local(t).minute,
    "second": lambda t: _local(t).second,
    "fractionalseconds": lambda t: (t.start_us % 1_000_000) / 1e6,
    "date": lambda t: Span(*[t.start_us // 86_400_000_000 * 86_400_000_000] * 2),
    "time": lambda t: instant_text(t.start_us)[11:-1],
    "totaloffsetminutes": lambda t: t.offset_min,
}


def _geometry(value: Any) -> BaseGeometry | None:
    """A geometry of well-known text, or of GeoJSON (a Feature gives its own)."""
    try:
        if isinstance(value, Geography):
            found = shapely.from_wkt(value.wkt)
            return found if isinstance(found, BaseGeometry) else None
        if isinstance(value, BaseGeometry):
            return value
        if isinstance(value, dict):
            inner = value.get("geometry") if value.get("type") == "Feature" else value
            return shape(inner) if isinstance(inner, dict) else None
    except (ShapelyError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return None
    return None


def _of_geometries(name: str, arguments: tuple[Any, ...]) -> Any:
    shapes = [_geometry(argument) for argument in arguments[:2]]
    first, second = shapes[0], shapes[-1]
    if first is None or second is None:
        return None
    try:
        if name == "geo.length":
            return float(first.length)
        if name == "geo.distance":
            return float(first.distance(second))
        if name == "st_relate":
            pattern = arguments[2]
            return bool(shapely.relate_pattern(first, second, pattern)) if isinstance(pattern, str) else None
        return bool(getattr(first, name.removeprefix("geo.").removeprefix("st_"))(second))
    except (ShapelyError, ValueError):
        return None
