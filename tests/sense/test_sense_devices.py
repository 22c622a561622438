"""Devices: a life goes on by orders that it allows, faults call those who mend, what falls due is exact."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from tests.sense.sense_run import T0, Run

from rencheng import sense
from rencheng.city import TRANSITIONS, Device, DeviceRegistry, DeviceState, Work, due_work, months_after
from rencheng.kernel import OrderRefused
from rencheng.sense import orders
from rencheng.sense.device_state import devices_now
from rencheng.sense.facts import (
    DeviceServiced,
    DevicesRegistered,
    DeviceStateChanged,
    MaintenanceClosed,
    MaintenanceOpened,
    SensorSilent,
)

NOW = datetime(2026, 6, 1, 4, tzinfo=UTC)
STEPS = {
    DeviceState.INSTALLED: orders.InstallDevice,
    DeviceState.IN_SERVICE: orders.PutDeviceInService,
    DeviceState.MAINTENANCE: orders.TakeDeviceToMaintenance,
    DeviceState.FAULTY: orders.ReportDeviceFault,
    DeviceState.RETIRED: orders.RetireDevice,
}


def registry_of(*devices: Device) -> DeviceRegistry:
    return DeviceRegistry(devices={device.device_id: device for device in devices})


def ordered(run: Run, order: Any, now: datetime = NOW) -> list[Any]:
    return run.tell(sense.handle(run.state, order, run.inputs, now, "role:duty_officer"))


def run_with(*devices: Device) -> Run:
    return Run(devices=registry_of(*devices))


def state_of(run: Run, device_id: str) -> str:
    found = run.state.devices.device(run.inputs.devices, device_id)
    assert found is not None
    return found.state


@pytest.mark.parametrize("before", DeviceState)
@pytest.mark.parametrize("to", STEPS)
def test_only_steps_that_a_life_allows_are_taken(before: DeviceState, to: DeviceState) -> None:
    run = run_with(Device(device_id="d", kind="sensor", state=before))
    order = STEPS[to](device_id="d", reason="as planned")
    if to in TRANSITIONS[before]:
        said = ordered(run, order)
        assert isinstance(said[0], DeviceStateChanged)
        assert (said[0].previous, said[0].state, state_of(run, "d")) == (before, to, to)
    else:
        with pytest.raises(OrderRefused, match=f"is {before} and cannot become {to}") as refused:
            sense.handle(run.state, order, run.inputs, NOW, "role:duty_officer")
        assert refused.value.where == "device_id"
        assert refused.value.mend
        assert state_of(run, "d") == before


def test_23_000_devices_refuse_every_illegal_step_and_their_due_list_is_exact() -> None:
    """A city's whole register: a step let through, or one day off, would be a device replaced late."""
    rng = np.random.default_rng(1)
    states, count = list(DeviceState), 23_000
    first = date(2005, 1, 1).toordinal()
    devices = tuple(
        Device(
            device_id=f"d-{n:05}",
            kind="sensor",
            state=states[n % 6],
            installed_on="" if n % 6 == 0 else date.fromordinal(first + int(rng.integers(0, 7600))).isoformat(),
            design_life_months=int(rng.integers(1, 240)),
            calibration_months=int(rng.integers(1, 60)) if n % 3 else None,
        )
        for n in range(count)
    )
    run = Run()
    facts = ordered(run, orders.RegisterDevices(devices=devices, reason="handed over"))
    assert sum(len(fact.devices) for fact in facts) == count
    refused = 0
    for device in devices:
        for to in (s for s in STEPS if s not in TRANSITIONS[device.state]):
            with pytest.raises(OrderRefused):
                sense.handle(run.state, STEPS[to](device_id=device.device_id, reason="no"), run.inputs, NOW, "a")
            refused += 1
    assert refused == sum(len(STEPS) - len(TRANSITIONS[device.state]) for device in devices) == 69_000
    due = due_work(devices_now(run.state.devices, run.inputs.devices), date(2026, 6, 1), 30)
    assert [(d.device.device_id, d.work, d.on) for d in due] == due_by_duckdb(devices, date(2026, 7, 1))


def due_by_duckdb(devices: tuple[Device, ...], until: date) -> list[tuple[str, str, date]]:
    """The same list by another calendar: DuckDB adds months to dates its own way."""
    rows = pa.table(
        {
            "id": [d.device_id for d in devices],
            "state": [d.state.value for d in devices],
            "begun": [d.installed_on or None for d in devices],
            "life": [d.design_life_months for d in devices],
            "calibration": [d.calibration_months for d in devices],
        }
    )
    return (
        duckdb.connect()
        .register("rows", rows)
        .execute(
            """
            WITH every AS (
                SELECT id, state, 'end_of_life' AS work, (begun::DATE + to_months(life::INTEGER))::DATE AS due FROM rows
                UNION ALL
                SELECT id, state, 'calibration', (begun::DATE + to_months(calibration::INTEGER))::DATE FROM rows)
            SELECT id, work, due FROM every
            WHERE due <= ? AND state NOT IN ('planned', 'retired') ORDER BY due, id, work
            """,
            [until],
        )
        .fetchall()
    )


@pytest.mark.parametrize(
    ("begin", "months", "last"),
    [("2024-02-29", 12, "2025-02-28"), ("2024-01-31", 1, "2024-02-29"), ("2023-12-31", 60, "2028-12-31")],
)
def test_a_period_ends_on_its_corresponding_day_or_the_months_last(begin: str, months: int, last: str) -> None:
    assert months_after(date.fromisoformat(begin), months).isoformat() == last


def test_calibration_and_battery_begin_a_new_period() -> None:
    device = Device(
        device_id="d",
        kind="sensor",
        state=DeviceState.IN_SERVICE,
        installed_on="2024-01-10",
        calibration_months=12,
        battery_months=24,
    )
    run = run_with(device)
    said = ordered(run, orders.CalibrateDevice(device_id="d", on="2026-05-20", reason="yearly"))
    assert said == [DeviceServiced(device_id="d", work="calibration", on="2026-05-20", reason="yearly")]
    due = due_work(devices_now(run.state.devices, run.inputs.devices), date(2026, 6, 1), 3650)
    assert [(d.work, d.on.isoformat(), d.days_left) for d in due] == [
        (Work.BATTERY, "2026-01-10", -142),
        (Work.CALIBRATION, "2027-05-20", 353),
    ]


def in_service(*sensors: str) -> Device:
    return Device(
        device_id="post-7", kind="sensor", state=DeviceState.IN_SERVICE, org_id="water", sensor_ids=sensors or ("A",)
    )


def test_a_silent_sensor_opens_one_task_that_its_return_closes() -> None:
    """Without it nobody is sent to a broken device, or somebody is sent to one that is well."""
    run = run_with(in_service())
    for hour in range(8):
        run.hour(hour, 1.0 + hour / 100)
    said = run.wait(T0 + timedelta(hours=20))
    assert [type(body) for body in said] == [SensorSilent, DeviceStateChanged, MaintenanceOpened]
    assert (said[1].previous, said[1].state) == ("in_service", "faulty")
    assert (said[2].sensor_id, said[2].fault, said[2].org_id) == ("A", "silent", "water")
    assert run.said[-1].cause == (run.said[-3].id,)
    assert run.wait(T0 + timedelta(hours=21)) == []
    back = run.hour(22, 1.09)
    assert [type(body).__name__ for body in back[-2:]] == ["MaintenanceClosed", "DeviceStateChanged"]
    assert back[-2].task_id == said[2].task_id
    assert back[-2].open_s == 7200.0
    assert state_of(run, "post-7") == "in_service"


def test_a_sensor_nobody_believes_opens_a_task_too() -> None:
    run = run_with(in_service())
    said = [body for hour in range(6) for body in run.hour(hour, 250.0)]
    assert [(b.fault, b.sensor_id) for b in said if isinstance(b, MaintenanceOpened)] == [("out_of_range", "A")]


def test_a_device_in_maintenance_calls_nobody_and_one_that_is_put_back_broken_does() -> None:
    run = run_with(in_service())
    for hour in range(8):
        run.hour(hour, 1.0 + hour / 100)
    ordered(run, orders.TakeDeviceToMaintenance(device_id="post-7", reason="new cable"), T0 + timedelta(hours=8))
    said = run.wait(T0 + timedelta(hours=20))
    assert [type(body) for body in said] == [SensorSilent]
    put_back = ordered(run, orders.PutDeviceInService(device_id="post-7", reason="done"), T0 + timedelta(hours=21))
    assert [type(body) for body in put_back] == [DeviceStateChanged, MaintenanceOpened]
    last = ordered(run, orders.RetireDevice(device_id="post-7", reason="beyond repair"), T0 + timedelta(hours=22))
    assert [type(body) for body in last] == [DeviceStateChanged, MaintenanceClosed]


def test_sensors_without_a_device_go_on_as_before() -> None:
    run = Run()
    for hour in range(8):
        run.hour(hour, 1.0 + hour / 100)
    assert [type(body) for body in run.wait(T0 + timedelta(hours=20))] == [SensorSilent]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"device_id": ""}, "devices[1].device_id"),
        ({"device_id": "known"}, "devices[1].device_id"),
        ({"device_id": "first"}, "devices[1].device_id"),
        ({"kind": "toaster"}, "devices[1].kind"),
        ({"installed_on": "2026-02-30"}, "devices[1].installed_on"),
        ({"state": DeviceState.PLANNED, "installed_on": "2026-01-30"}, "devices[1].installed_on"),
        ({"calibrated_on": "2026-06-02"}, "devices[1].calibrated_on"),
        ({"battery_months": 0}, "devices[1].battery_months"),
        ({"gateway_id": "nowhere"}, "devices[1].gateway_id"),
        ({"gateway_id": "second"}, "devices[1].gateway_id"),
        ({"sensor_ids": ("A",)}, "devices[1].sensor_ids"),
        ({"sensor_ids": ("B",)}, "devices[1].sensor_ids"),
    ],
)
def test_a_device_that_contradicts_itself_or_others_is_refused_with_its_place(
    changes: dict[str, Any], where: str
) -> None:
    run = run_with(Device(device_id="known", kind="gateway", state=DeviceState.IN_SERVICE, sensor_ids=("A",)))
    first = Device(device_id="first", kind="sensor", gateway_id="known", sensor_ids=("B",))
    told: dict[str, Any] = {"device_id": "second", "kind": "sensor", "state": DeviceState.INSTALLED, **changes}
    order = orders.RegisterDevices(devices=(first, Device(**told)), reason="new")
    with pytest.raises(OrderRefused) as refused:
        sense.handle(run.state, order, run.inputs, NOW, "a")
    assert refused.value.where == where


@pytest.mark.parametrize(
    ("order", "where"),
    [
        (orders.RetireDevice(device_id="known", reason=" "), "reason"),
        (orders.RetireDevice(device_id="other", reason="old"), "device_id"),
        (orders.CalibrateDevice(device_id="known", on="yesterday", reason="r"), "on"),
        (orders.CalibrateDevice(device_id="known", on="2026-06-02", reason="r"), "on"),
        (orders.ReplaceBattery(device_id="known", on="2019-01-01", reason="r"), "on"),
        (orders.RegisterDevices(devices=(), reason="r"), "devices"),
    ],
)
def test_orders_that_cannot_be_are_refused_with_their_place(order: Any, where: str) -> None:
    device = Device(device_id="known", kind="sensor", state=DeviceState.IN_SERVICE, installed_on="2020-01-01")
    run = run_with(device)
    with pytest.raises(OrderRefused) as refused:
        sense.handle(run.state, order, run.inputs, NOW, "a")
    assert refused.value.where == where


def test_a_sensor_of_a_retired_device_goes_to_its_successor() -> None:
    run = run_with(in_service())
    ordered(run, orders.RetireDevice(device_id="post-7", reason="old"))
    successor = Device(device_id="post-8", kind="sensor", state=DeviceState.IN_SERVICE, sensor_ids=("A",))
    said = ordered(run, orders.RegisterDevices(devices=(successor,), reason="replacement"))
    assert [type(body) for body in said] == [DevicesRegistered]
    for hour in range(8):
        run.hour(hour, 1.0 + hour / 100)
    (task,) = [b for b in run.wait(T0 + timedelta(hours=20)) if isinstance(b, MaintenanceOpened)]
    assert task.device_id == "post-8"
