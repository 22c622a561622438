"""The register of flood-prone points over HTTP: what a duty officer sees of each, and how a revision shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.web.web_points import points_city
from tests.web.web_server import running
from tests.web.web_session import ScriptedSession

from rencheng import recover
from rencheng.city import City
from rencheng.kernel import Bilingual, Draft
from rencheng.recover.remediation import revised
from rencheng.web import create_app


@pytest.fixture(scope="module")
def points_town(tmp_path_factory: pytest.TempPathFactory) -> City:
    return points_city(tmp_path_factory.mktemp("points") / "linjiang")


@pytest.fixture
def played(points_town: City) -> ScriptedSession:
    session = ScriptedSession(points_town)
    session.advance(timedelta(minutes=75))
    return session


@pytest.fixture
def points_client(played: ScriptedSession) -> Iterator[httpx.Client]:
    with running(create_app(played, console=None)) as address, httpx.Client(base_url=address, timeout=20) as made:
        yield made


def points(client: httpx.Client, **params: Any) -> dict[str, Any]:
    answer = client.get("/api/flood/points", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_each_point_says_who_watches_it_how_deep_it_is_and_what_is_expected(points_client: httpx.Client) -> None:
    found = points(points_client)
    first, second, third = found["points"]
    assert (first["point_id"], first["overdue"], first["sensor_id"], first["sensor_distance_m"]) == (
        "yld-001", True, "d1", 0.0,
    )  # fmt: skip
    assert first["depth_m"] is not None
    assert first["closure_prob"] >= 0.5
    assert first["closure_prob"] <= first["warning_prob"]
    assert first["first_min"] is not None
    assert (first["org"], first["closure_m"], first["warning_m"]) != ("", 0.27, None)
    assert second["overdue"] is False
    assert (third["sensor_id"], third["measured"], third["depth_m"]) == (None, False, None)
    assert found["forecast_id"] == "flood-3"
    assert points(points_client, forecast_id="flood-1")["forecast_id"] == "flood-1"
    assert points_client.get("/api/flood/points", params={"forecast_id": "none"}).status_code == 404


def test_ponding_is_told_by_event_and_against_the_baseline(points_client: httpx.Client) -> None:
    found = points(points_client)
    (event,) = found["points"][0]["events"]
    assert event["peak_m"] == pytest.approx(0.45, abs=0.02)
    assert event["closed"]
    assert 1800 <= event["above_s"] <= event["duration_s"] <= 5400
    kpi = found["kpi"]
    assert (kpi["points"], kpi["watched"], kpi["measured"], kpi["ponded"]) == (3, 2, 2, 2)
    assert kpi["target_ratio"] == -0.4


def test_the_overdue_list_is_in_the_order_of_delay_and_the_files_hold_the_same(points_client: httpx.Client) -> None:
    late = points(points_client, overdue=True)
    assert [p["point_id"] for p in late["points"]] == ["yld-001"]
    table = points_client.get("/api/flood/points.csv", params={"overdue": True})
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert [(row["point_id"], row["name"], row["overdue"]) for row in rows] == [("yld-001", "北站下穿", "True")]
    shapes = points_client.get("/api/flood/points.geojson").json()
    assert [f["properties"]["point_id"] for f in shapes["features"]] == ["yld-001", "yld-002", "yld-003"]
    assert shapes["features"][0]["geometry"]["type"] == "Point"
    assert "flood-points" in table.headers["content-disposition"]


def test_a_revision_shows_with_who_and_why(played: ScriptedSession, points_client: httpx.Client) -> None:
    now = played.clock().now
    order = recover.ReviseRemediation(point_id="yld-001", status="done", why="pumps fitted")
    draft: Draft = revised(recover.initial_state(), order, played.city, now, "role:water")
    assert isinstance(draft.body, recover.RemediationRevised)
    assert draft.body.name == Bilingual(zh="北站下穿", en="North Station underpass")
    played.ledger.append([draft], now=now)
    first = points(points_client)["points"][0]
    assert (first["status"], first["overdue"]) == ("done", False)
    assert [(r["actor"], r["before"], r["why"]) for r in first["revisions"]] == [
        ("role:water", "in_work", "pumps fitted")
    ]


def test_a_round_that_begins_now_has_no_ponding_and_nothing_is_called_dry(points_client: httpx.Client) -> None:
    found = points(points_client, since="2099-01-01T00:00:00Z")
    assert [p["measured"] for p in found["points"]] == [False, False, False]
    assert found["kpi"]["change_ratio"] is None


def test_a_city_without_a_register_has_an_empty_one(client: httpx.Client) -> None:
    found = points(client)
    assert (found["points"], found["overdue"], found["kpi"]["points"]) == ([], 0, 0)
