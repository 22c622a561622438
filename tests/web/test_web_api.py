"""The API as the console and other systems meet it: what it shows, what it takes, and how it refuses."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta

import h3
import httpx
import pytest
from lxml import etree
from tests.web.web_server import running
from tests.web.web_session import ScriptedSession

from rencheng.city import City
from rencheng.web import create_app


def test_state_shows_what_a_duty_officer_needs_at_one_ledger_position(
    client: httpx.Client, session: ScriptedSession
) -> None:
    state = client.get("/api/state").json()
    assert state["seq"] == session.ledger.head
    warning = state["warnings"][0]
    assert (warning["colour"], warning["state"]) == ("red", "in_force")
    assert [step["colour"] for step in warning["history"]] == ["yellow", "orange", "red"]
    assert warning["messages"] == {"queued": 0, "delivered": 3, "failed": 0, "abandoned": 0}
    assert warning["reasons"][0]["evidence"][0]["value"] == 103.6
    incident = state["incidents"][0]
    assert [node["number"] for node in incident["nodes"]] == [1, 2, 3, 4, 5, 6]
    escalated = next(task for task in state["tasks"] if task["task_id"] == "t1")
    assert (escalated["role_id"], escalated["escalations"]) == ("commander", 1)
    assert len(state["closures"]) == 3
    assert len(state["closures"][0]["line"]) == 2
    assert {unit["state"] for unit in state["units"]} == {"available", "en_route", "on_scene"}
    assert {health["sensor_id"] for health in state["health"]} == {"r4", "r6"}


def test_latest_readings_carry_the_threshold_they_reached(client: httpx.Client, session: ScriptedSession) -> None:
    session.advance(timedelta(minutes=170))
    latest = {row["sensor_id"]: row for row in client.get("/api/state").json()["latest"]}
    assert latest["g1"]["colour"] == "red"
    assert latest["r1"]["colour"] == ""


def test_an_end_of_the_story_clears_what_is_over(client: httpx.Client, session: ScriptedSession) -> None:
    session.advance(timedelta(hours=4))
    state = client.get("/api/state").json()
    assert state["incidents"][0]["closed_at"] is not None
    assert len(state["incidents"][0]["nodes"]) == 12
    assert {need["state"] for need in state["needs"]} == {"met", "open"}
    assert {unit["state"] for unit in state["units"]} == {"available"}
    assert state["damage"][0]["gaps"][0]["item"] == "pump"
    indicators = {i["indicator"]: i for i in state["indicators"]}
    assert len(indicators) == 12
    assert (indicators["closed_loop"]["colour"], indicators["closed_loop"]["title"]["zh"]) == ("red", "闭环率")
    assert indicators["needs_met"]["value"] is None
    assert state["clock"]["phase"] == "ended"


@pytest.mark.parametrize(
    "layer", ["areas", "waters", "roads", "streets", "cells", "facilities", "sensors", "units", "roles"]
)
def test_a_layer_is_asked_for_once(client: httpx.Client, layer: str) -> None:
    first = client.get(f"/api/city/layers/{layer}")
    assert first.headers["content-encoding"] == "gzip"
    again = client.get(f"/api/city/layers/{layer}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get(f"/api/city/layers/{layer}", headers={"Accept-Encoding": "identity"})
    assert plain.json() == first.json()


def test_cells_travel_as_text_that_a_browser_cannot_round(client: httpx.Client, small_city: City) -> None:
    cells = client.get("/api/city/layers/cells").json()
    assert len(cells["h3"]) == len(small_city.table("cells"))
    assert all(h3.is_valid_cell(cell) for cell in cells["h3"])
    facts = client.get("/api/facts", params={"kind": "WarningIssued"}).json()["facts"]
    assert all(h3.is_valid_cell(cell) for cell in facts[0]["body"]["notice"]["cells"])


def test_road_lines_unfold_to_the_city_and_one_direction_is_kept(client: httpx.Client, small_city: City) -> None:
    layers = [client.get(f"/api/city/layers/{name}").json() for name in ("roads", "streets")]
    lines = [line for layer in layers for listed in layer["classes"].values() for line in listed]
    assert len(lines) == len(small_city.table("road_links")) / 2
    west, south, east, north = client.get("/api/city").json()["bbox"]
    lon, lat = lines[0][0] / layers[0]["scale"], lines[0][1] / layers[0]["scale"]
    assert west - 0.01 <= lon <= east + 0.01
    assert south - 0.01 <= lat <= north + 0.01


def test_buildings_come_by_box_and_say_when_there_are_more(client: httpx.Client) -> None:
    box = {"west": 113, "south": 23, "east": 114, "north": 24, "limit": 10}
    answer = client.get("/api/city/layers/buildings", params=box).json()
    assert (len(answer["buildings"]["building_id"]), answer["more"]) == (10, True)
    assert len(answer["buildings"]["outline"][0]) == 10


def test_risk_is_given_at_the_nearest_horizon(client: httpx.Client) -> None:
    risk = client.get("/api/risk/waterlogging", params={"lead_h": 2.4}).json()
    assert (risk["lead_h"], risk["leads_h"]) == (3.0, [0.0, 1.0, 3.0, 6.0])
    lengths = {len(risk[name]) for name in ("h3", "colour", "probability", "residents", "risk")}
    assert len(lengths) == 1
    assert max(risk["colour"]) == 4
    assert client.get("/api/risk/rainstorm").status_code == 404


def test_a_series_has_thresholds_and_forecast_and_is_thinned_without_losing_its_peak(client: httpx.Client) -> None:
    series = client.get("/api/sensors/g2/series", params={"quantity": "stage_m", "hours": 6}).json()
    assert [t["colour"] for t in series["thresholds"]] == ["blue", "yellow", "orange", "red"]
    assert series["forecast"]["horizons"][0]["low"] < series["forecast"]["horizons"][0]["high"]
    assert series["at"] == sorted(series["at"])
    assert client.get("/api/sensors/g2/series", params={"quantity": "beauty"}).status_code == 422
    assert client.get("/api/sensors/nobody/series", params={"quantity": "stage_m"}).status_code == 404


def test_facts_page_through_without_gap_or_repeat(client: httpx.Client, session: ScriptedSession) -> None:
    seen: list[int] = []
    since = 0
    while page := client.get("/api/facts", params={"since": since, "limit": 7}).json():
        if not page["facts"]:
            break
        seen += [fact["seq"] for fact in page["facts"]]
        since = page["next"]
    assert seen == list(range(1, session.ledger.head + 1))
    assert client.get("/api/facts", params={"kind": "Nonsense"}).status_code == 404


def test_an_order_becomes_facts_in_the_name_of_the_role(client: httpx.Client) -> None:
    body = {"task_id": "t3", "role_id": "grid_officer"}
    answer = client.post("/api/orders/AcknowledgeTask", json=body, headers={"X-Role": "grid_officer"}).json()
    assert answer["facts"][0]["kind"] == "TaskAcknowledged"
    assert answer["facts"][0]["actor"] == "role:grid_officer"
    task = next(task for task in client.get("/api/state").json()["tasks"] if task["task_id"] == "t3")
    assert task["state"] == "acknowledged"


@pytest.mark.parametrize(
    ("path", "body", "role", "status", "slug"),
    [
        ("AcknowledgeTask", {"task_id": "nothing"}, "duty_officer", 404, "not-found"),
        ("AcknowledgeTask", {"task": 1}, "duty_officer", 422, "invalid-input"),
        ("AcknowledgeTask", {"task_id": "t3"}, "king", 422, "invalid-input"),
        ("Abdicate", {}, "duty_officer", 404, "not-found"),
        ("ReopenRoad", {"link_id": 3}, "duty_officer", 409, "order-refused"),
    ],
)
def test_a_refused_order_says_why_as_problem_details(
    client: httpx.Client, path: str, body: dict[str, object], role: str, status: int, slug: str
) -> None:
    answer = client.post(f"/api/orders/{path}", json=body, headers={"X-Role": role})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:rencheng:problem:{slug}"
    assert answer.json()["detail"]


def test_orders_describe_their_forms(client: httpx.Client) -> None:
    forms = {form["name"]: form for form in client.get("/api/orders").json()}
    assert "task_id" in json.dumps(forms["AcknowledgeTask"]["form"])


def test_readings_are_bounded_and_only_known_encodings_taken(client: httpx.Client) -> None:
    taken = client.post("/api/readings/gauges", content=b"a,b\n1,2\n", headers={"Content-Type": "text/csv"})
    assert taken.json()["accepted"] == 2
    packed = gzip.compress(b"a,b\n")
    assert client.post("/api/readings/gauges", content=packed, headers={"Content-Encoding": "gzip"}).is_success
    assert client.post("/api/readings/gauges", content=b"x", headers={"Content-Encoding": "br"}).status_code == 415
    assert client.post("/api/readings/none", content=b"x").status_code == 404
    assert client.post("/api/orders/AcknowledgeTask", content=b"x" * (2 << 20)).status_code == 413
    too_large = iter([b"x" * (1 << 20)] * 65)
    assert client.post("/api/readings/gauges", content=too_large).status_code == 413


def test_a_foreign_page_cannot_change_anything(client: httpx.Client) -> None:
    foreign = {"Origin": "http://elsewhere.example"}
    assert client.post("/api/clock", json={"phase": "paused"}, headers=foreign).status_code == 403
    assert client.get("/api/state", headers={"Host": "elsewhere.example"}).status_code == 400


def test_the_clock_obeys_in_rehearsal_and_not_in_life(client: httpx.Client, small_city: City) -> None:
    assert client.post("/api/clock", json={"phase": "paused", "speed": 300}).json()["phase"] == "paused"
    assert client.post("/api/clock", json={"phase": "sideways"}).status_code == 422
    with running(create_app(ScriptedSession(small_city, mode="live"), console=None)) as live:
        answer = httpx.post(f"{live}/api/clock", json={"phase": "paused"}, timeout=20)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:rencheng:problem:order-refused")


def test_every_notice_is_a_cap_message_and_the_feed_leads_to_it(client: httpx.Client) -> None:
    feed = etree.fromstring(client.get("/api/cap/feed.atom").content)
    links = feed.findall(".//{*}entry/{*}link")
    message = client.get(str(links[0].get("href")))
    assert message.headers["content-type"].startswith("application/cap+xml"), message.text
    assert etree.QName(etree.fromstring(message.content)).localname == "alert"
    assert len(feed.findall("{*}entry")) == 3
    assert client.get("/api/cap/nothing.xml").status_code == 404


def test_measures_are_prometheus_text(client: httpx.Client, session: ScriptedSession) -> None:
    lines = client.get("/metrics").text.splitlines()
    assert f"rencheng_ledger_head {session.ledger.head}" in lines
    assert 'rencheng_warnings_in_force{colour="red"} 1.0' in lines
    assert any(line.startswith('rencheng_http_responses_total{status="200"}') for line in lines)


def test_a_page_without_a_build_says_how_to_make_one(client: httpx.Client) -> None:
    page = client.get("/")
    assert "make setup" in page.text
    assert client.get("/assets/../../secret").status_code == 404
