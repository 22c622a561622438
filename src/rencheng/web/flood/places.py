"""Names and shapes of what stands in the water: streets, facilities, buildings, cells."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import h3
import numpy as np
import shapely
from numpy.typing import NDArray

from rencheng.city import City
from rencheng.web.layers import link_points

__all__ = ["Places"]

_DIGITS = 6


class Places:
    """Looks up by id what a city package says of streets, facilities and buildings.

    Parameters
    ----------
    city : City
        The city of the run.
    """

    def __init__(self, city: City) -> None:
        self._city = city

    def names(self, kind: str, ids: list[str]) -> list[str]:
        """Name of each object, empty where the city has none."""
        match kind:
            case "road_link":
                return self._named("road_links", self._links, _numbers(ids))
            case "facility":
                return self._named("facilities", self._facilities, np.array(ids, dtype=np.str_))
            case _:
                return [""] * len(ids)

    def streets(self, ids: list[str]) -> NDArray[np.int64]:
        """Number of the street of each road link: both directions of a street share one, unknown links have their own.

        A street is the pair of its end nodes.
        """
        rows = self._links.rows(_numbers(ids))
        start = self._city.column("road_links", "from_node")[rows].astype(np.int64) if len(self._links) else rows
        end = self._city.column("road_links", "to_node")[rows].astype(np.int64) if len(self._links) else rows
        pair = np.stack([np.minimum(start, end), np.maximum(start, end)], 1)
        lost = rows < 0
        pair[lost] = np.stack([np.full(lost.sum(), -1), -1 - np.arange(lost.sum())], 1)
        number: NDArray[np.int64] = np.unique(pair, axis=0, return_inverse=True)[1].reshape(-1)
        return number

    def geometry(self, kind: str, ids: list[str], lon: list[float], lat: list[float]) -> list[dict[str, Any]]:
        """GeoJSON geometry of each object: lines of links, outlines of buildings and cells, points of the rest."""
        points: list[dict[str, Any]] = [
            {"type": "Point", "coordinates": [round(x, _DIGITS), round(y, _DIGITS)]}
            for x, y in zip(lon, lat, strict=True)
        ]
        match kind:
            case "road_link":
                rows = self._links.rows(_numbers(ids))
                for at, line in zip(np.flatnonzero(rows >= 0), link_points(self._city, rows[rows >= 0]), strict=True):
                    points[at] = {"type": "LineString", "coordinates": np.round(line, _DIGITS).tolist()}
            case "building":
                rows = self._buildings.rows(np.array(ids, dtype=np.str_))
                for at, shape in zip(np.flatnonzero(rows >= 0), self._outlines(rows[rows >= 0]), strict=False):
                    points[at] = _polygon(shape)
            case "cell":
                for n, cell in enumerate(ids):
                    ring = [[round(x, _DIGITS), round(y, _DIGITS)] for y, x in h3.cell_to_boundary(f"{int(cell):x}")]
                    points[n] = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        return points

    def _outlines(self, rows: NDArray[np.int64]) -> Any:
        table = self._city.table("buildings") if self._city.has("buildings") else None
        if table is None or "geometry" not in table.column_names:
            return []
        return shapely.from_wkb(table.column("geometry").take(rows).to_numpy(zero_copy_only=False))

    def _named(self, table: str, index: _Index, ids: NDArray[Any]) -> list[str]:
        if not len(index) or "name" not in self._city.table(table).column_names:
            return [""] * len(ids)
        rows = index.rows(ids)
        names = self._city.table(table).column("name").take(np.maximum(rows, 0)).to_pylist()
        return [(name or "") if row >= 0 else "" for name, row in zip(names, rows.tolist(), strict=True)]

    @cached_property
    def _links(self) -> _Index:
        return _Index(self._ids("road_links", "link_id"))

    @cached_property
    def _facilities(self) -> _Index:
        return _Index(self._ids("facilities", "facility_id").astype(np.str_))

    @cached_property
    def _buildings(self) -> _Index:
        return _Index(self._ids("buildings", "building_id").astype(np.str_))

    def _ids(self, table: str, column: str) -> NDArray[Any]:
        found: NDArray[Any] = self._city.column(table, column) if self._city.has(table) else np.array([], np.int64)
        return found


class _Index:
    """Row of each id in a table, found by binary search."""

    def __init__(self, ids: NDArray[Any]) -> None:
        self._order = np.argsort(ids, kind="stable")
        self._sorted = ids[self._order]

    def __len__(self) -> int:
        return len(self._sorted)

    def rows(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Row of each id, -1 where it is unknown."""
        if not len(self):
            return np.full(len(ids), -1, np.int64)
        at = np.minimum(np.searchsorted(self._sorted, ids), len(self) - 1)
        return np.where(self._sorted[at] == ids, self._order[at], -1).astype(np.int64)


def _numbers(ids: list[str]) -> NDArray[np.int64]:
    return np.array([int(i) if i.isdigit() else -1 for i in ids], dtype=np.int64)


def _polygon(shape: Any) -> dict[str, Any]:
    made: dict[str, Any] = shapely.geometry.mapping(shapely.set_precision(shape, 10.0**-_DIGITS))
    return made
