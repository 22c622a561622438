"""The street plan: arterial superblocks cut by the river, a railway and streams, and subdivided into tiles.

Superblocks of up to 1 km between arterials and tiles of about 300 m between public streets follow GB/T 51328-2018
(Standard for urban comprehensive transport system planning) and the 2016 call for "narrow roads, dense network".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from rencheng.city.sandbox.frame import Frame

__all__ = [
    "PRIMARY",
    "RESIDENTIAL",
    "ROAD_CLASSES",
    "SECONDARY",
    "TERTIARY",
    "TRUNK",
    "Lattice",
    "Tiles",
    "lattice_of",
    "snapped",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TRUNK, PRIMARY, SECONDARY, TERTIARY, RESIDENTIAL = range(5)
ROAD_CLASSES = ("trunk", "primary", "secondary", "tertiary", "residential")
PLAIN, STREAM, RIVER, RAIL = range(4)
STREAM_BAND_M, RAIL_BAND_M, RIVERSIDE_M = 44.0, 140.0, 25.0
_TILE_M = 340.0
_MOST_CUTS = 4
_RING_RADIUS_M = 2500.0
_SHARED = 4  # of seven points along a band must have urban land on both sides


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """Blocks between public streets; arrays of shape (n,), street-frame metres.

    ``kind`` is 0 for building land, 1 stream band, 2 river band, 3 railway band; ``kept`` says whether it is urban.
    """

    u0: Floats
    u1: Floats
    v0: Floats
    v1: Floats
    column: Ints
    row: Ints
    kind: Ints
    kept: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.u0)


@dataclass(frozen=True, kw_only=True)
class Lattice:
    """Edges, bands and subdivisions of the street plan.

    Parameters
    ----------
    column_edges, row_edges : float arrays, shape (nc+1,) and (nr+1,)
        Street-frame positions of the superblock edges.
    column_class, row_class : int arrays, shape (nc+1,) and (nr+1,)
        Road class of the edges.
    column_kind, row_kind : int arrays, shape (nc,) and (nr,)
        0 superblocks, 1 stream band, 2 river band, 3 railway band.
    stream_side : int array, shape (nc,)
        +1 where the stream of the band runs north of the river, -1 south, 0 for no stream.
    cuts_u, cuts_v : float arrays, shape (nc, nr, 4)
        Subdividing streets of each superblock, ascending, infinite where there is none.
    cut_class_u, cut_class_v : int arrays, shape (nc, nr, 4)
        Their road classes.
    tiles : Tiles
        The blocks.
    first_tile : int array, shape (nc, nr)
        First tile of each superblock; its tiles follow row by row.
    lake_tile : int
        Tile that is the lake and its park.
    """

    column_edges: Floats
    row_edges: Floats
    column_class: Ints
    row_class: Ints
    column_kind: Ints
    row_kind: Ints
    stream_side: Ints
    cuts_u: Floats
    cuts_v: Floats
    cut_class_u: Ints
    cut_class_v: Ints
    tiles: Tiles
    first_tile: Ints
    lake_tile: int

    def tile_at(self, u: Floats, v: Floats) -> Ints:
        """Tile that holds each street-frame point; -1 outside the plan."""
        column = np.searchsorted(self.column_edges, u, side="right") - 1
        row = np.searchsorted(self.row_edges, v, side="right") - 1
        inside = (column >= 0) & (column < len(self.column_kind)) & (row >= 0) & (row < len(self.row_kind))
        c, r = np.where(inside, column, 0), np.where(inside, row, 0)
        a = (self.cuts_u[c, r] <= u[..., None]).sum(axis=-1)
        b = (self.cuts_v[c, r] <= v[..., None]).sum(axis=-1)
        across = np.isfinite(self.cuts_u[c, r]).sum(axis=-1) + 1
        return np.where(inside, self.first_tile[c, r] + b * across + a, -1)

    def kept_at(self, u: Floats, v: Floats) -> NDArray[np.bool_]:
        """Whether the tile at each point is urban."""
        tile = self.tile_at(u, v)
        return np.asarray((tile >= 0) & self.tiles.kept[np.maximum(tile, 0)])


def snapped(position_m: Floats) -> Floats:
    """Positions on a 12 m grid, so that staggered streets meet exactly or clearly apart."""
    return np.asarray(np.round(position_m / 12.0) * 12.0)


def lattice_of(frame: Frame) -> Lattice:
    """Lay the street plan of a city and choose its urban tiles."""
    rng = frame.rng("lattice")
    spacing = float(np.clip(0.5 * frame.radius_m, 620.0, 1000.0))
    reach = 1.5 * frame.radius_m
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
    lake_c, lake_r = _lake_superblock(frame, columns, rows, column_kind, row_kind, side)
    if frame.residents >= 300_000:
        cuts_u[lake_c, lake_r], cuts_v[lake_c, lake_r] = np.inf, np.inf
    tiles, first = _tiles(columns, rows, column_kind, row_kind, cuts_u, cuts_v)
    lake_tile = int(first[lake_c, lake_r])  # the superblock's first tile touches the stream band on its left
    kept = _urban(frame, rng, tiles, lake_tile)
    plan = Lattice(
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
        tiles=_with_kept(tiles, kept),
        first_tile=first,
        lake_tile=lake_tile,
    )
    whole = _replace_tiles(plan, _with_kept(tiles, _bands_kept(plan, kept)))
    return _replace_tiles(whole, _with_kept(tiles, _in_one_piece(whole)))


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


def _lake_superblock(
    frame: Frame, columns: Floats, rows: Floats, column_kind: Ints, row_kind: Ints, side: Ints
) -> tuple[int, int]:
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


def _with_kept(tiles: Tiles, kept: NDArray[np.bool_]) -> Tiles:
    return Tiles(
        u0=tiles.u0,
        u1=tiles.u1,
        v0=tiles.v0,
        v1=tiles.v1,
        column=tiles.column,
        row=tiles.row,
        kind=tiles.kind,
        kept=kept,
    )


def _replace_tiles(plan: Lattice, tiles: Tiles) -> Lattice:
    return Lattice(**{**vars(plan), "tiles": tiles})


def _urban(frame: Frame, rng: np.random.Generator, tiles: Tiles, lake_tile: int) -> NDArray[np.bool_]:
    """The tiles nearest the middle, by an uneven oval, until they make up the urban land."""
    r = frame.radius_m
    u, v = (tiles.u0 + tiles.u1) / 2.0, (tiles.v0 + tiles.v1) / 2.0
    rail = tiles.v0[tiles.kind == RAIL].min()
    v = v - np.where(v > rail, RAIL_BAND_M, 0.0)  # a railway does not keep a town from growing beyond it
    angle = np.arctan2(v, u)
    phases = rng.uniform(0.0, 2.0 * np.pi, 3)
    bulge = sum(a * np.sin(k * angle + p) for a, k, p in zip((0.10, 0.07, 0.05), (2, 3, 5), phases, strict=True))
    score = np.hypot(u / 1.1, v / 0.92) / (r * (1.0 + bulge))
    score[lake_tile] = 0.0
    land = tiles.kind == PLAIN
    order = np.argsort(np.where(land, score, np.inf), kind="stable")
    area = np.where(land, (tiles.u1 - tiles.u0) * (tiles.v1 - tiles.v0), 0.0)[order]
    count = int(np.searchsorted(np.cumsum(area), frame.urban_m2)) + 1
    kept = np.zeros(len(tiles), dtype=np.bool_)
    kept[order[: min(count, int(land.sum()))]] = True
    return kept


def _bands_kept(plan: Lattice, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A band is urban where it has urban tiles on both sides; a crossing of bands where the bands beside it are."""
    out = kept.copy()
    tiles = plan.tiles
    for _ in range(2):
        current = _replace_tiles(plan, _with_kept(tiles, out))
        for t in np.flatnonzero((tiles.kind != PLAIN) & ~out):
            across = np.linspace(0.1, 0.9, 7)
            us, vs = (
                tiles.u0[t] + across * (tiles.u1[t] - tiles.u0[t]),
                tiles.v0[t] + across * (tiles.v1[t] - tiles.v0[t]),
            )
            if tiles.kind[t] == STREAM:
                left = current.kept_at(np.full(7, tiles.u0[t] - 3.0), vs)
                right = current.kept_at(np.full(7, tiles.u1[t] + 3.0), vs)
                out[t] = (left & right).sum() >= _SHARED
            else:
                below = current.kept_at(us, np.full(7, tiles.v0[t] - 3.0))
                above = current.kept_at(us, np.full(7, tiles.v1[t] + 3.0))
                out[t] = (below & above).sum() >= _SHARED
    return out


def _in_one_piece(plan: Lattice) -> NDArray[np.bool_]:
    """The urban tiles that hang together along their sides; a tile cut off from the rest has no road to it."""
    tiles, n = plan.tiles, len(plan.tiles)
    pairs = []
    for share in (0.15, 0.5, 0.85):
        for side in (-3.0, 3.0):
            u = tiles.u0 + share * (tiles.u1 - tiles.u0)
            v = tiles.v0 + share * (tiles.v1 - tiles.v0)
            beside = tiles.u0 + side if side < 0 else tiles.u1 + side
            above = tiles.v0 + side if side < 0 else tiles.v1 + side
            pairs += [
                np.stack([np.arange(n), plan.tile_at(beside, v)]),
                np.stack([np.arange(n), plan.tile_at(u, above)]),
            ]
    one, other = np.concatenate(pairs, axis=1)
    both = (other >= 0) & tiles.kept[one] & tiles.kept[np.maximum(other, 0)]
    graph = coo_matrix((np.ones(int(both.sum())), (one[both], other[both])), shape=(n, n))
    _, part = connected_components(graph, directed=False)
    return np.asarray(tiles.kept & (part == np.argmax(np.bincount(part[tiles.kept]))))
