"""Test 4 of the Environment Agency's benchmark: a flood spreads over a dry plain from a 20 m breach (SC120002).

The breach lies on a closed wall, so the flood is half of one that spreads in rings from twice the discharge: a problem
in one dimension, solved here on rings of 1 m by a scheme of its own (Rusanov fluxes), as a reference for six points.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from tests.truth.flood_solutions import Floats, G

from rencheng.science.flood import FloodResult, simulate

MANNING, BREACH_M, LENGTH_M = 0.05, 20.0, 1000.0
HYDROGRAPH = (np.array([0.0, 3600.0, 18000.0]), np.array([0.0, 20.0, 20.0]))
"""Twenty cubic metres a second, reached within an hour: the published peak; its table is not in the text."""
POINTS_M = ((50.0, 0.0), (100.0, 0.0), (200.0, 0.0), (300.0, 0.0), (400.0, 0.0), (300.0, 300.0))
"""The published output points, from the middle of the breach; the last looks along the raster's diagonal."""
WET_M = 0.01


class Spread(NamedTuple):
    """Depth, speed and first wet time at the six points; NaN where the flood has not come."""

    depth_m: Floats
    speed_m_s: Floats
    arrival_s: Floats


def _rusanov(h: Floats, u: Floats) -> tuple[Floats, Floats]:
    celerity = np.abs(u) + np.sqrt(G * h)
    fast = np.maximum(celerity[:-1], celerity[1:])
    q, push = h * u, h * u * u + 0.5 * G * h * h
    mass = 0.5 * (q[:-1] + q[1:] - fast * np.diff(h))
    return mass, 0.5 * (push[:-1] + push[1:] - fast * np.diff(q))


def spread_in_rings(until_s: float, ring_m: float = 1.0, reach_m: float = 900.0) -> Spread:
    """The reference: rings round the breach, which is a disc of 10 m that takes in twice the discharge."""
    rings = round(reach_m / ring_m)
    faces = np.arange(rings + 1) * ring_m
    middle, area = 0.5 * (faces[1:] + faces[:-1]), 0.5 * np.diff(faces**2)
    source = np.where(middle < BREACH_M / 2.0, 1.0, 0.0)
    source /= 2.0 * np.pi * (source * area).sum()
    h, q, arrival, now = np.zeros(rings), np.zeros(rings), np.full(rings, np.nan), 0.0
    while now < until_s:
        u = np.where(h > 1e-9, q / np.maximum(h, 1e-9), 0.0)
        dt = min(0.4 * ring_m / max(float((np.abs(u) + np.sqrt(G * h)).max()), 1.0), until_s - now)
        mass, push = _rusanov(np.concatenate([h[:1], h, h[-1:]]), np.concatenate([-u[:1], u, -u[-1:]]))
        inflow = 2.0 * float(np.interp(now + 0.5 * dt, *HYDROGRAPH))
        thrust = 0.5 * G * h * h * ring_m
        h = np.maximum(h - dt * np.diff(faces * mass) / area + dt * inflow * source, 0.0)
        q = q - dt * (np.diff(faces * push) - thrust) / area
        drag = dt * G * MANNING**2 * np.abs(q) / np.maximum(h, 1e-9) ** (7.0 / 3.0)
        q = np.where(h > 1e-9, 2.0 * q / (1.0 + np.sqrt(1.0 + 4.0 * drag)), 0.0)
        now += dt
        arrival = np.where(np.isnan(arrival) & (h >= WET_M), now, arrival)
    radius = np.hypot(*np.array(POINTS_M).T)
    speed = np.where(h > 1e-9, q / np.maximum(h, 1e-9), 0.0)
    return Spread(*(np.interp(radius, middle, values) for values in (h, speed, arrival)))


def run_spreading(until_s: float, cell_m: float = 5.0, **how: Any) -> FloodResult:
    """The plain on the raster: 1000 m × 2000 m, level, dry, closed."""
    shape = round(2.0 * LENGTH_M / cell_m), round(LENGTH_M / cell_m)
    inflow = np.zeros(shape, np.bool_)
    half = round(BREACH_M / 2.0 / cell_m)
    inflow[shape[0] // 2 - half : shape[0] // 2 + half, 0] = True
    return simulate(
        np.zeros(shape),
        cell_m,
        until_s,
        manning=MANNING,
        inflows=[(inflow, *HYDROGRAPH)],
        arrival_depth_m=WET_M,
        **how,
    )


def reference_spread(until_s: float, ring_m: float = 2.0) -> Spread:
    """The reference without its first-order error: twice the rings of half the width less the rings (Richardson)."""
    coarse, fine = spread_in_rings(until_s, ring_m), spread_in_rings(until_s, ring_m / 2.0)
    return Spread(*(2.0 * f - c for f, c in zip(fine, coarse, strict=True)))


def spread_of(result: FloodResult, cell_m: float = 5.0) -> Spread:
    """What a run says at the six points: means of the cells round each."""
    rows = result.depth_m.shape[0]
    speed = np.hypot(result.velocity_x_m_s, result.velocity_y_m_s)
    told = []
    for field in (result.depth_m, speed, result.arrival_s):
        around = []
        for x, y in POINTS_M:
            row, column = round(rows / 2 + y / cell_m), round(x / cell_m)
            around.append(np.asarray(field, np.float64)[row - 1 : row + 1, column - 1 : column + 1].mean())
        told.append(np.array(around))
    return Spread(*told)
