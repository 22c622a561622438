"""A wrong feed configuration is refused with the file, the key and the mend; a right one needs no code."""

from __future__ import annotations

from pathlib import Path

import pytest

from rencheng.kernel import InvalidConfig, NotFound
from rencheng.sense import read_feed_config

GOOD = """
[feed]
id = "gauges"
format = "csv"
sensor_column = "station"
[feed.time]
column = "t"
timezone = "Asia/Shanghai"
[[feed.columns]]
column = "level"
quantity = "stage_m"
unit = "cm"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "feed.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_tutorial_feed_is_read_and_says_utc_minus_three() -> None:
    path = Path(__file__).parents[2] / "docs" / "tutorial" / "porto-alegre" / "feed.toml"
    config = read_feed_config(path)
    assert (config.id, config.time.timezone, config.time.format) == ("ana_telemetry", "-03:00", "iso8601")
    assert {c.column: (c.quantity, c.unit) for c in config.columns} == {
        "level_cm": ("stage_m", "cm"),
        "rain_mm": ("rain_mm", "mm"),
        "flow_m3s": ("discharge_m3_s", "m3/s"),
    }


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    config = read_feed_config(written(tmp_path, GOOD))
    assert (config.compression, config.encoding, config.missing) == ("auto", "utf-8", ("",))
    assert config.limits.clock_ahead_s == 300.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"stage_m"', '"stge_m"', r"column 'level': unknown quantity 'stge_m'. Use one of: stage_m,"),
        ('"cm"', '"furlong"', r"column 'level': unit 'furlong' is not legal for stage_m. Use one of: m, cm"),
        ('"Asia/Shanghai"', '"Mars/Olympus"', r"time: unknown time zone 'Mars/Olympus'. Use an IANA name"),
        ('format = "csv"', 'format = "xlsx"', r"format: 'xlsx' is not known. Use one of: csv, ndjson"),
        ('id = "gauges"', "", r"\[feed\]: Object missing required field `id`"),
        ('id = "gauges"', "id = 7", r"\[feed\]: Expected `str`, got `int` - at `\$.id`"),
        ("[feed.time]", "[feed.tme]", r"\[feed\]: unknown key 'tme'. Use: id, format, time"),
        ('column = "t"', 'colum = "t"', r"\[feed.time\]: unknown key 'colum'. Use: column, format, timezone"),
        ('unit = "cm"', 'units = "cm"', r"\[\[feed.columns\]\] 1: unknown key 'units'"),
        ('column = "t"', 'column = "t"\nformat = "yesterday"', r"unknown time format 'yesterday'"),
        ('id = "gauges"', 'id = "gauges"\nencoding = "klingon"', r"unknown encoding 'klingon'"),
        ('id = "gauges"', 'id = "gauges"\ndelimiter = "ab"', r"delimiter 'ab' is not one character"),
        ('id = "gauges"', 'id = "gauges"\nmax_body_bytes = 0', r"size limits must be positive"),
        ('id = "gauges"', 'id = "gauges"\nlong = 3', r"\[feed.long\]: must be a table"),
        ("[feed]", "[feed", r"not TOML"),
    ],
)
def test_a_wrong_key_is_named_with_its_file_and_mend(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message) as caught:
        read_feed_config(written(tmp_path, GOOD.replace(old, new, 1)))
    assert str(caught.value).startswith(str(tmp_path / "feed.toml"))


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"feed.toml: there is no \[feed\] table"):
        read_feed_config(written(tmp_path, "[city]\nid = 1\n"))


def test_neither_wide_nor_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="give either wide columns or the long layout"):
        read_feed_config(written(tmp_path, GOOD.split("[[feed.columns]]", maxsplit=1)[0]))


def test_an_absent_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no feed configuration"):
        read_feed_config(tmp_path / "nothing.toml")
