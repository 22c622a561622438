"""Verification scores against published and hand-worked tables."""

from __future__ import annotations

import numpy as np
import pytest

from rencheng.kernel import InvalidInput
from rencheng.science.verification import ContingencyTable, lead_time_percentiles, match_warnings


def test_finleys_tornadoes() -> None:
    # Finley 1884 as tabulated by Murphy 1996 (Weather and Forecasting 11:3) and Wilks 2011, table 8.1
    finley = ContingencyTable(hits=28, misses=23, false_alarms=72, correct_negatives=2680)
    assert finley.pod == pytest.approx(0.549, abs=5e-4)
    assert finley.far == pytest.approx(0.720, abs=5e-4)
    assert finley.csi == pytest.approx(0.228, abs=5e-4)
    assert finley.bias == pytest.approx(1.96, abs=5e-3)
    assert finley.pofd == pytest.approx(0.0262, abs=5e-5)
    assert finley.ets == pytest.approx(0.216, abs=5e-4)


def test_the_worked_rain_example_of_the_wwrp_verification_pages() -> None:
    # WWRP/WGNE JWGFVR: one year of rain forecasts, 82 hits, 38 false alarms, 23 misses, 222 correct negatives
    rain = ContingencyTable(hits=82, false_alarms=38, misses=23, correct_negatives=222)
    assert rain.pod == pytest.approx(0.78, abs=5e-3)
    assert rain.far == pytest.approx(0.32, abs=5e-3)
    assert rain.csi == pytest.approx(0.57, abs=5e-3)
    assert rain.bias == pytest.approx(1.14, abs=5e-3)
    assert rain.ets == pytest.approx(0.44, abs=5e-3)


def test_without_events_or_warnings_there_is_no_score() -> None:
    nothing = ContingencyTable(hits=0, misses=0, false_alarms=0)
    assert (nothing.pod, nothing.far, nothing.csi, nothing.bias, nothing.pofd, nothing.ets) == (None,) * 6
    assert ContingencyTable(hits=0, misses=2, false_alarms=0).far is None
    with pytest.raises(InvalidInput):
        ContingencyTable(hits=-1, misses=0, false_alarms=0)


def test_a_hand_worked_week_of_warnings() -> None:
    # hours: events at 10–20 (warned at 4), 40–44 (warned late at 41), 70–80 (two warnings, the first at 60),
    # 100–101 (unwarned); a warning 120–130 that nothing followed
    events = np.array([[10.0, 20.0], [40.0, 44.0], [70.0, 80.0], [100.0, 101.0]])
    warnings = np.array([[4.0, 25.0], [41.0, 50.0], [60.0, 75.0], [65.0, 90.0], [120.0, 130.0]])
    match = match_warnings(events[:, 0], events[:, 1], warnings[:, 0], warnings[:, 1])
    assert match.warning_of_event.tolist() == [0, -1, 2, -1]
    assert match.lead_s.tolist()[0::2] == [6.0, 10.0]
    assert match.late.tolist() == [False, True, False, False]
    assert match.false_alarm.tolist() == [False, False, False, False, True]
    table = match.table
    assert (table.hits, table.misses, table.false_alarms) == (2, 2, 1)
    assert (table.pod, table.csi) == (0.5, 0.4)
    assert table.far == pytest.approx(1 / 3)
    assert lead_time_percentiles(match.lead_s) == {10.0: pytest.approx(6.4), 50.0: 8.0, 90.0: pytest.approx(9.6)}


def test_a_warning_that_ended_just_before_counts_within_the_tolerance() -> None:
    event, warning = np.array([10.0]), np.array([2.0])
    ended = np.array([9.0])
    assert match_warnings(event, event + 1, warning, ended).table.misses == 1
    tolerant = match_warnings(event, event + 1, warning, ended, tolerance_s=1.0)
    assert (tolerant.table.hits, tolerant.table.false_alarms) == (1, 0)


@pytest.mark.parametrize("count", [0, 2])
def test_empty_sides_are_all_misses_or_all_false_alarms(count: int) -> None:
    some, none = np.arange(float(count)), np.zeros(0)
    assert match_warnings(some, some, none, none).table.misses == count
    assert match_warnings(none, none, some, some).table.false_alarms == count
    assert lead_time_percentiles(none) == {}
