"""Entities as the data model and the classes of creation have them; a broken one loses a client its devices."""

from __future__ import annotations

import json

import pytest
from tests.adapters.sensorthings.sensorthings_city import BASE, Client, new_stream


def test_the_root_lists_the_sets_and_the_requirement_classes(client: Client) -> None:
    root = client.get("/")
    assert {one["name"] for one in root["value"]} == {
        "Things",
        "Locations",
        "HistoricalLocations",
        "Datastreams",
        "Sensors",
        "ObservedProperties",
        "Observations",
        "FeaturesOfInterest",
    }
    assert root["value"][0]["url"] == f"{BASE}/Things"
    assert all("/1.1/req/" in one for one in root["serverSettings"]["conformance"])


@pytest.mark.parametrize(
    ("set_name", "properties", "links"),
    [
        ("Things", {"name", "description", "properties"}, {"Datastreams", "Locations", "HistoricalLocations"}),
        ("Locations", {"name", "description", "encodingType", "location"}, {"Things", "HistoricalLocations"}),
        (
            "Datastreams",
            {"name", "description", "unitOfMeasurement", "observationType"},
            {"Thing", "Sensor", "ObservedProperty", "Observations"},
        ),
        ("Sensors", {"name", "description", "encodingType", "metadata"}, {"Datastreams"}),
        ("ObservedProperties", {"name", "definition", "description"}, {"Datastreams"}),
        ("FeaturesOfInterest", {"name", "description", "encodingType", "feature"}, {"Observations"}),
    ],
)
def test_the_city_s_sensors_are_entities(client: Client, set_name: str, properties: set[str], links: set[str]) -> None:
    first = client.get(f"{set_name}?$top=1")["value"][0]
    assert properties <= set(first)
    assert {name.partition("@")[0] for name in first if name.endswith("navigationLink")} == links
    again = client.get(first["@iot.selfLink"])
    assert {k: again[k] for k in properties} == {k: first[k] for k in properties}
    for name in links:
        assert client.ask("GET", first[f"{name}@iot.navigationLink"]).status == 200


def test_a_deep_insert_makes_all_of_it_and_the_history_of_its_place(client: Client) -> None:
    stream = new_stream(client)
    assert isinstance(stream["@iot.id"], int)
    thing = client.get(f"{stream['@iot.selfLink']}/Thing?$expand=Locations,HistoricalLocations/Locations")
    assert thing["properties"] == {"owner": "water bureau", "depth": 12}
    assert [one["name"] for one in thing["Locations"]] == ["yard"]
    assert thing["HistoricalLocations"][0]["Locations"][0]["name"] == "yard"
    assert client.get(f"{stream['@iot.selfLink']}/Sensor")["name"] == "probe"


def test_a_deep_insert_that_is_wrong_somewhere_leaves_nothing(client: Client) -> None:
    before = client.get("Things?$count=true&$top=0")["@iot.count"]
    told = client.refusal("POST", "Things", {"name": "x", "description": "y", "Datastreams": [{"name": "half"}]})
    assert "Datastream" in told["where"]
    assert client.get("Things?$count=true&$top=0")["@iot.count"] == before


def test_an_answer_to_a_creation_names_where_it_is(client: Client) -> None:
    found = client.ask("POST", "ObservedProperties", {"name": "pH", "definition": "http://x/ph", "description": "acid"})
    assert found.status == 201
    assert found.headers["Location"] == json.loads(found.body)["@iot.selfLink"]
    assert client.get(found.headers["Location"])["name"] == "pH"


def test_a_patch_changes_what_is_sent_and_a_put_everything(client: Client) -> None:
    thing = client.post("Things", {"name": "a", "description": "b", "properties": {"c": 1}})
    at = thing["@iot.selfLink"]
    assert client.ask("PATCH", at, {"name": "d"}).status == 200
    assert client.get(at)["properties"] == {"c": 1}
    assert client.ask("PUT", at, {"name": "e", "description": "f"}).status == 200
    now = client.get(at)
    assert (now["name"], now["description"], now.get("properties")) == ("e", "f", None)
    assert client.refusal("PUT", at, {"name": "g"})["status"] == 400
    assert client.refusal("PATCH", at, {"colour": "red"})["where"] == "Thing colour"
    assert client.refusal("PATCH", at, {"Locations": [{"name": "new"}]})["status"] == 400


def test_a_thing_that_moves_gets_a_historical_location(client: Client) -> None:
    stream = new_stream(client, name="boat")
    thing = client.get(f"{stream['@iot.selfLink']}/Thing")["@iot.selfLink"]
    place = {
        "name": "pier",
        "description": "north",
        "encodingType": "application/geo+json",
        "location": {"type": "Point", "coordinates": [121.6, 31.3]},
    }
    client.post(f"{thing}/Locations", place)
    assert len(client.get(f"{thing}/HistoricalLocations")["value"]) == 2
    assert [one["name"] for one in client.get(f"{thing}/Locations")["value"]] == ["pier"]


def test_what_cannot_be_without_a_deleted_entity_goes_too(client: Client) -> None:
    stream = new_stream(client, name="gone")
    at = stream["@iot.selfLink"]
    client.post(f"{at}/Observations", {"phenomenonTime": "2026-01-01T00:00:00Z", "result": 1})
    observation = client.get(f"{at}/Observations")["value"][0]["@iot.selfLink"]
    thing = client.get(f"{at}/Thing")["@iot.selfLink"]
    assert client.ask("DELETE", thing).status == 200
    for address in (thing, at, observation):
        assert client.ask("GET", address).status == 404


def test_a_city_sensor_can_be_changed_and_hidden_without_touching_the_package(client: Client) -> None:
    key = client.ids("Things?$top=1&$skip=3")[0]
    assert isinstance(key, str)
    at = f"Things('{key}')"
    assert client.ask("PATCH", at, {"description": "moved to the roof"}).status == 200
    assert client.get(at)["description"] == "moved to the roof"
    assert client.get(f"{at}/Datastreams")["value"]
    client.ask("DELETE", at)
    assert client.ask("GET", at).status == 404
    assert client.session.city.has("sensors")
    assert key in client.session.city.table("sensors")["sensor_id"].to_pylist()


def test_who_changed_what_is_in_the_ledger(client: Client) -> None:
    thing = client.post("Things", {"name": "ledgered", "description": "x"})
    entries = list(client.session.ledger.since(0, kinds=["SensingEntityRecorded"]))
    last = entries[-1]
    assert (last.body.entity_id, last.actor) == (str(thing["@iot.id"]), "sensorthings:test")


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "Thingies", 404),
        ("GET", "Things(999999)", 404),
        ("GET", "Things('o''hara')", 404),
        ("GET", "Things(1)/Nothing", 404),
        ("GET", "Things(", 404),
        ("POST", "Things(1)", 405),
        ("PATCH", "Things", 405),
        ("DELETE", "Things", 405),
        ("GET", "$batch", 405),
        ("POST", "Nothing", 404),
        ("BREW", "Things", 405),
    ],
)
def test_an_address_that_does_not_fit_is_refused_plainly(
    client: Client, method: str, address: str, status: int
) -> None:
    assert client.refusal(method, address, {})["status"] == status


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b"[]", b"3", b"null", b'{"name": "\\ud800"}'])
def test_a_body_that_is_no_object_of_json_is_refused(client: Client, body: bytes) -> None:
    assert client.refusal("POST", "Things", body)["status"] == 400


def test_properties_can_be_asked_for_alone(client: Client) -> None:
    stream = new_stream(client)
    at = f"{stream['@iot.selfLink']}/Thing"
    assert client.get(f"{at}/properties/owner") == {"owner": "water bureau"}
    found = client.ask("GET", f"{at}/name/$value")
    assert (found.body, found.media_type.partition(";")[0]) == (b"Well 7", "text/plain")
    assert client.ask("GET", f"{at}/properties/depth/$value").body == b"12"
    assert client.ask("GET", f"{stream['@iot.selfLink']}/observedArea").status == 204
    assert client.get(f"{at}/Datastreams/$ref")["value"] == [{"@iot.selfLink": stream["@iot.selfLink"]}]
