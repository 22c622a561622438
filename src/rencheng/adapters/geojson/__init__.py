"""GeoJSON files: features with geometry and properties."""

from rencheng.adapters.geojson.features import Features, read_geojson

__all__ = ["Features", "read_geojson"]
