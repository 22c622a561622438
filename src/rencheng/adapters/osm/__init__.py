"""OpenStreetMap: PBF and XML extracts read into roads, buildings, facilities, waters and areas."""

from rencheng.adapters.osm.extract import OsmExtract, Things, WayLines, read_osm
from rencheng.adapters.osm.places import admin_areas, buildings_table, facilities_table, waters_table
from rencheng.adapters.osm.roads import RoadGraph, road_graph

__all__ = [
    "OsmExtract",
    "RoadGraph",
    "Things",
    "WayLines",
    "admin_areas",
    "buildings_table",
    "facilities_table",
    "read_osm",
    "road_graph",
    "waters_table",
]
