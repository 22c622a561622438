"""Debian's Chromium, and the console served over a scripted storm."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.web.web_city import web_city
from tests.web.web_server import running
from tests.web.web_session import ScriptedSession

from rencheng.city import City
from rencheng.web import create_app
from rencheng.web.app import CONSOLE

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
]
ARTIFACTS = Path(os.environ.get("RENCHENG_ARTIFACTS", "build/artifacts"))


@pytest.fixture(scope="session")
def console_city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return web_city(tmp_path_factory.mktemp("city") / "linjiang")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one file: its driver's event loop must be gone before other files start their own."""
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is absent: install Debian's chromium")
    if not (CONSOLE / "index.html").is_file():
        pytest.skip("the console is not built: run make setup")
    # Software rendering on a shared machine: slow is not wrong.
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def storm(console_city: City) -> ScriptedSession:
    played = ScriptedSession(console_city)
    played.advance(timedelta(minutes=20))
    return played


@pytest.fixture
def address(storm: ScriptedSession) -> Iterator[str]:
    with running(create_app(storm)) as found:
        yield found


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in Chinese that refuses any address but the server's, and fails the test on any error in it."""
    if "address" in request.fixturenames:
        request.getfixturevalue("address")  # the server outlives the page: parts of it may still be on their way
    context = browser.new_context(viewport={"width": 1680, "height": 945}, locale="zh-CN")
    opened = context.new_page()
    outside: list[str] = []
    errors: list[str] = []
    opened.on(
        "request", lambda r: None if r.url.startswith(("http://127.0.0.1", "data:", "blob:")) else outside.append(r.url)
    )
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.set_default_timeout(60_000)
    yield opened
    context.close()
    assert not outside, f"the page asked for outside addresses: {outside}"
    assert not errors, f"errors in the page: {errors}"


@pytest.fixture
def keep(page: Page) -> Callable[[str], None]:
    """Keeps a screenshot of the page as it is, for people to look at."""

    def kept(name: str) -> None:
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(ARTIFACTS / f"{name}.png"))

    return kept
