"""Writing a notice as a CAP 1.2 alert in Chinese and English, valid against the OASIS schema."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import h3.api.numpy_int as h3_int
import numpy as np
from lxml import etree

from rencheng.adapters.cap.schema import CAP_1_2, require_valid
from rencheng.kernel import cell_text
from rencheng.warn import Notice, load_terms
from rencheng.warn.model import cap_instant

__all__ = ["MOST_GEOCODES", "SEVERITY", "cap_alert", "response_type", "urgency"]

SEVERITY = {"red": "Extreme", "orange": "Severe", "yellow": "Moderate", "blue": "Minor"}
"""Warning colour → CAP severity, in the order of CAP 1.2 §3.2.2."""

MOST_GEOCODES = 100
"""Most H3 geocodes of an alert; coarser cells stand for finer ones until they are so few."""

_NAMESPACES: dict[Any, str] = {None: CAP_1_2}
_FLOODS = ("river_flood", "waterlogging", "rainstorm")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def urgency(notice: Notice) -> str:
    """CAP urgency by the time left: Past for a cancellation, Immediate when it is here at orange or red.

    CAP 1.2 §3.2.2: Immediate — act now; Expected — within the hour; Future — later.
    """
    if notice.action == "Cancel":
        return "Past"
    lead = notice.onset_at - notice.sent_at
    if lead <= timedelta(0) and notice.colour in ("orange", "red"):
        return "Immediate"
    return "Expected" if lead <= timedelta(hours=1) else "Future"


def response_type(notice: Notice) -> str:
    """CAP responseType by hazard and colour; AllClear for a cancellation."""
    if notice.action == "Cancel":
        return "AllClear"
    if notice.colour == "red":
        return "Evacuate" if notice.hazard in _FLOODS else "Shelter"
    return {"orange": "Prepare", "yellow": "Avoid" if notice.hazard in _FLOODS else "Prepare"}.get(
        notice.colour, "Monitor"
    )


def cap_alert(notice: Notice, *, web: str = "") -> bytes:
    """Write a notice as one CAP 1.2 message.

    Parameters
    ----------
    notice : Notice
        What to say; it names its own sender, references and status. The warning it belongs to is given as
        ``incidents``, so that a receiver can collate its messages.
    web : str
        Address of a page with more, if there is one.

    Returns
    -------
    bytes
        UTF-8 XML, checked against the OASIS schema before it is given out.
    """
    alert = etree.Element(f"{{{CAP_1_2}}}alert", nsmap=_NAMESPACES)
    _add(alert, "identifier", notice.notice_id)
    _add(alert, "sender", notice.sender or "warning@rencheng")
    _add(alert, "sent", cap_instant(notice.sent_at))
    _add(alert, "status", notice.mode)
    _add(alert, "msgType", notice.action)
    _add(alert, "source", f"rencheng/{notice.origin}")
    _add(alert, "scope", "Public")
    if notice.mode != "Actual":
        _add(alert, "note", f"{notice.mode}: not a real warning / 非真实预警")
    if notice.references:
        _add(alert, "references", " ".join(notice.references))
    if notice.warning_id:
        _add(alert, "incidents", notice.warning_id)
    geocodes = _h3_geocodes(notice.cells)
    for language in ("zh-CN", "en-US"):
        _info(alert, notice, language, geocodes, web)
    require_valid(alert, where=f"notice {notice.notice_id}")
    written: bytes = etree.tostring(alert, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written


def _info(alert: Any, notice: Notice, language: str, geocodes: list[str], web: str) -> None:
    zh = language == "zh-CN"

    def said(text: Any) -> str:
        return str(text.zh if zh else text.en)

    terms = load_terms()
    hazard, shade = terms.hazards[notice.hazard], terms.colours[notice.colour]
    info = etree.SubElement(alert, f"{{{CAP_1_2}}}info")
    _add(info, "language", language)
    _add(info, "category", hazard.category)
    _add(info, "event", f"{said(hazard.name)}{said(shade)}预警" if zh else f"{said(shade)} {said(hazard.name)} warning")
    _add(info, "responseType", response_type(notice))
    _add(info, "urgency", urgency(notice))
    _add(info, "severity", SEVERITY[notice.colour])
    _add(info, "certainty", notice.certainty)
    _add(info, "audience", ", ".join(notice.audience))
    book, _, code = notice.rule.partition("/")
    _pair(info, "eventCode", book, code or "-")
    _add(info, "effective", cap_instant(notice.sent_at))
    _add(info, "onset", cap_instant(notice.onset_at))
    _add(info, "expires", cap_instant(notice.expires_at))
    _add(info, "senderName", said(notice.sender_name) or notice.sender)
    _add(info, "headline", said(notice.headline))
    _add(info, "description", f"{said(notice.description)}\n{said(notice.impact)}")
    _add(info, "instruction", said(notice.advice))
    if web:
        _add(info, "web", web)
    _pair(info, "parameter", "colour", notice.colour)
    _pair(info, "parameter", "rule", notice.rule)
    _pair(info, "parameter", "residents", f"{notice.residents:.0f}")
    _pair(info, "parameter", "vulnerable_residents", f"{notice.vulnerable_residents:.0f}")
    area = etree.SubElement(info, f"{{{CAP_1_2}}}area")
    _add(area, "areaDesc", said(notice.area_text))
    for ring in notice.polygon:
        _add(area, "polygon", " ".join(f"{lat:.5f},{lon:.5f}" for lon, lat in ring))
    for area_id in notice.area_ids:
        _pair(area, "geocode", "rencheng:area", area_id)
    for cell in geocodes:
        _pair(area, "geocode", "H3", cell)


def _h3_geocodes(cells: tuple[int, ...]) -> list[str]:
    """Cells as few H3 indexes: full parents stand for their children, then any parent for its children."""
    if not cells:
        return []
    compact = sorted(int(c) for c in h3_int.compact_cells(np.array(sorted(cells), np.uint64)))
    while len(compact) > MOST_GEOCODES:
        finest = max(h3_int.get_resolution(c) for c in compact)
        compact = sorted({int(h3_int.cell_to_parent(c)) if h3_int.get_resolution(c) == finest else c for c in compact})
    return [cell_text(c) for c in compact]


def _add(parent: Any, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{CAP_1_2}}}{name}").text = _NOT_XML.sub("", text)


def _pair(parent: Any, name: str, value_name: str, value: str) -> None:
    pair = etree.SubElement(parent, f"{{{CAP_1_2}}}{name}")
    _add(pair, "valueName", value_name)
    _add(pair, "value", value)
