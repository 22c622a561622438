"""What the sensors would read by the smallest change of a leak, a pipe or a consumer: the cut network linearised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.adapters.epanet.leak_model import Boundary, LeakModel
from rencheng.science.detection.pipe_sensitivity import NetworkState, demand_sensitivity

__all__ = ["Gradients", "gradients"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradients:
    """Changes of the readings in S states, m of them in each.

    Attributes
    ----------
    leak : ndarray, shape (J, S, m)
        By a leak of 1 m³/h at each junction; the other consumers of its area take so much less.
    pipe : ndarray, shape (P, S, m)
        By a pipe that carries its own flow once more at the same heads: times 0.1, by a tenth of its conductance.
    consumer : ndarray, shape (J, S, m)
        By an unmetered consumer that takes its own demand once more, the others of its area so much less.
    """

    leak: Floats
    pipe: Floats
    consumer: Floats


def gradients(model: LeakModel, drive: Boundary, rows: Ints, leaks: Sequence[tuple[int, float]]) -> Gradients:
    """Linearise the blocks ``rows`` about the known leaks."""
    model.load(drive, rows, leaks)
    states = model.links.states(model.project, len(rows))
    model.unload(leaks)
    number = {name: row for row, name in enumerate(model.links.node_names)}
    place = {name: row for row, name in enumerate(model.links.names)}
    sensors = np.array([number[name] for name in model.pressures], np.int64)
    meters = np.array([place[name] for name in model.flows], np.int64)
    junctions = np.array([number[name] for name in model.nodes], np.int64)
    loss = model.area_losses(leaks)
    pipes = np.array([place[name] for name in model.pipes], np.int64)
    parts = []
    for row, state in zip(rows.tolist(), states, strict=True):
        answer = demand_sensitivity(state, sensors, meters)
        taken = _consumption(model, drive, row, loss)
        share = taken / np.maximum(taken.sum(axis=0), 1e-9)
        own = answer[:, junctions]
        leak = own - (own @ share)[:, model.node_area]
        parts.append((leak.T, _by_link(state, answer, meters, len(sensors))[pipes], (leak * taken.sum(axis=1)).T))
    leak, pipe, consumer = (np.stack(items, axis=1) for items in zip(*parts, strict=True))
    return Gradients(leak=leak, pipe=pipe, consumer=consumer)


def _by_link(state: NetworkState, answer: Floats, meters: Ints, n_heads: int) -> Floats:
    """More through one link is more taken at its first end and less at its second."""
    out = ((answer[:, state.ends[:, 0]] - answer[:, state.ends[:, 1]]) * state.flow_m3_h).T
    out[meters, n_heads + np.arange(len(meters))] += state.flow_m3_h[meters]
    out[state.held >= 0] = 0.0
    return out


def _consumption(model: LeakModel, drive: Boundary, row: int, loss: Floats) -> Floats:
    """What each junction's unmetered consumers take of each scaled area's inflow in m³/h, shape (J, A)."""
    out = np.zeros((len(model.nodes), model.n_areas))
    for at, consumer in enumerate(model.consumers):
        if not (consumer.metered or model.open_area[consumer.area] or model.metered_area[consumer.area]):
            out[at, consumer.area] = float(np.dot(consumer.bases, drive.kind_multiplier[row][consumer.kinds]))
    given = np.maximum(np.nan_to_num(drive.rest_m3_h[row]) - loss, 0.0)
    scaled: Floats = out * given / np.maximum(out.sum(axis=0), 1e-9)
    return scaled
