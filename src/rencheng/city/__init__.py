"""City: what the city *is* — areas, cells, roads, buildings, networks, people, sensors, organisation — as a package.

A package is a folder of open files (GeoParquet, GeoTIFF, TOML), versioned, checked, never edited in place.
"""

from rencheng.city.check import Defect, check_city
from rencheng.city.devices import (
    DEVICE_KINDS,
    TRANSITIONS,
    Device,
    DeviceRegistry,
    DeviceState,
    DueWork,
    Work,
    device_registry,
    due_work,
    months_after,
)
from rencheng.city.flood_points import (
    SENSOR_REACH_M,
    AssignedSensor,
    DepthRule,
    FloodPronePoint,
    RemediationStatus,
    day_of,
    depth_rule,
    flood_prone_points,
    is_overdue,
)
from rencheng.city.folder import require_replaceable
from rencheng.city.organisation import AreaTree, Organisation, Role
from rencheng.city.package import FORMAT_VERSION, City, Manifest, read_city, table_from_rows, write_city
from rencheng.city.roads import RoadGraph, Route
from rencheng.city.schema import Attribute, arrow_schema, schema_tables
from rencheng.city.terrain import Terrain

__all__ = [
    "DEVICE_KINDS",
    "FORMAT_VERSION",
    "SENSOR_REACH_M",
    "TRANSITIONS",
    "AreaTree",
    "AssignedSensor",
    "Attribute",
    "City",
    "Defect",
    "DepthRule",
    "Device",
    "DeviceRegistry",
    "DeviceState",
    "DueWork",
    "FloodPronePoint",
    "Manifest",
    "Organisation",
    "RemediationStatus",
    "RoadGraph",
    "Role",
    "Route",
    "Terrain",
    "Work",
    "arrow_schema",
    "check_city",
    "day_of",
    "depth_rule",
    "device_registry",
    "due_work",
    "flood_prone_points",
    "is_overdue",
    "months_after",
    "read_city",
    "require_replaceable",
    "schema_tables",
    "table_from_rows",
    "write_city",
]
