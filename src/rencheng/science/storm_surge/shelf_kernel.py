"""Steps of the depth-averaged sea on a raster: transports on faces, depths in cells, compiled."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from math import sqrt

import numpy as np
from numba import njit

__all__ = ["GRAVITY_M_S2", "WATER_KG_M3", "advance"]

GRAVITY_M_S2 = 9.81
WATER_KG_M3 = 1025.0
"""Sea water."""
FILM_M = 0.01
"""Faces under less water pass none."""
WINDY_M = 0.1
"""The wind does not pull at shallower water: that is wet land."""


@njit(cache=True, error_model="numpy")
def _transport(q, depth, slope, push, cross, f_dt, friction_dt, dt):
    """New transport through one face; ``slope`` is dη/dx + dp/dx/(ρg), ``cross`` the transport along the face."""
    wanted = q + f_dt * cross + dt * (push - GRAVITY_M_S2 * depth * slope)
    k = friction_dt / (depth * depth * np.cbrt(depth))
    alone = (-1.0 + sqrt(1.0 + 4.0 * k * abs(wanted))) / (2.0 * k) if k > 1e-12 else abs(wanted)
    new = wanted / (1.0 + k * sqrt(alone * alone + cross * cross))
    most = depth * sqrt(GRAVITY_M_S2 * depth)
    return min(max(new, -most), most)


@njit(cache=True, error_model="numpy")
def _transports_x(depth, bed, qx, qy, pressure, stress_x, coriolis, friction, dt, dx):
    ny, nx = depth.shape
    for j in range(ny):
        for i in range(1, nx):
            level_a, level_b = bed[j, i - 1] + depth[j, i - 1], bed[j, i] + depth[j, i]
            over = max(level_a, level_b) - max(bed[j, i - 1], bed[j, i])
            if not over > FILM_M:
                qx[j, i] = 0.0
                continue
            cross = 0.25 * (qy[j, i - 1] + qy[j, i] + qy[j + 1, i - 1] + qy[j + 1, i])
            head = (pressure[j, i] - pressure[j, i - 1]) / (WATER_KG_M3 * GRAVITY_M_S2)
            push = 0.5 * (stress_x[j, i - 1] + stress_x[j, i]) / WATER_KG_M3 if over > WINDY_M else 0.0
            drag = 0.5 * (friction[j, i - 1] + friction[j, i]) * dt
            slope = (level_b - level_a + head) / dx
            qx[j, i] = _transport(qx[j, i], over, slope, push, cross, coriolis[j] * dt, drag, dt)


@njit(cache=True, error_model="numpy")
def _transports_y(depth, bed, qx, qy, pressure, stress_y, coriolis, friction, dt, dx):
    ny, nx = depth.shape
    for j in range(1, ny):
        f_dt = -0.5 * (coriolis[j - 1] + coriolis[j]) * dt
        for i in range(nx):
            level_a, level_b = bed[j - 1, i] + depth[j - 1, i], bed[j, i] + depth[j, i]
            over = max(level_a, level_b) - max(bed[j - 1, i], bed[j, i])
            if not over > FILM_M:
                qy[j, i] = 0.0
                continue
            cross = 0.25 * (qx[j - 1, i] + qx[j, i] + qx[j - 1, i + 1] + qx[j, i + 1])
            head = (pressure[j, i] - pressure[j - 1, i]) / (WATER_KG_M3 * GRAVITY_M_S2)
            push = 0.5 * (stress_y[j - 1, i] + stress_y[j, i]) / WATER_KG_M3 if over > WINDY_M else 0.0
            drag = 0.5 * (friction[j - 1, i] + friction[j, i]) * dt
            slope = (level_b - level_a + head) / dx
            qy[j, i] = _transport(qy[j, i], over, slope, push, cross, f_dt, drag, dt)


@njit(cache=True, error_model="numpy")
def _through_edge(depth, bed, outside):
    """Outward transport at an open edge (Flather 1976): √(g/h) times what the sea stands above the level outside."""
    return sqrt(GRAVITY_M_S2 * depth) * (bed + depth - outside) if depth > FILM_M else 0.0


@njit(cache=True, error_model="numpy")
def _edges(depth, bed, qx, qy, outside, open_sides):
    ny, nx = depth.shape
    for j in range(ny):
        qx[j, 0] = -_through_edge(depth[j, 0], bed[j, 0], outside[j, 0]) if open_sides[0] else 0.0
        qx[j, nx] = _through_edge(depth[j, -1], bed[j, -1], outside[j, -1]) if open_sides[1] else 0.0
    for i in range(nx):
        qy[0, i] = -_through_edge(depth[0, i], bed[0, i], outside[0, i]) if open_sides[2] else 0.0
        qy[ny, i] = _through_edge(depth[-1, i], bed[-1, i], outside[-1, i]) if open_sides[3] else 0.0


@njit(cache=True, error_model="numpy")
def _no_more_than_there_is(depth, qx, qy, share, ratio):
    """Cut what leaves a cell in proportion where it would leave more than its water; ``ratio`` is Δt/Δx."""
    ny, nx = depth.shape
    for j in range(ny):
        for i in range(nx):
            out = max(-qx[j, i], 0.0) + max(qx[j, i + 1], 0.0) + max(-qy[j, i], 0.0) + max(qy[j + 1, i], 0.0)
            share[j, i] = depth[j, i] / (out * ratio) if out * ratio > depth[j, i] else 1.0
    for j in range(ny):
        for i in range(nx + 1):
            giver = i - 1 if qx[j, i] > 0.0 else i
            if 0 <= giver < nx:
                qx[j, i] *= share[j, giver]
    for j in range(ny + 1):
        giver = 0
        for i in range(nx):
            giver = j - 1 if qy[j, i] > 0.0 else j
            if 0 <= giver < ny:
                qy[j, i] *= share[giver, i]


@njit(cache=True, error_model="numpy")
def advance(  # noqa: PLR0917  numba knows neither keywords nor dataclasses
    depth,
    bed,
    qx,
    qy,
    peak,
    share,
    pressure,
    stress_x,
    stress_y,
    outside,
    coriolis,
    friction,
    open_sides,
    dt,
    dx,
    first,
    steps,
):
    """Take some steps in place; gives the volume per cell area that came in over the edge, m.

    Depth and bed are (ny, nx); ``qx`` (ny, nx + 1) and ``qy`` (ny + 1, nx) are transports in m²/s; ``friction`` is
    ``g n²``; ``outside`` the level beyond open edges; which transport goes first alternates (Sielecki 1968).
    """
    ny, nx = depth.shape
    ratio = dt / dx
    came = 0.0
    for step in range(first, first + steps):
        if step % 2 == 0:
            _transports_x(depth, bed, qx, qy, pressure, stress_x, coriolis, friction, dt, dx)
            _transports_y(depth, bed, qx, qy, pressure, stress_y, coriolis, friction, dt, dx)
        else:
            _transports_y(depth, bed, qx, qy, pressure, stress_y, coriolis, friction, dt, dx)
            _transports_x(depth, bed, qx, qy, pressure, stress_x, coriolis, friction, dt, dx)
        _edges(depth, bed, qx, qy, outside, open_sides)
        _no_more_than_there_is(depth, qx, qy, share, ratio)
        for j in range(ny):
            came += ratio * (qx[j, 0] - qx[j, nx])
        for i in range(nx):
            came += ratio * (qy[0, i] - qy[ny, i])
        for j in range(ny):
            for i in range(nx):
                new = depth[j, i] + ratio * (qx[j, i] - qx[j, i + 1] + qy[j, i] - qy[j + 1, i])
                depth[j, i] = max(new, 0.0)
                if depth[j, i] > FILM_M:
                    peak[j, i] = max(peak[j, i], bed[j, i] + depth[j, i])
    return came
