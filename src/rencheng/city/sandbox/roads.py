"""The road graph: street lines of the plan, cut where they meet, classed, with bridges and underpasses.

Every street runs both ways, so a connected plan is a strongly connected graph; what the largest connected part
leaves out is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.streetplan import (
    PRIMARY,
    RAIL,
    RESIDENTIAL,
    RIVER,
    SECONDARY,
    STREAM,
    TERTIARY,
    StreetPlan,
)

__all__ = ["HALF_WIDTH_M", "SPEED_M_S", "Roads", "Streets", "roads_of", "streets_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SPEED_M_S = np.array([60.0, 50.0, 40.0, 30.0, 20.0]) / 3.6
"""Free-flow speed by class: design speeds of CJJ 37-2012 (urban road engineering)."""
HALF_WIDTH_M = np.array([22.0, 20.0, 15.0, 10.0, 4.0])
"""Half of the land a road takes, by class: GB/T 51328-2018, 40–50 m for arterials, 14–20 m for branch roads."""
_POINTS = 5


@dataclass(frozen=True, kw_only=True)
class Streets:
    """Straight street lines in the street frame; arrays of shape (n,).

    A line with ``along_u`` runs at ``at`` = v from ``start`` to ``end`` = u; the others the other way round.
    """

    along_u: Flags
    at: Floats
    start: Floats
    end: Floats
    road_class: Ints
    name: Ints


@dataclass(frozen=True, kw_only=True)
class Roads:
    """The undirected road graph; nodes of shape (n,), pieces of shape (m,).

    ``u``, ``v`` are in the street frame, ``x_m``, ``y_m`` on the map; ``path_x_m``, ``path_y_m`` of shape (m, 5)
    are points along each piece from ``tail`` to ``head``; ``lake_culvert`` marks nothing that floods.
    """

    u: Floats
    v: Floats
    x_m: Floats
    y_m: Floats
    tail: Ints
    head: Ints
    road_class: Ints
    name: Ints
    bridge: Flags
    underpass: Flags
    path_x_m: Floats
    path_y_m: Floats
    length_m: Floats

    @property
    def public(self) -> Flags:
        """Pieces of public streets (branch roads and above): where sewers and mains lie."""
        return np.asarray(self.road_class < RESIDENTIAL)

    @property
    def public_nodes(self) -> Ints:
        """Nodes on public streets, ascending."""
        return np.unique(np.concatenate([self.tail[self.public], self.head[self.public]]))


def streets_of(plan: StreetPlan, lanes_u: Floats, lanes_v: Floats) -> Streets:
    """All street lines of a plan.

    Parameters
    ----------
    plan : Lattice
        The street plan.
    lanes_u, lanes_v : float arrays, shape (tiles,)
        Position of the residential lane across each tile (u of one along v, v of one along u), NaN for none.
    """
    rows = [
        *_edge_streets(plan, True),
        *_edge_streets(plan, False),
        *_cut_streets(plan, True),
        *_cut_streets(plan, False),
    ]
    fixed = np.array(rows, dtype=np.float64).reshape(-1, 6)
    tiles, lanes = plan.tiles, []
    for along_u, position, low, high in ((0, lanes_u, tiles.v0, tiles.v1), (1, lanes_v, tiles.u0, tiles.u1)):
        has = np.flatnonzero(np.isfinite(position) & tiles.kept)
        n = len(has)
        name = 100_000.0 + 2.0 * has + along_u
        lanes.append(
            np.stack(
                [np.full(n, along_u), position[has], low[has], high[has], np.full(n, RESIDENTIAL, np.float64), name],
                axis=1,
            )
        )
    data = np.concatenate([fixed, *lanes])
    return Streets(
        along_u=data[:, 0] == 1.0,
        at=data[:, 1],
        start=data[:, 2],
        end=data[:, 3],
        road_class=data[:, 4].astype(np.int64),
        name=data[:, 5].astype(np.int64),
    )


def _crosses(road_class: int, kind: int) -> bool:
    """Arterials cross everything; collectors cross streams and the railway, not the river."""
    return road_class <= {RIVER: PRIMARY, RAIL: SECONDARY, STREAM: SECONDARY}.get(kind, RESIDENTIAL)


def _edge_streets(plan: StreetPlan, along_u: bool) -> list[list[float]]:
    edges, classes = (plan.row_edges, plan.row_class) if along_u else (plan.column_edges, plan.column_class)
    across, kinds = (plan.column_edges, plan.column_kind) if along_u else (plan.row_edges, plan.row_kind)
    out: list[list[float]] = []
    for i, (at, road_class) in enumerate(zip(edges, classes, strict=True)):
        out += [
            [float(along_u), at, across[j], across[j + 1], float(road_class), 2.0 * i + along_u]
            for j, kind in enumerate(kinds)
            if _crosses(int(road_class), int(kind))
        ]
    return out


def _cut_streets(plan: StreetPlan, along_u: bool) -> list[list[float]]:
    cuts, classes = (plan.cuts_v, plan.cut_class_v) if along_u else (plan.cuts_u, plan.cut_class_u)
    edges = plan.column_edges if along_u else plan.row_edges
    out: list[list[float]] = []
    for c in range(len(plan.column_kind)):
        for r in range(len(plan.row_kind)):
            lane, run = (r, c) if along_u else (c, r)
            for k in np.flatnonzero(np.isfinite(cuts[c, r])):
                name = 1000.0 + 40.0 * lane + 8.0 * k + along_u + 2.0 * (classes[c, r, k] == TERTIARY) * (1 + run % 2)
                out.append([float(along_u), cuts[c, r, k], edges[run], edges[run + 1], float(classes[c, r, k]), name])
            out += _band_crossings(plan, along_u, c, r)
    return out


def _band_crossings(plan: StreetPlan, along_u: bool, c: int, r: int) -> list[list[float]]:
    """Collectors go on through a stream or railway band."""
    kind = int(plan.column_kind[c] if along_u else plan.row_kind[r])
    if kind not in (STREAM, RAIL):
        return []
    neighbour = (c - 1, r) if along_u else (c, r - 1)
    cuts, classes = (plan.cuts_v, plan.cut_class_v) if along_u else (plan.cuts_u, plan.cut_class_u)
    edges = plan.column_edges if along_u else plan.row_edges
    lane, run = (r, c) if along_u else (c, r)
    at = cuts[neighbour]
    return [
        [float(along_u), at[k], edges[run], edges[run + 1], float(SECONDARY), 1000.0 + 40.0 * lane + 8.0 * k + along_u]
        for k in np.flatnonzero(np.isfinite(at) & (classes[neighbour] == SECONDARY))
    ]


def roads_of(frame: Frame, plan: StreetPlan, streets: Streets) -> Roads:
    """Cut the streets where they meet, keep what borders urban land, and bend the graph onto the map."""
    u, v, tail, head, street = _noded(streets)
    mid_u, mid_v = (u[tail] + u[head]) / 2.0, (v[tail] + v[head]) / 2.0
    along_u = streets.along_u[street]
    off_u, off_v = np.where(along_u, 0.0, 4.0), np.where(along_u, 4.0, 0.0)
    urban = plan.kept_at(mid_u + off_u, mid_v + off_v) | plan.kept_at(mid_u - off_u, mid_v - off_v)
    column, row = plan.superblock_at(mid_u, mid_v)
    in_river = (plan.row_kind[row] == RIVER) & ~along_u
    over_stream = (plan.column_kind[column] == STREAM) & along_u & (plan.stream_side[column] * mid_v > 0.0)
    under = (plan.row_kind[row] == RAIL) & ~along_u
    keep = urban & _in_largest_part(len(u), tail, head, urban)
    nodes, both = np.unique(np.concatenate([tail[keep], head[keep]]), return_inverse=True)
    half = len(both) // 2
    u, v, tail, head = u[nodes], v[nodes], both[:half], both[half:]
    share = np.linspace(0.0, 1.0, _POINTS)
    path_x, path_y = frame.to_map(
        u[tail, None] + (u[head] - u[tail])[:, None] * share, v[tail, None] + (v[head] - v[tail])[:, None] * share
    )
    x, y = frame.to_map(u, v)
    return Roads(
        u=u,
        v=v,
        x_m=x,
        y_m=y,
        tail=tail,
        head=head,
        road_class=streets.road_class[street][keep],
        name=streets.name[street][keep],
        bridge=(in_river | over_stream)[keep],
        underpass=under[keep],
        path_x_m=path_x,
        path_y_m=path_y,
        length_m=np.hypot(np.diff(path_x), np.diff(path_y)).sum(axis=1),
    )


def _noded(streets: Streets) -> tuple[Floats, Floats, Ints, Ints, Ints]:
    """Nodes (u, v) and pieces (tail, head, street) of street lines cut where they meet."""
    flat, upright = np.flatnonzero(streets.along_u), np.flatnonzero(~streets.along_u)
    eps = 0.01
    hits_flat, hits_up = [], []
    for part in np.array_split(flat, max(1, len(flat) // 400)):
        u, v = streets.at[upright][None, :], streets.at[part][:, None]
        meets = (u >= streets.start[part][:, None] - eps) & (u <= streets.end[part][:, None] + eps)
        meets &= (v >= streets.start[upright][None, :] - eps) & (v <= streets.end[upright][None, :] + eps)
        i, j = np.nonzero(meets)
        hits_flat.append(part[i])
        hits_up.append(upright[j])
    on_flat, on_up = np.concatenate(hits_flat), np.concatenate(hits_up)
    where = np.stack([np.round(streets.at[on_up], 2), np.round(streets.at[on_flat], 2)], axis=1)
    points, node = np.unique(where, axis=0, return_inverse=True)
    node = node.reshape(-1)
    street, at = np.concatenate([on_flat, on_up]), np.concatenate([where[:, 0], where[:, 1]])
    both = np.concatenate([node, node])
    order = np.lexsort((at, street))
    street, both = street[order], both[order]
    follows = (street[1:] == street[:-1]) & (both[1:] != both[:-1])
    return points[:, 0], points[:, 1], both[:-1][follows], both[1:][follows], street[:-1][follows]


def _in_largest_part(n: int, tail: Ints, head: Ints, usable: Flags) -> Flags:
    graph = coo_matrix((np.ones(int(usable.sum())), (tail[usable], head[usable])), shape=(n, n))
    _, part = connected_components(graph, directed=False)
    largest = np.argmax(np.bincount(part))
    return np.asarray(part[tail] == largest)
