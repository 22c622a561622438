"""Arrow and Parquet bodies are taken like text ones, and a hostile one cannot reach past its own bytes."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.decoding.deliveries import NOON, NOON_MS, at_noon, columns, feed, readings, reasons

from rencheng.adapters.bulk import decode
from rencheng.adapters.decoding import decoder_of
from rencheng.kernel import InvalidReading
from rencheng.sense import FeedConfig


def stage_feed(format_: str, **changes: Any) -> FeedConfig:
    """A wide feed of stages in centimetres."""
    section = {"sensor_column": "s", "time": {"column": "t"}, "columns": columns(v="stage_m cm"), **changes}
    return feed(format_, **section)


def table(**changes: pa.Array) -> pa.Table:
    """Two readings of two gauges and a column that nobody asked for."""
    stamp = pa.array([NOON, NOON + timedelta(seconds=1)], pa.timestamp("us", tz="UTC"))
    made = {"s": pa.array(["A", "B"]), "t": stamp, "v": pa.array([250.0, 300.0]), "other": pa.array([[1], [2]])}
    return pa.table({**made, **changes})


def stream(of: pa.Table, **options: Any) -> bytes:
    """An Arrow IPC stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, of.schema, **options) as writer:
        writer.write_table(of)
    return sink.getvalue()


def body(format_: str, of: pa.Table) -> bytes:
    """The table as a body of a format."""
    if format_ == "arrow":
        return stream(of)
    sink = io.BytesIO()
    if format_ == "parquet":
        pq.write_table(of, sink)
    else:
        with pa.ipc.new_file(sink, of.schema) as writer:
            writer.write_table(of)
    return sink.getvalue()


TWO = [("A", "stage_m", NOON, 2.5), ("B", "stage_m", NOON + timedelta(seconds=1), 3.0)]


@pytest.mark.parametrize("form", ["arrow", "file", "parquet"])
def test_columns_named_in_the_configuration_are_taken(form: str) -> None:
    decoded = decode(stage_feed("parquet" if form == "parquet" else "arrow"), body(form, table()))
    assert readings(decoded) == TWO
    assert (decoded.rows, decoded.refused.num_rows) == (2, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"s": pa.array(["A", "B"]).dictionary_encode()},
        {"s": pa.array(["A ", " B"], pa.large_string())},
        {"v": pa.array(["250", "300"])},
        {"v": pa.array([250, 300], pa.int16())},
        {"t": pa.array([NOON.isoformat(), (NOON + timedelta(seconds=1)).isoformat()])},
        {"t": pa.array([NOON, NOON + timedelta(seconds=1)], pa.timestamp("ns", tz="Asia/Shanghai"))},
    ],
    ids=["coded words", "long text", "numbers as text", "small integers", "stamps as text", "nanoseconds"],
)
def test_types_of_columns_may_differ(changes: dict[str, pa.Array]) -> None:
    assert readings(decode(stage_feed("arrow"), stream(table(**changes)))) == TWO


@pytest.mark.parametrize(("form", "factor"), [("epoch_s", 1e-3), ("epoch_ms", 1.0), ("epoch_us", 1e3)])
def test_epochs_are_read_in_their_unit(form: str, factor: float) -> None:
    stamps = pa.array([int(NOON_MS * factor), int((NOON_MS + 1000) * factor)])
    decoded = decode(stage_feed("arrow", time={"column": "t", "format": form}), stream(table(t=stamps)))
    assert readings(decoded) == TWO


def test_bad_cells_are_kept_aside_by_the_number_of_their_row() -> None:
    bad = table(v=pa.array([float("nan"), 300.0]), s=pa.array(["A", None]))
    decoded = decode(stage_feed("arrow"), stream(bad))
    assert [(r["row"], r["reason"]) for r in decoded.refused.to_pylist()] == [(1, "not_finite"), (2, "no_sensor")]
    assert "'s': 'A'" in decoded.refused.to_pylist()[0]["raw"]


@pytest.mark.parametrize("count", [2**63 - 1, -(2**63), 10**17])
def test_a_stamp_beyond_the_calendar_is_kept_aside_and_told(count: int) -> None:
    stamps = pa.array([count, NOON_MS * 1000]).cast(pa.timestamp("us", tz="UTC"))
    decoded = decode(stage_feed("arrow"), stream(table(t=stamps)))
    assert [(r["row"], r["reason"]) for r in decoded.refused.to_pylist()] == [(1, "bad_time")]
    assert len(readings(decoded)) == 1


@pytest.mark.parametrize("column", ["s", "t", "v"])
@pytest.mark.parametrize("kind", [pa.list_(pa.int8()), pa.struct([]), pa.bool_()])
def test_a_column_of_another_kind_is_named(column: str, kind: pa.DataType) -> None:
    with pytest.raises(InvalidReading, match=f"the column '{column}' is of the type"):
        decode(stage_feed("arrow"), stream(table(**{column: pa.nulls(2, kind)})))


def test_numbers_may_name_sensors() -> None:
    assert [r[0] for r in readings(decode(stage_feed("arrow"), stream(table(s=pa.array([17, 18])))))] == ["17", "18"]


def test_long_tables_of_coded_words_are_read() -> None:
    words = pa.array(["level", "x"]).dictionary_encode()
    layout = {"quantity_column": "q", "value_column": "v", "quantities": {"level": "stage_m"}}
    config = stage_feed("arrow", columns=[], long=layout)
    decoded = decode(config, stream(table().append_column("q", words)))
    assert ([r[3] for r in readings(decoded)], reasons(decoded)) == ([250.0], ["unknown_quantity"])


def test_naive_stamps_need_the_feeds_zone() -> None:
    naive = table(t=pa.array([NOON.replace(tzinfo=None)] * 2, pa.timestamp("ms")))
    assert reasons(decode(stage_feed("arrow"), stream(naive))) == ["naive_time", "naive_time"]
    local = decode(stage_feed("arrow", time={"column": "t", "timezone": "+08:00"}), stream(naive))
    assert readings(local)[0][2] == NOON - timedelta(hours=8)


@pytest.mark.parametrize(
    ("form", "raw", "message"),
    [
        ("arrow", b"", "not readable as arrow"),
        ("arrow", b"ARROW1\x00\x00junk", "not readable as arrow"),
        ("parquet", b"PAR1", "not readable as parquet"),
        ("arrow", stream(table().drop(["v"])), "there is no column 'v'; there are s, t, other"),
        ("arrow", stream(table().append_column("v", pa.array([1, 2]))), "the column 'v' is there 2 times"),
        ("parquet", body("parquet", table().drop(["t"])), "there is no column 't'"),
    ],
)
def test_a_body_that_is_no_such_table_is_refused_whole(form: str, raw: bytes, message: str) -> None:
    with pytest.raises(InvalidReading, match=message):
        decode(stage_feed(form), raw)


def test_a_table_that_unfolds_stops_at_the_limit() -> None:
    zeros = pa.table({"s": ["A"] * 200_000, "t": [NOON] * 200_000, "v": np.zeros(200_000)})
    small = stream(zeros, options=pa.ipc.IpcWriteOptions(compression="zstd"))
    assert len(small) < 1_000_000
    with pytest.raises(InvalidReading, match="bytes or more, the feed allows 1000000"):
        decode(stage_feed("arrow", max_decoded_bytes=1_000_000), small)


@settings(deadline=None, max_examples=150)
@given(data=st.data(), form=st.sampled_from(["arrow", "file", "parquet"]))
def test_damaged_tables_are_refused_with_our_own_error_or_read(data: st.DataObject, form: str) -> None:
    raw = bytearray(body(form, table()))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(stage_feed("parquet" if form == "parquet" else "arrow"), bytes(raw))
    except InvalidReading:
        return


def test_bodies_of_a_broker_are_joined_and_a_bad_one_is_a_row() -> None:
    decoder = decoder_of(stage_feed("ndjson"))
    line = b'{"s":"A","t":"2024-04-15T12:00:00Z","v":250}\n'
    decoded = decoder.decode_many([(line, at_noon()), (b'{"x":1}', at_noon("t/x")), (line + b"{\n", at_noon())])
    assert [r[0] for r in readings(decoded)] == ["A", "A"]
    assert [(r["row"], r["reason"]) for r in decoded.refused.to_pylist()] == [(2, "bad_row"), (4, "bad_row")]
    assert decoded.rows == 4
