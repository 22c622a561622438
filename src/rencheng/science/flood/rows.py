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

from rencheng.science.flood.compiled import inlined, row_kernel
from rencheng.science.flood.riemann import face_bed, hll_flux, hll_weights
from rencheng.science.flood.strip_arrays import Clock, FaceRows, Ground, Memory, Numbers, Scratch, Water

__all__ = [
    "SEGMENT",
    "afford_row",
    "clear_faces",
    "face_fluxes",
    "face_rows",
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
_hll_weights = inlined(hll_weights)
_hll_flux = inlined(hll_flux)

Row = NDArray[Any]
Grid = NDArray[Any]
Single = NDArray[np.float32]


@row_kernel
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


@row_kernel
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


@row_kernel
def mark_wet(depth: Row, first: int, stop: int, wet: NDArray[np.uint8]) -> None:
    """Say for the segments of a row between two cells whether they hold water."""
    for s in range(first // SEGMENT, (stop + SEGMENT - 1) // SEGMENT):
        flag = 0
        for i in range(s * SEGMENT, min((s + 1) * SEGMENT, depth.shape[0])):
            if depth[i] > 0.0:
                flag = 1
                break
        wet[s] = flag


@row_kernel
def afford_row(
    depth: Row,
    u: Row,
    v: Row,
    gravity: float,
    cells_per_step: float,
    row_depth: Row,
    west: Single,
    east: Single,
    south: Single,
    north: Single,
) -> None:
    """Depth of a row in the run's arithmetic and the largest mass flux each cell can afford through each face.

    A cell's water is shared among its faces by their outward wave speeds, so that the four together never take more
    than the cell holds, whatever the time step (a local form of the draining limit of Bollermann, Noelle &
    Lukáčová-Medviďová 2011, Commun. Comput. Phys. 10:371). The margin in ``cells_per_step`` covers float32.
    """
    zero, tiny = np.float32(0.0), np.float32(1e-30)
    weight, most = np.float32(gravity), np.float32(cells_per_step)
    for i in range(depth.shape[0]):
        row_depth[i] = depth[i]
        h = np.float32(depth[i])
        x = np.float32(u[i])
        y = np.float32(v[i])
        c = np.float32(math.sqrt(weight * h))
        to_west = max(c - x, zero)
        to_east = max(c + x, zero)
        to_south = max(c - y, zero)
        to_north = max(c + y, zero)
        share = h * most / max(to_west + to_east + (to_south + to_north), tiny)
        west[i] = share * to_west
        east[i] = share * to_east
        south[i] = share * to_south
        north[i] = share * to_north


@row_kernel
def face_steps(bed_a: Row, bed_b: Row, crest: Row, step: Row, wall: Row) -> None:
    """Rise of the bed from cell ``a`` to cell ``b`` and of a wall between them above ``a``, in the run's arithmetic.

    Differences of float64 levels keep their digits when rounded to float32; the levels themselves would not.
    """
    for f in range(step.shape[0]):
        step[f] = bed_b[f] - bed_a[f]
        wall[f] = crest[f] - bed_a[f]


@row_kernel
def face_fluxes(  # noqa: PLR0917  rows go in one by one: plain pointers let the loop vectorise
    step: Row,
    wall: Row,
    ramp: Single,
    depth_a: Row,
    normal_a: Row,
    shear_a: Row,
    most_a: Single,
    depth_b: Row,
    normal_b: Row,
    shear_b: Row,
    most_b: Single,
    gravity: float,
    half: float,
    tiny: float,
    lean: Single,
    spread: Single,
    can_a: Single,
    can_b: Single,
    mass: Row,
    push_a: Row,
    push_b: Row,
    shear: Row,
) -> None:
    """Fluxes through a line of faces between cells ``a`` (west or south) and ``b`` (east or north).

    Three short loops rather than a long one: the processor then works on several faces at a time.

    Parameters
    ----------
    step, wall : arrays, shape (n,)
        Rise of the bed across the face and height of a wall, both above the bed on side ``a``, m.
    ramp : float32 array, shape (n,)
        Part of the rise that is slope (see :mod:`.ramps`).
    depth_a, normal_a, shear_a : arrays, shape (n,)
        Depth, velocity across the face and velocity along it on side ``a``; the same for ``b``.
    most_a, most_b : float32 arrays, shape (n,)
        Largest mass flux each side can afford, m²/s.
    lean, spread, can_a, can_b : float32 arrays, shape (n,)
        Scratch.
    mass, push_a, push_b, shear : arrays, shape (n,)
        Written: mass flux (m²/s), normal momentum flux as each side feels it, bed slope included (m³/s²), and flux of
        tangential momentum.
    """
    zero = half - half
    face_depth_a, face_depth_b = mass, shear  # room until the fluxes are known
    one, four, small, nothing = np.float32(1.0), np.float32(4.0), np.float32(tiny), np.float32(0.0)
    for f in range(step.shape[0]):
        ha = depth_a[f]
        hb = depth_b[f]
        rise = step[f]
        fall = rise + (hb - ha)
        uphill = hb if fall > zero else ha
        slope = max(min(ramp[f], fall), zero) + min(max(ramp[f], fall), zero)
        slope = slope * min(four * np.float32(uphill) / max(np.float32(max(ha, hb)), small), one)
        give_a = most_a[f]
        give_b = most_b[f]
        can_a[f] = give_a if ha > rise else nothing
        can_b[f] = give_b if hb > -rise else nothing
        rise = rise - slope
        sill_a = _face_bed(zero, rise, wall[f])  # above either bed; the same seen from both sides, to the last bit
        sill_b = _face_bed(zero, -rise, wall[f] - rise)
        ha_face = max(ha - sill_a, zero)
        hb_face = max(hb - sill_b, zero)
        face_depth_a[f] = ha_face
        face_depth_b[f] = hb_face
        push_a[f] = half * gravity * ((ha + ha_face) * min(sill_a, ha) + ha * slope)
        push_b[f] = half * gravity * ((hb + hb_face) * min(sill_b, hb) - hb * slope)
    for f in range(step.shape[0]):
        lean[f], spread[f] = _hll_weights(face_depth_a[f], normal_a[f], face_depth_b[f], normal_b[f], gravity, tiny)
    for f in range(step.shape[0]):
        flow, push = _hll_flux(
            face_depth_a[f], normal_a[f], face_depth_b[f], normal_b[f], lean[f], spread[f], gravity, half
        )
        flow = max(min(flow, can_a[f]), -can_b[f])
        from_a = shear_a[f]  # both are read before one is chosen: a choice of addresses would be a gather
        from_b = shear_b[f]
        mass[f] = flow
        push_a[f] += push
        push_b[f] += push
        shear[f] = flow * (from_a if flow > zero else from_b)


@row_kernel
def inverse_cube_root(value: NDArray[np.uint32], guess: NDArray[np.uint32], x: Single, y: Single) -> None:
    """``y = x ** (-1/3)`` of positive float32, to rounding, without a call per element.

    ``value`` and ``guess`` are the bits of ``x`` and ``y``: dividing them by three divides the exponent (a guess to
    3.5 %); three Newton steps ``y ← y (4 − x y³) / 3`` square the error each.
    """
    third, four = np.float32(1.0 / 3.0), np.float32(4.0)
    for i in range(value.shape[0]):
        guess[i] = np.uint32(0x54A21D2A) - value[i] // np.uint32(3)
    for i in range(x.shape[0]):
        a = x[i]
        b = y[i]
        b = b * (four - a * b * b * b) * third
        b = b * (four - a * b * b * b) * third
        b = b * (four - a * b * b * b) * third
        y[i] = b


@row_kernel
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
    film: Single,
) -> None:
    """Let the fluxes through the four faces of each cell of a row act for one step; friction comes after.

    ``slope_x`` and ``slope_y`` are the bed's push inside the cells (m³/s²), zero in the first-order scheme.
    """
    for i in range(depth.shape[0]):
        net = np.float64(x_mass[i]) - np.float64(x_mass[i + 1]) + (np.float64(s_mass[i]) - np.float64(n_mass[i]))
        after = depth[i] + per_cell * net + rain[i]
        depth[i] = after
        thick = max(after, np.float64(shallow))
        inverse = one / thick
        east = x_push_b[i] - x_push_a[i + 1] + (s_shear[i] - n_shear[i]) + slope_x[i]
        north = s_push[i] - n_push[i] + (x_shear[i] - x_shear[i + 1]) + slope_y[i]
        moves = after > shallow
        u[i] = (old[i] * u[i] + per_cell_real * east) * inverse if moves else zero
        v[i] = (old[i] * v[i] + per_cell_real * north) * inverse if moves else zero
        film[i] = thick


@row_kernel
def rub_row(
    film: Single,
    u: Row,
    v: Row,
    inverse_cube: Single,
    drag: Single,
    step_s: float,
    gravity: float,
    speed: Single,
    total: Single,
) -> None:
    """Bed friction by the exact root of backward Euler for the speed, and the wave speed that limits the next step.

    Manning: ``d|u|/dt = −g n² |u|² / h^(4/3)``; the implicit step has the root
    ``|u| = 2|u*| / (1 + √(1 + 4 Δt k |u*|))``, which tends to the kinematic wave ``√S h^(2/3) / n`` when ``Δt`` is long
    beside the time friction needs (Xia & Liang 2018, Adv. Water Resour. 117:87). In float32: nobody knows roughness to
    seven digits.
    """
    one, two, four = np.float32(1.0), np.float32(2.0), np.float32(4.0)
    weight, step = np.float32(gravity), np.float32(step_s)
    for i in range(film.shape[0]):
        x = np.float32(u[i])
        z = np.float32(v[i])
        y = inverse_cube[i] * inverse_cube[i]
        k = step * drag[i] * (y * y)
        bare = np.float32(math.sqrt(x * x + z * z))
        keep = two / (one + np.float32(math.sqrt(one + four * k * bare)))
        u[i] *= keep
        v[i] *= keep
        c = np.float32(math.sqrt(weight * film[i]))
        wave = (abs(x) + abs(z)) * keep + c + c
        total[i] += wave
        speed[i] = max(speed[i], wave)


@row_kernel
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


@row_kernel
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


@row_kernel
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
    """
    a, b = run
    x, south, north = faces
    film, inverse_cube, speed, total = scratch.single[0], scratch.single[1], scratch.single[2], scratch.single[3]
    depth, u, v = water.depth[row, a:b], water.u[row, a:b], water.v[row, a:b]
    one = numbers.half + numbers.half
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
    inverse_cube_root(scratch.bits[0, a:b], scratch.bits[1, a:b], film[a:b], inverse_cube[a:b])
    rub_row(
        film[a:b], u, v, inverse_cube[a:b], rough[a:b], clock.step_s, numbers.gravity, speed[a:b], total[a:b]
    )  # fmt: skip
    record_row(
        depth, clock.now_s + clock.step_s, clock.step_s, clock.arrival_depth_m,
        memory.peak[row, a:b], memory.arrival[row, a:b], memory.spell[row, a:b],
    )  # fmt: skip
    mark_wet(water.depth[row], a, b, memory.wet_next[row])


@row_kernel
def face_rows(rows: Grid, single: Grid) -> FaceRows:
    """A line of faces in four rows of scratch."""
    return FaceRows(rows[0], rows[1], rows[2], rows[3], single[14], single[15], single[16], single[17])


@row_kernel
def side_rows(sides: Grid, which: int, faces: FaceRows) -> None:
    """Take over the fluxes through the south (0) or north (1) edge of the raster."""
    for i in range(sides.shape[2]):
        faces.mass[i] = sides[which, 0, i]
        faces.push_a[i] = sides[which, 1, i]
        faces.push_b[i] = sides[which, 1, i]
        faces.shear[i] = sides[which, 2, i]


@row_kernel
def side_ends(sides: Grid, row: int, faces: FaceRows, nx: int) -> None:
    """Take over the fluxes through the west and east edge of the raster at the ends of a row."""
    for which in range(2):
        at = which * nx
        faces.mass[at] = sides[which, 0, row]
        faces.push_a[at] = sides[which, 1, row]
        faces.push_b[at] = sides[which, 1, row]
        faces.shear[at] = sides[which, 2, row]


@row_kernel
def clear_faces(count: int, runs: NDArray[np.int64], nx: int, clean: bool, zero: float, faces: FaceRows) -> None:
    """Set fluxes to zero unless they are, or all of them are about to be worked out."""
    if not (clean or (count == 1 and runs[0, 0] == 0 and runs[1, 0] == nx)):
        faces.mass[:] = zero
        faces.push_a[:] = zero
        faces.push_b[:] = zero
        faces.shear[:] = zero


@row_kernel
def fastest_and_check(speed: Single, total: Single, wave: Row) -> None:
    """The largest wave speed of a strip, and a number that is finite only if all wave speeds are."""
    fastest = speed[0]
    check = total[0]
    for i in range(1, speed.shape[0]):
        fastest = max(fastest, speed[i])
        check += total[i]
    wave[0] = fastest
    wave[1] = check
