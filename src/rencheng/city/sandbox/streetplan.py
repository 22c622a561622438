"""The street plan as data: superblocks, the bands between them, and the tiles they are cut into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PLAIN",
    "PRIMARY",
    "RAIL",
    "RAIL_BAND_M",
    "RESIDENTIAL",
    "RIVER",
    "RIVERSIDE_M",
    "ROAD_CLASSES",
    "SECONDARY",
    "STREAM",
    "STREAM_BAND_M",
    "TERTIARY",
    "TRUNK",
    "StreetPlan",
    "Tiles",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TRUNK, PRIMARY, SECONDARY, TERTIARY, RESIDENTIAL = range(5)
ROAD_CLASSES = ("trunk", "primary", "secondary", "tertiary", "residential")
PLAIN, STREAM, RIVER, RAIL = range(4)
STREAM_BAND_M, RAIL_BAND_M, RIVERSIDE_M = 44.0, 140.0, 25.0
"""Width of the band along a stream and along the railway; from the river's bank to the riverside street."""


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

    @property
    def middle_u(self) -> Floats:
        """Street-frame u of the middles."""
        return (self.u0 + self.u1) / 2.0

    @property
    def middle_v(self) -> Floats:
        """Street-frame v of the middles."""
        return (self.v0 + self.v1) / 2.0

    @property
    def area_m2(self) -> Floats:
        """Areas."""
        return (self.u1 - self.u0) * (self.v1 - self.v0)


@dataclass(frozen=True, kw_only=True)
class StreetPlan:
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

    def superblock_at(self, u: Floats, v: Floats) -> tuple[Ints, Ints]:
        """Column and row of the superblock or band at each point; the outermost for points outside or on the edge."""
        column = np.searchsorted(self.column_edges, u, side="right") - 1
        row = np.searchsorted(self.row_edges, v, side="right") - 1
        return np.clip(column, 0, len(self.column_kind) - 1), np.clip(row, 0, len(self.row_kind) - 1)

    def kept_at(self, u: Floats, v: Floats) -> NDArray[np.bool_]:
        """Whether the tile at each point is urban."""
        tile = self.tile_at(u, v)
        return np.asarray((tile >= 0) & self.tiles.kept[np.maximum(tile, 0)])
