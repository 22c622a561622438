"""Orders that list devices and lead them through their life; a step that the life does not allow is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from rencheng.city import DEVICE_KINDS, TRANSITIONS, Device, DeviceRegistry, DeviceState, day_of
from rencheng.kernel import Draft, OrderRefused
from rencheng.sense.device_state import device_of
from rencheng.sense.facts import DeviceServiced, DevicesRegistered, DeviceStateChanged
from rencheng.sense.maintenance import closed, faults_of, opened
from rencheng.sense.model import State
from rencheng.sense.orders import (
    CalibrateDevice,
    InstallDevice,
    PutDeviceInService,
    RegisterDevices,
    ReplaceBattery,
    ReportDeviceFault,
    RetireDevice,
    TakeDeviceToMaintenance,
)

__all__ = ["DEVICE_ORDERS", "handle_device_order"]

DEVICE_ORDERS = (
    RegisterDevices,
    InstallDevice,
    PutDeviceInService,
    TakeDeviceToMaintenance,
    ReportDeviceFault,
    CalibrateDevice,
    ReplaceBattery,
    RetireDevice,
)
"""Orders about devices."""
_TO: Mapping[type, DeviceState] = {
    InstallDevice: DeviceState.INSTALLED,
    PutDeviceInService: DeviceState.IN_SERVICE,
    TakeDeviceToMaintenance: DeviceState.MAINTENANCE,
    ReportDeviceFault: DeviceState.FAULTY,
    RetireDevice: DeviceState.RETIRED,
}
_WORK: Mapping[type, str] = {CalibrateDevice: "calibration", ReplaceBattery: "battery"}
_ID = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,128}")
_MOST_MONTHS = 1200
_TOGETHER = 1000
"""Devices in one fact; a larger list is several facts of one turn."""
_MEND_ID = "List them with: rencheng devices"


def handle_device_order(state: State, order: Any, registry: DeviceRegistry, now: datetime, actor: str) -> list[Draft]:
    """Answer one of :data:`DEVICE_ORDERS` with facts.

    Raises
    ------
    OrderRefused
        If there is no such device, the step is none that its life allows (:data:`rencheng.city.TRANSITIONS`), a day is
        none or still to come, a device to be listed contradicts itself or others, or there is no reason; nothing of
        the order is taken.
    """
    if not order.reason.strip():
        raise OrderRefused("devices are not changed without a reason", where="reason", mend="Say why")
    if isinstance(order, RegisterDevices):
        return _registered(state, order, registry, now, actor)
    device = state.devices.device(registry, order.device_id)
    if device is None:
        raise OrderRefused(f"there is no device {order.device_id!r}", where="device_id", mend=_MEND_ID)
    if type(order) in _WORK:
        return [_serviced(device, order, registry, now, actor)]
    return _led_on(state, device, order, registry, now, actor)


def _led_on(
    state: State, device: Device, order: Any, registry: DeviceRegistry, now: datetime, actor: str
) -> list[Draft]:
    to = _TO[type(order)]
    if to not in TRANSITIONS[device.state]:
        may = ", ".join(TRANSITIONS[device.state]) or "nothing more"
        raise OrderRefused(
            f"device {device.device_id!r} is {device.state} and cannot become {to}",
            where="device_id",
            mend=f"From {device.state} it may become: {may}",
        )
    day = ""
    if isinstance(order, InstallDevice):
        day = _day(order.on, registry.today(now), "on").isoformat()
    reason = order.reason.strip()
    body = DeviceStateChanged(
        device_id=device.device_id, previous=device.state.value, state=to.value, reason=reason, installed_on=day
    )
    moved = Draft(stream=f"device/{device.device_id}", body=body, occurred_at=now, actor=actor)
    return [moved, *_task_follows(state, device, to, moved, reason)]


def _task_follows(state: State, device: Device, to: DeviceState, moved: Draft, reason: str) -> list[Draft]:
    """What the step does to the device's maintenance task."""
    now, cause, task = moved.occurred_at, (moved.id,), state.devices.tasks.get(device.device_id)
    faults = faults_of(state, device)
    if task is not None:
        over = to is DeviceState.RETIRED or (to is DeviceState.IN_SERVICE and not faults)
        return [closed(task, reason, now, actor=moved.actor, cause=cause)] if over else []
    if to is DeviceState.FAULTY:
        return [opened(device, ("", "", "reported"), reason, now, actor=moved.actor, cause=cause)]
    if to is DeviceState.IN_SERVICE and faults:
        detail = "put in service although its sensor was at fault"
        return [opened(device, faults[0], detail, now, actor=moved.actor, cause=cause)]
    return []


def _serviced(device: Device, order: Any, registry: DeviceRegistry, now: datetime, actor: str) -> Draft:
    if device.state in {DeviceState.PLANNED, DeviceState.RETIRED}:
        what = f"device {device.device_id!r} is {device.state}: there is nothing to work on"
        raise OrderRefused(what, where="device_id", mend=_MEND_ID)
    day = _day(order.on, registry.today(now), "on")
    begun = day_of(device.installed_on)
    if begun is not None and day < begun:
        raise OrderRefused(f"{day} lies before its installation on {begun}", where="on", mend="Check the day")
    body = DeviceServiced(
        device_id=device.device_id, work=_WORK[type(order)], on=day.isoformat(), reason=order.reason.strip()
    )
    return Draft(stream=f"device/{device.device_id}", body=body, occurred_at=now, actor=actor)


def _registered(
    state: State, order: RegisterDevices, registry: DeviceRegistry, now: datetime, actor: str
) -> list[Draft]:
    if not order.devices:
        raise OrderRefused("no device is named", where="devices", mend="List at least one")
    today, own = registry.today(now), {device.device_id for device in order.devices}
    seen: set[str] = set()
    carried: dict[str, str] = {}
    for n, device in enumerate(order.devices):
        where = f"devices[{n}]"
        if device.device_id in seen or state.devices.device(registry, device.device_id) is not None:
            mend = "Give every device its own id"
            raise OrderRefused(f"device {device.device_id!r} is listed already", where=f"{where}.device_id", mend=mend)
        seen.add(device.device_id)
        _require_sane(device, today, where)
        _require_known(state, device, registry, own, where)
        for sensor in device.sensor_ids:
            other = carried.setdefault(sensor, device.device_id)
            if other != device.device_id:
                raise _taken(sensor, other, where)
    listed = [order.devices[n : n + _TOGETHER] for n in range(0, len(order.devices), _TOGETHER)]
    bodies = [DevicesRegistered(devices=part, reason=order.reason.strip()) for part in listed]
    return [Draft(stream="devices/register", body=body, occurred_at=now, actor=actor) for body in bodies]


def _require_sane(device: Device, today: date, where: str) -> None:
    if not _ID.fullmatch(device.device_id):
        mend = "Use 1 to 128 printable characters"
        raise OrderRefused(f"{device.device_id!r} cannot name a device", where=f"{where}.device_id", mend=mend)
    if device.kind not in DEVICE_KINDS:
        mend = f"Use one of: {', '.join(DEVICE_KINDS)}"
        raise OrderRefused(f"unknown kind {device.kind!r}", where=f"{where}.kind", mend=mend)
    for name in ("installed_on", "calibrated_on", "battery_on"):
        if text := getattr(device, name):
            _day(text, today, f"{where}.{name}")
    if device.state is DeviceState.PLANNED and device.installed_on:
        mend = "Leave the day away, or say that it is installed"
        raise OrderRefused("is only planned and yet installed", where=f"{where}.installed_on", mend=mend)
    for name in ("design_life_months", "calibration_months", "battery_months"):
        months = getattr(device, name)
        if months is not None and not 0 < months <= _MOST_MONTHS:
            mend = f"Give 1 to {_MOST_MONTHS} months, or null"
            raise OrderRefused(f"{months} is no number of months", where=f"{where}.{name}", mend=mend)


def _require_known(state: State, device: Device, registry: DeviceRegistry, own: set[str], where: str) -> None:
    """Refuse names that lead nowhere, and sensors that another device carries."""
    for sensor in device.sensor_ids:
        if registry.sensors and sensor not in registry.sensors:
            mend = "Name a sensor of the city package"
            raise OrderRefused(f"the city has no sensor {sensor!r}", where=f"{where}.sensor_ids", mend=mend)
        carrier = device_of(state.devices, registry, sensor)
        if carrier is not None and carrier.state is not DeviceState.RETIRED:
            raise _taken(sensor, carrier.device_id, where)
    if device.org_id and registry.organisations and device.org_id not in registry.organisations:
        mend = "Name an organisation of the city package"
        raise OrderRefused(f"the city has no organisation {device.org_id!r}", where=f"{where}.org_id", mend=mend)
    gateway = device.gateway_id
    if gateway and (
        gateway == device.device_id or (gateway not in own and state.devices.device(registry, gateway) is None)
    ):
        mend = "Name another device, in this list or registered before"
        raise OrderRefused(f"there is no gateway {gateway!r}", where=f"{where}.gateway_id", mend=mend)


def _taken(sensor: str, device_id: str, where: str) -> OrderRefused:
    mend = "Retire that device first, or leave the sensor with it"
    return OrderRefused(f"sensor {sensor!r} is carried by {device_id!r}", where=f"{where}.sensor_ids", mend=mend)


def _day(text: str, today: date, where: str) -> date:
    day = day_of(text) if text else today
    if day is None:
        raise OrderRefused(f"{text!r} is no day", where=where, mend="Write YYYY-MM-DD")
    if day > today:
        raise OrderRefused(f"{day} is still to come", where=where, mend="Say it when it is done")
    return day
