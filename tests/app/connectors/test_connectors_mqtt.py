"""Feeds over MQTT from a real Mosquitto: acknowledged after the commit, kept by the broker meanwhile, each once."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.adapters.mqtt.mosquitto import Broker, Publisher, mosquitto
from tests.app.connectors.live_feeds import T0_MS, eventually, gauge_feed, live_feeds

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.signing import body_message
from rencheng.adapters.sparkplug import Metric, Payload, payload_bytes
from rencheng.app.connectors.mqtt import held_in_position
from rencheng.app.intake_desk import Part
from rencheng.app.live_intake import LiveIntake
from rencheng.kernel import StorageFailed
from rencheng.sense import Intake


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with mosquitto(tmp_path_factory.mktemp("mosquitto")) as running:
        yield running


@pytest.fixture
def publisher(broker: Broker, request: pytest.FixtureRequest) -> Iterator[Publisher]:
    publisher = Publisher(broker.port, f"publisher-{request.node.name}")
    yield publisher
    publisher.close()


def mqtt(broker: Broker, name: str, **keys: Any) -> dict[str, Any]:
    topics = [f"{name}/+/stage"]
    return {"kind": "mqtt", "host": "127.0.0.1", "port": broker.port, "client_id": name, "topics": topics, **keys}


def messages(name: str, count: int, *, gauges: int = 20, first: int = 0) -> list[tuple[str, bytes]]:
    return [
        (f"{name}/g{k % gauges}/stage", json.dumps({"t": T0_MS + 1000 * k, "v": 1 + k % 5}).encode())
        for k in range(first, first + count)
    ]


@pytest.mark.parametrize("version", ["3.1.1", "5"])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_every_message_becomes_one_reading(broker: Broker, publisher: Publisher, version: str, qos: int) -> None:
    name = f"each{version[0]}{qos}"
    with live_feeds(":memory:", gauge_feed(mqtt(broker, name, qos=qos, version=version))) as feeds:
        publisher.publish(messages(name, 2500), qos=qos or 1)
        feeds.count(2500)
        assert (feeds.condition.error, feeds.condition.rows) == ("", 2500)
        table = feeds.store.latest(at=datetime.fromtimestamp(T0_MS / 1000 + 3000).astimezone())
        assert sorted(set(table["sensor_id"].to_pylist())) == sorted(f"g{k}" for k in range(20))


def test_the_broker_keeps_what_comes_while_nobody_listens(broker: Broker, publisher: Publisher, tmp_path: Path) -> None:
    feed = gauge_feed(mqtt(broker, "away", qos=1))
    with live_feeds(tmp_path / "r.duckdb", feed) as feeds:
        publisher.publish(messages("away", 100))
        feeds.count(100)
    publisher.publish(messages("away", 400, first=100))
    with live_feeds(tmp_path / "r.duckdb", feed) as feeds:
        feeds.count(500)
        assert feeds.condition.repeated == 0


class _FullDisk(LiveIntake):
    """An intake whose disk is full until somebody makes room."""

    full = True

    def _take_many(self, parts: Sequence[Part], now: datetime) -> list[Intake]:
        if self.full:
            raise StorageFailed("no space left on device")
        return super()._take_many(parts, now)


def test_what_could_not_be_stored_is_not_acknowledged_and_comes_again(broker: Broker, publisher: Publisher) -> None:
    store = DuckDbReadings()
    feed = gauge_feed(mqtt(broker, "full", qos=1))
    intake = _FullDisk(store, {"gauges": feed}, clock=lambda: datetime.now().astimezone())
    intake.start()
    eventually(lambda: intake.conditions()[0].state == "connected", "connected")
    publisher.publish(messages("full", 50))
    eventually(lambda: intake.conditions()[0].breaks > 0, "told that it broke")
    assert "no space left" in intake.conditions()[0].error
    assert store.count() == 0
    intake.full = False
    eventually(lambda: store.count() == 50, "all of them after there is room again")
    reasons = [notice.reason for notice in intake.notices()]
    assert reasons[0] == ""  # connected
    assert len([reason for reason in reasons if reason]) <= intake.conditions()[0].breaks
    intake.close()
    store.close()


def test_a_broker_that_goes_and_comes_back_is_told_once_and_found_again(tmp_path: Path) -> None:
    with (
        mosquitto(tmp_path / "broker") as broker,
        live_feeds(":memory:", gauge_feed(mqtt(broker, "back", qos=1))) as feeds,
    ):
        broker.stop()
        eventually(lambda: feeds.condition.state == "failed", "failed")
        assert feeds.condition.error.startswith(f"mqtt://127.0.0.1:{broker.port}")
        broker.start()
        eventually(lambda: feeds.condition.state == "connected", "connected again")
        publisher = Publisher(broker.port)
        publisher.publish(messages("back", 30))
        feeds.count(30)
        publisher.close()
        assert [bool(notice.reason) for notice in feeds.intake.notices()] == [False, True, False]


def test_twice_sent_messages_without_a_time_of_their_own_are_known_after_a_kill() -> None:
    assert held_in_position("mqtt:1:2:5.ff,9.0") == {5: 255, 9: 0}
    assert held_in_position("mqtt:1:2") == held_in_position("sha256:x") == {}


def test_messages_without_time_are_stamped_on_arrival_and_retained_ones_passed_over(
    broker: Broker, publisher: Publisher
) -> None:
    feed = gauge_feed(mqtt(broker, "now", qos=2), time={})
    publisher.publish([("now/old/stage", b'{"v": 9.0}')], qos=1, retain=True)
    with live_feeds(":memory:", feed) as feeds:
        publisher.publish([(f"now/g{k}/stage", b'{"v": 2.0}') for k in range(300)], qos=2)
        feeds.count(300)
        assert abs(feeds.condition.lag_s or 0.0) < 60
        position = feeds.store.position("gauges") or ""
        assert len(position.split(":")) == 4


def test_bad_messages_are_acknowledged_and_kept_aside_with_their_topic(broker: Broker, publisher: Publisher) -> None:
    with live_feeds(":memory:", gauge_feed(mqtt(broker, "bad", qos=1))) as feeds:
        bodies = [b"\xff\xfe", b"{" * 500, b'{"t": 1e99, "v": 1}', b'{"v": 1}', b"", b'{"t": 1780000000000, "v": "x"}']
        publisher.publish([("bad/g1/stage", body) for body in bodies])
        publisher.publish(messages("bad", 10))
        feeds.count(10)
        refused = feeds.store.refused("gauges").to_pylist()
        assert len(refused) == len(bodies)
        assert all("topic bad/g1/stage" in row["detail"] for row in refused)


def test_sparkplug_nodes_unknown_to_us_are_asked_for_their_birth(broker: Broker, publisher: Publisher) -> None:
    source = mqtt(broker, "spark", topics=["spBv1.0/g/#"])
    feed = gauge_feed(source, format="sparkplug", sensor="{device}", time={}, columns=[
        {"column": "stage", "quantity": "stage_m", "unit": "m"}
    ])  # fmt: skip
    heard: list[bytes] = []
    with live_feeds(":memory:", feed) as feeds, socket.create_connection(("127.0.0.1", broker.port)) as node:
        listening = threading.Thread(target=_listen, args=(node, "spBv1.0/g/NCMD/n1", heard))
        listening.start()
        eventually(lambda: bool(heard), "the node listens")
        data = Payload(at_ms=T0_MS, seq=1, metrics=[Metric(alias=7, at_ms=T0_MS, datatype=10, value=2.5)])
        publisher.publish([("spBv1.0/g/DDATA/n1/d1", payload_bytes(data))])
        listening.join(30)
        assert b"Node Control/Rebirth" in heard[-1]
        births = [
            ("spBv1.0/g/NBIRTH/n1", Payload(at_ms=T0_MS, seq=0, metrics=[])),
            (
                "spBv1.0/g/DBIRTH/n1/d1",
                Payload(
                    at_ms=T0_MS, seq=1, metrics=[Metric(name="stage", alias=7, at_ms=T0_MS, datatype=10, value=2.0)]
                ),
            ),
            (
                "spBv1.0/g/DDATA/n1/d1",
                Payload(at_ms=T0_MS, seq=2, metrics=[Metric(alias=7, at_ms=T0_MS + 1000, datatype=10, value=2.5)]),
            ),
        ]
        publisher.publish([(topic, payload_bytes(body)) for topic, body in births])
        feeds.count(2)


def test_a_signed_sparkplug_node_unknown_to_us_is_asked_for_its_birth_too(
    broker: Broker, publisher: Publisher, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    (tmp_path / "keys.toml").write_text(f'[devices]\nd1 = "{public}"\n', encoding="utf-8")
    source = mqtt(broker, "signed", topics=["spBv1.0/s/#"])
    columns = [{"column": "stage", "quantity": "stage_m", "unit": "m"}]
    signature = {"keys": str(tmp_path / "keys.toml")}
    feed = gauge_feed(source, format="sparkplug", sensor="{device}", time={}, columns=columns, signature=signature)
    body = payload_bytes(Payload(at_ms=T0_MS, seq=1, metrics=[Metric(alias=7, at_ms=T0_MS, datatype=10, value=2.5)]))
    said = {
        "Rencheng-Device": "d1",
        "Rencheng-Counter": "1",
        "Rencheng-Signature": base64.b64encode(key.sign(body_message("d1", 1, body))).decode(),
    }
    heard: list[bytes] = []
    with live_feeds(":memory:", feed) as feeds, socket.create_connection(("127.0.0.1", broker.port)) as node:
        listening = threading.Thread(target=_listen, args=(node, "spBv1.0/s/NCMD/n1", heard))
        listening.start()
        eventually(lambda: bool(heard), "the node listens")
        publisher.publish([("spBv1.0/s/DDATA/n1/d1", body)])
        publisher.publish([("spBv1.0/s/DDATA/n1/d1", body)], user=said)
        listening.join(30)
        assert b"Node Control/Rebirth" in heard[-1]
        eventually(lambda: feeds.condition.refused >= 2, "both are kept aside")
        reasons = [row["reason"] for row in feeds.store.refused("gauges").to_pylist()]
        assert sorted(reasons) == ["no_birth", "unsigned"]


def _listen(node: socket.socket, topic: str, heard: list[bytes]) -> None:
    from rencheng.adapters.mqtt.packets import PacketReader, Publish, connect_bytes, subscribe_bytes

    node.settimeout(30)
    node.sendall(connect_bytes(version="5", client_id="node", keepalive_s=60))
    node.sendall(subscribe_bytes(1, [topic], 0, version="5"))
    reader = PacketReader(version="5", largest=1 << 20)
    while True:
        for packet in reader.feed(node.recv(65536)):
            if isinstance(packet, Publish):
                heard.append(packet.payload)
                return
            if packet.kind == 9:
                heard.append(b"listening")


def test_a_wrong_password_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    (folder / "passwords").write_text(
        # "secret" hashed by mosquitto_passwd
        "gauge:$7$101$Wd9zQlAq1vZ1m0zX$invalid\n",
        encoding="utf-8",
    )
    with mosquitto(folder, [f"password_file {folder}/passwords"]) as broker:
        monkeypatch.setenv("BROKER_PASSWORD", "wrong")
        for version, said in (("5", "not authorised"), ("3.1.1", "not authorised")):
            source = mqtt(broker, "auth", username="gauge", password_env="BROKER_PASSWORD", version=version)
            with live_feeds(":memory:", gauge_feed(source), connected=False) as feeds:
                eventually(lambda: feeds.condition.state == "failed", "failed")
                assert said in feeds.condition.error or "user name or password" in feeds.condition.error
