"""HJ 212-2017 lines: the standard's own packet, answers after the commit, and requests for missed periods."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.decoding.deliveries import at_noon, columns, details, feed, readings, reasons

from rencheng.adapters.decoding import decoder_of
from rencheng.adapters.regulator import Hj212Packet, Hj212Session, hj212_packet_bytes, next_packet
from rencheng.kernel import InvalidConfig

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
# HJ 212-2017, appendix A
STANDARD = (
    b"##0101QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;"
    b"CP=&&RtdInterval=30&&1C80\r\n"
)


def session(**section: Any) -> Hj212Session:
    return Hj212Session(feed("hj212", **{"columns": columns(a34004="pm2_5_ug_m3 ug/m3"), **section}))


def packet(at: str = "20220513160000", cn: str = "2051", flag: int = 5, **changes: Any) -> bytes:
    groups: dict[str, Any] = {"cp": ({"DataTime": at}, {"a34004-Avg": "14", "a34004-Flag": "N"}, {"a01-Avg": "1"})}
    fields: dict[str, Any] = {"qn": "20220513162608370", "st": "22", "pw": "123456", "mn": "AIR1", **groups, **changes}
    return hj212_packet_bytes(Hj212Packet(cn=cn, flag=flag, **fields))


def packet_of(data: bytes) -> Hj212Packet:
    found, _ = next_packet(data, 0)
    assert isinstance(found, Hj212Packet)
    return found


def test_the_standards_packet_is_read_and_written_byte_for_byte() -> None:
    found, behind = next_packet(b"##00" + STANDARD, 0)
    assert isinstance(found, Hj212Packet)
    assert (behind, found.cn, dict(found.cp[0])) == (len(STANDARD) + 4, "1062", {"RtdInterval": "30"})
    assert hj212_packet_bytes(found) == STANDARD


def test_minute_data_is_one_reading_and_its_answer_names_the_request() -> None:
    exchange = session().feed(packet(), NOW)
    assert readings(exchange.decoded) == [("AIR1", "pm2_5_ug_m3", datetime(2022, 5, 13, 8, tzinfo=UTC), 14.0)]
    answer = packet_of(exchange.replies)
    assert (answer.cn, answer.st, answer.qn, answer.mn, answer.flag) == ("9014", "91", "20220513162608370", "AIR1", 4)
    assert exchange.devices == ("AIR1",)


def test_no_answer_is_given_where_none_is_wanted_and_notices_get_their_own() -> None:
    assert session().feed(packet(flag=4), NOW).replies == b""
    assert packet_of(session().feed(STANDARD, NOW).replies).cn == "9013"
    assert session().feed(packet(cn="9011"), NOW).replies == b""


@pytest.mark.parametrize(
    ("word", "group", "value"),
    [
        ("a34004", {"a34004-Rtd": "1", "a34004-Avg": "2"}, 1.0),
        ("a34004", {"a34004-Avg": "2", "a34004-Max": "3"}, 2.0),
        ("a34004-Max", {"a34004-Avg": "2", "a34004-Max": "3"}, 3.0),
    ],
)
def test_a_bare_factor_is_its_value_now_else_its_mean(word: str, group: dict[str, str], value: float) -> None:
    data = packet(cp=({"DataTime": "20220513160000"}, group))
    exchange = session(columns=columns(**{word: "pm2_5_ug_m3 ug/m3"})).feed(data, NOW)
    assert [r[3] for r in readings(exchange.decoded)] == [value]


@pytest.mark.parametrize("mark", ["F", "M", "D", "C", "B"])
def test_what_the_instrument_itself_disowns_is_kept_aside_but_answered(mark: str) -> None:
    data = packet(cp=({"DataTime": "20220513160000"}, {"a34004-Avg": "14", "a34004-Flag": mark}))
    exchange = session().feed(data, NOW)
    assert reasons(exchange.decoded) == ["bad_number"]
    assert f"device AIR1, field a34004: flag {mark}" in details(exchange.decoded)[0]
    assert exchange.replies


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (packet(at="20220513"), "bad_time"),
        (packet(at="20221399000000"), "bad_time"),
        (packet(mn=""), "no_sensor"),
        (packet(cp=({"DataTime": "20220513160000", "a34004-Rtd": "many"},)), "bad_number"),
        (packet(cp=({"DataTime": "20220513160000", "a34004-Rtd": "1e999"},)), "not_finite"),
        (STANDARD.replace(b"1C80", b"1C81"), "bad_checksum"),
        (packet(pw="654321"), "bad_signature"),
    ],
)
def test_what_is_wrong_is_kept_aside_with_its_reason(data: bytes, reason: str) -> None:
    decoded = session(station={"password": "123456"}).feed(data, NOW).decoded
    assert reason in reasons(decoded)
    assert not decoded.good.num_rows


def test_a_gap_is_asked_for_by_its_begin_and_end() -> None:
    line = session()
    assert line.feed(packet("20220513160000") + packet("20220513170000"), NOW).requests == b""
    request = packet_of(line.feed(packet("20220513200000"), NOW).requests)
    assert (request.cn, request.mn, request.st, request.flag) == ("2051", "AIR1", "22", 5)
    assert dict(request.cp[0]) == {"BeginTime": "20220513170000", "EndTime": "20220513200000"}
    assert line.feed(packet("20220513180000"), NOW).requests == b""


def test_later_packets_of_a_message_bear_the_time_of_the_first() -> None:
    line = session()
    line.feed(packet(flag=7, pnum=2, pno=1), NOW)
    second = line.feed(packet(flag=7, pnum=2, pno=2, cp=({"a34004-Avg": "15"},)), NOW)
    assert [(r[2].hour, r[3]) for r in readings(second.decoded)] == [(8, 15.0)]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([STANDARD, packet(), b"junk", b"#", b"##12", b"##0002xx"]), max_size=6), st.data())
def test_a_line_may_be_cut_anywhere(parts: list[bytes], data: st.DataObject) -> None:
    line = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(line)), max_size=6)))
    whole, cut = session(), session()
    at_once = whole.feed(line, NOW)
    pieces = [cut.feed(line[a:b], NOW) for a, b in zip([0, *cuts], [*cuts, len(line)], strict=True)]
    assert [r for piece in pieces for r in readings(piece.decoded)] == readings(at_once.decoded)
    assert b"".join(piece.replies for piece in pieces) == at_once.replies


def test_a_line_of_junk_is_closed_and_holds_no_memory() -> None:
    line = session()
    exchanges = [line.feed(b"# ##x" * 1000, NOW) for _ in range(20)]
    assert exchanges[-1].close
    assert len(line._buffer) < 20_000


def test_a_recorded_line_is_decoded_as_a_body() -> None:
    config = feed("hj212", columns=columns(a34004="pm2_5_ug_m3 ug/m3"))
    assert len(readings(decoder_of(config).decode(packet() * 3, at_noon()))) == 3


def test_units_must_be_named_for_the_standard_allows_several() -> None:
    with pytest.raises(InvalidConfig, match="the unit is missing"):
        feed("hj212", columns=columns(a34004="pm2_5_ug_m3"))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=100))
def test_any_segment_in_a_true_packet_is_read_or_kept_aside(segment: bytes) -> None:
    from rencheng.adapters.regulator import crc16_hj212

    data = b"##%04d%b%04X\r\n" % (len(segment), segment, crc16_hj212(segment))
    exchange = session().feed(data, NOW)
    assert exchange.decoded.rows == exchange.frames
