"""The tables of an import's configuration: every key, its type and its default."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

__all__ = [
    "ChannelSpec",
    "CityImport",
    "CitySection",
    "DemSection",
    "FacilityCount",
    "FloodPointsSection",
    "Layer",
    "LimitSection",
    "OrganisationSection",
    "OsmSection",
    "PopulationSection",
    "Post",
    "Reported",
    "SheltersFrom",
    "StationsSection",
    "StocksFrom",
    "TableFile",
    "ThresholdRow",
    "UnitsFrom",
]

Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
AreaKind = Literal["city", "district", "street", "community", "grid"]


_STATION_KINDS = {
    "stage_m": "river_gauge",
    "discharge_m3_s": "river_gauge",
    "water_depth_m": "street_depth",
    "rain_mm": "rain_gauge",
}


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file: an unknown key is refused, not ignored."""


class CitySection(_Section, frozen=True):
    """``[city]``: what ``city.toml`` of the package will say."""

    id: str
    name: str
    name_en: str
    metric_crs: str
    timezone: str
    jurisdiction: str
    h3_resolution: Annotated[int, msgspec.Meta(ge=5, le=12)] = 9
    version: str = "1"
    sources: tuple[str, ...] = ()


class LimitSection(_Section, frozen=True):
    """``[limit]``: where the city ends — a GeoJSON file, an OSM area by level and name, or a box."""

    geojson: str | None = None
    admin_level: str | None = None
    name: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    margin_m: Annotated[float, msgspec.Meta(ge=0)] = 1000.0
    """Roads, facilities and waters are kept this far outside the cells of the city."""


class OsmSection(_Section, frozen=True):
    """``[osm]``: the extract, and what to take from it."""

    file: str
    roads: bool = True
    buildings: bool = True
    facilities: bool = True
    waters: bool = True
    admin_levels: dict[str, AreaKind] = {}
    untagged_use: Literal["residential", "commercial", "industrial", "public", "other"] = "residential"
    """Use assumed for buildings whose tags do not tell it."""


class DemSection(_Section, frozen=True):
    """``[dem]``: elevation files, in order of preference."""

    files: tuple[str, ...]
    cell_m: Positive = 30.0
    margin_m: Annotated[float, msgspec.Meta(ge=0)] = 500.0
    crs: str | None = None
    """Reference system of files that name none."""
    squeezed_range_m: Annotated[int, msgspec.Meta(ge=256)] | None = None
    """Highest minus lowest height of files that hold whole metres squeezed into 0 … 255."""
    lowest_m: float = 0.0
    """Lowest height of squeezed files."""


class FacilityCount(_Section, frozen=True):
    """A column of the population table that counts facilities of a kind in each cell."""

    column: str
    kind: str


class PopulationSection(_Section, frozen=True):
    """``[population]``: a table by H3 cell or by point, or a total to be spread."""

    file: str | None = None
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    h3: str | None = None
    lon: str | None = None
    lat: str | None = None
    residents: str = "population"
    jobs: str | None = None
    elderly: str | None = None
    children: str | None = None
    disabled: str | None = None
    facilities: tuple[FacilityCount, ...] = ()
    cells: Literal["table", "limit", "both"] = "table"
    """Which cells make up the city: those of the table, those of the limit, or all of them."""
    total: Annotated[float, msgspec.Meta(ge=0)] | None = None
    spread: Literal["auto", "buildings", "roads", "area"] = "auto"
    elderly_ratio: Share | None = None
    child_ratio: Share | None = None
    disabled_ratio: Share | None = None
    source: str = ""


class Layer(_Section, frozen=True):
    """``[[layer]]``: a GeoJSON file read as facilities, waters or areas."""

    file: str
    to: Literal["facilities", "waters", "areas"]
    kind: str | None = None
    kind_field: str | None = None
    kinds: dict[str, str] = {}
    id_field: str | None = None
    name_field: str | None = None
    name_en_field: str | None = None
    capacity_field: str | None = None
    parent_field: str | None = None
    source: str = ""


class Reported(_Section, frozen=True):
    """Telemetry files that tell which stations report a quantity at all."""

    files: tuple[str, ...]
    station: str
    value: str
    delimiter: str = ","


class ChannelSpec(_Section, frozen=True):
    """A quantity that stations report, and how to know which of them do."""

    quantity: str
    interval_s: Positive | None = None
    reported: Reported | None = None


class StationsSection(_Section, frozen=True):
    """``[stations]``: the table of gauges and what they measure."""

    file: str
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    id: str = "id"
    lon: str = "lon"
    lat: str = "lat"
    name: str | None = None
    altitude_m: str | None = None
    river: str | None = None
    river_id: str | None = None
    operator: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    channels: tuple[ChannelSpec, ...] = ()
    kinds: dict[str, str] = msgspec.field(default_factory=lambda: dict(_STATION_KINDS))
    """Kind of a station by the first of its quantities listed here."""
    other_kind: str = "weather_station"


class ThresholdRow(_Section, frozen=True):
    """``[[threshold]]``: from this value up the warning has this colour, and who says so."""

    sensor_id: str
    quantity: str
    colour: Literal["blue", "yellow", "orange", "red"]
    value: float
    source: str
    unit: str | None = None
    name: str | None = None
    valid_from: str | None = None


class Post(_Section, frozen=True):
    """Name of a department or post in the city's own language and in English."""

    name: str
    name_en: str | None = None


class OrganisationSection(_Section, frozen=True):
    """``[organisation]``: tables of organisations and roles, or names for the default ones."""

    organisations: str | None = None
    roles: str | None = None
    command: Post | None = None
    departments: dict[str, Post] = {}
    duties: dict[str, Post] = {}


class TableFile(_Section, frozen=True):
    """A CSV whose header names attributes of the schema."""

    file: str
    delimiter: str = ","


class FloodPointsSection(_Section, frozen=True):
    """``[flood_points]``: the city's register of flood-prone points, a CSV or a GeoJSON of points."""

    file: str
    columns: dict[str, str]
    """Attribute of ``flood_prone_points`` → column or property of the file."""
    kinds: dict[str, str] = {}
    """Their word for the kind of place → ours."""
    kind: str = "road"
    """Kind of points that tell none."""
    statuses: dict[str, str] = {}
    """Their word for how far the remediation is → planned, in_work, done or verified."""
    status: str = "planned"
    """Status of points that tell none."""
    delimiter: str = ","
    encoding: str = "utf-8"
    source: str = ""


class UnitsFrom(_Section, frozen=True):
    """``[[units_from]]``: units assumed at facilities of a kind, or spread over the residents."""

    kind: str
    skills: tuple[str, ...]
    facility: str | None = None
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    """At each facility; or in all, where they are spread over the residents."""
    department: str | None = None
    capacity: Positive | None = None


class StocksFrom(_Section, frozen=True):
    """``[[stocks_from]]``: stocks assumed at facilities of a kind, or spread over the residents."""

    item: str
    quantity: Positive
    unit: str
    facility: str | None = None
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    department: str | None = None


class SheltersFrom(_Section, frozen=True):
    """``[[shelters_from]]``: facilities of a kind that would take people in."""

    facility: str
    capacity_ratio: Share = 1.0
    least_capacity: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    source: str = ""


class CityImport(_Section, frozen=True):
    """The whole file."""

    city: CitySection
    limit: LimitSection = LimitSection()
    osm: OsmSection | None = None
    dem: DemSection | None = None
    population: PopulationSection = PopulationSection()
    layer: tuple[Layer, ...] = ()
    stations: StationsSection | None = None
    threshold: tuple[ThresholdRow, ...] = ()
    thresholds: TableFile | None = None
    organisation: OrganisationSection = OrganisationSection()
    units: TableFile | None = None
    stocks: TableFile | None = None
    flood_points: FloodPointsSection | None = None
    units_from: tuple[UnitsFrom, ...] = ()
    stocks_from: tuple[StocksFrom, ...] = ()
    shelters_from: tuple[SheltersFrom, ...] = ()
    extras: dict[Literal["feeds", "flood", "plans", "river", "rules"], str] = {}
