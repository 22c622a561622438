"""A warning that says what the water will do: to whom, where, and how soon; and lets go when it will not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.warn.warn_world import World

from rencheng.assess.facts import FloodForecastPublished, FloodPlace, FloodTotal
from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.kernel import InvalidConfig
from rencheng.warn.rule_files import load_terms, rule_book_from_yaml

LEADS = tuple(range(0, 121, 10))


def flood(world: World, **at: dict[int, float]) -> FloodForecastPublished:
    """A forecast whose counts are given by lead time: ``residents={40: 400}``; kinds of facility by their name."""

    def count(name: str, lead: int) -> float:
        return at.get(name, {}).get(lead, 0.0)

    totals = tuple(
        FloodTotal(
            lead_min=lead,
            area_km2=0.1 if any(count(n, lead) for n in at) else 0.0,
            residents=count("residents", lead),
            buildings=int(count("residents", lead) // 10),
            road_km=0.0,
            underpasses=int(count("underpasses", lead)),
            facilities={k: int(v[lead]) for k, v in at.items() if k not in ("residents", "underpasses") and lead in v},
        )
        for lead in LEADS
    )
    place = FloodPlace(
        kind="underpass", object_id="1", name="人民路下穿", lon=114.3, lat=30.6, lead_min=10, depth_m=0.5
    )
    return FloodForecastPublished(
        forecast_id=f"f-{world.now:%H%M}", model="urban-flood", based_at=world.now, rain_source="gauges",
        scheme="local_inertial", members=20, cell_m=20.0, lead_min=LEADS, thresholds_m=THRESHOLDS_M, frames="",
        objects="", points="", analysis="", totals=totals, places=(place,), weights=(), volume_error_ratio=0.0,
        evidence=(),
    )  # fmt: skip


def test_the_notice_says_when_whom_and_where(world: World) -> None:
    said = world.hear(flood(world, underpasses={40: 3}, residents={40: 420.0}))
    notice = said[0].body.notice
    assert (notice.hazard, notice.colour, notice.rule) == ("waterlogging", "yellow", "waterlogging/impact-yellow")
    assert "约40分钟后" in notice.description.zh
    assert "下穿道路3处" in notice.description.zh
    assert "人民路下穿" in notice.description.zh
    assert "in about 40 min at 3 underpasses" in notice.description.en
    assert notice.onset_at == world.now + timedelta(minutes=40)


def test_a_hospital_weighs_more_than_an_underpass(world: World) -> None:
    said = world.hear(flood(world, hospital={60: 1}))
    assert said[0].body.notice.colour == "orange"
    assert "医院1处" in said[0].body.notice.description.zh


def test_water_that_reaches_nobody_warns_nobody(world: World) -> None:
    assert world.hear(flood(world, residents={60: 10.0})) == []


def test_what_comes_after_the_lead_time_of_the_rule_waits(world: World) -> None:
    said = world.hear(flood(world, residents={120: 20_000.0}))
    assert said[0].body.notice.colour == "orange", "red looks one hour ahead"


def test_it_is_cancelled_only_after_the_hysteresis_time(world: World) -> None:
    world.hear(flood(world, underpasses={30: 2}))
    world.wait(hours=0.5)
    assert world.hear(flood(world)) == []
    said = world.wait(hours=2.1)
    assert [e.kind for e in said][:1] == ["WarningCancelled"]


def test_a_forecast_that_nobody_renews_runs_out(world: World) -> None:
    world.hear(flood(world, underpasses={30: 2}))
    said = world.wait(hours=6)
    assert "WarningCancelled" in [e.kind for e in said]


def test_more_and_sooner_raises_the_same_warning(world: World) -> None:
    world.hear(flood(world, underpasses={90: 2}))
    world.wait(hours=0.2)
    said = world.hear(flood(world, underpasses={40: 14}))
    assert said[0].kind == "WarningUpgraded"
    assert said[0].body.notice.colour == "red"


def test_an_impact_rule_that_counts_nothing_is_refused_by_line() -> None:
    text = """
rulebook: own
jurisdiction: "*"
valid_from: 2024-01-01
source: {zh: 市, en: city}
rules:
  - {code: a, hazard: waterlogging, colour: red, impact: {max_lead_min: 60}, text: {zh: 水, en: water}}
"""
    with pytest.raises(InvalidConfig, match=r"own\.yaml:7 .*nothing is counted|nothing is counted"):
        rule_book_from_yaml(text, "own.yaml", load_terms())
