"""Verification of warnings: contingency scores and the matching of warnings with events.

Definitions follow the WWRP/WGNE Joint Working Group on Forecast Verification Research (Forecast Verification: Issues,
Methods and FAQ) and Jolliffe & Stephenson 2012, *Forecast Verification*, 2nd ed., ch. 3 (deterministic forecasts of
binary events).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput

__all__ = ["ContingencyTable", "WarningMatch", "lead_time_percentiles", "match_warnings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContingencyTable:
    """Counts of a yes/no warning against a yes/no event.

    Attributes
    ----------
    hits : int
        Events that were warned of.
    misses : int
        Events that were not.
    false_alarms : int
        Warnings that no event followed.
    correct_negatives : int or None
        Occasions without event and without warning; None where they cannot be counted (rare, unbounded time).

    Notes
    -----
    Scores are None where their denominator is zero: no event, or no warning, is not a score of 0.

    Examples
    --------
    Finley's tornado forecasts of 1884 (28 hits, 23 misses, 72 false alarms, 2680 correct negatives):

    >>> finley = ContingencyTable(hits=28, misses=23, false_alarms=72, correct_negatives=2680)
    >>> round(finley.pod, 3), round(finley.far, 3), round(finley.csi, 3)
    (0.549, 0.72, 0.228)
    """

    hits: int
    misses: int
    false_alarms: int
    correct_negatives: int | None = None

    def __post_init__(self) -> None:
        counts = (self.hits, self.misses, self.false_alarms, self.correct_negatives or 0)
        if min(counts) < 0:
            raise InvalidInput(f"counts {counts} of a contingency table cannot be negative")

    @property
    def pod(self) -> float | None:
        """Probability of detection (hit rate): hits / (hits + misses)."""
        return _ratio(self.hits, self.hits + self.misses)

    @property
    def far(self) -> float | None:
        """False alarm ratio: false alarms / (hits + false alarms)."""
        return _ratio(self.false_alarms, self.hits + self.false_alarms)

    @property
    def csi(self) -> float | None:
        """Critical success index (threat score): hits / (hits + misses + false alarms)."""
        return _ratio(self.hits, self.hits + self.misses + self.false_alarms)

    @property
    def bias(self) -> float | None:
        """Frequency bias: (hits + false alarms) / (hits + misses); above 1 warns too often."""
        return _ratio(self.hits + self.false_alarms, self.hits + self.misses)

    @property
    def pofd(self) -> float | None:
        """Probability of false detection: false alarms / (false alarms + correct negatives)."""
        if self.correct_negatives is None:
            return None
        return _ratio(self.false_alarms, self.false_alarms + self.correct_negatives)

    @property
    def ets(self) -> float | None:
        """Equitable threat score (Gilbert skill score): CSI freed of the hits that chance would give."""
        if self.correct_negatives is None:
            return None
        total = self.hits + self.misses + self.false_alarms + self.correct_negatives
        if not total:
            return None
        chance = (self.hits + self.misses) * (self.hits + self.false_alarms) / total
        return _ratio(self.hits - chance, self.hits + self.misses + self.false_alarms - chance)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningMatch:
    """Which warning met which event.

    Attributes
    ----------
    warning_of_event : ndarray of int64, shape (n_events,)
        Index of the earliest warning in force at the event's onset, -1 for a miss.
    lead_s : ndarray of float64, shape (n_events,)
        Onset less issue, ≥ 0 for hits, nan for misses.
    late : ndarray of bool, shape (n_events,)
        Missed events of which a warning came after the onset, while the event lasted.
    false_alarm : ndarray of bool, shape (n_warnings,)
        Warnings with no event at any time while they were in force (or within the tolerance after).
    """

    warning_of_event: NDArray[np.int64]
    lead_s: NDArray[np.float64]
    late: NDArray[np.bool_]
    false_alarm: NDArray[np.bool_]

    @property
    def table(self) -> ContingencyTable:
        """Counts: hits and misses by event, false alarms by warning."""
        hits = int((self.warning_of_event >= 0).sum())
        return ContingencyTable(
            hits=hits, misses=len(self.warning_of_event) - hits, false_alarms=int(self.false_alarm.sum())
        )


def match_warnings(
    event_start_s: NDArray[np.float64],
    event_end_s: NDArray[np.float64],
    warning_start_s: NDArray[np.float64],
    warning_end_s: NDArray[np.float64],
    *,
    tolerance_s: float = 0.0,
) -> WarningMatch:
    """Match warnings with events in time.

    Parameters
    ----------
    event_start_s, event_end_s : ndarray, shape (n_events,)
        Onset and end of each event, seconds on any common clock.
    warning_start_s, warning_end_s : ndarray, shape (n_warnings,)
        When each warning came into force and ceased.
    tolerance_s : float
        An event that begins so soon after a warning ceased still belongs to it.

    Returns
    -------
    WarningMatch

    Notes
    -----
    A *hit* needs the warning before the onset or at it: ``start ≤ onset ≤ end + tolerance``. Lead time is counted
    over hits only, from the earliest such warning. A warning that comes while the event is on is late: the event is
    a miss, the warning no false alarm.

    Examples
    --------
    One event from 10 to 20; a warning at 4 and a false one from 50 to 60:

    >>> match = match_warnings(np.array([10.0]), np.array([20.0]), np.array([4.0, 50.0]), np.array([25.0, 60.0]))
    >>> match.lead_s.tolist(), match.false_alarm.tolist()
    ([6.0], [False, True])
    """
    starts = np.asarray(warning_start_s, dtype=np.float64)[None, :]
    ends = np.asarray(warning_end_s, dtype=np.float64)[None, :] + tolerance_s
    onset = np.asarray(event_start_s, dtype=np.float64)[:, None]
    over = np.asarray(event_end_s, dtype=np.float64)[:, None]
    before = (starts <= onset) & (onset <= ends)
    overlap = (starts <= over) & (onset <= ends)
    hit = before.any(axis=1) if before.shape[1] else np.zeros(len(onset), np.bool_)
    first = np.where(before, starts, np.inf)
    chosen = first.argmin(axis=1) if before.shape[1] else np.zeros(len(onset), np.int64)
    warning = np.where(hit, chosen, -1).astype(np.int64)
    lead = np.where(hit, onset[:, 0] - first.min(axis=1, initial=np.inf), np.nan)
    touched = overlap.any(axis=1) if overlap.shape[1] else np.zeros(len(onset), np.bool_)
    late: NDArray[np.bool_] = np.logical_and(~hit, touched)
    false_alarm: NDArray[np.bool_] = np.asarray(~overlap.any(axis=0), dtype=np.bool_)
    return WarningMatch(warning_of_event=warning, lead_s=lead, late=late, false_alarm=false_alarm)


def lead_time_percentiles(
    lead_s: NDArray[np.float64], percentiles: tuple[float, ...] = (10.0, 50.0, 90.0)
) -> dict[float, float]:
    """Percentiles of lead time over hits (nan are misses and are left out); empty without hits.

    Linear interpolation between order statistics (Hyndman & Fan 1996, type 7).

    Examples
    --------
    >>> lead_time_percentiles(np.array([0.0, 60.0, np.nan, 120.0]), (50.0,))
    {50.0: 60.0}
    """
    hits = np.asarray(lead_s, dtype=np.float64)
    hits = hits[np.isfinite(hits)]
    if not len(hits):
        return {}
    return {p: float(v) for p, v in zip(percentiles, np.percentile(hits, percentiles), strict=True)}
