"""A gateway without compiled code must raise the very alarms that the core would."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.science.detection.rules import DetectionRule
from rencheng.science.detection.scalar_step import ScalarDetector, ScalarRule, ScalarState
from rencheng.science.detection.state import DetectorState
from rencheng.science.detection.step import advance, step

S = 1_000_000
RULES = (
    DetectionRule(id="a", kind="threshold", levels={"orange": 0.5, "red": 2.0}, hysteresis=0.3, raise_count=2),
    DetectionRule(
        id="b",
        kind="threshold",
        direction="below",
        levels={"notice": 1.5, "yellow": 1.0, "red": 0.2},
        hysteresis=0.1,
        raise_after_s=20,
        clear_after_s=30,
        gap_s=60,
        silent_clear_s=300,
    ),
    DetectionRule(id="c", kind="rate", levels={"yellow": 0.5, "red": 1.5}, window_s=60, clear_after_s=20),
    DetectionRule(id="d", kind="no_data", levels={"blue": 3, "yellow": 10}, least_s=15, warm_count=3, silent_clear_s=0),
)
READING = st.tuples(
    st.integers(-5, 90),
    st.sampled_from([0.0, 0.1, 0.3, 0.49, 0.5, 0.9, 1.0, 1.2, 1.9, 2.0, 3.5, float("nan"), float("inf")]),
    st.sampled_from([0, 0, 0, 0, 1, 8, 64, 1 | 2]),
)


def core(rule: DetectionRule, stream: list[tuple[int, float, int]], until: int) -> list[tuple[float, ...]]:
    state = DetectorState(rule.record())
    state.add_channel((0,))
    found = []
    for at, value, flags in stream:
        found.append(
            step(
                state,
                np.zeros(1, np.int64),
                np.array([at], np.int64),
                np.array([value]),
                np.array([flags], np.uint16),
            )
        )
    found.append(advance(state, until))
    names = list(found[0].dtype.names or ())[2:]
    return [tuple(row[name].item() for name in names) for part in found for row in part]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(RULES), st.lists(READING, max_size=40), st.integers(0, 40))
def test_one_by_one_and_compiled_say_the_same(
    rule: DetectionRule, steps: list[tuple[int, float, int]], cut: int
) -> None:
    at, stream = 1_760_000_000 * S, []
    for gap, value, flags in steps:
        at += gap * S
        stream.append((at, value, flags))
    until = at + 400 * S
    detector = ScalarDetector(ScalarRule.from_record(rule.record()))
    mine = []
    for n, (stamp, value, flags) in enumerate(stream):
        if n == cut:  # the gateway restarts
            kept = msgspec.msgpack.encode(detector.state)
            detector = ScalarDetector(detector.rule, msgspec.msgpack.decode(kept, type=ScalarState))
        mine += detector.take(stamp, value, flags)
    mine += detector.advance(until)
    theirs = core(rule, stream, until)
    assert [tuple(map(str, event)) for event in mine] == [tuple(map(str, event)) for event in theirs]
