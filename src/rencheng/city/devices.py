"""Devices: what stands in the street and the plant room, from planning to retirement, and what falls due on them."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from rencheng.city.flood_points import day_of
from rencheng.city.package import City

__all__ = [
    "DEVICE_KINDS",
    "TRANSITIONS",
    "Device",
    "DeviceRegistry",
    "DeviceState",
    "DueWork",
    "Work",
    "device_registry",
    "due_work",
    "months_after",
]

DEVICE_KINDS = ("sensor", "gateway", "edge_agent", "camera", "actuator", "power_supply", "other")
"""What a device can be."""


class DeviceState(StrEnum):
    """Where in its life a device is."""

    PLANNED = "planned"
    """Listed, not there yet."""
    INSTALLED = "installed"
    """Stands at its place, not relied on yet."""
    IN_SERVICE = "in_service"
    """Relied on: when it fails somebody is sent."""
    MAINTENANCE = "maintenance"
    """Taken out of service by people, to be put back."""
    FAULTY = "faulty"
    """Failed while in service."""
    RETIRED = "retired"
    """At the end of its life; never comes back under this id."""


TRANSITIONS: Mapping[DeviceState, tuple[DeviceState, ...]] = {
    DeviceState.PLANNED: (DeviceState.INSTALLED, DeviceState.RETIRED),
    DeviceState.INSTALLED: (DeviceState.IN_SERVICE, DeviceState.RETIRED),
    DeviceState.IN_SERVICE: (DeviceState.MAINTENANCE, DeviceState.FAULTY, DeviceState.RETIRED),
    DeviceState.MAINTENANCE: (DeviceState.IN_SERVICE, DeviceState.RETIRED),
    DeviceState.FAULTY: (DeviceState.IN_SERVICE, DeviceState.MAINTENANCE, DeviceState.RETIRED),
    DeviceState.RETIRED: (),
}
"""State → states that may follow it."""


class Work(StrEnum):
    """What falls due on a device."""

    END_OF_LIFE = "end_of_life"
    """Its design life is over: replace it."""
    CALIBRATION = "calibration"
    """Its last calibration no longer holds."""
    BATTERY = "battery"
    """Its battery is to be replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device as it is listed. Days are ``YYYY-MM-DD``, empty where unknown; months are null where nothing falls due.

    Parameters
    ----------
    kind : str
        One of :data:`DEVICE_KINDS`.
    org_id : str
        Organisation that maintains it.
    gateway_id : str
        Device through which it speaks.
    sensor_ids : tuple of str
        Sensors that it carries.
    design_life_months, calibration_months, battery_months : int, optional
        How long the device, a calibration, and a battery last.
    """

    device_id: str
    kind: str
    state: DeviceState = DeviceState.PLANNED
    name: str = ""
    model: str = ""
    maker: str = ""
    org_id: str = ""
    gateway_id: str = ""
    sensor_ids: tuple[str, ...] = ()
    installed_on: str = ""
    design_life_months: int | None = None
    calibrated_on: str = ""
    calibration_months: int | None = None
    battery_on: str = ""
    battery_months: int | None = None

    @property
    def end_of_life(self) -> date | None:
        """Last day of its design life, counted from the day of installation."""
        return _last_day(self.installed_on, self.design_life_months)

    @property
    def calibration_due(self) -> date | None:
        """Last day on which its calibration holds; one never calibrated counts from its installation."""
        return _last_day(self.calibrated_on or self.installed_on, self.calibration_months)

    @property
    def battery_due(self) -> date | None:
        """Last day of its battery; the first came with the installation."""
        return _last_day(self.battery_on or self.installed_on, self.battery_months)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueWork:
    """One thing that falls due on one device."""

    device: Device
    work: Work
    on: date
    days_left: int
    """Negative once it is overdue."""


def months_after(day: date, months: int) -> date:
    """Last day of a period of months that begins on a day.

    The corresponding day of the last month, or that month's last day where it has none (Civil Code of the PRC, article
    202; ISO 8601 calendars).

    Examples
    --------
    >>> months_after(date(2024, 2, 29), 12)
    datetime.date(2025, 2, 28)
    """
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _last_day(begin: str, months: int | None) -> date | None:
    day = day_of(begin)
    return None if day is None or months is None else months_after(day, months)


def due_work(devices: Iterable[Device], today: date, within_days: int) -> list[DueWork]:
    """List what falls due on devices within so many days, overdue work included; the earliest first.

    Devices that are planned or retired need nothing.

    Parameters
    ----------
    today : date
        Day in the city.
    within_days : int
        0 lists what is due today or was before.
    """
    found = []
    for device in devices:
        if device.state in {DeviceState.PLANNED, DeviceState.RETIRED}:
            continue
        days = (
            (Work.END_OF_LIFE, device.end_of_life),
            (Work.CALIBRATION, device.calibration_due),
            (Work.BATTERY, device.battery_due),
        )
        for work, on in days:
            if on is not None and (left := (on - today).days) <= within_days:
                found.append(DueWork(device=device, work=work, on=on, days_left=left))
    return sorted(found, key=lambda due: (due.on, due.device.device_id, due.work))


@dataclass(frozen=True, kw_only=True)
class DeviceRegistry:
    """The devices that a city package lists; what people changed since stands in the ledger.

    Parameters
    ----------
    devices : mapping
        Device by id, in the order of the ids.
    city : City, optional
        Its sensors and organisations are the ones that devices may name; without it any may be named.
    """

    devices: Mapping[str, Device] = field(default_factory=dict)
    city: City | None = None

    @cached_property
    def device_of(self) -> Mapping[str, str]:
        """Sensor → device that carries it."""
        return {sensor: device.device_id for device in self.devices.values() for sensor in device.sensor_ids}

    @cached_property
    def sensors(self) -> frozenset[str]:
        """Sensors of the city."""
        return self._ids("sensors", "sensor_id")

    @cached_property
    def organisations(self) -> frozenset[str]:
        """Organisations of the city."""
        return self._ids("organisations", "org_id")

    def _ids(self, table: str, column: str) -> frozenset[str]:
        known = self.city is not None and self.city.has(table)
        return frozenset(self.city.column(table, column).tolist()) if self.city and known else frozenset()

    def today(self, now: datetime) -> date:
        """Day in the city at an instant; in UTC without a city."""
        return now.astimezone(self.city.zone if self.city else UTC).date()


def device_registry(city: City) -> DeviceRegistry:
    """Devices of the package's table; a city without one has none, and all else goes on."""
    carried: dict[str, list[str]] = {}
    listed = city.rows("devices")
    if listed and city.has("sensors") and "device_id" in city.table("sensors").column_names:
        for sensor, device in zip(*(city.column("sensors", name) for name in ("sensor_id", "device_id")), strict=True):
            if device:
                carried.setdefault(device, []).append(sensor)
    devices = (_device(row, carried.get(row["device_id"], [])) for row in listed)
    return DeviceRegistry(
        devices={device.device_id: device for device in sorted(devices, key=lambda d: d.device_id)}, city=city
    )


_OPTIONAL = (
    "name", "model", "maker", "org_id", "gateway_id", "installed_on", "calibrated_on", "battery_on",
    "design_life_months", "calibration_months", "battery_months",
)  # fmt: skip


def _device(row: Mapping[str, Any], sensors: list[str]) -> Device:
    more: dict[str, Any] = {name: row[name] for name in _OPTIONAL if row.get(name) is not None}
    return Device(
        device_id=row["device_id"],
        kind=row["kind"],
        state=DeviceState(row["state"]),
        sensor_ids=tuple(sorted(sensors)),
        **more,
    )
