"""A sensor's page: thirty days of one-minute readings on the screen of Debian's Chromium, drawn in software.

From the click on ``30 d`` to the drawn line, and from the address to the drawn line in a page that was never open.
Beside it what the line would take if every reading were sent and drawn.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright
from tests.console.conftest import FLAGS
from tests.console.sensing_city import MINUTES, live_city
from tests.web.web_server import running

from rencheng.web import create_app

DRAWN = "[data-testid=sensor-chart][data-ready=true]"


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with (
        tempfile.TemporaryDirectory() as folder,
        live_city(Path(folder)) as session,
        running(create_app(session)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        rows = [*_served(address, runs), *_drawn(browser, address, runs)]
        browser.close()
    print(f"{MINUTES:,} readings of one gauge in 30 days; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| what | median | least |\n|---|---|---|")
    for what, times, note in rows:
        print(f"| {what} | {statistics.median(times) * 1000:.0f} ms{note} | {min(times) * 1000:.0f} ms |")


Row = tuple[str, list[float], str]


def _served(address: str, runs: int) -> list[Row]:
    end = datetime.now(UTC)
    asked = {"quantity": "stage_m", "start": (end - timedelta(days=30)).isoformat(), "end": end.isoformat()}
    rows: list[Row] = []
    with httpx.Client(base_url=address, timeout=60) as client:
        for name, path, more in (
            ("series, the points worth drawing", "series", {"points": "2400"}),
            ("usual range, replayed over six weeks and the month", "band", {}),
            ("alarms", "alarms", {}),
            ("every reading, as CSV", "series.csv", {}),
        ):
            times, size = [], 0
            for _ in range(runs + 1):
                begun = time.perf_counter()
                answer = client.get(f"/api/sensors/g1/{path}", params=asked | more)
                times.append(time.perf_counter() - begun)
                size = len(answer.raise_for_status().content)
            rows.append((f"served: {name}", times[1:], f", {size / 1024:.0f} KiB"))
    return rows


def _drawn(browser: Browser, address: str, runs: int) -> list[Row]:
    page = browser.new_page(viewport={"width": 1680, "height": 945})
    fresh = [_timed(lambda: _opened(browser, address)) for _ in range(runs)]
    page.goto(f"{address}/#/sensors?id=g1&range=h6")
    page.wait_for_selector(DRAWN)
    clicked = []
    for _ in range(runs + 1):
        page.get_by_test_id("range-h6").click()
        page.wait_for_timeout(800)
        clicked.append(_clicked(page))
    page.close()
    return [
        ("on the screen: from the click on 30 d to the drawn line", clicked[1:], ""),
        ("on the screen: from the address, nothing in the browser's cache", fresh, ""),
    ]


def _clicked(page: Page) -> float:
    """Seconds from the click to the frame in which the month stands, by the browser's own clock."""
    spent: float = page.evaluate(
        """() => new Promise((done) => {
          const chart = document.querySelector('[data-testid=sensor-chart]')
          const told = document.querySelector('[data-testid=sensor-told]')
          const begun = performance.now()
          document.querySelector('[data-testid=range-d30]').click()
          const look = () => {
            const month = /4[0-9][^0-9]?[0-9]{3}/.test(told.textContent)
            if (month && chart.dataset.points > 2000) requestAnimationFrame(() => done(performance.now() - begun))
            else requestAnimationFrame(look)
          }
          look()
        })"""
    )
    return spent / 1000


def _opened(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1680, "height": 945})
    page = context.new_page()
    page.goto(f"{address}/#/sensors?id=g1&range=d30")
    page.wait_for_selector(DRAWN)
    context.close()


def _timed(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
