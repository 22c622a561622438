"""Quality control: what is caught, what a real flood must never be called, and that batches leave no seam."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rencheng.science.quality import (
    CHECK_DTYPE,
    DATUM_JUMP,
    IMPOSSIBLE_RATE,
    OUT_OF_RANGE,
    STUCK,
    ChannelChecks,
    check_readings,
    interval_s,
    new_states,
)

HOUR = 3_600_000_000
RIVER = ChannelChecks(low=-20, high=100, max_rate_per_h=6.0, still_h=72.0, still_move=1.0, altitude_m=83.0)
RAIN = ChannelChecks(low=0, high=310, max_rate_per_h=425.0, increment=True, still_h=12.0, still_zero_ok=True)


def flags_of(
    values: list[float],
    *,
    checks: ChannelChecks = RIVER,
    step_h: float = 1.0,
    cuts: tuple[int, ...] = (),
    at: NDArray[np.int64] | None = None,
) -> list[int]:
    """Flags of one channel's readings at equal steps, taken in batches cut at the given places."""
    value = np.array(values, dtype=float)
    stamps = (np.arange(len(value)) * step_h * HOUR).astype(np.int64) if at is None else at
    state = new_states(1)
    limits = np.array([checks.record()], dtype=CHECK_DTYPE)
    found: list[int] = []
    for start, stop in zip((0, *cuts), (*cuts, len(value)), strict=True):
        part = slice(start, stop)
        flags = check_readings(
            np.zeros(stop - start, dtype=np.int64),
            stamps[part],
            value[part],
            outside=np.zeros(stop - start, dtype=bool),
            state=state,
            checks=limits,
        )
        found += flags.tolist()
    return found


def test_a_value_that_cannot_be_is_out_of_range_and_never_believed() -> None:
    assert flags_of([2.0, 489.85, 2.1]) == [0, OUT_OF_RANGE, 0]
    assert flags_of([489.85, 2.0, 2.1]) == [OUT_OF_RANGE, 0, 0]


def test_a_single_spike_is_an_impossible_rate_and_the_next_reading_is_good() -> None:
    assert flags_of([2.0, 2.1, 30.0, 2.2, 2.3]) == [0, 0, IMPOSSIBLE_RATE, 0, 0]


def test_a_level_that_shifts_in_one_step_and_stays_is_a_datum_jump_until_it_returns() -> None:
    found = flags_of([5.0, 5.2, 5.41, 21.59, 21.59, 21.60, 21.59, 5.9, 6.0])
    assert found == [0, 0, 0, IMPOSSIBLE_RATE, IMPOSSIBLE_RATE, DATUM_JUMP, DATUM_JUMP, 0, 0]


def test_a_new_level_is_believed_when_it_outlives_the_old() -> None:
    found = flags_of([5.0 + 0.01 * (n % 3) for n in range(10)] + [21.0 + 0.01 * (n % 3) for n in range(40)])
    assert found[10:13] == [IMPOSSIBLE_RATE, IMPOSSIBLE_RATE, DATUM_JUMP]
    assert set(found[13:34]) == {DATUM_JUMP}
    assert set(found[34:]) == {0}


def test_a_level_held_for_long_is_not_given_up_within_a_day() -> None:
    found = flags_of([5.0 + 0.01 * (n % 3) for n in range(200)] + [21.0 + 0.01 * (n % 3) for n in range(60)])
    assert set(found[202:]) == {DATUM_JUMP}


def test_a_flash_flood_of_many_metres_is_no_fault() -> None:
    """The Guadalupe at Hunt, Texas, rose some 7.6 m in 45 minutes on 4 July 2025."""
    quarter_hours = [2.1, 2.2, 3.0, 5.5, 8.0, 9.8, 10.6, 11.0, 11.2, 11.1, 10.9]
    assert flags_of(quarter_hours, step_h=0.25) == [0] * len(quarter_hours)


def test_a_wall_of_water_costs_one_reading_at_most() -> None:
    """A second large step the same way is motion: nature climbs in many steps, a moved zero in one."""
    assert flags_of([1.0, 1.0, 4.6, 7.5, 9.0, 9.2], step_h=0.25) == [0, 0, IMPOSSIBLE_RATE, 0, 0, 0]


def test_the_flood_is_seen_again_after_an_outage() -> None:
    at = np.array([0, 1, 2, 23], dtype=np.int64) * HOUR
    assert flags_of([6.9, 6.95, 6.94, 13.75], at=at) == [0, 0, 0, 0]


def test_an_altitude_in_place_of_a_stage_is_a_datum_fault() -> None:
    assert flags_of([99.2, 99.3]) == [DATUM_JUMP, DATUM_JUMP]
    assert flags_of([99.2], checks=ChannelChecks(low=-20, high=100, max_rate_per_h=6.0)) == [0]


def test_a_river_at_rest_may_stand_still_for_two_days() -> None:
    assert set(flags_of([2.10] * 72)) == {0}
    assert flags_of([2.10] * 74)[-2:] == [STUCK, STUCK]


def test_a_gauge_that_stops_in_the_middle_of_a_rise_is_stuck_within_hours() -> None:
    found = flags_of([2.0 + 0.3 * n for n in range(12)] + [5.3] * 8)
    assert set(found[:15]) == {0}
    assert found[-1] == STUCK


def test_a_slow_crest_is_not_stuck() -> None:
    crest = [round(10.0 - 0.02 * (n - 24) ** 2 / 10, 2) for n in range(49)]
    assert set(flags_of(crest)) == {0}


def test_a_wild_excursion_does_not_make_the_quiet_after_it_suspicious() -> None:
    assert flags_of([2.12, 165.83, *[2.12] * 20])[2:] == [0] * 20


def test_days_without_rain_are_not_stuck_and_repeated_rain_is_in_the_end() -> None:
    assert set(flags_of([0.0] * 500, checks=RAIN)) == {0}
    assert set(flags_of([0.2] * 12, checks=RAIN)) == {0}
    assert flags_of([0.2] * 14, checks=RAIN)[-1] == STUCK


def test_rain_beyond_the_world_record_of_its_duration_is_impossible() -> None:
    """425 D^0.47: a quarter of an hour 222 mm, an hour 425 mm (WMO-No. 1045)."""
    assert flags_of([0.0, 221.0, 223.0], checks=RAIN, step_h=0.25) == [0, 0, IMPOSSIBLE_RATE]
    assert math.isclose(425.0 * 0.25**0.47, 221.5, abs_tol=0.5)


def test_a_reading_out_of_turn_is_checked_for_range_only_and_leaves_no_trace() -> None:
    at = np.array([5, 6, 2, 7], dtype=np.int64) * HOUR
    assert flags_of([2.0, 2.1, 39.0, 2.2], at=at) == [0, 0, 0, 0]


def test_the_interval_is_the_median_gap_whatever_the_outages() -> None:
    at = np.cumsum([0, 1, 1, 1, 30, 1, 1, 14]).astype(np.int64) * HOUR
    state = new_states(2)
    check_readings(
        np.zeros(8, dtype=np.int64),
        at,
        np.arange(8.0),
        outside=np.zeros(8, dtype=bool),
        state=state,
        checks=np.array([RIVER.record()] * 2, dtype=CHECK_DTYPE),
    )
    learnt = interval_s(state)
    assert learnt[0] == 3600.0
    assert np.isnan(learnt[1])


series = st.lists(
    st.one_of(
        st.floats(0, 12).map(lambda v: round(v, 2)), st.sampled_from([2.0, 2.0, 2.0, -2.39, 21.59, 165.83, 99.0])
    ),
    min_size=1,
    max_size=60,
)


@given(series, st.lists(st.integers(0, 60), max_size=6), st.sampled_from([0.25, 1.0, 12.0]))
def test_flags_do_not_depend_on_how_the_series_is_cut(values: list[float], cuts: list[int], step_h: float) -> None:
    inner = tuple(sorted({cut for cut in cuts if 0 < cut < len(values)}))
    assert flags_of(values, cuts=inner, step_h=step_h) == flags_of(values, step_h=step_h)


@given(st.lists(st.floats(-1.4, 1.4), min_size=2, max_size=80), st.floats(0, 12))
def test_a_river_within_the_rate_of_nature_is_never_called_impossible_or_jumped(
    steps: list[float], start: float
) -> None:
    values = np.clip(start + np.cumsum(steps), -5, 39).tolist()
    found = flags_of(values, step_h=0.25)
    assert not any(flag & (IMPOSSIBLE_RATE | DATUM_JUMP | OUT_OF_RANGE) for flag in found)


@pytest.mark.parametrize("fault", [30.0, -15.0])
def test_counters_rise_with_faults_and_fall_with_good_readings(fault: float) -> None:
    state = new_states(1)
    values = np.array([2.0, fault, fault, fault, fault, 2.0, 2.1, 2.2, 2.1])
    check_readings(
        np.zeros(9, dtype=np.int64),
        np.arange(9) * HOUR,
        values,
        outside=np.zeros(9, dtype=bool),
        state=state,
        checks=np.array([RIVER.record()], dtype=CHECK_DTYPE),
    )
    assert state["of_late"].tolist() == [[0, 0, 0, 0]]
    assert state["good_value"].tolist() == [2.1]
