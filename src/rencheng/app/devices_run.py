"""``rencheng devices``: the register of devices of a run or a city package, and how often what is in it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from rencheng.app.devices import DeviceRow, devices_csv, register_rows
from rencheng.app.open_run import open_ledger
from rencheng.app.run_folder import RunFolder
from rencheng.city import City, DeviceState, device_registry, read_city
from rencheng.evaluate.faults import FAULT_FACTS, FaultFigures, fault_figures
from rencheng.kernel import InvalidInput, StorageFailed
from rencheng.sense.device_state import DEVICE_FACTS, DeviceChanges, evolve_devices

__all__ = ["DeviceRegister", "device_lines", "fault_lines", "run_devices", "run_faults"]

_WHOLE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRegister:
    """The register at an instant."""

    now: datetime
    today: date
    """Day in the city."""
    rows: tuple[DeviceRow, ...]


def run_devices(place: Path, now: datetime, *, at: datetime | None = None, due: int | None = None) -> DeviceRegister:
    """Register of a run as of its last fact or an instant, or of a bare city package as of ``now``.

    Parameters
    ----------
    due : int, optional
        Only devices on which something falls due within so many days.

    Raises
    ------
    NotFound
        If the folder holds neither a run nor a city package.
    """
    folder, changes = RunFolder(place), DeviceChanges()
    if not folder.ledger.is_file():
        city, instant = read_city(place), at or now
    else:
        city = read_city(Path(folder.mark.city))
        ledger = open_ledger(place)
        try:
            last = [entry.recorded_at for entry in ledger.since(max(ledger.head - 1, 0))]
            instant = at or (last[-1] if last else now)
            for entry in ledger.since(0, kinds=tuple(fact.__name__ for fact in DEVICE_FACTS)):
                if entry.occurred_at <= instant:
                    changes = evolve_devices(changes, entry)
        finally:
            ledger.close()
    registry = device_registry(city)
    today = registry.today(instant)
    return DeviceRegister(now=instant, today=today, rows=tuple(register_rows(changes, registry, today, due_days=due)))


def device_lines(
    place: Path,
    now: datetime,
    *,
    at: datetime | None = None,
    due: int | None = None,
    state: str = "",
    out: Path | None = None,
) -> Iterator[str]:
    """Tell the register line by line; with a file, write the same rows as CSV.

    Raises
    ------
    InvalidInput
        If there is no such state.
    NotFound
        If the folder holds neither a run nor a city package.
    StorageFailed
        If the file cannot be written.
    """
    if state and state not in set(DeviceState):
        mend = f"Use one of: {', '.join(DeviceState)}"
        raise InvalidInput(f"no device is {state!r}", where="--state", mend=mend)
    register = run_devices(place, now, at=at, due=due)
    rows = tuple(row for row in register.rows if not state or row.device.state == state)
    yield from _due_lines(rows) if due is not None else map(_line, rows)
    counts = ", ".join(f"{sum(r.device.state == s for r in rows)} {s}" for s in DeviceState)
    yield f"{len(rows)} devices on {register.today}: {counts}; {sum(r.task is not None for r in rows)} tasks open"
    if out is not None:
        try:
            out.write_bytes(devices_csv(rows))
        except OSError as error:
            raise StorageFailed(f"cannot write the table: {error}", where=str(out)) from error
        yield str(out)


def _line(row: DeviceRow) -> str:
    device = row.device
    task = f"{row.task.sensor_id} {row.task.fault} since {row.task.opened_at:%Y-%m-%dT%H:%MZ}" if row.task else ""
    words = (f"{device.device_id:<24}", f"{device.kind:<12}", f"{device.state:<11}", f"{device.model:<16}", device.name)
    return " ".join([*words, task]).rstrip()


def _due_lines(rows: tuple[DeviceRow, ...]) -> Iterator[str]:
    works = sorted((w for row in rows for w in row.due), key=lambda w: (w.on, w.device.device_id, w.work))
    for work in works:
        left = f"in {work.days_left} d" if work.days_left >= 0 else f"{-work.days_left} d overdue"
        yield f"{work.on} {left:>14} {work.work:<11} {work.device.device_id} {work.device.name}".rstrip()


def run_faults(
    place: Path, *, since: datetime | None = None, until: datetime | None = None
) -> tuple[list[FaultFigures], datetime, datetime]:
    """Dependability of what a run senses with, over a window; else over the whole run.

    Raises
    ------
    NotFound
        If the folder holds no run.
    InvalidInput
        If the run has no facts, or the window ends before it begins.
    """
    ledger = open_ledger(place)
    try:
        edges = [*ledger.since(0, limit=1), *ledger.since(max(ledger.head - 1, 0))]
        if not edges:
            raise InvalidInput("the ledger is empty", where=str(place), mend="Replay a feed or play a rehearsal first")
        start, stop = since or edges[0].occurred_at, until or edges[-1].recorded_at
        if stop <= start:
            mend = "Give --since before --until, within the run"
            raise InvalidInput(f"the window ends at {stop.isoformat()}, before it begins", where="--until", mend=mend)
        city: City = read_city(Path(RunFolder(place).mark.city))
        return fault_figures(ledger.since(0, kinds=FAULT_FACTS), city, start, stop), start, stop
    finally:
        ledger.close()


def fault_lines(
    place: Path, *, since: datetime | None = None, until: datetime | None = None, as_json: bool = False
) -> Iterator[str]:
    """Tell the figures group by group, as text or as JSON."""
    found, start, stop = run_faults(place, since=since, until=until)
    if as_json:
        record = {"since": start, "until": stop, "groups": found}
        yield msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
        return
    yield f"{start:%Y-%m-%dT%H:%MZ} to {stop:%Y-%m-%dT%H:%MZ}, {(stop - start) / _WHOLE:.1f} days"
    yield " ".join(f"{head:>{width}}" if width > 0 else f"{head:<{-width}}" for head, width in _HEADS)
    for group in found:
        cells = _cells(group)
        fitted = zip(cells, _HEADS, strict=True)
        yield " ".join(f"{c:>{width}}" if width > 0 else f"{c:<{-width}}" for c, (_, width) in fitted)


_HEADS = (
    ("group", -28), ("items", 8), ("failures", 8), ("restored", 8), ("MTBF h", 10), ("90 % limits", 19),
    ("MTTR h", 8), ("available", 9), ("per 1000 h", 10),
)  # fmt: skip


def _cells(group: FaultFigures) -> tuple[str, ...]:
    f = group.figures
    rate = None if f.failure_rate_per_h is None else f.failure_rate_per_h * 1000.0
    return (
        f"{group.of} {group.group}",
        str(f.items),
        str(f.failures),
        str(f.restorations),
        _hours(f.mtbf_s),
        f"{_hours(f.mtbf_low_s)} – {_hours(f.mtbf_high_s)}",
        _hours(f.mttr_s),
        "-" if f.availability_ratio is None else f"{f.availability_ratio:.3%}",
        "-" if rate is None else f"{rate:.3f}",
    )


def _hours(span_s: Any) -> str:
    return "-" if span_s is None else f"{span_s / 3600.0:.1f}"
