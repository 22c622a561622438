"""The contest's rule: euros saved by a list of detections (Vrachimis et al. 2022, published scoring function)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scored", "score"]

Floats = NDArray[np.float64]
FAR_M, WATER_EUR_M3, CREW_EUR = 300.0, 0.80, 500.0
STEPS_PER_HOUR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Euros and counts; ``lines`` say what became of each detection."""

    euros: float
    perfect_euros: float
    found: int
    false_alarms: int
    missed: int
    lines: tuple[str, ...]


def score(
    detections: list[tuple[int, str]],
    leaks: list[tuple[str, int, int]],
    loss_m3_h: Floats,
    distance_m: Floats,
    pipes: list[str],
    *,
    first: int,
) -> Scored:
    """Score detections ``(step, pipe)`` against leaks ``(pipe, start, end)`` whose losses are columns of ``loss_m3_h``.

    A detection inside a leak's time and within 300 m finds the nearest such leak not found before and saves the water
    from then to the leak's end, less up to 500 € by distance; of a leak found before it costs nothing; any other costs
    500 €. Detections before ``first`` do not count.
    """
    number = {name: row for row, name in enumerate(pipes)}
    done: set[int] = set()
    euros, false_alarms, lines = 0.0, 0, []
    for step, pipe in sorted(detections):
        if step < first:
            continue
        far = np.array([distance_m[number[leak[0]], number[pipe]] for leak in leaks])
        fits = [j for j, (_, start, end) in enumerate(leaks) if start <= step <= end and far[j] <= FAR_M]
        fresh = [j for j in fits if j not in done]
        if not fits:
            euros, false_alarms = euros - CREW_EUR, false_alarms + 1
            lines.append(f"{step / 288:.2f} {pipe}: nothing there (nearest running leak {_nearest(leaks, far, step)})")
        elif fresh:
            j = min(fresh, key=lambda j: far[j])
            done.add(j)
            start, end = leaks[j][1:]
            gain = _saved(loss_m3_h[:, j], step, end) - far[j] / FAR_M * CREW_EUR
            euros += gain
            lines.append(
                f"{step / 288:.2f} {pipe}: {leaks[j][0]} after {(step - max(start, first)) / 288:.2f} d, "
                f"{far[j]:.0f} m, {gain:.0f} €"
            )
        else:
            lines.append(f"{step / 288:.2f} {pipe}: found before")
    ours = [j for j, (_, _, end) in enumerate(leaks) if end >= first]
    perfect = sum(_saved(loss_m3_h[:, j], max(leaks[j][1], first), leaks[j][2]) for j in ours)
    lines += [f"missed {leaks[j][0]} from {leaks[j][1] / 288:.1f}" for j in ours if j not in done]
    return Scored(
        euros=euros,
        perfect_euros=perfect,
        found=len(done),
        false_alarms=false_alarms,
        missed=len([j for j in ours if j not in done]),
        lines=tuple(lines),
    )


def _saved(loss: Floats, step: int, end: int) -> float:
    return float(loss[step : end + 1].astype(np.float64).sum()) / STEPS_PER_HOUR * WATER_EUR_M3


def _nearest(leaks: list[tuple[str, int, int]], far: Floats, step: int) -> str:
    running = [j for j, (_, start, end) in enumerate(leaks) if start <= step <= end]
    if not running:
        return "none"
    j = min(running, key=lambda j: far[j])
    return f"{leaks[j][0]} at {far[j]:.0f} m"
