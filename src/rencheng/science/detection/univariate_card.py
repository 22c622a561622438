"""The univariate detector as ``check_detector`` drives it, with its card."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rencheng.science.detection.cards import DetectorCard
from rencheng.science.detection.univariate import UnivariateState, detect_step

__all__ = ["UNIVARIATE_CARD", "UnivariateDetector"]

UNIVARIATE_CARD: Final = DetectorCard(
    name="univariate",
    quantity="any, without rules or settings of its own",
    method="39 deviations of each reading, each as a tail probability against the series' own past; six small networks "
    "with fixed weights learnt on made-up series say how likely an anomaly begins; told once, then quiet",
    source="Hill (1975) and Siffer et al. (2017) for the tails; Dietterich et al. (1997) for learning from windows; "
    "scored by the rule of Lavin and Ahmad (2015)",
    settings="none: one setting for all series",
    false_per_sensor_day=0.5,
    limits=(
        "Learns for some hundred readings before it can be believed.",
        "What went wrong from the first day on, and what rises slower than its memory (weeks), is normal to it.",
        "A holiday looks like an odd day.",
        "A switch without any noise, thrown within a half-hour of the day, may be told when it is thrown.",
        "Hours and days are those of UTC.",
    ),
)
"""False alarms: see ``docs/explanation/detection-univariate.md``."""


class UnivariateDetector:
    """The detector of ``rencheng detect`` as a :class:`rencheng.science.detection.check.Detector`."""

    card = UNIVARIATE_CARD
    scale_free = True

    def new_state(self) -> UnivariateState:
        """Give the state before the first reading."""
        return UnivariateState()

    def step(self, state: UnivariateState, at_us: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Take readings and tell after each whether the alarm sounds."""
        return detect_step(state, at_us, value)[1]
