"""The service over HTTP, in batches and over MQTT: the ways in which gateways really speak to it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from tests.adapters.sensorthings.sensorthings_city import BASE, Client, new_stream

from rencheng.adapters.sensorthings import MqttFace
from rencheng.web import create_app

PROPERTY = {"name": "p", "definition": "urn:p", "description": "a property"}


def test_a_json_batch_answers_each_request_and_refers_to_what_it_made(client: Client) -> None:
    key = new_stream(client, name="batched")["@iot.id"]
    requests = [
        {
            "id": "t",
            "atomicityGroup": "a",
            "method": "post",
            "url": "Things",
            "body": {"name": "n", "description": "d"},
        },
        {"id": "u", "atomicityGroup": "a", "method": "patch", "url": "$t", "body": {"name": "m"}},
        {"id": "o", "method": "post", "url": f"Datastreams({key})/Observations", "body": {"result": 5}},
        {"id": "g", "method": "get", "url": "Things?$filter=name eq 'm'&$select=id"},
        {"id": "x", "method": "get", "url": "Nothing"},
        {"id": "b", "method": "get", "url": "$batch"},
    ]
    told = client.ask("POST", "$batch", {"requests": requests})
    answers = {one["id"]: one for one in json.loads(told.body)["responses"]}
    assert [answers[i]["status"] for i in "tuogxb"] == [201, 200, 201, 200, 404, 400]
    assert answers["g"]["body"]["value"] == [{"@iot.id": answers["t"]["body"]["@iot.id"]}]


def test_a_change_set_that_fails_leaves_nothing(client: Client) -> None:
    before = client.get("ObservedProperties?$count=true&$top=0")["@iot.count"]
    requests = [
        {"id": "1", "atomicityGroup": "a", "method": "post", "url": "ObservedProperties", "body": PROPERTY},
        {"id": "2", "atomicityGroup": "a", "method": "post", "url": "ObservedProperties", "body": {}},
        {"id": "3", "atomicityGroup": "a", "method": "post", "url": "ObservedProperties", "body": PROPERTY},
    ]
    client.ask("POST", "$batch", {"requests": requests})
    assert client.get("ObservedProperties?$count=true&$top=0")["@iot.count"] == before


def test_a_change_set_that_fails_undoes_changes_deletions_and_observations_too(client: Client) -> None:
    key = new_stream(client, name="undone")["@iot.id"]
    thing = client.get(f"Datastreams({key})/Thing")["@iot.id"]
    one = client.post(f"Datastreams({key})/Observations", {"phenomenonTime": "2026-05-04T00:00:00Z", "result": 1})
    heard: list[str] = []
    face = MqttFace(client.service, lambda topic, _: heard.append(topic), base=BASE)
    requests: list[dict[str, Any]] = [
        {"id": "1", "method": "patch", "url": f"Datastreams({key})", "body": {"name": "other"}},
        {"id": "2", "method": "post", "url": "ObservedProperties", "body": PROPERTY},
        {"id": "3", "method": "patch", "url": "$2", "body": {"name": "changed in the same set"}},
        {
            "id": "4",
            "method": "post",
            "url": f"Datastreams({key})/Observations",
            "body": {"phenomenonTime": "2026-05-04T01:00:00Z", "result": 2},
        },
        {"id": "5", "method": "delete", "url": f"Things({thing})"},
        {"id": "6", "method": "patch", "url": "Things(999999)", "body": {"name": "nobody"}},
    ]
    before = client.get("ObservedProperties?$count=true&$top=0")["@iot.count"]
    told = client.ask("POST", "$batch", {"requests": [one | {"atomicityGroup": "a"} for one in requests]})
    statuses = [one["status"] for one in json.loads(told.body)["responses"]]
    assert statuses == [424, 424, 424, 424, 424, 404]
    assert client.get(f"Datastreams({key})")["name"] == "level"
    assert client.get(f"Things({thing})")["name"] == "undone"
    assert client.get("ObservedProperties?$count=true&$top=0")["@iot.count"] == before
    assert client.ids(f"Datastreams({key})/Observations") == [one["@iot.id"]]
    assert heard == []
    good = client.ask("POST", "$batch", {"requests": [one | {"atomicityGroup": "a"} for one in requests[:4]]})
    assert [one["status"] for one in json.loads(good.body)["responses"]] == [200, 201, 200, 201]
    assert client.get(f"Datastreams({key})")["name"] == "other"
    assert len(client.ids(f"Datastreams({key})/Observations")) == 2
    assert f"v1.1/Datastreams({key})/Observations" in heard
    face.close()


def test_a_change_set_that_makes_a_datastream_and_its_observations_takes_both(client: Client) -> None:
    key = new_stream(client, name="pattern")["@iot.id"]
    links = {
        link: {"@iot.id": client.get(f"Datastreams({key})/{link}")["@iot.id"]}
        for link in ("Thing", "Sensor", "ObservedProperty")
    }
    like = client.get(f"Datastreams({key})")
    body = {name: like[name] for name in ("name", "description", "observationType", "unitOfMeasurement")} | links
    observation = {"phenomenonTime": "2026-05-04T02:00:00Z", "result": 250}
    requests = [
        {"id": "d", "atomicityGroup": "a", "method": "post", "url": "Datastreams", "body": body},
        {"id": "o", "atomicityGroup": "a", "method": "post", "url": "$d/Observations", "body": observation},
    ]
    told = json.loads(client.ask("POST", "$batch", {"requests": requests}).body)["responses"]
    assert [one["status"] for one in told] == [201, 201]
    found = client.get(f"Observations('{told[1]['body']['@iot.id']}')")
    assert (found["result"], found["phenomenonTime"]) == (250, "2026-05-04T02:00:00Z")


def test_requests_of_an_atomicity_group_that_do_not_stand_together_are_refused(client: Client) -> None:
    made = {"method": "post", "url": "ObservedProperties", "body": PROPERTY}
    requests = [
        {"id": "1", "atomicityGroup": "a"} | made,
        {"id": "2"} | made,
        {"id": "3", "atomicityGroup": "a"} | made,
    ]
    told = json.loads(client.ask("POST", "$batch", {"requests": requests}).body)["responses"]
    assert [one["status"] for one in told] == [201, 201, 400]


def test_a_multipart_batch_is_answered_in_kind(client: Client) -> None:
    body = "\r\n".join(
        [
            "--b",
            "Content-Type: application/http",
            "",
            "GET /sensorthings/v1.1/ObservedProperties('stage_m')?$select=name HTTP/1.1",
            "Host: localhost",
            "",
            "",
            "--b",
            "Content-Type: multipart/mixed; boundary=c",
            "",
            "--c",
            "Content-Type: application/http",
            "Content-ID: 1",
            "",
            "POST ObservedProperties HTTP/1.1",
            "Content-Type: application/json",
            "",
            json.dumps(PROPERTY),
            "--c",
            "Content-Type: application/http",
            "Content-ID: 2",
            "",
            "PATCH $1 HTTP/1.1",
            "Content-Type: application/json",
            "",
            '{"name": "q"}',
            "--c--",
            "--b--",
            "",
        ]
    )
    told = client.ask("POST", "$batch", body.encode(), content_type="multipart/mixed; boundary=b")
    text = told.body.decode()
    assert told.media_type.startswith("multipart/mixed; boundary=batch_")
    assert [line for line in text.splitlines() if line.startswith("HTTP/1.1")] == [
        "HTTP/1.1 200 OK",
        "HTTP/1.1 201 Created",
        "HTTP/1.1 200 OK",
    ]
    assert '"name":"q"' in text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"),
        (b'{"requests": [1, {"id": 3}]}', "application/json"),
        (b"--b\r\n\r\n--b--", "multipart/mixed; boundary=b"),
        (b"--b\r\nContent-Type: multipart/mixed\r\n\r\n", "multipart/mixed; boundary=b"),
        (b"\xff" * 500, "multipart/mixed; boundary=b"),
        (b"", "multipart/mixed"),
    ],
)
def test_a_batch_that_is_none_is_refused(client: Client, body: bytes, kind: str) -> None:
    assert client.ask("POST", "$batch", body, content_type=kind).status in {200, 400}


def test_a_message_creates_and_what_is_created_is_published(client: Client) -> None:
    heard: list[tuple[str, Any]] = []
    face = MqttFace(client.service, lambda topic, payload: heard.append((topic, json.loads(payload))), base=BASE)
    key = new_stream(client, name="by mqtt")["@iot.id"]
    heard.clear()
    sent = {"phenomenonTime": "2026-05-01T00:00:00Z", "result": 12.5}
    told = face.on_message(f"v1.1/Datastreams({key})/Observations", json.dumps(sent).encode(), client="g1")
    assert told.status == 201
    topics = dict(heard)
    assert topics[f"v1.1/Datastreams({key})/Observations"]["result"] == 12.5
    assert "v1.1/Observations" in topics
    feature = topics["v1.1/FeaturesOfInterest"]["@iot.id"]  # made of the Thing's Location, as the standard says
    assert topics[f"v1.1/FeaturesOfInterest({feature})/Observations"]["result"] == 12.5
    heard.clear()
    client.ask("PATCH", f"Datastreams({key})", {"name": "renamed"})
    assert dict(heard)[f"v1.1/Datastreams({key})/name"] == {"name": "renamed"}
    assert face.on_message("v1.1/Things", b"{}").status == 400
    assert face.on_message("other/Observations", b"{}").status == 400


def test_the_service_stands_in_the_application_with_its_links_and_refusals(client: Client) -> None:
    app = create_app(client.session, console=None)

    async def ask() -> None:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            root = (await http.get("/sensorthings/v1.1")).json()
            assert root["value"][0]["url"] == f"{BASE}/Things"
            made = await http.post("/sensorthings/v1.1/ObservedProperties", json=PROPERTY)
            assert made.status_code == 201
            assert (await http.get(made.headers["location"])).json()["name"] == "p"
            quoted = await http.get("/sensorthings/v1.1/ObservedProperties('stage_m')", params={"$select": "name"})
            assert quoted.json() == {"name": "stage"}
            found = await http.get("/sensorthings/v1.1/Things", params={"$filter": "name eq 'a' and"})
            assert (found.status_code, found.headers["content-type"]) == (400, "application/problem+json")
            foreign = await http.post("/sensorthings/v1.1/Things", json={}, headers={"origin": "http://evil.example"})
            assert foreign.status_code == 403
            kind = {"content-type": "text/csv"}
            assert (await http.post("/sensorthings/v1.1/Things", content=b"a", headers=kind)).status_code == 415
            assert (await http.put("/sensorthings/v1.1/Things", json={})).status_code == 405
            large = await http.post("/sensorthings/v1.1/Things", content=b" " * (2 << 20))
            assert large.status_code == 413

    asyncio.run(ask())
