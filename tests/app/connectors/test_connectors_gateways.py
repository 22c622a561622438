"""SEN-40: three gateways of ten are killed; the others go on as before, and the feeds tell which are gone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.adapters.mqtt.mosquitto import free_port
from tests.app.connectors.live_feeds import eventually

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.regulator import Hj212Packet, hj212_packet_bytes
from rencheng.app.live_intake import LiveIntake
from rencheng.sense import feed_config_from_dict

GATEWAYS = 10
KILLED = (1, 4, 7)
FRAMES = 3000
# a gateway: sends a packet, waits for its answer, notes it, sends the next
GATEWAY = """
import socket, sys
line = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60)
noted = open(sys.argv[3], "ab", buffering=0)
for frame in open(sys.argv[2], "rb").read().splitlines(keepends=True):
    line.sendall(frame)
    answer = b""
    while not answer.endswith(b"\\r\\n"):
        answer += line.recv(4096)
    noted.write(b".")
"""


def _frames(gateway: int) -> bytes:
    begun = datetime(2026, 1, 1)  # noqa: DTZ001 — as stations write it
    packets = []
    for n in range(FRAMES):
        at = begun + timedelta(minutes=n)
        groups = ({"DataTime": f"{at:%Y%m%d%H%M%S}"}, {"a34004-Avg": f"{n % 90}"})
        packet = Hj212Packet(qn=f"{at:%Y%m%d%H%M%S}000", st="22", cn="2051", mn=f"GW{gateway}", flag=5, cp=groups)
        packets.append(hj212_packet_bytes(packet))
    return b"".join(packets)


def _start(folder: Path, ports: Sequence[int]) -> list[subprocess.Popen[bytes]]:
    started = []
    for gateway, port in enumerate(ports):
        frames = folder / f"{gateway}.frames"
        frames.write_bytes(_frames(gateway))
        arguments = [str(port), str(frames), str(folder / f"{gateway}.noted")]
        started.append(subprocess.Popen([sys.executable, "-S", "-c", GATEWAY, *arguments], stderr=subprocess.DEVNULL))
    return started


def test_the_others_go_on_when_three_gateways_of_ten_are_killed(tmp_path: Path) -> None:
    ports = [free_port() for _ in range(GATEWAYS)]
    columns = [{"column": "a34004", "quantity": "pm2_5_ug_m3", "unit": "ug/m3"}]
    section = {"format": "hj212", "columns": columns, "limits": {"allowance_late_s": 1e12}}
    feeds = {
        f"gw{k}": feed_config_from_dict(
            {"id": f"gw{k}", "source": {"kind": "tcp", "port": port}} | section, where="test"
        )
        for k, port in enumerate(ports)
    }
    ahead = [timedelta()]
    store = DuckDbReadings(tmp_path / "r.duckdb")
    intake = LiveIntake(store, feeds, clock=lambda: datetime.now(UTC) + ahead[0])
    intake.start()
    eventually(lambda: {of.state for of in intake.conditions()} == {"connected"}, "all listen")
    gateways = _start(tmp_path, ports)
    try:
        left = [k for k in range(GATEWAYS) if k not in KILLED]

        def noted(of: Sequence[int]) -> int:
            return sum((tmp_path / f"{k}.noted").stat().st_size for k in of)

        eventually(lambda: all((tmp_path / f"{k}.noted").exists() for k in range(GATEWAYS)), "all gateways are heard")
        eventually(lambda: min(noted([k]) for k in range(GATEWAYS)) >= 20, "all deliver")
        before = _rate(lambda: noted(left))
        for k in KILLED:
            gateways[k].kill()
            gateways[k].wait(20)
        # other programs share the machine: one moment of a few in which it goes on as before will do
        assert any(_rate(lambda: noted(left)) > 0.5 * before for _ in range(6))
        assert {of.breaks for of in intake.conditions()} == {0}
        ahead[0] = timedelta(seconds=300)  # the run's clock goes on; gateways that live are heard meanwhile
        at = noted(left)
        eventually(lambda: min(noted([k]) for k in left) > 30 and noted(left) > at + 100, "the others are heard")
        silent = {of.feed_id for of in intake.conditions() if of.is_silent}
        assert silent == {f"gw{k}" for k in KILLED}
    finally:
        for gateway in gateways:
            gateway.kill()
            gateway.wait(20)
        intake.close()
    window = store.window("pm2_5_ug_m3", start=datetime(2025, 1, 1, tzinfo=UTC), end=datetime(2027, 1, 1, tzinfo=UTC))
    sensors = window["sensor_id"].to_pylist()
    for k in range(GATEWAYS):
        assert sensors.count(f"GW{k}") >= noted([k]) > 0
    store.close()


def _rate(count: object, for_s: float = 1.0) -> float:
    """A second's worth of what is counted, over a moment."""
    assert callable(count)
    first, begun = count(), time.monotonic()
    eventually(lambda: time.monotonic() - begun >= for_s, "a moment")
    return float(count() - first) / (time.monotonic() - begun)
