"""What people do about feeds of a live run: look at what was refused, read a feed's file again, offer rows again."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from rencheng.app.live_intake import LiveIntake
from rencheng.app.reoffer import DecodedAgain, counted, decoded_again
from rencheng.kernel import Conflict, Draft, InvalidConfig, InvalidInput, NotFound, micros
from rencheng.sense import FeedConfig, read_feed_config
from rencheng.sense.facts import FeedReloaded, RefusedReoffered
from rencheng.sense.refused import REOFFER, RefusedQuery, RefusedRow, RefusedRows, Reoffer, Reoffered

__all__ = ["MOST_AT_ONCE", "FeedCare", "Trial", "TrialRow", "reoffered_draft"]

MOST_AT_ONCE = 100_000
"""Rows of one offer; the rest are offered again after it."""
_TOLD = 200
"""Rows of a trial that are told of one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """What would become of one row: an empty reason where it would be taken."""

    refused_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What would become of rows if they were offered again; nothing was done.

    Parameters
    ----------
    feed_id, reason : str
        Which rows.
    offered, taken : int
        Rows looked at, and those that would leave the list.
    readings : int
        Readings that they would give, stored ones among them.
    still : dict of str to int
        Reason → rows that would stay.
    rows : tuple of TrialRow
        The first of them, one by one.
    changed : tuple of str
        Keys of the feed's file that say something else than what is in force; offering reads the file again.
    more : int
        Rows beyond the largest offer.
    """

    feed_id: str
    reason: str
    offered: int
    taken: int
    readings: int
    still: dict[str, int]
    rows: tuple[TrialRow, ...]
    changed: tuple[str, ...]
    more: int


class FeedCare:
    """Looks after the feeds of a live run.

    Parameters
    ----------
    intake : LiveIntake
        The feeds.
    store : RefusedRows
        What they refused.
    files : mapping of str to Path
        Feed → its configuration.
    clock : callable
        Tells the run's now.
    """

    def __init__(
        self, intake: LiveIntake, store: RefusedRows, files: Mapping[str, Path], *, clock: Callable[[], datetime]
    ) -> None:
        self._intake, self._store, self._files, self._clock = intake, store, dict(files), clock
        self._one_at_a_time = threading.Lock()

    def counts(self, feed_id: str) -> dict[str, int]:
        """Reason → rows that a feed has kept aside.

        Raises
        ------
        NotFound
            If the city has no such feed.
        """
        self._intake.config(feed_id)
        return self._store.refused_counts(feed_id)

    def page(self, query: RefusedQuery) -> pa.Table:
        """A page of rows; see :meth:`rencheng.sense.refused.RefusedRows.refused_page`."""
        self._intake.config(query.feed_id)
        return self._store.refused_page(query)

    def trial(self, query: RefusedQuery) -> Trial:
        """Say what would become of rows if they were offered again by the feed's file as it stands now.

        Raises
        ------
        NotFound
            If there is no such feed, or its file is gone.
        InvalidConfig
            If the file is wrong; names the line and the mend.
        """
        config, changed = self._config(query.feed_id)
        rows = self._rows(query)
        found = decoded_again(config, rows, self._store)
        told = [
            TrialRow(
                refused_id=row.refused_id,
                reason=found.still.get(n, ("", ""))[0],
                detail=found.still.get(n, ("", ""))[1],
            )
            for n, row in enumerate(rows[:_TOLD])
        ]
        waiting = self._waiting(query)
        return Trial(
            feed_id=query.feed_id,
            reason=query.reason,
            offered=len(rows),
            taken=len(rows) - len(found.still),
            readings=sum(batch.good.num_rows for batch in found.batches),
            still=counted(found.still),
            rows=tuple(told),
            changed=changed,
            more=max(0, waiting - len(rows)),
        )

    def reload(self, feed_id: str) -> FeedReloaded:
        """Read a feed's file again and go by it; what it says wrong leaves the old one in force.

        Raises
        ------
        NotFound
            If there is no such feed, or its file is gone.
        InvalidConfig
            If the file is wrong; names the line and the mend.
        """
        with self._one_at_a_time:
            return self._reload(feed_id)

    def reoffer(self, query: RefusedQuery, *, by: str) -> tuple[FeedReloaded | None, Reoffered]:
        """Offer rows again; a file that says something new is read first.

        Raises
        ------
        Conflict
            If no such row is kept aside.
        NotFound, InvalidConfig
            As :meth:`trial`.
        StorageFailed
            If the store refused; then all is as it was.
        """
        with self._one_at_a_time:
            config, changed = self._config(query.feed_id)
            reloaded = self._reload(query.feed_id) if changed else None
            rows = self._rows(query)
            if not rows:
                raise Conflict("no such row is kept aside now", where=f"feed {query.feed_id!r}")
            now = self._clock()
            found = decoded_again(config, rows, self._store)
            return reloaded, self._store.reoffer(_offer(query, rows, found, by, now), now=now)

    def _rows(self, query: RefusedQuery) -> list[RefusedRow]:
        return self._store.refused_rows(dataclasses.replace(query, skip=0, top=MOST_AT_ONCE, taken=False))

    def _waiting(self, query: RefusedQuery) -> int:
        if query.ids is not None:
            return 0
        counts = self._store.refused_counts(query.feed_id)
        return counts.get(query.reason, 0) if query.reason else sum(counts.values())

    def _reload(self, feed_id: str) -> FeedReloaded:
        config, changed = self._config(feed_id)
        self._intake.reload(feed_id, config)
        return FeedReloaded(feed_id=feed_id, file=self._files[feed_id].name, changed=list(changed))

    def _config(self, feed_id: str) -> tuple[FeedConfig, tuple[str, ...]]:
        """The feed's file as it stands now, and what it says anew."""
        in_force = self._intake.config(feed_id)
        path = self._files.get(feed_id)
        if path is None:
            raise NotFound(
                f"the feed {feed_id!r} has no file", mend="It is part of the program and takes no configuration"
            )
        config = _read(path)
        if config.id != feed_id:
            raise InvalidConfig(
                f"the file is of the feed {config.id!r} now",
                where=_place(path, config.id),
                mend=f"Let it be id = {feed_id!r}; a new feed begins with the next start of the run",
            )
        names = (f.name for f in dataclasses.fields(FeedConfig))
        return config, tuple(name for name in names if getattr(config, name) != getattr(in_force, name))


def _offer(query: RefusedQuery, rows: list[RefusedRow], found: DecodedAgain, by: str, now: datetime) -> Reoffer:
    ids = [row.refused_id for row in rows]
    digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:12]
    return Reoffer(
        feed_id=query.feed_id,
        position=f"{REOFFER}{micros(now)}:{digest}",
        by=by,
        reason=query.reason,
        ids=ids,
        batches=found.batches,
        still=found.still,
    )


def _read(path: Path) -> FeedConfig:
    """Read a feed's file; an error in it bears the line."""
    try:
        return read_feed_config(path)
    except InvalidInput as error:
        line = _line_of(path, error.what)
        if line is None or "line" in error.what:
            raise
        rest = error.where.removeprefix(str(path)).lstrip(": ")
        where = f"{path.name}, line {line}" + (f": {rest}" if rest else "")
        raise InvalidConfig(error.what, where=where, mend=error.mend) from error


def _place(path: Path, word: str) -> str:
    line = _line_of(path, repr(word))
    return str(path) if line is None else f"{path}, line {line}"


def _line_of(path: Path, said: str) -> int | None:
    """The first line of a file with a word that a message quotes."""
    quoted = re.findall(r"'([^']+)'", said) + re.findall(r"`([^`$]+)`", said)
    for word in reversed(quoted):  # messages go from the feed to the field
        key = re.compile(rf"(?<![\w.]){re.escape(word)}(?![\w.])")
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if key.search(line.partition("#")[0]):
                return number
    return None


def reoffered_draft(told: Reoffered) -> Draft:
    """The fact of an offer; made again of the store's record it is the same fact, so it is never told twice."""
    body = RefusedReoffered(
        feed_id=told.feed_id,
        position=told.position,
        reason=told.reason,
        offered=told.offered,
        taken=told.taken,
        accepted=told.accepted,
        repeated=told.repeated,
        still=told.still,
    )
    return Draft(stream=f"feed/{told.feed_id}", body=body, occurred_at=told.at, actor=told.by)
