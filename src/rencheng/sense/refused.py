"""Rows kept aside, looked at by people and offered again: what a store is asked and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from rencheng.sense.batch import Decoded, Intake, Origin

__all__ = [
    "BEYOND_MENDING",
    "REOFFER",
    "RefusedQuery",
    "RefusedRow",
    "RefusedRows",
    "Reoffer",
    "Reoffered",
    "is_reoffer",
]

REOFFER = "reoffer:"
"""How the positions of rows that were offered again begin: they are no places in a feed."""

BEYOND_MENDING = frozenset({"replayed", "too_large", "bad_checksum"})
"""What no change of a configuration mends: a counter used twice, a body that was not kept, bits that flipped."""


def is_reoffer(position: str) -> bool:
    """Whether a position is that of rows offered again, and not a place in a feed."""
    return position.startswith(REOFFER)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedQuery:
    """Which rows of a feed.

    Parameters
    ----------
    feed_id : str
        The feed.
    reason : str
        Of this reason only; empty for all.
    ids : tuple of str, optional
        These only.
    taken : bool
        Those that were taken when they were offered again, instead of those kept aside.
    skip, top : int
        Rows to leave out first, and to give at most; newest first.
    """

    feed_id: str
    reason: str = ""
    ids: tuple[str, ...] | None = None
    taken: bool = False
    skip: int = 0
    top: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that is kept aside.

    Parameters
    ----------
    refused_id : str
        Names it for ever.
    position, row, raw, reason, detail : as in ``ReadingStore.refused``
        Where it stood, its text and why it was refused.
    taken_at : datetime
        When it was kept aside.
    origin : Origin or None
        What it can be decoded from again.
    place : int
        Its number in the origin.
    """

    refused_id: str
    position: str
    row: int
    raw: str
    reason: str
    detail: str
    taken_at: datetime
    origin: Origin | None
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reoffer:
    """Rows that are offered again.

    Parameters
    ----------
    feed_id, position : str
        The feed, and the name of this offer.
    by, reason : str
        Who offers, and which reason was chosen; empty for all.
    ids : sequence of str
        The rows.
    batches : sequence of Decoded
        Their readings; the column ``row`` has places in ``ids``.
    still : mapping of int to (str, str)
        Place in ``ids`` → reason and detail of rows that the configuration still refuses.
    """

    feed_id: str
    position: str
    by: str
    reason: str
    ids: Sequence[str]
    batches: Sequence[Decoded]
    still: Mapping[int, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reoffered:
    """What became of rows that were offered again.

    Parameters
    ----------
    feed_id, position, by, reason : as in :class:`Reoffer`
        Who offered what.
    at : datetime
        When.
    offered : int
        Rows that were kept aside until then.
    taken : int
        Rows that are not any more.
    accepted, repeated : int
        Readings newly stored, and readings that were stored already.
    still : dict of str to int
        Reason → rows that stay.
    intakes : tuple of Intake
        Of the batches.
    """

    feed_id: str
    position: str
    by: str
    reason: str
    at: datetime
    offered: int
    taken: int
    accepted: int
    repeated: int
    still: dict[str, int]
    intakes: tuple[Intake, ...] = ()


class RefusedRows(Protocol):
    """The rows that a readings store keeps aside."""

    def refused_counts(self, feed_id: str) -> dict[str, int]:
        """Reason → rows kept aside, those taken later left out."""
        ...

    def refused_page(self, query: RefusedQuery) -> pa.Table:
        """A page of rows.

        Columns ``refused_id``, ``position``, ``row``, ``raw``, ``reason``, ``detail``, ``taken_at``, ``tried_at``,
        ``has_origin``, ``given_at`` and ``given_by`` (of those that were taken).
        """
        ...

    def refused_rows(self, query: RefusedQuery) -> list[RefusedRow]:
        """Rows with what they can be decoded from."""
        ...

    def would_refuse(self, batch: Decoded) -> dict[int, tuple[str, str]]:
        """Rows that the store itself would keep aside: number in the column ``row`` → reason and detail."""
        ...

    def reoffer(self, offer: Reoffer, *, now: datetime) -> Reoffered:
        """Take rows that were kept aside, in one transaction with what is remembered of them.

        A row that is not kept aside any more is passed over, so an offer given twice changes nothing the second time.

        Raises
        ------
        StorageFailed
            If the store refused; then all is as it was.
        """
        ...

    def reoffers(self, limit: int = 1000) -> list[Reoffered]:
        """The last offers, oldest first."""
        ...
