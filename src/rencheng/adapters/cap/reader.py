"""Reading CAP 1.2 (and 1.1) alerts of other senders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree

from rencheng.adapters.cap.schema import CAP_1_1, CAP_1_2, cap_tree, require_valid
from rencheng.kernel import parse_instant

__all__ = ["CapAlert", "CapArea", "CapInfo", "read_cap"]

_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class CapArea:
    """Where an alert holds."""

    description: str
    polygons: tuple[tuple[tuple[float, float], ...], ...]
    """Closed rings of (lon, lat)."""
    circles: tuple[tuple[float, float, float], ...]
    """(lon, lat, radius in km)."""
    geocodes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapInfo:
    """The alert in one language."""

    language: str
    category: tuple[str, ...]
    event: str
    response_types: tuple[str, ...]
    urgency: str
    severity: str
    certainty: str
    onset: datetime | None
    expires: datetime | None
    headline: str
    description: str
    instruction: str
    parameters: tuple[tuple[str, str], ...]
    areas: tuple[CapArea, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapAlert:
    """An alert as received."""

    version: str
    """1.1 or 1.2"""
    identifier: str
    sender: str
    sent: datetime
    status: str
    msg_type: str
    scope: str
    references: tuple[tuple[str, str, str], ...]
    """(sender, identifier, sent) of each earlier message."""
    infos: tuple[CapInfo, ...]
    signed: bool
    """Whether a signature is there. It is **not** verified: trust the way the alert came, not the signature."""


def read_cap(data: bytes, *, where: str = "CAP document") -> CapAlert:
    """Read and check an alert.

    Parameters
    ----------
    data : bytes
        The document.
    where : str
        Name for messages, e.g. a file name.

    Raises
    ------
    InvalidInput
        If it is not a valid CAP alert; names the elements at fault. Hostile documents (document types, external
        entities, entity bombs, oversized or over-deep ones) are refused the same way and never acted on.
    """
    parsed = cap_tree(data, where=where)
    version = "1.1" if etree.QName(parsed).namespace == CAP_1_1 else "1.2"
    root = require_valid(parsed, where=where)
    references = tuple(_text(root, "references").split())
    return CapAlert(
        version=version,
        identifier=_text(root, "identifier"),
        sender=_text(root, "sender"),
        sent=parse_instant(_text(root, "sent"), name="sent"),
        status=_text(root, "status"),
        msg_type=_text(root, "msgType"),
        scope=_text(root, "scope"),
        references=tuple((a, b, c) for a, b, c in (r.split(",") for r in references)),
        infos=tuple(_info(i) for i in root.findall(_tag("info"))),
        signed=root.find(_SIGNATURE) is not None,
    )


def _info(info: Any) -> CapInfo:
    onset, expires = _text(info, "onset"), _text(info, "expires")
    return CapInfo(
        language=_text(info, "language") or "en-US",
        category=_texts(info, "category"),
        event=_text(info, "event"),
        response_types=_texts(info, "responseType"),
        urgency=_text(info, "urgency"),
        severity=_text(info, "severity"),
        certainty=_text(info, "certainty"),
        onset=parse_instant(onset, name="onset") if onset else None,
        expires=parse_instant(expires, name="expires") if expires else None,
        headline=_text(info, "headline"),
        description=_text(info, "description"),
        instruction=_text(info, "instruction"),
        parameters=_pairs(info, "parameter"),
        areas=tuple(_area(a) for a in info.findall(_tag("area"))),
    )


def _area(area: Any) -> CapArea:
    circles = []
    for text in _texts(area, "circle"):
        centre, radius = text.split()
        lat, lon = (float(v) for v in centre.split(","))
        circles.append((lon, lat, float(radius)))
    return CapArea(
        description=_text(area, "areaDesc"),
        polygons=tuple(_ring(text) for text in _texts(area, "polygon")),
        circles=tuple(circles),
        geocodes=_pairs(area, "geocode"),
    )


def _ring(text: str) -> tuple[tuple[float, float], ...]:
    pairs = (pair.split(",") for pair in text.split())
    return tuple((float(lon), float(lat)) for lat, lon in pairs)


def _tag(name: str) -> str:
    return f"{{{CAP_1_2}}}{name}"


def _text(parent: Any, name: str) -> str:
    return (parent.findtext(_tag(name)) or "").strip()


def _texts(parent: Any, name: str) -> tuple[str, ...]:
    return tuple((e.text or "").strip() for e in parent.findall(_tag(name)))


def _pairs(parent: Any, name: str) -> tuple[tuple[str, str], ...]:
    return tuple((_text(e, "valueName"), _text(e, "value")) for e in parent.findall(_tag(name)))
