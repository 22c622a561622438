"""Forecasts of the rain: what is taken, what is refused and by which words, and that a stored one is the same again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput, OrderRefused
from rencheng.sense import (
    RainForecast,
    RainForecastGrid,
    handle,
    initial_state,
    rain_forecast_from_csv,
    rain_forecast_from_json,
    rain_forecast_from_table,
    rain_forecast_order,
    rain_forecast_table,
)
from rencheng.sense.facts import RainForecastTaken

NOW = datetime(2026, 7, 20, 6, tzinfo=UTC)
HOURS = "minutes,rate_mm_h\n60,2\n120,30\n180,4\n"


def taken(order: Any, now: datetime = NOW) -> RainForecastTaken:
    inputs: Any = SimpleNamespace()
    (draft,) = handle(initial_state(), order, inputs, now, "feed:nwp")
    assert isinstance(draft.body, RainForecastTaken)
    return draft.body


def test_a_series_is_read_as_rates_or_as_depths() -> None:
    rates, depths = rain_forecast_from_csv(HOURS), rain_forecast_from_csv("minutes,depth_mm\n30,3\n90,6\n")
    assert rates.kind == "best"
    assert rates.total_mm == pytest.approx(36.0)
    assert depths.rate_mm_h.ravel().tolist() == [6.0, 6.0]


def test_quantiles_and_members_are_told_apart_by_their_columns() -> None:
    quantiles = rain_forecast_from_csv("minutes,q90,q10,q50\n60,9,0,2\n")
    assert quantiles.levels == (0.1, 0.5, 0.9)
    assert quantiles.rate_mm_h.ravel().tolist() == [0.0, 2.0, 9.0]
    assert quantiles.total_mm == pytest.approx(2.0)
    members = rain_forecast_from_json('{"steps": [{"minutes": 60, "member_1": 1, "member_2": 3}]}')
    assert members.kind == "members"
    assert members.total_mm == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("minutes,rate_mm_h\n60,-1\n", "negative rain"),
        ("minutes,rate_mm_h\n60,9999\n", "beyond any measured"),
        ("minutes,rate_mm_h\n60,nan\n", "missing"),
        ("minutes,rate_mm_h\n60,x\n", "column rate_mm_h"),
        ("minutes,rate_mm_h\n60,1\n30,1\n", "do not ascend"),
        ("minutes,rate_mm_h\n60000,1\n", "h ahead"),
        ("minutes,rain\n60,1\n", "columns of rain"),
        ("hours,rate_mm_h\n1,1\n", "no column 'minutes'"),
        ("minutes,q10,q90\n60,5,1\n", "less rain than a lower"),
        ("minutes,rate_mm_h\n", "no steps"),
        ("minutes,rate_mm_h\n60\n", "1 values for 2 columns"),
    ],
)
def test_rain_that_cannot_be_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        rain_forecast_from_csv(text)


def test_a_document_that_is_none_is_refused() -> None:
    for text in ("{", "[]", '{"steps": []}', '{"steps": [{"minutes": 1, "rate_mm_h": 1}, {"minutes": 2}]}'):
        with pytest.raises(InvalidInput, match="rain forecast"):
            rain_forecast_from_json(text)


@settings(deadline=None)  # the first call imports
@given(
    st.integers(1, 4),
    st.integers(1, 5),
    st.lists(st.floats(0.0, 200.0, width=32), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_stored_forecast_is_the_same_again(layers: int, steps: int, rates: list[float], gridded: bool) -> None:
    rate = np.resize(np.array(rates, np.float32), (layers, steps, 2, 3) if gridded else (layers, steps, 1, 1))
    grid = RainForecastGrid(west_m=1.0, south_m=2.0, cell_m=3000.0, crs="EPSG:32650") if gridded else None
    forecast = RainForecast(edges_s=np.arange(steps + 1, dtype=np.float64) * 3600.0, rate_mm_h=rate, grid=grid)
    again = rain_forecast_from_table(rain_forecast_table(forecast))
    assert again.rate_mm_h.tobytes() == forecast.rate_mm_h.tobytes()
    assert again.edges_s.tolist() == forecast.edges_s.tolist()
    assert (again.grid, again.levels) == (grid, ())


def test_a_forecast_is_named_in_a_fact_with_what_it_says() -> None:
    body = taken(rain_forecast_order("nwp", NOW, rain_forecast_from_csv(HOURS), "abc"))
    assert (body.kind, body.layers, body.steps, body.horizon_h) == ("best", 1, 3, 3.0)
    assert (body.total_mm, body.highest_mm_h, body.field) == (36.0, 30.0, "abc")


def test_a_forecast_from_the_future_or_the_past_is_refused() -> None:
    forecast = rain_forecast_from_csv(HOURS)
    for issued, said in ((NOW + timedelta(hours=1), "ahead of now"), (NOW - timedelta(hours=3), "newer forecast")):
        with pytest.raises(OrderRefused, match=said):
            taken(rain_forecast_order("nwp", issued, forecast, "abc"))
    with pytest.raises(OrderRefused, match="name a source"):
        taken(rain_forecast_order("Dr. Rain", NOW, forecast, "abc"))
