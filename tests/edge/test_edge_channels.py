"""A siren on the local broker must sound, and a webhook that is away must be told once it is back."""

from __future__ import annotations

import json
import signal
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from tests.adapters.mqtt.mosquitto import Publisher, mosquitto
from tests.edge.edge_stand import Gateway, await_, now_ms, rows

from rencheng.adapters.mqtt import MqttLine
from rencheng.edge.channels import Sender
from rencheng.edge.desk import OrderMessage
from rencheng.edge.journal import LogNote
from rencheng.edge.orders import LocalOrder
from rencheng.edge.settings import ChannelSettings
from rencheng.kernel import Bilingual
from rencheng.sense.source import MqttSource

ORDER = LocalOrder(
    order_id="edge-order-a",
    rule="evacuate",
    action="evacuate",
    hazard="fire",
    severity="red",
    text=Bilingual(zh="疏散", en="leave"),
    cancel_text=Bilingual(zh="解除", en="all clear"),
    channels=("panel",),
    sensor_id="s",
    alarm_ids=("alarm-a",),
    open_alarms=("alarm-a",),
    given_at=0,
    quiet_since=0,
    stands_us=1,
)


def test_readings_come_from_the_local_broker_and_the_siren_is_commanded_over_it(tmp_path: Path) -> None:
    with mosquitto(tmp_path / "broker") as broker:
        gateway = Gateway(tmp_path, "http://127.0.0.1:9", broker=broker.port)
        source = MqttSource(host="127.0.0.1", port=broker.port, topics=("site/siren/command",))
        publisher = Publisher(broker.port)
        with MqttLine(source, "siren", largest=1000) as siren:
            gateway.start()
            try:
                await_(lambda: gateway.status()["up_s"] > 1.0, 10)  # the subscription stands
                heard: list[bytes] = []

                def hears() -> bool:
                    heard.extend(bytes(message.payload) for message in siren.receive(0.1))
                    return bool(heard)

                lines = rows("smoke-1", "smoke_db_m", [1.0, 1.1, 1.2], at_ms=now_ms()).splitlines()
                publisher.publish([("site/g1/up", line) for line in lines])
                await_(hears, 15)
                assert heard == [b"ON"]
                await_(lambda: gateway.status()["rows_kept"] == 3 and not gateway.status()["unsent"], 5)
            finally:
                gateway.kill(signal.SIGTERM)
                publisher.close()


def test_a_webhook_that_is_away_is_told_once_it_is_back() -> None:
    told: list[dict[str, str]] = []

    class Panel(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            broken = len(told) == 1
            self.send_response(500 if broken else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the standard library's name
            pass

    server = HTTPServer(("127.0.0.1", 0), Panel)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    notes: list[tuple[LogNote, str]] = []
    sender = Sender(
        [ChannelSettings(id="panel", kind="webhook", url=url)],
        Path(),
        note=lambda note, sent: notes.append((note, sent)),
        clock=lambda: 7,
    )
    message = OrderMessage(
        message_id="edge-order-a/evacuate/panel",
        order=ORDER,
        channel="panel",
        what="evacuate",
        at=0,
        by="edge:gw",
        edge_id="gw",
    )
    sender.start()
    sender.send([message, message])
    await_(lambda: notes, 10)
    sender.close()
    server.shutdown()
    server.server_close()
    assert len(told) == 2
    assert told[0]["message_id"] == told[1]["message_id"], "the panel can know it again"
    note, sent = notes[0]
    assert (note.kind, json.loads(note.body)["tries"], sent) == ("sent", 2, message.message_id)
