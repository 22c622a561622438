"""Handing over to the core: records at once, readings oldest first; what is offered twice is the same as once."""

from __future__ import annotations

import gzip
import logging
import statistics
import threading
from collections import deque
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from rencheng.edge.journal import Journal, LogEntry, Parcel
from rencheng.edge.readings import EdgeFeed
from rencheng.edge.settings import CoreSettings
from rencheng.kernel import StorageFailed, canonical_json, format_instant, from_micros

__all__ = ["CoreLine", "HandOver", "joined_bodies"]

_LOG = logging.getLogger(__name__)
_LATER = frozenset({408, 421, 425, 429})
"""Refusals that pass."""
_IDLE_S = 0.25
_RECORDS_TOGETHER = 100


class CoreLine:
    """Requests to the core over one kept connection. Not thread-safe.

    Parameters
    ----------
    settings : CoreSettings
        The core.
    clock : callable
        Microseconds since 1970.
    """

    def __init__(self, settings: CoreSettings, *, clock: Callable[[], int]) -> None:
        self._settings, self._clock = settings, clock
        self._url = urlsplit(settings.url)
        self._connection: HTTPConnection | None = None
        self._ahead_s: deque[float] = deque(maxlen=31)

    @property
    def clock_ahead_s(self) -> float | None:
        """How far this clock is ahead of the core's: median of the last answers; to the second, as HTTP dates are."""
        return round(statistics.median(self._ahead_s), 1) if self._ahead_s else None

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send a body; gives the status and what was answered.

        Raises
        ------
        OSError
            If there is no answer.
        """
        connection = self._connection or self._connected()
        began = self._clock()
        try:
            connection.request("POST", self._url.path.rstrip("/") + path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            said = answer.read(65_536)
            if answer.will_close or not answer.isclosed():
                self.close()
        except (OSError, HTTPException) as error:
            self.close()
            raise OSError(f"{self._settings.url}: {type(error).__name__} {error}") from error
        self._compare(answer, (began + self._clock()) / 2e6)
        return answer.status, said

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> HTTPConnection:
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        self._connection = kind(self._url.hostname or "", self._url.port, timeout=self._settings.timeout_s)
        return self._connection

    def _compare(self, answer: HTTPResponse, here_s: float) -> None:
        try:
            there_s = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp() + 0.5
        except (TypeError, ValueError):
            return
        self._ahead_s.append(here_s - there_s)


def joined_bodies(bodies: list[bytes]) -> bytes:
    """Lines of NDJSON bodies one after the other as one body."""
    return b"".join(body if body.endswith(b"\n") else body + b"\n" for body in bodies if body)


class HandOver:
    """Two threads: records (alarms, orders) go at once, readings oldest first.

    Parameters
    ----------
    edge_id : str
        The gateway.
    settings : CoreSettings
        The core.
    feeds : mapping of str to EdgeFeed
        Feeds by id.
    open_journal : callable
        Opens a connection for a thread.
    clock : callable
        Microseconds since 1970.
    """

    def __init__(
        self,
        edge_id: str,
        settings: CoreSettings,
        feeds: Mapping[str, EdgeFeed],
        open_journal: Callable[[], Journal],
        *,
        clock: Callable[[], int],
    ) -> None:
        self._edge_id, self._settings, self._feeds = edge_id, settings, feeds
        self._open_journal, self._clock = open_journal, clock
        self._stop = threading.Event()
        self.errors = {"records": "", "readings": ""}
        """Why each thread is held up; empty while it is not."""
        self.clock_ahead_s: float | None = None
        self._joined = [feed_id for feed_id, feed in sorted(feeds.items()) if feed.format == "ndjson"]
        self._threads = [
            threading.Thread(target=self._run, args=(what, step), name=f"edge-{what}", daemon=True)
            for what, step in (("records", self._records), ("readings", self._readings))
        ]

    def start(self) -> None:
        """Begin to hand over."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End; what is not acknowledged is offered again after the next start."""
        self._stop.set()
        for thread in self._threads:
            thread.join(self._settings.timeout_s + 5)

    def _run(self, what: str, step: Callable[[Journal, CoreLine], bool]) -> None:
        line = CoreLine(self._settings, clock=self._clock)
        pause_s = self._settings.retry_s
        with self._open_journal() as journal:
            while not self._stop.is_set():
                try:
                    went = step(journal, line)
                except (OSError, StorageFailed) as error:
                    if not self.errors[what]:
                        _LOG.warning("hand-over of %s is held up: %s", what, error)
                    self.errors[what] = str(error)
                    self._stop.wait(pause_s)
                    pause_s = min(2 * pause_s, self._settings.retry_most_s)
                    continue
                if self.errors[what]:
                    _LOG.info("hand-over of %s goes on", what)
                self.errors[what], pause_s = "", self._settings.retry_s
                self.clock_ahead_s = line.clock_ahead_s if line.clock_ahead_s is not None else self.clock_ahead_s
                if not went:
                    self._stop.wait(_IDLE_S)
        line.close()

    def _records(self, journal: Journal, line: CoreLine) -> bool:
        entries = journal.log(waiting=True, most=_RECORDS_TOGETHER)
        headers = {"Content-Type": "application/json"}
        if self._settings.role:
            headers["X-Role"] = self._settings.role
        for entry in entries:
            body = canonical_json(self._record(entry, line.clock_ahead_s))
            status, said = line.post("/api/orders/TakeEdgeRecord", body, headers)
            journal.log_answered(entry.seq, "yes" if status == 200 else _refusal(status, said))
        return bool(entries)

    def _record(self, entry: LogEntry, ahead_s: float | None) -> dict[str, Any]:
        return {
            "edge_id": self._edge_id,
            "log_seq": entry.seq,
            "at": format_instant(from_micros(entry.at)),
            "kind": entry.kind,
            "body": entry.body,
            "previous": entry.previous,
            "digest": entry.digest,
            "clock_ahead_s": ahead_s,
        }

    def _readings(self, journal: Journal, line: CoreLine) -> bool:
        parcel = journal.next_parcel(most_bytes=round(self._settings.parcel_mb * 1e6), joined=self._joined)
        if parcel is None:
            return False
        bodies = journal.bodies(parcel)
        feed = self._feeds.get(parcel.feed)
        body = bodies[0][0] if len(bodies) == 1 else joined_bodies([one for one, _ in bodies])
        headers = {"Content-Type": "text/csv" if feed and feed.format == "csv" else "application/x-ndjson"}
        if bodies[0][1]:
            headers |= msgspec.json.decode(bodies[0][1], type=dict[str, str])
        elif self._settings.gzip:
            body, headers["Content-Encoding"] = gzip.compress(body, 1, mtime=0), "gzip"
        status, said = line.post(f"/api/readings/{quote(parcel.feed, safe='')}", body, headers)
        if status == 200:
            journal.handed_over(parcel)
        else:
            self._put_aside(journal, parcel, _refusal(status, said))
        return True

    def _put_aside(self, journal: Journal, parcel: Parcel, why: str) -> None:
        _LOG.error("the core refuses %s rows of feed %s: %s", parcel.rows, parcel.feed, why)
        journal.put_aside(parcel, why)


def _refusal(status: int, said: bytes) -> str:
    """Why the core refuses for good.

    Raises
    ------
    OSError
        If it may take it later.
    """
    why = f"{status} {said[:500].decode('utf-8', errors='replace')}"
    if status >= 500 or status in _LATER or status < 400:
        raise OSError(f"the core answers {why}")
    return why
