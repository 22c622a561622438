"""Raster files: elevation models in any format GDAL reads, brought to the city's metric grid."""

from rencheng.adapters.raster.elevation import terrain_from_rasters

__all__ = ["terrain_from_rasters"]
