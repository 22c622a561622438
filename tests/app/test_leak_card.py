"""Leak detection keeps the contract of every detector: no look-ahead, no forgetting, no growth, calm, and not blind."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rencheng.app.leak_filter import LeakFilter
from rencheng.app.leak_places import Places
from rencheng.app.leak_states import SIZES_M3_H, LinearModel, Solved
from rencheng.app.leak_watch import LeakWatch
from rencheng.science.detection.check import check_detector
from rencheng.science.detection.leak_card import LEAK_CARD

PER_HOUR, REFERENCE_D, MOST_DAYS = 4, 7, 400
SPREAD = 0.5  # standard deviation of an hour's mean of four readings of unit noise


def one_pipe() -> LeakWatch:
    """A network of one pipe and one sensor that rises by 1 for each m³/h lost."""
    hours = 24 * MOST_DAYS
    response = np.array(SIZES_M3_H).reshape(1, 3, 1)
    linear = LinearModel(
        leaks=(),
        rows=np.zeros(1, np.int64),
        precision=np.full((1, 1, 1), 1 / SPREAD**2),
        design=np.ones((1, 1)),
        response=response,
        basis=np.ones((1, 1)),
        weight=np.ones((hours, 1)),
        nearest=np.zeros(hours, np.int64),
        residual=np.full((hours, 1), np.nan),
        solved=Solved(leaks=(), change=response[..., None], slope=np.ones((1, 1, 1))),
    )
    here = np.ones((1, 1), bool)
    places = Places(near=here, nearer=here, pipe_nodes=np.zeros((1, 2), np.int64), pipe_weight=np.ones(1))
    kept = LeakFilter(
        linear,
        places,
        balance=np.zeros((MOST_DAYS, 0)),
        balance_var=np.zeros(0),
        balance_doubt=np.zeros(0),
        n_doubts=0,
        n_pressures=1,
    )
    return LeakWatch(kept)


@dataclass
class OneSensorState:
    watch: LeakWatch = field(default_factory=one_pipe)
    waiting: list[float] = field(default_factory=list)
    hour: int = 0
    zero: float = 0.0


class OneSensor:
    """The leak watch on one series, a reading standing for a quarter of an hour whatever its stamp."""

    card = LEAK_CARD
    scale_free = False

    def new_state(self) -> OneSensorState:
        return OneSensorState()

    def step(self, state: OneSensorState, _at_us: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.bool_]:
        alarm = np.zeros(len(value), bool)
        for k, reading in enumerate(value.tolist()):
            state.waiting.append(reading if abs(reading) < 1e6 else np.nan)
            if len(state.waiting) == PER_HOUR:
                self._hour(state)
            alarm[k] = bool(state.watch.active)
        return alarm

    def _hour(self, state: OneSensorState) -> None:
        residual = state.watch.kept.linear.residual
        known = [reading for reading in state.waiting if not np.isnan(reading)]
        residual[state.hour] = sum(known) / len(known) - state.zero if len(known) * 2 >= PER_HOUR else np.nan
        state.waiting.clear()
        state.hour += 1
        day, hour = divmod(state.hour, 24)
        if hour:
            return
        if day == REFERENCE_D:  # the sensor's height is not known better than its first days tell
            state.zero = float(np.nanmean(residual[: state.hour]))
            residual[: state.hour] -= state.zero
            state.watch.begin(range(REFERENCE_D))
        elif day > REFERENCE_D:
            state.watch.day(day - 1)


def test_the_leak_watch_passes_the_battery() -> None:
    check_detector(OneSensor())
