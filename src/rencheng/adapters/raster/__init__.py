"""Raster files: elevation models and rain pictures in any format GDAL reads, brought to the city's metric grid."""

from rencheng.adapters.raster.elevation import terrain_from_rasters
from rencheng.adapters.raster.rain import rain_picture_from_raster
from rencheng.adapters.raster.rain_forecast import rain_forecast_from_raster

__all__ = ["rain_forecast_from_raster", "rain_picture_from_raster", "terrain_from_rasters"]
