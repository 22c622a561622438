"""The risk-warning index: 6 × 42 indicators, weights by season, a grade that changes only at a threshold."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.assess.assess_town import T0, hourly, inputs_for

from rencheng import assess
from rencheng.assess.indicator_tree import Measurement
from rencheng.assess.risk_index import (
    default_risk_index,
    evaluate_risk_index,
    grade_of,
    risk_index_from_dict,
    risk_tree,
)
from rencheng.city import City
from rencheng.kernel import InvalidConfig, InvalidInput
from rencheng.science.composite import reweighted

RULES = default_risk_index()
INDICATORS = [i for d in risk_tree().dimensions for i in d.indicators]
SHARES = st.lists(st.floats(0.0, 1.0), min_size=42, max_size=42)


def at_share(shares: list[float]) -> dict[str, Measurement]:
    """Every indicator at a share of its way from no risk to the gravest."""
    return {
        i.id: Measurement(value=i.goalposts[0] + (i.goalposts[1] - i.goalposts[0]) * share)
        for i, share in zip(INDICATORS, shares, strict=True)
    }


def shipped() -> dict[str, Any]:
    text = (files("rencheng.assess") / "data" / "risk_index_cn.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def test_the_shipped_index_has_six_times_forty_two_indicators_each_with_a_source() -> None:
    assert len(risk_tree().dimensions) == 6
    assert len(INDICATORS) == 42
    assert len({i.id for i in INDICATORS}) == 42
    assert all(i.source and i.title.zh and i.title.en for i in INDICATORS)


@given(before=SHARES, after=SHARES, month=st.integers(1, 12))
@settings(deadline=None)
def test_the_grade_changes_if_and_only_if_the_score_crosses_a_threshold(
    before: list[float], after: list[float], month: int
) -> None:
    one, two = (evaluate_risk_index(at_share(shares), month=month) for shares in (before, after))
    assert one.scored.score is not None
    assert two.scored.score is not None
    low, high = sorted((one.scored.score, two.scored.score))
    crossed = any(low < grade.score <= high for grade in RULES.grades)
    assert (one.colour != two.colour) == crossed


@given(score=st.floats(0.0, 100.0))
def test_a_higher_score_never_has_a_lower_grade(score: float) -> None:
    ranks = ["", "blue", "yellow", "orange", "red"]
    assert ranks.index(grade_of(score, RULES.grades)) <= ranks.index(grade_of(score + 1.0, RULES.grades))
    for below, above in pairwise(RULES.grades):
        assert grade_of(above.score, RULES.grades) == above.colour
        assert grade_of(above.score - 1e-9, RULES.grades) == below.colour
    assert grade_of(None, RULES.grades) == ""


@given(shares=SHARES, raised=st.integers(0, 41), month=st.integers(1, 12))
@settings(deadline=None)
def test_a_graver_indicator_never_lowers_the_index(shares: list[float], raised: int, month: int) -> None:
    graver = [1.0 if n == raised else share for n, share in enumerate(shares)]
    one, two = (evaluate_risk_index(at_share(s), month=month).scored.score for s in (shares, graver))
    assert one is not None
    assert two is not None
    assert two >= one - 1e-9


def test_weights_follow_the_season_unless_people_revised_them() -> None:
    """Grave natural hazards and nothing else: 25 by the tree, 35 in the flood season, 50 as revised."""
    hazards = {i.id for i in risk_tree().dimensions[0].indicators}
    values = at_share([1.0 if i.id in hazards else 0.0 for i in INDICATORS])
    spring, flood = (evaluate_risk_index(values, month=month) for month in (4, 7))
    revised = evaluate_risk_index(values, month=7, weights=reweighted(risk_tree().weights, "natural_hazard", 0.5))
    assert [(r.season, round(r.scored.score or 0.0, 9), r.colour) for r in (spring, flood, revised)] == [
        ("", 25.0, "blue"),
        ("flood_season", 35.0, "blue"),
        ("revised", 50.0, "yellow"),
    ]
    with pytest.raises(InvalidInput, match="sum to"):
        evaluate_risk_index(values, month=7, weights={**risk_tree().weights, "natural_hazard": 0.5})


def _drop(data: dict[str, Any]) -> None:
    data["tree"]["dimensions"][0]["indicators"].pop()


def _heavy(data: dict[str, Any]) -> None:
    data["tree"]["dimensions"][0]["weight"] = 0.3


def _season(data: dict[str, Any]) -> None:
    data["seasons"][0]["weights"]["lifelines"] = 0.5


def _month(data: dict[str, Any]) -> None:
    data["seasons"][0]["months"].append(12)


def _grade(data: dict[str, Any]) -> None:
    data["grades"][1]["score"] = 90


def _flat(data: dict[str, Any]) -> None:
    data["tree"]["dimensions"][0]["indicators"][0]["goalposts"] = [3, 3]


def _twice(data: dict[str, Any]) -> None:
    data["tree"]["dimensions"][0]["indicators"][0]["id"] = "rain_3h_mm"


def _typed(data: dict[str, Any]) -> None:
    data["grades"][0]["colour"] = "purple"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_drop, "6 first-level and 41 second-level"),
        (_heavy, "sum to 1.05"),
        (_season, "sum to"),
        (_month, "month stands in two seasons"),
        (_grade, "grades must rise"),
        (_flat, "goalposts 3 and 3"),
        (_twice, "'rain_3h_mm'"),
        (_typed, "purple"),
    ],
)
def test_a_spoilt_file_is_refused_with_its_place(spoil: Any, says: str) -> None:
    data = copy.deepcopy(shipped())
    spoil(data)
    with pytest.raises(InvalidConfig, match=says):
        risk_index_from_dict(data, where="city/risk_index.yaml")


def test_a_run_says_what_it_measured_and_what_it_left_out(river_town: City) -> None:
    now = T0 + timedelta(hours=48)
    rain = [("rain", now - timedelta(minutes=10 * k), 5.0) for k in range(6 * 24)]
    inputs = inputs_for(river_town, {"rain_mm": sorted(rain, key=lambda r: r[1]), "wind_speed_m_s": []})
    found = assess.read_risk_index(assess.initial_state(), inputs, now)
    by_id = {i.indicator.id: i for d in found.scored.dimensions for i in d.indicators}
    assert by_id["rain_1h_mm"].value == pytest.approx(30.0, rel=0.05)
    assert by_id["rain_24h_mm"].score == 100.0
    assert by_id["reports_per_100k_24h"].value == 0.0
    assert by_id["crowd_per_m2"].missing == "no collector"
    assert by_id["flood_exposed_ratio"].missing.startswith("no risk of river_flood was assessed")
    assert "lists no hospital" in by_id["beds_per_1000"].missing
    assert found.season == "flood_season"
    assert 0.0 < found.scored.measured_ratio < 0.6
    assert sum(i.effective_weight for i in by_id.values()) == pytest.approx(1.0)


def test_rain_raises_the_index_and_the_month_is_that_of_the_city(river_town: City) -> None:
    """At 20:00 UTC on 30 September it is October in Asia/Shanghai: the flood season is over."""
    now = datetime(2024, 9, 30, 20, tzinfo=UTC)
    scores = []
    for step_mm in (0.0, 4.0, 12.0):
        rows = hourly([step_mm] * 26, "rain", end=now)
        found = assess.read_risk_index(
            assess.initial_state(), inputs_for(river_town, {"rain_mm": rows, "wind_speed_m_s": []}), now
        )
        assert found.season == ""
        scores.append(found.scored.score or 0.0)
    assert scores[0] < scores[1] < scores[2]
