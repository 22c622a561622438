"""From smoke in a home to a crew on its way: how long, in simulated time, and how long a turn takes.

Run with ``python -m benchmarks.alarm_response [events] [residents]``. Detectors stand in homes of a sandbox city; smoke
comes from
:mod:`rencheng.rehearse.community_events`, which knows no rule. One event at a time, an hour apart; every reading is
stored and turned on as it comes, and engines are busy with earlier fires as in a rehearsal.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from rencheng.app.compose import Run, compose
from rencheng.app.settings import Settings
from rencheng.city import City, read_city, schema_tables, table_from_rows, write_city
from rencheng.city.sandbox import make_city
from rencheng.kernel import from_micros, parse_instant
from rencheng.rehearse.community_events import COMMUNITY_EVENTS, event_trials
from rencheng.sense import Decoded
from rencheng.sense.batch import GOOD_SCHEMA

START = parse_instant("2026-03-02T00:00:00Z")
APART = timedelta(hours=1)
SMOKE = COMMUNITY_EVENTS["fire"]
GIVE_UP_S = 900.0
"""Seconds after the onset beyond which an event counts as unanswered."""


@dataclass(kw_only=True)
class Answers:
    """Seconds from the onset of each event to its alarm, to a unit sent and to a unit there; inf where none came."""

    alarm_s: list[float] = field(default_factory=list)
    assigned_s: list[float] = field(default_factory=list)
    arrived_s: list[float] = field(default_factory=list)
    turn_s: list[float] = field(default_factory=list)


def town_of_detectors(folder: Path, residents: int, detectors: int, seed: int) -> City:
    """Grow a sandbox city and put a smoke detector into so many of its homes."""
    make_city(residents, seed, folder / "grown")
    city = read_city(folder / "grown")
    tables = {name: city.table(name) for name in schema_tables() if city.has(name)}
    homes = city.rows("buildings")
    chosen = np.random.default_rng(seed).choice(len(homes), size=detectors, replace=detectors > len(homes))
    sensors = [
        {
            "sensor_id": f"smoke-{k}",
            "kind": "smoke",
            "name": f"smoke-{k}",
            "lon": homes[h]["lon"],
            "lat": homes[h]["lat"],
        }
        for k, h in enumerate(chosen.tolist())
    ]
    channels = [
        {"sensor_id": f"smoke-{k}", "quantity": SMOKE.quantity, "interval_s": SMOKE.every_s} for k in range(detectors)
    ]
    for name, rows in (("sensors", sensors), ("channels", channels)):
        tables[name] = pa.concat_tables([tables[name], table_from_rows(name, rows)], promote_options="permissive")
    return write_city(folder / "city", city.manifest, tables)


def play(city: City, folder: Path, events: int, seed: int) -> Answers:
    """Let one detector after another smell smoke, and read in the ledger what followed."""
    run = compose(
        city,
        folder / "run",
        mode="rehearsal",
        source="alarms",
        seed=seed,
        feed_id="homes",
        settings=Settings(flood="off"),
    )
    run.begin(START)
    trials = event_trials(SMOKE, events, np.random.default_rng([seed, 1]), hours=1.0)
    answers = Answers()
    for device in range(events):
        mine = trials.channel == device
        shift = START + (device + 1) * APART - from_micros(int(trials.onset_us[device]))
        stamps = [from_micros(int(us)) + shift for us in trials.at_us[mine]]
        _play_one(run, answers, device, stamps, trials.value[mine], START + (device + 1) * APART)
    _read_arrivals(run, answers, events)
    run.close()
    return answers


def _play_one(
    run: Run, answers: Answers, device: int, stamps: list[datetime], values: np.ndarray, onset: datetime
) -> None:
    alarm_s = assigned_s = np.inf
    before = [(at, value) for at, value in zip(stamps, values.tolist(), strict=True) if at < onset]
    _pass_time(run, before[0][0])
    _take(run, f"{device}:quiet", device, before, before[-1][0])
    for at, value in zip(stamps, values.tolist(), strict=True):
        if at < onset or (at - onset).total_seconds() > GIVE_UP_S or np.isfinite(assigned_s):
            continue
        begun = time.perf_counter()
        for entry in _take(run, f"{device}:{at.isoformat()}", device, [(at, value)], at):
            if entry == "SignalRaised" and not np.isfinite(alarm_s):
                alarm_s = (at - onset).total_seconds()
            if entry == "UnitAssigned":
                assigned_s = (at - onset).total_seconds()
        answers.turn_s.append(time.perf_counter() - begun)
    answers.alarm_s.append(alarm_s)
    answers.assigned_s.append(assigned_s)


def _take(run: Run, position: str, device: int, readings: list[tuple[datetime, float]], now: datetime) -> list[str]:
    rows = pa.Table.from_pylist(
        [
            {"sensor_id": f"smoke-{device}", "quantity": SMOKE.quantity, "at": at, "value": value}
            for at, value in readings
        ],
        schema=GOOD_SCHEMA,
    )
    intake = run.readings.take("homes", position, Decoded(good=rows, rows=rows.num_rows), now=now)
    return [entry.kind for entry in run.loop.turn(now, intakes=[intake])]


def _pass_time(run: Run, until: datetime) -> None:
    """Turn at every instant at which a stage has something to say, as a rehearsal's clock does."""
    while (due := run.loop.next_due()) is not None and due <= until:
        run.loop.turn(due, sensed=False)


def _read_arrivals(run: Run, answers: Answers, events: int) -> None:
    _pass_time(run, START + (events + 2) * APART)
    onset = {f"smoke-{k}": START + (k + 1) * APART for k in range(events)}
    sensor_of, need_of = {}, {}
    there: dict[str, float] = {}
    for entry in run.ledger.since(0):
        if entry.kind == "SignalRaised":
            sensor_of[entry.id] = entry.body.sensor_id
        elif entry.kind == "NeedRaised":
            need_of[entry.body.need_id] = next((sensor_of[c] for c in entry.cause if c in sensor_of), "")
        elif entry.kind == "UnitArrived" and (sensor := need_of.get(entry.body.need_id, "")):
            there.setdefault(sensor, (entry.occurred_at - onset[sensor]).total_seconds())
    answers.arrived_s = [there.get(f"smoke-{k}", np.inf) for k in range(events)]


def main(events: int = 500, residents: int = 100_000) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        answers = play(town_of_detectors(folder, residents, events, 7), folder, events, 7)
    print(f"{events} fires in homes of a sandbox city of {residents:,} residents, an hour apart\n")
    print("| from the first smoke to | median s | p95 s | worst s | goal |\n|---|---|---|---|---|")
    rows = (("the alarm", answers.alarm_s, "≤ 90 s"), ("a unit sent", answers.assigned_s, "p95 ≤ 300 s"))
    for what, values, goal in (*rows, ("a unit there", answers.arrived_s, "–")):
        mid, high, worst = np.quantile(values, [0.5, 0.95, 1.0], method="higher")
        print(f"| {what} | {mid:.0f} | {high:.0f} | {worst:.0f} | {goal} |")
    mid, high = np.quantile(answers.turn_s, [0.5, 0.99]) * 1e3
    print(f"\nA turn takes {mid:.0f} ms (median), {high:.0f} ms (p99).")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
