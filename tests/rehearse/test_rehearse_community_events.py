"""Twelve kinds of community event are alarmed soon, and seldom falsely, by rules that do not know how they are made."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.detect_events import run_trials

from rencheng.kernel import quantity
from rencheng.rehearse.community_events import COMMUNITY_EVENTS, event_trials


@pytest.mark.parametrize("name", COMMUNITY_EVENTS)
def test_an_event_is_alarmed_within_ninety_seconds_and_nothing_else_is(name: str) -> None:
    outcome = run_trials(COMMUNITY_EVENTS[name], 40, np.random.default_rng(11))
    assert outcome.found == outcome.trials
    assert np.quantile(outcome.delay_s, 0.99, method="higher") <= 90.0
    assert outcome.false <= 2


def test_a_gas_leak_is_alarmed_within_thirty_seconds() -> None:
    outcome = run_trials(COMMUNITY_EVENTS["gas_leak"], 100, np.random.default_rng(5))
    assert np.mean(outcome.delay_s <= 30.0) >= 0.99


@pytest.mark.parametrize("name", COMMUNITY_EVENTS)
def test_devices_report_what_can_be_measured_with_gaps_and_jitter(name: str) -> None:
    event = COMMUNITY_EVENTS[name]
    trials = event_trials(event, 5, np.random.default_rng(1), hours=2.0)
    of = quantity(event.quantity)
    assert np.mean((trials.value >= of.low) & (trials.value <= of.high)) > 0.99
    one = trials.at_us[trials.channel == 0]
    assert (np.diff(one) > 0).all()
    assert np.diff(one).max() >= 1.5 * event.every_s * 1e6
    again = event_trials(event, 5, np.random.default_rng(1), hours=2.0)
    assert np.array_equal(trials.value, again.value)
