"""Query options over entities, and what hostile ones are told."""

from __future__ import annotations

import pytest
from tests.adapters.sensorthings.sensorthings_city import BASE, Client, new_stream


def test_select_gives_only_what_is_named(client: Client) -> None:
    (one,) = client.get("Things?$top=1&$select=id,name")["value"]
    assert set(one) == {"@iot.id", "name"}
    (one,) = client.get("Things?$top=1&$select=name,Datastreams")["value"]
    assert set(one) == {"name", "Datastreams@iot.navigationLink"}


def test_expand_nests_with_options_of_its_own(client: Client) -> None:
    stream = new_stream(client, name="nested")
    for minute in range(3):
        body = {"phenomenonTime": f"2026-01-01T00:0{minute}:00Z", "result": minute}
        client.post(f"{stream['@iot.selfLink']}/Observations", body)
    expand = "Datastreams($select=name;$expand=Observations($top=2;$orderby=phenomenonTime desc;$count=true),Sensor)"
    page = client.get(f"Things?$filter=name eq 'nested'&$expand={expand},Locations")
    (found,) = page["value"][0]["Datastreams"]
    assert [one["result"] for one in found["Observations"]] == [2.0, 1.0]
    assert found["Observations@iot.count"] == 3
    assert found["Observations@iot.nextLink"].endswith("/Observations?$top=2&$skip=2")
    assert found["Sensor"]["name"] == "probe"
    assert page["value"][0]["Locations"][0]["name"] == "yard"


def test_a_next_link_keeps_the_other_options(client: Client) -> None:
    link = client.get("Things?$top=2&$filter=name ne 'a b'&$select=name")["@iot.nextLink"]
    assert link.startswith(f"{BASE}/Things?")
    assert set(client.get(link)["value"][0]) == {"name"}
    seen, address = [], "Things?$top=7&$orderby=name desc,id"
    while address:
        page = client.get(address)
        seen += [one["@iot.id"] for one in page["value"]]
        address = page.get("@iot.nextLink", "")
    assert len(seen) == len({str(one) for one in seen}) == client.get("Things?$count=true&$top=0")["@iot.count"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name eq 'stage_m'", False),
        ("properties/quantity eq 'stage_m'", True),
        ("startswith(definition,'urn:rencheng') and id eq 'stage_m'", True),
        ("tolower(concat(name,'X')) eq 'stagex'", True),
        ("indexof(definition,'stage') gt 3 and length(name) eq 5", True),
        ("substring(name,1,3) eq 'tag' and trim(name) eq name", True),
        ("endswith(definition,'stage_m') eq true", True),
        ("'stage_m' eq id or false", True),
        ("properties/none eq null", True),
        ("properties/none lt 3", False),
        ("not (id eq 'stage_m')", False),
        ("round(2.5) eq 3 and floor(-1.5) eq -2 and ceiling(1.1) eq 2 and id eq 'stage_m'", True),
        ("year(2024-02-29T12:00:00Z) eq 2024 and month(2024-02-29) eq 2 and id eq 'stage_m'", True),
        ("now() gt 2020-01-01T00:00:00Z and mindatetime() lt maxdatetime() and id eq 'stage_m'", True),
        ("totaloffsetminutes(2024-01-01T00:00:00+08:00) eq 480 and id eq 'stage_m'", True),
        ("date(2024-01-01T05:00:00Z) eq 2024-01-01 and id eq 'stage_m'", True),
        ("time(2024-01-01T05:00:00Z) eq '05:00:00' and id eq 'stage_m'", True),
        ("1 div 0 eq 1", False),
        ("7 mod 3 eq 1 and 7 div 2 eq 3 and 2 mul 3 sub 1 eq 5 and id eq 'stage_m'", True),
    ],
)
def test_the_functions_of_the_standard(client: Client, query: str, expected: bool) -> None:
    found = client.ids(f"ObservedProperties?$filter={query.replace('+', '%2B')}")
    assert ("stage_m" in found) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("st_within(location,geography'POLYGON((121 31,122 31,122 32,121 32,121 31))')", True),
        ("st_disjoint(location,geography'POINT(0 0)')", True),
        ("st_equals(location,geography'POINT(121.5 31.2)')", True),
        ("st_intersects(location,geography'LINESTRING(121.5 31.2,122 32)')", True),
        ("geo.intersects(location,geography'POINT(0 0)')", False),
        ("st_touches(geography'LINESTRING(121.5 31.2,122 32)',location)", True),
        ("st_contains(location,geography'POINT(121.5 31.2)')", True),
        ("st_crosses(location,geography'LINESTRING(0 0,1 1)')", False),
        ("st_overlaps(location,geography'POINT(121.5 31.2)')", False),
        ("st_relate(location,geography'POINT(121.5 31.2)','T********')", True),
        ("geo.distance(location,geography'POINT(121.5 31.3)') lt 0.11", True),
        ("geo.length(geography'LINESTRING(0 0,3 4)') eq 5", True),
    ],
)
def test_the_geometry_of_the_standard(client: Client, query: str, expected: bool) -> None:
    new_stream(client)
    found = client.ids(f"Locations?$filter=name eq 'yard' and {query}&$top=1")
    assert bool(found) is expected


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("$filter=name eq", "$filter position 8"),
        ("$filter=name eq 'x", "$filter position 9"),
        ("$filter=(name eq 'x'", "$filter position 13"),
        ("$filter=nam eq 'x'", "$filter"),
        ("$filter=drop(name)", "$filter position 1"),
        ("$filter=name eq 'x'; DELETE FROM readings", "$filter position 12"),
        ("$filter=length(name,2) eq 1", "$filter position 1"),
        ("$filter=" + "(" * 900 + "1", "$filter position 41"),
        ("$filter=" + "not " * 500 + "true", "$filter position 161"),
        ("$filter=" + "a or " * 300 + "a", "$filter position 1003"),
        ("$filter=" + "'" + "x" * 9000 + "'", "$filter"),
        ("$filter=name eq 1e999", "$filter position 9"),
        ("$filter=geography'POINT(1' eq location", "$filter position 1"),
        ("$filter=phenomenonTime eq 2024-13-01", "$filter position 19"),
        ("$top=-1", "$top"),
        ("$top=99999999999999999999", "$top"),
        ("$skip=x", "$skip"),
        ("$count=yes", "$count"),
        ("$top=1&$top=2", "$top"),
        ("$colour=red", "query"),
        ("$orderby=name sideways", "$orderby position 6"),
        ("$select=colour", "$select"),
        ("$expand=Colours", "$expand"),
        ("$expand=Datastreams($top=1", "$expand"),
        ("$expand=Datastreams/Thing/Datastreams/Thing/Datastreams/Thing/Datastreams", "$expand"),
        ("$resultFormat=dataArray", "$resultFormat"),
        ("$filter=Datastreams/Observations/result gt 1", "$filter"),
        ("%FF=1", "query"),
    ],
)
def test_a_query_that_cannot_be_is_refused_with_its_place(client: Client, query: str, where: str) -> None:
    found = client.ask("GET", f"Things?{query}")
    assert found.status == 400, found.body
    assert where in found.body.decode()


def test_no_answer_is_without_bound(client: Client) -> None:
    assert len(client.get("Things?$top=1000000000")["value"]) <= 10_000
    assert len(client.get("Datastreams?$expand=Thing/Datastreams")["value"]) <= 100
