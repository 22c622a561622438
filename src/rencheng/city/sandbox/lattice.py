"""Laying the street plan: arterial superblocks between the river, a railway and streams, cut into tiles.

Superblocks of up to 1 km between arterials and tiles of about 300 m between public streets follow GB/T 51328-2018
(Standard for urban comprehensive transport system planning) and the 2016 call for "narrow roads, dense network".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.streetplan import (
    PLAIN,
    PRIMARY,
    RAIL,
    RAIL_BAND_M,
    RIVER,
    RIVERSIDE_M,
    SECONDARY,
    STREAM,
    STREAM_BAND_M,
    TERTIARY,
    TRUNK,
    StreetPlan,
    Tiles,
)

__all__ = ["snapped", "street_plan_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TILE_M = 340.0
_MOST_CUTS = 4
_RING_RADIUS_M = 2500.0


def snapped(position_m: Floats) -> Floats:
    """Positions on a 12 m grid, so that staggered streets meet exactly or clearly apart."""
    return np.asarray(np.round(position_m / 12.0) * 12.0)


def street_plan_of(frame: Frame) -> StreetPlan:
    """Lay the street plan of a city; no tile is urban yet."""
    rng = frame.rng("lattice")
    spacing = float(np.clip(0.5 * frame.radius_m, 620.0, 1000.0))
    reach = max(1.5 * frame.radius_m, 1.6 * spacing)
    columns, column_kind = _columns(frame, rng, spacing, reach)
    rows, row_kind = _rows(frame, rng, spacing, reach)
    column_class = _edge_classes(columns, column_kind, STREAM, frame.radius_m)
    row_class = _edge_classes(rows, row_kind, RAIL, frame.radius_m)
    side = np.where(column_kind == STREAM, np.where(np.cumsum(column_kind == STREAM) % 2 == 1, 1, -1), 0)
    cuts_u, class_u = _cuts(rng, columns, column_kind, len(row_kind))
    cuts_v, class_v = _cuts(rng, rows, row_kind, len(column_kind))
    cuts_v, class_v = cuts_v.transpose(1, 0, 2).copy(), class_v.transpose(1, 0, 2).copy()
    for c, r in np.argwhere((column_kind[:, None] != PLAIN) | (row_kind[None, :] != PLAIN)):
        cuts_u[c, r], cuts_v[c, r] = np.inf, np.inf
    lake_c, lake_r = _lake_superblock(frame, rows, row_kind, side)
    if frame.residents >= 300_000:
        cuts_u[lake_c, lake_r], cuts_v[lake_c, lake_r] = np.inf, np.inf
    tiles, first = _tiles(columns, rows, column_kind, row_kind, cuts_u, cuts_v)
    lake_tile = int(first[lake_c, lake_r])  # the superblock's first tile touches the stream band on its left
    return StreetPlan(
        column_edges=columns,
        row_edges=rows,
        column_class=column_class,
        row_class=row_class,
        column_kind=column_kind,
        row_kind=row_kind,
        stream_side=side,
        cuts_u=cuts_u,
        cuts_v=cuts_v,
        cut_class_u=class_u,
        cut_class_v=class_v,
        tiles=tiles,
        first_tile=first,
        lake_tile=lake_tile,
    )


def _spaced(rng: np.random.Generator, start: float, end: float, spacing: float) -> list[float]:
    """Positions from start towards end, about ``spacing`` apart, start itself left out."""
    out, at, sign = [], start, 1.0 if end > start else -1.0
    while abs(end - at) > 0.6 * spacing:
        at += sign * spacing * float(rng.uniform(0.84, 1.16))
        out.append(at)
    return out


def _columns(frame: Frame, rng: np.random.Generator, spacing: float, reach: float) -> tuple[Floats, Ints]:
    streams = 1 if frame.residents < 25_000 else 2 if frame.residents < 400_000 else 4
    centre = float(rng.uniform(-0.25, 0.25)) * spacing
    edges = sorted([*_spaced(rng, centre, -reach, spacing), centre, *_spaced(rng, centre, reach, spacing)])
    wanted = (np.linspace(-0.55, 0.55, streams) if streams > 1 else np.array([-0.4])) * frame.radius_m
    stream_at = []
    for goal in wanted:
        free = [i for i in range(1, len(edges)) if i not in stream_at]
        stream_at.append(min(free, key=lambda i: abs(edges[i] - goal)))
    out: list[float] = []
    kinds: list[int] = []
    shift = 0.0
    for i, edge in enumerate(edges):
        out.append(edge + shift)
        if i in stream_at:
            kinds.append(STREAM)
            shift += STREAM_BAND_M
            out.append(edge + shift)
        kinds.append(PLAIN)
    return np.array(out) - shift / 2.0, np.array(kinds[:-1], dtype=np.int64)


def _rows(frame: Frame, rng: np.random.Generator, spacing: float, reach: float) -> tuple[Floats, Ints]:
    half = frame.river_width_m / 2.0 + RIVERSIDE_M
    goal = max(0.42 * frame.radius_m, half + 180.0)
    first = goal if goal < half + 0.8 * spacing else half  # a small city has its railway before its first arterial
    north = sorted({half, first, *_spaced(rng, first, reach, spacing)})
    south = [-half, *_spaced(rng, -half, -reach, spacing)]
    rail = min(range(1, len(north)), key=lambda i: abs(north[i] - goal))
    north = [*north[: rail + 1], *[v + RAIL_BAND_M for v in north[rail:]]]
    kinds_north = [RAIL if i == rail else PLAIN for i in range(len(north) - 1)]
    edges = [*sorted(south), *north]
    kinds = [*[PLAIN] * (len(south) - 1), RIVER, *kinds_north]
    return np.array(edges), np.array(kinds, dtype=np.int64)


def _edge_classes(edges: Floats, kinds: Ints, quiet_band: int, radius_m: float) -> Ints:
    """Arterials, with an inner ring of trunk roads; the streets beside a stream or railway are smaller."""
    classes = np.full(len(edges), PRIMARY, dtype=np.int64)
    for band in np.flatnonzero(kinds == quiet_band):
        classes[band + 1] = TERTIARY
    for band in np.flatnonzero(kinds == RIVER):
        classes[band : band + 2] = SECONDARY
    for goal in (-0.62 * radius_m, 0.62 * radius_m) if radius_m > _RING_RADIUS_M else ():
        arterial = np.flatnonzero(classes == PRIMARY)
        classes[arterial[np.argmin(np.abs(edges[arterial] - goal))]] = TRUNK
    return classes


def _cuts(rng: np.random.Generator, edges: Floats, kinds: Ints, others: int) -> tuple[Floats, Ints]:
    """Subdividing streets per superblock, shape (len(kinds), others, 4): one goes through, the rest are staggered."""
    cuts = np.full((len(kinds), others, _MOST_CUTS), np.inf)
    classes = np.full(cuts.shape, TERTIARY, dtype=np.int64)
    for i, kind in enumerate(kinds):
        width = edges[i + 1] - edges[i]
        count = min(_MOST_CUTS, max(0, round(width / _TILE_M) - 1))
        if kind != PLAIN:
            continue
        for k in range(count):
            at = edges[i] + width * (k + 1) / (count + 1) + rng.uniform(-0.05, 0.05) * width
            through = k == count // 2
            stagger = np.where(rng.random(others) < 0.5, rng.uniform(-0.08, 0.08, others), 0.0)
            cuts[i, :, k] = snapped(at + (0.0 if through else 1.0) * stagger * width)
            classes[i, :, k] = SECONDARY if through and width > 500.0 else TERTIARY
    return cuts, classes


def _lake_superblock(frame: Frame, rows: Floats, row_kind: Ints, side: Ints) -> tuple[int, int]:
    """The superblock right of the first northern stream, north of the river, nearest a third of the radius."""
    band = int(np.flatnonzero(side == 1)[0])
    centres = (rows[:-1] + rows[1:]) / 2.0
    rows_north = [int(r) for r in np.flatnonzero((row_kind == PLAIN) & (centres > 0.0))]
    return band + 1, min(rows_north, key=lambda r: abs(centres[r] - 0.35 * frame.radius_m))


def _tiles(
    columns: Floats, rows: Floats, column_kind: Ints, row_kind: Ints, cuts_u: Floats, cuts_v: Floats
) -> tuple[Tiles, Ints]:
    parts: list[Floats] = []
    first = np.zeros((len(column_kind), len(row_kind)), dtype=np.int64)
    count = 0
    for c in range(len(column_kind)):
        for r in range(len(row_kind)):
            us = np.array([columns[c], *cuts_u[c, r][np.isfinite(cuts_u[c, r])], columns[c + 1]])
            vs = np.array([rows[r], *cuts_v[c, r][np.isfinite(cuts_v[c, r])], rows[r + 1]])
            kind = row_kind[r] if row_kind[r] != PLAIN else column_kind[c]
            first[c, r] = count
            low_v, low_u = np.meshgrid(vs[:-1], us[:-1], indexing="ij")
            high_v, high_u = np.meshgrid(vs[1:], us[1:], indexing="ij")
            n = low_u.size
            count += n
            block = [low_u, high_u, low_v, high_v, np.full(n, c), np.full(n, r), np.full(n, kind)]
            parts.append(np.stack([np.ravel(part) for part in block]).astype(np.float64))
    data = np.concatenate(parts, axis=1)
    whole = data[4:].astype(np.int64)
    kept = np.zeros(count, dtype=np.bool_)
    tiles = Tiles(
        u0=data[0], u1=data[1], v0=data[2], v1=data[3], column=whole[0], row=whole[1], kind=whole[2], kept=kept
    )
    return tiles, first
