"""A small made-up city as public files, for the importer and the checker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h3
import numpy as np
import pytest
import rasterio
from rasterio import Affine

from rencheng.app.city_import import CityImported, import_city

WEST, SOUTH, EAST, NORTH = 3.0, 45.0, 3.02, 45.015
"""Box of the made-up city, degrees."""


def write_dem(
    file: Path, *, west: float = WEST - 0.02, north: float = NORTH + 0.02, crs: str | None = "EPSG:4326"
) -> None:
    """An east–west slope of 100 rows and columns, 2 m per column."""
    heights = np.tile(np.arange(100, dtype=np.float32) * 2.0 + 10.0, (100, 1))
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": 100, "width": 100, "crs": crs}
    with rasterio.open(file, "w", transform=Affine(0.0006, 0.0, west, 0.0, -0.00055, north), **profile) as target:
        target.write(heights, 1)


def _osm() -> str:
    nodes: list[str] = []
    ways: list[str] = []
    ids: dict[tuple[int, int], int] = {}
    for row in range(6):
        for column in range(6):
            ids[row, column] = len(ids) + 1
            lon, lat = WEST + 0.001 + column * 0.0035, SOUTH + 0.001 + row * 0.0025
            nodes.append(f'<node id="{ids[row, column]}" version="1" lon="{lon:.7f}" lat="{lat:.7f}"/>')
    for first in (100, 200):
        for k in range(6):
            refs = [ids[k, c] if first == 100 else ids[c, k] for c in range(6)]
            kind = "primary" if k == 0 else "residential"
            refs_xml = "".join(f'<nd ref="{r}"/>' for r in refs)
            ways.append(f'<way id="{first + k}" version="1">{refs_xml}<tag k="highway" v="{kind}"/></way>')
    corners = [(0, 0), (0.0004, 0), (0.0004, 0.0003), (0, 0.0003)]
    for i in range(5):
        refs = []
        for j, (dx, dy) in enumerate(corners):
            refs.append(1000 + 10 * i + j)
            lon, lat = WEST + 0.002 + 0.003 * i + dx, SOUTH + 0.002 + dy
            nodes.append(f'<node id="{refs[-1]}" version="1" lon="{lon:.7f}" lat="{lat:.7f}"/>')
        refs_xml = "".join(f'<nd ref="{r}"/>' for r in [*refs, refs[0]])
        ways.append(f'<way id="{300 + i}" version="1">{refs_xml}<tag k="building" v="apartments"/></way>')
    nodes.append(
        f'<node id="900" version="1" lon="{WEST + 0.005}" lat="{SOUTH + 0.005}"><tag k="amenity" v="hospital"/></node>'
    )
    return f'<?xml version="1.0"?><osm version="0.6">{"".join(nodes)}{"".join(ways)}</osm>'


def _point(number: int, lon: float, lat: float, **properties: object) -> dict[str, object]:
    geometry = {"type": "Point", "coordinates": [lon, lat]}
    return {"type": "Feature", "properties": {"id": number, **properties}, "geometry": geometry}


CONFIG = """
[city]
id = "testville"
name = "Testville"
name_en = "Testville"
metric_crs = "EPSG:32631"
timezone = "Europe/Paris"
jurisdiction = "FR"

[limit]
geojson = "limit.geojson"
margin_m = 300

[osm]
file = "map.osm"

[dem]
files = ["dem.tif"]
cell_m = 30

[population]
file = "people.csv"
h3 = "cell"
residents = "people"
cells = "both"
elderly_ratio = 0.2

[[layer]]
file = "schools.geojson"
to = "facilities"
kind = "school"
id_field = "id"
name_field = "name"
capacity_field = "pupils"

[stations]
file = "stations.csv"
delimiter = ";"
decimal = ","
id = "code"

[[stations.channels]]
quantity = "stage_m"

[[threshold]]
sensor_id = "S1"
quantity = "stage_m"
colour = "orange"
value = 300
unit = "cm"
source = "made up for the tests"

[[units_from]]
facility = "hospital"
kind = "ambulance"
skills = ["medical"]
count = 2

[[units_from]]
kind = "fire_engine"
skills = ["fire"]
count = 3

[[shelters_from]]
facility = "school"
capacity_ratio = 0.5
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Folder of sound sources and their configuration ``city.toml``; tests damage what they are about."""
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "map.osm").write_text(_osm(), encoding="utf-8")
    write_dem(folder / "dem.tif")
    ring = [[WEST, SOUTH], [EAST, SOUTH], [EAST, NORTH], [WEST, NORTH], [WEST, SOUTH]]
    limit = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (folder / "limit.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [limit]}))
    cells = sorted(h3.geo_to_cells(limit["geometry"], 9))
    (folder / "people.csv").write_text("cell,people\n" + "".join(f"{c},{100 + i}\n" for i, c in enumerate(cells)))
    schools = [_point(i, WEST + 0.003 * i + 0.002, SOUTH + 0.004, name=f"School {i}", pupils=200 + i) for i in range(4)]
    (folder / "schools.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": schools}))
    (folder / "stations.csv").write_text("\ufeffcode;lon;lat\nS1;3,005;45,005\nS2;3,900;45,700\n", encoding="utf-8")
    (folder / "city.toml").write_text(CONFIG, encoding="utf-8")
    return folder


@pytest.fixture
def build(sources: Path, tmp_path: Path) -> Callable[[], CityImported]:
    """Import the sources as they stand."""
    return lambda: import_city(sources / "city.toml", tmp_path / "city")
