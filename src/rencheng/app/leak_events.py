"""What would explain some days best: one more leak and where, or a known one that changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rencheng.app.leak_filter import FoundLeak, LeakFilter
from rencheng.app.leak_states import SIZES_M3_H
from rencheng.science.detection.leaks import Belief, Evidence, best_place, leak_scan, place_probability

__all__ = ["ALARM", "LeakEvent", "changed_leak", "misfit_temper", "new_leak"]

ALARM = 40.0  # twice the log likelihood ratio, noise already scaled to what is seen
WORTH_A_LOOK = 0.4  # of it: a leak of usual size explains nearly as much as one of the best size
TEMPER = 4.0
MISFIT = 0.01  # share of a leak's evidence that its response may be wrong by
MOVE = 0.5  # of probability that another place must have more
NEIGHBOUR = 0.2  # a second leak beside a known one is rarer than a first guess that was not exact
LEAST_CHANGE_M3_H = 1.0
MOST_FALL = 1.25  # of a leak's size: what would take more away is something else


@dataclass(slots=True, kw_only=True)
class LeakEvent:
    """A new leak of ``size`` m³/h, or a known one that changed by ``size``."""

    ratio: float
    window: int
    pipe: int
    node: int
    size: float
    confidence: float
    leak: FoundLeak | None = None


def misfit_temper(ratio: float) -> float:
    """How many times the evidence is believed too much, by its amount."""
    return TEMPER + MISFIT * ratio


def new_leak(
    kept: LeakFilter,
    left: Evidence,
    *,
    window: int,
    scale: float,
    beside: list[FoundLeak],
    instead: FoundLeak | None = None,
) -> LeakEvent | None:
    """The place where one more leak would explain best what is left of the evidence; rarer ``beside`` known leaks.

    None where nothing comes near an alarm.

    ``instead`` of a known leak that the belief no longer holds: None unless the leak is likelier by :data:`MOVE` to be
    within reach of that place than of the known one.
    """
    places = kept.places
    usual = leak_scan(left, kept.linear.response[:, 1:2])
    if usual.ratio.max() < WORTH_A_LOOK * ALARM * scale:
        return None
    scan = leak_scan(left, kept.linear.response)
    by_node = scan.ratio.max(axis=1) / scale
    for leak in beside:
        by_node[places.nodes_near(leak.pipe)] *= NEIGHBOUR
    if by_node.max() < ALARM:
        return None
    both = places.of_pipes(by_node)
    post, reach = place_probability(
        np.nanmean(both, axis=1), places.near, places.pipe_weight, temper=misfit_temper(float(by_node.max()))
    )
    pipe = best_place(post, places.nearer)
    if instead is not None and reach[pipe] - reach[instead.pipe] < MOVE:
        return None
    node = int(places.pipe_nodes[pipe][np.nanargmax(both[pipe])])
    level = int(np.argmax(scan.ratio[node]))
    return LeakEvent(
        ratio=float(by_node.max()),
        window=window,
        pipe=pipe,
        node=node,
        size=float(scan.size_ratio[node, level] * SIZES_M3_H[level]),
        confidence=float(reach[pipe]),
    )


def changed_leak(
    kept: LeakFilter,
    left: Evidence,
    belief: Belief,
    leaks: list[FoundLeak],
    *,
    window: int,
    scale: float,
    since: int,
    active: list[FoundLeak],
) -> LeakEvent | None:
    """The known leak whose sudden growth or fall would explain the window best."""
    if not leaks:
        return None
    ways = []
    for k, leak in enumerate(leaks):
        x = belief.mean[kept.at(k)]
        ways.append(leak.columns @ (x / x[0]) if x[0] > 1.0 else leak.columns[:, 0])
    scan = leak_scan(left, np.stack(ways + [-way for way in ways])[:, None, :])
    moved = [known for d in range(since, since + window) for known, _ in kept.jumps.get(d, [])]
    best: LeakEvent | None = None
    for k, leak in enumerate([*leaks, *leaks]):
        sign = 1.0 if k < len(leaks) else -1.0
        ratio, change = float(scan.ratio[k, 0]) / scale, sign * float(scan.size_ratio[k, 0])
        if any(known is leak for known in moved) or leak not in active or leak.onset_h // 24 >= since:
            continue
        if change < -MOST_FALL * (leak.size_on(since - 1) + LEAST_CHANGE_M3_H):
            continue
        if abs(change) >= LEAST_CHANGE_M3_H and (best is None or ratio > best.ratio):
            best = LeakEvent(
                ratio=ratio, window=window, pipe=leak.pipe, node=leak.node, size=change, confidence=1.0, leak=leak
            )
    return best
