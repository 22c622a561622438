"""What people and faults changed of the city's devices since the package was made, as facts tell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from rencheng.city import Device, DeviceRegistry, DeviceState
from rencheng.ledger import Entry
from rencheng.sense.facts import (
    DeviceServiced,
    DevicesRegistered,
    DeviceStateChanged,
    MaintenanceClosed,
    MaintenanceOpened,
)

__all__ = ["DEVICE_FACTS", "DeviceChanges", "MaintenanceTask", "device_of", "devices_now", "evolve_devices"]

DEVICE_FACTS = (DevicesRegistered, DeviceStateChanged, DeviceServiced, MaintenanceOpened, MaintenanceClosed)
"""Facts that change devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceTask:
    """An open task of those who maintain a device."""

    task_id: str
    device_id: str
    sensor_id: str
    """Sensor whose fault opened it."""
    fault: str
    detail: str
    org_id: str
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChanges:
    """What lies over the package's register; the dictionaries inside are replaced, never changed."""

    registered: Mapping[str, Device] = field(default_factory=dict)
    """Devices registered by order, as they were then."""
    carrying: Mapping[str, str] = field(default_factory=dict)
    """Sensor → device registered by order that carries it."""
    changed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Device → field → what it is now."""
    tasks: Mapping[str, MaintenanceTask] = field(default_factory=dict)
    """Device → its open task."""

    def device(self, registry: DeviceRegistry, device_id: str) -> Device | None:
        """One device as it is now; None where there is none of this id."""
        listed = self.registered.get(device_id) or registry.devices.get(device_id)
        return None if listed is None else _as_now(self, listed)


def devices_now(changes: DeviceChanges, registry: DeviceRegistry) -> Iterable[Device]:
    """All devices as they are now, in the order of their ids."""
    every = {**registry.devices, **changes.registered}
    return (_as_now(changes, every[name]) for name in sorted(every))


def _as_now(changes: DeviceChanges, listed: Device) -> Device:
    known = changes.changed.get(listed.device_id)
    if known is None:
        return listed
    more: dict[str, Any] = dict(known)
    if "state" in more:
        more["state"] = DeviceState(more["state"])
    return replace(listed, **more)


def device_of(changes: DeviceChanges, registry: DeviceRegistry, sensor_id: str) -> Device | None:
    """Device that carries a sensor; None where nobody listed one."""
    name = changes.carrying.get(sensor_id) or registry.device_of.get(sensor_id)
    return None if name is None else changes.device(registry, name)


def evolve_devices(changes: DeviceChanges, entry: Entry) -> DeviceChanges:
    """Give the changes after one of :data:`DEVICE_FACTS`."""
    body = entry.body
    match body:
        case DevicesRegistered(devices=devices):
            carried = {sensor: d.device_id for d in devices for sensor in d.sensor_ids}
            return replace(
                changes,
                registered={**changes.registered, **{d.device_id: d for d in devices}},
                carrying={**changes.carrying, **carried},
            )
        case DeviceStateChanged(device_id=name, state=state, installed_on=day):
            return _changed(changes, name, {"state": state, **({"installed_on": day} if day else {})})
        case DeviceServiced(device_id=name, work=work, on=day):
            return _changed(changes, name, {"calibrated_on" if work == "calibration" else "battery_on": day})
        case MaintenanceOpened():
            return replace(changes, tasks={**changes.tasks, body.device_id: _task(body, entry.occurred_at)})
        case MaintenanceClosed(device_id=name):
            return replace(changes, tasks={k: task for k, task in changes.tasks.items() if k != name})
    return changes


def _changed(changes: DeviceChanges, device_id: str, what: Mapping[str, str]) -> DeviceChanges:
    known = changes.changed.get(device_id, {})
    return replace(changes, changed={**changes.changed, device_id: {**known, **what}})


def _task(body: MaintenanceOpened, at: datetime) -> MaintenanceTask:
    return MaintenanceTask(
        task_id=body.task_id,
        device_id=body.device_id,
        sensor_id=body.sensor_id,
        fault=body.fault,
        detail=body.detail,
        org_id=body.org_id,
        opened_at=at,
    )
