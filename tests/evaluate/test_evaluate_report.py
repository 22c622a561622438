"""The after-action report: curves and times by hand, and a page that stands alone and swallows hostile text."""

from __future__ import annotations

import json
import re
from datetime import UTC
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from tests.evaluate.fact_book import FactBook, ended, minute, notice, opened

from rencheng.app import RunStarted
from rencheng.assess.facts import Evidence, RiskAssessed, RiskTotal, SignalCleared, SignalRaised
from rencheng.evaluate import (
    Capacity,
    Report,
    build_report,
    in_words,
    report_html,
    report_json,
    service_curves,
    timeline,
)
from rencheng.evaluate.timeline import _words
from rencheng.kernel import MissingData, fact_types
from rencheng.respond.facts import IncidentClosed, IncidentNodeReached, RoadClosed, RoadReopened
from rencheng.sense.facts import SensorSilent
from rencheng.warn.facts import WarningIssued

CAPACITY = Capacity(road_links=10, residents=1000.0, channels=4)
HOSTILE = "<script>alert('x')</script>{f.__class__}{{7*7}}"
VOID = {"meta", "br", "link", "img", "hr"}


def closed(link: int) -> RoadClosed:
    return RoadClosed(link_id=link, reason="order/x", depth_m=None, lon=121.0, lat=31.0)


def exposed(residents: float) -> RiskAssessed:
    total = RiskTotal(
        lead_h=0.0,
        colour="red",
        cells_at_risk=1,
        residents_exposed=residents,
        vulnerable_exposed=0.0,
        facilities_exposed={},
    )
    return RiskAssessed(
        assessment_id=f"r{residents}", hazard="waterlogging", model="m", field="f", totals=(total,), evidence=()
    )


def report_of(book: FactBook) -> Report:
    return build_report(book.entries(), CAPACITY, zone=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def book() -> FactBook:
    book = FactBook()
    book.say(RunStarted(mode="rehearsal", city_id="slope", city_digest="d", seed=1, rules={}, version="0"), 0)
    book.say(WarningIssued(warning_id="w1", notice=notice(headline=HOSTILE)), 10)
    book.say(opened("i1"), 10)
    for number, node in enumerate(("warning_received", "situation_verified", "plan_activated"), start=1):
        book.say(IncidentNodeReached(incident_id="i1", node=node, number=number), 10 + number)
    book.say(closed(1), 60)
    book.say(closed(2), 60)
    book.say(exposed(250.0), 60)
    book.say(RoadReopened(link_id=1), 120)
    book.say(RoadReopened(link_id=2), 180)
    book.say(exposed(0.0), 180)
    book.say(ended("i1"), 200)
    book.say(IncidentClosed(incident_id="i1"), 240)
    return book


def test_service_curves_are_steps_and_their_loss_an_area(book: FactBook) -> None:
    """2 of 10 roads for an hour, then 1 for another: 0.3 h. A quarter of the people for two hours: 0.5 h."""
    curves = {c.service: c for c in service_curves(book.entries(), CAPACITY, minute(0), minute(240))}
    assert curves["mobility"].measure.loss_h == pytest.approx(0.3)
    assert curves["mobility"].measure.robustness_ratio == pytest.approx(0.8)
    assert curves["mobility"].measure.recovery_h == pytest.approx(2.0)
    assert curves["safety"].measure.loss_h == pytest.approx(0.5)
    assert curves["sensing"].measure.loss_h == 0.0


def test_a_service_that_the_city_does_not_have_is_left_out(book: FactBook) -> None:
    """A curve of nothing would stand at full service and flatter the city."""
    none = Capacity(road_links=0, residents=1000.0, channels=0)
    assert [c.service for c in service_curves(book.entries(), none, minute(0), minute(240))] == ["safety"]


def test_a_fact_that_is_told_late_does_not_break_the_curve(book: FactBook) -> None:
    """Facts are recorded in order, but what they tell may have happened before the fact in front of them."""
    silent = SensorSilent(
        sensor_id="s", quantity="stage_m", last_at=minute(0), expected_interval_s=300.0, missed_intervals=3.0
    )
    book.say(closed(3), 230)
    book.say(closed(4), 220)
    book.say(silent, 100)
    assert all(c.measure.loss_h >= 0.0 for c in service_curves(book.entries(), CAPACITY, minute(0), minute(240)))


def test_a_service_that_is_not_back_has_no_recovery_time_in_json(book: FactBook) -> None:
    """JSON has no infinity: null, and the page says not yet."""
    book.say(closed(5), 230)
    book.say(closed(6), 231)
    book.say(closed(7), 232)
    plain = report_json(report_of(book))
    mobility = next(s for s in plain["services"] if s["service"] == "mobility")
    assert mobility["measure"]["recovery_h"] is None
    json.dumps(plain, allow_nan=False)
    assert "未恢复 not yet" in report_html(report_of(book))


def test_the_json_has_what_other_systems_read(book: FactBook) -> None:
    """A renamed or missing key breaks whoever reads the report."""
    plain = report_json(report_of(book))
    assert set(plain) == {
        "run",
        "timezone",
        "from_at",
        "until_at",
        "until_seq",
        "facts",
        "faults",
        "clocks",
        "indicators",
        "services",
        "verification",
        "incidents",
        "warnings",
        "damage",
        "lessons",
        "timeline",
        "resilience",
        "revisions",
    }
    assert (plain["run"]["mode"], plain["until_seq"], plain["timezone"]) == ("rehearsal", 14, "Asia/Shanghai")
    assert plain["facts"]["RoadClosed"] == 2
    assert {c["clock"] for c in plain["clocks"]} == {
        "warning_to_acknowledgement",
        "task_acknowledgement",
        "dispatch",
        "arrival",
    }
    assert plain["clocks"][0] | {"title": None} == {
        "clock": "warning_to_acknowledgement",
        "title": None,
        "target_min": 15.0,
        "count": 1,
        "median_min": None,
        "p95_min": None,
        "within_ratio": 0.0,
        "never": 1,
    }


def test_the_nodes_of_an_incident_have_their_times(book: FactBook) -> None:
    """The twelve nodes are told with the instant at which each was passed."""
    (incident,) = report_of(book).incidents
    assert [(n["number"], n["node"], n["at"]) for n in incident["nodes"]] == [
        (1, "warning_received", minute(11)),
        (2, "situation_verified", minute(12)),
        (3, "plan_activated", minute(13)),
        (10, "response_ended", minute(200)),
    ]
    assert incident["closed_at"] == minute(240)
    assert all(n["at"].tzinfo is UTC for n in incident["nodes"])


class Balanced(HTMLParser):
    """Fails where an element is closed that was not open, or left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 — the parser's signature
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"


def test_the_page_is_whole_bilingual_and_needs_nothing_else(book: FactBook) -> None:
    """The report is read in a command post without network, by people of two languages."""
    page = report_html(report_of(book))
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert parser.tags.isdisjoint({"script", "iframe", "img", "link", "object"})
    assert re.findall(r"(?:https?:)?//[\w.]+", page) == []
    for heading in ("治理指标", "Governance indicators", "服务水平", "Bruneau 2003", "经验", "Lessons"):
        assert heading in page
    assert page.count("无数据 no data") >= 5


def test_hostile_text_is_shown_and_not_run(book: FactBook) -> None:
    """A headline or a person's report may hold anything; it must stay text in page and timeline."""
    page = report_html(report_of(book))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "{{7*7}}" in page
    assert "49" not in page.split("{{7*7}}", 1)[0][-40:]
    assert "{f.__class__}" in page


def test_times_are_the_citys(book: FactBook) -> None:
    """Noon UTC is eight in the evening in Shanghai."""
    assert "07-01 20:10:00" in report_html(report_of(book))


def test_the_timeline_names_causes_by_their_place_in_the_ledger() -> None:
    """Why was this road closed? One click on the number must lead to the fact."""
    book = FactBook()
    first = book.say(opened("i1"), 1)
    book.say(closed(1), 2, cause=(first.id,))
    assert [m.causes for m in report_of(book).timeline] == [(), (1,)]


def test_a_signal_that_falls_is_told_as_easing_with_the_amount_that_still_holds() -> None:
    """A line "Signal: rain 0 mm" after the storm reads as an alarm without a reason."""
    book = FactBook()
    book.say(rain_signal("orange", 48.0, 52.0), 0)
    book.say(rain_signal("red", 60.0, 104.0), 30)
    book.say(rain_signal("orange", 0.0, 64.0), 90)
    book.say(SignalCleared(signal_id="s1", hazard="rainstorm", reason="the rain has eased"), 200)
    book.say(rain_signal("blue", 0.0, 55.0), 300)
    told = [m.text.en for m in timeline(book.entries())]
    assert told == [
        "Signal (orange) rain_accumulation (rain-1 52 mm / 3 h)",
        "Signal (red) rain_accumulation (rain-1 104 mm / 3 h)",
        "Signal eased (orange) rain_accumulation (rain-1 64 mm / 3 h)",
        "Signal (blue) rain_accumulation (rain-1 55 mm / 3 h)",
    ]


def rain_signal(colour: str, hour_mm: float, three_mm: float) -> SignalRaised:
    amounts = [(1, hour_mm, None), (3, three_mm, 100.0 if colour == "red" else 50.0)]
    return SignalRaised(
        signal_id="s1",
        hazard="rainstorm",
        name="rain_accumulation",
        colour=colour,
        sensor_id="rain-1",
        lon=114.3,
        lat=30.6,
        in_city=True,
        evidence=tuple(
            Evidence(kind="accumulation", value=mm, unit="mm", threshold=level, note=f"{hours} h, 100% observed")
            for hours, mm, level in amounts
        ),
    )


def test_every_word_belongs_to_a_fact() -> None:
    """Words for a fact that was renamed would never be spoken."""
    assert set(_words()) <= set(fact_types())


def test_a_fact_without_words_is_left_out() -> None:
    """Receipts of single messages would bury the story."""
    book = FactBook()
    assert in_words(book.say(exposed(1.0))) is None


def test_an_empty_ledger_is_said_to_be_empty() -> None:
    """No facts, no report, and the way out in the message."""
    with pytest.raises(MissingData, match="the ledger is empty"):
        build_report([], CAPACITY, zone=ZoneInfo("UTC"))
