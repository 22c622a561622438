"""Which tiles of the street plan the city has grown over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.streetplan import PLAIN, RAIL, RAIL_BAND_M, STREAM, StreetPlan, Tiles

__all__ = ["grown"]

Flags = NDArray[np.bool_]

_SHARED = 4  # of seven points along a band must have urban land on both sides


def grown(frame: Frame, plan: StreetPlan) -> StreetPlan:
    """Let the city grow over the plan until it has its urban land; the tiles it takes are ``kept``."""
    whole = _with_kept(plan, _bands_kept(plan, _urban(frame, plan.tiles, plan.lake_tile)))
    return _with_kept(whole, _in_one_piece(whole))


def _with_kept(plan: StreetPlan, kept: Flags) -> StreetPlan:
    return replace(plan, tiles=replace(plan.tiles, kept=kept))


def _urban(frame: Frame, tiles: Tiles, lake_tile: int) -> Flags:
    """The tiles nearest the middle, by an uneven oval, until they make up the urban land."""
    rng, r = frame.rng("growth"), frame.radius_m
    u, v = tiles.middle_u, tiles.middle_v
    rail = tiles.v0[tiles.kind == RAIL].min()
    v = v - np.where(v > rail, RAIL_BAND_M, 0.0)  # a railway does not keep a town from growing beyond it
    angle = np.arctan2(v, u)
    phases = rng.uniform(0.0, 2.0 * np.pi, 3)
    bulge = sum(a * np.sin(k * angle + p) for a, k, p in zip((0.10, 0.07, 0.05), (2, 3, 5), phases, strict=True))
    score = np.hypot(u / 1.1, v / 0.92) / (r * (1.0 + bulge))
    score[lake_tile] = 0.0
    land = tiles.kind == PLAIN
    order = np.argsort(np.where(land, score, np.inf), kind="stable")
    area = np.where(land, tiles.area_m2, 0.0)[order]
    count = int(np.searchsorted(np.cumsum(area), frame.urban_m2)) + 1
    kept = np.zeros(len(tiles), dtype=np.bool_)
    kept[order[: min(count, int(land.sum()))]] = True
    return kept


def _bands_kept(plan: StreetPlan, kept: Flags) -> Flags:
    """A band is urban where it has urban tiles on both sides; a crossing of bands where the bands beside it are."""
    out = kept.copy()
    tiles = plan.tiles
    for _ in range(2):
        current = _with_kept(plan, out)
        for t in np.flatnonzero((tiles.kind != PLAIN) & ~out):
            across = np.linspace(0.1, 0.9, 7)
            us = tiles.u0[t] + across * (tiles.u1[t] - tiles.u0[t])
            vs = tiles.v0[t] + across * (tiles.v1[t] - tiles.v0[t])
            if tiles.kind[t] == STREAM:
                left = current.kept_at(np.full(7, tiles.u0[t] - 3.0), vs)
                right = current.kept_at(np.full(7, tiles.u1[t] + 3.0), vs)
                out[t] = (left & right).sum() >= _SHARED
            else:
                below = current.kept_at(us, np.full(7, tiles.v0[t] - 3.0))
                above = current.kept_at(us, np.full(7, tiles.v1[t] + 3.0))
                out[t] = (below & above).sum() >= _SHARED
    return out


def _in_one_piece(plan: StreetPlan) -> Flags:
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
