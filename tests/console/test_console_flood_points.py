"""The list of flood-prone points beside the forecast water: what is late, what nobody watches, what was done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from tests.web.web_points import points_city
from tests.web.web_session import ScriptedSession

from rencheng.city import City

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Keep = Callable[[str], None]


@pytest.fixture(scope="module")
def console_city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return points_city(tmp_path_factory.mktemp("points") / "linjiang")


@pytest.fixture
def prone(page: Page, address: str, storm: ScriptedSession) -> Page:
    """The list on the forecast of 15:08, the run standing still."""
    storm.advance(timedelta(minutes=75))
    storm.control(phase="paused")
    page.goto(f"{address}/#/flood")
    page.get_by_test_id("tab-prone").click()
    expect(page.locator("[data-point]")).to_have_count(3)
    return page


def test_the_duty_officer_finds_what_is_late_and_revises_it_by_keyboard(prone: Page, keep: Keep) -> None:
    first = prone.locator("[data-point='yld-001']")
    expect(first).to_contain_text("北站下穿")
    expect(first).to_contain_text("施工")
    expect(first.get_by_test_id("prone-overdue")).to_have_text("逾期 2026-05-31")
    expect(first).to_contain_text("%")
    expect(prone.locator("[data-point='yld-003']")).to_contain_text("无监测")
    prone.locator("[data-choice='late']").click()
    expect(prone.locator("[data-point]")).to_have_count(1)
    first.focus()
    prone.keyboard.press("Enter")
    expect(first).to_have_attribute("aria-expanded", "true")
    expect(prone.get_by_test_id("prone-ponding")).to_contain_text("1 次")
    expect(prone.get_by_test_id("prone-ponding")).to_contain_text("2023 年平均 120 分钟")
    keep("flood-points")
    prone.get_by_test_id("prone-why").locator("input").fill("备用泵已安装")
    prone.get_by_test_id("prone-status").click()
    prone.get_by_text("完工", exact=True).last.click()
    prone.get_by_test_id("prone-why").locator("input").press("Enter")
    expect(prone.locator("[data-choice='late'] b")).to_have_text("0")
    prone.locator("[data-choice='every']").click()
    expect(prone.get_by_test_id("prone-history")).to_contain_text("施工 → 完工 · 备用泵已安装")
    expect(first.get_by_test_id("prone-overdue")).to_have_count(0)
    keep("flood-points-revised")
    prone.get_by_text("English", exact=True).click()
    expect(first).to_contain_text("North Station underpass")
    expect(prone.get_by_test_id("prone-kpi")).to_contain_text("Ponding time against baseline")
    keep("flood-points-english")
