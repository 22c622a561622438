"""The city resilience index: scored by hand, weighed anew, audited, and told in the report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluate.fact_book import FactBook, minute, opened

from rencheng import evaluate
from rencheng.assess.indicator_tree import Measurement, score_tree
from rencheng.city import City, read_city
from rencheng.evaluate import Capacity, ReviseWeights, WeightsRevised, build_report, report_html, report_json
from rencheng.evaluate.resilience import resilience_index, resilience_tree
from rencheng.kernel import InvalidInput, OrderRefused
from rencheng.ledger import fold
from rencheng.science.composite import reweighted

TREE = resilience_tree()
HEALTHIER = reweighted(TREE.weights, "public_health", 0.22)
INPUTS = evaluate.Inputs(channels=0)


@pytest.fixture(scope="module")
def city(sandbox_city: Path) -> City:
    return read_city(sandbox_city)


def all_scored(health: float, rest: float) -> dict[str, Measurement]:
    """Every public-health indicator at one score, every other at another."""
    found = {}
    for dimension in TREE.dimensions:
        share = health if dimension.id == "public_health" else rest
        for indicator in dimension.indicators:
            low, high = indicator.goalposts
            found[indicator.id] = Measurement(value=low + (high - low) * share / 100.0)
    return found


def test_public_health_from_12_to_22_percent_moves_the_index_by_hand() -> None:
    """EVL-01: with public health at 40 and all else at 80, 12 % gives 75.2 and 22 % gives 71.2."""
    assert TREE.weights["public_health"] == 0.12
    values = all_scored(40.0, 80.0)
    before, after = score_tree(TREE, values), score_tree(TREE, values, HEALTHIER)
    assert before.score == pytest.approx(0.12 * 40 + 0.88 * 80) == pytest.approx(75.2)
    assert after.score == pytest.approx(0.22 * 40 + 0.78 * 80) == pytest.approx(71.2)
    assert after.measured_ratio == pytest.approx(1.0)
    assert sum(HEALTHIER.values()) == pytest.approx(1.0, abs=1e-9)
    assert HEALTHIER["infrastructure"] == pytest.approx(0.28 * 0.78 / 0.88)


@given(health=st.floats(0, 100), rest=st.floats(0, 100), hidden=st.sets(st.integers(0, 26)))
@settings(deadline=None)
def test_what_is_missing_never_leaves_the_scale_and_its_weight_is_shared(
    health: float, rest: float, hidden: set[int]
) -> None:
    values = all_scored(health, rest)
    for number, name in enumerate(list(values)):
        if number in hidden:
            values[name] = Measurement(value=None, missing="hidden")
    found = score_tree(TREE, values)
    shares = [i.effective_weight for d in found.dimensions for i in d.indicators]
    if found.score is None:
        assert not any(shares)
        return
    assert min(health, rest) - 1e-9 <= found.score <= max(health, rest) + 1e-9
    assert sum(shares) == pytest.approx(1.0)
    told = {i.indicator.id: i.missing for d in found.dimensions for i in d.indicators if i.score is None}
    assert set(told) == set(found.missing)
    assert set(told.values()) <= {"hidden"}


def test_a_city_without_a_round_is_scored_on_what_it_is(city: City) -> None:
    found = resilience_index(city)
    assert found.score is not None
    assert 0.0 < found.score < 100.0
    assert 0.0 < found.measured_ratio < 1.0
    by_id = {i.indicator.id: i for d in found.dimensions for i in d.indicators}
    assert by_id["beds_per_1000"].value is not None
    assert by_id["arrival_min"].missing == "no round to measure"
    assert "institutional" not in {d.id for d in found.dimensions if d.score is not None}


def test_a_city_that_lacks_a_table_says_so_instead_of_guessing(city: City) -> None:
    """A package without facilities must not score as a city without hospitals."""
    bare = City(path=city.path / "nowhere", manifest=city.manifest, _tables={"cells": city.table("cells")})
    found = {i.indicator.id: i for d in resilience_index(bare).dimensions for i in d.indicators}
    assert found["beds_per_1000"].score is None
    assert "has no facilities" in found["beds_per_1000"].missing
    assert found["vulnerable_ratio"].score is not None


def revise(state: evaluate.State, weights: dict[str, float], **changes: Any) -> list[Any]:
    order = ReviseWeights(weights=weights, why=changes.pop("why", "第二季度评估"), **changes)
    return evaluate.handle(state, order, INPUTS, minute(5), "role:evaluation_lead")


def test_a_revision_is_a_fact_with_who_when_from_to_and_why(city: City) -> None:
    book = FactBook()
    book.say(opened("i1"))
    (draft,) = revise(evaluate.initial_state(), HEALTHIER)
    assert (draft.actor, draft.occurred_at, draft.stream) == (
        "role:evaluation_lead",
        minute(5),
        "index/city-resilience",
    )
    assert draft.body.before == TREE.weights
    assert draft.body.after == HEALTHIER
    book.ledger.append([draft], now=minute(5))
    state = fold(book.entries(), evaluate.evolve, evaluate.initial_state())
    assert state.weights["city-resilience"] == HEALTHIER
    (back,) = revise(state, TREE.weights)
    assert back.body.before == HEALTHIER
    report = build_report(
        book.entries(), Capacity(road_links=0, residents=0.0, channels=0), zone=ZoneInfo("UTC"), city=city
    )
    assert report.resilience is not None
    assert report.resilience.score == resilience_index(city, report, HEALTHIER).score
    assert report.resilience.score != resilience_index(city, report).score
    plain = report_json(report)
    json.dumps(plain, allow_nan=False)
    (told,) = plain["revisions"]
    assert (told["actor"], told["why"], told["before"]["public_health"], told["after"]["public_health"]) == (
        "role:evaluation_lead",
        "第二季度评估",
        0.12,
        0.22,
    )
    page = report_html(report)
    assert "城市韧性指数" in page
    assert "public_health 12.0 % → 22.0 %" in page


@pytest.mark.parametrize(
    ("weights", "changes", "says"),
    [
        ({**TREE.weights, "public_health": 0.22}, {}, "sum to 1.1"),
        ({**HEALTHIER, "public_health": 0.22 + 2e-9}, {}, "sum to 1"),
        ({"public_health": 1.0}, {}, "missing or unknown"),
        ({**HEALTHIER, "luck": 0.0}, {}, "'luck'"),
        ({**TREE.weights, "public_health": -0.12, "social": 0.44}, {}, "negative"),
        (HEALTHIER, {"why": "  "}, "without a reason"),
        (HEALTHIER, {"index": "happiness"}, "no index 'happiness'"),
        (TREE.weights, {}, "these already"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights: dict[str, float], changes: dict[str, Any], says: str) -> None:
    with pytest.raises(OrderRefused, match=says):
        revise(evaluate.initial_state(), weights, **changes)


def test_the_risk_index_is_weighed_by_the_same_order() -> None:
    risk = evaluate.trees()["city-risk"]
    (draft,) = revise(evaluate.initial_state(), reweighted(risk.weights, "natural_hazard", 0.5), index="city-risk")
    assert isinstance(draft.body, WeightsRevised)
    assert draft.body.after["natural_hazard"] == 0.5


def test_a_service_that_never_came_back_scores_nothing(city: City) -> None:
    """Left out, the worst outcome would be better than a slow one."""
    curve = SimpleNamespace(service="mobility", measure=SimpleNamespace(loss_h=0.5, recovery_h=float("inf")), at=())
    report: Any = SimpleNamespace(indicators=(), services=(curve,), damage=({"loss_cny": 0.0},))
    found = {i.indicator.id: i for d in resilience_index(city, report).dimensions for i in d.indicators}
    assert found["mobility_recovery_h"].score == 0.0
    assert found["mobility_loss_h"].score == pytest.approx(75.0)
    assert found["building_loss_ratio"].score == 100.0


def test_a_tree_is_checked_when_it_is_made() -> None:
    heavier = replace(TREE.dimensions[0], weight=0.5)
    with pytest.raises(InvalidInput, match="sum to"):
        replace(TREE, dimensions=(heavier, *TREE.dimensions[1:]))
    nameless = replace(TREE.dimensions[0].indicators[0], source=" ")
    with pytest.raises(InvalidInput, match="no source"):
        replace(TREE, dimensions=(replace(TREE.dimensions[0], indicators=(nameless,)), *TREE.dimensions[1:]))
