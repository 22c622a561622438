"""What a feed of messages needs besides its words: how to find the records, the sensor, and who signs."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["SENSOR_FIELDS", "JsonMessage", "RegulatorStation", "SenmlMessage", "Signing", "template_fault"]

SENSOR_FIELDS = {
    "json": ("device", "peer"),
    "senml": ("name", "device", "peer"),
    "sparkplug": ("device", "node", "group"),
    "sl651": ("station", "centre"),
    "hj212": ("mn", "st"),
}
"""Names that a sensor template may use, by format; ``{1}`` … are levels of the topic counted from its beginning,
``{-1}`` … from its end."""

_FIELD = re.compile(r"\{([^{}]*)\}")
_LEVEL = re.compile(r"-?[1-9]\d?")


def template_fault(template: str, format_: str) -> str:
    """What is wrong with a sensor template; empty if nothing.

    Examples
    --------
    >>> template_fault("gauge-{-2}", "json")
    ''
    >>> template_fault("gauge-{nmae}", "senml")
    "has no field 'nmae'; use {1}, {-1} …, {name}, {device}, {peer}"
    """
    legal = SENSOR_FIELDS[format_]
    for name in _FIELD.findall(template):
        if not _LEVEL.fullmatch(name) and name not in legal:
            return f"has no field {name!r}; use {{1}}, {{-1}} …, {', '.join('{' + field + '}' for field in legal)}"
    return "has a brace that does not close" if re.search(r"[{}]", _FIELD.sub("", template)) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonMessage:
    """How records are found in a JSON body.

    Parameters
    ----------
    records : str
        Path of the records, e.g. ``data.readings[*]``; empty when the body is one record or a list of records.
    """

    records: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenmlMessage:
    """How SenML names (RFC 8428) become sensors and words.

    Parameters
    ----------
    separators : str
        A name is cut at the last of these characters: the sensor before it, the word behind it.
    strip : str
        Prefix of names that is no part of the sensor's id, e.g. ``urn:dev:``.
    """

    separators: str = "/:"
    strip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegulatorStation:
    """How stations that speak SL 651 or HJ 212 are answered.

    Parameters
    ----------
    password : str
        What stations must send (``PW`` of HJ 212, four hex digits of SL 651); empty to take any.
    replay : bool
        Ask for periods that are missing between two reports.
    interval_s : float
        Expected time between two reports; a longer gap is asked for again.
    """

    password: str = ""
    replay: bool = True
    interval_s: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """Who signs the readings of a feed.

    Parameters
    ----------
    keys : str
        File of device keys, relative to the feed configuration.
    required : bool
        Refuse what is not signed.
    """

    keys: str
    required: bool = True
