"""SensorThings over MQTT with a real Mosquitto: created after the commit, once; heard by whoever subscribed."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.adapters.mqtt.mosquitto import Broker, Publisher, mosquitto
from tests.adapters.sensorthings.sensorthings_city import Client, new_stream
from tests.app.connectors.live_feeds import eventually

from rencheng.adapters.mqtt.packets import PacketKind, PacketReader, Publish, connect_bytes, subscribe_bytes
from rencheng.app.connectors import FeedCondition
from rencheng.app.sessions import live_session
from rencheng.app.settings import Settings
from rencheng.kernel import InvalidConfig
from rencheng.sense import feed_config_from_dict

FEED = """
[feed]
id = "sensorthings"
[feed.source]
kind = "sensorthings"
mqtt = true
host = "127.0.0.1"
port = {port}
base = "http://localhost/sensorthings/v1.1"
selects = ["Observations?$select=result,phenomenonTime", "Datastreams(+)/Observations?$select=id"]
"""


@dataclass
class Listener:
    """A client that hears topics."""

    port: int
    topics: list[str]
    heard: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self._socket.sendall(connect_bytes(version="5", client_id="listener", keepalive_s=600))
        self._socket.sendall(subscribe_bytes(1, self.topics, 0, version="5"))
        self._reader = PacketReader(version="5", largest=1 << 20)
        self._listens = False
        self._thread = Thread(target=self._hear, daemon=True)
        self._thread.start()
        eventually(lambda: self._listens, "the listener listens")

    def _hear(self) -> None:
        while data := self._received():
            for packet in self._reader.feed(data):
                if isinstance(packet, Publish):
                    self.heard.append((packet.topic, json.loads(packet.payload)))
                elif packet.kind == PacketKind.SUBACK:
                    self._listens = True

    def _received(self) -> bytes:
        try:
            return self._socket.recv(1 << 16)
        except OSError:  # hung up
            return b""

    def of(self, topic: str) -> list[Any]:
        return [body for name, body in self.heard if name == topic]

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(20)
        self._socket.close()


@contextmanager
def served(city: Path, home: Path, broker: Broker) -> Iterator[Client]:
    """A live run whose SensorThings service stands at a broker."""
    (city / "feeds").mkdir(exist_ok=True)
    (city / "feeds" / "sensorthings.toml").write_text(FEED.format(port=broker.port), encoding="utf-8")
    session = live_session(city, Settings(home=home, flood="off"))
    session.start()
    client = Client(session)
    try:
        eventually(lambda: condition(client).state == "connected", "connected to the broker")
        yield client
    finally:
        session.close()


def condition(client: Client) -> FeedCondition:
    return next(one for one in client.session.feeds() if one.feed_id == "sensorthings")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with mosquitto(tmp_path_factory.mktemp("mosquitto")) as running:
        yield running


@pytest.fixture(scope="module")
def city(sandbox_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(sandbox_city, tmp_path_factory.mktemp("copy") / "city"))


def test_what_is_published_is_created_once_and_heard_by_whoever_subscribed(
    city: Path, tmp_path: Path, broker: Broker
) -> None:
    with served(city, tmp_path / "home", broker) as client:
        key = new_stream(client, name="over a broker")["@iot.id"]
        own = f"v1.1/Datastreams({key})/Observations"
        listener = Listener(broker.port, ["v1.1/#"])
        publisher = Publisher(broker.port, "gateway")
        bodies = [{"phenomenonTime": f"2026-05-01T00:{n:02}:00Z", "result": n} for n in range(50)]
        publisher.publish([(own, json.dumps(body).encode()) for body in bodies])
        address = f"Datastreams({key})/Observations"
        eventually(lambda: client.get(f"{address}?$count=true&$top=0")["@iot.count"] == 50, "50 Observations")
        publisher.publish([(own, json.dumps(body).encode()) for body in bodies[:5]])
        named = {**bodies[0], "phenomenonTime": "2026-05-01T01:00:00Z", "Datastream": {"@iot.id": key}}
        publisher.publish([("v1.1/Observations", json.dumps(named).encode())])
        eventually(lambda: client.get(f"{address}?$count=true&$top=0")["@iot.count"] == 51, "51 Observations")
        eventually(lambda: len([b for b in listener.of(own) if "@iot.id" in b]) >= 51, "each is published")
        whole = next(body for body in listener.of(own) if body.get("@iot.id") and body["result"] == 7)
        assert whole == client.get(f"Observations('{whole['@iot.id']}')") | {"result": 7.0}
        chosen = listener.of("v1.1/Observations?$select=result,phenomenonTime")
        assert {"result": 7.0, "phenomenonTime": "2026-05-01T00:07:00Z"} in chosen
        assert {"@iot.id": whole["@iot.id"]} in listener.of(f"{own}?$select=id")
        client.ask("PATCH", f"Datastreams({key})", {"name": "renamed"})
        eventually(lambda: listener.of(f"v1.1/Datastreams({key})/name") == [{"name": "renamed"}], "its name is heard")
        rows = [["2026-05-02T00:00:00Z", 1.0], ["2026-05-02T00:01:00Z", 2.0]]
        group = {"Datastream": {"@iot.id": key}, "components": ["phenomenonTime", "result"], "dataArray": rows}
        assert client.ask("POST", "CreateObservations", [group]).status == 201
        eventually(lambda: {1.0, 2.0} <= {b["result"] for b in listener.of(own)[51:]}, "data arrays are heard too")
        settings = client.get("")["serverSettings"]
        assert any("mqtt" in name for name in settings["conformance"])
        assert f"mqtt://127.0.0.1:{broker.port}" in json.dumps(settings)
        publisher.close()
        listener.close()


def test_a_message_that_creates_nothing_is_kept_aside_with_its_topic_and_acknowledged(
    city: Path, tmp_path: Path, broker: Broker
) -> None:
    with served(city, tmp_path / "home", broker) as client:
        key = new_stream(client, name="wrong things")["@iot.id"]
        own = f"v1.1/Datastreams({key})/Observations"
        wrong: list[tuple[str, bytes]] = [
            (own, b"{oops"),
            (own, b"[1]"),
            (own, b'{"result": "high"}'),
            (own, b'{"result": 1, "phenomenonTime": "soon"}'),
            ("v1.1/Datastreams(999999)/Observations", b'{"result": 1}'),
            ("v1.1/Nothing(1)/Observations", b'{"result": 1}'),
            (own, b'{"result": 1, "x": "' + b"x" * (1 << 20) + b'"}'),
        ]
        publisher = Publisher(broker.port, "confused")
        publisher.publish([*wrong, (own, b'{"result": 2, "phenomenonTime": "2026-05-01T00:00:00Z"}')])
        eventually(lambda: condition(client).refused == len(wrong), "all kept aside")
        eventually(lambda: condition(client).accepted == 1, "the good one is taken")
        told = client.session.readings.refused("sensorthings").to_pylist()  # type: ignore[attr-defined]  # the store
        assert all(row["detail"].startswith("topic v1.1/") for row in told)
        assert {row["reason"] for row in told} == {"bad_row", "bad_number", "bad_time", "unknown_sensor", "too_large"}
        assert condition(client).breaks == 0
        publisher.close()


def test_what_comes_while_the_run_is_down_is_kept_by_the_broker(city: Path, tmp_path: Path) -> None:
    with mosquitto(tmp_path / "broker") as broker:
        with served(city, tmp_path / "home", broker) as client:
            key = new_stream(client, name="away")["@iot.id"]
        publisher = Publisher(broker.port, "patient")
        at = datetime(2026, 5, 1, tzinfo=UTC).isoformat()
        publisher.publish(
            [(f"v1.1/Datastreams({key})/Observations", json.dumps({"result": 3, "phenomenonTime": at}).encode())]
        )
        publisher.close()
        with served(city, tmp_path / "home", broker) as client:
            address = f"Datastreams({key})/Observations?$count=true"
            eventually(lambda: client.get(address)["@iot.count"] == 1, "the Observation came")


@pytest.mark.parametrize(
    "keys",
    [
        {"mqtt": True},
        {"mqtt": True, "host": "b", "selects": ["Observations"]},
        {"mqtt": True, "host": "b", "selects": ["Observations?$filter=result gt 1"]},
        {"mqtt": True, "host": "b", "inbox": "a/#/"},
        {"mqtt": True, "host": "b", "port": 0},
        {"root": "x"},
    ],
)
def test_a_broker_that_cannot_be_is_refused_in_the_file(keys: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig):
        feed_config_from_dict({"id": "sensorthings", "source": {"kind": "sensorthings", **keys}}, where="test")
