"""A live city behind its API: a source taken in by configuration only (DAT-01), a reading seen in one turn (TWN-02)."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from rencheng.app.session import Session
from rencheng.app.sessions import live_session
from rencheng.app.settings import Settings
from rencheng.assess import read_risk_index
from rencheng.city import read_city
from rencheng.evaluate import measure, resilience_tree
from rencheng.science.composite import reweighted
from rencheng.web import create_app

BUREAU = """
# A water bureau that writes feet and inches, its own column names, seconds since 1970, and dashes for nothing.
[feed]
id = "water_bureau"
name = "水务局遥测"
format = "ndjson"
sensor_column = "stn"
missing = ["", "--"]

[feed.time]
column = "ts"
format = "epoch_s"

[[feed.columns]]
column = "lvl"
quantity = "stage_m"
unit = "cm"

[[feed.columns]]
column = "pcp"
quantity = "rain_mm"
unit = "in"
"""


class Api:
    """Requests to the application in this very process: no port, no wait."""

    def __init__(self, session: Session) -> None:
        self._app = create_app(session, console=None)

    def __call__(self, method: str, path: str, **what: Any) -> Any:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, **what)

        answer = asyncio.run(ask())
        assert answer.is_success, answer.text
        return answer.json()


@pytest.fixture
def bureau_city(sandbox_city: Path, tmp_path: Path) -> Path:
    """The sandbox city with one file more: the configuration of a source nobody knew."""
    city = tmp_path / "city"
    shutil.copytree(sandbox_city, city)
    (city / "feeds" / "water_bureau.toml").write_text(BUREAU, encoding="utf-8")
    return city


@pytest.fixture
def session(bureau_city: Path, tmp_path: Path) -> Iterator[Session]:
    """A live run whose clock nobody started: it turns when it is asked to, and only then."""
    live = live_session(bureau_city, Settings(home=tmp_path / "home"))
    yield live
    live.close()


def gauges(city: Path) -> tuple[str, str]:
    """A river gauge and a rain gauge of the city."""
    first: dict[str, str] = {}
    for channel in read_city(city).rows("channels"):
        first.setdefault(channel["quantity"], channel["sensor_id"])
    return first["stage_m"], first["rain_mm"]


def rows(*lines: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(line) for line in lines).encode()


def test_a_new_source_is_taken_in_by_configuration_only(bureau_city: Path, session: Session) -> None:
    api, (river, rain) = Api(session), gauges(bureau_city)
    at = int((datetime.now(UTC) - timedelta(minutes=2)).timestamp())
    body = rows(
        {"stn": river, "ts": at, "lvl": 345.0, "pcp": "--"},
        {"stn": rain, "ts": at, "lvl": "--", "pcp": 0.5},
        {"stn": "nobody-knows", "ts": at, "lvl": 1.0},
        {"stn": river, "ts": "yesterday", "lvl": 1.0},
    )
    taken = api("POST", "/api/readings/water_bureau", content=gzip.compress(body))
    assert (taken["accepted"], taken["refused"]) == (2, 2)
    assert taken["reasons"] == {"unknown_sensor": 1, "bad_time": 1}
    kept = session._score.run.readings.refused("water_bureau").to_pylist()
    assert sorted(row["reason"] for row in kept) == ["bad_time", "unknown_sensor"]
    assert any("nobody-knows" in row["raw"] for row in kept)
    table = session.readings.latest(at=session.clock().now).to_pylist()
    latest = {(row["sensor_id"], row["quantity"]): row["value"] for row in table}
    assert latest[river, "stage_m"] == pytest.approx(3.45)
    assert latest[rain, "rain_mm"] == pytest.approx(12.7)


def test_the_healthy_feed_rate_counts_the_new_source(bureau_city: Path, session: Session) -> None:
    """DAT-01: the rate is of feeds that deliver; the new one is in it from its first batch."""
    api, (river, _) = Api(session), gauges(bureau_city)
    at = int((datetime.now(UTC) - timedelta(minutes=2)).timestamp())
    api("POST", "/api/readings/water_bureau", content=rows({"stn": river, "ts": at, "lvl": 300.0}))
    state = session.states().evaluate
    assert state.feeds == {"water_bureau": True}
    health = next(m for m in measure(state, session.clock().now) if m.indicator.id == "feed_health")
    assert (health.value, health.colour) == (1.0, "blue")


def test_a_reading_is_on_the_picture_after_the_turn_that_took_it(bureau_city: Path, session: Session) -> None:
    """TWN-02: no request in between, no wait; what was posted is what the next picture shows, and again at once."""
    api, (river, _) = Api(session), gauges(bureau_city)
    start = datetime.now(UTC) - timedelta(minutes=10)
    for step, level_cm in enumerate((300.0, 310.0, 335.0)):
        at = int((start + timedelta(minutes=step)).timestamp())
        turns = session._score.run.loop.turns
        api("POST", "/api/readings/water_bureau", content=rows({"stn": river, "ts": at, "lvl": level_cm}))
        assert session._score.run.loop.turns == turns + 1
        shown = {(r["sensor_id"], r["quantity"]): r for r in api("GET", "/api/state")["latest"]}
        assert shown[river, "stage_m"]["value"] == pytest.approx(level_cm / 100.0)
        assert datetime.fromisoformat(shown[river, "stage_m"]["at"]).timestamp() == at


def test_the_risk_index_is_computed_from_a_run_as_it_stands(bureau_city: Path, session: Session) -> None:
    api, (river, rain) = Api(session), gauges(bureau_city)
    at = int((datetime.now(UTC) - timedelta(minutes=2)).timestamp())
    body = rows({"stn": river, "ts": at, "lvl": 300.0}, {"stn": rain, "ts": at, "pcp": 0.1})
    api("POST", "/api/readings/water_bureau", content=body)
    index = read_risk_index(session.states().assess, session.inputs().assess, session.clock().now)
    assert index.scored.score is not None
    measured = {i.indicator.id for d in index.scored.dimensions for i in d.indicators if i.score is not None}
    assert {"river_signal_rank", "unheard_channels_ratio", "beds_per_1000", "flood_exposed_ratio"} <= measured
    assert "crowd_per_m2" in index.scored.missing


def test_a_person_revises_the_weights_by_the_api_and_the_report_tells_it(session: Session) -> None:
    api = Api(session)
    after = reweighted(resilience_tree().weights, "public_health", 0.22)
    api("POST", "/api/orders/ReviseWeights", json={"weights": after, "why": "流感季"})
    report = api("GET", "/api/report.json")
    (told,) = report["revisions"]
    assert (told["before"]["public_health"], told["after"]["public_health"]) == (0.12, 0.22)
    shown = {d["id"]: d["weight"] for d in report["resilience"]["dimensions"]}
    assert shown["public_health"] == 0.22
