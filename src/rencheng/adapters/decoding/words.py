"""The words of messages: what a feed calls a quantity, in which unit it comes, and who measured it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rencheng.adapters.decoding.refusal import Refusal
from rencheng.kernel import QUANTITIES
from rencheng.sense.batch import RefusalReason
from rencheng.sense.layout import WideColumn

__all__ = ["Scale", "Words", "number_of", "sensor_namer"]

_FIELD = re.compile(r"\{([^{}]*)\}")
_MOST_TOPICS = 200_000
"""Topics whose sensor is remembered; strangers' topics must not fill the memory."""


class Scale(NamedTuple):
    """How a value becomes SI: ``value * factor + offset``."""

    quantity: str
    factor: float
    offset: float


class Words:
    """A feed's own words for quantities.

    Parameters
    ----------
    columns : sequence of WideColumn
        Word → quantity and unit; empty to take the names of the quantity table as words.
    units : mapping of str to str
        The format's own names of units → ours.
    """

    def __init__(self, columns: Sequence[WideColumn], units: Mapping[str, str]) -> None:
        self._listed = {column.column: column for column in columns}
        self._units = units
        self._known: dict[tuple[str, str], Scale] = {}

    def scale(self, word: str, unit: str) -> Scale | None:
        """Find the quantity and conversion of a word.

        Parameters
        ----------
        word : str
            As the message says it.
        unit : str
            As the message says it; empty where it says none. A unit in the configuration goes first.

        Returns
        -------
        Scale or None
            None where the configuration lists words and this is none of them: it is passed over.

        Raises
        ------
        Refusal
            ``unknown_quantity`` or ``unknown_unit``.
        """
        found = self._known.get((word, unit))
        return self._look_up(word, unit) if found is None else found

    def _look_up(self, word: str, unit: str) -> Scale | None:
        column = self._listed.get(word)
        if column is None and self._listed:
            return None
        name = word if column is None else column.quantity
        of = QUANTITIES.get(name)
        if of is None:
            raise Refusal(RefusalReason.UNKNOWN_QUANTITY, f"{word[:80]!r} is no quantity")
        said = column.unit if column is not None and column.unit else self._units.get(unit, unit) or of.unit
        if said not in of.units:
            raise Refusal(RefusalReason.UNKNOWN_UNIT, f"unit {said[:40]!r} is not legal for {name}")
        scale = Scale(name, *of.units[said])
        self._known[word, unit] = scale  # bounded: legal words times legal units
        return scale


def number_of(value: Any, missing: Sequence[str]) -> float | None:
    """Read a measured value; None means nothing was measured.

    Raises
    ------
    Refusal
        ``bad_number`` or ``not_finite``.
    """
    if type(value) is float or type(value) is int:
        try:
            number = float(value)
        except OverflowError:
            raise Refusal(RefusalReason.NOT_FINITE, "the number is too large") from None
    elif value is None:
        return None
    elif isinstance(value, str):
        text = value.strip()
        if not text or text in missing:
            return None
        try:
            number = float(text)
        except ValueError:
            raise Refusal(RefusalReason.BAD_NUMBER, f"{text[:40]!r} is no number") from None
        if "_" in text:
            raise Refusal(RefusalReason.BAD_NUMBER, f"{text[:40]!r} is no number")
    else:
        raise Refusal(RefusalReason.BAD_NUMBER, f"a {type(value).__name__} is no number")
    if not math.isfinite(number):
        raise Refusal(RefusalReason.NOT_FINITE, f"{number} is not finite")
    return number


def sensor_namer(template: str) -> Callable[[str, Mapping[str, str]], str]:
    """Give the function that fills a sensor template from the levels of a topic and named fields.

    The function raises :class:`Refusal` with ``no_sensor`` where a level is not there or nothing remains.

    Examples
    --------
    >>> sensor_namer("gauge-{2}")("city/g17/depth", {})
    'gauge-g17'
    """
    parts = _FIELD.split(template)  # literal, field, literal, field, …

    def name(topic: str, fields: Mapping[str, str]) -> str:
        levels = topic.split("/")
        out = [parts[0]]
        for field, literal in zip(parts[1::2], parts[2::2], strict=True):
            out += [_level(levels, int(field)) if field.lstrip("-").isdigit() else fields[field], literal]
        sensor = "".join(out)
        if not sensor:
            raise Refusal(RefusalReason.NO_SENSOR, f"nothing fills the template {template!r}")
        return sensor

    def _level(levels: list[str], number: int) -> str:
        index = number - 1 if number > 0 else number
        if not -len(levels) <= index < len(levels):
            raise Refusal(RefusalReason.NO_SENSOR, f"the topic has no level {number}")
        return levels[index]

    known: dict[str, str] = {}

    def name_of_topic(topic: str, fields: Mapping[str, str]) -> str:
        sensor = known.get(topic)
        if sensor is None:
            sensor = name(topic, fields)
            if len(known) < _MOST_TOPICS:
                known[topic] = sensor
        return sensor

    return name_of_topic if all(field.lstrip("-").isdigit() for field in parts[1::2]) else name
