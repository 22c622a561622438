"""The paper map: the city's ground in light colours, and the water of a forecast laid over it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pyproj import Transformer
from scipy.ndimage import map_coordinates

from rencheng.assess.flood.frames import FloodGrid
from rencheng.city import City
from rencheng.web.layers import link_points

__all__ = ["Chart", "Window", "chart_of"]

_FINE = 2
"""Everything is drawn so many times larger and then shrunk, which smooths the edges."""
_LATTICE = 48
_EARTH_M = 40_075_016.686
_PAPER = "#eef1f4"
_CITY = "#ffffff"
_WATER = "#c9e0f4"
_BUILDING = "#d9dee4"
_STREET = "#e0e5ea"
_ROAD = "#c2cad4"
_ARTERY = "#a9b5c3"
_BORDER = "#8d9bab"
_WIDE = {"motorway": 4, "trunk": 4, "primary": 3, "secondary": 2, "tertiary": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A rectangle of the Mercator map on so many pixels, row 0 north.

    Parameters
    ----------
    west, north : float
        Corner in Mercator units of the whole world, 0 … 1, y growing to the south.
    unit : float
        Pixels per Mercator unit.
    width, height : int
        Pixels.
    """

    west: float
    north: float
    unit: float
    width: int
    height: int

    def pixels(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixel coordinates of places, shape (n, 2)."""
        x, y = _mercator(np.asarray(lon, float), np.asarray(lat, float))
        return np.stack([(x - self.west) * self.unit, (y - self.north) * self.unit], -1)

    def places(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lon/lat of pixels."""
        u, v = self.west + x / self.unit, self.north + y / self.unit
        return u * 360 - 180, np.degrees(2 * np.arctan(np.exp((0.5 - v) * 2 * np.pi)) - np.pi / 2)

    @property
    def metre(self) -> float:
        """Pixels per metre on the ground in the middle of the window."""
        middle = self.places(np.array([self.width / 2]), np.array([self.height / 2]))[1][0]
        return self.unit / (_EARTH_M * float(np.cos(np.radians(middle))))


def _mercator(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    phi = np.radians(np.clip(lat, -85, 85))
    return (lon + 180) / 360, 0.5 - np.log(np.tan(np.pi / 4 + phi / 2)) / (2 * np.pi)


class Chart:
    """The ground of a window, drawn once, and water over it as often as wanted.

    Parameters
    ----------
    city : City
        Gives areas, waters, roads and buildings.
    grid : FloodGrid
        Where the rasters lie.
    window : Window
        What is shown.
    """

    def __init__(self, city: City, grid: FloodGrid, window: Window) -> None:
        self._city = city
        self._grid = grid
        self.window = window

    @cached_property
    def ground(self) -> Image.Image:
        """The city without water."""
        size = (self.window.width * _FINE, self.window.height * _FINE)
        image = Image.new("RGB", size, _PAPER)
        pen = ImageDraw.Draw(image)
        self._polygons(pen, "areas", _CITY, only="city")
        self._polygons(pen, "waters", _WATER)
        self._buildings(pen)
        self._roads(pen)
        self._borders(pen)
        return image.resize((self.window.width, self.window.height), Image.Resampling.LANCZOS)

    def flooded(self, rgba: NDArray[np.uint8]) -> Image.Image:
        """The ground with a colour per pixel of the window (height, width, 4) over it."""
        image = self.ground.convert("RGBA")
        return Image.alpha_composite(image, Image.fromarray(rgba, "RGBA")).convert("RGB")

    def sampled(self, raster: NDArray[Any], least: float) -> NDArray[np.float64]:
        """A raster (ny, nx), row 0 south, at every pixel of the window; 0 where it is below ``least`` or outside.

        Values are blended between cells of at least ``least`` only, up to half a cell beyond the last of them, so
        that a dry house does not shallow the street beside it.
        """
        wet = (raster >= least).astype(np.float64)
        cover, total = (
            map_coordinates(v, list(self._cells), order=1, mode="constant", cval=0.0) for v in (wet, raster * wet)
        )
        shown: NDArray[np.float64] = np.where(cover >= 0.5, total / np.maximum(cover, 0.5), 0.0)
        return shown

    @cached_property
    def _cells(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Row and column (as fractions, cell centres whole) of the raster at every pixel."""
        w, g = self.window, self._grid
        x, y = np.linspace(0, w.width, _LATTICE), np.linspace(0, w.height, _LATTICE)
        lon, lat = w.places(*np.meshgrid(x, y))
        east, north = Transformer.from_crs("EPSG:4326", g.crs, always_xy=True).transform(lon, lat)
        at = np.mgrid[0 : w.height, 0 : w.width].astype(np.float64) + 0.5
        scale = np.array([(_LATTICE - 1) / w.height, (_LATTICE - 1) / w.width])[:, None, None]
        fine = [map_coordinates(v, at * scale, order=1, mode="nearest") for v in (north, east)]
        return (fine[0] - g.south_m) / g.cell_m - 0.5, (fine[1] - g.west_m) / g.cell_m - 0.5

    def _line(self, pen: ImageDraw.ImageDraw, points: NDArray[np.float64], colour: str, width: float) -> None:
        xy = self.window.pixels(points[:, 0], points[:, 1]) * _FINE
        pen.line([tuple(p) for p in xy.tolist()], fill=colour, width=max(1, round(width * _FINE)), joint="curve")

    def _polygons(self, pen: ImageDraw.ImageDraw, table: str, colour: str, only: str = "") -> None:
        for row in self._city.rows(table):
            if not row.get("geometry") or (only and row["kind"] != only):
                continue
            shape = shapely.from_wkb(row["geometry"])
            for part in getattr(shape, "geoms", [shape]):
                if part.geom_type == "Polygon":
                    self._polygon(pen, part, colour)
                elif part.geom_type == "LineString":
                    wide = 12.0 if row.get("kind") == "river" else 3.0
                    self._line(pen, shapely.get_coordinates(part), colour, min(4.0, max(0.6, wide * self.window.metre)))

    def _polygon(self, pen: ImageDraw.ImageDraw, shape: Any, colour: str) -> None:
        points = shapely.get_coordinates(shape.exterior)
        xy = self.window.pixels(points[:, 0], points[:, 1]) * _FINE
        if len(xy) > 2:
            pen.polygon([tuple(p) for p in xy.tolist()], fill=colour)

    def _buildings(self, pen: ImageDraw.ImageDraw) -> None:
        if self.window.metre < 0.06 or not self._city.has("buildings"):
            return
        table = self._city.table("buildings")
        if "geometry" in table.column_names:
            for shape in shapely.from_wkb(table.column("geometry").to_numpy(zero_copy_only=False)):
                for part in getattr(shape, "geoms", [shape]):
                    if part is not None and part.geom_type == "Polygon":
                        self._polygon(pen, part, _BUILDING)

    def _roads(self, pen: ImageDraw.ImageDraw) -> None:
        if not self._city.has("road_links"):
            return
        classes = [str(c).removesuffix("_link") for c in self._city.column("road_links", "road_class")]
        thick = np.array([_WIDE.get(c, 1) for c in classes])
        grow = float(np.clip(self.window.metre / 0.12, 0.35, 1.6))
        for width, colour in ((1, _STREET), (2, _ROAD), (3, _ARTERY), (4, _ARTERY)):
            for line in link_points(self._city, np.flatnonzero(thick == width)):
                self._line(pen, line, colour, width * grow)

    def _borders(self, pen: ImageDraw.ImageDraw) -> None:
        for row in self._city.rows("areas"):
            if row.get("geometry") and row["kind"] in {"city", "district"}:
                shape = shapely.from_wkb(row["geometry"])
                for part in getattr(shape, "geoms", [shape]):
                    if part.geom_type == "Polygon":
                        self._line(pen, shapely.get_coordinates(part.exterior), _BORDER, 0.8)


def _within(grid: tuple[Any, Any], city: tuple[Any, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """West and east, north and south ends of the city inside the raster; of the raster where they do not meet."""
    ends = [np.array([max(g.min(), c.min()), min(g.max(), c.max())]) for g, c in zip(grid, city, strict=True)]
    if all(low < high for low, high in ends):
        return ends[0], ends[1]
    return np.array([grid[0].min(), grid[0].max()]), np.array([grid[1].min(), grid[1].max()])


def chart_of(city: City, grid: FloodGrid, width: int, *, least: float = 0.55, most: float = 1.0) -> Chart:
    """Chart of the city where the raster covers it, ``width`` pixels wide.

    Its height is within ``least`` and ``most`` of that.
    """
    lon, lat = np.array([c[0] for c in grid.corners]), np.array([c[1] for c in grid.corners])
    x, y = _within(_mercator(lon, lat), _mercator(city.column("cells", "lon"), city.column("cells", "lat")))
    wide, tall = (x.max() - x.min()) * 1.04, (y.max() - y.min()) * 1.04
    height = round(width * float(np.clip(tall / wide, least, most)))
    unit = min(width / wide, height / tall)
    west, north = (x.max() + x.min()) / 2 - width / unit / 2, (y.max() + y.min()) / 2 - height / unit / 2
    return Chart(city, grid, Window(west=float(west), north=float(north), unit=float(unit), width=width, height=height))
