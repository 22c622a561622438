"""A rehearsal on a sandbox city, watched in the page from dry streets to the report: what `make run` shows."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.web.web_server import running

from rencheng.app.session import Session
from rencheng.app.sessions import rehearsal_session
from rencheng.app.settings import Settings
from rencheng.web import create_app

CLOUDBURST = Path(__file__).parents[1] / "story" / "scenarios" / "cloudburst.yaml"

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def rehearsal(sandbox_city: Path, tmp_path: Path) -> Iterator[Session]:
    session = rehearsal_session(str(CLOUDBURST), sandbox_city, 3, Settings(home=tmp_path, demo_speed=0.0))
    session.start()
    session.control(phase="paused")
    yield session
    session.close()


def _play_until(session: Session, kind: str, *, patience_s: float = 400.0) -> None:
    """Let the rehearsal run until the ledger holds a fact of a kind, then pause it."""
    seen, begun = 0, time.monotonic()
    session.control(phase="running")
    while time.monotonic() - begun < patience_s:
        for entry in session.ledger.since(seen):
            seen = entry.seq
            if entry.kind == kind:
                session.control(phase="paused")
                return
        session.wait(seen, 5.0)
    raise AssertionError(f"no {kind} within {patience_s:.0f} s")


def test_a_visitor_sees_the_storm_come_and_go(page: Page, rehearsal: Session, keep: Callable[[str], None]) -> None:
    with running(create_app(rehearsal)) as address:
        page.goto(address)
        expect(page.get_by_test_id("connection")).to_have_text("实时")
        expect(page.get_by_test_id("mode-badge")).to_have_text("演练")
        _play_until(rehearsal, "UnitAssigned")
        _play_until(rehearsal, "WarningUpgraded")
        warning = page.get_by_test_id("warning").first
        expect(warning).to_be_visible()
        expect(warning.get_by_test_id("reasons")).not_to_be_empty()
        expect(page.get_by_test_id("incident").first).to_be_visible()
        expect(page.get_by_test_id("figure-units")).to_contain_text(re.compile(r"\d+ / \d+"))
        keep("rehearsal-storm")
        _play_until(rehearsal, "RoadReopened")
        _play_until(rehearsal, "WarningCancelled")
        _play_until(rehearsal, "IncidentClosed")
        rehearsal.control(phase="running")
        expect(page.get_by_test_id("phase")).to_have_text("已结束", timeout=400_000)
        keep("rehearsal-over")
        page.goto(f"{address}/#/report")
        expect(page.get_by_test_id("report")).to_be_visible()
        told = page.frame_locator("[data-testid=report]").get_by_role("heading", name="治理指标")
        expect(told).to_be_visible()
        keep("rehearsal-report")
    states = rehearsal.states()
    assert any(r.reviewed is not None for r in states.recover.recoveries.values())
