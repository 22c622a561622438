"""A gateway that is alone must lose nothing it acknowledged, and order people out in time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.edge.edge_stand import Core, Gateway, await_, now_ms, rows

NO_CORE = "http://127.0.0.1:9"


@pytest.fixture
def core() -> Iterator[Core]:
    stand = Core()
    yield stand
    stand.close()


@pytest.fixture
def gateway(tmp_path: Path, core: Core) -> Iterator[Gateway]:
    stand = Gateway(tmp_path, core.url)
    yield stand
    if stand.process is not None and stand.process.poll() is None:
        stand.process.kill()
        stand.process.wait()


def command(gateway: Gateway, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "rencheng", "edge", *words, "--config", str(gateway.config)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_a_fire_is_ordered_out_once_without_the_core_and_told_later(gateway: Gateway, core: Core) -> None:
    core.mode = "gone"
    gateway.start()
    begun = time.monotonic()
    assert gateway.post(rows("smoke-1", "smoke_db_m", [1.0, 1.1, 1.2], at_ms=now_ms()))[0] == 200
    await_(gateway.messages, 15)
    assert time.monotonic() - begun < 15, "SEN-07"
    message = json.loads(gateway.messages()[0].read_text())
    assert message["action"] == "evacuate"
    assert message["text"] == {"zh": "3号楼火灾烟雾,立即疏散。", "en": "smoke of a fire at Building 3: leave now."}

    gateway.post(rows("smoke-1", "smoke_db_m", [2.5, 2.6, 2.7], at_ms=now_ms() + 4000))
    gateway.post(rows("smoke-2", "smoke_db_m", [2.5, 2.6, 2.7], at_ms=now_ms()))
    gateway.kill()
    gateway.start()
    assert len(gateway.messages()) == 1, "further alarms and a restart give no second order"
    shown = command(gateway, "status")
    assert message["order_id"] in shown.stdout

    assert command(gateway, "cancel", message["order_id"], "--by", "Wang", "--reason", "steam").returncode == 0
    await_(lambda: len(gateway.messages()) == 2, 10)
    gateway.post(rows("smoke-2", "smoke_db_m", [2.8], at_ms=now_ms() + 9000))

    core.mode = "ok"
    await_(lambda: len(core.rows) == 10 and gateway.status()["records_waiting"] == 0, 15)
    assert set(core.rows.values()) == {1}
    assert abs(gateway.status()["clock_ahead_s"]) < 2, "both clocks are this machine's"
    said = [json.loads(core.records[k]["body"]) | {"kind": core.records[k]["kind"]} for k in sorted(core.records)]
    whats = [one["what"] for one in said if one["kind"] == "order"]
    assert whats == ["given", "joined", "cancelled"]
    assert next(one for one in said if one.get("what") == "cancelled")["by"] == "Wang"
    assert sorted(core.records) == list(range(1, len(said) + 1))
    assert command(gateway, "verify").returncode == 0
    assert len(gateway.messages()) == 2, "nothing is said again when the core is back"


@pytest.mark.slow
def test_what_was_acknowledged_reaches_the_core_once_through_kills_and_cuts(gateway: Gateway, core: Core) -> None:
    acknowledged: set[tuple[str, str, int]] = set()
    begin = now_ms() - 3_600_000
    for number, modes in enumerate((("ok", "half"), ("hang", "full"), ("gone", "half"))):
        core.mode = modes[0]
        gateway.start()
        stop = threading.Event()
        lock = threading.Lock()

        def push(worker: int, number: int = number, stop: threading.Event = stop, lock: threading.Lock = lock) -> None:
            sensor, at = f"t-{number}-{worker}", begin
            while not stop.is_set():
                body = rows(sensor, "air_temperature_c", [20.0] * 20, at_ms=at)
                try:
                    status, _ = gateway.post(body)
                except (OSError, ValueError, AssertionError):
                    continue
                except Exception:  # noqa: BLE001 — the agent is killed in the middle of an answer
                    continue
                if status == 200:
                    with lock:
                        acknowledged.update((sensor, "air_temperature_c", at + k * 1000) for k in range(20))
                    at += 20_000

        workers = [threading.Thread(target=push, args=(k,)) for k in range(3)]
        for worker in workers:
            worker.start()
        threading.Event().wait(0.3)
        core.mode = modes[1]
        threading.Event().wait(0.3)
        gateway.kill()
        stop.set()
        for worker in workers:
            worker.join()
    core.mode = "ok"
    gateway.start()
    await_(lambda: gateway.status()["waiting_mb"] == 0, 20)
    assert len(acknowledged) > 500
    assert acknowledged <= set(core.rows), "nothing acknowledged is lost"
    assert gateway.kill(signal.SIGTERM) == 0
    doubled = {key for key, n in core.rows.items() if n > 1} & acknowledged
    # a body whose acknowledgement was lost is sent again by its device: the core knows its readings again by row
    assert len(doubled) <= 3 * 3 * 20


def test_a_full_store_refuses_readings_and_still_orders(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, NO_CORE, most_mb=0.02)
    gateway.start()
    try:
        at = now_ms()
        answers = [
            gateway.post(rows("t-1", "air_temperature_c", [20.0] * 20, at_ms=at + k * 20_000))[0] for k in range(20)
        ]
        assert answers[0] == 200
        assert answers[-1] == 503
        assert gateway.post(rows("smoke-1", "smoke_db_m", [1.0] * 40, at_ms=at - 60_000))[0] == 503
        await_(gateway.messages, 10)
        assert gateway.status()["waiting_mb"] <= 0.02
    finally:
        gateway.kill(signal.SIGTERM)


def test_a_disk_that_refuses_is_told_and_still_orders(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, NO_CORE)
    gateway.start(limit="ulimit -f 400")  # KiB a file: the write-ahead log cannot grow further
    try:
        at, refused = now_ms(), 0
        for k in range(60):
            status, said = gateway.post(rows("t-1", "air_temperature_c", [20.0] * 100, at_ms=at + k * 100_000))
            refused += status == 503
            if refused:
                assert "journal" in said["error"]
                break
        assert refused
        gateway.post(rows("smoke-1", "smoke_db_m", [1.0, 1.1, 1.2], at_ms=at))
        await_(gateway.messages, 10)
    finally:
        gateway.kill()
    gateway.start()
    assert gateway.status()["rows_kept"] == 100 * k, "what was acknowledged before is all there"
    gateway.kill(signal.SIGTERM)


def test_refusals_name_the_mend(gateway: Gateway) -> None:
    gateway.start()
    assert gateway.post(b"{}", feed="nothing")[0] == 404
    assert gateway.post(b"\x1f\x8bxx", headers={"Content-Encoding": "gzip"})[0] == 400
    assert gateway.post(b"{}", headers={"Content-Encoding": "br"})[0] == 400
    assert gateway.post(b'\xff\xfe[[[[\n{"sensor":1}\n')[0] == 200, "what cannot be read is the core's to judge"


def test_an_agent_is_light() -> None:
    code = "import sys, rencheng.edge.agent, rencheng.cli.edge, rencheng.adapters.mqtt; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numba", "scipy", "pyarrow", "duckdb", "shapely", "rencheng.sense", "rencheng.app"} & set(loaded)


def test_a_crowd_of_large_bodies_stays_within_the_memory_of_a_gateway(gateway: Gateway, core: Core) -> None:
    core.mode = "gone"
    gateway.start()
    at = now_ms() - 60_000
    bodies = [rows(f"smoke-{k}", "smoke_db_m", [0.05] * 8000, at_ms=at, step_ms=1) * 4 for k in range(6)]
    answers: list[int] = []
    workers = [threading.Thread(target=lambda body=body: answers.append(gateway.post(body)[0])) for body in bodies]
    for worker in workers:
        worker.start()
    most = 0.0
    while any(worker.is_alive() for worker in workers):
        most = max(most, gateway.status()["memory_mib"])
        threading.Event().wait(0.1)
    assert answers == [200] * 6
    assert gateway.post(b"")[1] == {"feed_id": "community", "kept": 0}
    assert most < 256, "MiB"
