"""Edge agent: start, memory with a backlog of five million readings, intake, hand-over, alarm to evacuation order."""

from __future__ import annotations

import json
import signal
import statistics
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.edge.edge_stand import Gateway, await_, now_ms, rows

READINGS = 5_000_000
BODY = 20_000
FIRES = 20


class Sink(BaseHTTPRequestHandler):
    """A core that acknowledges whatever comes."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take a parcel."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the standard library's name
        """Keep quiet."""


def measure(folder: Path) -> list[tuple[str, str]]:
    gateway = Gateway(folder, "http://127.0.0.1:9", most_mb=4096)
    found = []
    begun = time.monotonic()
    gateway.start()
    found.append(("start, empty store", f"{time.monotonic() - begun:.2f} s"))
    found.append(("memory, idle", f"{gateway.status()['memory_mib']:.0f} MiB"))
    fires = []
    for k in range(FIRES):
        at = time.monotonic()
        gateway.post(rows("smoke-1", "smoke_db_m", [1.0, 1.1, 1.2], at_ms=now_ms()))
        await_(gateway.messages, 15)
        fires.append(time.monotonic() - at)
        order = json.loads(gateway.messages()[0].read_text())["order_id"]
        gateway.kill(signal.SIGTERM)
        for path in (*gateway.folder.glob("state/*"), *gateway.messages()):
            path.unlink()
        assert order, k
        gateway.start()
    found.append(
        (
            f"alarm to evacuation order, median and worst of {FIRES}",
            f"{statistics.median(fires):.3f} s, {max(fires):.3f} s",
        )
    )
    at_ms, begun = now_ms() - 3_600_000, time.monotonic()
    most = 0.0
    for k in range(READINGS // BODY):
        body = rows(f"t-{k % 50}", "air_temperature_c", [20.0] * BODY, at_ms=at_ms + k * BODY, step_ms=1)
        assert gateway.post(body)[0] == 200
        most = max(most, gateway.status()["memory_mib"]) if k % 10 == 0 else most
    took = time.monotonic() - begun
    found.append((f"backlog of {READINGS:,} readings: intake, one device at a time", f"{READINGS / took:,.0f}/s"))
    found.append(("… waiting", f"{gateway.status()['waiting_mb']:,.0f} MB"))
    found.append(("… most memory while it grew", f"{most:.0f} MiB"))
    gateway.kill()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    text = gateway.config.read_text().replace("http://127.0.0.1:9", f"http://127.0.0.1:{server.server_address[1]}")
    gateway.config.write_text(text.replace("parcel_mb = 0.05", "parcel_mb = 2"))
    begun = time.monotonic()
    gateway.start()
    found.append(("start after kill −9, with the backlog", f"{time.monotonic() - begun:.2f} s"))
    begun, most = time.monotonic(), 0.0
    while (status := gateway.status())["waiting_mb"]:
        most = max(most, status["memory_mib"])
        threading.Event().wait(0.5)
    found.append(("hand-over of the backlog", f"{READINGS / (time.monotonic() - begun):,.0f}/s"))
    found.append(("… most memory meanwhile", f"{most:.0f} MiB"))
    gateway.kill(signal.SIGTERM)
    server.shutdown()
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print("| edge agent | measured |\n|---|---|")
        for what, figure in measure(Path(folder)):
            print(f"| {what} | {figure} |")


if __name__ == "__main__":
    main()
