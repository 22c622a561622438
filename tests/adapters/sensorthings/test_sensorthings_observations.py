"""Observations are readings: what a client sends is in the store when it is answered, and comes back as it was sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.sensorthings.sensorthings_city import BASE, Client, new_stream

from rencheng.app.sessions import live_session
from rencheng.app.settings import Settings

START = datetime(2026, 3, 1, tzinfo=UTC)

YARD = "st_within(FeatureOfInterest/feature,geography'POLYGON((121 31,122 31,122 32,121 32,121 31))')"


def at(minute: int) -> str:
    return (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module")
def stream(client: Client) -> str:
    """A Datastream in centimetres with twenty Observations: 300 cm and 5 more each minute."""
    address: str = new_stream(client)["@iot.selfLink"]
    rows = [[at(n), 300.0 + 5 * n] for n in range(20)]
    key = int(address.rpartition("(")[2][:-1])
    client.post(f"{address}/Observations", {"phenomenonTime": at(0), "result": 300.0})
    told = client.post(
        "CreateObservations",
        [{"Datastream": {"@iot.id": key}, "components": ["phenomenonTime", "result"], "dataArray": rows}],
    )
    assert len(told) == 20
    assert all(one.startswith(f"{BASE}/Observations(") for one in told)
    assert client.get(told[7])["result"] == 335.0
    return address


def results(client: Client, address: str) -> list[Any]:
    return [one["result"] for one in client.get(address)["value"]]


def test_an_observation_is_a_reading_of_the_quantity_s_own_unit(client: Client, stream: str) -> None:
    table = client.session.readings.window("stage_m", start=START - timedelta(minutes=1), end=START)
    ours = [row for row in table.to_pylist() if row["sensor_id"].startswith("sta-")]
    assert [row["value"] for row in ours] == [pytest.approx(3.0)]
    assert results(client, f"{stream}/Observations?$top=3") == [300.0, 305.0, 310.0]


def test_the_same_observation_again_is_the_same_observation(client: Client, stream: str) -> None:
    first = client.post(f"{stream}/Observations", {"phenomenonTime": at(4), "result": 320.0})
    assert client.get(f"{stream}/Observations?$count=true")["@iot.count"] == 20
    other = client.post(f"{stream}/Observations", {"phenomenonTime": at(4), "result": 999.0})
    assert other["@iot.id"] != first["@iot.id"]
    assert "duplicate_stamp" in other["resultQuality"]["flags"]
    assert client.get(other["@iot.selfLink"])["result"] == 999.0
    assert client.ask("DELETE", other["@iot.selfLink"]).status == 200
    assert client.get(f"{stream}/Observations?$count=true")["@iot.count"] == 20


def test_pages_follow_one_another_to_the_end(client: Client, stream: str) -> None:
    address, seen = f"{stream}/Observations?$top=6&$orderby=phenomenonTime desc", []
    while address:
        page = client.get(address)
        seen += [one["result"] for one in page["value"]]
        address = page.get("@iot.nextLink", "")
    assert seen == [300.0 + 5 * n for n in reversed(range(20))]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("$filter=result gt 380", [385.0, 390.0, 395.0]),
        ("$filter=result ge 385 and not (result eq 390)", [385.0, 395.0]),
        (f"$filter=phenomenonTime lt {at(2)}", [300.0, 305.0]),
        (f"$filter=phenomenonTime ge {at(3)} and phenomenonTime le {at(4)}", [315.0, 320.0]),
        (f"$filter={at(18)} lt resultTime", [395.0]),
        ("$filter=result div 5 mod 2 eq 1 and result lt 320", [305.0, 315.0]),
        ("$filter=minute(phenomenonTime) eq 7", [335.0]),
        (f"$filter=phenomenonTime gt {at(18)} sub duration'PT0S' or result add 1 eq 301", [300.0, 395.0]),
        ("$filter=Datastream/Thing/properties/depth eq 12 and result lt 305", [300.0]),
        ("$filter=result lt 320&$orderby=result desc&$top=2", [315.0, 310.0]),
        (f"$filter={YARD} and result eq 300", [300.0]),
        (f"$filter=phenomenonTime ge {at(17)}&$skip=1&$orderby=phenomenonTime", [390.0, 395.0]),
        ("$filter=resultQuality/none eq null and result le 300", [300.0]),
        ("$filter=id eq 'nothing'", []),
    ],
)
def test_filters_find_what_they_say(client: Client, stream: str, query: str, found: list[float]) -> None:
    assert results(client, f"{stream}/Observations?{query}") == found


def test_counts_agree_with_pages_whoever_judges_the_filter(client: Client, stream: str) -> None:
    for query in ("result gt 340", "minute(phenomenonTime) gt 8", f"phenomenonTime gt {at(8)}"):
        page = client.get(f"{stream}/Observations?$filter={query}&$count=true&$top=2")
        assert (len(page["value"]), page["@iot.count"]) == (2, 11)


def test_a_data_array_comes_back_as_rows(client: Client, stream: str) -> None:
    page = client.get(f"{stream}/Observations?$resultFormat=dataArray&$top=2&$select=phenomenonTime,result")
    (group,) = page["value"]
    assert group["components"] == ["phenomenonTime", "result"]
    assert group["dataArray"] == [[at(0), 300.0], [at(1), 305.0]]
    assert (group["dataArray@iot.count"], "@iot.nextLink" in page) == (2, True)


def test_what_a_reading_cannot_hold_is_kept_beside_it(client: Client, stream: str) -> None:
    sent = {
        "phenomenonTime": f"{at(100)}/{at(110)}",
        "resultTime": at(111),
        "result": 410.5,
        "resultQuality": "good",
        "parameters": {"by": "hand"},
        "validTime": f"{at(100)}/{at(200)}",
    }
    made = client.post(f"{stream}/Observations", sent)
    assert {name: made[name] for name in sent} == sent
    assert results(client, f"{stream}/Observations?$filter=result eq 410.5") == [410.5]
    assert results(client, f"{stream}/Observations?$orderby=phenomenonTime desc&$top=2") == [410.5, 395.0]
    assert client.ask("PATCH", made["@iot.selfLink"], {"parameters": {"by": "machine"}}).status == 200
    assert client.get(made["@iot.selfLink"])["parameters"] == {"by": "machine"}
    assert client.get(f"{stream}/Observations?$count=true")["@iot.count"] == 21
    client.ask("DELETE", made["@iot.selfLink"])


def test_a_correction_is_shown_and_the_reading_stays(client: Client, stream: str) -> None:
    one = client.get(f"{stream}/Observations?$filter=result eq 345")["value"][0]
    before = client.session.readings.window("stage_m", start=START, end=START + timedelta(hours=1), good_only=False)
    assert client.ask("PATCH", one["@iot.selfLink"], {"result": 344.0}).status == 200
    assert client.get(one["@iot.selfLink"])["result"] == 344.0
    assert results(client, f"{stream}/Observations?$filter=result gt 340 and result lt 350") == [344.0]
    after = client.session.readings.window("stage_m", start=START, end=START + timedelta(hours=1), good_only=False)
    assert after.equals(before)
    client.ask("PATCH", one["@iot.selfLink"], {"result": 345.0})


def test_an_observation_leads_to_its_datastream_and_feature(client: Client, stream: str) -> None:
    one = client.get(f"{stream}/Observations?$top=1&$expand=Datastream,FeatureOfInterest")["value"][0]
    assert one["Datastream"]["@iot.selfLink"] == stream
    assert one["FeatureOfInterest"]["feature"]["coordinates"] == [121.5, 31.2]
    feature = one["FeatureOfInterest"]["@iot.selfLink"]
    assert client.get(f"{feature}/Observations?$count=true")["@iot.count"] == 20
    assert client.get(f"{one['@iot.selfLink']}/Datastream/Thing")["name"] == "Well 7"


def test_a_datastream_tells_its_span(client: Client, stream: str) -> None:
    assert client.get(stream)["phenomenonTime"] == f"{at(0)}/{at(19)}"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "Observation result"),
        ({"result": "high"}, "Observation result"),
        ({"result": True}, "Observation result"),
        ({"result": 1, "phenomenonTime": "yesterday"}, "Observation phenomenonTime"),
        ({"result": 1, "phenomenonTime": "2099-01-01T00:00:00Z"}, "Observation phenomenonTime"),
        ({"result": 1, "FeatureOfInterest": {"@iot.id": 99999}}, "Observation FeatureOfInterest"),
        ({"result": 1, "colour": "red"}, "Observation colour"),
    ],
)
def test_an_observation_that_cannot_be_is_refused_with_its_place(
    client: Client, stream: str, body: Any, where: str
) -> None:
    told = client.refusal("POST", f"{stream}/Observations", body)
    assert (told["status"], told["where"]) == (400, where)


def test_rows_of_a_data_array_are_judged_one_by_one(client: Client, stream: str) -> None:
    key = int(stream.rpartition("(")[2][:-1])
    group = {"components": ["phenomenonTime", "result"], "dataArray": [[at(500), 1.0], [at(501), "x"], [at(502)]]}
    told = client.post("CreateObservations", [{"Datastream": {"@iot.id": key}, **group}])
    assert [one.startswith("error") for one in told] == [False, True, True]
    unknown = client.post("CreateObservations", [{"Datastream": {"@iot.id": 123456}, **group}])
    assert all(one.startswith("error") for one in unknown)
    assert client.ask("DELETE", told[0]).status == 200


@pytest.mark.parametrize("unit", ["parsec", ""])
def test_a_unit_that_no_quantity_has_is_refused_with_those_there_are(client: Client, unit: str) -> None:
    body = {
        "name": "odd",
        "description": "odd",
        "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
        "unitOfMeasurement": {"name": None, "symbol": unit, "definition": None},
        "Thing": {"@iot.id": client.ids("Things?$top=1")[0]},
        "Sensor": {"@iot.id": client.ids("Sensors?$top=1")[0]},
        "ObservedProperty": {"@iot.id": "stage_m"},
    }
    told = client.refusal("POST", "Datastreams", body)
    assert told["status"] == 400
    assert "unit" in told["detail"]
    assert "cm" in told["mend"]


def test_a_result_that_is_no_number_is_kept_where_the_datastream_says_so(client: Client) -> None:
    made = client.post(
        "Datastreams",
        {
            "name": "gate",
            "description": "what the guard sees",
            "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_CategoryObservation",
            "unitOfMeasurement": {"name": None, "symbol": None, "definition": None},
            "Thing": {"@iot.id": client.ids("Things?$top=1")[0]},
            "Sensor": {"@iot.id": client.ids("Sensors?$top=1")[0]},
            "ObservedProperty": {"name": "gate", "definition": "urn:gate", "description": "open or shut"},
        },
    )
    address = f"{made['@iot.selfLink']}/Observations"
    foi = {
        "name": "gate",
        "description": "at the pier",
        "encodingType": "application/geo+json",
        "feature": {"type": "Point", "coordinates": [121.5, 31.2]},
    }
    client.post(address, {"phenomenonTime": at(1), "result": "open", "FeatureOfInterest": foi})
    client.post(address, {"phenomenonTime": at(2), "result": "shut", "FeatureOfInterest": foi})
    assert results(client, f"{address}?$filter=substringof('op',result)") == ["open"]
    assert results(client, f"{address}?$orderby=phenomenonTime desc") == ["shut", "open"]


def test_readings_of_the_city_s_own_sensors_are_observations(client: Client) -> None:
    key = client.ids("Datastreams?$filter=ObservedProperty/id eq 'stage_m'&$top=1")[0]
    made = client.post(f"Datastreams('{key}')/Observations", {"phenomenonTime": at(3), "result": 2.5})
    sensor = key.rpartition(":")[0]
    assert made["@iot.id"] == f"{key}:{int((START + timedelta(minutes=3)).timestamp()) * 1_000_000}"
    assert client.get(f"{made['@iot.selfLink']}/FeatureOfInterest")["@iot.id"] == sensor
    table = client.session.readings.window("stage_m", start=START, end=START + timedelta(hours=1), sensors=[sensor])
    assert table["value"].to_pylist() == [2.5]


def test_all_of_it_is_there_after_a_stop(sandbox_city: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", flood="off")
    first = Client(live_session(sandbox_city, settings))
    stream = new_stream(first)["@iot.selfLink"]
    sent = first.post(f"{stream}/Observations", {"phenomenonTime": at(1), "result": 301, "parameters": {"n": 1}})
    plain = first.post(f"{stream}/Observations", {"phenomenonTime": at(2), "result": 302})
    first.session.close()
    again = Client(live_session(sandbox_city, settings))
    try:
        assert again.get(f"{stream}/Observations")["value"] == [json.loads(json.dumps(one)) for one in (sent, plain)]
        again.post(f"{stream}/Observations", {"phenomenonTime": at(3), "result": 303})
        assert again.get(f"{stream}/Observations?$count=true")["@iot.count"] == 3
    finally:
        again.session.close()
