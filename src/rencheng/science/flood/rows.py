"""Work on one row of cells: what both orders of the shallow-water scheme share.

Every loop runs over contiguous buffers without branches, so that the compiler turns it into vector instructions.
Depth and bed are float64 always (water must not be lost to rounding); velocities, fluxes and buffers have the type the
run asks for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rencheng.science.flood.compiled import KERNEL, SCALAR
from rencheng.science.flood.riemann import face_bed, hllc_flux

__all__ = [
    "SEGMENT",
    "active_runs",
    "face_fluxes",
    "inverse_cube_root",
    "mark_wet",
    "prepare_row",
    "rain_on_row",
    "record_row",
    "rub_row",
]

SEGMENT = 64
"""Cells of a row that are skipped together while they and their neighbours are dry."""

_face_bed = njit(**SCALAR)(face_bed)
_hllc_flux = njit(**SCALAR)(hllc_flux)

Row = NDArray[Any]


@njit(**KERNEL)
def active_runs(wet: NDArray[np.uint8], row: int, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> int:
    """Runs of segments of a row to work on: those with water in them or in a segment beside, above or below."""
    ny, segments = wet.shape
    count = 0
    before = False
    for s in range(segments):
        works = wet[row, s] != 0
        works |= row > 0 and wet[max(row - 1, 0), s] != 0
        works |= row < ny - 1 and wet[min(row + 1, ny - 1), s] != 0
        works |= s > 0 and wet[row, max(s - 1, 0)] != 0
        works |= s < segments - 1 and wet[row, min(s + 1, segments - 1)] != 0
        if works and not before:
            starts[count] = s
        if works:
            stops[count] = s + 1
        elif before:
            count += 1
        before = works
    return count + 1 if before else count


@njit(**KERNEL)
def mark_wet(depth: Row, row: int, first: int, last: int, wet: NDArray[np.uint8]) -> None:
    """Say for the segments ``first … last - 1`` of a row whether they hold water."""
    nx = depth.shape[0]
    for s in range(first, last):
        flag = 0
        for i in range(s * SEGMENT, min((s + 1) * SEGMENT, nx)):
            if depth[i] > 0.0:
                flag = 1
                break
        wet[row, s] = flag


@njit(**KERNEL)
def prepare_row(
    depth: Row,
    u: Row,
    v: Row,
    gravity: float,
    half: float,
    tiny: float,
    cells_per_step: float,
    row_depth: Row,
    row_celerity: Row,
    row_share: Row,
) -> None:
    """Depth and celerity of a row, and what each cell may give per unit of outward wave speed.

    ``row_share`` times the outward wave speed at a face is the largest mass flux the cell can afford there: the four
    faces together can never take more than the cell holds, whatever the time step (a local form of the draining limit
    of Bollermann, Noelle & Lukáčová-Medviďová 2011, Commun. Comput. Phys. 10:371).
    """
    zero = half - half
    for i in range(depth.shape[0]):
        row_depth[i] = depth[i]
        h = row_depth[i]
        c = math.sqrt(gravity * h)
        outward = max(c + u[i], zero) + max(c - u[i], zero) + max(c + v[i], zero) + max(c - v[i], zero)
        row_celerity[i] = c
        row_share[i] = h * cells_per_step / max(outward, tiny)


@njit(**KERNEL)
def face_fluxes(
    bed_a: Row,
    depth_a: Row,
    normal_a: Row,
    shear_a: Row,
    celerity_a: Row,
    share_a: Row,
    bed_b: Row,
    depth_b: Row,
    normal_b: Row,
    shear_b: Row,
    celerity_b: Row,
    share_b: Row,
    crest: Row,
    gravity: float,
    half: float,
    tiny: float,
    mass: Row,
    push_a: Row,
    push_b: Row,
    shear: Row,
) -> None:
    """Fluxes through a line of faces between cells ``a`` (west or south) and ``b`` (east or north).

    Writes the mass flux (m²/s), the normal momentum flux as each of the two cells feels it, bed slope included
    (m³/s²), and the flux of tangential momentum. First order: cell values stand at the face.
    """
    zero = half - half
    for f in range(mass.shape[0]):
        mass[f] = bed_b[f] - bed_a[f]
        shear[f] = crest[f] - bed_a[f]
    for f in range(mass.shape[0]):
        ha = depth_a[f]
        hb = depth_b[f]
        step = mass[f]
        face = _face_bed(ha, zero, hb, step, shear[f])
        top_a = ha
        top_b = step + hb
        ha_face = max(min(top_a - face, ha), zero)
        hb_face = max(min(top_b - face, hb), zero)
        flow, push = _hllc_flux(ha_face, normal_a[f], hb_face, normal_b[f], gravity, half, tiny)
        most = share_a[f] * max(celerity_a[f] + normal_a[f], zero)
        least = -(share_b[f] * max(celerity_b[f] - normal_b[f], zero))
        flow = max(min(flow, most), least)
        mass[f] = flow
        push_a[f] = push + half * gravity * (ha + ha_face) * min(face, top_a)
        push_b[f] = push + half * gravity * (hb + hb_face) * (min(face, top_b) - step)
        shear[f] = flow * (shear_a[f] if flow > zero else shear_b[f])


@njit(**KERNEL)
def inverse_cube_root(
    value: Row, seed: NDArray[np.float32], bits: NDArray[np.uint32], third: float, four: float, out: Row
) -> None:
    """``value ** (-1/3)`` for positive values, to rounding, without a call per element.

    The exponent of a float32 is divided by three as an integer (a 3.5 % guess); four Newton steps
    ``y ← y (4 − x y³) / 3`` square the error each.
    """
    for i in range(value.shape[0]):
        seed[i] = value[i]
    for i in range(value.shape[0]):
        bits[i] = np.uint32(0x54A21D2A) - bits[i] // np.uint32(3)
    for i in range(value.shape[0]):
        x = value[i]
        out[i] = seed[i]
        y = out[i]
        y = y * (four - x * y * y * y) * third
        y = y * (four - x * y * y * y) * third
        y = y * (four - x * y * y * y) * third
        y = y * (four - x * y * y * y) * third
        out[i] = y


@njit(**KERNEL)
def rub_row(
    depth: Row,
    u: Row,
    v: Row,
    inverse_cube: Row,
    drag: Row,
    step_s: float,
    gravity: float,
    half: float,
    speed: Row,
    total: Row,
    celerity: Row,
) -> None:
    """Bed friction by the exact root of backward Euler for the speed, and the wave speed that limits the next step.

    Manning: ``d|u|/dt = −g n² |u|² / h^(4/3)``; the implicit step has the root
    ``|u| = 2|u*| / (1 + √(1 + 4 Δt k |u*|))``, which tends to the kinematic wave ``√S h^(2/3) / n`` when ``Δt`` is long
    beside the time friction needs (Xia & Liang 2018, Adv. Water Resour. 117:87).
    """
    one = half + half
    two = one + one
    four = two + two
    for i in range(depth.shape[0]):
        y = inverse_cube[i]
        k = step_s * drag[i] * (y * y) * (y * y)
        bare = math.sqrt(u[i] * u[i] + v[i] * v[i])
        keep = two / (one + math.sqrt(one + four * k * bare))
        u[i] *= keep
        v[i] *= keep
        c = math.sqrt(gravity * depth[i])
        wave = abs(u[i]) + abs(v[i]) + c + c
        celerity[i] = c
        total[i] += wave
        speed[i] = max(speed[i], wave)


@njit(**KERNEL)
def rain_on_row(
    rate: NDArray[np.float64],
    rate_row: int,
    columns: NDArray[np.int64],
    open_ground: NDArray[np.uint8],
    step_s: float,
    rain: NDArray[np.float64],
) -> None:
    """Depth of rain that falls on a row of cells in a step, m; ``rate`` in m/s on its own coarse grid."""
    if rate.shape[1] == 1:
        amount = rate[rate_row, 0] * step_s
        for i in range(rain.shape[0]):
            rain[i] = amount * open_ground[i]
    else:
        for i in range(rain.shape[0]):
            rain[i] = rate[rate_row, columns[i]] * step_s * open_ground[i]


@njit(**KERNEL)
def record_row(
    depth: Row,
    now_s: float,
    step_s: float,
    deep_m: float,
    peak: NDArray[np.float32],
    arrival: NDArray[np.float32],
    spell: NDArray[np.float32],
) -> None:
    """Keep the highest depth, the first time a depth was reached and how long it lasted."""
    now = np.float32(now_s)
    step = np.float32(step_s)
    deep = np.float32(deep_m)
    never = np.float32(np.inf)
    nothing = np.float32(0.0)
    for i in range(depth.shape[0]):
        h = np.float32(depth[i])
        peak[i] = max(peak[i], h)
        arrival[i] = min(arrival[i], now if h >= deep else never)
        spell[i] += step if h >= deep else nothing
