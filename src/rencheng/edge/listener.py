"""The door of an agent: devices push readings by HTTP, and whoever looks after the gateway asks how it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from rencheng.edge.settings import ListenSettings
from rencheng.kernel import NotFound, RenchengError, StorageFailed, canonical_json

__all__ = ["Listener"]

_READINGS = "/api/readings/"
_TOGETHER_BYTES = 24_000_000
"""Bodies under way at a time, all callers together, so that a crowd of them does not fill the memory."""
_SIGNED = ("Rencheng-Device", "Rencheng-Counter", "Rencheng-Signature")

Take = Callable[[str, bytes, str, str], dict[str, Any]]


class Listener:
    """An HTTP server with few threads.

    Parameters
    ----------
    settings : ListenSettings
        Where.
    take : callable
        Takes feed, body, content encoding and the headers of a signature (JSON or empty); answers once it is kept.
    status : callable
        Tells how the agent is.
    most_bytes : int
        Largest body.
    """

    def __init__(
        self, settings: ListenSettings, *, take: Take, status: Callable[[], dict[str, Any]], most_bytes: int
    ) -> None:
        handler = type("_Bound", (_Handler,), {"timeout": settings.timeout_s})
        self._server = _Server((settings.host, settings.port), handler, settings.most_connections)
        self._server.take, self._server.status, self._server.most_bytes = take, status, most_bytes
        self._server.budget = _Budget(max(_TOGETHER_BYTES, 2 * most_bytes), settings.timeout_s)
        self._thread = threading.Thread(target=self._server.serve_forever, name="edge-http", daemon=True)

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """End; what was begun is answered."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Budget:
    """Bytes of all bodies that are under way; who comes when it is spent waits."""

    def __init__(self, most: int, patience_s: float) -> None:
        self._left, self._patience_s = most, patience_s
        self._changed = threading.Condition()

    @contextmanager
    def of(self, size: int) -> Iterator[bool]:
        """Hold so many bytes; False if they did not come free in time."""
        with self._changed:
            granted = self._changed.wait_for(lambda: self._left >= size, self._patience_s)
            self._left -= size if granted else 0
        try:
            yield granted
        finally:
            with self._changed:
                self._left += size if granted else 0
                self._changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    take: Take
    status: Callable[[], dict[str, Any]]
    most_bytes: int
    budget: _Budget

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], most: int) -> None:
        self._room = threading.BoundedSemaphore(most)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, if one is free; else the caller is to come again."""
        if not self._room.acquire(timeout=1.0):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and free the place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who hangs up in the middle is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "rencheng-edge"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server
    headers: Message

    def do_GET(self) -> None:
        """Tell how the agent is."""
        if urlsplit(self.path).path != "/status":
            self._answer(404, {"error": f"nothing at {self.path[:200]}", "mend": "GET /status"})
            return
        self._answer(200, self.server.status())

    def do_POST(self) -> None:
        """Take a body of readings."""
        path = urlsplit(self.path).path
        length = self.headers.get("Content-Length", "")
        if not path.startswith(_READINGS):
            self._refuse(404, f"nothing at {self.path[:200]}", "POST /api/readings/FEED")
        elif not (length.isascii() and length.isdigit()) or self.headers.get("Transfer-Encoding"):
            self._refuse(411, "the length of the body is not said", "Send Content-Length")
        elif int(length) > self.server.most_bytes:
            self._refuse(413, f"the body is larger than {self.server.most_bytes:,} bytes", "Send it in parts")
        else:
            folded = self.headers.get("Content-Encoding", "").lower() == "gzip"
            with self.server.budget.of(int(length) + (self.server.most_bytes if folded else 0)) as granted:
                if granted:
                    self._read(unquote(path[len(_READINGS) :]), int(length))
                else:
                    self._refuse(503, "the gateway is too busy", "Send it again, later")

    def _read(self, feed: str, length: int) -> None:
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True  # cut in the middle: nothing of it was taken
            return
        self._take(feed, body)

    def _take(self, feed: str, body: bytes) -> None:
        found = [(name, self.headers.get(name)) for name in _SIGNED]
        signed = {name: value for name, value in found if value is not None}
        encoding = self.headers.get("Content-Encoding", "").lower()
        try:
            said = self.server.take(feed, body, encoding, json.dumps(signed) if signed else "")
        except RenchengError as error:
            status = _status(error)
            self._answer(status, {"error": str(error), "mend": error.mend})
        except TimeoutError:
            self._answer(503, {"error": "the gateway is too busy", "mend": "Send it again, later"})
        else:
            self._answer(200, said)

    def _refuse(self, status: int, what: str, mend: str) -> None:
        self.close_connection = True
        self._answer(status, {"error": what, "mend": mend})

    def _answer(self, status: int, said: dict[str, Any]) -> None:
        body = canonical_json(said)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 503:
            self.send_header("Retry-After", "5")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the standard library's name
        """Keep quiet: refusals are answered, and the status counts."""


def _status(error: RenchengError) -> int:
    """HTTP status of a refusal: 404 no such feed, 503 not kept and to be sent again, 400 wrong."""
    if isinstance(error, StorageFailed):
        return 503
    return 404 if isinstance(error, NotFound) else 400
