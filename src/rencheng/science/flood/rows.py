"""Work on one row of cells: what both orders of the shallow-water scheme share.

Every loop runs over contiguous buffers without branches, so that the compiler turns it into vector instructions.
Depth and bed are float64 always (water must not be lost to rounding); velocities, fluxes and buffers have the type the
run asks for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.compiled import inlined, kernel
from rencheng.science.flood.riemann import face_bed, hllc_flux
from rencheng.science.flood.strip_arrays import Clock, FaceRows, Ground, Memory, Numbers, Scratch, Water

__all__ = [
    "SEGMENT",
    "afford_row",
    "clear_faces",
    "face_fluxes",
    "face_steps",
    "fastest_and_check",
    "finish_run",
    "inverse_cube_root",
    "joint_runs",
    "mark_wet",
    "rain_on_row",
    "record_row",
    "rub_row",
    "side_ends",
    "side_rows",
    "update_row",
    "working_runs",
]

SEGMENT = 32
"""Cells of a row that are skipped together while they and their neighbours are dry."""

_face_bed = inlined(face_bed)
_hllc_flux = inlined(hllc_flux)

Row = NDArray[Any]
Grid = NDArray[Any]


@kernel
def working_runs(wet: NDArray[np.uint8], row: int, nx: int, runs: NDArray[np.int64]) -> int:
    """Runs of cells of a row to update: segments with water in them, above or below, and a cell more on either side.

    Water moves no farther than one cell in a step. Writes first cell and stop of each run into the two rows of ``runs``
    and returns their number.
    """
    ny, segments = wet.shape
    below, above = max(row - 1, 0), min(row + 1, ny - 1)
    count = 0
    before = False
    for s in range(segments):
        works = (wet[row, s] | wet[below, s] | wet[above, s]) != 0
        if works:
            if not before:
                runs[0, count] = max(s * SEGMENT - 1, 0)
                count += 1
            runs[1, count - 1] = min((s + 1) * SEGMENT + 1, nx)
        before = works
    return count


@kernel
def joint_runs(wet: NDArray[np.uint8], row: int, nx: int, runs: NDArray[np.int64]) -> int:
    """Runs of faces between a row and the next one to the north through which water may flow."""
    count = 0
    before = False
    for s in range(wet.shape[1]):
        works = wet[row, s] != 0 or wet[row + 1, s] != 0
        if works:
            if not before:
                runs[0, count] = s * SEGMENT
                count += 1
            runs[1, count - 1] = min((s + 1) * SEGMENT, nx)
        before = works
    return count


@kernel
def mark_wet(depth: Row, first: int, stop: int, wet: NDArray[np.uint8]) -> None:
    """Say for the segments of a row between two cells whether they hold water."""
    for s in range(first // SEGMENT, (stop + SEGMENT - 1) // SEGMENT):
        flag = 0
        for i in range(s * SEGMENT, min((s + 1) * SEGMENT, depth.shape[0])):
            if depth[i] > 0.0:
                flag = 1
                break
        wet[s] = flag


@kernel
def afford_row(
    depth: Row,
    u: Row,
    v: Row,
    gravity: float,
    half: float,
    tiny: float,
    cells_per_step: float,
    row_depth: Row,
    west: Row,
    east: Row,
    south: Row,
    north: Row,
) -> None:
    """Depth of a row in the run's arithmetic and the largest mass flux each cell can afford through each face.

    A cell's water is shared among its faces by their outward wave speeds, so that the four together never take more
    than the cell holds, whatever the time step (a local form of the draining limit of Bollermann, Noelle &
    Lukáčová-Medviďová 2011, Commun. Comput. Phys. 10:371).
    """
    zero = half - half
    for i in range(depth.shape[0]):
        row_depth[i] = depth[i]
        h = row_depth[i]
        c = math.sqrt(gravity * h)
        to_west = max(c - u[i], zero)
        to_east = max(c + u[i], zero)
        to_south = max(c - v[i], zero)
        to_north = max(c + v[i], zero)
        share = h * cells_per_step / max(to_west + to_east + (to_south + to_north), tiny)
        west[i] = share * to_west
        east[i] = share * to_east
        south[i] = share * to_south
        north[i] = share * to_north


@kernel
def face_steps(bed_a: Row, bed_b: Row, crest: Row, step: Row, wall: Row) -> None:
    """Rise of the bed from cell ``a`` to cell ``b`` and of a wall between them above ``a``, in the run's arithmetic.

    Differences of float64 levels keep their digits when rounded to float32; the levels themselves would not.
    """
    for f in range(step.shape[0]):
        step[f] = bed_b[f] - bed_a[f]
        wall[f] = crest[f] - bed_a[f]


@kernel
def face_fluxes(  # noqa: PLR0917  rows go in one by one: plain pointers let the loop vectorise
    step: Row,
    wall: Row,
    ramp: Row,
    depth_a: Row,
    normal_a: Row,
    shear_a: Row,
    most_a: Row,
    depth_b: Row,
    normal_b: Row,
    shear_b: Row,
    most_b: Row,
    gravity: float,
    half: float,
    tiny: float,
    mass: Row,
    push_a: Row,
    push_b: Row,
    shear: Row,
) -> None:
    """Fluxes through a line of faces between cells ``a`` (west or south) and ``b`` (east or north).

    Parameters
    ----------
    step, wall : arrays, shape (n,)
        Rise of the bed across the face and height of a wall, both above the bed on side ``a``, m.
    depth_a, normal_a, shear_a : arrays, shape (n,)
        Depth, velocity across the face and velocity along it on side ``a``; the same for ``b``.
    most_a, most_b : arrays, shape (n,)
        Largest mass flux each side can afford, m²/s.
    mass, push_a, push_b, shear : arrays, shape (n,)
        Written: mass flux (m²/s), normal momentum flux as each side feels it, bed slope included (m³/s²), and flux of
        tangential momentum.
    """
    zero = half - half
    one = half + half
    four = one + one + one + one
    for f in range(step.shape[0]):
        ha = depth_a[f]
        hb = depth_b[f]
        fall = step[f] + hb - ha
        uphill = hb if fall > zero else ha
        slope = max(min(ramp[f], fall), zero) + min(max(ramp[f], fall), zero)
        slope = slope * min(four * uphill / max(ha, hb, tiny), one)
        can_a = ha > step[f]
        can_b = step[f] + hb > zero
        rise = step[f] - slope
        face = _face_bed(zero, rise, wall[f])
        top_b = rise + hb
        ha_face = max(ha - face, zero)
        hb_face = max(top_b - face, zero)
        flow, push = _hllc_flux(ha_face, normal_a[f], hb_face, normal_b[f], gravity, half, tiny)
        flow = max(min(flow, most_a[f] if can_a else zero), -(most_b[f] if can_b else zero))
        mass[f] = flow
        push_a[f] = push + half * gravity * ((ha + ha_face) * min(face, ha) + ha * slope)
        push_b[f] = push + half * gravity * ((hb + hb_face) * (min(face, top_b) - rise) - hb * slope)
        shear[f] = flow * (shear_a[f] if flow > zero else shear_b[f])


@kernel
def update_row(  # noqa: PLR0917  rows go in one by one: plain pointers let the loop vectorise
    depth: Row,
    u: Row,
    v: Row,
    old: Row,
    rain: NDArray[np.float64],
    per_cell: float,
    per_cell_real: float,
    shallow: float,
    zero: float,
    one: float,
    x_mass: Row,
    x_push_a: Row,
    x_push_b: Row,
    x_shear: Row,
    s_mass: Row,
    s_push: Row,
    s_shear: Row,
    n_mass: Row,
    n_push: Row,
    n_shear: Row,
    slope_x: Row,
    slope_y: Row,
    film: Row,
) -> None:
    """Let the fluxes through the four faces of each cell of a row act for one step; friction comes after.

    ``slope_x`` and ``slope_y`` are the bed's push inside the cells (m³/s²), zero in the first-order scheme.
    """
    for i in range(depth.shape[0]):
        net = np.float64(x_mass[i]) - np.float64(x_mass[i + 1]) + (np.float64(s_mass[i]) - np.float64(n_mass[i]))
        depth[i] = depth[i] + per_cell * net + rain[i]
    for i in range(depth.shape[0]):
        film[i] = max(depth[i], shallow)
    for i in range(depth.shape[0]):
        inverse = one / film[i]
        east = x_push_b[i] - x_push_a[i + 1] + (s_shear[i] - n_shear[i]) + slope_x[i]
        north = s_push[i] - n_push[i] + (x_shear[i] - x_shear[i + 1]) + slope_y[i]
        moves = film[i] > shallow
        u[i] = (old[i] * u[i] + per_cell_real * east) * inverse if moves else zero
        v[i] = (old[i] * v[i] + per_cell_real * north) * inverse if moves else zero


@kernel
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


@kernel
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
        total[i] += wave
        speed[i] = max(speed[i], wave)


@kernel
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


@kernel
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


@kernel
def finish_run(
    row: int,
    run: tuple[int, int],
    clock: Clock,
    numbers: Numbers,
    water: Water,
    ground: Ground,
    memory: Memory,
    scratch: Scratch,
    old: Row,
    faces: tuple[FaceRows, FaceRows, FaceRows],
    slopes: tuple[Row, Row],
    work: tuple[Row, Row, Row, Row],
) -> None:
    """Fluxes, rain and friction act on a run of cells of a row, and its records are kept.

    Parameters
    ----------
    run : (int, int)
        First cell and stop.
    old : array
        Depths of the row before the step, in the type of the arithmetic.
    faces : three FaceRows
        Of the x faces, the south faces and the north faces of the row.
    slopes : two arrays
        The bed's push inside the cells along x and y.
    work : four arrays
        Two rows of scratch, the largest wave speed so far and the sum of wave speeds by column.
    """
    a, b = run
    x, south, north = faces
    film, inverse_cube, speed, total = work
    depth, u, v = water.depth[row, a:b], water.u[row, a:b], water.v[row, a:b]
    one = numbers.half + numbers.half
    four = one + one + one + one
    rain = scratch.rain[a:b]
    open_row = ground.open_ground[row * min(ground.open_ground.shape[0] - 1, 1)]
    rough = ground.drag[row * min(ground.drag.shape[0] - 1, 1)]
    rain_on_row(ground.rate, ground.rate_rows[row], ground.rate_columns[a:b], open_row[a:b], clock.step_s, rain)
    update_row(
        depth, u, v, old[a:b], rain, clock.step_s / clock.cell_m, numbers.per_cell, numbers.shallow, numbers.zero, one,
        x.mass[a : b + 1], x.push_a[a : b + 1], x.push_b[a : b + 1], x.shear[a : b + 1],
        south.mass[a:b], south.push_b[a:b], south.shear[a:b], north.mass[a:b], north.push_a[a:b], north.shear[a:b],
        slopes[0][a:b], slopes[1][a:b], film[a:b],
    )  # fmt: skip
    inverse_cube_root(film[a:b], scratch.seed[a:b], scratch.bits[a:b], one / (four - one), four, inverse_cube[a:b])
    rub_row(
        film[a:b], u, v, inverse_cube[a:b], rough[a:b], numbers.step, numbers.gravity, numbers.half,
        speed[a:b], total[a:b],
    )  # fmt: skip
    record_row(
        depth, clock.now_s + clock.step_s, clock.step_s, clock.arrival_depth_m,
        memory.peak[row, a:b], memory.arrival[row, a:b], memory.spell[row, a:b],
    )  # fmt: skip
    mark_wet(water.depth[row], a, b, memory.wet_next[row])


@kernel
def side_rows(sides: Grid, which: int, faces: FaceRows) -> None:
    """Take over the fluxes through the south (0) or north (1) edge of the raster."""
    for i in range(sides.shape[2]):
        faces.mass[i] = sides[which, 0, i]
        faces.push_a[i] = sides[which, 1, i]
        faces.push_b[i] = sides[which, 1, i]
        faces.shear[i] = sides[which, 2, i]


@kernel
def side_ends(sides: Grid, row: int, faces: FaceRows, nx: int) -> None:
    """Take over the fluxes through the west and east edge of the raster at the ends of a row."""
    for which in range(2):
        at = which * nx
        faces.mass[at] = sides[which, 0, row]
        faces.push_a[at] = sides[which, 1, row]
        faces.push_b[at] = sides[which, 1, row]
        faces.shear[at] = sides[which, 2, row]


@kernel
def clear_faces(count: int, runs: NDArray[np.int64], nx: int, clean: bool, zero: float, faces: FaceRows) -> None:
    """Set fluxes to zero unless they are, or all of them are about to be worked out."""
    if not (clean or (count == 1 and runs[0, 0] == 0 and runs[1, 0] == nx)):
        faces.mass[:] = zero
        faces.push_a[:] = zero
        faces.push_b[:] = zero
        faces.shear[:] = zero


@kernel
def fastest_and_check(speed: Row, total: Row, wave: Row) -> None:
    """The largest wave speed of a strip, and a number that is finite only if all wave speeds are."""
    fastest = speed[0]
    check = total[0]
    for i in range(1, speed.shape[0]):
        fastest = max(fastest, speed[i])
        check += total[i]
    wave[0] = fastest
    wave[1] = check
