"""``rencheng detect FILE.csv``: every row that came goes out, in order; what cannot be read is named by its line."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from rencheng.app.detect_file import detect_file
from rencheng.cli.root import app
from rencheng.kernel import InvalidConfig, InvalidInput, NotFound, RenchengError, StorageFailed

HEADER = "timestamp,value,score,alarm"


def a_file(folder: Path, text: str | bytes, name: str = "in.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def written(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(encoding="utf-8")))


def level_with_spike(rows: int = 1500, at: int = 1200) -> str:
    rng = np.random.default_rng(1)
    value = 20 + rng.normal(0, 1, rows)
    value[at] = 80
    lines = [f"{1_767_225_600 + 300 * i},{v:.3f},x" for i, v in enumerate(value)]
    return "t,level,note\n" + "\n".join(lines) + "\n"


def test_the_command_writes_a_row_for_each_row_and_tells_the_spike(tmp_path: Path) -> None:
    path = a_file(tmp_path, level_with_spike())
    out = tmp_path / "out.csv"
    done = CliRunner().invoke(
        app, ["detect", str(path), "--time", "t", "--value", "level", "--out", str(out)], catch_exceptions=False
    )
    assert done.exit_code == 0
    assert out.read_text().startswith(HEADER + "\n")
    rows = written(out)
    assert len(rows) == 1500
    assert rows[1200]["timestamp"] == str(1_767_225_600 + 300 * 1200)
    assert rows[1200]["value"] == "80.000"
    assert rows[1200]["alarm"] == "1"
    assert max(rows, key=lambda row: float(row["score"])) == rows[1200]


def test_options_may_stand_before_the_file_and_the_group_tells_its_help() -> None:
    wrong = CliRunner().invoke(app, ["detect", "--time", "t", "--value", "v", "--out", "o.csv", "no-such-file.csv"])
    assert isinstance(wrong.exception, NotFound)
    assert "series" in CliRunner().invoke(app, ["detect", "--help"]).output


def test_gzip_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbf" + level_with_spike(200, 100).encode()
    detect_file(a_file(tmp_path, gzip.compress(text), "in.csv.gz"), "t", "level", tmp_path / "a.csv")
    detect_file(a_file(tmp_path, level_with_spike(200, 100)), "t", "level", tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_long_file_is_the_same_as_its_series_whatever_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = a_file(tmp_path, level_with_spike())
    detect_file(path, "t", "level", tmp_path / "whole.csv")
    monkeypatch.setattr("rencheng.adapters.tabular.series._BLOCK_BYTES", 97)
    detect_file(path, "t", "level", tmp_path / "blocks.csv")
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "blocks.csv").read_bytes()


@pytest.mark.parametrize(
    "stamps",
    [
        ["2026-01-01 00:00:00", "2026-01-01 00:05:00"],
        ["2026-01-01T00:00:00Z", "2026-01-01T08:05:00+08:00"],
        ["2026/01/01 00:00", "2026-01-01T00:05"],
        ["1767225600", "1767225900.0"],
        ["1767225600000", "1767225900000"],
        ["1767225600000000000", "1767225900000000000"],
    ],
)
def test_every_usual_way_to_write_a_time_means_the_same(tmp_path: Path, stamps: list[str]) -> None:
    from rencheng.adapters.tabular import read_series

    path = a_file(tmp_path, "t,v\n" + "".join(f"{stamp},1\n" for stamp in stamps))
    (block,) = read_series(path, "t", "v")
    assert block.at_us.tolist() == [1_767_225_600_000_000, 1_767_225_900_000_000]


def test_missing_values_pass_with_an_empty_score(tmp_path: Path) -> None:
    path = a_file(tmp_path, "t,v\n1,5\n2,\n3,NaN\n4,null\n5,inf\n6, 6 \n")
    line = detect_file(path, "t", "v", tmp_path / "out.csv")
    assert [row["score"] == "" for row in written(tmp_path / "out.csv")] == [False, True, True, True, True, False]
    assert line == "6 rows, 4 without a value, 0 alarms"


def test_doubled_and_backward_stamps_stay_in_their_place(tmp_path: Path) -> None:
    path = a_file(tmp_path, "t,v\n20,5\n20,6\n10,7\n30,8\n")
    detect_file(path, "t", "v", tmp_path / "out.csv")
    assert [row["timestamp"] for row in written(tmp_path / "out.csv")] == ["20", "20", "10", "30"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("t,v\n1,5\n\n2,abc\n", r"line 4, column 'v': 'abc' is no number"),
        ("t,v\n1,5\n2,6\nyesterday,7\n", r"line 4, column 't': 'yesterday' is no time"),
        ("t,v\n1,5\n2,6,7\n", "line 3: 3 fields where the header has 2"),
        ("t,v\n1,5\n2\n", "line 3: 1 fields where the header has 2"),
        (b"t,v\n1,5\n2,\xff\n", "line 3: .*utf-8"),
        ("t,v\n99999-01-01,5\n", "line 2, column 't'"),
        ("t,v\n1,0x10\n", "line 2, column 'v'"),
        ("t,v\n1,1_000\n", "line 2, column 'v'"),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_is_written(tmp_path: Path, text: str | bytes, named: str) -> None:
    out = tmp_path / "out.csv"
    out.write_text("of yesterday")
    with pytest.raises(InvalidInput, match=named):
        detect_file(a_file(tmp_path, text), "t", "v", out)
    assert out.read_text() == "of yesterday"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "out.csv"]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "t,t,v\n1,2,3\n"])
def test_a_column_that_is_not_there_or_twice_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidConfig, match="column 't'"):
        detect_file(a_file(tmp_path, text), "t", "v", tmp_path / "out.csv")


def test_a_damaged_archive_and_a_folder_that_is_not_there_are_errors_with_a_place(tmp_path: Path) -> None:
    whole = gzip.compress(level_with_spike().encode())
    with pytest.raises(InvalidInput, match=r"in\.csv\.gz"):
        detect_file(a_file(tmp_path, whole[:-200], "in.csv.gz"), "t", "level", tmp_path / "out.csv")
    with pytest.raises(StorageFailed, match="nowhere"):
        detect_file(a_file(tmp_path, "t,v\n1,2\n"), "t", "v", tmp_path / "nowhere" / "out.csv")


def test_a_header_alone_gives_a_header(tmp_path: Path) -> None:
    detect_file(a_file(tmp_path, "t,v"), "t", "v", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == HEADER + "\n"


def test_a_field_with_a_comma_keeps_its_quotes(tmp_path: Path) -> None:
    path = a_file(tmp_path, 't,v,w\n1,2,"a,b"\n2,3,c\n')
    detect_file(path, "t", "v", tmp_path / "out.csv")
    assert len(written(tmp_path / "out.csv")) == 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_whatever_the_bytes_there_is_a_table_or_a_refusal(tmp_path: Path, body: bytes) -> None:
    path = a_file(tmp_path, b"t,v\n" + body)
    out = tmp_path / "out.csv"
    out.unlink(missing_ok=True)
    refused = ""
    try:
        detect_file(path, "t", "v", out)
    except RenchengError as refusal:
        refused = str(refusal)
    assert "in.csv" in refused if refused else out.read_text(errors="replace").startswith(HEADER)
