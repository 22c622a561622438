"""The page: what a browser waits for before the operating picture of a city of 100,000 stands.

Debian's Chromium draws in software here (no graphics card), so the map costs many times what it costs at a desk.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import statistics
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from rencheng.app.sessions import rehearsal_session
from rencheng.app.settings import Settings
from rencheng.city.sandbox import make_city
from rencheng.web import create_app

FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
MARKS = "performance.getEntriesByType('mark').filter(m => m.name === name).map(m => m.startTime)[0]"
LAYERS = ("areas", "waters", "roads", "streets", "cells", "sensors", "facilities", "roles")


def first_view(browser: Browser, address: str) -> tuple[float, ...]:
    """Milliseconds until the operating picture is read, the map's ground and risk drawn, and the marks on it."""
    page = browser.new_page(viewport={"width": 1680, "height": 945})
    page.goto(address)
    page.wait_for_selector("[data-testid=map][data-ready=true]", timeout=120_000)
    spans = tuple(float(page.evaluate(f"name => {MARKS}", f"rencheng:{name}")) for name in ("picture", "map", "marks"))
    page.close()
    return spans


def rows(address: str, runs: int) -> list[str]:
    """Table rows: the payloads, the snapshot, the first view."""
    spans, size = [], 0
    for _ in range(runs):
        start = time.perf_counter()
        size = len(gzip.compress(httpx.get(f"{address}/api/state", timeout=60).content, 1))
        spans.append((time.perf_counter() - start) * 1000)
    layers = 0
    for name in LAYERS:
        with httpx.stream("GET", f"{address}/api/city/layers/{name}", timeout=60) as answer:
            layers += sum(len(part) for part in answer.iter_raw())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        views = [first_view(browser, address) for _ in range(runs)]
        browser.close()
    picture, drawn, marked = (statistics.median(column) for column in zip(*views, strict=True))
    return [
        f"| all layers of the map, gzipped | {layers / 1024:.0f} KiB |",
        f"| `GET /api/state` in mid-storm | {statistics.median(spans):.0f} ms, {size / 1024:.0f} KiB gzipped |",
        f"| operating picture on screen | {picture / 1000:.2f} s |",
        f"| map drawn: ground, roads, risk (software rendering) | {drawn / 1000:.2f} s |",
        f"| map drawn in full: with warned areas, sensors, units (software rendering) | {marked / 1000:.2f} s |",
    ]


def main() -> None:
    """Play a rehearsal to mid-storm, pause it, and open the page on it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--residents", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        city = Path(folder) / "city"
        make_city(given.residents, 7, city)
        settings = replace(Settings(), home=Path(folder) / "home", demo_speed=0.0)
        session = rehearsal_session("rainstorm", city, 7, settings)
        session.start()
        session.control(speed=0.0)
        while (session.clock().progress_ratio or 0) < 0.2:
            session.wait(session.ledger.head, 0.2)
        session.control(phase="paused")
        server = uvicorn.Server(uvicorn.Config(create_app(session, settings=settings), port=0, log_level="critical"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        print("| what | median |\n|---|---|")
        print("\n".join(rows(f"http://127.0.0.1:{port}", given.runs)))
        server.should_exit = True
        thread.join(10)
        session.close()


if __name__ == "__main__":
    main()
