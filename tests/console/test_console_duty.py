"""What a duty officer looks for on the page, followed through a scripted storm in Debian's Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from tests.web.web_server import running
from tests.web.web_session import ScriptedSession

from rencheng.web import create_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Keep = Callable[[str], None]


def _open(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_test_id("connection")).to_have_text("实时")


def test_a_warning_rises_to_red_before_the_officers_eyes(
    page: Page, address: str, storm: ScriptedSession, keep: Keep
) -> None:
    _open(page, address)
    expect(page.get_by_test_id("city-name")).to_have_text("临江市")
    expect(page.get_by_test_id("mode-badge")).to_have_text("演练")
    expect(page.get_by_test_id("warnings")).to_contain_text("当前没有生效的预警")
    storm.advance(timedelta(minutes=32))
    warning = page.get_by_test_id("warning")
    expect(warning).to_have_attribute("data-colour", "yellow")
    storm.advance(timedelta(minutes=75))
    expect(warning).to_have_attribute("data-colour", "red")
    expect(warning).to_contain_text("临江市暴雨红色预警")
    expect(warning.get_by_test_id("reasons")).to_contain_text("3小时雨量 103.6 mm 达到红色标准")
    expect(page.locator(".n-notification")).to_contain_text("临江市暴雨红色预警")
    expect(page.get_by_test_id("figure-warnings")).to_contain_text("红色")
    expect(page.get_by_test_id("figure-closed")).to_contain_text("3")
    expect(page.get_by_test_id("figure-units")).to_contain_text(re.compile(r"[1-9] / 18"))
    expect(page.get_by_test_id("figure-sensors")).to_contain_text("8 / 9")
    keep("warning-red")
    link = warning.get_by_role("link", name="CAP 报文").get_attribute("href")
    assert link == "/api/cap/linjiang-rain-3.xml"
    assert page.request.get(address + link).ok


def test_tasks_count_down_and_can_be_acknowledged_and_completed(
    page: Page, address: str, storm: ScriptedSession
) -> None:
    storm.advance(timedelta(minutes=60))
    _open(page, address)
    task = page.locator("[data-task=t4]")
    countdown = task.get_by_test_id("countdown")
    expect(countdown).to_have_text(re.compile(r"^\d+:\d\d$"))
    before = countdown.inner_text()
    expect(countdown).not_to_have_text(before)
    task.get_by_test_id("acknowledge").click()
    expect(task).to_contain_text("执行中")
    assert any(entry.kind == "TaskAcknowledged" and entry.body.task_id == "t4" for entry in storm.ledger.since(0))
    task.get_by_test_id("complete").click()
    page.get_by_placeholder("写明完成情况").fill("救援艇两艘就位")
    page.keyboard.press("Enter")
    expect(task).to_have_count(0)
    done = [entry for entry in storm.ledger.since(0) if entry.kind == "TaskCompleted" and entry.body.task_id == "t4"]
    assert (done[0].body.receipt, done[0].actor) == ("救援艇两艘就位", "role:fire_lead")
    expect(page.locator("[data-task=t1]")).to_contain_text("已上报 1 级")


def test_the_incident_walks_its_twelve_nodes_to_the_end(
    page: Page, address: str, storm: ScriptedSession, keep: Keep
) -> None:
    storm.advance(timedelta(minutes=75))
    _open(page, address)
    incident = page.get_by_test_id("incident")
    expect(incident).to_contain_text("II 级响应")
    expect(incident).to_contain_text("6/12")
    storm.advance(timedelta(hours=4))
    expect(incident).to_contain_text("12/12")
    expect(incident).to_contain_text("已闭环")
    expect(page.get_by_test_id("phase")).to_have_text("已结束")
    keep("incident-closed")
    page.get_by_role("link", name="复盘报告").click()
    expect(page.frame_locator("[data-testid=report]").locator("h1")).to_have_text("复盘报告")


def test_what_is_left_after_the_water_is_one_tab_away(
    page: Page, address: str, storm: ScriptedSession, keep: Keep
) -> None:
    _open(page, address)
    page.get_by_role("tab", name="求助").focus()
    page.keyboard.press("ArrowLeft")
    aftermath = page.get_by_test_id("aftermath")
    expect(aftermath).to_contain_text("尚无损失评估")
    expect(aftermath).to_contain_text("没有待整改事项")
    expect(aftermath.get_by_test_id("indicators").get_by_role("listitem")).to_have_count(12)
    storm.advance(timedelta(hours=4))
    expect(aftermath.get_by_test_id("damage")).to_contain_text("受损房屋 42")
    expect(aftermath.get_by_test_id("damage")).to_contain_text("直接损失 1 840 万元")
    expect(aftermath.get_by_test_id("rectification")).to_contain_text("滨江路雨水口堵塞")
    expect(aftermath.get_by_test_id("rectification")).to_contain_text("06-15 14:00")
    expect(aftermath.get_by_test_id("visits")).to_contain_text("已走访 1/1")
    expect(aftermath.get_by_title(re.compile("闭环率.*86 %.*整改"))).to_be_visible()
    expect(aftermath.get_by_test_id("lesson")).to_contain_text("泵车应提前一小时预置")
    keep("aftermath")
    page.keyboard.press("l")
    expect(aftermath).to_contain_text("Blocked street inlets")


def test_the_page_speaks_both_languages_and_keeps_the_choice(
    page: Page, address: str, storm: ScriptedSession, keep: Keep
) -> None:
    storm.advance(timedelta(minutes=75))
    _open(page, address)
    page.get_by_test_id("language").click()
    expect(page.get_by_test_id("mode-badge")).to_have_text("REHEARSAL")
    expect(page.get_by_test_id("warning")).to_contain_text("Rainstorm red warning for Linjiang")
    expect(page.get_by_test_id("city-name")).to_have_text("Linjiang")
    keep("english")
    page.reload()
    expect(page.get_by_test_id("mode-badge")).to_have_text("REHEARSAL")
    page.keyboard.press("l")
    expect(page.get_by_test_id("mode-badge")).to_have_text("演练")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("键盘快捷键")


def test_the_clock_is_in_the_officers_hand(page: Page, address: str, storm: ScriptedSession) -> None:
    _open(page, address)
    expect(page.get_by_test_id("run-clock")).to_have_text(re.compile("^14:2"))
    page.get_by_test_id("pause").click()
    expect(page.get_by_test_id("phase")).to_have_text("已暂停")
    assert storm.clock().phase == "paused"
    page.locator("body").press("Space")
    expect(page.get_by_test_id("phase")).to_have_text("运行中")


def test_the_map_shows_risk_and_says_what_was_clicked(
    page: Page, address: str, storm: ScriptedSession, keep: Keep
) -> None:
    storm.advance(timedelta(minutes=75))
    _open(page, address)
    expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
    horizons = page.get_by_test_id("horizons").get_by_role("radio")
    expect(horizons).to_have_text(["现在", "+1 小时", "+3 小时", "+6 小时"])
    with page.expect_response(re.compile(r"/api/risk/waterlogging\?lead_h=3")):
        page.keyboard.press("3")
    expect(horizons.nth(2)).to_have_attribute("aria-checked", "true")
    box = page.get_by_test_id("map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    detail = page.get_by_test_id("map-detail")
    expect(detail).to_be_visible()
    keep("map-detail")
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)


def test_nothing_is_missed_when_the_server_goes_away_and_comes_back(
    page: Page, storm: ScriptedSession, keep: Keep
) -> None:
    storm.advance(timedelta(minutes=40))
    with running(create_app(storm)) as address:
        port = int(address.rsplit(":", 1)[1])
        _open(page, address)
        expect(page.get_by_test_id("warning")).to_have_attribute("data-colour", "yellow")
    expect(page.get_by_test_id("connection")).to_have_text("连接中断")
    storm.advance(timedelta(minutes=75))
    with running(create_app(storm), port):
        expect(page.get_by_test_id("connection")).to_have_text("实时")
        expect(page.get_by_test_id("warning")).to_have_attribute("data-colour", "red")
        keep("resumed")
        kinds = page.get_by_test_id("facts").locator("[data-kind=WarningUpgraded]")
        expect(kinds).to_have_count(2)
        expect(page.get_by_test_id("facts").locator("[data-kind=IncidentOpened]")).to_have_count(1)
