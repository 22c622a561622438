"""Paths into JSON values: ``device.id``, ``readings[*]``, ``values[0]``, ``$["a.b"].c``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rencheng.kernel import InvalidConfig

__all__ = ["ABSENT", "JsonPath", "parse_path"]

ABSENT: Any = object()
"""What a path gives where there is nothing."""

_STEP = re.compile(
    r"""\.?(?P<name>[^.\[\]"'$*\s][^.\[\]"']*)      # key
      | \[(?P<index>-?\d{1,6})\]                     # [3], [-1]
      | \[(?P<every>\*)\]                            # [*]
      | \[(?P<quote>["'])(?P<quoted>.*?)(?P=quote)\] # ["a.b"]
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonPath:
    """A path into a JSON value.

    Parameters
    ----------
    text : str
        As it was written.
    steps : tuple of str or int or None
        Keys, indices, and None for every item.
    from_root : bool
        Begins at the body's root (``$``) instead of at the record.
    """

    text: str
    steps: tuple[str | int | None, ...]
    from_root: bool

    def find(self, value: Any) -> Any:
        """Follow a path without ``[*]``; :data:`ABSENT` where it leads nowhere.

        Examples
        --------
        >>> parse_path("a[1].b", where="").find({"a": [0, {"b": 7}]})
        7
        """
        for step in self.steps:
            if type(step) is str:
                if type(value) is not dict:
                    return ABSENT
                value = value.get(step, ABSENT)
            elif type(value) is list and -len(value) <= step < len(value):  # type: ignore[operator]  # int here
                value = value[step]  # type: ignore[index]  # int here
            else:
                return ABSENT
        return value

    def each(self, value: Any) -> Iterator[Any]:
        """Follow a path that may have ``[*]`` to all values it leads to."""
        if None not in self.steps:
            found = self.find(value)
            if found is not ABSENT:
                yield found
            return
        at = self.steps.index(None)
        items = JsonPath(text=self.text, steps=self.steps[:at], from_root=False).find(value)
        if type(items) is list:
            rest = JsonPath(text=self.text, steps=self.steps[at + 1 :], from_root=False)
            for item in items:
                yield from rest.each(item)


def parse_path(text: str, *, where: str, many: bool = False) -> JsonPath:
    """Read a path.

    Parameters
    ----------
    text : str
        The path; ``$`` at its beginning stands for the body's root, otherwise it begins at the record.
    many : bool
        Whether ``[*]`` may stand in it.

    Raises
    ------
    InvalidConfig
        If it is no path, or has ``[*]`` where one value is wanted.
    """
    rest = text.removeprefix("$")
    steps: list[str | int | None] = []
    position = 0
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None or (match["name"] and steps and not match[0].startswith(".")):
            raise InvalidConfig(
                f"{text!r} is no JSON path, from {rest[position:]!r} on",
                where=where,
                mend='Write e.g. device.id, $.data.readings[*], values[0] or ["a.b"]',
            )
        if match["every"] and not many:
            raise InvalidConfig(f"{text!r} leads to many values", where=where, mend="Only json.records may have [*]")
        name = match["name"] if match["name"] is not None else match["quoted"]
        steps.append(int(match["index"]) if match["index"] else None if match["every"] else name)
        position = match.end()
    if not steps and not text.startswith("$"):
        raise InvalidConfig("a path is empty", where=where, mend="Write e.g. device.id")
    return JsonPath(text=text, steps=tuple(steps), from_root=text.startswith("$"))
