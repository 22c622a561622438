"""Arrays of the rule detectors: what a rule asks, what a detector remembers, what it says."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

__all__ = [
    "CAUSES",
    "EVENT_DTYPE",
    "FOREVER",
    "HYPOTHESES",
    "KINDS",
    "LEVELS",
    "NEVER",
    "RULE_DTYPE",
    "RUN_DTYPE",
    "SEASON_DTYPE",
    "SLOT_DTYPE",
    "Cause",
    "Change",
    "Kind",
]

NEVER = np.iinfo(np.int64).min
FOREVER = np.iinfo(np.int64).max
LEVELS = 5
"""Notice, blue, yellow, orange, red; a severity is a level's place plus one, and 0 is none."""
HYPOTHESES = 24
"""Run lengths that the Bayesian change-point detector keeps; less likely ones are dropped."""


class Kind(IntEnum):
    """What a rule looks at."""

    THRESHOLD = 0
    """The value itself."""
    RATE = 1
    """Rise (or fall) within a window of time."""
    NO_DATA = 2
    """Expected intervals without a reading."""
    BASELINE = 3
    """Deviation from the hour of the week, in robust standard deviations."""
    CUSUM = 4
    """Cumulative sum of deviations from the running mean."""
    BAYES = 5
    """Probability that the level changed a short while ago."""


KINDS = {kind.name.lower(): kind for kind in Kind}
"""By the name in rule files."""


class Change(IntEnum):
    """What an event row says of an alarm."""

    RAISED = 1
    UPDATED = 2
    CLEARED = 3
    NOTICED = 4
    """Below any alarm, yet odd: evidence for or against neighbours."""
    UNNOTICED = 5


class Cause(IntEnum):
    """Why a row was written."""

    ABOVE = 1
    BELOW = 2
    RISING = 3
    FALLING = 4
    SILENT = 5
    UNUSUAL_HIGH = 6
    UNUSUAL_LOW = 7
    SHIFTED = 8
    BACK = 9
    """The reason no longer holds."""
    HEARD = 10
    """A silent channel reports again."""
    UNHEARD = 11
    """Nothing was heard for so long that the alarm is closed without knowing."""
    DISOWNED = 12
    """Neighbours did not see it: a matter of the sensor."""
    ALONE = 13
    """A sensor that disagrees with its neighbours."""
    RULE_CHANGED = 14


CAUSES = {cause: cause.name.lower() for cause in Cause}

RULE_DTYPE = np.dtype(
    [
        ("kind", np.int64),
        ("sign", np.float64),  # +1 above or rising, -1 below or falling, 0 both
        ("limit", np.float64, (LEVELS,)),  # of x, ascending; NaN where there is no such level
        ("clear", np.float64, (LEVELS,)),  # x below this no longer holds the level
        ("raise_after", np.int64),  # microseconds that the limit must be kept
        ("raise_count", np.int64),  # and readings in a row
        ("clear_after", np.int64),
        ("silent_clear", np.int64),  # an alarm unheard of for so long is closed; 0: never
        ("gap", np.int64),  # a pause longer than this ends a spell; 0: none does
        ("ignore", np.int64),  # quality flags that make a reading not count
        ("window", np.int64),  # of the rate; block of the Bayesian detector
        ("tau", np.int64),  # time constant of the baseline's slow part
        ("warm_us", np.int64),  # no judgement before so much time
        ("warm_count", np.int64),  # and so many readings
        ("scale_floor", np.float64),  # smallest standard deviation believed, in the quantity's unit
        ("p", np.float64, (4,)),  # kind's own, and last the lowest limit of x that holds any level
        ("hear", np.int64),  # a neighbour that was silent for longer cannot speak for or against
        ("confidence", np.float64),
    ],
    align=True,
)
"""A rule as numbers; times in microseconds, limits already multiplied by the sign."""

SLOT_DTYPE = np.dtype(
    [
        ("last_at", np.int64),
        ("first_at", np.int64),
        ("begun_at", np.int64),
        ("clear_since", np.int64),
        ("since", np.int64, (LEVELS,)),
        ("ready", np.int64, (LEVELS,)),
        ("count", np.int32, (LEVELS,)),
        ("severity", np.int32),
        ("hold", np.int32),
        ("hold_max", np.int32),
        ("pending", np.int32),
        ("seen", np.int32),
        ("last_x", np.float64),
        ("last_value", np.float64),
        ("pause_from", np.int64),  # the last pause longer than the rule's ``hear``
        ("pause_to", np.int64),
        ("onset", np.int64),
        ("mark", np.int64, (2,)),
        ("aux", np.float64, (8,)),
    ],
    align=True,
)
"""What one rule remembers of one channel."""

SEASON_DTYPE = np.dtype([("level", np.float32, (168,)), ("n", np.uint8, (168,))], align=True)
"""Mean of every hour of the week and how often it was seen."""

RUN_DTYPE = np.dtype(
    [
        ("log_p", np.float64, (HYPOTHESES,)),
        ("mean", np.float64, (HYPOTHESES,)),
        ("kappa", np.float64, (HYPOTHESES,)),
        ("alpha", np.float64, (HYPOTHESES,)),
        ("beta", np.float64, (HYPOTHESES,)),
        ("start", np.int64, (HYPOTHESES,)),
        ("n", np.int64),
        ("blocks", np.int64),
    ],
    align=True,
)
"""Hypotheses of when the level last changed, with the sufficient statistics of the time since."""

EVENT_DTYPE = np.dtype(
    [
        ("channel", np.int64),
        ("rule", np.int64),
        ("change", np.int64),
        ("severity", np.int64),
        ("before", np.int64),
        ("cause", np.int64),
        ("begun_at", np.int64),
        ("at", np.int64),
        ("window_start", np.int64),
        ("window_end", np.int64),
        ("value", np.float64),
        ("x", np.float64),
        ("limit", np.float64),
        ("confidence", np.float64),
    ],
    align=True,
)
"""One change of one alarm; every instant is event time, so that it does not depend on when it was worked out."""
