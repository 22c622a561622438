"""Bad input at the feed border: each fault has its message, and what was good is kept."""

from __future__ import annotations

import gzip
import math
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.adapters.bulk import decode
from rencheng.kernel import InvalidReading, NotFound
from rencheng.sense import Decoded, FeedConfig, feed_config_from_dict

NOON = datetime(2024, 4, 15, 12, tzinfo=UTC)


def feed(**changes: Any) -> FeedConfig:
    """A wide CSV feed of stage in cm and rain in mm, local time UTC−3, unless told otherwise."""
    section: dict[str, Any] = {
        "id": "gauges",
        "format": "csv",
        "sensor_column": "station",
        "time": {"column": "t", "timezone": "-03:00"},
        "columns": [
            {"column": "level_cm", "quantity": "stage_m", "unit": "cm"},
            {"column": "rain", "quantity": "rain_mm", "unit": "mm"},
        ],
    }
    section.update(changes)
    return feed_config_from_dict({key: value for key, value in section.items() if value is not None}, where="test")


def long_feed(**changes: Any) -> FeedConfig:
    """An NDJSON feed whose rows name quantity and unit."""
    layout = {
        "quantity_column": "what",
        "value_column": "v",
        "unit_column": "u",
        "quantities": {"level": "stage_m", "temp": "air_temperature_c"},
    }
    return feed(format="ndjson", columns=None, long=layout, **changes)


def rows(decoded: Decoded) -> list[tuple[str, str, datetime, float]]:
    return [(r["sensor_id"], r["quantity"], r["at"], round(r["value"], 6)) for r in decoded.good.to_pylist()]


def aside(decoded: Decoded) -> list[tuple[int, str]]:
    return [(row["row"], row["reason"]) for row in decoded.refused.to_pylist()]


HEAD = b"station,t,level_cm,rain\n"
GOOD_ROW = b"A,2024-04-15 09:00:00,250,1.5\n"
GOOD = [("A", "stage_m", NOON, 2.5), ("A", "rain_mm", NOON, 1.5)]


def test_a_wide_row_becomes_one_reading_per_measured_column_in_si_units() -> None:
    decoded = decode(feed(), HEAD + GOOD_ROW + b"B,2024-04-15 09:00:00,,0.0\n")
    assert rows(decoded) == [GOOD[0], GOOD[1], ("B", "rain_mm", NOON, 0.0)]
    assert (decoded.rows, decoded.refused.num_rows) == (2, 0)


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b"B,yesterday,250,1.5", "bad_time", "column t"),
        (b"B,2024-02-30 09:00:00,250,1.5", "bad_time", "column t"),
        (b"B,,250,1.5", "bad_time", "column t"),
        (b",2024-04-15 09:00:00,250,1.5", "no_sensor", "column station"),
        (b"B,2024-04-15 09:00:00,2 50,", "bad_number", "column level_cm"),
        (b"B,2024-04-15 09:00:00,nan,", "not_finite", "column level_cm"),
        (b"B,2024-04-15 09:00:00,,-inf", "not_finite", "column rain"),
        (b"B,2024-04-15 09:00:00,1e999,", "not_finite", "column level_cm"),
        (b"B,2024-04-15 09:00:00", "bad_row", "not 4 columns"),
        (b"B,2024-04-15 09:00:00,1,2,3,4", "bad_row", "not 4 columns"),
        (b"\xff\xfe,2024-04-15 09:00:00,250,1.5", "bad_encoding", "not utf-8"),
    ],
)
def test_a_bad_row_is_kept_aside_with_its_text_and_reason_and_the_good_is_taken(
    line: bytes, reason: str, detail: str
) -> None:
    decoded = decode(feed(), HEAD + b"\n" + line + b"\r\n" + GOOD_ROW)
    assert rows(decoded) == GOOD
    (kept,) = decoded.refused.to_pylist()
    assert (kept["row"], kept["reason"], kept["detail"]) == (3, reason, detail)
    assert kept["raw"] == line.decode(errors="replace")
    assert decoded.rows == 2


def test_one_bad_cell_does_not_cost_the_other_cells_of_its_row() -> None:
    decoded = decode(feed(), HEAD + b"A,2024-04-15 09:00:00,oops,1.5\n")
    assert rows(decoded) == [GOOD[1]]
    assert aside(decoded) == [(2, "bad_number")]


def test_all_kinds_of_bad_rows_in_one_body_find_their_own_lines() -> None:
    body = HEAD + b"A,x,1,1\n\nA\nB,2024-04-15 09:00:00,q,w\n\xff,,,\n" + GOOD_ROW
    assert aside(decode(feed(), body)) == [(2, "bad_time"), (4, "bad_row"), (5, "bad_number"), (6, "bad_encoding")]


def test_a_stamp_without_zone_is_refused_where_the_feed_names_none() -> None:
    config = feed(time={"column": "t"})
    body = HEAD + GOOD_ROW + b"A,2024-04-15T09:00:00-03:00,250,1.5\nA,2024-04-15T12:00:01Z,,2\n"
    decoded = decode(config, body)
    assert [row[2].second for row in rows(decoded)] == [0, 0, 1]
    assert rows(decoded)[:2] == GOOD
    assert aside(decoded) == [(2, "naive_time")]


def test_an_offset_in_the_stamp_goes_before_the_feeds_zone() -> None:
    decoded = decode(feed(), HEAD + GOOD_ROW + b"A,2024-04-15T20:00:00+08:00,250,1.5\n")
    assert {row[2] for row in rows(decoded)} == {NOON}


@pytest.mark.parametrize(
    ("time", "stamp"),
    [
        ({"column": "t", "format": "epoch_s"}, b"1713182400"),
        ({"column": "t", "format": "epoch_ms"}, b"1713182400000"),
        ({"column": "t", "format": "%d/%m/%Y %H:%M", "timezone": "-03:00"}, b"15/04/2024 09:00"),
        ({"column": "t", "format": "%d/%m/%Y %H:%M %z"}, b"15/04/2024 20:00 +0800"),
        ({"column": "t", "timezone": "America/Sao_Paulo"}, b"2024-04-15 09:00"),
    ],
)
def test_instants_are_read_in_any_configured_form(time: dict[str, str], stamp: bytes) -> None:
    decoded = decode(feed(time=time), HEAD + b"A," + stamp + b",250,1.5\nB,2024-13-45,1,1\n")
    assert rows(decoded) == GOOD
    assert aside(decoded) == [(3, "bad_time")]


def test_a_day_that_does_not_exist_is_refused_by_a_pattern_too() -> None:
    config = feed(time={"column": "t", "format": "%d/%m/%Y %H:%M", "timezone": "-03:00"})
    decoded = decode(config, HEAD + b"A,30/02/2024 09:00,250,1.5\nA,1/3/2024 09:00,1,\n")
    assert [row[2] for row in rows(decoded)] == [datetime(2024, 3, 1, 12, tzinfo=UTC)]
    assert aside(decoded) == [(2, "bad_time")]


def test_milliseconds_taken_for_seconds_are_no_instant() -> None:
    decoded = decode(feed(time={"column": "t", "format": "epoch_s"}), HEAD + b"A,1713182400000,1,1\n")
    assert aside(decoded) == [(2, "bad_time")]


def test_missing_value_tokens_mean_nothing_was_measured() -> None:
    decoded = decode(feed(missing=["", "-9999", "NaN"]), HEAD + b"A,2024-04-15 09:00:00,-9999,NaN\n")
    assert (decoded.good.num_rows, decoded.refused.num_rows, decoded.rows) == (0, 0, 1)


def test_a_missing_column_refuses_the_whole_body_and_names_what_is_there() -> None:
    with pytest.raises(InvalidReading, match=r"feed 'gauges': there is no column 'rain'; there are station, t, level"):
        decode(feed(), b"station,t,level_cm\nA,2024-04-15 09:00:00,250\n")


def test_an_empty_body_has_no_columns() -> None:
    with pytest.raises(InvalidReading, match="there is no column 'station'"):
        decode(feed(), b"")


def test_header_without_rows_is_an_empty_batch() -> None:
    decoded = decode(feed(), HEAD)
    assert (decoded.rows, decoded.good.num_rows, decoded.refused.num_rows) == (0, 0, 0)


def test_byte_order_mark_quotes_crlf_and_other_delimiters_are_read() -> None:
    body = b'\xef\xbb\xbf"station";"t";"level_cm";"rain"\r\n"A";"2024-04-15 09:00:00";"250";"1.5"\r\n'
    assert rows(decode(feed(delimiter=";"), body)) == GOOD


def test_another_encoding_is_read() -> None:
    body = (HEAD.decode() + "朝阳门,2024-04-15 09:00:00,250,1.5\n").encode("gb18030")
    assert rows(decode(feed(encoding="gb18030"), body))[0][0] == "朝阳门"


# compression and size


def test_gzip_is_opened_also_in_several_members() -> None:
    body = gzip.compress(HEAD) + gzip.compress(GOOD_ROW)
    assert rows(decode(feed(), body)) == GOOD


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (gzip.compress(HEAD + GOOD_ROW, mtime=0)[:-12], "the gzip body ends in the middle"),
        (gzip.compress(HEAD + GOOD_ROW, mtime=0)[:14] + b"\x00" * 30, "the gzip body is broken"),
        (gzip.compress(HEAD + GOOD_ROW, mtime=0)[:-5] + b"\x00\x00\x00\x00\x00", "the gzip body is broken"),
    ],
    ids=["cut short", "zeros inside", "wrong length"],
)
def test_broken_gzip_takes_nothing_and_says_so(body: bytes, message: str) -> None:
    with pytest.raises(InvalidReading, match=message + ".*nothing was taken"):
        decode(feed(), body)


def test_plain_text_where_gzip_is_required_is_refused() -> None:
    with pytest.raises(InvalidReading, match="the body is not gzip"):
        decode(feed(compression="gzip"), HEAD + GOOD_ROW)


def test_an_oversized_body_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidReading, match=r"the body has 54 bytes or more, the feed allows 50\. Send it in smaller"):
        decode(feed(max_body_bytes=50), HEAD + GOOD_ROW)


def test_an_oversized_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    path.write_bytes(HEAD + GOOD_ROW)
    with pytest.raises(InvalidReading, match=r"big.csv: the file has 54 bytes or more, the feed allows 50"):
        decode(feed(max_body_bytes=50), path)


def test_a_gzip_bomb_stops_at_the_limit() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(64)), packer.flush()])
    assert len(bomb) < 100_000
    with pytest.raises(InvalidReading, match=r"the decompressed body has \d+ bytes or more, the feed allows 2000000"):
        decode(feed(max_decoded_bytes=2_000_000), bomb)


def test_an_absent_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        decode(feed(), tmp_path / "nothing.csv")


# NDJSON and the long layout


def test_wide_ndjson_is_read() -> None:
    body = b'{"station":"A","t":"2024-04-15T12:00:00Z","level_cm":250,"rain":1.5,"more":[1]}\n'
    assert rows(decode(feed(format="ndjson"), body)) == GOOD


def test_a_measured_key_absent_everywhere_in_ndjson_is_nothing_measured() -> None:
    body = b'{"station":"A","t":"2024-04-15T12:00:00Z","rain":1.5}\n'
    assert rows(decode(feed(format="ndjson"), body)) == GOOD[1:]


def test_numbers_written_as_text_and_epochs_as_numbers_are_read_in_ndjson() -> None:
    config = feed(format="ndjson", time={"column": "t", "format": "epoch_s"})
    body = b'{"station":"A","t":1713182400,"level_cm":"250","rain":1.5}\n'
    assert rows(decode(config, body)) == GOOD


def test_broken_lines_of_ndjson_are_kept_aside() -> None:
    good = b'{"station":"A","t":"2024-04-15T12:00:00Z","level_cm":250,"rain":1.5}'
    body = b"\n".join([good, b"{oops", b"[1,2]", b"", good.replace(b"1.5", b"NaN"), good.replace(b"250", b'"x"')])
    decoded = decode(feed(format="ndjson"), body)
    assert aside(decoded) == [(2, "bad_row"), (3, "bad_row"), (5, "bad_row"), (6, "bad_number")]
    assert rows(decoded)[0] == GOOD[0]
    assert decoded.rows == 5


def test_ndjson_without_its_sensor_column_is_refused() -> None:
    with pytest.raises(InvalidReading, match="there is no column 'station'"):
        decode(feed(format="ndjson"), b'{"t":"2024-04-15T12:00:00Z","level_cm":250}\n')


def test_long_rows_are_converted_by_their_own_quantity_and_unit() -> None:
    body = b"\n".join(
        [
            b'{"station":"A","t":"2024-04-15T12:00:00Z","what":"level","u":"cm","v":250}',
            b'{"station":"A","t":"2024-04-15T12:00:00Z","what":"stage_m","u":"m","v":2.5}',
            b'{"station":"A","t":"2024-04-15T12:00:00Z","what":"temp","u":"K","v":300.15}',
            b'{"station":"A","t":"2024-04-15T12:00:00Z","what":"level","v":2.5}',
            b'{"station":"A","t":"2024-04-15T12:00:00Z","what":"phlogiston","u":"cm","v":1}',
            b'{"station":"A","t":"2024-04-15T12:00:00Z","what":"level","u":"furlong","v":1}',
            b'{"station":"A","t":"2024-04-15T12:00:00Z","what":"level","u":"cm","v":null}',
        ]
    )
    decoded = decode(long_feed(), body)
    assert rows(decoded) == [GOOD[0], GOOD[0], ("A", "air_temperature_c", NOON, 27.0), GOOD[0]]
    assert aside(decoded) == [(5, "unknown_quantity"), (6, "unknown_unit")]


printable = st.text(st.characters(codec="utf-8", exclude_characters='\n\r"\0'), max_size=12)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(printable, printable, printable, printable), max_size=12))
def test_whatever_is_sent_every_row_is_taken_or_kept_aside_or_empty(cells: list[tuple[str, ...]]) -> None:
    body = HEAD + "".join(",".join(row) + "\n" for row in cells).encode() + GOOD_ROW
    decoded = decode(feed(), body)
    assert rows(decoded)[-1] == GOOD[1]
    assert all(math.isfinite(row[3]) for row in rows(decoded))
    assert decoded.refused.schema.types == [pa.int64(), pa.string(), pa.string(), pa.string()]


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused_with_our_own_error(noise: bytes) -> None:
    for config in (feed(), long_feed()):
        try:
            decode(config, HEAD + noise if config.format == "csv" else noise)
        except InvalidReading:
            continue


# found by mutation


def test_an_empty_or_unreadable_line_before_the_header_moves_nothing() -> None:
    for first in (b"\n", b"\r\n\n"):
        decoded = decode(feed(), first + HEAD + b"A,x,1,1\n" + GOOD_ROW)
        assert rows(decoded) == GOOD
        assert aside(decoded) == [(first.count(b"\n") + 2, "bad_time")]
    decoded = decode(feed(), b"\xff\xfe\n" + HEAD + b"A,x,1,1\n" + GOOD_ROW)
    assert rows(decoded) == GOOD
    assert aside(decoded) == [(1, "bad_encoding"), (3, "bad_time")]


def test_lines_of_ndjson_keep_their_numbers_whatever_stands_in_them() -> None:
    good = b'{"station":"A","t":"2024-04-15T12:00:00Z","level_cm":250,"rain":1.5}'
    late = good.replace(b"2024-04-15", b"2024-13-15")
    for body, refused in (
        (good + good + b"\n" + late, [(1, "bad_row"), (2, "bad_time")]),
        (b"\n\n" + good + b"\n \n" + late + b"\n\n", [(5, "bad_time")]),
        (good + b"\n" + late[:20] + b"\n" + late[20:], [(2, "bad_row"), (3, "bad_row")]),
    ):
        assert aside(decode(feed(format="ndjson"), body + b"\n" + good)) == refused


def test_lone_returns_end_lines_too() -> None:
    decoded = decode(feed(), HEAD + b"A,x,1,1\r" + GOOD_ROW.replace(b"\n", b"\r"))
    assert rows(decoded) == GOOD
    assert aside(decoded) == [(2, "bad_time")]


def test_a_line_of_ndjson_nested_too_deep_is_kept_aside() -> None:
    good = b'{"station":"A","t":"2024-04-15T12:00:00Z","level_cm":250,"rain":1.5}'
    decoded = decode(feed(format="ndjson"), good + b'\n{"station":' + b"[" * 5000 + b"\n")
    assert rows(decoded) == GOOD
    assert aside(decoded) == [(2, "too_deep")]


def test_a_value_beyond_all_numbers_in_si_units_is_kept_aside() -> None:
    config = feed(columns=[{"column": "rain", "quantity": "rain_mm", "unit": "in"}])
    decoded = decode(config, HEAD + b"A,2024-04-15 09:00:00,,1e308\nB,2024-04-15 09:00:00,,1\n")
    assert [row[0] for row in rows(decoded)] == ["B"]
    assert aside(decoded) == [(2, "not_finite")]
    body = b'{"station":"A","t":"2024-04-15T12:00:00Z","what":"rain_mm","u":"in","v":1e308}\n'
    assert aside(decode(long_feed(), body + body.replace(b"1e308", b"1"))) == [(1, "not_finite")]
