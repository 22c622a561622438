"""Grids of forecast rain from GeoTIFF: a band per step, members one after the other, brought over the city."""

from __future__ import annotations

import numpy as np
import pytest
from rasterio import Affine
from rasterio.io import MemoryFile

from rencheng.adapters.raster import rain_forecast_from_raster
from rencheng.kernel import InvalidInput

CRS = "EPSG:32650"
CITY = (117.20, 30.64, 117.28, 30.69)


def geotiff(bands: list[float], *, west: float = 116.5) -> bytes:
    """Bands of one rate each, over a degree and a half."""
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=30,
            height=30,
            count=len(bands),
            dtype="float32",
            crs="EPSG:4326",
            transform=Affine(0.05, 0.0, west, 0.0, -0.05, 31.4),
        ) as file:
            for number, rate in enumerate(bands, start=1):
                file.write(np.full((30, 30), rate, np.float32), number)
        return bytes(memory.read())


def test_bands_are_steps_and_then_members() -> None:
    forecast = rain_forecast_from_raster(
        geotiff([1.0, 2.0, 3.0, 4.0]), step_min=180.0, members=2, metric_crs=CRS, bounds_lonlat=CITY
    )
    assert forecast.kind == "members"
    assert forecast.edges_s.tolist() == [0.0, 10800.0, 21600.0]
    np.testing.assert_allclose(forecast.rate_mm_h.mean(axis=(2, 3)), [[1.0, 2.0], [3.0, 4.0]])
    assert forecast.grid is not None
    assert forecast.grid.crs == CRS


@pytest.mark.parametrize(
    ("data", "members", "said"),
    [
        (geotiff([1.0, 2.0, 3.0]), 2, "3 bands for 2 members"),
        (geotiff([1.0, -2.0]), 1, "negative rain"),
        (geotiff([1.0], west=10.0), 1, "does not touch the city"),
        (b"no raster", 1, "not a raster"),
    ],
)
def test_what_is_no_forecast_is_refused(data: bytes, members: int, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        rain_forecast_from_raster(data, step_min=60.0, members=members, metric_crs=CRS, bounds_lonlat=CITY)
