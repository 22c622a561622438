"""Server-sent events: every fact from a position on, and what the clock says.

The ledger is the buffer. Each stream reads the next few facts when its client has taken the last ones, so a slow
client costs no memory and loses nothing; a dropped one comes back with the last sequence number it saw.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from threading import Event, Thread

from starlette.concurrency import run_in_threadpool

from rencheng.app.wire import fact_json
from rencheng.ledger import Entry, Ledger
from rencheng.web.clock import clock_view
from rencheng.web.ports import Session

__all__ = ["EventHub"]

_WAIT_S = 0.5


class EventHub:
    """One thread that waits for the session and wakes every open stream.

    Parameters
    ----------
    session : Session
        Whose facts are streamed.
    heartbeat_s : float
        A silent stream carries a comment this often, so that both ends notice a dead connection.
    clock_every_s : float
        A running clock is told this often besides.
    facts_per_read : int
        Facts taken from the ledger at a time for one stream.
    """

    def __init__(
        self, session: Session, *, heartbeat_s: float = 15.0, clock_every_s: float = 2.0, facts_per_read: int = 256
    ) -> None:
        self._session = session
        self._heartbeat_s = heartbeat_s
        self._clock_every_s = clock_every_s
        self._facts_per_read = facts_per_read
        self._waiters: dict[int, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}
        self._next = 0
        self._thread: Thread | None = None
        self._stop = Event()

    @property
    def clients(self) -> int:
        """Streams open now."""
        return len(self._waiters)

    def stop(self) -> None:
        """Ask every stream to end."""
        self._stop.set()
        self._wake()

    def close(self) -> None:
        """End every stream and the thread."""
        self.stop()
        if self._thread is not None:
            self._thread.join(timeout=2 * _WAIT_S + 1)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._watch, name="event-hub", daemon=True)
            self._thread.start()

    def _watch(self) -> None:
        head = self._session.ledger.head
        while not self._stop.is_set():
            head = self._session.wait(head, _WAIT_S)
            self._wake()

    def _wake(self) -> None:
        for loop, event in list(self._waiters.values()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    async def stream(self, since: int, run_id: str) -> AsyncIterator[bytes]:
        """Give the event stream from a position on, as bytes.

        Parameters
        ----------
        since : int
            Last sequence number the client has.
        run_id : str
            Run the client knows; if another one goes on now it is told to begin again. Empty for any.
        """
        self._start()
        self._next += 1
        key, woken = self._next, asyncio.Event()
        self._waiters[key] = (asyncio.get_running_loop(), woken)
        try:
            async for part in self._parts(since, run_id, woken):
                yield part
        finally:
            del self._waiters[key]

    async def _parts(self, since: int, run_id: str, woken: asyncio.Event) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        ledger = self._session.ledger
        yield b"retry: 1000\n\n"
        told, spoke_at, clock_at = b"", loop.time(), 0.0
        while not self._stop.is_set():
            woken.clear()
            clock = clock_view(self._session)
            if (run_id and clock.run_id != run_id) or self._session.ledger is not ledger or since > ledger.head:
                yield b"event: reset\ndata: " + clock.model_dump_json().encode() + b"\n\n"
                return
            run_id = clock.run_id
            entries: list[Entry] = await run_in_threadpool(self._read, ledger, since)
            for entry in entries:
                yield b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.seq, entry.kind.encode(), fact_json(entry))
                since = entry.seq
            standing = clock.model_dump_json(exclude={"now", "progress_ratio"}).encode()
            running = clock.phase == "running" and loop.time() - clock_at >= self._clock_every_s
            if standing != told or running:
                yield b"event: clock\ndata: " + clock.model_dump_json().encode() + b"\n\n"
                told, clock_at, spoke_at = standing, loop.time(), loop.time()
            elif entries:
                spoke_at = loop.time()
            elif loop.time() - spoke_at >= self._heartbeat_s:
                yield b": still here\n\n"
                spoke_at = loop.time()
            if not entries:
                await self._until_woken(woken)

    def _read(self, ledger: Ledger, since: int) -> list[Entry]:
        return list(ledger.since(since, limit=self._facts_per_read))

    async def _until_woken(self, woken: asyncio.Event) -> None:
        try:
            await asyncio.wait_for(woken.wait(), timeout=_WAIT_S * 2)
        except TimeoutError:
            return
