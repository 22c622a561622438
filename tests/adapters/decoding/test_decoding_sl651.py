"""SL 651-2014 lines: public example frames, cut and joined as TCP does, with what is sent back after the commit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.decoding.deliveries import at_noon, columns, details, feed, readings, reasons

from rencheng.adapters.decoding import Refusal, decoder_of
from rencheng.adapters.regulator import (
    Exchange,
    Sl651Frame,
    Sl651Session,
    crc16_modbus,
    next_frame,
    read_message,
    sl651_frame_bytes,
)
from rencheng.adapters.regulator.sl651_frame import ESC, NAK
from rencheng.sense.layout import zone

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
CHINA = zone("+08:00")
# frames that makers of stations publish to explain the standard
LINK = bytes.fromhex("7E7E01001234567812342F0008020003591011155111036BCA")
TEST = bytes.fromhex(
    "7E7E010012345678123430002B020003591011154947F1F1001234567848F0F0591011154920190000052619000005392300000127"
    "381211150320FA"
)
TEST_ANSWER = bytes.fromhex("7E7E00123456780112343080080200035910111549471B75D4")
TIMED = bytes.fromhex(
    "7E7E05001122334403E832002B020034170718110016F1F1001122334448F0F01707181100201900004026190000403923000104903812"
    "109903A421"
)
EVEN = bytes.fromhex(
    "7E7E011000000006000031004E022F7E221205110019F1F1100000000648F0F02212051005041800000539230002896000028960"
    "000289600002896000028960000289600002896000028960000289600002896000028960000289600" + "35B94"
)
HOURLY = bytes.fromhex(
    "7E7E100012345678123434003A020003140612020000F1F1001234567848F0F01406120200F55C0AAA0AAAFFFFFFFFFFFFFFFFFFFFFFFFFF"
    "FFFFFFFFFFFFFF391A0027303812129003ADF7"
)
PUBLISHED = [LINK, TEST, TEST_ANSWER, TIMED, EVEN, HOURLY]


def session(**section: Any) -> Sl651Session:
    return Sl651Session(feed("sl651", **section))


def frame_of(data: bytes) -> Sl651Frame:
    frame, _ = next_frame(data, 0)
    assert isinstance(frame, Sl651Frame)
    return frame


def timed_at(hour: str, **changes: Any) -> bytes:
    """The published timed report at another hour of its day."""
    frame = frame_of(TIMED)
    return sl651_frame_bytes(
        replace(
            frame, body=frame.body.replace(bytes.fromhex("1707181100"), bytes.fromhex(f"170718{hour}00")), **changes
        )
    )


@pytest.mark.parametrize("data", PUBLISHED, ids=["2F", "30", "30 down", "32", "31", "34"])
def test_published_frames_are_read_and_written_byte_for_byte(data: bytes) -> None:
    frame, behind = next_frame(data, 0)
    assert isinstance(frame, Sl651Frame)
    assert behind == len(data)
    assert sl651_frame_bytes(frame) == data


def test_the_published_values_are_what_their_makers_say() -> None:
    words = {
        value.word: value.value
        for value in read_message(frame_of(TEST), CHINA).values
        if not isinstance(value, Refusal)
    }
    assert words == {"PJ": 0.5, "PT": 0.5, "Z": 0.127, "VT": 11.15}


def test_a_timed_report_is_one_stage_and_its_acknowledgement_waits_for_the_commit() -> None:
    exchange = session().feed(TIMED, NOW)
    assert readings(exchange.decoded) == [("0011223344", "stage_m", datetime(2017, 7, 18, 3, tzinfo=UTC), 10.49)]
    answer = frame_of(exchange.replies)
    assert (answer.upward, answer.function, answer.station, answer.centre, answer.end) == (
        False,
        0x32,
        "0011223344",
        5,
        0x1B,
    )
    assert answer.body.hex() == "0034" + "261121120000"  # the station's serial number, our time in China
    assert exchange.devices == ("0011223344",)


def test_an_even_period_is_twelve_readings_a_step_apart() -> None:
    taken = readings(session().feed(EVEN, NOW).decoded)
    assert [r[2].minute for r in taken] == [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 0]
    assert {r[3] for r in taken} == {28.96}


def test_an_hourly_report_ends_at_its_time_and_leaves_out_what_is_invalid() -> None:
    exchange = session(columns=columns(F5="water_depth_m m")).feed(HOURLY, NOW)
    assert [(r[2].hour, r[2].minute, r[3]) for r in readings(exchange.decoded)] == [(17, 5, 27.3), (17, 10, 27.3)]


def test_elements_may_be_listed_by_symbol_or_guide_byte() -> None:
    for word in ("26", "PT"):
        exchange = session(columns=columns(**{word: "rain_mm mm"})).feed(TIMED, NOW)
        assert [r[1:2] + r[3:] for r in readings(exchange.decoded)] == [("rain_mm", 4.0)]


def test_the_link_keeper_is_not_answered() -> None:
    exchange = session().feed(LINK, NOW)
    assert (exchange.frames, exchange.replies, exchange.decoded.rows) == (1, b"", 1)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([*PUBLISHED, b"junk", b"\x7e", b"\x01", bytes(30)]), max_size=6), st.data())
def test_a_line_may_be_cut_anywhere(parts: list[bytes], data: st.DataObject) -> None:
    line = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(line)), max_size=6)))
    whole, cut = session(), session()
    at_once = whole.feed(line, NOW)
    pieces = [cut.feed(line[a:b], NOW) for a, b in zip([0, *cuts], [*cuts, len(line)], strict=True)]
    assert [r for piece in pieces for r in readings(piece.decoded)] == readings(at_once.decoded)
    assert b"".join(piece.replies for piece in pieces) == at_once.replies


@settings(deadline=None, max_examples=100)
@given(st.integers(0, len(TIMED) * 8 - 1))
def test_one_bit_turned_over_is_never_taken_and_the_next_frame_is(bit: int) -> None:
    bent = bytearray(TIMED)
    bent[bit // 8] ^= 1 << bit % 8
    one = session()
    exchanges = [one.feed(bytes(bent), NOW), *(one.feed(timed_at("12"), NOW) for _ in range(80))]
    taken = [r for exchange in exchanges for r in readings(exchange.decoded)]
    assert taken
    assert {r[2] for r in taken} == {datetime(2017, 7, 18, 4, tzinfo=UTC)}


def test_a_wrong_checksum_names_the_station_and_is_asked_for_again_thrice_on_end() -> None:
    bent = TIMED[:-1] + b"\x00"
    line = session()
    exchange = line.feed(bent, NOW)
    assert reasons(exchange.decoded) == ["bad_checksum"]
    assert details(exchange.decoded)[0].startswith("station 0011223344: the checksum is A400")
    asked, _ = next_frame(exchange.replies, 0)
    assert isinstance(asked, Sl651Frame)
    assert (asked.end, asked.function, asked.station, asked.upward) == (NAK, 0x32, "0011223344", False)
    assert [bool(line.feed(bent, NOW).replies) for _ in range(4)] == [True, True, False, False]
    again, _ = next_frame(line.feed(TIMED, NOW).replies, 0)
    assert isinstance(again, Sl651Frame)
    assert again.end == ESC
    assert line.feed(bent, NOW).replies


def test_a_damaged_packet_of_a_message_is_asked_for_by_its_number() -> None:
    frame, _ = next_frame(TIMED, 0)
    assert isinstance(frame, Sl651Frame)
    cut = len(frame.body) // 2
    first, second = (
        sl651_frame_bytes(replace(frame, total=2, number=number, body=body))
        for number, body in ((1, frame.body[:cut]), (2, frame.body[cut:]))
    )
    line = session()
    assert line.feed(first, NOW).replies == b""
    asked, _ = next_frame(line.feed(second[:-1] + bytes([second[-1] ^ 1]), NOW).replies, 0)
    assert isinstance(asked, Sl651Frame)
    assert (asked.end, asked.total, asked.number) == (NAK, 2, 2)
    assert readings(line.feed(second, NOW).decoded)


def test_a_wrong_password_is_refused_and_not_acknowledged() -> None:
    exchange = session(station={"password": "1111"}).feed(TIMED, NOW)
    assert (reasons(exchange.decoded), exchange.replies) == (["bad_signature"], b"")
    assert session(station={"password": "03e8"}).feed(TIMED, NOW).replies


def test_a_gap_between_reports_is_asked_for_once() -> None:
    line = session()
    assert line.feed(timed_at("08"), NOW).requests == b""
    assert line.feed(timed_at("09"), NOW).requests == b""
    query = frame_of(line.feed(timed_at("13"), NOW).requests)
    assert (query.function, query.upward, query.end, query.station) == (0x38, False, 0x05, "0011223344")
    # serial, time, begin and end by the hour, a time step of one hour, element Z in four bytes with three decimals
    assert query.body.hex() == "0001" + "261121120000" + "17071809" + "17071813" + "0418000100" + "3923"
    assert line.feed(timed_at("10"), NOW).requests == b""  # replayed reports come late
    assert line.feed(timed_at("14"), NOW).requests == b""


def test_replay_can_be_switched_off() -> None:
    line = session(station={"replay": False})
    line.feed(timed_at("08"), NOW)
    assert line.feed(timed_at("13"), NOW).requests == b""


def packets(body: bytes, size: int) -> list[bytes]:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    frame = frame_of(TIMED)
    return [
        sl651_frame_bytes(replace(frame, body=part, total=len(parts), number=n, end=0x03 if n == len(parts) else 0x17))
        for n, part in enumerate(parts, 1)
    ]


def test_a_message_in_packets_is_taken_when_it_is_whole() -> None:
    line = session()
    first, *rest, last = packets(frame_of(TIMED).body, 10)
    waiting = [line.feed(packet, NOW) for packet in (first, *rest)]
    assert all(not exchange.replies and not exchange.decoded.good.num_rows for exchange in waiting)
    exchange = line.feed(last, NOW)
    assert [r[3] for r in readings(exchange.decoded)] == [10.49]
    assert exchange.replies


def test_packets_out_of_order_and_again_make_the_same_message() -> None:
    line = session()
    one, two, three = packets(frame_of(TIMED).body, 18)
    taken = [readings(line.feed(packet, NOW).decoded) for packet in (one, three, three, two)]
    assert [r[3] for part in taken for r in part] == [10.49]


def ascii_frame(text: str, **changes: Any) -> bytes:
    return sl651_frame_bytes(replace(frame_of(TIMED), is_ascii=True, body=text.encode(), **changes))


REPORT = "0034170718110016ST 0011223344 H TT 1707181100 PT 4.0 Z 10.49 VT 10.99 DRP " + "05" * 11 + "FF "


def test_the_ascii_coding_says_the_same() -> None:
    exchange = session().feed(b"noise" + ascii_frame(REPORT), NOW)
    taken = readings(exchange.decoded)
    assert taken[0] == ("0011223344", "stage_m", datetime(2017, 7, 18, 3, tzinfo=UTC), 10.49)
    assert [r[3] for r in taken[1:]] == [0.5] * 11
    answer = frame_of(exchange.replies)
    assert (answer.is_ascii, answer.body) == (True, b"0034261121120000")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (REPORT.replace("10.49", "deep"), "bad_number"),
        (REPORT.replace("TT 1707181100", "TT 1713181100"), "bad_time"),
        ("zzzz170718110016", "bad_row"),
        ("0034171318110016", "bad_time"),
        (REPORT + "Z", "bad_row"),
        (REPORT.replace("05" * 11, "05"), "bad_row"),
        ("0034170718110016 Z nan", "not_finite"),
    ],
)
def test_bad_ascii_texts_are_kept_aside_with_their_station(text: str, reason: str) -> None:
    decoded = session().feed(ascii_frame(text), NOW).decoded
    assert reason in reasons(decoded)
    assert "station 0011223344" in details(decoded)[0]


@pytest.mark.parametrize(
    ("elements", "values", "reason"),
    [
        ("3923FF000500", [-0.5], []),
        ("3923FFFFFFFF", [], []),
        ("3923AAAAAAAA", [], []),
        ("39230001A490", [], ["bad_number"]),
        ("392300", [], ["bad_row"]),
        ("FF390812" + "392300010490", [10.49], []),
        ("F0F01713991100" + "392300010490", [], ["bad_time"]),
    ],
)
def test_signs_invalid_marks_and_broken_elements(elements: str, values: list[float], reason: list[str]) -> None:
    frame = frame_of(TIMED)
    body = frame.body[:23] + bytes.fromhex(elements)
    decoded = session().feed(sl651_frame_bytes(replace(frame, body=body)), NOW).decoded
    assert [r[3] for r in readings(decoded)] == values
    assert reasons(decoded) == reason


def test_a_line_of_junk_is_closed_and_holds_no_memory() -> None:
    line = session()
    exchanges: list[Exchange] = [line.feed(b"\x7e\x7ex" * 1000, NOW) for _ in range(40)]
    assert exchanges[-1].close
    assert len(line._buffer) < 10_000


def test_a_recorded_line_is_decoded_as_a_body() -> None:
    decoded = decoder_of(feed("sl651")).decode(TIMED + EVEN, at_noon())
    assert len(readings(decoded)) == 13
    assert reasons(decoder_of(feed("sl651")).decode(b"no frame here", at_noon())) == ["bad_row"]


def test_checksum_of_the_standards_polynomial() -> None:
    assert crc16_modbus(b"123456789") == 0x4B37


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=80), st.booleans())
def test_any_text_in_a_true_frame_is_read_or_kept_aside(body: bytes, is_ascii: bool) -> None:
    line = session()
    exchange = line.feed(sl651_frame_bytes(replace(frame_of(TIMED), body=body, is_ascii=is_ascii)), NOW)
    assert exchange.decoded.rows == exchange.frames
