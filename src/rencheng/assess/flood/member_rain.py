"""Rain of every member of an ensemble over a city: as it was measured, as it may go on, each with its own error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.watch import RainRecord
from rencheng.kernel import InvalidInput
from rencheng.science.design_storm import SHANGHAI_2017, IntensityFormula
from rencheng.science.nowcast import blend_with_tail, design_tail, gauge_nowcast, radar_nowcast
from rencheng.sense.rain_picture import RainPicture

__all__ = ["RAIN_CELL_M", "MemberRain", "member_rain", "rain_centres", "rain_shape"]

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]

RAIN_CELL_M = 600.0
"""Edge of the cells that rain is given on, about: finer than any rain field known over a city."""
_MOST_RAIN_CELLS = 2500
_RADAR_TRUST_S, _GAUGE_TRUST_S = 7200.0, 3600.0
_PICTURE_HOLDS_S = 600.0
_DRY_MM_H = 0.5
_BIAS_LIMITS = (0.33, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRain:
    """Rain of the members on coarse cells that tile a flood raster.

    Parameters
    ----------
    edges_s : float64 array, shape (steps + 1,)
        Edges of the steps, seconds from the instant the forecast stands on; negative ones have passed.
    rate_mm_h : float32 array, shape (members, steps, gy, gx)
        Mean rate of each step; row 0 south. Raster row j lies in rain row ``j * gy // ny``.
    source : str
        ``radar``, ``gauges``, ``design`` or ``forecast``.
    """

    edges_s: F64
    rate_mm_h: F32
    source: str


def rain_shape(grid: FloodGrid, *, cell_m: float = RAIN_CELL_M) -> tuple[int, int]:
    """Rows and columns of the rain cells over a raster."""
    size = max(cell_m, grid.cell_m * (grid.ny * grid.nx / _MOST_RAIN_CELLS) ** 0.5)
    return max(1, round(grid.ny * grid.cell_m / size)), max(1, round(grid.nx * grid.cell_m / size))


def rain_centres(grid: FloodGrid, shape: tuple[int, int]) -> F64:
    """Metric centres of the rain cells, shape (gy * gx, 2)."""
    x = grid.west_m + (np.arange(shape[1]) + 0.5) * grid.nx * grid.cell_m / shape[1]
    y = grid.south_m + (np.arange(shape[0]) + 0.5) * grid.ny * grid.cell_m / shape[0]
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def member_rain(
    record: RainRecord,
    grid: FloodGrid,
    *,
    members: int,
    horizon_s: float,
    rng: np.random.Generator,
    factor: F64 | None = None,
    step_s: float = 300.0,
    formula: IntensityFormula = SHANGHAI_2017,
) -> MemberRain:
    """Draw the rain of the members: measured up to the present, nowcast and design tail beyond.

    Radar pictures (their mean bias taken out against the gauges) are believed where there are any not older than ten
    minutes; else gauges are kriged, each member with its own error between them. Ahead the pictures are carried along
    their motion, gauge fields fade, and both pass into the rest of design storms that fit what has fallen.

    Parameters
    ----------
    record : RainRecord
        What was measured.
    grid : FloodGrid
        Raster of the flood model.
    members : int
        Members to draw.
    horizon_s, step_s : float
        How far to look ahead, in steps of how many seconds.
    rng : numpy.random.Generator
        Source of chance.
    factor : float64 array, shape (members,), optional
        Error of each member's rain amount, 1 for none; the same through all times.
    formula : IntensityFormula
        The city's storm intensity formula.

    Raises
    ------
    InvalidInput
        If neither a gauge nor a picture says anything.
    """
    shape = rain_shape(grid)
    centres = rain_centres(grid, shape)
    ahead = max(1, round(horizon_s / step_s))
    pictures = [(at_s, p) for at_s, p in record.pictures if at_s <= 0.0]
    recent = bool(pictures) and pictures[-1][0] >= -2.0 * _PICTURE_HOLDS_S
    heard = record.rate_mm_h.shape[1] > 0 and bool(np.isfinite(record.rate_mm_h).any())
    if not heard and not recent:
        raise InvalidInput("no gauge and no picture tells of rain", where="rain record", mend="Check the rain feeds")
    past = len(record.edges_s) - 1
    rate = np.zeros((members, past + ahead, len(centres)), dtype=np.float32)
    if heard:
        rate = gauge_nowcast(
            record.xy_m, record.rate_mm_h, centres, step_s=step_s, leads=ahead, members=members, rng=rng
        )
    if pictures:
        pictures = _unbiased(record, pictures)
        for step in range(past):
            shown = _picture_of(pictures, float(record.edges_s[step]), float(record.edges_s[step + 1]))
            if shown is not None:
                seen = _at(shown, centres)
                rate[:, step] = np.where(np.isnan(seen), rate[:, step], seen)
    if recent:
        rate[:, past:] = _radar_ahead(pictures, centres, members=members, ahead=ahead, step_s=step_s, rng=rng)
    mean = rate[:, :past].mean(axis=(0, 2))
    rained_mm, rained_min = _storm_so_far(mean, np.diff(record.edges_s))
    tail = design_tail(
        formula,
        rained_mm=rained_mm,
        rained_min=rained_min,
        step_min=max(1, round(step_s / 60.0)),
        steps=ahead,
        members=members,
        rng=rng,
    )
    trust_s = _RADAR_TRUST_S if recent else _GAUGE_TRUST_S
    rate[:, past:] = blend_with_tail(rate[:, past:], tail, step_s=step_s, trust_s=trust_s)
    if factor is not None:
        rate *= factor.astype(np.float32)[:, None, None]
    edges = np.concatenate([record.edges_s, step_s * np.arange(1, ahead + 1)])
    return MemberRain(
        edges_s=edges,
        rate_mm_h=rate.reshape(members, past + ahead, *shape),
        source="radar" if recent else "gauges",
    )


def _at(picture: RainPicture, xy_m: F64) -> F64:
    """Rates of a picture at metric points, NaN beyond it or where it is blind."""
    row, column = _rows_columns(picture, xy_m)
    i, j = np.rint(row).astype(np.int64), np.rint(column).astype(np.int64)
    ny, nx = picture.rate_mm_h.shape
    inside = (i >= 0) & (i < ny) & (j >= 0) & (j < nx)
    out = np.full(len(xy_m), np.nan)
    out[inside] = picture.rate_mm_h[i[inside], j[inside]]
    return out


def _rows_columns(picture: RainPicture, xy_m: F64) -> tuple[F64, F64]:
    row = (xy_m[:, 1] - picture.south_m) / picture.cell_m - 0.5
    column = (xy_m[:, 0] - picture.west_m) / picture.cell_m - 0.5
    return row, column


def _picture_of(pictures: list[tuple[float, RainPicture]], begin_s: float, end_s: float) -> RainPicture | None:
    """Picture nearest to the middle of a step, if near enough."""
    middle = 0.5 * (begin_s + end_s)
    at_s, picture = min(pictures, key=lambda p: (abs(p[0] - middle), p[0]))
    return picture if abs(at_s - middle) <= _PICTURE_HOLDS_S else None


def _unbiased(record: RainRecord, pictures: list[tuple[float, RainPicture]]) -> list[tuple[float, RainPicture]]:
    """Pictures times one factor, gauges over radar (mean-field bias: Smith & Krajewski 1991, JAM 30:397).

    Learnt where both saw rain; left alone with under 2 mm of either summed over the gauges.
    """
    gauge_mm, radar_mm = 0.0, 0.0
    for step, (begin, end) in enumerate(zip(record.edges_s[:-1].tolist(), record.edges_s[1:].tolist(), strict=True)):
        shown = _picture_of(pictures, begin, end)
        if shown is None or not record.rate_mm_h.shape[1]:
            continue
        radar, gauge = _at(shown, record.xy_m), record.rate_mm_h[step]
        both = np.isfinite(radar) & np.isfinite(gauge)
        gauge_mm += float(gauge[both].sum()) * (end - begin) / 3600.0
        radar_mm += float(radar[both].sum()) * (end - begin) / 3600.0
    if min(gauge_mm, radar_mm) < 2.0:
        return pictures
    bias = float(np.clip(gauge_mm / radar_mm, *_BIAS_LIMITS))
    return [
        (
            at_s,
            RainPicture(
                rate_mm_h=(p.rate_mm_h * np.float32(bias)).astype(np.float32),
                west_m=p.west_m,
                south_m=p.south_m,
                cell_m=p.cell_m,
                crs=p.crs,
            ),
        )
        for at_s, p in pictures
    ]


def _radar_ahead(
    pictures: list[tuple[float, RainPicture]],
    centres: F64,
    *,
    members: int,
    ahead: int,
    step_s: float,
    rng: np.random.Generator,
) -> F32:
    """Radar members at the centres over the steps ahead, shape (members, ahead, places)."""
    last_s, last = pictures[-1]
    run = _evenly_spaced(pictures)
    interval_s = run[-1][0] - run[-2][0] if len(run) > 1 else step_s
    leads = int(np.ceil((ahead * step_s - last_s) / interval_s))
    nowcast = radar_nowcast(
        np.stack([p.rate_mm_h for _, p in run]),
        cell_m=last.cell_m,
        interval_s=interval_s,
        leads=leads,
        members=members,
        rng=rng,
        at=np.stack(_rows_columns(last, centres)),
    )
    middle = ((np.arange(ahead) + 0.5) * step_s - last_s) / interval_s
    first = np.minimum(middle.astype(np.int64), leads - 1)
    part = (middle - first).astype(np.float32)[None, :, None]
    return (1.0 - part) * nowcast.rate_mm_h[:, first] + part * nowcast.rate_mm_h[:, first + 1]


def _evenly_spaced(pictures: list[tuple[float, RainPicture]]) -> list[tuple[float, RainPicture]]:
    """Up to three last pictures of one grid and one interval, oldest first."""
    run = [pictures[-1]]
    for at_s, picture in reversed(pictures[:-1]):
        last = pictures[-1][1]
        same = picture.rate_mm_h.shape == last.rate_mm_h.shape and (
            (picture.west_m, picture.south_m, picture.cell_m) == (last.west_m, last.south_m, last.cell_m)
        )
        gap = run[0][0] - at_s
        if not same or gap <= 0.0 or gap > 2.0 * _PICTURE_HOLDS_S or len(run) == 3:
            break
        if len(run) == 2 and abs(gap - (run[1][0] - run[0][0])) > 0.25 * gap:
            break
        run.insert(0, (at_s, picture))
    return run


def _storm_so_far(mean_mm_h: F64, step_s: F64) -> tuple[float, float]:
    """Depth in mm and minutes of the rain that has been going on, an hour's pause ends one storm."""
    depth, minutes, pause = 0.0, 0.0, 0.0
    waited = 0.0
    for rate, seconds in zip(mean_mm_h[::-1].tolist(), step_s[::-1].tolist(), strict=True):
        waited += seconds / 60.0
        if rate >= _DRY_MM_H:
            depth, minutes, pause = depth + rate * seconds / 3600.0, waited, 0.0
        else:
            pause += seconds / 60.0
            if pause >= 60.0:
                break
    return depth, minutes
