"""What sensing publishes: batches taken, feeds that break and mend, sensors that fall silent or lie, reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rencheng.city import Device
from rencheng.kernel import fact

__all__ = [
    "BatchTaken",
    "DeviceServiced",
    "DeviceStateChanged",
    "DevicesRegistered",
    "FeedFailed",
    "FeedRecovered",
    "FeedReloaded",
    "MaintenanceClosed",
    "MaintenanceOpened",
    "RainForecastTaken",
    "RainPictureTaken",
    "RefusedReoffered",
    "ReportReceived",
    "SensingEntityRecorded",
    "SensingEntityRemoved",
    "SensorRecovered",
    "SensorSilent",
    "SensorSuspected",
    "SensorTrusted",
    "SensorsRecovered",
    "SensorsSilent",
]


@fact("BatchTaken")
@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTaken:
    """A batch of readings was stored, checked and acknowledged together with the feed's position."""

    feed_id: str
    position: str
    accepted: int
    repeated: int
    refused: int
    flagged: dict[str, int]
    """Quality flag name → readings that carry it."""
    first_at: datetime | None
    last_at: datetime | None


@fact("FeedFailed")
@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFailed:
    """A feed broke; said once, not at every try."""

    feed_id: str
    reason: str


@fact("FeedRecovered")
@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRecovered:
    """A feed that had failed delivers again."""

    feed_id: str


@fact("FeedReloaded")
@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReloaded:
    """The configuration of a feed was read again, and is in force from now on."""

    feed_id: str
    file: str
    """Name of the file in the folder of feeds."""
    changed: list[str]
    """Keys that are other ones now; empty where the file says what it said."""


@fact("RefusedReoffered")
@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedReoffered:
    """Rows that a feed had refused were offered again by the configuration as it stood then."""

    feed_id: str
    position: str
    """Names the offer; its readings bear it in the store."""
    reason: str
    """The reason that was chosen; empty for all, or for rows picked one by one."""
    offered: int
    taken: int
    """Rows that are not kept aside any more."""
    accepted: int
    """Readings newly stored."""
    repeated: int
    """Readings that were stored already."""
    still: dict[str, int]
    """Reason → rows that stay."""


@fact("SensorSilent")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSilent:
    """A channel has not reported for k expected intervals."""

    sensor_id: str
    quantity: str
    last_at: datetime
    expected_interval_s: float
    missed_intervals: float


@fact("SensorRecovered")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRecovered:
    """A silent channel reports again."""

    sensor_id: str
    quantity: str
    silent_s: float


@fact("SensorsSilent")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorsSilent:
    """Very many channels of a quantity fell silent in one turn: a gateway, a network or the power is out."""

    quantity: str
    sensor_ids: tuple[str, ...]
    last_at: tuple[datetime, ...]
    """Last reading of each."""


@fact("SensorsRecovered")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorsRecovered:
    """Very many silent channels of a quantity report again in one turn."""

    quantity: str
    sensor_ids: tuple[str, ...]
    silent_s: tuple[float, ...]
    """For how long each was silent."""


@fact("SensorSuspected")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSuspected:
    """A channel's readings no longer deserve belief (stuck, jumping, out of range) and why."""

    sensor_id: str
    quantity: str
    flag: str
    detail: str


@fact("SensorTrusted")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorTrusted:
    """A suspected channel behaves again."""

    sensor_id: str
    quantity: str
    flag: str


@fact("ReportReceived")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReportReceived:
    """A person, hotline, camera, drone or satellite reports something at a place: an observation like any other."""

    report_id: str
    source: str
    """citizen, hotline, grid_officer, camera, drone, satellite, social_media"""
    hazard: str
    category: str
    """water_on_road, water_in_building, person_trapped, road_blocked, medical, power_out, other"""
    lon: float
    lat: float
    cell: int
    text: str
    depth_m: float | None
    people: int
    event_id: str
    """Reports fused to one event (same hazard, near in place and time) share it."""


@fact("RainPictureTaken")
@dataclass(frozen=True, slots=True, kw_only=True)
class RainPictureTaken:
    """A picture of the rain over the city came in: a radar composite on a grid, kept as a field."""

    picture_id: str
    source: str
    """radar, satellite or model"""
    at: datetime
    """Instant that the picture shows."""
    field: str
    """Content hash of the grid in the field store (see ``sense/rain_picture.py``)."""
    cell_m: float
    mean_mm_h: float
    highest_mm_h: float
    missing_ratio: float


@fact("RainForecastTaken")
@dataclass(frozen=True, slots=True, kw_only=True)
class RainForecastTaken:
    """A forecast of the rain over the city came in: a series or grids of hours ahead, kept as a field."""

    forecast_id: str
    source: str
    """Who made it, such as ``nwp`` or the name of a weather service."""
    issued_at: datetime
    """Instant that its steps count from."""
    field: str
    """Content hash of the forecast in the field store (see ``sense/rain_forecast.py``)."""
    kind: str
    """``best`` (one estimate), ``members`` or ``quantiles``."""
    layers: int
    """Members or quantiles; 1 for a best estimate."""
    steps: int
    horizon_h: float
    total_mm: float
    """Over the whole horizon, mean of the area and of the members (or the middle quantile)."""
    highest_mm_h: float
    """Greatest rate of any step, cell and layer."""


@fact("SensingEntityRecorded")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensingEntityRecorded:
    """An entity of the SensorThings service was created or changed by a client: all of it as it is from now on.

    The city package is never edited in place: what a client changes of the city's own sensors lies over it.
    """

    entity_set: str
    """Things, Locations, HistoricalLocations, Datastreams, Sensors, ObservedProperties, Observations,
    FeaturesOfInterest"""
    entity_id: str
    """The city's own name after a quote mark, or the number that the service gave."""
    content: dict[str, Any]
    """Its properties."""
    links: dict[str, list[str]]
    """Navigation property that it keeps → ids it leads to."""
    stored_as: str
    """Quantity under which a Datastream's observations are kept as readings; empty for other entities."""


@fact("SensingEntityRemoved")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensingEntityRemoved:
    """A client deleted an entity of the SensorThings service; readings already taken stay in the store."""

    entity_set: str
    entity_id: str


@fact("DevicesRegistered")
@dataclass(frozen=True, slots=True, kw_only=True)
class DevicesRegistered:
    """Devices were listed that the city package does not know."""

    devices: tuple[Device, ...]
    reason: str


@fact("DeviceStateChanged")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStateChanged:
    """A device went on in its life: installed, in service, in maintenance, faulty, retired."""

    device_id: str
    previous: str
    state: str
    reason: str
    installed_on: str = ""
    """Day of installation, YYYY-MM-DD, where it was installed."""


@fact("DeviceServiced")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceServiced:
    """A device was calibrated or got a new battery."""

    device_id: str
    work: str
    """calibration or battery"""
    on: str
    """YYYY-MM-DD"""
    reason: str


@fact("MaintenanceOpened")
@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceOpened:
    """A device in service failed, and those who maintain it are asked to look."""

    task_id: str
    device_id: str
    sensor_id: str
    """Sensor that is silent or not to be believed."""
    fault: str
    """silent, or the flag that it is suspected for"""
    detail: str
    org_id: str


@fact("MaintenanceClosed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceClosed:
    """A maintenance task is over: all sensors of the device are heard and believed again, or it was retired."""

    task_id: str
    device_id: str
    open_s: float
    reason: str
