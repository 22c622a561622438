"""A TCP server of many lines in one thread: every line bounded in memory, time and number."""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field

__all__ = ["LineServer"]

_READ = 1 << 16
"""Bytes taken of one line at a time, so that none keeps the others waiting."""
_MOST_OUT = 1 << 20
"""A line that does not take what it is sent is closed."""
_FIRST_S = 60.0
"""A line that has brought no frame after so long is closed: it is no station."""
_BACKLOG = 256


@dataclass(slots=True)
class _Line:
    number: int
    socket: socket.socket
    peer: str
    since: float
    out: bytearray = field(default_factory=bytearray)
    spoke: bool = False


class LineServer:
    """Takes connections, gives their bytes out in pieces, sends what it is told.

    Parameters
    ----------
    host, port : str, int
        Where to listen; port 0 for any that is free.
    max_connections : int
        Lines at a time; one more is closed at once.
    idle_s : float
        A line on which nothing sensible came for so long is closed, however many bytes trickle in: what is sensible
        is said by :meth:`spoke`.

    Notes
    -----
    :meth:`wake` may be called from any thread, the rest from one.
    """

    def __init__(self, host: str, port: int, *, max_connections: int, idle_s: float) -> None:
        self._host, self._port = host, port
        self._most, self._idle_s = max_connections, idle_s
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._listener: socket.socket | None = None
        self._lines: dict[int, _Line] = {}
        self._next = 1
        self._gone: list[int] = []
        self._looked_at = 0.0
        self.turned_away = 0
        """Connections closed because there were too many."""

    @property
    def port(self) -> int:
        """Port that it listens on."""
        assert self._listener is not None
        return int(self._listener.getsockname()[1])

    def __len__(self) -> int:
        return len(self._lines)

    def open(self) -> None:
        """Listen.

        Raises
        ------
        OSError
            If the address is taken or not ours.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            self._listener = socket.create_server((self._host, self._port), family=family, backlog=_BACKLOG)
        except OSError as error:
            raise OSError(f"{self._host}:{self._port} cannot be listened on: {error}") from error
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def receive(self, timeout_s: float, *, reading: bool = True) -> list[tuple[int, bytes]]:
        """Wait for bytes; take connections, send what is to be sent and close idle lines meanwhile.

        Parameters
        ----------
        timeout_s : float
            Longest wait.
        reading : bool
            False leaves the bytes in the lines, and the lines in the stations.

        Returns
        -------
        list of (line, bytes)
            At most one piece of each line.
        """
        pieces: list[tuple[int, bytes]] = []
        for key, mask in self._selector.select(timeout_s):
            if key.fileobj is self._wake_out:
                with suppress(BlockingIOError):
                    while self._wake_out.recv(4096):
                        pass
            elif key.fileobj is self._listener:
                self._accept()
            else:
                line: _Line = key.data
                if mask & selectors.EVENT_WRITE:
                    self._flush(line)
                if mask & selectors.EVENT_READ and reading and (piece := self._read(line)):
                    pieces.append((line.number, piece))
        if not reading:
            time.sleep(min(timeout_s, 0.01))  # lines that have something to say would wake us at once
        self._close_idle()
        return pieces

    def peer(self, number: int) -> str:
        """Address of the other end; empty if the line is closed."""
        line = self._lines.get(number)
        return "" if line is None else line.peer

    def spoke(self, number: int) -> None:
        """Say that something sensible came on a line."""
        line = self._lines.get(number)
        if line is not None:
            line.since, line.spoke = time.monotonic(), True

    def send(self, number: int, data: bytes) -> None:
        """Send on a line; a line that is closed by now is passed over."""
        line = self._lines.get(number)
        if line is None or not data:
            return
        line.out += data
        if len(line.out) > _MOST_OUT:
            self.hang_up(number)
        else:
            self._flush(line)

    def hang_up(self, number: int) -> None:
        """Close a line."""
        line = self._lines.pop(number, None)
        if line is not None:
            self._selector.unregister(line.socket)
            line.socket.close()
            self._gone.append(number)

    def gone(self) -> list[int]:
        """Lines closed since it was last asked."""
        gone, self._gone = self._gone, []
        return gone

    def wake(self) -> None:
        """Let :meth:`receive` return."""
        with suppress(OSError):  # full: it wakes anyway; closed: nobody waits any more
            self._wake_in.send(b"\0")

    def close(self) -> None:
        """Close all lines and stop listening."""
        for number in list(self._lines):
            self.hang_up(number)
        if self._listener is not None:
            self._listener.close()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def _accept(self) -> None:
        assert self._listener is not None
        for _ in range(_BACKLOG):
            try:
                taken, address = self._listener.accept()
            except OSError:
                return  # none left, or gone before it was taken
            if len(self._lines) >= self._most:
                self.turned_away += 1
                taken.close()
                continue
            taken.setblocking(False)
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            line = _Line(self._next, taken, f"{address[0]}:{address[1]}", time.monotonic())
            self._next += 1
            self._lines[line.number] = line
            self._selector.register(taken, selectors.EVENT_READ, line)

    def _read(self, line: _Line) -> bytes:
        try:
            data = line.socket.recv(_READ)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.hang_up(line.number)
        return data

    def _flush(self, line: _Line) -> None:
        try:
            while line.out:
                del line.out[: line.socket.send(line.out)]
        except BlockingIOError:
            pass
        except OSError:
            self.hang_up(line.number)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if line.out else 0)
        if self._selector.get_key(line.socket).events != events:
            self._selector.modify(line.socket, events, line)

    def _close_idle(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < min(1.0, self._idle_s / 4):
            return
        self._looked_at = now
        for line in list(self._lines.values()):
            patience_s = self._idle_s if line.spoke else min(self._idle_s, _FIRST_S)
            if now - line.since > patience_s:
                self.hang_up(line.number)
