"""Dispatch sends the right unit to the right need and never leaves a need without a word."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.respond.respond_town import link_id, place

from rencheng.city import City
from rencheng.cli.dispatch import dispatch as dispatch_command
from rencheng.kernel import InvalidInput, NotFound
from rencheng.respond import DispatchNeed, DispatchUnit, dispatch
from rencheng.respond.dispatch import units_wanted
from rencheng.respond.dispatch_files import dispatch_from_files

SKILLS = ("medical", "pumping", "water_rescue")


def need(k: int, *skills: str, priority: int = 1, people: int = 1) -> DispatchNeed:
    return DispatchNeed(need_id=f"n{k}", skills=skills or ("medical",), priority=priority, people=people)


def unit(k: int, *skills: str, free: bool = True, capacity: float | None = None) -> DispatchUnit:
    return DispatchUnit(unit_id=f"u{k}", skills=skills or ("medical",), free=free, capacity=capacity)


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[DispatchNeed], list[DispatchUnit], np.ndarray]:
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(0, 6))
    skill_sets = st.sets(st.sampled_from(SKILLS), min_size=1)
    needs = [
        need(k, *sorted(draw(skill_sets)), priority=draw(st.integers(1, 4)), people=draw(st.integers(1, 5)))
        for k in range(rows)
    ]
    units = [unit(k, *sorted(draw(skill_sets)), free=draw(st.booleans()), capacity=2.0) for k in range(columns)]
    times = st.one_of(st.floats(0, 5000), st.just(np.inf))
    table = np.array([[draw(times) for _ in range(columns)] for _ in range(rows)]).reshape(rows, columns)
    return needs, units, table


@settings(max_examples=60, deadline=None)
@given(situations())
def test_nobody_is_sent_twice_or_where_he_cannot_help_and_every_need_hears(
    situation: tuple[list[DispatchNeed], list[DispatchUnit], np.ndarray],
) -> None:
    needs, units, table = situation
    result = dispatch(needs, units, table)
    sent = [a.unit_id for a in result.assignments]
    assert len(sent) == len(set(sent))
    by_need = {n.need_id: n for n in needs}
    by_unit = {u.unit_id: u for u in units}
    for a in result.assignments:
        assert by_unit[a.unit_id].free
        assert set(by_need[a.need_id].skills) <= set(by_unit[a.unit_id].skills)
        assert np.isfinite(a.travel_s)
    helped = {a.need_id for a in result.assignments}
    assert helped.isdisjoint(u.need_id for u in result.unmet)
    assert helped | {u.need_id for u in result.unmet} == set(by_need)


@settings(max_examples=50, deadline=None)
@given(situations(), st.integers(0, 5))
def test_one_more_free_unit_never_leaves_more_urgent_needs_without_help(
    situation: tuple[list[DispatchNeed], list[DispatchUnit], np.ndarray], seconds: int
) -> None:
    needs, units, table = situation
    alone = [n for n in needs if n.priority == 1]
    rows = [k for k, n in enumerate(needs) if n.priority == 1]
    if not alone:
        return
    before = dispatch(alone, units, table[rows])
    extra = np.hstack([table[rows], np.full((len(rows), 1), 100.0 * seconds)])
    after = dispatch(alone, [*units, unit(99, *SKILLS, capacity=2.0)], extra)
    assert len(after.unmet) <= len(before.unmet)


def test_reasons_tell_absent_busy_cut_off_and_outranked_apart() -> None:
    needs = [need(0, "fire"), need(1, "medical"), need(2, "pumping"), need(3, "repair"), need(4, "repair", priority=3)]
    units = [unit(0, "medical", free=False), unit(1, "pumping"), unit(2, "repair")]
    table = np.full((5, 3), 100.0)
    table[2] = np.inf
    result = dispatch(needs, units, table)
    assert [(u.need_id, u.reason) for u in result.unmet] == [
        ("n0", "no_unit_with_skill"), ("n1", "all_units_busy"), ("n2", "unreachable"), ("n4", "outranked"),
    ]  # fmt: skip
    assert all(u.detail.zh and u.detail.en for u in result.unmet)


def test_the_more_urgent_need_gets_the_only_unit_even_if_it_is_farther() -> None:
    result = dispatch([need(0, priority=2), need(1, priority=1)], [unit(0)], np.array([[10.0], [3000.0]]))
    assert [(a.need_id, a.unit_id) for a in result.assignments] == [("n1", "u0")]


def test_a_crowd_asks_for_boats_by_their_seats_and_pumps_never_by_people() -> None:
    assert units_wanted(need(0, "water_rescue", people=13), [6.0, 6.0]) == 3
    assert units_wanted(need(0, "pumping", people=500), [800.0]) == 1
    assert units_wanted(need(0, "water_rescue", people=10**6), [6.0]) == 12


def test_no_units_at_all() -> None:
    result = dispatch([need(0)], [], np.zeros((1, 0)))
    assert [u.reason for u in result.unmet] == ["no_unit_with_skill"]
    assert dispatch([], [unit(0)], np.zeros((0, 1))).assignments == ()


def test_order_of_the_input_does_not_change_the_total_time() -> None:
    rng = np.random.default_rng(4)
    table = rng.uniform(10, 2000, (4, 5))
    needs, units = [need(k) for k in range(4)], [unit(k) for k in range(5)]
    best = sum(a.travel_s for a in dispatch(needs, units, table).assignments)
    for order in itertools.islice(itertools.permutations(range(4)), 6):
        again = dispatch([needs[k] for k in order], units, table[list(order)])
        assert sum(a.travel_s for a in again.assignments) == pytest.approx(best)


@pytest.fixture
def files(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def at(column: int, row: int) -> str:
    lon, lat = place(column, row)
    return f"{lon},{lat}"


def test_from_files_with_closed_roads(town: City, files: Callable[[str, str], Path]) -> None:
    needs = files("needs.csv", f"need_id,kind,lon,lat\nn1,medical,{at(0, 4)}\nn2,rescue,{at(4, 4)}\n")
    open_roads = dispatch_from_files(town, needs=needs)
    assert [(a.need_id, a.unit_id, a.travel_s) for a in open_roads.assignments] == [
        ("n1", "ambulance-1", 0.0), ("n2", "boat-2", 0.0),
    ]  # fmt: skip
    shut = "\n".join(str(link_id(a, (0, 4))) for a in ((0, 3), (1, 4)))
    closed = files("closed.csv", f"link_id\n{shut}\n")
    units = files("units.csv", f"unit_id,skills,lon,lat\na9,medical,{at(4, 0)}\n")
    result = dispatch_from_files(town, needs=needs, units=units, closed=closed)
    assert [(u.need_id, u.reason) for u in result.unmet] == [("n1", "unreachable"), ("n2", "no_unit_with_skill")]


WRONG = [
    ("need_id,kind,lon,lat\nn1,medical,x,30\n", r"row 2, lon: 'x' is not a number"),
    ("need_id,kind,lon,lat\nn1,medical,30,114\n", r"row 2: .*not on Earth"),
    ("need_id,kind,lon,lat\nn1,magic,114.3,30.6\n", r"row 2, kind: unknown kind of need 'magic'"),
    ("need_id,kind,lon,lat\n,medical,114.3,30.6\n", r"row 2, need_id: value is missing"),
    ("need_id,kind,lon,lat,priority\nn1,medical,114.3,30.6,9\n", r"priority 9"),
    ("need_id,kind,lon,lat\nn1,medical,114.3,30.6\nn1,medical,114.3,30.6\n", r"'n1' stands twice"),
    ("need_id,kind,lon,lat\nn1,medical,nan,30.6\n", r"'nan' is not a number"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[m[:30] for _, m in WRONG])
def test_a_wrong_file_is_refused_by_row_and_column(
    town: City, files: Callable[[str, str], Path], text: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        dispatch_from_files(town, needs=files("needs.csv", text))


def test_files_that_are_not_there_or_not_text(town: City, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        dispatch_from_files(town, needs=tmp_path / "none.csv")
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00need")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        dispatch_from_files(town, needs=tmp_path / "bad.csv")


def test_the_command_prints_a_table_and_json(
    town: City, files: Callable[[str, str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    needs = files("needs.csv", f"need_id,kind,lon,lat\nn1,medical,{at(0, 3)}\nn2,fire,{at(0, 0)}\n")
    dispatch_command(city=town.path, needs=needs, units=None, closed=None, as_json=True)
    data = json.loads(capfd.readouterr().out)
    assert data["assignments"][0]["unit_id"] == "ambulance-1"
    assert data["unmet"][0]["reason"] == "no_unit_with_skill"
    dispatch_command(city=town.path, needs=needs, units=None, closed=None, as_json=False)
    text = capfd.readouterr().out
    assert "ambulance-1" in text
    assert "1.7 min" in text
