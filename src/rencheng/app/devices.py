"""The register of devices put together: state, what falls due, open maintenance; as rows and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from rencheng.city import Device, DeviceRegistry, DeviceState, DueWork, due_work
from rencheng.kernel import InvalidInput
from rencheng.sense.device_state import DeviceChanges, MaintenanceTask, devices_now
from rencheng.sense.orders import RegisterDevices

__all__ = ["DeviceRow", "devices_csv", "devices_from_csv", "register_order", "register_rows"]

_TEXTS = ("name", "model", "maker", "org_id", "gateway_id", "installed_on", "calibrated_on", "battery_on")
_MONTHS = ("design_life_months", "calibration_months", "battery_months")
_LISTED = (
    "device_id", "kind", "state", "name", "model", "maker", "org_id", "gateway_id", "sensor_ids", "installed_on",
    "design_life_months", "calibrated_on", "calibration_months", "battery_on", "battery_months",
)  # fmt: skip
_TOLD = ("end_of_life", "calibration_due", "battery_due", "task_id", "task_opened_at", "fault", "detail")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """One device as it is, with what falls due and the task of those who maintain it."""

    device: Device
    due: tuple[DueWork, ...]
    """Due within the days asked for, the earliest first."""
    task: MaintenanceTask | None

    def record(self) -> dict[str, Any]:
        """Give the row as plain data; unknown is None, a day YYYY-MM-DD."""
        device, task = self.device, self.task
        days = {"end_of_life": device.end_of_life, "calibration_due": device.calibration_due}
        return {
            **{name: getattr(device, name) for name in _LISTED},
            "state": device.state.value,
            "sensor_ids": list(device.sensor_ids),
            **{name: getattr(device, name) or None for name in ("installed_on", "calibrated_on", "battery_on")},
            **{name: _iso(day) for name, day in {**days, "battery_due": device.battery_due}.items()},
            "task_id": task.task_id if task else None,
            "task_opened_at": task.opened_at if task else None,
            "fault": task.fault if task else None,
            "detail": task.detail if task else None,
        }


def register_rows(
    changes: DeviceChanges, registry: DeviceRegistry, today: date, *, due_days: int | None = None
) -> list[DeviceRow]:
    """Give every device in the order of the ids; with ``due_days`` only those with something due, the earliest first.

    Parameters
    ----------
    due_days : int, optional
        Days ahead that count; overdue work always does.
    """
    every = list(devices_now(changes, registry))
    due: dict[str, list[DueWork]] = {}
    for work in due_work(every, today, 0 if due_days is None else due_days):
        due.setdefault(work.device.device_id, []).append(work)
    devices: Iterable[Device] = every
    if due_days is not None:
        devices = [works[0].device for works in due.values()]
    return [
        DeviceRow(device=d, due=tuple(due.get(d.device_id, ())), task=changes.tasks.get(d.device_id)) for d in devices
    ]


def devices_csv(rows: Iterable[DeviceRow]) -> bytes:
    """Rows as CSV in UTF-8 with a byte order mark; no text becomes a formula, and :func:`devices_from_csv` reads it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=(*_LISTED, *_TOLD), lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _plain(value) for name, value in row.record().items()})
    return ("\ufeff" + out.getvalue()).encode()


def devices_from_csv(text: str) -> tuple[Device, ...]:
    """Read a list of devices: a header and one device per line; sensors are separated by blanks.

    Only ``device_id`` and ``kind`` must be there. Columns that :func:`devices_csv` adds are passed over.

    Raises
    ------
    InvalidInput
        If there is no header, a column is unknown, a line is longer than it, or a number or state is none; names line
        and column.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        _require_columns(names)
        reader.fieldnames = names
        return tuple(_device(row, f"line {reader.line_num}") for row in reader)
    except csv.Error as error:
        raise InvalidInput(f"not CSV: {error}", where=f"after line {reader.line_num}", mend="Save it as CSV") from error


def register_order(text: str, reason: str) -> RegisterDevices:
    """Make the order that lists the devices of a CSV."""
    return RegisterDevices(devices=devices_from_csv(text), reason=reason)


def _require_columns(names: list[str]) -> None:
    missing = [name for name in ("device_id", "kind") if name not in names]
    if missing:
        mend = f"The first line names the columns, of: {', '.join(_LISTED)}"
        raise InvalidInput(f"there is no column {missing[0]}", where="line 1", mend=mend)
    for name in names:
        if name not in (*_LISTED, *_TOLD) or names.count(name) > 1:
            what = f"column {name!r} is not known, or there twice"
            raise InvalidInput(what, where="line 1", mend=f"Use: {', '.join(_LISTED)}")


def _device(row: Mapping[str, Any], where: str) -> Device:
    if row.get(None) is not None or None in row.values():  # type: ignore[call-overload]  # DictReader's key for the rest
        raise InvalidInput("the line has another number of columns than the first", where=where, mend="Quote commas")
    found = {name: str(value).strip() for name, value in row.items()}
    found = {name: value[1:] if value[:1] == "'" else value for name, value in found.items()}
    state = found.get("state") or DeviceState.PLANNED.value
    if state not in set(DeviceState):
        mend = f"Use one of: {', '.join(DeviceState)}"
        raise InvalidInput(f"{state!r} is no state", where=f"{where}, state", mend=mend)
    more: dict[str, Any] = {name: found.get(name, "") for name in _TEXTS}
    for name in _MONTHS:
        if text := found.get(name, ""):
            if not text.isascii() or not text.isdigit():
                mend = "Give a whole number, or nothing"
                raise InvalidInput(f"{text!r} is no number of months", where=f"{where}, {name}", mend=mend)
            more[name] = int(text[:9])
    return Device(
        device_id=found["device_id"],
        kind=found["kind"],
        state=DeviceState(state),
        sensor_ids=tuple(found.get("sensor_ids", "").split()),
        **more,
    )


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, list):
        value = " ".join(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
