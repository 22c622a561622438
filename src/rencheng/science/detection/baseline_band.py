"""What the seasonal baseline expected of each reading of a series, replayed: the band that people see around it.

The detector keeps only what it needs to go on. Its expectation of the past is the fold of the readings before, so it is
worked out again by the detector's own function.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.science.detection.arrays import SEASON_DTYPE
from rencheng.science.detection.baseline import deviation
from rencheng.science.detection.compiled import kernel
from rencheng.science.detection.rules import DetectionRule, rule_records
from rencheng.science.detection.state import new_slots

__all__ = ["expected_band"]

_SCALE = 1
"""Where the detector keeps its scale, which tests of the band would notice if it moved."""


@kernel
def _replay(at, value, skip, alarmed, slots, rules, seasons, expected, scale):  # type: ignore[no-untyped-def]
    s, r, season = slots[0], rules[0], seasons[0]
    for i in range(len(at)):
        if skip[i] or at[i] <= s.last_at:
            continue
        if s.seen == 0:
            s.first_at = at[i]
        s.severity = 2 if alarmed[i] else 0
        width = max(s.aux[_SCALE], r.scale_floor)
        z = deviation(s, r, season, at[i], value[i])
        if s.seen >= r.warm_count and at[i] - s.first_at >= r.warm_us:
            expected[i] = value[i] - z * width
            scale[i] = width
        s.seen += 1
        s.last_at = at[i]


def expected_band(
    at_us: NDArray[np.int64],
    value: NDArray[np.float64],
    rule: DetectionRule,
    *,
    flags: NDArray[np.uint16] | None = None,
    alarmed: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give what a baseline rule expected of each reading before it came, and its robust standard deviation.

    Parameters
    ----------
    at_us : array of int
        Microseconds since 1970, ascending, shape (n,).
    value : array of float
        In the unit of the quantity, shape (n,).
    rule : DetectionRule
        Of kind ``baseline``.
    flags : array of int, optional
        Quality flags; readings that the rule passes over have no expectation.
    alarmed : array of bool, optional
        Readings within an alarm of the rule: the detector does not learn its scale from them.

    Returns
    -------
    expected, scale : array of float
        Shape (n,); NaN before the rule's time of learning is over.

    Examples
    --------
    A constant is expected to go on.

    >>> rule = DetectionRule(id="r", kind="baseline", levels={"blue": 6.0}, warm_count=2, scale_floor=0.1)
    >>> at = np.arange(1, 5, dtype=np.int64) * 60_000_000
    >>> expected_band(at, np.full(4, 3.0), rule)[0].tolist()
    [nan, nan, 3.0, 3.0]
    """
    assert rule.kind == "baseline", rule.kind
    rules = rule_records([rule])
    expected, scale = np.full(len(at_us), np.nan), np.full(len(at_us), np.nan)
    marked = np.zeros(len(at_us), dtype=np.int64) if flags is None else flags.astype(np.int64)
    skip = ((marked & int(rules["ignore"][0])) != 0) | ~np.isfinite(value)
    held = np.zeros(len(at_us), dtype=bool) if alarmed is None else alarmed
    seasons = np.zeros(1, dtype=SEASON_DTYPE)
    _replay(at_us.astype(np.int64), value.astype(np.float64), skip, held, new_slots(1), rules, seasons, expected, scale)
    return expected, scale
