"""Maintenance tasks: opened when a sensor of a device in service fails, closed when all its sensors are well again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rencheng.city import Device, DeviceRegistry, DeviceState
from rencheng.kernel import Draft, FactId, derived_id
from rencheng.sense.device_state import DeviceChanges, MaintenanceTask, device_of
from rencheng.sense.facts import (
    DeviceStateChanged,
    MaintenanceClosed,
    MaintenanceOpened,
    SensorRecovered,
    SensorSilent,
    SensorsRecovered,
    SensorSuspected,
    SensorTrusted,
)
from rencheng.sense.model import State

__all__ = ["SILENT", "closed", "faults_of", "follow_faults", "opened"]

SILENT = "silent"
"""Fault of a sensor that is not heard; the others are the flags that a sensor is suspected for."""
_ACTOR = "rule:maintenance"
Fault = tuple[str, str, str]
"""Sensor, quantity, what is wrong."""


def follow_faults(state: State, registry: DeviceRegistry, drafts: Iterable[Draft], now: datetime) -> list[Draft]:
    """Say what the turn's faults and recoveries mean for the devices that carry the sensors.

    A device in service of which a sensor fell silent or is doubted is faulty, and a task opens; there is one task per
    device, however many of its channels fail. It closes when none of them is at fault any more. Sensors that fall
    silent by the thousand are not broken one by one, so nobody is sent to them.

    Parameters
    ----------
    drafts : iterable of Draft
        What sensing says in this turn.
    """
    news: dict[str, tuple[Device, list[Draft]]] = {}
    for draft in drafts:
        if isinstance(draft.body, SensorSilent | SensorSuspected | SensorRecovered | SensorTrusted):
            device = device_of(state.devices, registry, draft.body.sensor_id)
            if device is not None:
                news.setdefault(device.device_id, (device, []))[1].append(draft)
        elif isinstance(draft.body, SensorsRecovered):
            for device in _waiting(state, registry, draft.body):
                news.setdefault(device.device_id, (device, []))[1].append(draft)
    if not news:
        return []
    sensors = {sensor for device, _ in news.values() for sensor in device.sensor_ids}
    standing = _faults(state, sensors)
    told: list[Draft] = []
    for device, of in news.values():
        left = {fault: "" for fault in standing if fault[0] in device.sensor_ids}
        for draft in of:
            _apply(left, draft.body)
        told += _answer(state.devices, device, left, of, now)
    return told


def _answer(
    changes: DeviceChanges, device: Device, left: dict[Fault, str], of: list[Draft], now: datetime
) -> list[Draft]:
    task, cause = changes.tasks.get(device.device_id), tuple(draft.id for draft in of)
    if left and task is None and device.state is DeviceState.IN_SERVICE:
        began = [d for d in of if isinstance(d.body, SensorSilent | SensorSuspected)]
        if not began:
            return []
        first = began[0]
        why = (first.body.sensor_id, first.body.quantity, _fault(first.body))
        drafts = [_state(device, DeviceState.FAULTY, f"{why[0]} {why[1]}: {why[2]}", now, cause=(first.id,))]
        return [*drafts, opened(device, why, _detail(first.body), now, cause=(first.id,))]
    if not left and task is not None:
        drafts = [closed(task, "all its sensors are heard and believed again", now, cause=cause)]
        if device.state is DeviceState.FAULTY:
            drafts.append(_state(device, DeviceState.IN_SERVICE, "its sensors are well again", now, cause=cause))
        return drafts
    return []


def opened(
    device: Device, fault: Fault, detail: str, now: datetime, *, actor: str = _ACTOR, cause: tuple[FactId, ...] = ()
) -> Draft:
    """Open a task of the organisation that maintains the device."""
    body = MaintenanceOpened(
        task_id=derived_id("maintenance", device.device_id, now.isoformat()),
        device_id=device.device_id,
        sensor_id=fault[0],
        fault=fault[2],
        detail=detail,
        org_id=device.org_id,
    )
    return Draft(stream=f"device/{device.device_id}", body=body, occurred_at=now, actor=actor, cause=cause)


def closed(
    task: MaintenanceTask, reason: str, now: datetime, *, actor: str = _ACTOR, cause: tuple[FactId, ...] = ()
) -> Draft:
    """Close a task."""
    body = MaintenanceClosed(
        task_id=task.task_id,
        device_id=task.device_id,
        open_s=(now - task.opened_at).total_seconds(),
        reason=reason,
    )
    return Draft(stream=f"device/{task.device_id}", body=body, occurred_at=now, actor=actor, cause=cause)


def faults_of(state: State, device: Device) -> list[Fault]:
    """Faults that stand on the sensors of a device, sorted."""
    return sorted(_faults(state, set(device.sensor_ids)))


def _faults(state: State, sensors: set[str]) -> list[Fault]:
    quiet = [(sensor, of, SILENT) for sensor, of in state.silent if sensor in sensors]
    doubted = [(s, of, flag) for (s, of), flags in state.suspected.items() if s in sensors for flag in flags]
    return quiet + doubted


def _fault(body: Any) -> str:
    return str(getattr(body, "flag", SILENT))


def _waiting(state: State, registry: DeviceRegistry, body: SensorsRecovered) -> list[Device]:
    """Devices with an open task that carry any of the sensors."""
    back = set(body.sensor_ids)
    devices = (state.devices.device(registry, device_id) for device_id in state.devices.tasks)
    return [device for device in devices if device is not None and not back.isdisjoint(device.sensor_ids)]


def _apply(left: dict[Fault, str], body: Any) -> None:
    if isinstance(body, SensorsRecovered):
        back = set(body.sensor_ids)
        for fault in [f for f in left if f[1:] == (body.quantity, SILENT) and f[0] in back]:
            del left[fault]
        return
    key = (body.sensor_id, body.quantity, _fault(body))
    if isinstance(body, SensorSilent | SensorSuspected):
        left[key] = ""
    else:
        left.pop(key, None)


def _detail(body: SensorSilent | SensorSuspected) -> str:
    if isinstance(body, SensorSuspected):
        return body.detail
    return f"not heard since {body.last_at:%Y-%m-%dT%H:%MZ}, {body.missed_intervals:.1f} expected intervals"


def _state(device: Device, state: DeviceState, reason: str, now: datetime, *, cause: tuple[FactId, ...]) -> Draft:
    body = DeviceStateChanged(device_id=device.device_id, previous=device.state.value, state=state.value, reason=reason)
    return Draft(stream=f"device/{device.device_id}", body=body, occurred_at=now, actor=_ACTOR, cause=cause)
