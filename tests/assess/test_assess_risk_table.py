"""Colours of cells by likelihood, people and depth: what a duty officer reads off the map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.assess.consequence import risk_table
from rencheng.assess.frame import CellFrame
from rencheng.assess.hazard_model import Outlook
from rencheng.assess.models.waterlogging import CARD
from rencheng.assess.rules import RiskRules, default_rules, read_rules
from rencheng.kernel import InvalidConfig

RULES = default_rules().risk
DEPTHS_M = (0.15, 0.27, 0.50, 1.20)


def colours_of(
    depth_m: float, residents: float, school: int = 0, probability: float = 0.95, rules: RiskRules = RULES
) -> str:
    cells = CellFrame(
        cell=np.array([1], np.uint64),
        lon=np.zeros(1),
        lat=np.zeros(1),
        xy_m=np.zeros((1, 2)),
        residents=np.array([residents]),
        vulnerable=np.zeros(1),
        facility_kinds=("school",),
        facilities=np.array([[school]]),
    )
    shape = (len(CARD.horizons_h), 1)
    outlook = Outlook(probability=np.full(shape, probability), intensity=np.full(shape, depth_m), evidence=())
    return risk_table(outlook, CARD, cells, rules).totals[0].colour


@pytest.mark.parametrize(
    ("residents", "school", "colours"),
    [
        (5.0, 0, ["yellow", "yellow", "yellow", "yellow"]),
        (50.0, 0, ["yellow", "yellow", "yellow", "orange"]),
        (300.0, 0, ["yellow", "yellow", "orange", "red"]),
        (300.0, 1, ["yellow", "orange", "red", "red"]),
        (2000.0, 0, ["yellow", "orange", "red", "red"]),
    ],
)
def test_water_seen_on_the_street_is_graded_by_its_depth_and_by_who_is_there(
    residents: float, school: int, colours: list[str]
) -> None:
    assert [colours_of(depth, residents, school) for depth in DEPTHS_M] == colours


def test_water_that_cars_pass_is_never_red() -> None:
    assert {colours_of(0.49, people, 1) for people in (0.0, 60.0, 400.0, 1e5)} == {"yellow", "orange"}


@given(st.floats(0.0, 3.0), st.floats(0.0, 1.0), st.floats(0.0, 3000.0), st.floats(0.05, 1.0))
def test_deeper_water_never_lowers_a_colour(depth: float, more: float, residents: float, probability: float) -> None:
    ranks = ["", "blue", "yellow", "orange", "red"]
    shallow = colours_of(depth, residents, probability=probability)
    assert ranks.index(shallow) <= ranks.index(colours_of(depth + more, residents, probability=probability))


def test_a_city_whose_rules_name_no_severity_is_judged_by_likelihood_and_people_alone() -> None:
    plain = replace(RULES, severity={})
    assert {colours_of(depth, 300.0, rules=plain) for depth in DEPTHS_M} == {"red"}


def test_depths_are_not_read_in_another_unit() -> None:
    inches = replace(RULES, severity={"waterlogging": replace(RULES.severity["waterlogging"], unit="in")})
    assert colours_of(0.2, 300.0, rules=inches) == colours_of(0.2, 300.0, rules=replace(RULES, severity={}))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("columns: [-3, -2, -1, 0]", "columns: [-3, -2, 0]", "columns must be 4"),
        ("columns: [-3, -2, -1, 0]", "columns: [0, -1, -2, -3]", "never move"),
        ("at_least: [0.27, 0.50, 1.20]", "at_least: [1.20, 0.50, 0.27]", "never move"),
    ],
)
def test_a_severity_that_grades_deep_water_lower_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    from importlib.resources import files

    text = files("rencheng.assess").joinpath("data", "assess-rules.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "rules.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidConfig, match=message):
        read_rules(path)
