"""Clocks of devices: the wrong one is named with how wrong it is; a slow line or a backlog is not held against it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from tests.app.connectors.live_feeds import gauge_feed

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.connectors import FeedCondition
from rencheng.app.live_intake import LiveIntake
from rencheng.sense import Delivery

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
AHEAD_S = {"g3": 3600.0, "g5": -900.0, "g6": 100.0}


def after(rounds: int, *, backlog: bool = False, **keys: Any) -> FeedCondition:
    """Ten gauges report every minute over a line of two to eight seconds."""
    rng = np.random.default_rng(3)
    now = [NOON]
    store = DuckDbReadings()
    feed = gauge_feed({"kind": "http"}, sensor="{1}", **keys)
    intake = LiveIntake(store, {"gauges": feed}, clock=lambda: now[0])
    for n in range(rounds):
        for k in range(10):
            at = NOON + timedelta(minutes=n, seconds=AHEAD_S.get(f"g{k}", 0.0))
            now[0] = NOON + timedelta(minutes=n, seconds=float(rng.uniform(2, 8)))
            if backlog and k == 9 and n % 4 == 0:
                at -= timedelta(hours=5)
            body = b'{"t": %d, "v": 1.5, "n": %d}' % (at.timestamp() * 1000, n)
            intake.offer("gauges", body, delivery=Delivery(arrived_at=now[0], topic=f"g{k}"))
    condition = intake.conditions()[0]
    intake.close()
    store.close()
    return condition


def test_the_clock_that_is_wrong_is_named_and_a_slow_line_and_a_backlog_are_not_held_against_a_device() -> None:
    found = after(12, backlog=True).wrong_clocks
    assert [clock.sensor_id for clock in found] == ["g3", "g5"]
    assert found[0].ahead_s == pytest.approx(3600, abs=10)
    assert found[1].ahead_s == pytest.approx(-900, abs=10)


def test_nothing_is_said_of_few_deliveries_nor_where_readings_are_stamped_on_arrival() -> None:
    assert after(4).wrong_clocks == ()
    assert after(8, time={}).wrong_clocks == ()
    assert after(8, limits={"clock_ahead_s": 7200.0}).wrong_clocks == ()
