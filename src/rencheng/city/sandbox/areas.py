"""Administrative areas: city → districts → streets → communities → grids, each a group of neighbouring tiles.

Sizes follow practice: a street (街道) of some 35,000 residents, a community (社区) of 4,500, a grid (网格) of 300–500
households.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.names import CITY, DISTRICTS, place_names
from rencheng.city.sandbox.streetplan import StreetPlan

__all__ = ["LEVELS", "Areas", "areas_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVELS = ("city", "district", "street", "community", "grid")
_PEOPLE_PER = {"district": 220_000, "street": 35_000, "community": 4_500, "grid": 1_000}


@dataclass(frozen=True, kw_only=True)
class Areas:
    """Areas of all levels, parents before children; lists of length n.

    ``level`` indexes :data:`LEVELS`; ``parent`` is -1 for the city; ``grid_of_tile`` (tiles,) gives the grid of
    each kept tile, -1 else; ``shape`` holds polygons on the map.
    """

    ids: list[str]
    level: Ints
    parent: Ints
    name: list[tuple[str, str]]
    grid_of_tile: Ints
    shape: NDArray[np.object_]

    def of_level(self, level: str) -> Ints:
        """Indices of the areas of a level."""
        return np.flatnonzero(self.level == LEVELS.index(level))

    def lifted(self, grid: Ints, level: str) -> Ints:
        """Area of a level above each grid."""
        out = np.asarray(grid)
        wanted = LEVELS.index(level)
        while np.any(self.level[out] > wanted):
            out = np.where(self.level[out] > wanted, self.parent[out], out)
        return out


def areas_of(frame: Frame, plan: StreetPlan, tile_residents: Floats) -> Areas:
    """Group the urban tiles into areas of about equal numbers of residents.

    Parameters
    ----------
    tile_residents : float array, shape (tiles,)
        Residents of every tile.
    """
    tiles = np.flatnonzero(plan.tiles.kept)
    u = (plan.tiles.u0[tiles] + plan.tiles.u1[tiles]) / 2.0
    v = (plan.tiles.v0[tiles] + plan.tiles.v1[tiles]) / 2.0
    weight = tile_residents[tiles] + 1.0
    members: list[Ints] = [np.arange(len(tiles))]
    level, parent = [0], [-1]
    start = 0
    for depth, name in enumerate(LEVELS[1:], start=1):
        end = len(members)
        for area in range(start, end):
            inside = members[area]
            count = max(1, min(len(inside), round(float(weight[inside].sum()) / _PEOPLE_PER[name])))
            if depth == 1 and frame.residents >= 60_000:
                count = max(2, count)
            for group in _split(inside, u, v, weight, count, across_river=depth == 1):
                members.append(group)
                level.append(depth)
                parent.append(area)
        start = end
    levels, parents = np.array(level), np.array(parent)
    grid_of_tile = np.full(len(plan.tiles), -1, dtype=np.int64)
    for area in np.flatnonzero(levels == len(LEVELS) - 1).tolist():
        grid_of_tile[tiles[members[area]]] = area
    return Areas(
        ids=_ids(levels, parents),
        level=levels,
        parent=parents,
        name=_names(frame, levels, parents, members, v),
        grid_of_tile=grid_of_tile,
        shape=_shapes(frame, plan, levels, parents, [tiles[m] for m in members]),
    )


def _split(inside: Ints, u: Floats, v: Floats, weight: Floats, count: int, *, across_river: bool = False) -> list[Ints]:
    """Cut a group of tiles into so many compact ones of about equal weight (recursive weighted bisection)."""
    if count <= 1 or len(inside) <= 1:
        return [inside]
    if across_river and (v[inside] > 0).any() and (v[inside] <= 0).any():
        north, south = inside[v[inside] > 0], inside[v[inside] <= 0]
        share = float(weight[north].sum() / weight[inside].sum())
        first = min(count - 1, max(1, round(count * share)))
        return [*_split(north, u, v, weight, first), *_split(south, u, v, weight, count - first)]
    key = u if np.ptp(u[inside]) >= np.ptp(v[inside]) else v
    order = inside[np.lexsort((v[inside], key[inside]))]
    first = count // 2
    share = np.cumsum(weight[order]) / weight[order].sum()
    cut = int(np.clip(np.searchsorted(share, first / count) + 1, first, len(order) - (count - first)))
    return [*_split(order[:cut], u, v, weight, first), *_split(order[cut:], u, v, weight, count - first)]


def _ids(level: Ints, parent: Ints) -> list[str]:
    """Dotted codes, e.g. ``c.1.2.3``: each area numbered within its parent."""
    out: list[str] = []
    children: dict[int, int] = {}
    for area in range(len(level)):
        if parent[area] < 0:
            out.append("anlan")
            continue
        number = children.get(int(parent[area]), 0) + 1
        children[int(parent[area])] = number
        out.append(f"{out[parent[area]]}.{number}")
    return out


def _names(frame: Frame, level: Ints, parent: Ints, members: list[Ints], v: Floats) -> list[tuple[str, str]]:
    rng = frame.rng("area-names")
    streets = iter(place_names(rng, int((level == 2).sum())))
    communities = iter(place_names(rng, int((level == 3).sum())))
    north = iter([DISTRICTS[0], *DISTRICTS[2::2]])
    south = iter([DISTRICTS[1], *DISTRICTS[3::2]])
    out: list[tuple[str, str]] = []
    children: dict[int, int] = {}
    for area in range(len(level)):
        if level[area] == 0:
            out.append(CITY)
        elif level[area] == 1:
            out.append(next(north if float(v[members[area]].mean()) > 0 else south))
        elif level[area] == 2:
            zh, en = next(streets)
            out.append((f"{zh}街道", f"{en} Subdistrict"))
        elif level[area] == 3:
            zh, en = next(communities)
            out.append((f"{zh}社区", f"{en} Community"))
        else:
            above = int(parent[area])
            number = children.get(above, 0) + 1
            children[above] = number
            out.append((f"{out[above][0]}第{number}网格", f"{out[above][1]} Grid {number}"))
    return out


def _shapes(frame: Frame, plan: StreetPlan, level: Ints, parent: Ints, members: list[Ints]) -> NDArray[np.object_]:
    """Outlines on the map: grids out of tiles, then every level out of the one below."""
    tiles = plan.tiles
    share = np.linspace(0.0, 1.0, 5)[:-1]
    ones = np.ones(4)
    path_u = np.concatenate([share, ones, 1.0 - share, 0.0 * ones])
    path_v = np.concatenate([0.0 * ones, share, ones, 1.0 - share])
    kept = np.flatnonzero(tiles.kept)
    x, y = frame.to_map(
        tiles.u0[kept, None] + path_u * (tiles.u1 - tiles.u0)[kept, None],
        tiles.v0[kept, None] + path_v * (tiles.v1 - tiles.v0)[kept, None],
    )
    # half a metre of overlap closes the hair cracks between staggered tiles
    blocks = shapely.buffer(shapely.polygons(np.stack([x, y], axis=2)), 0.5, join_style="mitre")
    at = np.full(len(tiles), -1, dtype=np.int64)
    at[kept] = np.arange(len(kept))
    out = np.empty(len(level), dtype=object)
    for area in range(len(level) - 1, -1, -1):
        if level[area] == len(LEVELS) - 1:
            out[area] = shapely.union_all(blocks[at[members[area]]])
        else:
            out[area] = shapely.union_all(out[np.flatnonzero(parent == area)])
    return np.asarray(shapely.buffer(out, -0.5, join_style="mitre"))
