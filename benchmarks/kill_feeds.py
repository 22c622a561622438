"""Nothing acknowledged is lost: a live run killed without warning, again and again, under load over all feeds.

Run with ``python -m benchmarks.kill_feeds [ROUNDS]`` (100 by default). Writers deliver over HTTP, MQTT, TCP and
SensorThings (over MQTT) to a real ``rencheng run`` with a real Mosquitto between, and note what was acknowledged;
whoever hears nothing sends again.
Then every acknowledged reading must be stored exactly once, and the checks of each channel must stand where they stand
when the same readings are taken without a kill.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx
import numpy as np
import pyarrow as pa
from tests.adapters.mqtt.mosquitto import Broker, Publisher, free_port, mosquitto

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.regulator import Hj212Packet, hj212_packet_bytes
from rencheng.city import read_city
from rencheng.city.sandbox import make_city
from rencheng.kernel import from_micros
from rencheng.sense import channels_of_city, decoded_from_arrays

__all__ = ["Outcome", "rounds_of_kills"]

_PAGE_S = 180.0
_SAID = {True: "yes", False: "NO", None: "not compared: sorted already"}
_PAUSE_S = 0.2
"""Between two bundles for the broker, which keeps them all while the run is down."""
_FEEDS = {
    "pushed": """
format = "ndjson"
sensor_column = "s"
time = {{ column = "t", format = "epoch_ms" }}
""",
    "sent": """
format = "json"
sensor = "{{2}}"
time = {{ column = "t", format = "epoch_ms" }}
source = {{ kind = "mqtt", host = "127.0.0.1", port = {broker}, topics = ["city/+/stage"] }}
""",
    "stations": """
format = "hj212"
sensor = "{{mn}}"
time = {{ timezone = "+00:00" }}
source = {{ kind = "tcp", port = {stations} }}
""",
    "sensorthings": """
source = {{ kind = "sensorthings", mqtt = true, host = "127.0.0.1", port = {broker} }}
""",
}
_COLUMN = '[[feed.columns]]\ncolumn = "v"\nquantity = "stage_m"\nunit = "m"\n'


@dataclass
class Outcome:
    """What became of the readings.

    Parameters
    ----------
    rounds : int
        Kills.
    acknowledged : dict of str to int
        Readings acknowledged, by feed.
    stored : int
        Readings in the store.
    lost, doubled : int
        Acknowledged and not there; there more than once.
    same_checks : bool
        Whether every channel's checks stand where they stand without a kill; None where so much was taken that the
        order of transactions is sorted away.
    longest_start_s : float
        From the start of the program to its first answer.
    """

    rounds: int = 0
    acknowledged: dict[str, int] = field(default_factory=dict)
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    same_checks: bool | None = False
    longest_start_s: float = 0.0


class _Run:
    """A live run that is started and killed."""

    def __init__(self, city: Path, home: Path, port: int) -> None:
        self._command = [sys.executable, "-m", "rencheng", "run", "--city", str(city), "--port", str(port)]
        self._environment = os.environ | {"RENCHENG_HOME": str(home), "RENCHENG_FLOOD": "off"}
        self.address = f"http://127.0.0.1:{port}"
        self._errors = home.parent / "run.err"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        begun = time.monotonic()
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=subprocess.DEVNULL, stderr=errors
            )
        while True:
            try:
                httpx.get(f"{self.address}/healthz", timeout=5).raise_for_status()
                return time.monotonic() - begun
            except httpx.HTTPError:
                if self._process.poll() is not None or time.monotonic() - begun > _PAGE_S:
                    said = self._errors.read_text(encoding="utf-8", errors="replace")[-2000:]
                    raise SystemExit(f"the run does not come up, status {self._process.poll()}: {said}") from None
                time.sleep(0.02)

    def end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(60)


@dataclass
class _Writers:
    """Deliver until told to stop; every reading has a sensor and an instant of its own."""

    address: str
    broker: Broker
    stations_port: int
    gauges: list[str]
    begin_ms: int
    stop: threading.Event = field(default_factory=threading.Event)
    acknowledged: dict[str, set[tuple[str, int]]] = field(default_factory=dict)

    def threads(self) -> list[threading.Thread]:
        """One per feed."""
        return [
            threading.Thread(target=self._until_stopped, args=(name, each), daemon=True)
            for name, each in (
                ("pushed", self._push),
                ("sent", self._publish),
                ("stations", self._report),
                ("sensorthings", self._observe),
            )
        ]

    def _until_stopped(self, name: str, each: Callable[[int], list[tuple[str, int]]]) -> None:
        told = self.acknowledged.setdefault(name, set())
        number = 0
        while not self.stop.is_set():
            told.update(each(number))
            number += 1

    def _readings(self, number: int, rows: int, group: int) -> list[tuple[str, int]]:
        """Gauges of a group in turn, each reading ten milliseconds after the one before."""
        mine = self.gauges[group::4]
        return [(mine[k % len(mine)], self.begin_ms + 10 * k) for k in range(number * rows, (number + 1) * rows)]

    def _push(self, number: int) -> list[tuple[str, int]]:
        rows = self._readings(number, 200, 0)
        body = b"\n".join(json.dumps({"s": s, "t": t, "v": _value(t)}).encode() for s, t in rows)
        while True:
            try:
                answer = httpx.post(f"{self.address}/api/readings/pushed", content=body, timeout=30).raise_for_status()
            except httpx.HTTPError:  # killed: nobody heard of it, or we did not hear that they did
                time.sleep(0.02)
            else:
                assert answer.json()["refused"] == 0
                return rows

    def _publish(self, number: int) -> list[tuple[str, int]]:
        """The broker acknowledges, and must see to it that the run gets it."""
        if number == 0:
            self._publisher = Publisher(self.broker.port, "writer")
        rows = self._readings(number, 100, 1)
        self._publisher.publish([(f"city/{s}/stage", json.dumps({"t": t, "v": _value(t)}).encode()) for s, t in rows])
        time.sleep(_PAUSE_S)
        return rows

    def _observe(self, number: int) -> list[tuple[str, int]]:
        """Observations of SensorThings, by the broker too."""
        if number == 0:
            self._observer = Publisher(self.broker.port, "observer")
        rows = self._readings(number, 50, 3)
        messages = []
        for s, t in rows:
            at = datetime.fromtimestamp(t / 1000, UTC).isoformat(timespec="milliseconds")
            body = json.dumps({"phenomenonTime": at, "result": _value(t)}).encode()
            messages.append((f"v1.1/Datastreams('{s}:stage_m')/Observations", body))
        self._observer.publish(messages)
        time.sleep(_PAUSE_S)
        return rows

    def _report(self, number: int) -> list[tuple[str, int]]:
        mine = self.gauges[2::4]
        gauge, second = mine[number % len(mine)], number // len(mine)
        at = datetime.fromtimestamp(self.begin_ms // 1000 - 3600 + second, UTC)
        groups: Any = ({"DataTime": f"{at:%Y%m%d%H%M%S}"}, {"v-Rtd": str(_value(number))})
        packet = Hj212Packet(qn="20260101000000000", st="21", cn="2011", pw="1", mn=gauge, flag=5, cp=groups)
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.stations_port), timeout=20) as line:
                    line.sendall(hj212_packet_bytes(packet))
                    if b"CN=9014" in line.recv(4096):
                        return [(gauge, int(at.timestamp() * 1000))]
            except OSError:
                pass
            time.sleep(0.02)


def _value(number: int) -> float:
    return 1.0 + number // 10 % 50 / 100


def _city(package: Path, broker: int, stations: int) -> None:
    """Give a city the four feeds, and only them."""
    for old in (package / "feeds").glob("*.toml"):
        old.unlink()
    for name, text in _FEEDS.items():
        said = text.format(broker=broker, stations=stations)
        said += "" if name == "sensorthings" else _COLUMN
        (package / "feeds" / f"{name}.toml").write_text(f'[feed]\nid = "{name}"\n{said}', encoding="utf-8")


@contextmanager
def _live(city: Path, folder: Path) -> Iterator[tuple[_Run, Broker, int]]:
    with mosquitto(folder / "broker") as broker:
        stations = free_port()
        package = folder / "city"
        shutil.copytree(city, package)
        _city(package, broker.port, stations)
        yield _Run(package, folder / "home", free_port()), broker, stations


def rounds_of_kills(city: Path, folder: Path, rounds: int, *, seed: int = 1) -> Outcome:
    """Kill a live run ``rounds`` times and look at what it kept.

    Parameters
    ----------
    city : Path
        A city package; its feeds are replaced in a copy.
    folder : Path
        An empty folder.
    rounds : int
        How often.
    seed : int
        Of the instants of the kills.
    """
    rng = np.random.default_rng(seed)
    outcome = Outcome(rounds=rounds)
    with _live(city, folder) as (run, broker, stations):
        channels = channels_of_city(read_city(folder / "city"))
        gauges = sorted({channel.sensor_id for channel in channels if channel.quantity == "stage_m"})
        begin = datetime.now(UTC) - timedelta(hours=5)
        writers = _Writers(run.address, broker, stations, gauges, int(begin.timestamp()) * 1000)
        outcome.longest_start_s = run.start()
        threads = writers.threads()
        for thread in threads:
            thread.start()
        for _ in range(rounds):
            time.sleep(float(rng.uniform(0.05, 1.5)))
            run.end(signal.SIGKILL)
            outcome.longest_start_s = max(outcome.longest_start_s, run.start())
        time.sleep(0.5)
        writers.stop.set()
        for thread in threads:
            thread.join(60)
        _await_broker(run, sum(map(len, writers.acknowledged.values())))
        run.end(signal.SIGINT)
        outcome.acknowledged = {name: len(told) for name, told in sorted(writers.acknowledged.items())}
        _judge(outcome, next((folder / "home" / "live").glob("*/readings.duckdb")), writers, folder)
    return outcome


def _await_broker(run: _Run, readings: int) -> None:
    """Wait until the run has taken what the broker still keeps for it; as long as it goes on taking."""
    most, until = 0, time.monotonic() + _PAGE_S
    while time.monotonic() < until:
        feeds = httpx.get(f"{run.address}/api/readings", timeout=60).raise_for_status().json()
        stored = sum(feed["stored"] for feed in feeds)
        if stored >= readings:
            return
        if stored > most:
            most, until = stored, time.monotonic() + _PAGE_S
        time.sleep(0.1)


def _judge(outcome: Outcome, path: Path, writers: _Writers, folder: Path) -> None:
    kept = DuckDbReadings(path)
    begun = from_micros(writers.begin_ms * 1000)
    all_of_them = kept.window(
        "stage_m", start=begun - timedelta(days=1), end=begun + timedelta(days=30), good_only=False
    )
    stamps = all_of_them["at"].cast(pa.int64()).to_numpy() // 1000
    stored = Counter(zip(all_of_them["sensor_id"].to_pylist(), stamps.tolist(), strict=True))
    outcome.stored = stored.total()
    wanted = set().union(*writers.acknowledged.values())
    outcome.lost = len(wanted - stored.keys())
    outcome.doubled = sum(times > 1 for times in stored.values())
    outcome.same_checks = _same_checks(kept, path, folder)


def _same_checks(kept: DuckDbReadings, path: Path, folder: Path) -> bool | None:
    """Whether channels stand where the same transactions without a kill leave them; None where they are sorted away."""
    health = kept.health()
    kept.close()
    con = duckdb.connect(str(path), read_only=True)
    sorted_away = con.execute("SELECT count(*) FROM segments").fetchone() != (0,)
    sorted_away |= con.execute("SELECT count(*) FROM runs").fetchone() != (0,)
    found = con.execute(
        "SELECT txn, epoch_us(taken_at), sensor_id, epoch_us(stamp), value FROM readings"
        " JOIN channels USING (channel) JOIN transactions USING (txn) ORDER BY readings.rowid"
    ).fetchnumpy()
    con.close()
    if sorted_away:
        return None
    rows: dict[str, Any] = dict(found)
    again = DuckDbReadings(folder / "again.duckdb")
    bounds = np.flatnonzero(np.diff(rows["txn"], prepend=-1))
    for first, last in zip(bounds, [*bounds[1:], len(rows["txn"])], strict=True):
        part = slice(int(first), int(last))
        at = np.asarray(rows["epoch_us(stamp)"][part]).astype("datetime64[us]")
        batch = decoded_from_arrays(rows["sensor_id"][part].tolist(), "stage_m", at, rows["value"][part])
        again.take("all", str(first), batch, now=from_micros(int(rows["epoch_us(taken_at)"][first])))
    same = bool(health.equals(again.health()))
    again.close()
    return same


def main() -> None:
    """Print the outcome as a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_city(10_000, 7, folder / "grown")
        begun = time.monotonic()
        found = rounds_of_kills(folder / "grown", folder / "run", rounds)
        took_s = time.monotonic() - begun
    print("| what | figure |\n|---|---:|")
    print(f"| kills (SIGKILL under load) | {found.rounds} |")
    for feed, readings in found.acknowledged.items():
        print(f"| readings acknowledged, feed `{feed}` | {readings:,} |")
    print(f"| readings stored | {found.stored:,} |")
    print(f"| acknowledged and lost | {found.lost} |")
    print(f"| stored twice | {found.doubled} |")
    print(f"| checks of all channels as without a kill | {_SAID[found.same_checks]} |")
    print(f"| longest start after a kill | {found.longest_start_s:.1f} s |")
    print(f"| all of it | {took_s:.0f} s |")
    if found.lost or found.doubled or found.same_checks is False:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
