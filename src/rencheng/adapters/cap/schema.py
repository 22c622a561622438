"""Checking CAP documents: safe parsing, the OASIS schema, and the rules that the schema cannot say."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

from lxml import etree

from rencheng.kernel import InvalidInput

__all__ = ["CAP_1_1", "CAP_1_2", "MOST_BYTES", "cap_tree", "require_valid"]

CAP_1_2 = "urn:oasis:names:tc:emergency:cap:1.2"
CAP_1_1 = "urn:oasis:names:tc:emergency:cap:1.1"
MOST_BYTES = 2_000_000
"""A larger document is refused unread; real alerts are tens of kilobytes."""
_MOST_FAULTS = 5
_PROLOG = re.compile(rb"<!DOCTYPE", re.IGNORECASE)
_FIRST_ELEMENT = re.compile(rb"<[A-Za-z_]")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00")


@cache
def _schema() -> etree.XMLSchema:
    source = (files("rencheng.adapters.cap") / "cap-1.2.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(source))


def cap_tree(data: bytes, *, where: str = "CAP document") -> Any:
    """Parse a CAP document without touching anything but its bytes.

    Nothing external is read, no entity is expanded, and a document type declaration is refused before parsing: CAP has
    none, and it is how entity bombs and external entities come in.

    Raises
    ------
    InvalidInput
        Too large, not XML, with a document type, in an encoding that cannot be checked, or no CAP alert.
    """
    if len(data) > MOST_BYTES:
        raise InvalidInput(
            f"{len(data)} bytes, more than {MOST_BYTES}", where=where, mend="Send one alert per document"
        )
    if data.startswith(_WIDE_MARKS):
        raise InvalidInput("UTF-16 or UTF-32 text", where=where, mend="Write CAP in UTF-8")
    bare = _COMMENT.sub(b"", data)
    first = _FIRST_ELEMENT.search(bare)
    if _PROLOG.search(bare[: first.start()] if first else bare):
        raise InvalidInput("a document type declaration (DOCTYPE)", where=where, mend="CAP has none: remove it")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidInput(f"not well-formed XML: {error}", where=where) from error
    name = etree.QName(root)
    if name.localname != "alert" or name.namespace not in (CAP_1_1, CAP_1_2):
        raise InvalidInput(
            f"root element {name.localname!r} in namespace {name.namespace!r} is no CAP alert",
            where=where,
            mend=f"Write <alert xmlns={CAP_1_2!r}>",
        )
    return root


def require_valid(root: Any, *, where: str = "CAP document") -> Any:
    """Check a parsed alert and give it in the 1.2 namespace.

    A CAP 1.1 alert is read through the 1.2 schema: what 1.1 has, 1.2 has too, with a stricter form of instants.

    Raises
    ------
    InvalidInput
        Names every element at fault (the first five) with its line.
    """
    if etree.QName(root).namespace == CAP_1_1:
        root = _as_1_2(root)
    schema: Any = _schema()
    if not schema.validate(root):
        said = [f"line {e.line}: {e.message.replace('{' + CAP_1_2 + '}', '').rstrip('. ')}" for e in schema.error_log]
        vague = "is not a valid value of the local atomic type"
        faults = [f for f in said if vague not in f] or said
        raise InvalidInput(_listed(faults), where=where, mend="See CAP 1.2 §3.4 for the schema")
    faults = list(_prose_faults(root))
    if faults:
        raise InvalidInput(_listed(faults), where=where, mend="See CAP 1.2 §3.2 for the rules of each element")
    return root


def _listed(faults: list[str]) -> str:
    more = len(faults) - _MOST_FAULTS
    return "; ".join(faults[:_MOST_FAULTS]) + (f"; and {more} more" if more > 0 else "")


def _as_1_2(root: Any) -> Any:
    for element in list(root.iter(f"{{{CAP_1_1}}}*")):
        element.tag = f"{{{CAP_1_2}}}{etree.QName(element).localname}"
    return root


def _prose_faults(root: Any) -> Any:
    """Rules that CAP 1.2 §3.2 states in words."""

    def text(name: str) -> str:
        return (root.findtext(f"{{{CAP_1_2}}}{name}") or "").strip()

    for name in ("identifier", "sender"):
        if not text(name) or re.search(r"[\s,<&]", text(name)):
            yield f"element {name}: {text(name)!r} must be non-empty without spaces, commas, < or &"
    if text("msgType") in ("Update", "Cancel", "Ack", "Error") and not text("references"):
        yield f"element references: msgType {text('msgType')} must refer to earlier messages"
    for triple in text("references").split():
        if len(triple.split(",")) != 3:
            yield f"element references: {triple!r} is not sender,identifier,sent"
    if text("scope") == "Restricted" and not text("restriction"):
        yield "element restriction: scope Restricted must say to whom"
    if text("scope") == "Private" and not text("addresses"):
        yield "element addresses: scope Private must name recipients"
    for polygon in root.iter(f"{{{CAP_1_2}}}polygon"):
        yield from _polygon_faults(polygon)
    for circle in root.iter(f"{{{CAP_1_2}}}circle"):
        if not re.fullmatch(r"\s*-?[\d.]+,-?[\d.]+\s+[\d.]+\s*", circle.text or ""):
            yield f"element circle, line {circle.sourceline}: must be 'lat,lon radius'"


def _polygon_faults(polygon: Any) -> Any:
    at = f"element polygon, line {polygon.sourceline}"
    pairs = (polygon.text or "").split()
    try:
        points = [tuple(float(v) for v in pair.split(",")) for pair in pairs]
    except ValueError:
        yield f"{at}: not 'lat,lon lat,lon …'"
        return
    if any(len(p) != 2 or not (-90 <= p[0] <= 90 and -180 <= p[1] <= 180) for p in points):
        yield f"{at}: a pair is not lat,lon in degrees"
    elif len(points) < 4 or points[0] != points[-1]:
        yield f"{at}: needs at least four points and must close"
