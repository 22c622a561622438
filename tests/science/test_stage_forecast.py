"""The stage forecast: finds what lies upstream, beats persistence where it can, and admits where it cannot."""

from __future__ import annotations

import numpy as np

from rencheng.science.stage_forecast import fit_stage_model
from rencheng.science.stage_outlook import MEMORY_H, adaptive_level, persistence_outlook, predict_stage
from rencheng.science.upstream_gauges import select_upstream

HOURS = 24 * 40
LEADS = (6, 12, 24)


def basin(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Rain makes a wave at gauge 1 that reaches gauge 0 nine hours later; gauge 2 minds its own business."""
    rng = np.random.default_rng(seed)
    rain = np.where(rng.random(HOURS) < 0.03, rng.gamma(2.0, 6.0, HOURS), 0.0)
    upstream = 1.0 + np.convolve(rain, np.exp(-np.arange(60) / 15.0) * 0.05)[:HOURS]
    town = np.full(HOURS, 2.0)
    town[9:] = 1.5 + 0.6 * np.convolve(upstream, np.full(6, 1 / 6))[: HOURS - 9]
    other = 3.0 + 0.02 * np.cumsum(rng.normal(size=HOURS))
    noise = rng.normal(scale=0.005, size=(HOURS, 3))
    stage = np.column_stack([town, upstream, other]) + noise
    return stage[24:], np.column_stack([np.full(HOURS, np.nan), rain, np.full(HOURS, np.nan)])[24:]


def test_the_gauge_upstream_is_found_with_its_travel_time() -> None:
    stage, _ = basin()
    chosen = select_upstream(stage, 0, lead_h=12, plausible=np.array([0.0, 1.0, 1.0]))
    assert chosen[0].column == 1
    assert select_upstream(stage, 0, lead_h=12, plausible=np.zeros(3)) == ()


def rolling(stage: np.ndarray, rain: np.ndarray, start: int) -> np.ndarray:
    """Forecast hourly from ``start`` on with one fit before it; rows of (lead, truth, now, median, low, high)."""
    chosen = select_upstream(stage[:start], 0, lead_h=12, plausible=np.array([0.0, 1.0, 1.0]))
    model = fit_stage_model(stage[:start], rain[:start], 0, upstream=chosen, rain_columns=(1,), leads_h=LEADS)
    assert model is not None
    rows = []
    for t in range(start, len(stage) - 24, 3):
        outlook = predict_stage(model, stage[t + 1 - MEMORY_H : t + 1], rain[t + 1 - MEMORY_H : t + 1])
        assert outlook is not None
        for i, lead in enumerate(LEADS):
            told = (outlook.median_m[i], outlook.low_m[i], outlook.high_m[i])
            rows.append((lead, stage[t + lead, 0], stage[t, 0], *told))
    return np.array(rows)


def test_news_from_upstream_beats_persistence_with_an_honest_interval() -> None:
    stage, rain = basin()
    found = rolling(stage, rain, 500)
    for lead in LEADS[:2]:
        _, truth, now, median, low, high = found[found[:, 0] == lead].T
        assert np.abs(truth - median).mean() < 0.7 * np.abs(truth - now).mean(), f"{lead} h"
        assert 0.65 <= np.mean((low <= truth) & (truth <= high)) <= 0.97, f"{lead} h"


def test_a_walk_that_nobody_can_foretell_is_left_to_persistence() -> None:
    rng = np.random.default_rng(3)
    stage = 5.0 + 0.05 * np.cumsum(rng.normal(size=(600, 1)), axis=0)
    model = fit_stage_model(stage, np.full((600, 1), np.nan), 0, upstream=(), rain_columns=(), leads_h=LEADS)
    assert model is not None
    assert (model.mae_m <= model.persistence_mae_m).all()
    assert model.trust.max() <= 0.5


def test_missing_gauges_do_not_stop_a_forecast_but_a_silent_gauge_has_none() -> None:
    stage, rain = basin()
    chosen = select_upstream(stage[:500], 0, lead_h=12, plausible=np.array([0.0, 1.0, 1.0]))
    model = fit_stage_model(stage[:500], rain[:500], 0, upstream=chosen, rain_columns=(1,))
    assert model is not None
    now, fallen = stage[500 - MEMORY_H : 500].copy(), rain[500 - MEMORY_H : 500].copy()
    now[:, 1], fallen[:] = np.nan, np.nan
    outlook = predict_stage(model, now, fallen)
    assert outlook is not None
    assert np.isfinite(outlook.high_m).all()
    now[-1, 0] = np.nan
    assert predict_stage(model, now, fallen) is None


def test_too_short_a_past_teaches_nothing() -> None:
    stage, rain = basin()
    assert fit_stage_model(stage[:60], rain[:60], 0, upstream=(), rain_columns=()) is None


def test_intervals_widen_in_a_rapid_rise() -> None:
    calm = persistence_outlook(np.full(24, 2.0), LEADS)
    rising = persistence_outlook(np.r_[np.full(20, 2.0), 2.2, 2.5, 2.9, 3.4], LEADS)
    assert calm is not None
    assert rising is not None
    assert (rising.high_m - rising.median_m > 5 * (calm.high_m - calm.median_m)).all()
    assert persistence_outlook(np.array([np.nan, 1.0]), LEADS) is None


def test_misses_widen_and_hits_narrow_back_to_the_aim() -> None:
    assert adaptive_level([True] * 5) < adaptive_level([True] * 5 + [False] * 50) <= 0.2
