"""A radar's GeoTIFF comes down over the city the right way up, and what is no picture of its rain is refused."""

import numpy as np
import pytest
from pyproj import Transformer
from rasterio import Affine
from rasterio.io import MemoryFile

from rencheng.adapters.raster import rain_picture_from_raster
from rencheng.kernel import InvalidInput

CITY = (117.20, 30.60, 117.26, 30.66)
CRS = "EPSG:32650"


def geotiff(
    rate: np.ndarray, *, west: float = 116.9, north: float = 30.95, step: float = 0.01, crs: str = "EPSG:4326"
) -> bytes:
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=rate.shape[0],
            width=rate.shape[1],
            count=1,
            dtype="float32",
            crs=crs or None,
            transform=Affine(step, 0, west, 0, -step, north),
            nodata=-9999.0,
        ) as out:
            out.write(rate.astype(np.float32), 1)
        return bytes(memory.read())


def test_the_wettest_place_stays_where_it_is() -> None:
    rate = np.zeros((66, 66))
    rate[20:23, 40:43] = 60.0  # about 117.315 E, 30.735 N
    picture = rain_picture_from_raster(geotiff(rate), metric_crs=CRS, bounds_lonlat=CITY)
    row, column = np.unravel_index(int(np.nanargmax(picture.rate_mm_h)), picture.rate_mm_h.shape)
    x = picture.west_m + (column + 0.5) * picture.cell_m
    y = picture.south_m + (row + 0.5) * picture.cell_m
    lon, lat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(x, y)
    assert abs(lon - 117.315) < 0.016
    assert abs(lat - 30.735) < 0.016
    assert 900.0 <= picture.cell_m <= 1200.0
    assert float(np.nanmax(picture.rate_mm_h)) == pytest.approx(60.0, rel=0.02)


def test_what_the_radar_did_not_see_is_unknown_and_not_dry() -> None:
    rate = np.full((66, 66), 5.0)
    rate[:, :33] = -9999.0
    picture = rain_picture_from_raster(geotiff(rate), metric_crs=CRS, bounds_lonlat=CITY)
    assert 0.2 < picture.missing_ratio < 0.95


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"not a raster", "not a raster"),
        (geotiff(np.zeros((10, 10)), west=10.0, north=50.0), "does not touch the city"),
        (geotiff(np.zeros((66, 66)), crs=""), "no reference system"),
        (geotiff(np.full((66, 66), 5000.0)), "beyond any measured"),
        (geotiff(np.full((66, 66), -3.0)), "negative rain"),
    ],
)
def test_what_is_no_picture_of_this_city_is_refused_with_its_mend(data: bytes, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        rain_picture_from_raster(data, metric_crs=CRS, bounds_lonlat=CITY)
