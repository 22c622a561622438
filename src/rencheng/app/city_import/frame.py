"""The frame of an import: the city's cells, what lies within them, and how anything gets its cell and height."""

from __future__ import annotations

from dataclasses import dataclass

import h3.api.numpy_int as h3_int
import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from rencheng.city import Terrain
from rencheng.city.source_report import SourceReport
from rencheng.kernel import InvalidInput, cell_boundary, cells_of

__all__ = ["CityFrame", "cell_centres", "cells_in", "frame_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CityFrame:
    """Where the city is.

    Parameters
    ----------
    cells : uint64 array, shape (n,)
        Cells of the city, sorted.
    region : shapely geometry
        Union of the cells and the margin around them, in the metric reference system.
    to_metric : Transformer
        From lon/lat to that system.
    resolution : int
        H3 resolution of the cells.
    """

    cells: NDArray[np.uint64]
    region: shapely.Geometry
    to_metric: Transformer
    resolution: int

    def holds(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points lie in the city or its margin."""
        x, y = self.to_metric.transform(lon, lat)
        return np.asarray(shapely.contains_xy(self.region, x, y), dtype=bool)

    def metric(self, geometry: NDArray[np.object_]) -> NDArray[np.object_]:
        """Shapes brought to metres."""
        return np.asarray(
            shapely.transform(geometry, lambda p: np.column_stack(self.to_metric.transform(p[:, 0], p[:, 1]))),
            dtype=object,
        )

    def bounds_m(self, margin_m: float) -> tuple[float, float, float, float]:
        """Box around the cells alone, with a margin, in metres."""
        lon, lat = cell_centres(self.cells)
        x, y = self.to_metric.transform(lon, lat)
        reach = h3_int.average_hexagon_edge_length(self.resolution, unit="m") * 1.2 + margin_m
        return float(x.min() - reach), float(y.min() - reach), float(x.max() + reach), float(y.max() + reach)

    def placed(self, table: pa.Table, what: str, name: str, report: SourceReport) -> pa.Table:
        """Keep rows whose point lies in the region and give them their cell; the others are refused by name."""
        lon, lat = table["lon"].to_numpy(), table["lat"].to_numpy()
        inside = self.holds(lon, lat) if len(table) else np.zeros(0, dtype=bool)
        outside = table.filter(pa.array(~inside))
        report.refuse(f"{what}: outside the city and its margin", outside[name].to_pylist())
        kept = table.filter(pa.array(inside))
        cells = cells_of(lon[inside], lat[inside], self.resolution)
        return kept.append_column("cell", pa.array(cells, pa.uint64()))

    def heights(self, table: pa.Table, terrain: Terrain | None) -> pa.Table:
        """Add ``ground_m`` at each point; without a terrain the column stays away."""
        if terrain is None or not len(table):
            return table
        x, y = self.to_metric.transform(table["lon"].to_numpy(), table["lat"].to_numpy())
        ground = terrain.sample(x, y)
        return table.append_column("ground_m", pa.array(ground, pa.float64(), from_pandas=True))


def cell_centres(cells: NDArray[np.uint64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of cell centres, degrees."""
    pairs = np.array([h3_int.cell_to_latlng(int(c)) for c in cells.tolist()], dtype=np.float64).reshape(-1, 2)
    return pairs[:, 1], pairs[:, 0]


def cells_in(polygon: shapely.Geometry, resolution: int) -> NDArray[np.uint64]:
    """Cells that a polygon touches, sorted, so that every point of it has its cell."""
    shape = h3_int.geo_to_h3shape(polygon)
    cells = h3_int.h3shape_to_cells_experimental(shape, resolution, contain="overlap")
    return np.unique(np.asarray(cells, dtype=np.uint64))


def frame_of(cells: NDArray[np.uint64], resolution: int, metric_crs: str, margin_m: float) -> CityFrame:
    """Lay the frame around cells.

    Raises
    ------
    InvalidInput
        If there is no cell at all.
    """
    if not len(cells):
        raise InvalidInput(
            "the city has no cells: neither the population table nor the limit gives any",
            mend="Give [population] with H3 ids or points, or [limit] with a polygon or a box",
        )
    to_metric = Transformer.from_crs("EPSG:4326", metric_crs, always_xy=True)
    rings = [np.column_stack(to_metric.transform(*np.array(cell_boundary(c)).T)) for c in cells.tolist()]
    union = shapely.union_all(np.array([shapely.polygons(ring) for ring in rings], dtype=object), grid_size=0.1)
    region = shapely.buffer(union, margin_m, quad_segs=4)
    shapely.prepare(region)
    return CityFrame(cells=cells, region=region, to_metric=to_metric, resolution=resolution)
