"""Feeds of stations that connect to us: a frame is answered when its readings are committed."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

from rencheng.adapters.regulator import Hj212Session, Sl651Session, session_of, stations_remembered
from rencheng.adapters.tcp import LineServer
from rencheng.app.connectors.inlet import FeedInlet, joined_batches
from rencheng.kernel import StorageFailed, micros
from rencheng.sense import Decoded, Intake
from rencheng.sense.source import TcpSource

__all__ = ["TcpConnector"]

_LOG = logging.getLogger(__name__)
_PATIENCE_S = 0.05
_Sessions = dict[int, Sl651Session | Hj212Session]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a line is sent once its frames are stored."""

    line: int
    data: bytes


class TcpConnector:
    """Listens for stations.

    Parameters
    ----------
    source : TcpSource
        Where, and how many.
    ready : callable
        Called once it listens.
    """

    def __init__(self, source: TcpSource, ready: Callable[[], None]) -> None:
        self._source, self._ready = source, ready
        self._last_heard: dict[str, datetime] = {}
        self._stored_until: dict[str, datetime] = {}
        self._done: deque[tuple[bool, Sequence[_Answer], dict[str, datetime]]] = deque()
        self._started = ""
        self._number = 0
        self.port = 0
        """Port that it listens on, once it does."""

    def run(self, inlet: FeedInlet, stop: threading.Event) -> None:
        """Deliver until ``stop``; see :class:`rencheng.app.connectors.Connector`."""
        if not self._started:  # what stations missed while nobody listened is asked for too
            self._started = str(micros(inlet.clock()))
            self._stored_until = stations_remembered(inlet.remembered)
        self._last_heard.clear()
        self._last_heard.update(self._stored_until)
        source = self._source
        server = LineServer(source.host, source.port, max_connections=source.max_connections, idle_s=source.idle_s)
        sessions: _Sessions = {}
        try:
            server.open()
            self.port = server.port
            self._ready()
            while not stop.is_set():
                pieces = server.receive(0.2)
                self._answer(server)
                for number in server.gone():
                    sessions.pop(number, None)
                if pieces:
                    self._deliver(server, inlet, sessions, pieces, stop)
        finally:
            server.close()

    def _deliver(
        self,
        server: LineServer,
        inlet: FeedInlet,
        sessions: _Sessions,
        pieces: Sequence[tuple[int, bytes]],
        stop: threading.Event,
    ) -> None:
        batches: list[Decoded] = []
        answers: list[_Answer] = []
        for number, data in pieces:
            self._hear(server, inlet, sessions, number, data, batches, answers)
        if not batches:
            return
        self._number += 1
        position = f"tcp:{self._started}:{self._number}"
        batch = joined_batches(batches, inlet.config)
        heard = stations_remembered(batch.remembered)
        while not stop.is_set():
            try:
                done = inlet.offer(position, batch, timeout_s=_PATIENCE_S)
            except StorageFailed:  # no room: the stations keep their frames meanwhile
                server.receive(0.0, reading=False)
                self._answer(server)
                continue
            done.add_done_callback(lambda future: self._committed(future, server, answers, heard))
            return

    def _hear(
        self,
        server: LineServer,
        inlet: FeedInlet,
        sessions: _Sessions,
        number: int,
        data: bytes,
        batches: list[Decoded],
        answers: list[_Answer],
    ) -> None:
        """Let the session of a line take a piece."""
        session = sessions.get(number)
        if session is None:
            session = sessions[number] = session_of(inlet.config, self._last_heard)
        try:
            exchange = session.feed(data, inlet.clock())
        except Exception:  # noqa: BLE001 — one line's bytes must not end the others
            _LOG.exception("a frame of feed %r from %s broke its decoder", inlet.config.id, server.peer(number))
            server.hang_up(number)
            return
        if exchange.frames:
            server.spoke(number)
        if exchange.decoded.rows or exchange.decoded.good.num_rows:
            batches.append(exchange.decoded)
            answers.append(_Answer(number, exchange.replies + exchange.requests))
        elif exchange.replies or exchange.requests:
            server.send(number, exchange.replies + exchange.requests)
        if exchange.close:
            server.hang_up(number)

    def _committed(
        self, future: Future[Intake], server: LineServer, answers: Sequence[_Answer], heard: dict[str, datetime]
    ) -> None:
        """Called by the writer after each commit."""
        self._done.append((future.exception() is None, answers, heard))
        server.wake()

    def _answer(self, server: LineServer) -> None:
        """Answer what is stored; hang up on those whose frames could not be, so that they send them again."""
        while self._done:
            stored, answers, heard = self._done.popleft()
            if stored:
                self._stored_until.update(heard)
            else:  # their gaps are asked for when they come again
                for station in heard:
                    self._last_heard.pop(station, None)
                    if station in self._stored_until:
                        self._last_heard[station] = self._stored_until[station]
            for answer in answers:
                if stored:
                    server.send(answer.line, answer.data)
                else:
                    server.hang_up(answer.line)
