"""One map of a city: ten layers from the API, over loopback, as a page asks for them.

One opening of the map is ten requests one after another: eight layers of the city, the buildings of the
view, and the picture of now. The views wander over the city; every answer is unpacked and read as JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import socket
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import uvicorn

from rencheng.app.session import Session
from rencheng.app.sessions import live_session
from rencheng.app.settings import Settings
from rencheng.city import City, read_city
from rencheng.city.sandbox import make_city
from rencheng.web import create_app

LAYERS = ("areas", "waters", "roads", "streets", "cells", "facilities", "sensors", "units")
VIEW_DEGREE = 0.01
TARGET_MS = 500.0


@contextmanager
def served(session: Session) -> Iterator[str]:
    """Serve the session on a free loopback port; the address."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen(64)
        server = uvicorn.Server(uvicorn.Config(create_app(session, console=None), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [held]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{held.getsockname()[1]}/api"
        server.should_exit = True
        thread.join(10)


def sense_once(session: Session) -> None:
    """Give every channel a reading, so that the picture of now is a full one."""
    at = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    rows = [f"{c['sensor_id']},{at},{c['quantity']},0.5" for c in session.city.rows("channels")]
    session.offer("readings", "\n".join(["sensor_id,at,quantity,value", *rows]).encode())


def paths(city: City, rng: np.random.Generator) -> list[str]:
    """The ten requests of one opening of the map, around a cell that somebody lives in."""
    residents = np.nan_to_num(city.column("cells", "residents").astype(np.float64))
    row = int(rng.choice(len(residents), p=residents / residents.sum()))
    lon, lat = (float(city.column("cells", name)[row]) for name in ("lon", "lat"))
    box = f"west={lon - VIEW_DEGREE}&east={lon + VIEW_DEGREE}&south={lat - VIEW_DEGREE}&north={lat + VIEW_DEGREE}"
    return [*(f"city/layers/{name}" for name in LAYERS), f"city/layers/buildings?{box}", "state"]


def ask(address: str, path: str) -> tuple[float, int]:
    """Milliseconds until an answer is read, and its bytes on the wire."""
    request = urllib.request.Request(f"{address}/{path}", headers={"Accept-Encoding": "gzip"})  # noqa: S310 — loopback
    begun = time.perf_counter()
    with urllib.request.urlopen(request) as answer:  # noqa: S310 — loopback
        body: bytes = answer.read()
        plain = gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body
    json.loads(plain)
    return 1000.0 * (time.perf_counter() - begun), len(body)


def row(name: str, took_ms: list[float], size: float) -> str:
    middle, high = np.percentile(took_ms, [50, 95])
    return f"| {name} | {size / 1024:,.0f} | {middle:.0f} | {high:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--city", type=Path, help="package of a city; grown with 100,000 residents unless given")
    parser.add_argument("--openings", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        package = options.city or Path(folder) / "city"
        if options.city is None:
            make_city(100_000, 1, package)
        city, rng = read_city(package), np.random.default_rng(1)
        session = live_session(package, Settings(home=Path(folder) / "home"))
        sense_once(session)
        took: dict[str, list[float]] = {}
        size: dict[str, int] = {}
        with served(session) as address:
            openings = [[(path, *ask(address, path)) for path in paths(city, rng)] for _ in range(options.openings + 1)]
        session.close()
    for opening in openings[1:]:
        for path, ms, sent in opening:
            name = path.partition("?")[0]
            took.setdefault(name, []).append(ms)
            size[name] = max(size.get(name, 0), sent)
    whole = [sum(ms for _, ms, _ in opening) for opening in openings]
    print(f"{city.manifest.name_en}, {options.openings} openings after the first.\n")
    print("| layer | KiB | median ms | p95 ms |\n|---|---|---|---|")
    for name, spans in took.items():
        print(row(name, spans, size[name]))
    print(row(f"all ten (target p95 ≤ {TARGET_MS:.0f} ms)", whole[1:], sum(size.values())))
    print(f"\nThe first opening, with every layer made from the package: {whole[0]:.0f} ms.")


if __name__ == "__main__":
    main()
