"""False alarms of each kind of rule when nothing happens: the figures of the cards, from many sensors.

Run with ``python -m benchmarks.detection_cards [sensors]``.
"""

from __future__ import annotations

import sys

import numpy as np

from rencheng.science.detection.check import RuleDetector, quiet_series
from rencheng.science.detection.rules import DetectionRule

DAYS = 20
RULES = (
    (DetectionRule(id="t", kind="threshold", levels={"blue": 5.0}, hysteresis=1.0, raise_count=3), 0.0),
    (DetectionRule(id="r", kind="rate", levels={"blue": 8.0}, window_s=3600, raise_count=2), 0.0),
    (DetectionRule(id="n", kind="no_data", levels={"blue": 3}, least_s=180, warm_count=5), 0.0),
    (
        DetectionRule(id="b", kind="baseline", direction="both", levels={"blue": 6}, raise_count=3, warm_s=3 * 86400),
        6.0,
    ),
    (DetectionRule(id="c", kind="cusum", direction="both", levels={"blue": 12}, slack=1.0, warm_count=200), 0.0),
    (DetectionRule(id="y", kind="bayes", direction="both", levels={"blue": 0.9}, window_s=600, warm_count=30), 0.0),
)


def main() -> None:
    sensors = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print("| kind | false alarms | per sensor-day |\n|---|---|---|")
    for rule, swing in RULES:
        detector = RuleDetector(rule)
        false = 0
        for seed in range(sensors):
            alarm = detector.step(detector.new_state(), *quiet_series(DAYS, seed, swing=swing))
            false += int((np.diff(alarm.astype(np.int8), prepend=0) > 0).sum())
        print(f"| {rule.kind} | {false} | {false / sensors / DAYS:.4g} |")


if __name__ == "__main__":
    main()
