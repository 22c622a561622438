"""Pace: how fast a run's clock goes against the wall's."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

__all__ = ["Pace"]


class Pace:
    """Wait so that a run goes at a speed.

    Parameters
    ----------
    speed : float
        Seconds of the run per second of the wall; 0 does not wait at all.
    sleep : callable
        How to wait, seconds.
    """

    def __init__(self, speed: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self.speed = speed
        self._sleep = sleep
        self._anchor: tuple[datetime, float] | None = None

    def wait(self, at: datetime) -> None:
        """Return when the run's clock may show ``at``."""
        if self.speed <= 0:
            return
        if self._anchor is None:
            self._anchor = (at, time.monotonic())
        begun, wall = self._anchor
        ahead = (at - begun).total_seconds() / self.speed - (time.monotonic() - wall)
        if ahead > 0:
            self._sleep(ahead)
