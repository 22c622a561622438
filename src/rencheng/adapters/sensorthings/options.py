"""Query options of a request: ``$filter $expand $select $orderby $top $skip $count`` and ``$resultFormat``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from rencheng.adapters.sensorthings.expression import Expression
from rencheng.adapters.sensorthings.model import MODEL, EntityType
from rencheng.adapters.sensorthings.parse_filter import parse_expression, parse_order
from rencheng.adapters.sensorthings.refusal import Refusal

__all__ = ["DEFAULT_TOP", "MOST_EXPAND_DEPTH", "MOST_TOP", "Expand", "Options", "options_from_query"]

DEFAULT_TOP = 100
"""Entities of a page where the client does not say."""
MOST_TOP = 10_000
"""Entities of a page at most, whatever the client says; the rest follows by the next link."""
MOST_EXPAND_DEPTH = 6
"""Deepest nesting of ``$expand``."""
_MOST_EXPANDS = 40
_NAMES = ("$filter", "$expand", "$select", "$orderby", "$top", "$skip", "$count", "$resultFormat")
_MOST_SKIP = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a request asks of a set.

    Parameters
    ----------
    where : Expression, optional
        ``$filter``.
    order : tuple of (expression, whether down)
        ``$orderby``.
    select : tuple of str
        ``$select``; everything where empty.
    expand : tuple of Expand
        ``$expand``.
    top, skip : int
        The page.
    asks_top : int, optional
        ``$top`` as it was written.
    count : bool
        ``$count``.
    data_array : bool
        ``$resultFormat=dataArray``.
    """

    where: Expression | None = None
    order: tuple[tuple[Expression, bool], ...] = ()
    select: tuple[str, ...] = ()
    expand: tuple[Expand, ...] = ()
    top: int = DEFAULT_TOP
    skip: int = 0
    asks_top: int | None = None
    count: bool = False
    data_array: bool = False


@dataclass(frozen=True, slots=True)
class Expand:
    """A navigation property that is given inline, and how."""

    link: str
    options: Options


def options_from_query(query: str, kind: EntityType, *, many: bool) -> Options:
    """Read the query of an address.

    Parameters
    ----------
    query : str
        As it stands in the address, without the question mark.
    kind : EntityType
        What is asked for.
    many : bool
        Whether a set is asked for, or one entity.

    Raises
    ------
    Refusal
        If an option is unknown, comes twice, or cannot be read.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=40, errors="strict")
    except ValueError as error:
        raise Refusal(f"the query cannot be read: {error}", where="query") from error
    return _options(pairs, kind, many=many, depth=0)


def _options(pairs: Iterable[tuple[str, str]], kind: EntityType, *, many: bool, depth: int) -> Options:
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in _NAMES:
            raise Refusal(f"unknown query option {name[:40]!r}", where="query", mend=f"Use: {', '.join(_NAMES)}")
        if name in given:
            raise Refusal("comes twice", where=name)
        given[name] = value
    if not many:
        for name in given:
            if name not in {"$select", "$expand"}:
                raise Refusal("is for a set, not for one entity", where=name)
    asks_top = _whole(given.get("$top"), "$top")
    return Options(
        where=parse_expression(given["$filter"]) if "$filter" in given else None,
        order=tuple(parse_order(given["$orderby"])) if "$orderby" in given else (),
        select=_select(given.get("$select"), kind),
        expand=_expands(given["$expand"], kind, depth) if "$expand" in given else (),
        top=DEFAULT_TOP if asks_top is None else min(asks_top, MOST_TOP),
        asks_top=asks_top,
        skip=_whole(given.get("$skip"), "$skip") or 0,
        count=_flag(given.get("$count"), "$count"),
        data_array=_data_array(given.get("$resultFormat"), kind, depth),
    )


def _whole(text: str | None, where: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 18 and int(text) < _MOST_SKIP):
        raise Refusal(f"{text[:40]!r} is not a whole number from 0", where=where)
    return int(text)


def _flag(text: str | None, where: str) -> bool:
    if text not in {None, "true", "false"}:
        raise Refusal(f"{(text or '')[:40]!r} is neither true nor false", where=where)
    return text == "true"


def _data_array(text: str | None, kind: EntityType, depth: int) -> bool:
    if text is None:
        return False
    if text != "dataArray":
        raise Refusal(f"unknown format {text[:40]!r}", where="$resultFormat", mend="Use dataArray")
    if kind.set_name != "Observations" or depth:
        raise Refusal("dataArray is for Observations", where="$resultFormat")
    return True


def _select(text: str | None, kind: EntityType) -> tuple[str, ...]:
    if text is None:
        return ()
    legal = ("id", "@iot.id", "selfLink", "@iot.selfLink", *kind.properties, *(link.name for link in kind.links))
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name.partition("/")[0] not in legal:
            raise Refusal(f"{kind.name} has no {name[:40]!r}", where="$select", mend=f"Use: {', '.join(legal)}")
    return tuple(names)


def _expands(text: str, kind: EntityType, depth: int) -> tuple[Expand, ...]:
    if depth >= MOST_EXPAND_DEPTH:
        raise Refusal(f"is nested deeper than {MOST_EXPAND_DEPTH}", where="$expand")
    found: dict[str, Expand] = {}
    items = _split(text, ",", "$expand")
    if len(items) > _MOST_EXPANDS:
        raise Refusal("names too many", where="$expand")
    for item in items:
        one = _expand(item.strip(), kind, depth)
        known = found.get(one.link)
        found[one.link] = one if known is None else _both(known, one)
    return tuple(found.values())


def _both(first: Expand, second: Expand) -> Expand:
    """``Datastreams/Sensor,Datastreams/ObservedProperty`` names one link twice."""
    if first.options.expand and second.options.expand:
        expand = {one.link: one for one in (*first.options.expand, *second.options.expand)}
        return Expand(first.link, Options(expand=tuple(expand.values())))
    return first if first.options.expand else second


def _expand(item: str, kind: EntityType, depth: int) -> Expand:
    head, bracket, inner = item.partition("(")
    name, slash, rest = head.strip().partition("/")
    link = kind.link(name)
    if link is None:
        legal = ", ".join(one.name for one in kind.links)
        raise Refusal(f"{kind.name} leads to no {name[:40]!r}", where="$expand", mend=f"Use: {legal}")
    target = MODEL[link.target]
    if slash:
        return Expand(name, Options(expand=_expands(rest + bracket + inner, target, depth + 1)))
    pairs = []
    if bracket:
        if not inner.rstrip().endswith(")"):
            raise Refusal("a bracket is not closed", where="$expand")
        for part in _split(inner.rstrip()[:-1], ";", "$expand"):
            option, equals, value = part.partition("=")
            if not equals:
                raise Refusal(f"{part[:40]!r} is not an option", where="$expand")
            pairs.append((option.strip(), value))
    return Expand(name, _options(pairs, target, many=link.many, depth=depth + 1))


def _split(text: str, mark: str, where: str) -> list[str]:
    """Split at a mark that stands neither in brackets nor in quotes."""
    parts, start, depth, quoted = [], 0, 0, False
    for at, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth < 0:
                raise Refusal("a bracket is closed that was not opened", where=f"{where} position {at + 1}")
        elif character == mark and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    if depth or quoted:
        raise Refusal("a bracket or quote is not closed", where=where)
    return [*parts, text[start:]]
