"""The rasters of a flood forecast as they travel: packed as they were stored, thinned where they are too large."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyproj import Transformer

from rencheng.assess.flood.frames import DEPTH_STEP_M, FloodGrid, frames_from_table
from rencheng.kernel import NotFound

__all__ = ["DEPTH_LAYER", "FloodRasters", "GroundMesh", "PointSeries", "block_highest", "percent_layer"]

DEPTH_LAYER = "depth_mm"
_MOST_CELLS = 4_000_000
"""Cells of a frame that a browser is given at once."""
_LARGEST_SIDE = 4096
"""Side of a texture that every WebGL 2 device takes and nearly all take more of."""
_MESH_STEP_M = 1000.0
_MESH_MOST = 48


def percent_layer(threshold_m: float) -> str:
    """Name of the layer of percent of members at or above a depth.

    Examples
    --------
    >>> percent_layer(0.15)
    'percent_150'
    """
    return f"percent_{round(threshold_m * 1000)}"


def block_highest(raster: NDArray[Any], factor: int) -> NDArray[Any]:
    """Highest value of each block of ``factor`` × ``factor`` cells; the last blocks may be cut.

    Parameters
    ----------
    raster : array, shape (ny, nx)
        Depths or percents: the highest is the cautious one to show.
    factor : int
        Side of a block in cells; 1 gives the raster itself.

    Examples
    --------
    >>> block_highest(np.array([[1, 2, 3], [4, 5, 6]]), 2).tolist()
    [[5, 6]]
    """
    if factor == 1:
        return raster
    rows = np.maximum.reduceat(raster, np.arange(0, raster.shape[0], factor), axis=0)
    return np.maximum.reduceat(rows, np.arange(0, raster.shape[1], factor), axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundMesh:
    """Lon/lat of evenly spaced points of the raster's rectangle, row 0 south, so that it lies true on the map."""

    rows: int
    columns: int
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSeries:
    """What the forecast says of one cell at every lead time."""

    row: int
    column: int
    depth_m: NDArray[np.float64]
    exceed_prob: dict[float, NDArray[np.float64]]


class FloodRasters:
    """The packed rasters of one forecast.

    Parameters
    ----------
    table : Table
        As :func:`rencheng.assess.flood.frames.frames_table` makes it.
    """

    def __init__(self, table: pa.Table) -> None:
        self.grid: FloodGrid = frames_from_table(table.slice(0, 0)).grid
        table = table.combine_chunks()
        self._data = table.column("data")
        keys = zip(table.column("lead_min").to_pylist(), table.column("layer").to_pylist(), strict=True)
        self._rows = {key: row for row, key in enumerate(keys)}
        self.lead_min = tuple(sorted({lead for lead, _ in self._rows}))
        layers = sorted({layer for _, layer in self._rows})
        self.thresholds_m = tuple(sorted(int(n.removeprefix("percent_")) / 1000 for n in layers if n != DEPTH_LAYER))
        self.layers = (*(n for n in layers if n == DEPTH_LAYER), *(percent_layer(t) for t in self.thresholds_m))

    @property
    def reduce(self) -> int:
        """Side of the blocks of cells by which a browser should ask for frames."""
        ny, nx = self.grid.ny, self.grid.nx
        factor = max(1, -(-max(ny, nx) // _LARGEST_SIDE))
        while (-(-ny // factor)) * (-(-nx // factor)) > _MOST_CELLS:
            factor += 1
        return factor

    def shape(self, reduce: int) -> tuple[int, int]:
        """Rows and columns of a frame asked for in blocks of ``reduce`` × ``reduce`` cells."""
        return -(-self.grid.ny // reduce), -(-self.grid.nx // reduce)

    def packed(self, lead_min: int, layer: str, *, reduce: int = 1) -> bytes:
        """Zlib-packed bytes of a frame, row 0 south: little-endian uint16 millimetres, or uint8 percent.

        Raises
        ------
        NotFound
            If the forecast has no such lead time or layer.
        """
        row = self._row(lead_min, layer)
        if reduce == 1:
            stored: bytes = self._data[row].as_py()
            return stored
        return zlib.compress(np.ascontiguousarray(block_highest(self._raster(row, layer), reduce)).tobytes(), 1)

    def raster(self, lead_min: int, layer: str) -> NDArray[Any]:
        """Frame as an array (ny, nx), row 0 south: uint16 millimetres or uint8 percent."""
        return self._raster(self._row(lead_min, layer), layer)

    @cached_property
    def deepest_m(self) -> float:
        """Greatest median depth of any cell and lead time."""
        tops = [int(self.raster(lead, DEPTH_LAYER).max(initial=0)) for lead in self.lead_min]
        return max(tops, default=0) * DEPTH_STEP_M

    @cached_property
    def mesh(self) -> GroundMesh:
        """Points of the rectangle about every kilometre."""
        g = self.grid
        rows, columns = (int(np.clip(np.ceil(n * g.cell_m / _MESH_STEP_M), 1, _MESH_MOST)) + 1 for n in (g.ny, g.nx))
        y = np.linspace(g.south_m, g.south_m + g.ny * g.cell_m, rows)
        x = np.linspace(g.west_m, g.west_m + g.nx * g.cell_m, columns)
        lon, lat = Transformer.from_crs(g.crs, "EPSG:4326", always_xy=True).transform(*np.meshgrid(x, y))
        return GroundMesh(rows=rows, columns=columns, lon=lon, lat=lat)

    def cell_at(self, lon: float, lat: float) -> tuple[int, int]:
        """Row and column of the cell that holds a place.

        Raises
        ------
        NotFound
            If the place lies outside the raster.
        """
        g = self.grid
        x, y = self._to_grid.transform(lon, lat)
        if np.isfinite([x, y]).all():
            row, column = int((y - g.south_m) // g.cell_m), int((x - g.west_m) // g.cell_m)
            if 0 <= row < g.ny and 0 <= column < g.nx:
                return row, column
        raise NotFound(f"the forecast does not reach {lon:.5f} {lat:.5f}", where="lon, lat", mend="Ask inside its grid")

    def point(self, lon: float, lat: float) -> PointSeries:
        """Depth and exceedance probabilities of the cell that holds a place."""
        row, column = self.cell_at(lon, lat)

        def series(layer: str) -> NDArray[np.float64]:
            return np.array([float(self.raster(lead, layer)[row, column]) for lead in self.lead_min])

        return PointSeries(
            row=row,
            column=column,
            depth_m=series(DEPTH_LAYER) * DEPTH_STEP_M,
            exceed_prob={t: series(percent_layer(t)) / 100 for t in self.thresholds_m},
        )

    @cached_property
    def _to_grid(self) -> Transformer:
        return Transformer.from_crs("EPSG:4326", self.grid.crs, always_xy=True)

    def _row(self, lead_min: int, layer: str) -> int:
        row = self._rows.get((lead_min, layer))
        if row is None:
            leads, layers = ", ".join(map(str, self.lead_min)), ", ".join(self.layers)
            raise NotFound(
                f"the forecast has no frame {layer!r} at {lead_min} min", mend=f"Use: {layers}; at: {leads} min"
            )
        return row

    def _raster(self, row: int, layer: str) -> NDArray[Any]:
        kind = "<u2" if layer == DEPTH_LAYER else "u1"
        flat = np.frombuffer(zlib.decompress(self._data[row].as_py()), kind)
        return flat.reshape(self.grid.ny, self.grid.nx)
