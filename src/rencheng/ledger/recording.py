"""Which drafts of an append are recorded, and at which positions: the rule all stores share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from rencheng.kernel import Conflict, Draft, require_utc
from rencheng.ledger.stored import StoredEntry, stored_from_draft

__all__ = ["rows_to_record"]


def rows_to_record(
    drafts: Sequence[Draft],
    *,
    recorded_ids: Collection[str],
    versions: Mapping[str, int],
    head: int,
    now: datetime,
    expected: Mapping[str, int] | None = None,
) -> list[StoredEntry]:
    """Give the rows of an append, in order.

    Drafts that are already recorded (or stand twice in the list) are left out. When nothing is left, nothing can be
    overtaken, so the expected versions are not looked at: an append that is sent again is harmless.

    Parameters
    ----------
    drafts : sequence of Draft
        What is to be recorded.
    recorded_ids : collection of str
        Those ids of the drafts that the store already holds.
    versions : mapping
        Last version of each stream named by ``drafts`` or ``expected``; absent or 0 when new.
    head : int
        Last position in the store.
    now : datetime
        ``recorded_at`` (aware).
    expected : mapping, optional
        Stream → version it must still have.

    Raises
    ------
    Conflict
        If a stream moved on.
    InvalidInput
        If ``now`` is naive or a body could not be read back.
    """
    recorded_at = require_utc(now, name="now")
    fresh = list({d.id: d for d in drafts if d.id not in recorded_ids}.values())
    if not fresh:
        return []
    for stream, wanted in (expected or {}).items():
        found = versions.get(stream, 0)
        if found != wanted:
            raise Conflict(
                f"version {found} where {wanted} was expected",
                where=f"stream {stream}",
                mend="Read the stream again and decide again",
            )
    rows: list[StoredEntry] = []
    last = dict(versions)
    for seq, draft in enumerate(fresh, start=head + 1):
        version = last[draft.stream] = last.get(draft.stream, 0) + 1
        rows.append(stored_from_draft(draft, seq=seq, version=version, recorded_at=recorded_at))
    return rows
