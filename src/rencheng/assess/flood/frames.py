"""Rasters of a flood forecast as one table: a row per lead time, rasters packed, the grid in the table's metadata."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput

__all__ = ["DEPTH_STEP_M", "FRAME_SCHEMA", "FloodFrames", "FloodGrid", "frames_from_table", "frames_table"]

DEPTH_STEP_M = 0.001
"""Depths are kept as whole millimetres in 16 bits; 65.535 m is the deepest."""

FRAME_SCHEMA = pa.schema(
    [
        pa.field("lead_min", pa.int32(), nullable=False),
        pa.field("layer", pa.string(), nullable=False),
        pa.field("data", pa.binary(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodGrid:
    """Where a raster lies: square cells in the city's metric reference system, row 0 southernmost.

    Parameters
    ----------
    ny, nx : int
        Rows and columns.
    west_m, south_m : float
        Outer corner of cell (0, 0).
    cell_m : float
        Edge of a cell.
    crs : str
        Metric reference system, e.g. ``"EPSG:32722"``.
    corners : tuple of (lon, lat)
        South-west, south-east, north-east, north-west outer corners, EPSG:4326, for drawing over a map.
    """

    ny: int
    nx: int
    west_m: float
    south_m: float
    cell_m: float
    crs: str
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodFrames:
    """Depth and probability rasters per lead time.

    Parameters
    ----------
    grid : FloodGrid
        Where they lie.
    lead_min : tuple of int
        Lead times in minutes, ascending.
    depth_m : float32 array, shape (leads, ny, nx)
        Median depth of the members.
    exceed_prob : dict of float to uint8 array, shape (leads, ny, nx)
        Threshold depth in m → percent of members at or above it, 0 … 100.
    """

    grid: FloodGrid
    lead_min: tuple[int, ...]
    depth_m: NDArray[np.float32]
    exceed_prob: dict[float, NDArray[np.uint8]]


def _packed(raster: NDArray[np.generic]) -> bytes:
    return zlib.compress(np.ascontiguousarray(raster).tobytes(), level=1)


def frames_table(frames: FloodFrames) -> pa.Table:
    """Pack rasters into a table for the field store.

    Layers are ``depth_mm`` (little-endian uint16, row 0 south) and ``percent_<threshold in mm>`` (uint8), zlib-packed.
    """
    rows: list[tuple[int, str, bytes]] = []
    depth_mm = np.clip(np.rint(frames.depth_m / DEPTH_STEP_M), 0, 65535).astype("<u2")
    for k, lead in enumerate(frames.lead_min):
        rows.append((lead, "depth_mm", _packed(depth_mm[k])))
        for threshold, percent in sorted(frames.exceed_prob.items()):
            rows.append((lead, f"percent_{round(threshold * 1000)}", _packed(percent[k])))
    lead_col, layer_col, data_col = zip(*rows, strict=True) if rows else ((), (), ())
    schema = FRAME_SCHEMA.with_metadata({"grid": json.dumps(asdict(frames.grid), sort_keys=True)})
    return pa.table(
        [pa.array(lead_col, pa.int32()), pa.array(layer_col), pa.array(data_col, pa.binary())], schema=schema
    )


def frames_from_table(table: pa.Table, *, layers: Sequence[str] | None = None) -> FloodFrames:
    """Unpack what :func:`frames_table` packed, all layers or the named ones (``depth_mm`` is always unpacked).

    Raises
    ------
    InvalidInput
        If the table carries no grid.
    """
    meta = table.schema.metadata or {}
    if b"grid" not in meta:
        raise InvalidInput("table of flood frames carries no grid", where="metadata 'grid'")
    raw = json.loads(meta[b"grid"])
    grid = FloodGrid(**{**raw, "corners": tuple((c[0], c[1]) for c in raw["corners"])})
    shape = (grid.ny, grid.nx)
    leads = tuple(sorted(set(table["lead_min"].to_pylist())))
    depth = np.zeros((len(leads), *shape), np.float32)
    percent: dict[float, NDArray[np.uint8]] = {}
    for row in table.to_pylist():
        k = leads.index(row["lead_min"])
        if row["layer"] == "depth_mm":
            depth[k] = np.frombuffer(zlib.decompress(row["data"]), "<u2").reshape(shape) * np.float32(DEPTH_STEP_M)
        elif layers is None or row["layer"] in layers:
            threshold = int(row["layer"].removeprefix("percent_")) / 1000
            raster = percent.setdefault(threshold, np.zeros((len(leads), *shape), np.uint8))
            raster[k] = np.frombuffer(zlib.decompress(row["data"]), np.uint8).reshape(shape)
    return FloodFrames(grid=grid, lead_min=leads, depth_m=depth, exceed_prob=percent)
