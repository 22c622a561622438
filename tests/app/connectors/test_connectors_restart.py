"""What protocols remember over a restart: counters of signed readings, and up to when stations have reported."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.adapters.mqtt.mosquitto import free_port
from tests.app.connectors.live_feeds import T0_MS, Feeds, gauge_feed, live_feeds
from tests.app.connectors.test_connectors_tcp import answer, sl651, station, timed_at

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.regulator import Sl651Frame, next_frame
from rencheng.adapters.signing import document_message
from rencheng.app.intake_desk import Part
from rencheng.app.live_intake import LiveIntake
from rencheng.kernel import StorageFailed
from rencheng.sense import FeedConfig, Intake

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def keys(tmp_path: Path) -> str:
    path = tmp_path / "keys.toml"
    public = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
    path.write_text(f'[devices]\nd1 = "{public}"\n', encoding="utf-8")
    return str(path)


def signed_feed(keys: str, **more: Any) -> FeedConfig:
    return gauge_feed({"kind": "http"}, sensor="", sensor_column="s", signature={"keys": keys}, **more)


def signed(counter: int, value: float, **more: Any) -> bytes:
    document = {"s": "g1", "v": value, **more}
    value_of = base64.b64encode(KEY.sign(document_message("d1", counter, document))).decode()
    return json.dumps(document | {"signature": {"device": "d1", "counter": counter, "value": value_of}}).encode()


def reasons(feeds: Feeds) -> list[str]:
    return [str(row["reason"]) for row in feeds.store.refused("gauges").to_pylist()]


def test_a_counter_used_before_a_restart_is_a_replay_after_it(keys: str, tmp_path: Path) -> None:
    feed = signed_feed(keys, format="ndjson")
    with live_feeds(tmp_path / "r.duckdb", feed) as feeds:
        lines = b"\n".join(signed(counter, 1.0, t=T0_MS + counter) for counter in range(1, 2000))
        assert feeds.intake.offer("gauges", lines).accepted == 1999
        before = feeds.store.count()
    with live_feeds(tmp_path / "r.duckdb", feed) as feeds:
        assert feeds.store.remembered("gauges").num_rows == 1024
        assert feeds.intake.offer("gauges", signed(1999, 7.0, t=T0_MS + 9000)).refused == 1
        assert feeds.intake.offer("gauges", signed(500, 7.0, t=T0_MS + 9001)).refused == 1
        assert reasons(feeds) == ["replayed", "replayed"]
        assert feeds.intake.offer("gauges", signed(2000, 7.0, t=T0_MS + 9002)).accepted == 1
        assert feeds.store.count() == before + 1


def test_a_reading_stamped_on_arrival_cannot_be_replayed_after_a_restart(keys: str, tmp_path: Path) -> None:
    feed = signed_feed(keys, time={})
    with live_feeds(tmp_path / "r.duckdb", feed) as feeds:
        assert feeds.intake.offer("gauges", signed(5, 1.0)).accepted == 1
        assert feeds.intake.offer("gauges", signed(5, 1.0)).refused == 1
    with live_feeds(tmp_path / "r.duckdb", feed) as feeds:
        assert feeds.intake.offer("gauges", signed(5, 1.0)).refused == 1
        assert feeds.intake.offer("gauges", signed(6, 1.0)).accepted == 1
        assert feeds.store.count() == 2


class _Broken(LiveIntake):
    """An intake whose disk refuses until somebody mends it."""

    broken = True

    def _take_many(self, parts: Sequence[Part], now: datetime) -> list[Intake]:
        if self.broken:
            raise StorageFailed("no space left on device")
        return super()._take_many(parts, now)


def test_what_could_not_be_stored_is_no_replay_when_it_comes_again(keys: str) -> None:
    store = DuckDbReadings()
    intake = _Broken(store, {"gauges": signed_feed(keys, time={})}, clock=lambda: datetime.now(UTC))
    for _ in range(2):
        with pytest.raises(StorageFailed):
            intake.offer("gauges", signed(5, 1.0))
    intake.broken = False
    assert intake.offer("gauges", signed(5, 1.0)).accepted == 1
    assert intake.offer("gauges", signed(5, 1.0)).refused == 1
    intake.close()
    store.close()


def test_a_station_is_asked_for_what_it_missed_while_the_run_was_down(tmp_path: Path) -> None:
    port = free_port()
    with live_feeds(tmp_path / "r.duckdb", sl651(port)), station(port) as line:
        line.sendall(timed_at("11"))
        assert answer(line)
    with live_feeds(tmp_path / "r.duckdb", sl651(port)), station(port) as line:
        line.sendall(timed_at("15"))
        data = answer(line)
        while len(data) < 40:
            data += answer(line)
        _, behind = next_frame(data, 0)
        query, _ = next_frame(data, behind)
        assert isinstance(query, Sl651Frame)
        assert (query.function, query.station) == (0x38, "0011223344")
        assert query.body.hex()[16:32] == "1707181117071815"  # from the hour before the restart to this one
