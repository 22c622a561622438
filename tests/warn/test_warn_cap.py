from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from tests.warn.warn_world import World, cleared, rain, stage

from rencheng.adapters.cap import atom_feed, cap_alert, cap_file_name, cap_of, notices_of, read_cap, write_cap_files
from rencheng.adapters.cap.schema import MOST_BYTES
from rencheng.adapters.cap.writer import MOST_GEOCODES, response_type, urgency
from rencheng.kernel import Bilingual, InvalidInput, NotFound
from rencheng.warn.places import MOST_POINTS, outline

VALID = [
    "australia",
    "canada",
    "canada_signed",
    "earthquake-iso8859-1",
    "earthquake",
    "earthquake_signed",
    "no_optional_fields",
    "wcatwc-warning",
    "weather",
]
REFUSED = {
    "invalid": ("invalid.cap", "Element 'info'", "scope"),
    "canada_errors": ("canada_errors.cap", "element references", "Update"),
    "noaa_errors": ("noaa_errors.cap", "line 17", "urgency", "severity", "certainty"),
    "xee": ("xee.cap", "DOCTYPE"),
}
HEAD = '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
PLAIN = (
    HEAD + "<identifier>a1</identifier><sender>s@x</sender><sent>2024-05-01T00:00:00+00:00</sent>"
    "<status>Test</status><msgType>Alert</msgType><scope>Public</scope></alert>"
)


@pytest.fixture
def told(world: World) -> World:
    """A world in which a warning was issued, raised, lowered and cancelled."""
    world.hear(stage("yellow"))
    world.wait(hours=1)
    world.hear(stage("red"))
    world.hear(cleared(stage("red")))
    world.wait(hours=7)
    world.hear(cleared(stage("yellow")), rain(55.0, 6))
    world.wait(hours=7)
    return world


def refused(data: bytes | str) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_cap(data.encode() if isinstance(data, str) else data, where="x.cap")
    return str(caught.value)


@pytest.mark.real
@pytest.mark.parametrize("name", VALID)
def test_valid_alerts_of_others_are_read(shared_data: Path, name: str) -> None:
    alert = read_cap((shared_data / "cap" / f"{name}.cap").read_bytes(), where=name)
    assert alert.identifier
    assert alert.signed == ("signed" in name or "iso8859" in name)
    for info in alert.infos:
        assert info.event
        for area in info.areas:
            assert all(ring[0] == ring[-1] for ring in area.polygons)


@pytest.mark.real
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_invalid_and_hostile_alerts_are_refused_and_the_element_is_named(shared_data: Path, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_cap((shared_data / "cap" / f"{name}.cap").read_bytes(), where=f"{name}.cap")
    for part in REFUSED[name]:
        assert part in str(caught.value)


@pytest.mark.real
def test_all_thirteen_shared_alerts_are_judged(shared_data: Path) -> None:
    names = {p.stem for p in (shared_data / "cap").glob("*.cap")}
    assert names == set(VALID) | set(REFUSED)


def test_a_plain_alert_without_info_is_valid() -> None:
    assert read_cap(PLAIN.encode()).identifier == "a1"


def test_entity_bombs_and_external_entities_are_refused_unread(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + PLAIN
    thief = f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{secret}">]>' + PLAIN.replace("s@x", "&x;")
    for hostile in (bomb, thief, "<!-- hi -->\n" + bomb):
        message = refused(hostile)
        assert "DOCTYPE" in message
        assert "hunter2" not in message
    assert "UTF-16" in refused(bomb.encode("utf-16"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "not well-formed"),
        ("<alert", "not well-formed"),
        ("<html/>", "no CAP alert"),
        (PLAIN.replace("cap:1.2", "cap:9"), "no CAP alert"),
        (PLAIN.replace("a1", "a 1"), "element identifier"),
        (PLAIN.replace("2024-05-01T00:00:00+00:00", "yesterday"), "sent"),
        (PLAIN.replace("2024-05-01T00:00:00+00:00", "2024-05-01T00:00:00Z"), "sent"),
        (PLAIN.replace(">Public<", ">Restricted<"), "element restriction"),
        (PLAIN.replace(">Public<", ">Private<"), "element addresses"),
        (PLAIN.replace(">Alert<", ">Cancel<"), "element references"),
        (HEAD * 300, "not well-formed"),
    ],
)
def test_what_is_wrong_is_named(data: str, said: str) -> None:
    assert said in refused(data)


@pytest.mark.parametrize(
    ("polygon", "said"),
    [
        ("1,1 2,2 1,1", "at least four"),
        ("1,1 2,2 3,1 1,2", "must close"),
        ("1,1 2,200 3,1 1,1", "in degrees"),
        ("1;1 2;2", "not 'lat,lon"),
    ],
)
def test_a_polygon_must_be_a_closed_ring_on_earth(polygon: str, said: str) -> None:
    info = (
        "<info><category>Met</category><event>e</event><urgency>Past</urgency><severity>Minor</severity>"
        f"<certainty>Likely</certainty><area><areaDesc>d</areaDesc><polygon>{polygon}</polygon></area></info></alert>"
    )
    assert said in refused(PLAIN.replace("</alert>", info))


def test_an_oversized_document_is_refused_unread() -> None:
    assert str(MOST_BYTES) in refused(b"<" * (MOST_BYTES + 1))
    assert "not well-formed" in refused(gzip.compress(b"x"))


def test_every_notice_of_a_life_is_a_valid_message_and_they_refer_to_one_another(told: World) -> None:
    sent: list[tuple[str, str, str]] = []
    river = [s.notice for s in notices_of(told.entries) if s.notice.hazard == "river_flood"]
    for notice in river:
        alert = read_cap(cap_alert(notice))
        assert list(alert.references) == sent
        assert [i.language for i in alert.infos] == ["zh-CN", "en-US"]
        assert alert.status == "Exercise"
        sent.append((alert.sender, alert.identifier, alert.sent.isoformat()))
    assert [read_cap(cap_alert(n)).msg_type for n in river] == ["Alert", "Update", "Update", "Cancel"]


def test_a_message_says_in_both_languages_what_to_do_where_and_why(told: World) -> None:
    zh, en = read_cap(cap_alert(notices_of(told.entries)[0].notice)).infos
    assert (zh.event, en.event) == ("洪水黄色预警", "Yellow river flood warning")
    assert zh.instruction
    assert "江城站" in zh.description
    assert dict(en.parameters)["rule"] == "river-stage/yellow"
    (area,) = en.areas
    assert ("rencheng:area", "town") in area.geocodes
    assert 0 < sum(name == "H3" for name, _ in area.geocodes) <= MOST_GEOCODES
    (ring,) = area.polygons
    assert all(114.2 < lon < 114.4 and 30.5 < lat < 30.7 for lon, lat in ring)


@pytest.mark.parametrize(
    ("colour", "lead_h", "action", "wanted"),
    [
        ("red", 0, "Alert", ("Immediate", "Evacuate")),
        ("orange", 0, "Update", ("Immediate", "Prepare")),
        ("yellow", 0, "Alert", ("Expected", "Avoid")),
        ("blue", 12, "Alert", ("Future", "Monitor")),
        ("red", 12, "Cancel", ("Past", "AllClear")),
    ],
)
def test_urgency_and_response_follow_the_table(
    told: World, colour: str, lead_h: float, action: str, wanted: tuple[str, str]
) -> None:
    first = notices_of(told.entries)[0].notice
    notice = replace(
        first, colour=colour, action=action, onset_at=first.sent_at + timedelta(hours=lead_h), references=("a,b,c",)
    )
    assert (urgency(notice), response_type(notice)) == wanted
    read_cap(cap_alert(notice))


def test_text_that_xml_cannot_hold_does_not_break_a_warning(told: World) -> None:
    first = notices_of(told.entries)[0].notice
    odd = replace(first, description=Bilingual(zh="水\x00<&>", en="a\x1bb"))
    zh, _ = read_cap(cap_alert(odd)).infos
    assert zh.description.startswith("水<&>")


def test_files_are_one_per_notice_in_order_and_the_same_every_time(told: World, tmp_path: Path) -> None:
    first = write_cap_files(told.entries, tmp_path / "cap")
    bytes_then = [p.read_bytes() for p in first]
    again = write_cap_files(told.entries, tmp_path / "cap")
    assert first == again
    assert [p.read_bytes() for p in again] == bytes_then
    assert len(set(first)) == len(notices_of(told.entries)) == len(list((tmp_path / "cap").iterdir()))
    assert [p.name[:16] for p in first] == sorted(p.name[:16] for p in first)


def test_the_feed_is_atom_with_the_newest_first_and_a_link_to_each_message(told: World) -> None:
    feed: Any = etree.fromstring(atom_feed(told.entries, "http://city.example/"))
    ns = {"a": "http://www.w3.org/2005/Atom"}
    notices = notices_of(told.entries)
    links = feed.xpath("a:entry/a:link[@type='application/cap+xml']/@href", namespaces=ns)
    assert links == [f"http://city.example/cap/{s.notice.notice_id}.xml" for s in reversed(notices)]
    for needed in ("a:id", "a:title", "a:updated", "a:author/a:name", "a:link[@rel='self']"):
        assert len(feed.xpath(needed, namespaces=ns)) == 1
        if needed != "a:author/a:name" and "self" not in needed:
            assert len(feed.xpath(f"a:entry/{needed}", namespaces=ns)) == len(notices)
    assert etree.fromstring(atom_feed([], "http://x")).findtext("{http://www.w3.org/2005/Atom}updated")


def test_one_message_is_found_by_its_id(told: World) -> None:
    notice = notices_of(told.entries)[0].notice
    assert cap_of(told.entries, notice.notice_id) == cap_alert(notice)
    assert notice.notice_id in cap_file_name(notice)
    with pytest.raises(NotFound):
        cap_of(told.entries, "nope")


@pytest.mark.parametrize("pattern", ["all", "chessboard", "line"])
def test_outlines_stay_short_and_cover_their_cells(pattern: str) -> None:
    import shapely

    from rencheng.kernel import cell_boundary, cell_of, neighbours

    cells = neighbours(cell_of(114.3, 30.6), 18)
    chosen = {"all": cells, "chessboard": cells[::3], "line": cells[:40]}[pattern]
    rings = outline(chosen)
    assert sum(len(r) for r in rings) <= MOST_POINTS
    assert all(r[0] == r[-1] and len(r) >= 4 for r in rings)
    area = shapely.union_all([shapely.Polygon(r) for r in rings])
    hexagons = shapely.union_all([shapely.Polygon(cell_boundary(c)) for c in chosen])
    assert hexagons.intersection(area).area / hexagons.area > 0.97
