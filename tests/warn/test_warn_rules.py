from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.warn.warn_world import make_town

from rencheng.kernel import Colour, InvalidConfig, NotFound
from rencheng.warn import load_rules, load_terms
from rencheng.warn.rule_files import rule_book_from_yaml

CHINA = ZoneInfo("Asia/Shanghai")
NOW = datetime(2024, 5, 1, tzinfo=UTC)

BOOK = """
rulebook: test
jurisdiction: "*"
valid_from: 2020-01-01
source: {zh: 测试, en: test}
rules:
  - code: "1"
    hazard: rainstorm
    colour: red
    window_h: 3
    criteria: {any: [{quantity: rain_mm, at_least: 90}]}
    text: {zh: 大雨, en: much rain}
"""


def refused(text: str) -> str:
    with pytest.raises(InvalidConfig) as caught:
        rule_book_from_yaml(text, "test.yaml", load_terms())
    return str(caught.value)


def test_the_national_book_has_exactly_the_44_signals() -> None:
    book = next(b for b in load_rules().books if b.name == "CN-2007")
    assert len(book.rules) == 44
    assert len({r.code for r in book.rules}) == 44
    colours = {"01": "blue", "02": "yellow", "03": "orange", "04": "red"}
    for rule in book.rules:
        assert rule.colour == colours[rule.code[2:]], rule.code
        assert rule.text.zh
        assert rule.text.en


@pytest.mark.real
def test_national_thresholds_agree_with_the_published_table(shared_data: Path) -> None:
    table = json.loads((shared_data / "china" / "national_tables.json").read_text())["cma_warning_signals"]
    book = {r.code: r for b in load_rules().books if b.name == "CN-2007" for r in b.rules}
    assert sorted(book) == sorted(s["code"] for s in table["signals"])
    for signal in table["signals"]:
        rule = book[signal["code"]]
        assert rule.colour == signal["level"]
        assert rule.window_h == signal["rule"].get("window_h", 72)
        conditions = signal["rule"].get("any") or signal["rule"].get("all") or [signal["rule"]]
        bounds = [float(str(v).lstrip("<>=")) for c in conditions for k, v in c.items() if str(v)[0] in "<>"]
        assert rule.criteria is not None
        ours = [c.bound for c in rule.criteria.conditions if "rank" not in c.quantity and "precip" not in c.quantity]
        theirs = [b / 100 if "crop" in str(conditions) and b > 1 else b for b in bounds]
        assert ours == theirs, signal["code"]


def test_a_city_without_national_rules_falls_back_to_the_general_ones() -> None:
    rules = load_rules()
    cn, br = rules.in_force("CN", NOW, CHINA), rules.in_force("BR", NOW, CHINA)
    assert cn["rainstorm"][0].id == "CN-2007/0204"
    assert br["rainstorm"][0].id == "rain-generic/red"
    assert cn["river_flood"] == br["river_flood"]
    assert "typhoon" not in br
    assert rules.in_force("CN-44", NOW, CHINA)["rainstorm"][0].id == "CN-2007/0204"


def test_before_the_order_came_into_force_its_signals_did_not_hold() -> None:
    rules = load_rules()
    eve = datetime(2007, 6, 11, 15, 59, tzinfo=UTC)
    day = datetime(2007, 6, 11, 16, 0, tzinfo=UTC)
    assert "typhoon" not in rules.in_force("CN", eve, CHINA)
    assert "typhoon" in rules.in_force("CN", day, CHINA)


def test_a_city_replaces_a_hazards_rules_without_code_and_old_days_keep_the_old_ones(tmp_path: Path) -> None:
    city = make_town(tmp_path)
    (city.path / "rules").mkdir()
    (city.path / "rules" / "own.yaml").write_text(BOOK)
    rules = load_rules(city.path)
    assert [r.id for r in rules.in_force("CN", NOW, CHINA)["rainstorm"]] == ["test/1"]
    assert rules.in_force("CN", NOW, CHINA)["river_flood"][0].book == "river-stage"
    before = datetime(2019, 1, 1, tzinfo=UTC)
    assert rules.in_force("CN", before, CHINA)["rainstorm"][0].book == "CN-2007"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("colour: red", "colour: pink", ("test.yaml:9", "rules[0].colour", "'pink'", "blue")),
        ("hazard: rainstorm", "hazard: rain", ("test.yaml:8", "unknown hazard 'rain'", "rainstorm")),
        ("window_h: 3", "window_h: three", ("test.yaml:10", "rules[0].window_h")),
        ("window_h: 3", "windw_h: 3", ("test.yaml:7", "windw_h")),
        ("window_h: 3", "window_h: 0", ("rules[0].window_h", "above 0 h")),
        ("at_least: 90", "at_least: 90, below: 3", ("exactly one bound",)),
        ("2020-01-01", "soon", ("test.yaml:4", "valid_from")),
        ("valid_from: 2020-01-01", "valid_from: 2020-01-01\nvalid_to: 2019-01-01", ("ends before it begins",)),
        ("valid_from: 2020-01-01", "valid_from: 2020-01-01\nsignals: 2", ("1 rules, but the source has 2",)),
        ("rulebook: test", "rulebook: CN-2007", ("1 rules, but the source has 44",)),
        ("    criteria: {any: [{quantity: rain_mm, at_least: 90}]}\n", "", ("nothing that raises it",)),
        ("{zh: 大雨, en: much rain}", "{zh: 大雨", ("not YAML", "test.yaml:")),
    ],
)
def test_a_wrong_rule_file_is_refused_with_file_line_and_key(old: str, new: str, said: tuple[str, ...]) -> None:
    assert old in BOOK
    message = refused(BOOK.replace(old, new))
    for part in said:
        assert part in message


def test_a_code_that_stands_twice_is_refused() -> None:
    rule = BOOK[BOOK.index("  - code") :]
    assert "stands twice" in refused(BOOK + rule)


def test_every_hazard_with_rules_has_advice_in_both_languages_at_each_colour() -> None:
    rules = load_rules()
    for book in rules.books:
        for rule in book.rules:
            advice = rules.terms.advice_for(rule.hazard, rule.colour)
            assert len(advice.zh) > 5, rule.id
            assert len(advice.en) > 10, rule.id


def test_graver_colours_add_advice() -> None:
    terms = load_terms()
    assert len(terms.advice_for("river_flood", Colour.RED).zh) > len(terms.advice_for("river_flood", Colour.BLUE).zh)


def test_an_unknown_rule_is_named() -> None:
    assert load_rules().rule("CN-2007/0204").window_h == 3
    with pytest.raises(NotFound, match="no-such"):
        load_rules().rule("no-such/1")
