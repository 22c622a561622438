"""Addresses of the standard: ``Things('g-1')/Datastreams('g-1:stage_m')/Observations/$ref`` and the like."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rencheng.adapters.sensorthings.model import EntityKey, EntityType, entity_type
from rencheng.adapters.sensorthings.refusal import Refusal

__all__ = ["ResourcePath", "Step", "parse_path"]

_SEGMENT = re.compile(r"([^/('\"]+)(?:\((?:(-?\d{1,18})|'((?:[^']|'')*)')\))?(?:/|$)")
_MOST_STEPS = 12


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path, with the id in brackets where it has one."""

    name: str
    key: EntityKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePath:
    """An address taken apart.

    Parameters
    ----------
    steps : tuple of Step
        From the root: a set, then navigation properties.
    kind : EntityType
        What the last step is of.
    many : bool
        Whether the last step is a set.
    property_path : tuple of str
        Property of the entity that is asked for, and names inside it.
    ends : str
        ``$ref``, ``$value`` or empty.
    """

    steps: tuple[Step, ...]
    kind: EntityType
    many: bool
    property_path: tuple[str, ...] = ()
    ends: str = ""


def parse_path(path: str) -> ResourcePath:
    """Take an address apart.

    Raises
    ------
    Refusal
        With 404 where no such address can be.

    Examples
    --------
    >>> parse_path("Things(1)/Datastreams").kind.name
    'Datastream'
    """
    segments = _segments(path)
    ends = segments.pop().name if len(segments) > 1 and segments[-1].name in {"$ref", "$value"} else ""
    first = segments[0]
    kind, many = entity_type(first.name), first.key is None
    steps = [first]
    for number, segment in enumerate(segments[1:], 1):
        link = None if many else kind.link(segment.name)
        if link is not None:
            if segment.key is not None and not link.many:
                raise _none(path, f"{segment.name} leads to one entity and takes no id")
            kind, many = entity_type(link.target), link.many and segment.key is None
            steps.append(segment)
            continue
        if many or segment.name not in (*kind.properties, "id", "@iot.id", "selfLink", "@iot.selfLink"):
            raise _none(path, f"{kind.name} has no {segment.name[:60]!r}")
        rest = tuple(one.name for one in segments[number:])
        if ends == "$ref" or any(one.key is not None for one in segments[number:]):
            raise _none(path, "that is no address")
        return ResourcePath(steps=tuple(steps), kind=kind, many=False, property_path=rest, ends=ends)
    if ends == "$value" or (ends == "$ref" and not many and len(steps) == 1):
        raise _none(path, f"{ends} does not stand there")
    return ResourcePath(steps=tuple(steps), kind=kind, many=many, ends=ends)


def _segments(path: str) -> list[Step]:
    found: list[Step] = []
    at = 0
    path = path.strip("/")
    while at < len(path):
        match = _SEGMENT.match(path, at)
        if match is None or len(found) >= _MOST_STEPS:
            raise _none(path, f"it cannot be read from {path[at : at + 30]!r} on")
        name, number, text = match.groups()
        key: EntityKey | None = int(number) if number is not None else None
        found.append(Step(name, text.replace("''", "'") if text is not None else key))
        at = match.end()
    if not found:
        raise _none(path, "it is empty")
    return found


def _none(path: str, why: str) -> Refusal:
    return Refusal(f"there is no {path[:120]!r}: {why}", status=404, where="path")
