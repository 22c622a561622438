"""The flood view: frames per second and what a frame costs on a forecast of a million cells, 13 lead times.

Debian's Chromium draws in software here (no graphics card): frames per second are those of the processor. What the
page itself costs the processor per frame is what is left where a graphics card draws.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import CDPSession, Page, sync_playwright
from tests.web.web_city import web_city
from tests.web.web_flood import LEADS, flood_drafts, flood_grid
from tests.web.web_script import START
from tests.web.web_server import running
from tests.web.web_session import ScriptedSession

from rencheng.assess.flood.frames import FloodFrames, FloodGrid, frames_table
from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.web import create_app

FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
COUNT = """seconds => new Promise(done => {
  let frames = 0
  const begun = performance.now()
  const step = now => {
    frames++
    if (now - begun < seconds * 1000) requestAnimationFrame(step)
    else done(frames / ((now - begun) / 1000))
  }
  requestAnimationFrame(step)
})"""


def large_frames(grid: FloodGrid) -> FloodFrames:
    """A pond that grows and moves over the whole raster; probabilities from its depth."""
    v, u = np.mgrid[0 : grid.ny, 0 : grid.nx] / np.array([grid.ny, grid.nx])[:, None, None]
    rough = 0.3 * np.sin(u * 90) * np.sin(v * 70) + 0.15 * np.sin(u * 310 + v * 170)
    depth = np.stack(
        [
            np.clip(1.4 * np.exp(-(((u - 0.3 - k / 40) / 0.3) ** 2) - ((v - 0.5) / 0.3) ** 2) + rough - 0.3, 0, None)
            * min(1.0, 0.2 + k / 8)
            for k in range(len(LEADS))
        ]
    ).astype(np.float32)
    exceed = {t: np.clip(depth / t * 50, 0, 100).astype(np.uint8) for t in THRESHOLDS_M}
    return FloodFrames(grid=grid, lead_min=LEADS, depth_m=depth, exceed_prob=exceed)


def storm_of(folder: Path, cells: int) -> ScriptedSession:
    """A session whose newest forecast has about so many cells."""
    city = web_city(folder / "linjiang")
    session = ScriptedSession(city)
    session.advance(timedelta(minutes=75))
    session.control(phase="paused")
    coarse = flood_grid(city, 100.0)
    grid = flood_grid(city, float(np.sqrt(coarse.ny * coarse.nx * 1e4 / cells)))
    drafts = flood_drafts(city, session.fields, START + timedelta(minutes=75), number=9)
    body: Any = drafts[0].body
    named = {name: getattr(body, name) for name in type(body).__dataclass_fields__}
    named |= {"frames": session.fields.put(frames_table(large_frames(grid))), "cell_m": grid.cell_m}
    large = type(drafts[0])(
        stream=drafts[0].stream, body=type(body)(**named), occurred_at=drafts[0].occurred_at, actor=drafts[0].actor
    )
    session.ledger.append([large], now=START + timedelta(minutes=75))
    return session


def script_ms(cdp: CDPSession) -> tuple[float, float]:
    """Milliseconds of scripts, and of all work on the page's main thread, since it was opened."""
    metrics = {m["name"]: m["value"] for m in cdp.send("Performance.getMetrics")["metrics"]}
    return metrics["ScriptDuration"] * 1000, metrics["TaskDuration"] * 1000


def playing(page: Page, seconds: float) -> tuple[float, float, float, float]:
    """Frames per second; script and main thread milliseconds per frame; milliseconds of the water's own drawing."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")
    page.keyboard.press("Home")
    page.get_by_test_id("flood-play").click()
    before = script_ms(cdp)
    fps = float(page.evaluate(COUNT, seconds))
    after = script_ms(cdp)
    page.get_by_test_id("flood-play").click()
    page.wait_for_timeout(1500)
    frames = fps * seconds
    drawn = float(page.get_by_test_id("flood-map").get_attribute("data-draw-ms") or "nan")
    return fps, (after[0] - before[0]) / frames, (after[1] - before[1]) / frames, drawn


def rows(address: str, runs: int, seconds: float) -> list[str]:
    """Table rows of both modes."""
    out: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1680, "height": 945})
        page.goto(f"{address}/#/flood")
        page.wait_for_selector("[data-testid=flood-map][data-ready=true]", timeout=120_000)
        upload = page.get_by_test_id("flood-map").get_attribute("data-upload-ms")
        out.append(f"| one raster to the graphics card (once per lead time) | {float(upload or 'nan'):.2f} ms |")
        for mode in ("depth", "probability"):
            page.get_by_test_id(f"mode-{mode}").click()
            page.wait_for_selector("[data-testid=flood-map][data-ready=true]", timeout=120_000)
            got = [playing(page, seconds) for _ in range(runs)]
            fps, script, main, drawn = (statistics.median(column) for column in zip(*got, strict=True))
            out += [
                f"| {mode}: frames per second, software rendering | {fps:.0f} |",
                f"| {mode}: the water layer's processor time per frame | {drawn:.2f} ms |",
                f"| {mode}: all scripts of the page per frame | {script:.2f} ms |",
                f"| {mode}: main thread per frame, layout and painting included | {main:.2f} ms |",
            ]
        browser.close()
    return out


def main() -> None:
    """Serve a large forecast and play it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        session = storm_of(Path(folder), given.cells)
        with running(create_app(session)) as address:
            print("| what | median |\n|---|---|")
            print("\n".join(rows(address, given.runs, given.seconds)))


if __name__ == "__main__":
    main()
