"""Rule detectors: each kind keeps the contract, raises, steps down and closes when a person would say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rencheng.kernel import InvalidConfig, InvalidInput
from rencheng.science.detection.arrays import NEVER, Cause, Change
from rencheng.science.detection.cards import RULE_CARDS
from rencheng.science.detection.check import RuleDetector, Series, check_detector
from rencheng.science.detection.corroboration import event_probability
from rencheng.science.detection.rules import SEVERITIES, DetectionRule
from rencheng.science.detection.state import DetectorState
from rencheng.science.detection.step import advance, earliest_due, step

S = 1_000_000
DOCS = Path(__file__).parents[2] / "docs" / "reference" / "detectors.md"
KINDS = {
    "threshold": DetectionRule(id="t", kind="threshold", levels={"blue": 5.0}, hysteresis=1.0, raise_count=3),
    "rate": DetectionRule(id="r", kind="rate", levels={"blue": 8.0}, window_s=3600, raise_count=2),
    "no_data": DetectionRule(id="n", kind="no_data", levels={"blue": 3}, least_s=180, warm_count=5),
    "baseline": DetectionRule(
        id="b", kind="baseline", direction="both", levels={"blue": 6}, raise_count=3, warm_s=3 * 86400
    ),
    "cusum": DetectionRule(id="c", kind="cusum", direction="both", levels={"blue": 12}, slack=1.0, warm_count=200),
    "bayes": DetectionRule(id="y", kind="bayes", direction="both", levels={"blue": 0.9}, window_s=600, warm_count=30),
}


def fallen_silent(series: Series) -> Series:
    at, value = series
    keep = np.ones(len(at), bool)
    keep[2 * len(at) // 3 : 2 * len(at) // 3 + 60] = False
    return at[keep], value[keep]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_rule_keeps_the_contract_of_a_detector(kind: str) -> None:
    check_detector(RuleDetector(KINDS[kind]), event=fallen_silent if kind == "no_data" else None)


def test_a_detector_that_looks_ahead_or_forgets_is_found_out() -> None:
    class Ahead(RuleDetector):
        def step(self, state: DetectorState, at_us: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.bool_]:
            return np.asarray(super().step(state, at_us, value) | (value.max(initial=0.0) > 100), dtype=bool)

    class Forgetful(RuleDetector):
        def step(self, state: DetectorState, at_us: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.bool_]:
            alarm = super().step(state, at_us, value)
            state.slots[:] = self.new_state().slots
            return alarm

    with pytest.raises(InvalidInput, match="it looks ahead"):
        check_detector(Ahead(KINDS["threshold"]))
    with pytest.raises(InvalidInput, match="depends on cuts or forgets"):
        check_detector(Forgetful(DetectionRule(id="t", kind="cusum", levels={"blue": 4.0}, warm_count=200)))


def test_every_kind_has_a_card_in_the_reference() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name, card in RULE_CARDS.items():
        assert f"`{name}`" in text
        assert card.source in text
        assert f"| {card.false_per_sensor_day:g} |" in text


def one(rule: DetectionRule, interval_s: float = float("nan")) -> DetectorState:
    state = DetectorState(rule.record())
    state.add_channel((0,), interval_s)
    return state


def told(state: DetectorState, seconds: list[float], values: list[float]) -> list[tuple[str, str, float, str]]:
    """What a rule says: change, severity, second of event time, cause."""
    n = len(seconds)
    at = np.array([round(s * S) for s in seconds], dtype=np.int64)
    events = step(state, np.zeros(n, np.int64), at, np.array(values), np.zeros(n, np.uint16))
    return story(events)


def story(events: NDArray[np.void]) -> list[tuple[str, str, float, str]]:
    return [
        (
            Change(e["change"]).name.lower(),
            SEVERITIES[e["severity"] - 1] if e["severity"] else "",
            e["at"] / S,
            Cause(e["cause"]).name.lower(),
        )
        for e in events
    ]


def test_a_limit_must_be_kept_for_its_time_and_the_alarm_begins_when_that_ran_out() -> None:
    rule = DetectionRule(id="t", kind="threshold", levels={"red": 10.0}, raise_after_s=100)
    assert told(one(rule), [0, 60, 90, 200], [11, 11, 9, 11]) == []
    assert told(one(rule), [0, 60, 150], [11, 11, 11]) == [("raised", "red", 100.0, "above")]
    silent = one(rule)
    assert told(silent, [0], [11]) == []
    assert earliest_due(silent) == 100 * S
    assert story(advance(silent, 99 * S)) == []
    assert story(advance(silent, 500 * S)) == [("raised", "red", 100.0, "above")]
    broken_off = DetectionRule(id="t", kind="threshold", levels={"red": 10.0}, raise_after_s=100, gap_s=60)
    assert story(advance_after(one(broken_off), [0], [11], 500)) == []


def advance_after(state: DetectorState, seconds: list[float], values: list[float], until_s: float) -> NDArray[np.void]:
    told(state, seconds, values)
    return advance(state, round(until_s * S))


def test_severity_climbs_and_steps_down_level_by_level_with_hysteresis() -> None:
    levels = {"blue": 1.0, "yellow": 2.0, "red": 3.0}
    rule = DetectionRule(id="t", kind="threshold", levels=levels, hysteresis=0.2, clear_after_s=10)
    state = one(rule)
    assert told(state, [0, 1, 2], [1.5, 3.5, 2.9]) == [
        ("raised", "blue", 0.0, "above"),
        ("updated", "red", 1.0, "above"),
    ]
    assert told(state, [3, 9, 14], [2.5, 2.4, 1.9]) == [("updated", "yellow", 13.0, "back")]
    assert told(state, [15, 30, 31], [0.9, 0.9, 0.5]) == [("updated", "blue", 25.0, "back")]
    assert story(advance(state, 1000 * S)) == [("cleared", "", 41.0, "back")]


def test_an_alarm_of_a_sensor_that_went_dumb_stands_unless_the_rule_gives_it_up() -> None:
    keep = DetectionRule(id="t", kind="threshold", levels={"red": 10.0})
    give_up = DetectionRule(id="t", kind="threshold", levels={"red": 10.0}, silent_clear_s=600)
    assert story(advance_after(one(keep), [0], [11], 1e6)) == []
    assert story(advance_after(one(give_up), [0], [11], 1e6)) == [("cleared", "", 600.0, "unheard")]


def test_below_a_limit_alarms_too() -> None:
    rule = DetectionRule(
        id="t", kind="threshold", direction="below", levels={"yellow": 198.0, "orange": 110.0}, hysteresis=5.0
    )
    assert told(one(rule), [0, 1, 2, 3], [220, 150, 50, 204]) == [
        ("raised", "yellow", 1.0, "below"),
        ("updated", "orange", 2.0, "below"),
        ("cleared", "", 3.0, "back"),
    ]


def test_silence_is_raised_at_its_instant_and_grows_and_ends_with_the_next_reading() -> None:
    rule = DetectionRule(id="n", kind="no_data", levels={"blue": 3, "yellow": 10}, least_s=120)
    state = one(rule, interval_s=60.0)
    assert told(state, [0, 60, 120], [1, 1, 1]) == []
    assert story(advance(state, 1000 * S)) == [
        ("raised", "blue", 300.0, "silent"),
        ("updated", "yellow", 720.0, "silent"),
    ]
    assert told(state, [5000], [1]) == [("cleared", "", 5000.0, "heard")]
    late = one(rule, interval_s=60.0)
    assert told(late, [0, 60, 1000], [1, 1, 1]) == [
        ("raised", "blue", 240.0, "silent"),
        ("updated", "yellow", 660.0, "silent"),
        ("cleared", "", 1000.0, "heard"),
    ]


def test_rows_out_of_turn_second_values_and_stamps_ahead_of_the_clock_move_nothing() -> None:
    state = one(DetectionRule(id="t", kind="threshold", levels={"red": 10.0}))
    assert told(state, [10, 5, 10], [1, 99, 99]) == []
    flags = np.array([8, 64, 1], np.uint16)
    at = np.array([20, 30, 40]) * S
    assert not len(step(state, np.zeros(3, np.int64), at, np.full(3, 99.0), flags))
    assert state.slots["last_at"][0] == 10 * S
    assert state.slots["begun_at"][0] == NEVER


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"kind": "magic"}, "kind 'magic' is not known"),
        ({"levels": {"blue": 2.0, "red": 1.0}}, "a severer level must be harder to reach"),
        ({"levels": {"pink": 2.0}}, "level 'pink' is not known"),
        ({"levels": {"notice": 2.0}}, "levels holds no colour"),
        ({"direction": "both"}, "direction 'both' is not known"),
        ({"raise_after_s": -1.0}, "raise_after_s is negative"),
        ({"window_s": 0.0}, "window_s is not positive"),
        ({"confidence": 2.0}, "confidence is not between 0 and 1"),
        ({"reach_m": 5.0}, "reach_m without a level notice"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_name(change: dict[str, object], what: str) -> None:
    with pytest.raises(InvalidConfig, match=what):
        DetectionRule(**{"id": "x", "kind": "threshold", "levels": {"blue": 1.0}, **change})  # type: ignore[arg-type]


def test_neighbours_move_belief_both_ways() -> None:
    assert event_probability(0.8, 0, 0) == pytest.approx(0.8)
    beliefs = [event_probability(0.8, 5, agreeing) for agreeing in range(6)]
    assert beliefs == sorted(beliefs)
    assert beliefs[0] < 0.05
    assert beliefs[2] > 0.95
