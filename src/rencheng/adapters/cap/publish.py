"""Every notice of a ledger as CAP files and as an Atom feed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree

from rencheng.adapters.cap.writer import cap_alert
from rencheng.kernel import NotFound, StorageFailed, format_instant
from rencheng.ledger import Entry
from rencheng.warn import Notice

__all__ = ["CAP_MEDIA_TYPE", "SentNotice", "atom_feed", "cap_file_name", "cap_of", "notices_of", "write_cap_files"]

CAP_MEDIA_TYPE = "application/cap+xml"
_ATOM = "http://www.w3.org/2005/Atom"
_NAMESPACES: dict[Any, str] = {None: _ATOM}


@dataclass(frozen=True, slots=True, kw_only=True)
class SentNotice:
    """A notice as the ledger has it."""

    seq: int
    warning_id: str
    notice: Notice


def notices_of(entries: Iterable[Entry]) -> list[SentNotice]:
    """All notices of a ledger, in order."""
    return [
        SentNotice(seq=e.seq, warning_id=e.body.warning_id, notice=e.body.notice)
        for e in entries
        if isinstance(getattr(e.body, "notice", None), Notice)
    ]


def cap_file_name(notice: Notice) -> str:
    """File name of a notice; the same notice always has the same.

    It begins with the instant of sending, so that names sort as the notices were sent.
    """
    return f"{notice.sent_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{notice.notice_id}.xml"


def write_cap_files(entries: Iterable[Entry], folder: Path) -> list[Path]:
    """Write every notice of a ledger as a CAP 1.2 file.

    Parameters
    ----------
    entries : iterable of Entry
        The ledger, or a part of it.
    folder : Path
        Where to; made if absent. Files of an earlier call are replaced by the same bytes.

    Returns
    -------
    list of Path
        One file per notice, in the order they were sent.
    """
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for sent in notices_of(entries):
            path = folder / cap_file_name(sent.notice)
            path.write_bytes(cap_alert(sent.notice))
            paths.append(path)
    except OSError as error:
        raise StorageFailed(
            f"cannot write CAP files: {error}", where=str(folder), mend="Free space or choose another folder"
        ) from error
    return paths


def cap_of(entries: Iterable[Entry], notice_id: str) -> bytes:
    """Give the CAP message of one notice.

    Raises
    ------
    NotFound
        If the ledger has no such notice.
    """
    for sent in notices_of(entries):
        if sent.notice.notice_id == notice_id:
            return cap_alert(sent.notice)
    raise NotFound(f"no notice {notice_id!r}", mend="Take an id from the feed")


def atom_feed(
    entries: Iterable[Entry], base_url: str, *, title: str = "韧城预警 Rencheng warnings", most: int = 100
) -> bytes:
    """Give the newest notices as an Atom 1.0 feed (RFC 4287), newest first.

    Parameters
    ----------
    entries : iterable of Entry
        The ledger.
    base_url : str
        Address of the API, e.g. ``"http://127.0.0.1:8000"``; the feed is ``{base_url}/cap/feed.atom`` and each CAP
        message ``{base_url}/cap/{notice_id}.xml``.
    most : int
        Most entries.
    """
    base = base_url.rstrip("/")
    notices = notices_of(entries)
    feed = etree.Element(f"{{{_ATOM}}}feed", nsmap=_NAMESPACES)
    updated = max((s.notice.sent_at for s in notices), default=datetime(1970, 1, 1, tzinfo=UTC))
    _add(feed, "id", f"{base}/cap/feed.atom")
    _add(feed, "title", title)
    _add(feed, "updated", format_instant(updated))
    _link(feed, f"{base}/cap/feed.atom", rel="self", media="application/atom+xml")
    author = etree.SubElement(feed, f"{{{_ATOM}}}author")
    _add(author, "name", notices[-1].notice.sender_name.zh if notices else "Rencheng")
    for sent in notices[: -most - 1 : -1]:
        _entry(feed, sent.notice, base)
    written: bytes = etree.tostring(feed, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written


def _entry(feed: Any, notice: Notice, base: str) -> None:
    entry = etree.SubElement(feed, f"{{{_ATOM}}}entry")
    url = f"{base}/cap/{notice.notice_id}.xml"
    _add(entry, "id", url)
    _add(entry, "title", f"{notice.headline.zh} / {notice.headline.en}")
    _add(entry, "updated", format_instant(notice.sent_at))
    _add(entry, "published", format_instant(notice.sent_at))
    for term in (notice.hazard, notice.colour, notice.action):
        etree.SubElement(entry, f"{{{_ATOM}}}category", term=term)
    _link(entry, url, rel="alternate", media=CAP_MEDIA_TYPE)
    _add(entry, "summary", f"{notice.impact.zh} {notice.impact.en}")


def _add(parent: Any, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{_ATOM}}}{name}").text = text


def _link(parent: Any, href: str, *, rel: str, media: str) -> None:
    etree.SubElement(parent, f"{{{_ATOM}}}link", rel=rel, type=media, href=href)
