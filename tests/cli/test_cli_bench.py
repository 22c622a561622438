"""``rencheng bench sense`` measures every figure at any size, tells it to people and to programs, and cleans up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rencheng.cli.root import app

IDS = [
    "load",
    "memory",
    "fsync",
    "json",
    "decode_ndjson",
    "decode_arrow",
    "decode_parquet",
    "take",
    "latest",
    "lag_p50",
    "lag_p99",
    "hourly",
    "one_sensor",
]


def test_every_figure_is_measured_and_nothing_is_left_behind(tmp_path: Path) -> None:
    size = ["--sensors", "50", "--seconds", "0.05", "--folder", str(tmp_path)]
    told = CliRunner().invoke(app, ["bench", "sense", *size, "--json"])
    assert told.exit_code == 0, told.output
    figures = json.loads(told.stdout)
    assert [figure["id"] for figure in figures] == IDS
    assert all(figure["value"] > 0 for figure in figures[1:])
    assert list(tmp_path.iterdir()) == []


def test_the_table_is_bilingual_and_whole_in_a_pipe(tmp_path: Path) -> None:
    size = ["--sensors", "50", "--seconds", "0.05", "--folder", str(tmp_path)]
    told = CliRunner().invoke(app, ["bench", "sense", *size])
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert len(lines) == len(IDS) + 1
    assert "30 days of one sensor" in lines[-1]
    assert "一个传感器 30 天" in lines[-1]


@pytest.mark.parametrize("wrong", [["--sensors", "0"], ["--seconds", "0"]])
def test_nothing_to_measure_is_refused(wrong: list[str]) -> None:
    assert CliRunner().invoke(app, ["bench", "sense", *wrong]).exit_code == 2
