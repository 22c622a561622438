"""A detection rule as people write it, and as the numbers that a pass over readings compares with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import InvalidConfig
from rencheng.science.detection.arrays import KINDS, RULE_DTYPE, Kind

__all__ = ["SEVERITIES", "DetectionRule", "rule_records"]

SEVERITIES = ("notice", "blue", "yellow", "orange", "red")
"""Names of levels, lowest first. A notice is no alarm: it is what neighbours are asked for."""
_SIGNS = {"above": 1.0, "below": -1.0, "both": 0.0}
_NO_TRACE = 8 | 64
_IGNORED = {
    Kind.THRESHOLD: 1,
    Kind.RATE: 1 | 2,
    Kind.NO_DATA: 0,
    Kind.BASELINE: 1 | 2 | 4,
    Kind.CUSUM: 1,
    Kind.BAYES: 1,
}
"""Quality flags that make a reading not count, by kind: out of range 1, impossible rate 2, stuck 4."""
_S = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionRule:
    """When readings of one quantity mean an alarm.

    Parameters
    ----------
    id : str
        Name of the rule, part of the names of its alarms.
    kind : str
        ``threshold``, ``rate``, ``no_data``, ``baseline``, ``cusum`` or ``bayes``; see :class:`Kind`.
    levels : dict of str to float
        Severity → limit. For a threshold in the SI unit of the quantity; for a rate the change within the window; for
        no data expected intervals; for a baseline standard deviations; for CUSUM the sum; for Bayes a probability.
    direction : str
        ``above``, ``below`` or, for baseline, CUSUM and Bayes, ``both``.
    hysteresis : float
        An alarm holds until the compared number is this far back from the limit.
    raise_after_s, raise_count : float, int
        The limit must be kept for so long, and by so many readings in a row.
    clear_after_s : float
        An alarm steps down after so long below.
    silent_clear_s : float
        An alarm of a channel unheard of for so long is closed; 0 keeps it standing.
    gap_s : float
        A pause longer than this ends the time for which a limit was kept; 0: no pause does.
    window_s : float
        Window of a rate; length of a Bayesian block.
    follow_s : float
        Time constant with which a baseline follows drift.
    warm_s, warm_count : float, int
        No judgement before so much time and so many readings (intervals, for no data; blocks, for Bayes).
    scale_floor : float
        Least standard deviation, in the unit of the quantity: the resolution of the instrument.
    slack, forget : float
        CUSUM: deviation that does not count, in standard deviations; least weight of a new reading in the mean.
    change_prob, recent : float, int
        Bayes: chance of a change per block; blocks within which a change is recent.
    least_s : float
        No data: the lowest level is not reached sooner than this.
    reach_m, settle_s : float
        Neighbours within the reach are asked before an alarm is believed, once they had so long to see it too; a reach
        of 0 asks nobody.
    confidence : float
        That an alarm of this rule is one, at the limit; grows with the excess.
    """

    id: str
    kind: str
    levels: dict[str, float] = field(default_factory=dict)
    direction: str = "above"
    hysteresis: float = 0.0
    raise_after_s: float = 0.0
    raise_count: int = 1
    clear_after_s: float = 0.0
    silent_clear_s: float = 0.0
    gap_s: float = 0.0
    window_s: float = 3600.0
    follow_s: float = 6 * 3600.0
    warm_s: float = 0.0
    warm_count: int = 0
    scale_floor: float = 1e-9
    slack: float = 0.5
    forget: float = 0.002
    change_prob: float = 0.004
    recent: int = 5
    least_s: float = 0.0
    reach_m: float = 0.0
    settle_s: float = 600.0
    confidence: float = 0.8

    def __post_init__(self) -> None:
        self._check(self.kind in KINDS, f"kind {self.kind!r} is not known", f"Use one of: {', '.join(KINDS)}")
        two_sided = self.kind in ("baseline", "cusum", "bayes")
        legal = tuple(_SIGNS) if two_sided else ("above", "below")
        self._check(self.direction in legal, f"direction {self.direction!r} is not known", f"Use: {', '.join(legal)}")
        for name in self.levels:
            self._check(name in SEVERITIES, f"level {name!r} is not known", f"Use: {', '.join(SEVERITIES)}")
        self._check(any(name != "notice" for name in self.levels), "levels holds no colour", "Name at least one")
        limits = self._limits()
        present = limits[~np.isnan(limits)]
        self._check(
            bool((np.diff(present) > 0).all()),
            "a severer level must be harder to reach",
            "Write the limits ascending from notice to red (descending for direction below)",
        )
        for name in (
            "raise_after_s",
            "clear_after_s",
            "silent_clear_s",
            "gap_s",
            "hysteresis",
            "warm_s",
            "least_s",
            "reach_m",
        ):
            self._check(getattr(self, name) >= 0, f"{name} is negative", "Write 0 or more")
        for name in ("window_s", "follow_s", "scale_floor", "raise_count", "recent", "settle_s"):
            self._check(getattr(self, name) > 0, f"{name} is not positive", "Write more than 0")
        self._check("notice" in self.levels or not self.reach_m, "reach_m without a level notice", "Name the notice")
        self._check(0 < self.confidence <= 1, "confidence is not between 0 and 1", "Write a probability")
        self._check(0 < self.change_prob < 1, "change_prob is not between 0 and 1", "Write a probability")

    def _check(self, holds: bool, what: str, mend: str) -> None:
        if not holds:
            raise InvalidConfig(what, where=f"detection rule {self.id!r}", mend=mend)

    def _limits(self) -> NDArray[np.float64]:
        sign = -1.0 if self.kind == "threshold" and self.direction == "below" else 1.0
        return np.array([sign * self.levels[name] if name in self.levels else np.nan for name in SEVERITIES])

    def record(self) -> NDArray[Any]:
        """Give the rule as one record of :data:`RULE_DTYPE`."""
        kind = KINDS[self.kind]
        limits = self._limits()
        clear = limits - self.hysteresis
        r = np.zeros(1, dtype=RULE_DTYPE)
        r["kind"], r["sign"], r["limit"], r["clear"] = int(kind), _SIGNS[self.direction], limits, clear
        for name in ("raise_after", "clear_after", "silent_clear", "gap", "window"):
            r[name] = round(getattr(self, f"{name}_s") * _S)
        r["tau"], r["warm_us"] = round(self.follow_s * _S), round(self.warm_s * _S)
        r["hear"] = round(2 * self.settle_s * _S)
        r["raise_count"], r["warm_count"] = self.raise_count, self.warm_count
        r["ignore"] = _IGNORED[kind] | _NO_TRACE
        r["scale_floor"], r["confidence"] = self.scale_floor, self.confidence
        own = {
            Kind.CUSUM: (self.slack, self.forget, 0.0),
            Kind.BAYES: (self.change_prob, 0.0, float(self.recent)),
            Kind.NO_DATA: (self.least_s * _S, float(np.nanmin(limits)), 0.0),
        }.get(kind, (0.0, 0.0, 0.0))
        r["p"] = (*own, float(np.nanmin(clear)))
        return r


def rule_records(rules: list[DetectionRule] | tuple[DetectionRule, ...]) -> NDArray[Any]:
    """Give rules as an array of :data:`RULE_DTYPE`, shape (n,)."""
    return np.concatenate([rule.record() for rule in rules]) if rules else np.zeros(0, dtype=RULE_DTYPE)
