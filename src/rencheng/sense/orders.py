"""What is asked of sensing: take my report, this picture or forecast of the rain; list devices and lead them on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.city import Device
from rencheng.kernel import order

__all__ = [
    "CATEGORIES",
    "PICTURE_SOURCES",
    "SOURCES",
    "CalibrateDevice",
    "InstallDevice",
    "PutDeviceInService",
    "RegisterDevices",
    "ReloadFeed",
    "ReofferRefused",
    "ReplaceBattery",
    "ReportDeviceFault",
    "RetireDevice",
    "SubmitReport",
    "TakeDeviceToMaintenance",
    "TakeRainForecast",
    "TakeRainPicture",
]

SOURCES = ("citizen", "hotline", "grid_officer", "camera", "drone", "satellite", "social_media")
"""Kinds of source a report may come from."""

CATEGORIES = (
    "water_on_road",
    "water_in_building",
    "person_trapped",
    "road_blocked",
    "medical",
    "power_out",
    "other",
)
"""What a report may be about."""


PICTURE_SOURCES = ("radar", "satellite", "model")
"""What may have seen (or computed) a picture of the rain."""


@order("SubmitReport")
@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitReport:
    """Report what is seen at a place.

    Parameters
    ----------
    source : str
        One of :data:`SOURCES`.
    hazard : str
        A hazard of the house, e.g. ``waterlogging``.
    category : str
        One of :data:`CATEGORIES`.
    lon, lat : float
        Where, degrees.
    text : str
        What was said or recognised.
    depth_m : float, optional
        Depth of water, if stated.
    people : int
        People concerned.
    seen_at : datetime, optional
        When it was seen; the arrival where absent.
    """

    source: str
    hazard: str
    category: str
    lon: float
    lat: float
    text: str = ""
    depth_m: float | None = None
    people: int = 0
    seen_at: datetime | None = None


@order("ReloadFeed")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadFeed:
    """Read a feed's file again; what it says is in force from then on.

    Parameters
    ----------
    feed_id : str
        The feed.
    """

    feed_id: str


@order("ReofferRefused")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReofferRefused:
    """Offer rows again that a feed refused, by its file as it stands now; what is taken leaves the list.

    Parameters
    ----------
    feed_id : str
        The feed.
    reason : str
        Rows refused for this reason only; empty for all.
    ids : tuple of str, optional
        These rows only.
    """

    feed_id: str
    reason: str = ""
    ids: tuple[str, ...] | None = None


@order("TakeRainPicture")
@dataclass(frozen=True, slots=True, kw_only=True)
class TakeRainPicture:
    """Take a picture of the rain that lies in the field store.

    Parameters
    ----------
    source : str
        One of :data:`PICTURE_SOURCES`.
    at : datetime
        Instant that it shows.
    field : str
        Content hash of the grid (``sense/rain_picture.py``).
    cell_m, mean_mm_h, highest_mm_h, missing_ratio : float
        What the grid says of itself.
    """

    source: str
    at: datetime
    field: str
    cell_m: float
    mean_mm_h: float
    highest_mm_h: float
    missing_ratio: float


@order("TakeRainForecast")
@dataclass(frozen=True, slots=True, kw_only=True)
class TakeRainForecast:
    """Take a forecast of the rain that lies in the field store.

    Parameters
    ----------
    source : str
        Who made it: lower-case letters, digits and ``-``.
    issued_at : datetime
        Instant that its steps count from.
    field : str
        Content hash of the forecast (``sense/rain_forecast.py``).
    kind : str
        ``best``, ``members`` or ``quantiles``.
    layers, steps : int
        Members or quantiles, and steps of time.
    horizon_h, total_mm, highest_mm_h : float
        What the forecast says of itself.
    """

    source: str
    issued_at: datetime
    field: str
    kind: str
    layers: int
    steps: int
    horizon_h: float
    total_mm: float
    highest_mm_h: float


@order("RegisterDevices")
@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDevices:
    """List devices that the city package does not know: all of them, or none."""

    devices: tuple[Device, ...]
    reason: str


@order("InstallDevice")
@dataclass(frozen=True, slots=True, kw_only=True)
class InstallDevice:
    """Say that a planned device stands at its place, since ``on`` (YYYY-MM-DD; today where empty)."""

    device_id: str
    reason: str
    on: str = ""


@order("PutDeviceInService")
@dataclass(frozen=True, slots=True, kw_only=True)
class PutDeviceInService:
    """Rely on a device, for the first time or again."""

    device_id: str
    reason: str


@order("TakeDeviceToMaintenance")
@dataclass(frozen=True, slots=True, kw_only=True)
class TakeDeviceToMaintenance:
    """Take a device out of service for work on it; its faults call nobody meanwhile."""

    device_id: str
    reason: str


@order("ReportDeviceFault")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDeviceFault:
    """Say that a device in service is broken, as somebody saw."""

    device_id: str
    reason: str


@order("CalibrateDevice")
@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrateDevice:
    """Say that a device was calibrated on a day (YYYY-MM-DD; today where empty)."""

    device_id: str
    reason: str
    on: str = ""


@order("ReplaceBattery")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceBattery:
    """Say that a device got a new battery on a day (YYYY-MM-DD; today where empty)."""

    device_id: str
    reason: str
    on: str = ""


@order("RetireDevice")
@dataclass(frozen=True, slots=True, kw_only=True)
class RetireDevice:
    """End the life of a device; an open maintenance task ends with it."""

    device_id: str
    reason: str
