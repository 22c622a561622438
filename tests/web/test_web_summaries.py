"""Many sensors over HTTP: last readings in a box, hours; and what is said of boxes and spans that make no sense."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from rencheng.app.session import Session
from rencheng.app.sessions import live_session
from rencheng.app.settings import Settings
from rencheng.sense import decoded_from_arrays
from rencheng.web import create_app

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
WORLD = {"quantity": "stage_m", "west": -180, "south": -90, "east": 180, "north": 90}


@pytest.fixture
def session(sandbox_city: Path, tmp_path: Path) -> Iterator[Session]:
    live = live_session(sandbox_city, Settings(home=tmp_path / "home", flood="off"))
    yield live
    live.close()


def got(session: Session, path: str, **query: Any) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=create_app(session, console=None))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path, params=query)

    return asyncio.run(ask())


def gauges(session: Session) -> list[str]:
    """Take two readings of every river gauge; give the gauges."""
    sensors = sorted({row["sensor_id"] for row in session.city.rows("channels") if row["quantity"] == "stage_m"})
    store = session._score.run.readings
    for minute in (5, 10):
        at = np.array([(HOUR + timedelta(minutes=minute)).replace(tzinfo=None)] * len(sensors), "datetime64[us]")
        values = np.round(2.0 + 0.001 * np.arange(len(sensors)) + minute / 1000, 4)
        batch = decoded_from_arrays(sensors, "stage_m", at, values)
        store.take("test", str(minute), batch, now=HOUR + timedelta(minutes=minute))
    return sensors


def test_the_last_readings_of_a_box_come_thinned_as_json_and_as_arrow(session: Session) -> None:
    sensors = gauges(session)
    answer = got(session, "/api/readings/latest", **WORLD, across=1024).json()
    assert sum(answer["sensors"]) == len(sensors)
    assert set(answer["at"]) == {(HOUR + timedelta(minutes=10)).timestamp()}
    one = got(session, "/api/readings/latest", **WORLD, across=1).json()
    assert one["sensor_id"] == sensors[-1:]  # the greatest value
    assert one["sensors"] == [len(sensors)]
    arrow = got(session, "/api/readings/latest", **WORLD, across=1024, format="arrow")
    assert arrow.headers["content-type"] == "application/vnd.apache.arrow.stream"
    assert pa.ipc.open_stream(arrow.content).read_all()["sensor_id"].to_pylist() == answer["sensor_id"]


def test_hours_are_given_by_sensor_and_together(session: Session) -> None:
    sensors = gauges(session)
    span = {"quantity": "stage_m", "start": HOUR.isoformat(), "end": (HOUR + timedelta(hours=1)).isoformat()}
    by_sensor = got(session, "/api/readings/hourly", **span).json()
    assert by_sensor["sensor_id"] == sensors
    assert by_sensor["readings"] == [2] * len(sensors)
    assert by_sensor["mean"][0] == pytest.approx(2.0075)
    together = got(session, "/api/readings/hourly", **span, together=True, sensor=sensors[:2]).json()
    assert (together["readings"], together["low"], together["high"]) == ([4], [2.005], [2.011])
    assert together["at"] == [HOUR.timestamp()]


NONSENSE: list[tuple[str, dict[str, Any], int, str]] = [
    ("latest", WORLD | {"quantity": "love"}, 422, "love"),
    ("latest", WORLD | {"quantity": "methane_ratio_lel"}, 404, "no sensor has reported"),
    ("latest", WORLD | {"south": 10, "north": 10}, 422, "box of the map is empty"),
    ("latest", WORLD | {"west": "NaN"}, 422, "west"),
    ("latest", WORLD | {"across": 10**9}, 422, "across"),
    ("latest", WORLD | {"west": 0, "east": 1e-12, "across": 1024}, 200, "sensor_id"),  # a needle
    ("hourly", {"quantity": "stage_m", "start": "2026-01-01T00:00", "end": "2026-01-02T00:00Z"}, 422, "zone"),
    ("hourly", {"quantity": "stage_m", "start": "2026-01-02T00:00Z", "end": "2026-01-01T00:00Z"}, 422, "span"),
    ("hourly", {"quantity": "stage_m", "start": "0001-01-01T00:00Z", "end": "9999-01-01T00:00Z"}, 422, "year"),
]


def test_what_makes_no_sense_is_refused_plainly(session: Session) -> None:
    gauges(session)
    for path, query, status, said in NONSENSE:
        answer = got(session, f"/api/readings/{path}", **query)
        assert answer.status_code == status, answer.text
        assert said in answer.text
