"""Acknowledged means durable: kills, full disks, confused gateways and overload lose nothing and double nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from benchmarks.kill_feeds import rounds_of_kills
from tests.adapters.mqtt.mosquitto import Publisher, mosquitto
from tests.app.connectors.live_feeds import T0_MS, eventually, gauge_feed

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.intake_desk import Part
from rencheng.app.live_intake import LiveIntake
from rencheng.sense import Intake

TABLE = {"format": "ndjson", "sensor": "", "sensor_column": "s"}


def body(rows: Sequence[int]) -> bytes:
    return b"\n".join(json.dumps({"s": f"g{k % 7}", "t": T0_MS + 1000 * k, "v": 1 + k % 5}).encode() for k in rows)


@pytest.mark.slow
def test_a_run_killed_under_load_keeps_all_it_acknowledged_exactly_once(sandbox_city: Path, tmp_path: Path) -> None:
    found = rounds_of_kills(sandbox_city, tmp_path / "run", 2)
    assert (found.lost, found.doubled, found.same_checks) == (0, 0, True)
    assert min(found.acknowledged.values()) > 0


def test_a_gateway_that_repeats_reorders_and_goes_back_in_time_changes_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    store = DuckDbReadings(tmp_path / "r.duckdb")
    intake = LiveIntake(store, {"gauges": gauge_feed({"kind": "http"}, **TABLE)}, clock=lambda: datetime.now(UTC))
    rows = np.arange(2000)
    accepted = repeated = 0
    for _ in range(40):
        some = rng.choice(rows, 150)  # with repetitions, in any order
        taken = intake.offer("gauges", body(some.tolist()))
        accepted, repeated = accepted + taken.accepted, repeated + taken.repeated
        again = intake.offer("gauges", body(some.tolist()))
        assert (again.again, again.accepted) == (True, taken.accepted)
    last = intake.offer("gauges", body(rows.tolist()))
    assert accepted + last.accepted == store.count() == 2000
    assert accepted + repeated == 40 * 150
    flags = store.window(
        "stage_m",
        start=datetime.fromtimestamp(T0_MS / 1000 - 1, UTC),
        end=datetime.fromtimestamp(T0_MS / 1000, UTC) + timedelta(hours=1),
        good_only=False,
    )["flags"].to_numpy()
    assert not (flags & 8).any()  # no second value for a stamp
    intake.close()
    store.close()


class _Slow(LiveIntake):
    """An intake whose disk stands still until a test lets it go."""

    gate = threading.Event()

    def _take_many(self, parts: Sequence[Part], now: datetime) -> list[Intake]:
        assert self.gate.wait(60)
        return super()._take_many(parts, now)


def test_when_the_disk_stands_still_the_broker_keeps_the_messages_not_our_memory(tmp_path: Path) -> None:
    with mosquitto(tmp_path / "broker") as broker:
        source = {"kind": "mqtt", "host": "127.0.0.1", "port": broker.port, "topics": ["f/+/stage"], "client_id": "f"}
        store = DuckDbReadings()
        feeds = {"gauges": gauge_feed(source)}
        intake = _Slow(store, feeds, clock=lambda: datetime.now(UTC), most_rows=4000)
        intake.start()
        eventually(lambda: intake.conditions()[0].state == "connected", "connected")
        publisher = Publisher(broker.port)
        rows = [(f"f/g{k % 9}/stage", json.dumps({"t": T0_MS + k, "v": 1.0}).encode()) for k in range(60_000)]
        publisher.publish(rows)
        eventually(lambda: intake.load().waiting_rows > 0, "some wait")
        assert intake.load().waiting_rows <= 24_000  # one read of the line, and no more
        assert store.count() == 0
        _Slow.gate.set()
        eventually(lambda: store.count() == 60_000, "all of them in the end", 60)
        assert intake.conditions()[0].breaks == 0
        publisher.close()
        intake.close()
        store.close()


FULL_DISK = """
import json, resource, sys
from datetime import UTC, datetime
from tests.app.connectors.test_connectors_durability import TABLE, body
from tests.app.connectors.live_feeds import gauge_feed
from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.live_intake import LiveIntake
from rencheng.kernel import StorageFailed

store = DuckDbReadings(sys.argv[1])
intake = LiveIntake(store, {"gauges": gauge_feed({"kind": "http"}, **TABLE)}, clock=lambda: datetime.now(UTC))
acknowledged, refusals, k = 0, 0, 0
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
while refusals < 3:
    try:
        acknowledged += intake.offer("gauges", body(range(k * 1000, k * 1000 + 1000))).accepted
        k += 1
    except StorageFailed as error:
        refusals += 1
        said = str(error)
assert store.count() == acknowledged, (store.count(), acknowledged)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
after = intake.offer("gauges", body(range(k * 1000, k * 1000 + 1000))).accepted
intake.close()
store.close()
print(json.dumps({"acknowledged": acknowledged + after, "after": after, "said": said}))
"""


def test_a_full_disk_refuses_and_loses_nothing_and_there_is_life_after_it(tmp_path: Path) -> None:
    path = tmp_path / "r.duckdb"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["after"] == 1000
    assert "Check disk space" in told["said"]
    store = DuckDbReadings(path)
    assert store.count() == told["acknowledged"] > 0
    store.close()


READ_ONLY = """
import json, os, sys
from datetime import UTC, datetime
from pathlib import Path
from tests.app.connectors.test_connectors_durability import TABLE, body
from tests.app.connectors.live_feeds import gauge_feed
from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.live_intake import LiveIntake
from rencheng.kernel import StorageFailed

folder = Path(sys.argv[1])
feeds = {"gauges": gauge_feed({"kind": "http"}, **TABLE)}
as_root = os.geteuid() == 0

def lock():
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    if as_root:  # whom no permission binds
        os.seteuid(65534)

def unlock():
    if as_root:
        os.seteuid(0)
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)

def opened():
    store = DuckDbReadings(folder / "r.duckdb")
    return store, LiveIntake(store, feeds, clock=lambda: datetime.now(UTC))

def said_of(act):
    try:
        act()
    except StorageFailed as error:
        return str(error)
    return ""

store, intake = opened()
before = intake.offer("gauges", body(range(1000))).accepted
intake.close()
store.close()
lock()
opening = said_of(opened)
unlock()
store, intake = opened()  # it opens, and the disk turns read-only before the first write
lock()
offering = said_of(lambda: intake.offer("gauges", body(range(1000, 2000))))
seen = store.count()
unlock()
after = intake.offer("gauges", body(range(1000, 2000))).accepted
intake.close()
store.close()
store, intake = opened()
told = {"before": before, "seen": seen, "after": after, "kept": store.count(), "said": [opening, offering]}
intake.close()
store.close()
print(json.dumps(told))
"""


def test_a_read_only_disk_is_said_plainly_takes_nothing_and_mends(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    for of in (tmp_path, *tmp_path.parents[:2]):
        if of.stat().st_uid == os.getuid():
            of.chmod(of.stat().st_mode | 0o055)  # whoever is not root must get to the folder, to be refused there
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(folder)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["before"] == told["seen"] == 1000
    assert told["after"] == 1000
    assert told["kept"] == 2000
    assert all("r.duckdb" in said for said in told["said"]), told["said"]
