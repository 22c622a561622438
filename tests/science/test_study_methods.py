"""Storms that move, portfolios that are searched, rasters that are added up: each against what must hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.kernel.errors import InvalidInput
from rencheng.science.moving_storm import (
    areal_reduction_ratio,
    cell_width_m,
    disc_mean_ratio,
    lagged_rates_mm_h,
    track_ratio,
)
from rencheng.science.multilevel import control_ratio, level_counts, multilevel_estimate
from rencheng.science.portfolio import best_within, frontier, next_portfolios, portfolio_costs


@pytest.mark.parametrize("area_km2", [2.0, 30.0, 400.0])
@pytest.mark.parametrize("minutes", [60.0, 180.0])
def test_a_storm_across_the_middle_brings_the_city_what_areal_reduction_allows(area_km2: float, minutes: float) -> None:
    width = cell_width_m(area_km2, minutes)
    assert disc_mean_ratio(area_km2, 0.0, width, minutes) == pytest.approx(areal_reduction_ratio(area_km2, minutes))
    assert 1_000.0 < width < 20_000.0, "a cell of some kilometres, as radars see them"


@given(st.floats(0.1, 5000.0), st.floats(5.0, 1440.0))
def test_reduction_falls_with_area_and_rises_with_duration(area: float, minutes: float) -> None:
    here = areal_reduction_ratio(area, minutes)
    assert 0.0 < areal_reduction_ratio(area * 2.0, minutes) < here < 1.0
    assert areal_reduction_ratio(area, minutes * 2.0) > here


def test_rain_fades_away_from_the_track() -> None:
    ratio = track_ratio(np.array([0.0, 1e3, 1e4, 1e5, 5e5]), 3200.0, 120.0)
    assert ratio[0] == pytest.approx(1.0)
    assert (np.diff(ratio) < 0.0).all()
    assert ratio[-1] < 1e-12


@given(
    st.lists(st.floats(0.0, 200.0), min_size=1, max_size=20), st.lists(st.floats(0.0, 900.0), min_size=1, max_size=5)
)
def test_every_place_gets_the_whole_storm_only_later(rates: list[float], lags: list[float]) -> None:
    steps = 5 * len(rates) + 16
    found = lagged_rates_mm_h(np.array(rates), 300.0, np.array(lags), 60.0, steps)
    np.testing.assert_allclose(found.sum(axis=0) * 60.0, sum(rates) * 300.0, rtol=1e-9, atol=1e-6)
    assert found.min() >= -1e-9


def searched(values: dict[int, float], cost: np.ndarray, budgets: list[float], worth: float) -> dict[int, float]:
    """Try what is asked for until nothing more is."""
    tried = {1 << i: values[1 << i] for i in range(len(cost))}
    for _ in range(500):
        more = next_portfolios(tried, cost, budgets, worth)
        if not more:
            return tried
        assert not set(more) & set(tried), "nothing is run twice"
        tried |= {m: values[m] for m in more}
    raise AssertionError("the search does not end")


def town(measures: int, seed: int) -> tuple[dict[int, float], np.ndarray]:
    """Measures that each keep water from some streets: together they cover, and no street twice."""
    rng = np.random.default_rng(seed)
    streets, loss = rng.random((measures, 40)) < 0.25, rng.random(40)
    cost = rng.uniform(0.5, 3.0, measures)
    covered = {0: 0.0}
    for mask in range(1, 1 << measures):
        held = [i for i in range(measures) if mask >> i & 1]
        covered[mask] = float(loss[streets[held].any(axis=0)].sum())
    return covered, cost


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_the_search_finds_the_best_portfolio_of_a_known_town(seed: int, measures: int) -> None:
    values, cost = town(measures, seed)
    masks = np.arange(1 << measures)
    price, value = portfolio_costs(cost, masks), np.array([values[int(m)] for m in masks])
    budgets = [float(cost.sum()) * 0.4, float(cost.sum()) * 0.8]
    tried = searched(values, cost, budgets, worth=2.0)
    known = np.array([0, *sorted(tried)])
    for budget in budgets:
        row = best_within(price[known], value[known], budget, 2.0)
        got = 2.0 * value[known][row] - price[known][row]
        singles = [2.0 * values[1 << i] - cost[i] for i in range(measures) if cost[i] <= budget]
        assert got >= max([0.0, *singles]) - 1e-9, "a portfolio is never worse than its best single measure"
        best = 2.0 * value - price
        assert got >= 0.9 * float(best[price <= budget].max()) - 1e-9
    nets = [max(2.0 * values[m] - price[m] for m in known.tolist() if price[m] <= b) for b in budgets]
    assert nets[1] >= nets[0], "more money is never worse"


def test_with_many_measures_the_greedy_search_ends_near_the_best() -> None:
    values, cost = town(12, 3)
    tried = searched(values, cost, [float(cost.sum()) * 0.4], worth=5.0)
    assert len(tried) < 100
    masks = np.array([m for m in values if portfolio_costs(cost, np.array([m]))[0] <= cost.sum() * 0.4])
    best = max(values[int(m)] for m in masks)
    assert max(values[m] for m in tried) >= (1.0 - np.exp(-1.0)) * best


@given(st.lists(st.tuples(st.floats(0.1, 10.0), st.floats(-1.0, 10.0)), min_size=1, max_size=12))
def test_nothing_beats_the_frontier(points: list[tuple[float, float]]) -> None:
    cost, value = np.array([0.0, *(c for c, _ in points)]), np.array([0.0, *(v for _, v in points)])
    rows = frontier(cost, value)
    assert rows[0] == 0
    assert (np.diff(cost[rows]) > 0.0).all()
    assert (np.diff(value[rows]) > 0.0).all()
    for c, v in zip(cost, value, strict=True):
        assert v <= np.interp(c, cost[rows], value[rows]) + 1e-9


def test_levels_together_tell_what_the_fine_raster_alone_would_and_surer() -> None:
    weight, inside = np.array([0.4, 0.1]), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)

        def losses(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            row = np.repeat([0, 1], count)
            rain = rng.gamma(2.0, 1.0, 2 * count) * (1 + 4 * row)
            return rain, 2.5 * rain + 3.0, row  # fine; coarse, off in scale and height

        fine, coarse, row = losses(rng, 20)
        fine = fine + rng.normal(0.0, 0.3, len(fine))
        ratio = control_ratio(fine, coarse, row, weight)
        _, many, many_row = losses(rng, 4000)
        told = multilevel_estimate([(ratio * many, many_row), (fine - ratio * coarse, row)], weight)
        alone = multilevel_estimate([(fine, row)], weight)
        truth = 0.4 * 2.0 + 0.1 * 10.0
        assert told.standard_error < 0.35 * alone.standard_error
        inside += abs(told.mean - truth) < 1.96 * told.standard_error
    assert inside >= 50, "95 % intervals hold the truth about so often"


def test_storms_are_spent_where_they_tell_most() -> None:
    variance, cost = np.array([100.0, 4.0, 0.1]), np.array([1.0, 10.0, 100.0])
    counts = level_counts(variance, cost, standard_error=0.1)
    assert float((variance / counts).sum()) == pytest.approx(0.01)
    cheaper = counts * np.array([1.2, 0.8, 1.0])
    worse = float((variance / cheaper).sum()) / 0.01
    assert float((cheaper * cost).sum()) * worse > float((counts * cost).sum())
    with pytest.raises(InvalidInput, match="neither"):
        level_counts(variance, cost)
