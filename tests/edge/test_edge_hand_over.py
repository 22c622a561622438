"""What a gateway hands over must stand in the real core once: readings in the store, orders as facts."""

from __future__ import annotations

import json
import shutil
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from tests.edge.edge_stand import FEED, Gateway, await_, now_ms, rows
from tests.web.web_server import running

from rencheng.app.sessions import live_session
from rencheng.app.settings import Settings
from rencheng.respond.facts import EdgeAlarmChanged, EdgeMessageSent, EdgeOrderEnded, EdgeOrderGiven
from rencheng.web import create_app


def _span(at_ms: int) -> dict[str, datetime]:
    start = datetime.fromtimestamp(at_ms / 1000, UTC) - timedelta(seconds=1)
    return {"start": start, "end": start + timedelta(hours=1)}


@pytest.mark.slow
def test_readings_and_orders_of_a_lonely_gateway_stand_in_the_core(sandbox_city: Path, tmp_path: Path) -> None:
    city = tmp_path / "city"
    shutil.copytree(sandbox_city, city)
    (city / "feeds" / "community.toml").write_text(FEED, encoding="utf-8")
    settings = Settings(home=tmp_path / "home", flood="off")
    session = live_session(city, settings)
    sensor = next(row["sensor_id"] for row in session.city.rows("channels") if row["quantity"] == "rain_mm")
    gateway = Gateway(tmp_path, "http://127.0.0.1:9")
    try:
        with running(create_app(session, settings=settings)) as address:
            gateway.start()
            at = now_ms() - 600_000
            for k in range(5):
                body = rows(sensor, "rain_mm", [0.2] * 10, at_ms=at + k * 10_000)
                assert gateway.post(body)[0] == 200
                assert gateway.post(body)[0] == 200, "a device whose answer was lost sends again"
            gateway.post(rows("smoke-1", "smoke_db_m", [1.0, 1.1, 1.2], at_ms=now_ms()))
            await_(gateway.messages, 15)
            order_id = json.loads(gateway.messages()[0].read_text())["order_id"]
            gateway.kill(signal.SIGKILL)
            text = gateway.config.read_text(encoding="utf-8").replace("http://127.0.0.1:9", address)
            gateway.config.write_text(text, encoding="utf-8")
            gateway.start()  # the line is mended
            await_(lambda: gateway.status()["waiting_mb"] == 0 and not gateway.status()["records_waiting"], 20)
            gateway.kill(signal.SIGTERM)

            table = session.readings.window("rain_mm", **_span(at), sensors=[sensor], good_only=False)
            assert table.num_rows == 50, "each reading once"
            edge = [entry for entry in session.ledger.since(0) if entry.stream == "edge/gw-1"]
            kinds = [type(entry.body) for entry in edge]
            assert kinds[:3] == [EdgeAlarmChanged, EdgeOrderGiven, EdgeMessageSent]
            assert EdgeOrderEnded not in kinds
            alarm, given, sent = edge[:3]
            assert given.body.order_id == sent.body.order_id == order_id
            assert given.cause == (alarm.id,)
            assert sent.cause == (given.id,)
            assert given.actor == "edge:gw-1"
            record = {
                "edge_id": "gw-1",
                "log_seq": 9,
                "at": "2026-01-01T00:00:00Z",
                "kind": "order",
                "body": "{}",
                "previous": "0" * 64,
                "digest": "1" * 64,
            }
            answer = httpx.post(f"{address}/api/orders/TakeEdgeRecord", json=record)
            assert answer.status_code == 409
            assert "digest" in answer.text
    finally:
        if gateway.process is not None and gateway.process.poll() is None:
            gateway.kill()
        session.close()
