"""A study that was killed goes on, says what changed, and comes to the same bytes however it was computed."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from rencheng.app.study import run_study
from rencheng.kernel import Conflict, InvalidConfig

STUDY = """
name: trial
title: {zh: 试算, en: Trial}
storms: {formula: shanghai_2017, per_stratum: 2, return_periods_a: [2, 20], durations_min: [30]}
raster_cells: 1500
after_min: 10
surrogate_samples: 2000
measures:
  - {id: roofs, kind: green_roof, title: {zh: 绿顶, en: Green roofs}, capital_cny: 2.0e+6, share: 0.5, retention_mm: 25}
  - {id: inlets, kind: inlets, title: {zh: 雨水口, en: Inlets <large>}, capital_cny: 9.0e+6, factor: 3}
"""
MADE = ("ranking.csv", "ranking.json", "report.html")
RUNS = 4 * 3


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("study") / "study.yaml"
    file.write_text(STUDY, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def whole(study: Path, sandbox_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study done in one go, in one process."""
    out = tmp_path_factory.mktemp("whole") / "study"
    assert f"{RUNS} runs" in run_study(study, sandbox_city, out, workers=1)
    return out


def same(a: Path, b: Path) -> bool:
    return all((a / name).read_bytes() == (b / name).read_bytes() for name in MADE)


def test_two_processes_come_to_the_same_bytes_as_one(
    study: Path, sandbox_city: Path, whole: Path, tmp_path: Path
) -> None:
    told: list[tuple[float, str]] = []
    run_study(study, sandbox_city, tmp_path / "two", workers=2, tell=lambda share, text: told.append((share, text)))
    assert same(whole, tmp_path / "two")
    assert told[-1][0] == 1.0
    assert "a minute" in told[-1][1]


def test_a_killed_study_goes_on_without_counting_twice(
    study: Path, sandbox_city: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    out.mkdir()
    shutil.copy(whole / "study.json", out)
    lines = (whole / "runs.ndjson").read_bytes().splitlines(keepends=True)
    (out / "runs.ndjson").write_bytes(b"".join(lines[:5]) + lines[5][:17])  # killed in the middle of a line
    assert "7 of 12 runs" in run_study(study, sandbox_city, out, workers=1, limit=2)
    assert not (out / "ranking.csv").exists(), "a part of the storms ranks nothing"
    run_study(study, sandbox_city, out, workers=1)
    assert len((out / "runs.ndjson").read_bytes().splitlines()) == RUNS
    assert same(whole, out)


def test_a_finished_study_is_not_computed_again(study: Path, sandbox_city: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    shutil.copytree(whole, out)
    before = (out / "runs.ndjson").read_bytes()
    run_study(study, sandbox_city, out, workers=1)
    assert (out / "runs.ndjson").read_bytes() == before
    assert same(whole, out)


@pytest.mark.parametrize(
    ("change", "seed", "differ"),
    [
        (lambda text: text.replace("retention_mm: 25", "retention_mm: 30"), 1, "measures[0].retention_mm"),
        (lambda text: text.replace("per_stratum: 2", "per_stratum: 3"), 1, "storms.per_stratum"),
        (lambda text: text, 2, "seed"),
    ],
)
def test_another_study_in_the_same_folder_is_refused_naming_what_differs(
    sandbox_city: Path, whole: Path, tmp_path: Path, change: Callable[[str], str], seed: int, differ: str
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(change(STUDY), encoding="utf-8")
    with pytest.raises(Conflict) as refused:
        run_study(other, sandbox_city, whole, seed=seed, workers=1)
    assert f"these differ: {differ}. " in str(refused.value)


def test_a_folder_in_use_is_refused(study: Path, sandbox_city: Path, whole: Path) -> None:
    with (whole / "runs.ndjson").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="in use"):
            run_study(study, sandbox_city, whole, workers=1)


def test_a_damaged_line_is_named_and_nothing_is_lost(
    study: Path, sandbox_city: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "damaged"
    shutil.copytree(whole, out)
    lines = (out / "runs.ndjson").read_bytes().splitlines(keepends=True)
    lines[3] = b'{"storm": 1, "mea\n'
    (out / "runs.ndjson").write_bytes(b"".join(lines))
    with pytest.raises(InvalidConfig, match=r"runs\.ndjson, line 4.*damaged"):
        run_study(study, sandbox_city, out, workers=1)
    assert (out / "runs.ndjson").read_bytes() == b"".join(lines)


def test_the_report_reads_in_both_languages_and_shows_every_measure(whole: Path) -> None:
    page = (whole / "report.html").read_text(encoding="utf-8")
    tree = etree.HTML(page)
    assert len(tree.findall(".//svg//circle")) == 2
    headings = " ".join(heading.text or "" for heading in tree.iterfind(".//h2"))
    assert "排名" in headings
    assert "Ranking" in headings
    assert "Inlets &lt;large&gt;" in page
    ranked = json.loads((whole / "ranking.json").read_text(encoding="utf-8"))
    assert [m["rank"] for m in ranked["ranked"]] == [1, 2]
    assert len(ranked["large"]) == 3
    rows = (whole / "ranking.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("rank,rank_low,rank_high,group,id,")
    assert len(rows) == 3


OPTIONS = """
portfolios: {budgets_cny: [5.0e+6, 2.0e+7]}
climates: [{id: plus3, title: {zh: 升温3度, en: 3 K warmer}, warming_k: 3}]
levels: {raster_cells: [500], per_stratum: [6]}
"""


def test_a_study_with_every_option_goes_on_to_the_same_bytes_and_tells_them(sandbox_city: Path, tmp_path: Path) -> None:
    file = tmp_path / "options.yaml"
    file.write_text(STUDY.replace("durations_min: [30]", "durations_min: [30], field: moving") + OPTIONS, "utf-8")
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    run_study(file, sandbox_city, whole, workers=1)
    said = run_study(file, sandbox_city, parted, workers=1, limit=3)
    while "goes on" in said:
        said = run_study(file, sandbox_city, parted, workers=1, limit=None if "coarser" in said else 9)
        if (parted / "levels.ndjson").exists():
            levels = (parted / "levels.ndjson").read_bytes()
            (parted / "levels.ndjson").write_bytes(levels[: len(levels) // 2])  # killed in the middle of a line
            said = run_study(file, sandbox_city, parted, workers=1)
    made = (*MADE, "portfolios.csv", "regret.csv")
    assert all((whole / name).read_bytes() == (parted / name).read_bytes() for name in made)
    page = etree.fromstring((whole / "report.html").read_bytes(), etree.HTMLParser())
    text = "".join(str(part) for part in page.itertext())
    for heading in ("Portfolios of measures", "气候情景", "Multilevel Monte Carlo"):
        assert heading in text
    assert len(page.findall(".//svg")) == 2
    plain = json.loads((whole / "ranking.json").read_bytes())
    assert [c["id"] for c in plain["climates"]] == ["now", "plus3"]
    assert {p["id"] for p in plain["portfolios"]} >= {"none", "roofs", "inlets"}
