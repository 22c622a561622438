"""The water before it comes, as a duty officer looks at it: time, chances, places, comparisons, relief, papers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Download, Page, expect
from tests.web.web_flood import flood_drafts
from tests.web.web_script import START
from tests.web.web_session import ScriptedSession

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Keep = Callable[[str], None]


@pytest.fixture
def water(page: Page, address: str, storm: ScriptedSession) -> Page:
    """The flood view on the forecast of 15:08, all its frames drawn."""
    storm.advance(timedelta(minutes=75))
    storm.control(phase="paused")
    page.goto(f"{address}/#/flood")
    expect(page.get_by_test_id("flood-map")).to_have_attribute("data-ready", "true")
    return page


def _picture(page: Page, folder: Path, name: str) -> Image.Image:
    path = folder / f"{name}.png"
    page.get_by_test_id("flood-map").first.screenshot(path=str(path))
    return Image.open(path).convert("RGB")


def _settled(page: Page) -> None:
    """Wait until the map has drawn what it was asked for."""
    page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(r, 0))))")
    expect(page.get_by_test_id("flood-map").first).to_have_attribute("data-ready", "true")


def _share_changed(a: Image.Image, b: Image.Image) -> float:
    changed = ImageChops.difference(a, b).convert("L").point(lambda v: 255 if v > 12 else 0)
    return float(sum(changed.histogram()[128:])) / (a.size[0] * a.size[1])


def test_time_moves_the_water_and_probability_takes_its_place(water: Page, keep: Keep, tmp_path: Path) -> None:
    expect(water.get_by_test_id("flood-clock")).to_have_text("16:28")
    expect(water.get_by_test_id("skill-badge")).to_contain_text("CSI 0.69")
    expect(water.get_by_test_id("skill-badge")).to_contain_text("CRPS 3.1 cm")
    keep("flood-depth")
    worst = _picture(water, tmp_path, "worst")
    slider = water.get_by_test_id("flood-slider")
    slider.fill("0")
    expect(water.get_by_test_id("flood-clock")).to_have_text("15:08")
    _settled(water)
    assert _share_changed(worst, _picture(water, tmp_path, "first")) > 0.05
    for _ in range(3):
        water.keyboard.press("ArrowRight")
    expect(water.get_by_test_id("flood-clock")).to_have_text("15:38")
    residents = water.get_by_test_id("flood-figures").locator("dd").nth(1)
    before = residents.inner_text()
    slider.fill("80")
    expect(residents).not_to_have_text(before)
    water.get_by_test_id("mode-probability").click()
    expect(water.get_by_test_id("flood-legend")).to_contain_text("水深 ≥ 0.15 m 的概率")
    water.get_by_test_id("flood-thresholds").get_by_text("0.6 m").click()
    expect(water.get_by_test_id("flood-legend")).to_contain_text("水深 ≥ 0.6 m 的概率")
    _settled(water)
    keep("flood-probability")
    assert _share_changed(worst, _picture(water, tmp_path, "chances")) > 0.05


def test_the_water_plays_by_itself_and_the_space_bar_leaves_the_run_alone(water: Page, storm: ScriptedSession) -> None:
    clock = water.get_by_test_id("flood-clock")
    water.get_by_test_id("flood-slider").fill("0")
    water.locator("body").press("Space")
    expect(water.get_by_test_id("flood-play")).to_have_attribute("aria-pressed", "true")
    expect(clock).not_to_have_text("15:08")
    water.locator("body").press("Space")
    expect(water.get_by_test_id("flood-play")).to_have_attribute("aria-pressed", "false")
    assert storm.clock().phase == "paused"


def test_a_click_tells_depth_and_chances_of_the_place(water: Page, keep: Keep) -> None:
    box = water.get_by_test_id("flood-map").bounding_box()
    assert box is not None
    water.mouse.click(box["x"] + box["width"] * 0.37, box["y"] + box["height"] * 0.46)
    card = water.get_by_test_id("flood-point")
    expect(card).to_contain_text(re.compile(r"最深 \d\.\d\d m · 16:\d\d"))
    expect(card).to_contain_text("≥ 1.2 m")
    keep("flood-point")
    water.keyboard.press("Escape")
    expect(card).to_have_count(0)
    water.mouse.click(box["x"] + box["width"] * 0.02, box["y"] + box["height"] * 0.45)
    expect(card).to_contain_text("此处不在预报范围内")


def test_the_list_is_filtered_searched_zoomed_to_and_exported(water: Page, keep: Keep, tmp_path: Path) -> None:
    listed = water.get_by_test_id("flood-objects")
    rows = listed.locator("[data-object]")
    expect(rows.first).to_contain_text("下穿通道")
    listed.locator("[data-group=building]").click()
    expect(rows.first).to_contain_text("住宅")
    with water.expect_download() as waiting:
        listed.get_by_test_id("export-csv").click()
    assert _saved(waiting.value, tmp_path).read_text(encoding="utf-8-sig").count("\nbuilding,") > 10
    with water.expect_download() as waiting:
        listed.get_by_test_id("export-geojson").click()
    assert '"Polygon"' in _saved(waiting.value, tmp_path).read_text(encoding="utf-8")
    listed.get_by_role("radio", name=re.compile("全部")).click()
    water.get_by_placeholder("名称或编号").fill("路18")
    expect(rows.first).to_contain_text("路18")
    rows.first.click()
    expect(water.get_by_test_id("flood-point")).to_contain_text("路18")
    keep("flood-list")
    water.get_by_placeholder("名称或编号").fill("没有这条路")
    expect(listed).to_contain_text("没有符合条件的对象")


def test_two_forecasts_stand_side_by_side(water: Page, keep: Keep) -> None:
    water.get_by_test_id("compare-swipe").click()
    beside = water.get_by_test_id("flood-beside").get_by_test_id("flood-map")
    expect(beside).to_have_attribute("data-ready", "true")
    curtain = water.get_by_test_id("flood-curtain")
    curtain.focus()
    for _ in range(5):
        curtain.press("ArrowRight")
    expect(curtain).to_have_attribute("aria-valuenow", "60")
    expect(water.get_by_test_id("flood-clock")).to_have_text("16:28")
    keep("flood-swipe")
    water.get_by_test_id("compare-split").click()
    expect(curtain).to_have_count(0)
    expect(beside).to_be_visible()
    keep("flood-split")
    water.get_by_test_id("compare-off").click()
    expect(water.get_by_test_id("flood-beside")).to_have_count(0)


def test_buildings_stand_up_out_of_the_water(water: Page, keep: Keep, tmp_path: Path) -> None:
    flat = _picture(water, tmp_path, "flat")
    water.get_by_test_id("flood-relief").click()
    expect(water.get_by_test_id("flood-relief")).to_have_attribute("aria-pressed", "true")
    expect(water.get_by_test_id("flood-map")).to_have_attribute("data-pitch", "56")
    _settled(water)
    keep("flood-relief")
    assert _share_changed(flat, _picture(water, tmp_path, "relief")) > 0.2


def test_advice_and_skill_stand_beside_the_forecast(water: Page, keep: Keep) -> None:
    water.get_by_test_id("tab-advice").click()
    advice = water.get_by_test_id("flood-advice")
    expect(advice).to_contain_text("未下达指令，任何泵闸都不会动作")
    expect(advice).to_contain_text("移动泵车")
    sandbags = advice.locator("[data-item=sandbag]")
    expect(sandbags).to_contain_text("缺口")
    with water.expect_response(re.compile(r"/needs\?item=sandbag")):
        sandbags.click()
    expect(sandbags).to_have_attribute("aria-pressed", "true")
    _settled(water)
    keep("flood-advice")
    water.get_by_test_id("skill-badge").click()
    skill = water.get_by_test_id("flood-skill")
    expect(skill).to_contain_text("优于维持不变法 47%")
    water.keyboard.press("l")
    expect(skill).to_contain_text("47% better than persistence")
    keep("flood-skill")


def test_papers_come_at_one_click(water: Page, tmp_path: Path) -> None:
    for name, start in (("brief", b"%PDF"), ("picture", b"\x89PNG"), ("animation", b"GIF8")):
        with water.expect_download() as waiting:
            water.get_by_test_id(f"paper-{name}").click()
        assert waiting.value.suggested_filename.startswith("linjiang-flood-20260612-1508")
        assert _saved(waiting.value, tmp_path).read_bytes().startswith(start)


def test_a_newer_forecast_is_followed_and_an_absent_one_is_said(
    page: Page, address: str, storm: ScriptedSession, keep: Keep
) -> None:
    page.goto(address)
    expect(page.get_by_test_id("figure-flood")).to_contain_text("–")
    page.get_by_test_id("figure-flood").click()
    expect(page.get_by_test_id("flood-none")).to_contain_text("尚无洪涝预报")
    keep("flood-none")
    storm.advance(timedelta(minutes=75))
    expect(page.get_by_test_id("flood-select")).to_contain_text("15:08")
    drafts = flood_drafts(storm.city, storm.fields, START + timedelta(minutes=82), swell=0.8, number=9)
    storm.ledger.append(drafts, now=START + timedelta(minutes=82))
    storm.advance(timedelta(minutes=83))
    expect(page.get_by_test_id("flood-select")).to_contain_text("15:18")
    expect(page.get_by_test_id("flood-map")).to_have_attribute("data-ready", "true")


def _saved(download: Download, folder: Path) -> Path:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path
