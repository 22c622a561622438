"""Stations that connect over TCP: answered after the commit, asked for what they missed, and bounded in every way."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.adapters.mqtt.mosquitto import free_port
from tests.app.connectors.live_feeds import eventually, live_feeds

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.regulator import Hj212Packet, Sl651Frame, hj212_packet_bytes, next_frame, sl651_frame_bytes
from rencheng.app.intake_desk import Part
from rencheng.app.live_intake import LiveIntake
from rencheng.kernel import InvalidConfig
from rencheng.sense import FeedConfig, Intake, feed_config_from_dict

# a report of the hour that a maker of stations publishes to explain the standard
TIMED = bytes.fromhex(
    "7E7E05001122334403E832002B020034170718110016F1F1001122334448F0F01707181100201900004026190000403923000104903812"
    "109903A421"
)


def timed_at(hour: str) -> bytes:
    frame, _ = next_frame(TIMED, 0)
    assert isinstance(frame, Sl651Frame)
    body = frame.body.replace(bytes.fromhex("1707181100"), bytes.fromhex(f"170718{hour}00"))
    return sl651_frame_bytes(replace(frame, body=body))


def minute_data(minute: int, mn: str = "AIR1") -> bytes:
    groups: Any = ({"DataTime": f"202205131{minute // 60:01d}{minute % 60:02d}00"}, {"a34004-Avg": "14"})
    return hj212_packet_bytes(
        Hj212Packet(qn="20220513162608370", st="22", cn="2051", pw="123456", mn=mn, flag=5, cp=groups)
    )


def sl651(port: int, **source: Any) -> FeedConfig:
    section: dict[str, Any] = {"id": "rivers", "format": "sl651", "limits": {"allowance_late_s": 1e12}}
    return feed_config_from_dict(section | {"source": {"kind": "tcp", "port": port, **source}}, where="test")


def hj212(port: int, **source: Any) -> FeedConfig:
    columns = [{"column": "a34004", "quantity": "pm2_5_ug_m3", "unit": "ug/m3"}]
    section: dict[str, Any] = {"id": "air", "format": "hj212", "columns": columns, "limits": {"allowance_late_s": 1e12}}
    return feed_config_from_dict(section | {"source": {"kind": "tcp", "port": port, **source}}, where="test")


@contextmanager
def station(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        yield line


def answer(line: socket.socket) -> bytes:
    return line.recv(65_536)


def is_closed(line: socket.socket) -> bool:
    try:
        return line.recv(1) == b""
    except ConnectionError:
        return True


def test_a_report_is_answered_and_a_gap_is_asked_for_also_on_a_new_line() -> None:
    port = free_port()
    with live_feeds(":memory:", sl651(port)) as feeds:
        with station(port) as line:
            line.sendall(timed_at("11"))
            reply, _ = next_frame(answer(line), 0)
            assert isinstance(reply, Sl651Frame)
            assert (reply.function, reply.upward, reply.station) == (0x32, False, "0011223344")
            stored = feeds.store.count()
            assert stored > 0
        with station(port) as line:  # it was away for three hours
            line.sendall(timed_at("14"))
            data = answer(line)
            until = time.monotonic() + 20
            while len(data) < 40 and time.monotonic() < until:
                data += answer(line)
            _, behind = next_frame(data, 0)
            query, _ = next_frame(data, behind)
            assert isinstance(query, Sl651Frame)
            assert (query.function, query.station) == (0x38, "0011223344")
        assert feeds.store.count() > stored


class _Held(LiveIntake):
    """An intake whose commits wait for a test."""

    gate = threading.Event()

    def _take_many(self, parts: Sequence[Part], now: datetime) -> list[Intake]:
        assert self.gate.wait(20)
        return super()._take_many(parts, now)


def test_nothing_is_answered_before_the_commit() -> None:
    port = free_port()
    store = DuckDbReadings()
    intake = _Held(store, {"air": hj212(port)}, clock=lambda: datetime.now(UTC))
    intake.start()
    eventually(lambda: intake.conditions()[0].state == "connected", "it listens")
    with station(port) as line:
        line.sendall(minute_data(1))
        eventually(lambda: intake.load().waiting_parts == 0 and intake.load().commits == 0, "the commit is under way")
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            answer(line)
        _Held.gate.set()
        line.settimeout(20)
        assert b"CN=9014" in answer(line)
        assert store.count() == 1
    intake.close()
    store.close()


def test_many_stations_at_once_each_get_their_own_answer() -> None:
    port = free_port()
    with live_feeds(":memory:", hj212(port)) as feeds:
        lines = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(60)]
        for minute in range(3):
            for number, line in enumerate(lines):
                data = minute_data(minute, f"AIR{number:03d}")
                line.sendall(data[:30])
            for number, line in enumerate(lines):
                line.sendall(minute_data(minute, f"AIR{number:03d}")[30:])
            for number, line in enumerate(lines):
                assert f"MN=AIR{number:03d};".encode() in answer(line)
        feeds.count(180)
        for line in lines:
            line.close()


def test_one_connection_too_many_is_turned_away_and_silent_or_senseless_ones_are_closed() -> None:
    port = free_port()
    with live_feeds(":memory:", hj212(port, max_connections=2, idle_s=0.6)) as feeds:
        with station(port) as slow, station(port) as junk, station(port) as third:
            assert is_closed(third)
            junk.sendall(b"x" * 100_000)
            assert is_closed(junk)
            begun = time.monotonic()
            while time.monotonic() - begun < 10:  # a byte now and then is no sign of life
                try:
                    slow.sendall(b"#")
                    time.sleep(0.05)
                except OSError:
                    break
            assert time.monotonic() - begun < 8
        with station(port) as line:
            line.sendall(minute_data(5))
            assert b"CN=9014" in answer(line)
        assert feeds.store.count() == 1


def test_a_port_that_is_taken_is_a_failed_feed_until_it_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        with live_feeds(":memory:", hj212(port), connected=False) as feeds:
            eventually(lambda: feeds.condition.state == "failed", "failed")
            assert f"127.0.0.1:{port} cannot be listened on" in feeds.condition.error
            taken.close()
            eventually(lambda: feeds.condition.state == "connected", "it listens")


def test_only_protocols_of_stations_are_spoken_over_tcp() -> None:
    section = {"id": "x", "format": "senml", "source": {"kind": "tcp", "port": 9000}}
    config = feed_config_from_dict(section, where="test")
    store = DuckDbReadings()
    with pytest.raises(InvalidConfig, match="not spoken over tcp"):
        LiveIntake(store, {"x": config}, clock=lambda: datetime.now(UTC))
    store.close()
