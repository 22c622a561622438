"""Mapped JSON: a new source of messages is taken by configuration alone, and each refusal can be followed up."""

from __future__ import annotations

import gzip
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.decoding.deliveries import NOON, NOON_MS, at_noon, columns, details, feed, readings, reasons

from rencheng.adapters.decoding import decoder_of
from rencheng.adapters.json_paths import parse_path
from rencheng.kernel import InvalidConfig, micros
from rencheng.sense import Decoded

STAGE = columns(**{"d.level": "stage_m cm"})


def decode(body: Any, topic: str = "city/g17/up", **section: Any) -> Decoded:
    """Decode one message of a feed of stages."""
    section = {"sensor": "gauge-{2}", "columns": STAGE, **section}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decoder_of(feed("json", **section)).decode(raw, at_noon(topic))


def test_path_unit_topic_and_arrival_make_a_reading() -> None:
    assert readings(decode({"d": {"level": 250}})) == [("gauge-g17", "stage_m", NOON, 2.5)]


def test_records_in_a_list_bear_their_own_stamps_and_the_sensor_of_the_root() -> None:
    body = {"dev": "A", "data": {"rows": [{"t": NOON_MS, "v": 1}, {"t": NOON_MS + 1000, "v": "2.5"}]}}
    decoded = decode(
        body,
        sensor="",
        sensor_column="$.dev",
        time={"column": "t", "format": "epoch_ms"},
        json={"records": "data.rows[*]"},
        columns=columns(v="stage_m m"),
    )
    assert [(r[0], r[2].second, r[3]) for r in readings(decoded)] == [("A", 0, 1.0), ("A", 1, 2.5)]
    assert decoded.rows == 2


def test_a_list_of_records_needs_no_path() -> None:
    assert len(readings(decode([{"d": {"level": 1}}, {"d": {"level": 2}}]))) == 2


def test_long_records_name_their_quantity_and_unit() -> None:
    layout = {
        "quantity_column": "n",
        "value_column": "v",
        "unit_column": "u",
        "quantities": {"temp": "air_temperature_c"},
    }
    decoded = decode(
        [{"n": "temp", "v": 300.15, "u": "K"}, {"n": "stage_m", "v": 2}, {"n": "x", "v": 1}, {"v": 1}],
        columns=[],
        long=layout,
    )
    assert [r[1:] for r in readings(decoded)] == [("air_temperature_c", NOON, 27.0), ("stage_m", NOON, 2.0)]
    assert reasons(decoded) == ["unknown_quantity", "unknown_quantity"]


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        (b"{oops", "bad_row", "not JSON"),
        (b"", "bad_row", "not JSON"),
        (b'{"d":{"level":NaN}}', "bad_row", "not JSON"),
        (b'{"d":{"level":1e999}}', "bad_row", "out of range"),
        (b'"\xff"', "bad_encoding", "not UTF-8"),
        (b"[" * 60_000, "too_deep", "nested 60000 deep, the feed allows 32"),
        (b'{"x":"' + b"[" * 99 + b'"}' + b"[" * 40, "too_deep", "nested 40 deep"),
        (b"7", "bad_row", "a record is a int"),
        ({"d": {"level": "high"}}, "bad_number", "sensor gauge-g17, field d.level: 'high' is no number"),
        ({"d": {"level": True}}, "bad_number", "a bool is no number"),
        ({"d": {"level": "inf"}}, "not_finite", "inf is not finite"),
        ({"d": {"level": "1_0"}}, "bad_number", "is no number"),
        ({"d": {"level": 10**400}}, "not_finite", "too large"),
    ],
)
def test_what_cannot_be_taken_is_kept_aside_and_says_where_and_why(body: Any, reason: str, detail: str) -> None:
    decoded = decode(body)
    assert (reasons(decoded), decoded.good.num_rows) == ([reason], 0)
    assert detail in details(decoded)[0]
    assert "topic city/g17/up" in details(decoded)[0]


@pytest.mark.parametrize(
    ("stamp", "reason"),
    [(None, "bad_time"), ("noon", "bad_time"), (1e30, "bad_time"), (True, "bad_time"), ({}, "bad_time")],
)
def test_a_stamp_that_is_none_costs_the_record(stamp: Any, reason: str) -> None:
    decoded = decode({"t": stamp, "d": {"level": 1}}, time={"column": "t", "format": "epoch_s"})
    assert reasons(decoded) == [reason]
    assert "field t" in details(decoded)[0]


def test_a_stamp_without_offset_needs_the_feeds_zone() -> None:
    body = {"t": "2024-04-15T20:00:00", "d": {"level": 1}}
    assert reasons(decode(body, time={"column": "t"})) == ["naive_time"]
    assert readings(decode(body, time={"column": "t", "timezone": "Asia/Shanghai"}))[0][2] == NOON


def test_a_topic_too_short_for_the_template_names_no_sensor() -> None:
    assert reasons(decode({"d": {"level": 1}}, topic="city")) == ["no_sensor"]


def test_compressed_and_oversized_messages() -> None:
    packed = gzip.compress(b'{"d":{"level":1}}')
    assert len(readings(decode(packed))) == 1
    assert reasons(decode(packed[:-4])) == ["bad_row"]
    assert reasons(decode(b'{"d":{"level":1}}' + b" " * 100, max_body_bytes=50)) == ["too_large"]
    assert reasons(decode(gzip.compress(b" " * 1_000_000), max_decoded_bytes=1000)) == ["too_large"]


def test_a_value_beyond_all_numbers_in_si_units_is_kept_aside() -> None:
    decoded = decode([{"d": {"level": 1e308}}, {"d": {"level": 100}}], columns=columns(**{"d.level": "rain_mm in"}))
    assert reasons(decoded) == ["not_finite"]
    assert len(readings(decoded)) == 1


def test_many_messages_become_one_batch_and_refusals_name_their_message() -> None:
    decoder = decoder_of(feed("json", sensor="{2}", columns=STAGE))
    parts = [(b'{"d":{"level":1}}', at_noon("t/a")), (b"{", at_noon("t/b")), (b'{"d":{"level":3}}', at_noon("t/c"))]
    decoded = decoder.decode_many(parts)
    assert [(r["sensor_id"], r["row"]) for r in decoded.good.to_pylist()] == [("a", 1), ("c", 3)]
    assert [(r["row"], r["reason"]) for r in decoded.refused.to_pylist()] == [(2, "bad_row")]


@pytest.mark.parametrize("path", ["a..b", "a[", "a[x]", "[*]", "", "a b[", "a[1]b"])
def test_a_path_that_is_none_is_refused_with_the_configuration(path: str) -> None:
    with pytest.raises(InvalidConfig, match=r"JSON path|many values|is empty"):
        parse_path(path, where="x")


@pytest.mark.parametrize(
    ("path", "value"), [("a.b", 7), ("c[1]", 2), ("c[-1]", 3), ('["x.y"]', 4), ("a.z", None), ("c[9]", None)]
)
def test_paths_find_what_they_name(path: str, value: int | None) -> None:
    found = parse_path(path, where="x").find({"a": {"b": 7}, "c": [1, 2, 3], "x.y": 4})
    assert (found if type(found) is int else None) == value


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["d", "level", "t"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150)
@given(values)
def test_whatever_json_comes_every_reading_is_finite_and_in_time(value: Any) -> None:
    decoded = decode(json.dumps(value, allow_nan=True).encode(), time={"column": "t", "format": "epoch_s"})
    for _, _, at, number in readings(decoded):
        assert math.isfinite(number)
        assert abs(micros(at)) <= 4_102_444_800_000_000
