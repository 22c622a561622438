"""The reference states of a leak watch: a handful of hours that stand for all, and what the model says of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.adapters.epanet.leak_drive import Blocks
from rencheng.adapters.epanet.leak_gradient import Gradients, gradients
from rencheng.adapters.epanet.leak_model import Boundary, LeakModel
from rencheng.science.detection.leaks import Evidence, day_evidence

__all__ = ["OFFSET_M", "SIZES_M3_H", "Doubts", "LinearModel", "linear_model"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

QUANTILES = (0.03, 0.25, 0.5, 0.75, 0.97)
SIZES_M3_H = (4.0, 12.0, 28.0)
DOUBT_SHARE = 0.9995  # of what the model may be wrong by, in the sensors' noise
PIPE_DOUBT = 0.10 / np.sqrt(3)  # standard deviation of a diameter and of a roughness: L-TOWN's published bound is 10 %
DIAMETER_POWER = 2.63  # of diameter in the flow at a given loss (Hazen-Williams; Darcy-Weisbach 2.5), roughness 1
BEND = PIPE_DOUBT * float(np.hypot(DIAMETER_POWER, 1.0))  # standard deviation of a pipe's flow at a given loss
FULL_M3_H = 60.0  # leaks that moved by so much make the solved responses too old to be bent
CONSUMER_DOUBT = 0.15  # consumers' shares against nominal ones
CONSUMER_NOISE = 0.15  # of one consumer's hour
READ_M, READ_M3_H = 0.006, 0.05  # rounding to two decimals and what the model misses within an hour
OFFSET_M = 0.03  # unknown height of a pressure sensor
HOURS_PER_READING = 4.0  # a consumer that is away stays away for hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """Directions in which the model may be wrong: ``mix`` (K, n) of its n pipes and consumers, each of unit size."""

    mix: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """Responses of finite leaks as the solver gave them about ``leaks``, at each junction's stand-in.

    Attributes
    ----------
    change : ndarray, shape (J, L, S, m)
        By each size of leak.
    slope : ndarray, shape (J, S, m)
        Per m³/h of a leak of no size.
    """

    leaks: tuple[tuple[int, float], ...]
    change: Floats
    slope: Floats

    def bent(self, slope: Floats) -> Floats:
        """The responses where the slope is another one now: what bends them away from it stays."""
        sizes = np.array(SIZES_M3_H)[None, :, None, None]
        out: Floats = self.change + sizes * (slope - self.slope)[:, None]
        return out

    def near(self, leaks: Sequence[tuple[int, float]], n_states: int) -> bool:
        """Whether leaks have moved little since."""
        now, then = dict(leaks), dict(self.leaks)
        moved = sum(abs(now.get(node, 0.0) - then.get(node, 0.0)) for node in {*now, *then})
        return moved < FULL_M3_H and self.change.shape[2] == n_states


@dataclass(slots=True, kw_only=True)
class LinearModel:
    """The model near its present state.

    Attributes
    ----------
    leaks : tuple of (node, m³/h)
        Leaks that the simulated base holds.
    design : ndarray, shape (D, K + m + A)
        Model errors, sensor offsets and balance offsets.
    response : ndarray, shape (J, L, D)
        New leaks.
    basis : ndarray, shape (D_full, D)
        Directions kept of the full space.
    """

    leaks: tuple[tuple[int, float], ...]
    rows: Ints
    precision: Floats
    design: Floats
    response: Floats
    basis: Floats
    weight: Floats
    nearest: Ints
    residual: Floats
    solved: Solved

    def response_of(self, node: int, size: float) -> Floats:
        """Departures per m³/h of a leak of about this size (D,)."""
        out: Floats = _at_size(self.response[node], size)
        return out

    def evidence(self, hours: slice, balance: Floats, balance_var: Floats) -> Evidence:
        """Evidence of some hours and of the areas' balances, in kept directions."""
        full = day_evidence(
            self.residual[hours],
            self.weight[hours],
            self.nearest[hours],
            self.precision,
            hours_per_reading=HOURS_PER_READING,
        )
        trust = np.where(np.isnan(balance), 0.0, 1 / balance_var)
        value = np.nan_to_num(balance)
        n, extra = len(full.pull), len(balance)
        precision = np.zeros((n + extra, n + extra))
        precision[:n, :n] = full.precision
        precision[range(n, n + extra), range(n, n + extra)] = trust
        return Evidence(
            pull=self.basis.T @ np.concatenate([full.pull, trust * value]),
            precision=self.basis.T @ precision @ self.basis,
            square=full.square + float((trust * value**2).sum()),
            count=full.count + float((trust > 0).sum()),
        )


def _at_size(response: Floats, size: float) -> Floats:
    """Response per m³/h between the sizes that were solved, ``response`` (L, …) at each."""
    position = float(np.interp(size, SIZES_M3_H, np.arange(len(SIZES_M3_H))))
    low = min(int(position), len(SIZES_M3_H) - 2)
    share = position - low
    out: Floats = (1 - share) * response[low] / SIZES_M3_H[low] + share * response[low + 1] / SIZES_M3_H[low + 1]
    return out


def _measured(model: LeakModel, blocks: Blocks) -> Floats:
    """What the sensors read, as the model gives it: heads, then free flows."""
    flows = blocks.flow_m3_h[:, [model.flow_ids.index(name) for name in model.flows]]
    return np.hstack([blocks.pressure_m + model.elevation_m, flows])


def _usable(drive: Boundary) -> NDArray[np.bool_]:
    """Hours in which everything that drives the model is known."""
    balanced = drive.rest_m3_h[:, ~np.isnan(drive.rest_m3_h).all(axis=0)]
    known: NDArray[np.bool_] = ~np.isnan(np.hstack([drive.pump_m3_h, drive.tank_head_m, balanced]))
    return np.asarray(known.all(axis=1))


def _states(drive: Boundary, good: Ints) -> tuple[Ints, Callable[[Ints], tuple[Floats, Ints]]]:
    """Reference hours (pump on and off apart, by load) and the function that places any hours among them."""
    load = np.nansum(drive.rest_m3_h, axis=1)
    pump = drive.pump_m3_h.sum(axis=1)
    bar = 0.5 * np.nanmax(pump[good]) if pump.size and drive.pump_m3_h.shape[1] else np.inf
    on = pump > bar
    groups = [g for g in (good[~on[good]], good[on[good]]) if len(g) >= 2 * len(QUANTILES)]
    groups = groups or [good]
    marks = [np.quantile(load[g], QUANTILES) for g in groups]
    rows = np.concatenate(
        [[g[np.argmin(np.abs(load[g] - mark))] for mark in at] for g, at in zip(groups, marks, strict=True)]
    ).astype(np.int64)

    def place(hours: Ints) -> tuple[Floats, Ints]:
        weight = np.zeros((len(hours), len(rows)))
        for k, _ in enumerate(groups):
            mine = np.ones(len(hours), bool) if len(groups) == 1 else on[hours] == bool(k)
            part = np.arange(len(QUANTILES)) + k * len(QUANTILES)
            at = load[rows[part]] + 1e-6 * np.arange(len(part))
            position = np.interp(load[hours], at, np.arange(len(part)))
            low = np.minimum(position.astype(int), len(part) - 2)
            for side in (0, 1):
                share = 1 - (position - low) if side == 0 else position - low
                np.add.at(weight, (np.flatnonzero(mine), part[low[mine] + side]), share[mine])
        return weight, np.argmax(weight, axis=1)

    return rows, place


def _noise_precision(found: Gradients, n_pressure: int) -> Floats:
    """Inverse covariance of what consumers that come and go do to the sensors, with rounding, shape (S, m, m)."""
    m = found.consumer.shape[2]
    floor = np.diag(np.where(np.arange(m) < n_pressure, READ_M, READ_M3_H) ** 2)
    swing = CONSUMER_NOISE * found.consumer
    return np.stack([np.linalg.inv(swing[:, s].T @ swing[:, s] + floor) for s in range(swing.shape[1])])


def _doubts_of(wrong: Floats, precision: Floats) -> Doubts:
    """Main directions of the model's error, measured in the sensors' noise."""
    root = np.stack([np.linalg.cholesky(p).T for p in precision])
    white = np.einsum("sab,nsb->nsa", root, wrong).reshape(len(wrong), -1)
    left, size, _ = np.linalg.svd(white, full_matrices=False)
    keep = int(np.searchsorted(np.cumsum(size**2) / (size**2).sum(), DOUBT_SHARE)) + 1
    return Doubts(mix=left[:, :keep].T)


def linear_model(
    model: LeakModel,
    drive: Boundary,
    blocks: Blocks,
    hours: slice,
    leaks: Sequence[tuple[int, float]],
    doubts: Doubts | None,
    until: int,
    held: Callable[[int], Sequence[tuple[int, float]]] = lambda _day: (),
    tell: Callable[[float], None] = lambda _share: None,
    solved: Solved | None = None,
) -> tuple[LinearModel, Doubts]:
    """Linearise about the known leaks.

    ``hours`` are those whose residuals are wanted; reference states are chosen among them up to ``until``. ``held``
    gives the leaks that ran on a day. Responses ``solved`` before are bent where leaks have moved little.
    """
    known = _usable(drive)
    inside = np.arange(hours.start, hours.stop)
    rows, place = _states(drive, inside[(inside < until) & known[inside]])
    found = gradients(model, drive, rows, leaks)
    precision = _noise_precision(found, len(model.pressures))
    wrong = np.concatenate([BEND * found.pipe, CONSUMER_DOUBT * found.consumer])
    doubts = _doubts_of(wrong, precision) if doubts is None else doubts
    n_states, m = len(rows), wrong.shape[2]
    full = n_states * m
    area = np.arange(model.n_areas)
    design = np.zeros((full + len(area), len(doubts.mix) + len(model.pressures) + len(area)))
    design[:full, : len(doubts.mix)] = (doubts.mix @ wrong.reshape(len(wrong), -1)).T
    for column in range(len(model.pressures)):
        design[np.arange(n_states) * m + column, len(doubts.mix) + column] = 1.0
    design[full + area, len(doubts.mix) + len(model.pressures) + area] = 1.0
    if solved is None or not solved.near(leaks, n_states):
        change = model.responses(drive, rows, leaks, SIZES_M3_H, tell)
        solved = Solved(leaks=tuple(leaks), change=change, slope=found.leak[model.stand_in])
    change = solved.bent(found.leak)
    response = np.zeros((*change.shape[:2], full + len(area)))
    response[..., :full] = change.reshape(*change.shape[:2], full)
    for level, size in enumerate(SIZES_M3_H):
        response[np.arange(len(model.nodes)), level, full + model.node_area] = size
    basis = _basis(response, design, precision, full)
    weight, nearest = place(inside)
    residual = np.full((blocks.start_us.size, m), np.nan)
    run = inside[known[inside]]
    read = _measured(model, blocks)
    for day in np.unique(run // 24).tolist():
        hours_of_day = run[run // 24 == day]
        ran = held(day)
        residual[hours_of_day] = read[hours_of_day] - model.simulate(drive, hours_of_day, ran)
        for node, size in ran:  # sizes stay absolute: what the base holds is put back as a departure
            residual[hours_of_day] += size * (weight[hours_of_day - hours.start] @ _at_size(change[node], size))
    all_weight, all_nearest = np.zeros((len(residual), n_states)), np.zeros(len(residual), np.int64)
    all_weight[inside], all_nearest[inside] = weight, nearest
    kept = LinearModel(
        leaks=tuple(leaks),
        rows=rows,
        precision=precision,
        design=basis.T @ design,
        response=response @ basis,
        basis=basis,
        weight=all_weight,
        nearest=all_nearest,
        residual=residual,
        solved=solved,
    )
    return kept, doubts


def _basis(response: Floats, design: Floats, precision: Floats, full: int) -> Floats:
    """Orthonormal directions that hold the responses and doubts to a thousandth of the noise-weighted size."""
    n_states, m = len(precision), precision.shape[1]
    scale = np.ones(design.shape[0])
    scale[:full] = np.sqrt(np.array([np.diag(p) for p in precision])).reshape(n_states * m)
    rows = np.vstack([response.reshape(-1, response.shape[-1]), design.T]) * scale
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    value, vector = np.linalg.eigh(rows.T @ rows)
    keep = value > 1e-5 * value[-1]
    directions = vector[:, keep] / scale[:, None]
    out: Floats = np.linalg.qr(directions)[0]
    return out
