"""A gateway on a bench: its files, its process, and a core beside it that can be cut in several ways."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FEED = """
[feed]
id = "community"
format = "ndjson"
sensor_column = "sensor"
[feed.time]
column = "at"
format = "epoch_ms"
[feed.long]
quantity_column = "quantity"
value_column = "value"
"""
EDGE = """
[edge]
id = "gw-1"
store = "state"
max_backlog_mb = {most_mb}
[core]
url = "{core}"
timeout_s = 1
retry_s = 0.1
retry_most_s = 0.3
parcel_mb = 0.05
[listen]
port = 0
[[feeds]]
config = "community.toml"
folder = "drop"
[sensors.smoke-1]
place = {{ zh = "3号楼", en = "Building 3" }}
[[channels]]
id = "outbox"
kind = "folder"
path = "out"
[[orders]]
id = "evacuate"
hazards = ["fire"]
severity = "orange"
action = "evacuate"
text = {{ zh = "{{place}}{{name}},立即疏散。", en = "{{name}} at {{place}}: leave now." }}
channels = ["outbox"]
"""
SIREN = """
[[channels]]
id = "siren"
kind = "mqtt"
topic = "site/siren/command"
payloads = { evacuate = "ON", cancel = "OFF" }
"""


class Core:
    """Stands for the core: acknowledges by the name of a body as the core does, and breaks as it is told."""

    def __init__(self) -> None:
        self.mode = "ok"
        self.rows: dict[tuple[str, str, int], int] = {}
        self.records: dict[int, dict[str, Any]] = {}
        self.taken: set[str] = set()
        self.paths: list[str] = []
        core = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if core.mode == "hang":
                    time.sleep(1.5)
                if core.mode in {"hang", "gone"}:
                    self.close_connection = True
                    return
                if core.mode == "full":
                    self.send_response(503)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                core.take(self.path, body, self.headers.get("Content-Encoding", ""))
                if core.mode == "half":  # taken, but the answer is lost
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the standard library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, path: str, body: bytes, encoding: str) -> None:
        name = hashlib.sha256(body).hexdigest()
        self.paths.append(path)
        plain = gzip.decompress(body) if encoding == "gzip" else body
        if "/orders/" in path:
            record = json.loads(plain)
            self.records[record["log_seq"]] = record
        elif name not in self.taken:
            self.taken.add(name)
            for line in plain.splitlines():
                row = json.loads(line)
                key = (row["sensor"], row["quantity"], row["at"])
                self.rows[key] = self.rows.get(key, 0) + 1

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Gateway:
    """The agent as a process of its own."""

    def __init__(self, folder: Path, core: str, *, most_mb: float = 100.0, broker: int = 0) -> None:
        self.folder = folder
        self.config = folder / "edge.toml"
        text = EDGE.format(core=core, most_mb=most_mb)
        if broker:
            line = f'mqtt = {{ host = "127.0.0.1", port = {broker}, topics = ["site/+/up"] }}'
            text = text.replace('folder = "drop"', f'folder = "drop"\n{line}')
            text = text.replace('channels = ["outbox"]', 'channels = ["siren", "outbox"]') + SIREN + line + "\n"
        self.config.write_text(text, encoding="utf-8")
        (folder / "community.toml").write_text(FEED, encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self, *, limit: str = "") -> None:
        address = self.folder / "state" / "address"
        address.unlink(missing_ok=True)
        command = [sys.executable, "-m", "rencheng", "edge", "--config", str(self.config)]
        if limit:
            command = ["bash", "-c", f"{limit}; exec " + " ".join(command)]
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        await_(lambda: address.exists() and bool(address.read_text()), 20)
        self.url = address.read_text()

    def kill(self, how: int = signal.SIGKILL) -> int:
        assert self.process is not None
        os.kill(self.process.pid, how)
        return self.process.wait(20)

    def post(self, body: bytes, feed: str = "community", headers: dict[str, str] | None = None) -> tuple[int, Any]:
        line = HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        try:
            line.request("POST", f"/api/readings/{feed}", body=body, headers=headers or {})
            answer = line.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            line.close()

    def status(self) -> dict[str, Any]:
        line = HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        try:
            line.request("GET", "/status")
            return dict(json.loads(line.getresponse().read()))
        finally:
            line.close()

    def messages(self) -> list[Path]:
        return sorted((self.folder / "out").glob("*.json"))


def rows(sensor: str, quantity: str, values: list[float], *, at_ms: int, step_ms: int = 1000) -> bytes:
    lines = [
        json.dumps({"sensor": sensor, "quantity": quantity, "at": at_ms + k * step_ms, "value": value})
        for k, value in enumerate(values)
    ]
    return ("\n".join(lines) + "\n").encode()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def await_(holds: Any, timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, "it did not come about in time"
        threading.Event().wait(0.02)
