"""Feeds and a sensor as an officer sees them: what was refused, offered again; a month of readings in a second."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect
from tests.console.sensing_city import BUREAU, FEED_FILE, MINUTES, bureau_rows, live_city
from tests.web.web_server import running

from rencheng.app.session import Session
from rencheng.web import create_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Keep = Callable[[str], None]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with live_city(tmp_path_factory.mktemp("sensing")) as session:
        yield session


@pytest.fixture
def address(live: Session) -> Iterator[str]:
    with running(create_app(live)) as found:
        yield found


def days_of(url: str) -> float:
    """Days between the start and the end that an address asks for."""
    asked = parse_qs(urlsplit(url).query)
    start, end = (datetime.fromisoformat(asked[name][0]) for name in ("start", "end"))
    return (end - start).total_seconds() / 86_400


def configuration(live: Session) -> Path:
    return live.city.path / "feeds" / FEED_FILE


def test_refused_rows_are_explained_and_offered_again_once_the_file_is_right(
    page: Page, address: str, live: Session, keep: Keep
) -> None:
    live.offer("bureau", bureau_rows(datetime.now(UTC)))
    page.goto(f"{address}/#/feeds")
    row = page.get_by_test_id("feed-bureau")
    expect(row).to_contain_text("水务局遥测")
    expect(row).to_contain_text("HTTP 推送")
    expect(row).to_contain_text("正常")
    row.get_by_role("button").focus()
    page.keyboard.press("Enter")
    detail = page.get_by_test_id("feed-detail")
    expect(detail).to_contain_text("待处理 63 行")
    detail.get_by_test_id("reason-no_sensor").click()
    expect(detail.get_by_test_id("why")).to_contain_text("看不出是哪个传感器测的")
    expect(detail.get_by_test_id("why")).to_contain_text("sensor_column")
    expect(detail.get_by_test_id("refused")).to_contain_text('"id": "g2"')
    detail.get_by_test_id("trial").click()
    expect(detail.get_by_test_id("trial-told")).to_contain_text("仍然都会被拒收")
    keep("feeds-refused")
    configuration(live).write_text(BUREAU.replace('"stn"', '"id"').replace('"cm"', '"cmm"'), encoding="utf-8")
    detail.get_by_test_id("reload").click()
    wrong = detail.get_by_test_id("reload-wrong")
    expect(wrong).to_contain_text(f"{FEED_FILE}, line 14")
    expect(wrong).to_contain_text("原配置继续有效")
    configuration(live).write_text(BUREAU.replace('"stn"', '"id"'), encoding="utf-8")
    page.get_by_test_id("language").click()
    detail.get_by_role("radio", name=re.compile("All reasons")).click()
    detail.get_by_test_id("trial").click()
    told = detail.get_by_test_id("trial-told")
    expect(told).to_contain_text("Would take 60 of 63 rows (60 readings)")
    expect(told).to_contain_text("The file has changed (sensor_column)")
    keep("feeds-trial")
    detail.get_by_test_id("reoffer").click()
    expect(detail.get_by_test_id("feed-said")).to_contain_text(
        "60 rows taken: 60 new readings, 0 stored before; 3 rows still"
    )
    expect(detail).to_contain_text("3 rows kept aside")
    expect(detail.get_by_test_id("reason-unknown_sensor")).to_be_visible()
    detail.get_by_test_id("show-taken").click()
    expect(detail.get_by_test_id("refused").locator("tbody tr")).to_have_count(50)
    expect(detail.get_by_test_id("refused")).to_contain_text("and taken")
    keep("feeds-taken")


def test_a_month_of_one_gauge_is_drawn_with_what_was_odd_in_it(page: Page, address: str, keep: Keep) -> None:
    page.goto(f"{address}/#/sensors?id=g1&range=d30")
    chart = page.get_by_test_id("sensor-chart")
    expect(chart).to_have_attribute("data-ready", "true")
    expect(page.get_by_test_id("sensor-told")).to_contain_text(re.compile(r"43 \d\d\d 个读数，画出"))
    expect(page.get_by_test_id("sensor-facts")).to_contain_text("最新值")
    expect(page.get_by_text("由之前六周的读数按基线规则重算")).to_be_visible()
    alarm = page.get_by_test_id("alarms").get_by_role("button").first
    expect(alarm).to_contain_text("水位异常")
    alarm.click()
    expect(page.get_by_test_id("alarms")).to_contain_text("证据时段")
    expect(page.get_by_test_id("alarms")).to_contain_text("置信度")
    keep("sensor-30-days")
    chart.hover()
    with page.expect_response(lambda answer: "/series?" in answer.url and days_of(answer.url) < 15) as detail:
        for _ in range(12):
            page.mouse.wheel(0, -400)
    shown = detail.value.json()
    assert len(shown["at"]) > 0.5 * min(shown["total"], 2400)  # closer looks show more
    keep("sensor-zoomed")
    page.get_by_role("button", name="回到整段").click()
    page.get_by_test_id("as-table").click()
    expect(page.get_by_test_id("readings").locator("tbody tr")).to_have_count(500)
    with page.expect_download() as saved:
        page.get_by_test_id("csv").click()
    lines = Path(saved.value.path()).read_text(encoding="utf-8").splitlines()
    assert MINUTES - 5 <= len(lines) - 1 <= MINUTES
    assert any("out_of_range" in line for line in lines)


def test_a_sensor_is_found_by_name_and_from_the_map(page: Page, address: str, keep: Keep) -> None:
    page.goto(f"{address}/#/sensors")
    search = page.get_by_test_id("sensor-search")
    search.fill("大桥")
    page.get_by_text("临江大桥站 · g2").click()
    expect(page.get_by_role("heading", name="临江大桥站")).to_be_visible()
    page.get_by_test_id("range-h6").click()
    expect(page).to_have_url(re.compile("range=h6"))
    page.goto(f"{address}/#/sensors?id=r1&range=d7")
    expect(page.get_by_test_id("sensor-chart")).to_have_attribute("data-ready", "true")
    keep("sensor-rain")
    page.goto(f"{address}/#/sensors?id=nobody")
    expect(page.get_by_role("alert")).to_contain_text("没有这个传感器：nobody")
