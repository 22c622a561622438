"""The contract battery: what every detector of one series must keep, whoever wrote it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput
from rencheng.science.detection.arrays import Change
from rencheng.science.detection.cards import RULE_CARDS, DetectorCard
from rencheng.science.detection.rules import DetectionRule
from rencheng.science.detection.state import DetectorState
from rencheng.science.detection.step import step

__all__ = ["Detector", "RuleDetector", "check_detector", "quiet_series"]

_MINUTE_US = 60_000_000
_START_US = 1_780_272_000_000_000
Series = tuple[NDArray[np.int64], NDArray[np.float64]]


class Detector(Protocol):
    """A streaming detector of one series, as the battery drives it."""

    @property
    def card(self) -> DetectorCard:
        """Method, source, settings, false alarms."""
        ...

    @property
    def scale_free(self) -> bool:
        """Whether a change of unit must change nothing."""
        ...

    def new_state(self) -> Any:
        """Give the state before the first reading; it must survive pickling."""
        ...

    def step(self, state: Any, at_us: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Take readings in the order in which they came, and tell after each whether an alarm stands."""
        ...


class RuleDetector:
    """One rule on one series, as a :class:`Detector`."""

    def __init__(self, rule: DetectionRule) -> None:
        self.rule = rule
        self.card = RULE_CARDS[rule.kind]
        self.scale_free = rule.kind in ("no_data", "baseline", "cusum", "bayes")

    def new_state(self) -> DetectorState:
        """Give the state before the first reading."""
        state = DetectorState(self.rule.record())
        state.add_channel((0,))
        return state

    def step(self, state: DetectorState, at_us: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Take readings and tell after each whether an alarm stands, or stood since the one before."""
        standing = int(state.slots["severity"][0]) >= 2
        nobody = np.zeros(len(at_us), dtype=np.int64)
        events = step(state, nobody, at_us, value, nobody.astype(np.uint16))
        alarm = np.full(len(at_us), standing)
        turns = np.maximum.accumulate(at_us) if len(at_us) else at_us
        for event in events:
            if event["change"] in (Change.RAISED, Change.CLEARED):
                alarm[turns >= event["at"]] = event["change"] == Change.RAISED
        raised = np.searchsorted(turns, events["at"][events["change"] == Change.RAISED])
        alarm[raised[raised < len(alarm)]] = True
        return alarm


def quiet_series(days: int, seed: int, *, swing: float = 0.0) -> Series:
    """A reading a minute in which nothing happens: unit noise, a daily course, one in twenty lost."""
    rng = np.random.default_rng(seed)
    minute = np.arange(days * 1440)
    value = swing * np.sin(minute / 1440 * 2 * np.pi) + rng.normal(0.0, 1.0, len(minute))
    keep = rng.random(len(minute)) > 0.05
    return _START_US + minute[keep] * _MINUTE_US, value[keep]


def check_detector(detector: Detector, *, event: Callable[[Series], Series] | None = None, seed: int = 0) -> None:
    """Put a detector to the test; silent if it keeps the contract.

    It must carry a full card; tell the same of the past whatever comes later, however the series is cut and whether or
    not its state was kept and read back; not be led astray by NaN, infinities, repeated stamps or stamps that run back;
    keep a state that does not grow; stay calm on a constant; not alarm more often on noise than its card says; see a
    plain event; and, where it is free of scale, tell the same in another unit.

    Parameters
    ----------
    detector : Detector
        To be tested.
    event : callable, optional
        Puts an event into the second half of a series that the detector must see; a rise by 30 standard deviations
        unless given.
    seed : int
        Of the noise.

    Raises
    ------
    InvalidInput
        Names the detector and what it breaks.
    """
    at, value = quiet_series(8, seed)
    alarm = detector.step(detector.new_state(), at, value)
    broken = _Verdict(detector)
    broken.unless(_full(detector.card), "its card has an empty field")
    broken.unless(len(alarm) == len(at), "it does not tell of every reading")
    _check_past(detector, broken, at, value, alarm)
    happens = event or _rise
    _check_hostile(detector, broken, (at, value), happens)
    _check_calm(detector, broken, seed)
    seen = detector.step(detector.new_state(), *happens((at, value)))
    broken.unless(bool(seen[len(seen) // 2 :].any()), "it does not see a plain event")
    if detector.scale_free:
        scaled = detector.step(detector.new_state(), at, 1000.0 * value + 5e4)
        broken.unless(np.array_equal(alarm, scaled), "it tells another story in another unit")


class _Verdict:
    def __init__(self, detector: Detector) -> None:
        self._where = f"detector {detector.card.name!r}"

    def unless(self, holds: bool, what: str) -> None:
        """Raise what is broken unless it holds."""
        if not holds:
            raise InvalidInput(what, where=self._where, mend="See docs/reference/detectors.md for the contract")


def _full(card: DetectorCard) -> bool:
    texts = (card.name, card.quantity, card.method, card.source, card.settings, *card.limits)
    return all(texts) and bool(card.limits) and card.false_per_sensor_day >= 0


def _rise(series: Series) -> Series:
    at, value = series
    changed = value.copy()
    changed[2 * len(changed) // 3 :] += 30.0
    return at, changed


def _check_past(
    detector: Detector, broken: _Verdict, at: NDArray[np.int64], value: NDArray[np.float64], alarm: NDArray[np.bool_]
) -> None:
    half = len(at) // 2
    other = value.copy()
    other[half:] = 1e3
    early = detector.step(detector.new_state(), at, other)[:half]
    broken.unless(np.array_equal(early, alarm[:half]), "it looks ahead")
    state = detector.new_state()
    pieces, sizes = [], []
    for k, part in enumerate(np.array_split(np.arange(len(at)), 17)):
        pieces.append(detector.step(state, at[part], value[part]))
        state = pickle.loads(pickle.dumps(state))  # noqa: S301 — written on the line itself
        if k in (8, 16):
            sizes.append(len(pickle.dumps(state)))
    broken.unless(np.array_equal(np.concatenate(pieces), alarm), "it depends on cuts or forgets at a restart")
    broken.unless(sizes[1] <= 1.1 * sizes[0], "its state grows with the readings")


def _check_hostile(detector: Detector, broken: _Verdict, series: Series, happens: Callable[[Series], Series]) -> None:
    at, value = series
    spoilt = value.copy()
    spoilt[1000:1010] = [np.nan, np.inf, -np.inf, np.nan, 1e300, -1e300, np.nan, 0.0, np.inf, np.nan]
    stamps = at.copy()
    stamps[2000:2010] = stamps[1999]
    stamps[3000:3010] = stamps[3000:3010][::-1].copy()
    with np.errstate(over="ignore", invalid="ignore"):
        state = detector.new_state()
        told = detector.step(state, stamps[:4000], spoilt[:4000])
        broken.unless(len(told) == 4000, "it does not tell of every reading of a spoilt series")
        plain = detector.step(state, *happens((at[4000:], value[4000:])))
    broken.unless(bool(plain.any()), "it is blind after impossible values")


def _check_calm(detector: Detector, broken: _Verdict, seed: int) -> None:
    at, value = quiet_series(20, seed + 1)
    flat = detector.step(detector.new_state(), at[:5000], np.full(5000, 3.0))
    if detector.card.name != "no_data":
        broken.unless(not flat.any(), "it alarms on a constant")
    alarm = detector.step(detector.new_state(), at, value)
    begun = int((np.diff(alarm.astype(np.int8), prepend=0) > 0).sum())
    most = detector.card.false_per_sensor_day * 20
    broken.unless(begun <= most + 3 * np.sqrt(most) + 1, f"{begun} false alarms in 20 days, its card says {most:.1f}")
