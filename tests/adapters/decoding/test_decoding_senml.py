"""SenML by RFC 8428: the standard's own packs, its rules of resolution, and packs that break them."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.decoding.deliveries import NOON, NOON_MS, at_noon, columns, details, feed, readings, reasons

from rencheng.adapters.decoding import Refusal
from rencheng.adapters.senml import Resolved, SenmlDecoder, parse_cbor, parse_pack, resolved
from rencheng.sense import Decoded

# RFC 8428, section 5.1.3, and section 6 with the same content in CBOR
MULTIPLE_MEASUREMENTS = (
    b'[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},'
    b'{"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3},{"n":"current","t":-3,"v":1.4},'
    b'{"n":"current","t":-2,"v":1.5},{"n":"current","t":-1,"v":1.6},{"n":"current","v":1.7}]'
)
MULTIPLE_MEASUREMENTS_CBOR = bytes.fromhex(
    "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c7461676501"
    "615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccda3"
    "006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a3006763757272656e74062002fb3ff999999999"
    "999aa3006763757272656e74060002fb3ffb333333333333"
)


def pack_of(body: bytes, now_s: float = 1.3e9) -> list[Resolved | Refusal]:
    return list(resolved(parse_pack(body, deepest=32), now_s))


def decode(records: Any, **section: Any) -> Decoded:
    section = {"columns": columns(temp="air_temperature_c", z="stage_m m", rh="relative_humidity_ratio"), **section}
    raw = records if isinstance(records, bytes) else json.dumps(records).encode()
    return SenmlDecoder(feed("senml", **section)).decode(raw, at_noon())


def test_the_standards_pack_resolves_as_the_standard_says() -> None:
    found = pack_of(MULTIPLE_MEASUREMENTS)
    assert found[0] == Resolved("urn:dev:ow:10e2073a0108006:voltage", "V", 120.1, 1276020076.001)
    assert found[1] == Resolved("urn:dev:ow:10e2073a0108006:current", "A", 1.2, 1276020071.001)
    assert len(found) == 7


def test_cbor_says_the_same_as_json() -> None:
    assert pack_of(MULTIPLE_MEASUREMENTS_CBOR) == pack_of(MULTIPLE_MEASUREMENTS)


def test_names_units_and_times_become_readings() -> None:
    records = [
        {"bn": "urn:dev:g17/", "bt": NOON_MS / 1000, "n": "temp", "u": "K", "v": 300.15},
        {"n": "rh", "u": "%RH", "t": -1, "v": 55},
        {"n": "z", "v": 2.5},
        {"n": "note", "vs": "cloudy"},
        {"n": "on", "vb": True},
        {"n": "unlisted", "v": 1},
    ]
    decoded = decode(records, senml={"strip": "urn:dev:"})
    assert [(r[0], r[1], (NOON - r[2]).total_seconds(), r[3]) for r in readings(decoded)] == [
        ("g17", "air_temperature_c", 0.0, 27.0),
        ("g17", "relative_humidity_ratio", 1.0, 0.55),
        ("g17", "stage_m", 0.0, 2.5),
    ]
    assert (decoded.rows, reasons(decoded)) == (6, [])


def test_small_times_count_from_the_arrival() -> None:
    decoded = decode([{"n": "g/z", "v": 1, "t": -60}, {"n": "g/z", "v": 2}])
    assert [(NOON - r[2]).total_seconds() for r in readings(decoded)] == [60.0, 0.0]


def test_a_base_value_is_added_and_base_fields_hold_until_replaced() -> None:
    records = [{"bn": "a/", "bv": 10, "n": "z", "v": 1}, {"n": "z", "v": 2, "t": -1}, {"bn": "b/", "n": "z", "v": 3}]
    assert [(r[0], r[3]) for r in readings(decode(records))] == [("a", 11.0), ("a", 12.0), ("b", 13.0)]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"n": "g/z", "v": "x"}, "bad_number"),
        ({"n": "g/z", "v": True}, "bad_number"),
        ({"n": "g/z", "v": 1, "vs": "x"}, "bad_row"),
        ({"n": "g/z", "v": 1, "must_": 1}, "bad_row"),
        ({"bver": 11, "n": "g/z", "v": 1}, "bad_row"),
        ({"n": "g z", "v": 1}, "no_sensor"),
        ({"n": "z", "v": 1}, "no_sensor"),
        ({"n": "g/z", "t": 1e300, "v": 1}, "bad_time"),
        ({"n": "g/temp", "u": "V", "v": 1}, "unknown_unit"),
        (7, "bad_row"),
    ],
)
def test_a_record_against_the_rules_is_kept_aside_and_the_others_are_taken(record: Any, reason: str) -> None:
    decoded = decode([record, {"n": "g/z", "u": "", "v": 4, "t": NOON_MS / 1000}])
    taken = [r[3] for r in readings(decoded)]
    assert reasons(decoded)[0] == reason
    assert "record 1" in details(decoded)[0]
    assert taken == [4.0] or reason == "bad_row"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "bad_row"),
        (b'{"n":"g/z","v":1}', "bad_row"),
        (b"[" * 100_000, "too_deep"),
        (b'[{"n":"g/z","v":1,"x":' + b"[" * 50_000, "too_deep"),
        (b"\x81" * 1000, "too_deep"),
        (b"\x9b" + b"\xff" * 8, "bad_row"),
        (b"\x5b" + b"\xff" * 8, "bad_row"),
        (bytes.fromhex("81a1006161"), "no_sensor"),
        (bytes.fromhex("81a10062c328"), "bad_encoding"),
        (bytes.fromhex("82a2006361"), "bad_row"),
        (bytes.fromhex("80ff"), "bad_row"),
        (bytes.fromhex("ff"), "bad_row"),
        (bytes.fromhex("1c"), "bad_row"),
    ],
)
def test_what_is_no_pack_is_kept_aside_whole(body: bytes, reason: str) -> None:
    decoded = decode(body)
    assert reasons(decoded) in ([reason], []) or reason in reasons(decoded)
    assert decoded.good.num_rows == 0


def test_cbor_items_of_every_kind_are_read() -> None:
    # RFC 8949, appendix A
    numbers_ = {"00": 0, "1903e8": 1000, "3903e7": -1000, "f93c00": 1.0, "fa47c35000": 1e5, "c48221196ab3": 273.15}
    texts = {"6161": "a", "7f657374726561646d696e67ff": "streaming", "f4": False, "f6": None}
    nested = {"83010203": [1, 2, 3], "9f0102ff": [1, 2], "a201020304": {1: 2, 3: 4}, "bf616101ff": {"a": 1}}
    cases: dict[str, Any] = {**numbers_, **texts, **nested}
    for digits, value in cases.items():
        assert parse_cbor(bytes.fromhex(digits), deepest=8) == value


def test_the_quick_way_and_the_careful_way_agree() -> None:
    records = [{"bn": "g1/", "bt": NOON_MS / 1000, "n": "z", "v": 2.5}, {"n": "temp", "u": "Cel", "t": 3, "v": -1.5}]
    quick = decode(records)
    careful = decode([*records, {"n": "word", "vs": "x"}])  # a text sends the pack the careful way
    assert readings(quick) == readings(careful)
    assert len(readings(quick)) == 2


numbers = st.floats(-1e6, 1e6) | st.integers(-1000, 1000)
record = st.fixed_dictionaries(
    {"n": st.sampled_from(["z", "temp", "g/z", "other"]), "v": numbers},
    optional={
        "t": st.integers(-100, 100),
        "u": st.sampled_from(["Cel", "K", "m", "V"]),
        "bn": st.sampled_from(["a/", "b/"]),
        "bt": st.sampled_from([NOON_MS / 1000, 0]),
        "bu": st.sampled_from(["Cel", "m"]),
    },
)


@settings(deadline=None, max_examples=150)
@given(st.lists(record, max_size=8))
def test_quick_and_careful_agree_on_any_pack(records: list[dict[str, Any]]) -> None:
    careful = decode([*records, {"n": "word", "vs": "x"}])
    assert readings(decode(records)) == readings(careful)
    assert reasons(decode(records)) == reasons(careful)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"\x82\xa2" + tail))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    for _, _, _, value in readings(decode(noise)):
        assert struct.pack("d", value)
