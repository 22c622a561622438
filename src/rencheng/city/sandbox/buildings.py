"""Land use and buildings: every tile has a use, every use its pattern of buildings.

Land use shares follow GB 50137-2011 (urban land use and planning standards): housing 25–40 %, industry 15–30 %,
public services 5–8 %, green 10–15 % of urban land. Heights are scaled so that housing comes to
:data:`FLOOR_M2_PER_PERSON`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.lattice import snapped
from rencheng.city.sandbox.streetplan import PLAIN, StreetPlan
from rencheng.city.sandbox.waters import Waters

__all__ = [
    "CAMPUS",
    "FLOOR_M2_PER_PERSON",
    "HOUSE",
    "OLD",
    "PARK",
    "PATTERNS",
    "SHOP",
    "TOWER",
    "USES",
    "WORKS",
    "Buildings",
    "buildings_of",
    "land_use_of",
    "lanes_of",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FLOOR_M2_PER_PERSON = 38.6
"""Gross housing floor area per urban resident: 36.52 m² of dwelling in the 2020 census, and stairs."""

USES = ("residential", "commercial", "industrial", "public", "education", "health", "other")
OLD, SLAB, TOWER, HOUSE, SHOP, WORKS, CAMPUS, PARK = range(8)
LAND = ("old quarter", "housing estate", "towers", "houses", "commerce", "industry", "public services", "park")


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """How buildings stand on a kind of land: along and across the street, gaps, share built, storeys, use."""

    width_m: float
    depth_m: float
    gap_u_m: float
    gap_v_m: float
    built: float
    storeys: tuple[int, int]
    use: int


PATTERNS: tuple[Pattern, ...] = (
    Pattern(width_m=14, depth_m=11, gap_u_m=5, gap_v_m=7, built=0.72, storeys=(2, 4), use=0),
    Pattern(width_m=46, depth_m=13, gap_u_m=14, gap_v_m=22, built=0.92, storeys=(5, 7), use=0),
    Pattern(width_m=27, depth_m=21, gap_u_m=28, gap_v_m=40, built=0.85, storeys=(15, 30), use=0),
    Pattern(width_m=12, depth_m=10, gap_u_m=8, gap_v_m=13, built=0.70, storeys=(2, 3), use=0),
    Pattern(width_m=36, depth_m=28, gap_u_m=16, gap_v_m=20, built=0.80, storeys=(3, 9), use=1),
    Pattern(width_m=64, depth_m=38, gap_u_m=24, gap_v_m=26, built=0.75, storeys=(1, 2), use=2),
    Pattern(width_m=42, depth_m=17, gap_u_m=24, gap_v_m=30, built=0.60, storeys=(3, 6), use=3),
    Pattern(width_m=18, depth_m=12, gap_u_m=150, gap_v_m=150, built=0.25, storeys=(1, 1), use=3),
)
"""Patterns by kind of land, in the order of :data:`LAND`."""


@dataclass(frozen=True, kw_only=True)
class Buildings:
    """Buildings; arrays of shape (n,), footprint corners (n, 4, 2) on the map."""

    tile: Ints
    land: Ints
    use: Ints
    u: Floats
    v: Floats
    x_m: Floats
    y_m: Floats
    corners_m: Floats
    footprint_m2: Floats
    storeys: Ints

    def __len__(self) -> int:
        return len(self.tile)

    @property
    def floor_m2(self) -> Floats:
        """Gross floor area."""
        return self.footprint_m2 * self.storeys


def land_use_of(frame: Frame, plan: StreetPlan) -> Ints:
    """Kind of land of every tile (index into :data:`PATTERNS`), -1 where nothing is built.

    Commerce gathers in the middle, industry downstream, old quarters near the river, houses at the fringe.
    """
    rng = frame.rng("land-use")
    tiles, r = plan.tiles, frame.radius_m
    u, v = tiles.middle_u, tiles.middle_v
    away = np.hypot(u, v) / r
    n = len(tiles)
    land = np.full(n, -1, dtype=np.int64)
    free = (tiles.kind == PLAIN) & tiles.kept
    free[plan.lake_tile] = False
    area = (tiles.u1 - tiles.u0) * (tiles.v1 - tiles.v0)
    total = float(area[free].sum())
    jitter = rng.uniform(-0.35, 0.35, (6, n))
    wishes = (
        (SHOP, 0.10, away + jitter[0]),
        (WORKS, 0.17, -u / r + 0.3 * np.abs(v) / r + 0.6 * jitter[1]),
        (PARK, 0.09, rng.random(n)),
        (CAMPUS, 0.12, rng.random(n)),
        (OLD, 0.10, np.abs(v) / r + 0.5 * away + 0.7 * jitter[2]),
        (HOUSE, 0.14, -away + jitter[3]),
        (TOWER, 0.05, rng.random(n)),
    )
    for kind, share, score in wishes:
        order = np.argsort(np.where(free, score, np.inf), kind="stable")
        order = order[: int(free.sum())]
        taken = order[np.cumsum(area[order]) - area[order] / 2.0 <= share * total]
        land[taken] = kind
        free[taken] = False
    land[free] = SLAB
    return land


def lanes_of(frame: Frame, plan: StreetPlan, land: Ints) -> tuple[Floats, Floats]:
    """Residential lanes across the tiles: u of those along v, v of those along u, NaN for none; shape (tiles,)."""
    rng = frame.rng("lanes")
    tiles = plan.tiles
    n = len(tiles)
    chance = np.array([0.95, 0.75, 0.5, 0.9, 0.5, 0.3, 0.35, 0.0])[np.maximum(land, 0)]
    draw = rng.random((2, n))
    share = rng.uniform(0.38, 0.62, (2, n))
    many = (land == OLD) | (land == HOUSE)
    upright = (draw[0] < chance) & (land >= 0) & (tiles.u1 - tiles.u0 > 120.0)
    flat = (draw[1] < np.where(many, chance, 0.35 * chance)) & (land >= 0) & (tiles.v1 - tiles.v0 > 120.0)
    upright[plan.lake_tile] = flat[plan.lake_tile] = False
    lanes_u = np.where(upright, snapped(tiles.u0 + share[0] * (tiles.u1 - tiles.u0)), np.nan)
    lanes_v = np.where(flat, snapped(tiles.v0 + share[1] * (tiles.v1 - tiles.v0)), np.nan)
    return lanes_u, lanes_v


def _lots(plan: StreetPlan, land: Ints, lanes_u: Floats, lanes_v: Floats) -> tuple[Ints, Floats]:
    """Building lots: their tile (n,) and inset rectangle u0, u1, v0, v1 (n, 4)."""
    tiles = plan.tiles
    edge, lane = 23.0, 8.0
    owner, boxes = [], []
    for left in (True, False):
        for below in (True, False):
            has_u, has_v = np.isfinite(lanes_u), np.isfinite(lanes_v)
            t = np.flatnonzero((land >= 0) & tiles.kept & (left | has_u) & (below | has_v))
            u0 = tiles.u0[t] + edge if left else lanes_u[t] + lane
            u1 = np.where(has_u[t], lanes_u[t] - lane, tiles.u1[t] - edge) if left else tiles.u1[t] - edge
            v0 = tiles.v0[t] + edge if below else lanes_v[t] + lane
            v1 = np.where(has_v[t], lanes_v[t] - lane, tiles.v1[t] - edge) if below else tiles.v1[t] - edge
            owner.append(t)
            boxes.append(np.stack([u0, u1, v0, v1], axis=1))
    return np.concatenate(owner), np.concatenate(boxes)


def buildings_of(frame: Frame, plan: StreetPlan, waters: Waters, land: Ints, lanes: tuple[Floats, Floats]) -> Buildings:
    """Set the buildings of all lots out, choose their storeys and bend them onto the map."""
    rng = frame.rng("buildings")
    tile, box = _lots(plan, land, *lanes)
    columns = ("width_m", "depth_m", "gap_u_m", "gap_v_m", "built")
    numbers = np.array([[getattr(p, name) for name in columns] for p in PATTERNS])[land[tile]]
    width, depth, gap_u, gap_v, built = numbers.T
    room_u, room_v = box[:, 1] - box[:, 0], box[:, 3] - box[:, 2]
    across = np.maximum(0, np.floor((room_u + gap_u) / (width + gap_u))).astype(np.int64)
    deep = np.maximum(0, np.floor((room_v + gap_v) / (depth + gap_v))).astype(np.int64)
    slots = across * deep
    lot = np.repeat(np.arange(len(tile)), slots)
    k = np.arange(len(lot)) - np.repeat(np.cumsum(slots) - slots, slots)
    pitch_u, pitch_v = (room_u / np.maximum(across, 1))[lot], (room_v / np.maximum(deep, 1))[lot]
    u = box[lot, 0] + (k % across[lot] + 0.5) * pitch_u
    v = box[lot, 2] + (k // across[lot] + 0.5) * pitch_v
    keep = (rng.random(len(lot)) < built[lot]) & ~_in_lake(waters, u, v)
    size = rng.uniform(0.8, 1.05, (2, len(lot)))
    shift = rng.uniform(-0.25, 0.25, (2, len(lot)))
    u, v = u + shift[0] * gap_u[lot] * 0.8, v + shift[1] * gap_v[lot] * 0.8
    lot, u, v, size = lot[keep], u[keep], v[keep], size[:, keep]
    w, d = width[lot] * size[0], depth[lot] * size[1]
    x, y, corners = _footprints(frame, u, v, w, d)
    kind = land[tile[lot]]
    low = np.array([p.storeys[0] for p in PATTERNS])[kind]
    high = np.array([p.storeys[1] for p in PATTERNS])[kind]
    plain = Buildings(
        tile=tile[lot],
        land=kind,
        use=_uses(rng, kind),
        u=u,
        v=v,
        x_m=x,
        y_m=y,
        corners_m=corners,
        footprint_m2=np.round(w * d, 1),
        storeys=rng.integers(low, high, endpoint=True),
    )
    return _scaled(frame, plain)


def _in_lake(waters: Waters, u: Floats, v: Floats) -> NDArray[np.bool_]:
    lake = waters.lake
    return np.asarray(
        ((u - lake.u_m) / (lake.half_u_m + 25.0)) ** 2 + ((v - lake.v_m) / (lake.half_v_m + 25.0)) ** 2 <= 1.0
    )


def _footprints(frame: Frame, u: Floats, v: Floats, width: Floats, depth: Floats) -> tuple[Floats, Floats, Floats]:
    """Map centres and rectangle corners, turned along the local street direction."""
    x, y = frame.to_map(u, v)
    along_x, along_y = frame.direction(u, v)
    shapes = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    a, b = shapes[:, 0] * width[:, None], shapes[:, 1] * (depth * np.abs(along_x))[:, None]
    corner_x = x[:, None] + a * along_x[:, None] - b * along_y[:, None]
    corner_y = y[:, None] + a * along_y[:, None] + b * along_x[:, None]
    return x, y, np.stack([corner_x, corner_y], axis=2)


def _uses(rng: np.random.Generator, land: Ints) -> Ints:
    """Use by kind of land, with shops among the houses and flats above the shops."""
    use = np.array([p.use for p in PATTERNS])[land]
    draw = rng.random(len(land))
    use[(land <= HOUSE) & (draw < 0.05)] = 1
    use[(land == SHOP) & (draw < 0.18)] = 0
    return use


def _scaled(frame: Frame, plain: Buildings) -> Buildings:
    """Scale the storeys of the housing so that it gives every resident the floor area of the census."""
    housing = plain.use == 0
    wanted = frame.residents * FLOOR_M2_PER_PERSON
    storeys = plain.storeys.astype(np.float64)
    factor = 1.0
    for _ in range(6):
        scaled = np.clip(np.round(storeys * factor), 1, 34)
        have = float((plain.footprint_m2 * scaled)[housing].sum())
        factor *= wanted / have
    return replace(plain, storeys=np.where(housing, scaled, plain.storeys).astype(np.int64))
