"""``rencheng rehearse`` plays a scenario as ever, and has a study beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rencheng.cli import app
from rencheng.kernel import InvalidConfig, NotFound

BAD_STUDY = "name: x\n"


@pytest.mark.parametrize(
    "words",
    [
        ["hailstorm", "--city", "CITY", "--out", "OUT"],
        ["--city", "CITY", "--out", "OUT", "hailstorm"],
        ["scenario", "hailstorm", "--city", "CITY", "--out", "OUT"],
    ],
)
def test_a_first_word_that_is_no_command_is_a_scenario(sandbox_city: Path, tmp_path: Path, words: list[str]) -> None:
    given = [{"CITY": str(sandbox_city), "OUT": str(tmp_path / "run")}.get(word, word) for word in words]
    done = CliRunner().invoke(app, ["rehearse", *given])
    assert isinstance(done.exception, NotFound)
    assert "no scenario 'hailstorm'" in str(done.exception)


def test_a_study_that_is_wrong_is_refused_before_anything_is_made(sandbox_city: Path, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(BAD_STUDY, encoding="utf-8")
    words = ["study", str(tmp_path / "study.yaml"), "--city", str(sandbox_city), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["rehearse", *words])
    assert isinstance(done.exception, InvalidConfig)
    assert not (tmp_path / "out").exists()


def test_help_names_both() -> None:
    said = CliRunner().invoke(app, ["rehearse", "--help"]).output
    assert "scenario" in said
    assert "study" in said
