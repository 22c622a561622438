"""Replay: the same record gives the same ledger, whether it was played at once, in pieces, twice, or killed between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.open_run import open_ledger
from rencheng.app.replay import replay
from rencheng.app.run_folder import RunFolder
from rencheng.app.settings import Settings
from rencheng.kernel import Conflict, NotFound, StorageFailed, parse_instant
from rencheng.ledger import Entry, TreeHead, verify

ROOT = Path(__file__).resolve().parents[2]


def head_of(run: Path) -> TreeHead:
    ledger = open_ledger(run)
    try:
        verdict = verify(ledger)
        assert verdict.sound, verdict.defects
        return verdict.head
    finally:
        ledger.close()


def entries_of(run: Path) -> list[Entry]:
    ledger = open_ledger(run)
    try:
        return list(ledger.since(0))
    finally:
        ledger.close()


@pytest.fixture(scope="module")
def whole(sandbox_city: Path, recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record played once, from beginning to end."""
    out = tmp_path_factory.mktemp("replay") / "whole"
    replay(sandbox_city, recorded, out, settings=Settings())
    return out


def test_a_replay_walks_the_loop_and_says_when_it_is_over(whole: Path) -> None:
    """A replay without signals, warnings and tasks would prove nothing below."""
    kinds = [entry.kind for entry in entries_of(whole)]
    assert {"SignalRaised", "WarningIssued", "IncidentOpened", "TaskCreated", "TaskEscalated"} <= set(kinds)
    assert kinds.count("RunEnded") == 1
    assert kinds[-1] == "RunEnded"


def test_playing_it_again_changes_nothing(whole: Path, sandbox_city: Path, recorded: Path) -> None:
    """A second start of the same command must not double a single reading or fact."""
    before = head_of(whole)
    replay(sandbox_city, recorded, whole, settings=Settings())
    assert head_of(whole) == before


def test_stopped_and_continued_equals_uninterrupted(
    whole: Path, sandbox_city: Path, recorded: Path, tmp_path: Path
) -> None:
    """Somebody who looks at the run half-way must not change what it comes to."""
    begin = parse_instant("2026-07-20T06:00:00Z", name="begin")
    for hour in (1, 3, 4):
        replay(
            sandbox_city,
            recorded,
            tmp_path / "run",
            until=begin + timedelta(hours=hour, minutes=20),
            settings=Settings(),
        )
        assert not any(entry.kind == "RunEnded" for entry in entries_of(tmp_path / "run"))
    replay(sandbox_city, recorded, tmp_path / "run", settings=Settings())
    assert head_of(tmp_path / "run") == head_of(whole)


@pytest.mark.parametrize(("after", "number"), [("store", 2), ("ledger", 3)])
def test_a_killed_replay_goes_on_to_the_same_end(
    after: str, number: int, whole: Path, sandbox_city: Path, recorded: Path, tmp_path: Path
) -> None:
    """Killed between the readings store and the ledger, a delivery is stored on which no stage was ever asked."""
    command = [sys.executable, "-m", "tests.story.story_processes", "replay"]
    run = tmp_path / "run"
    killed = subprocess.run(
        [*command, str(sandbox_city), str(recorded), str(run), after, str(number)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    head_of(run)
    taken = [entry for entry in entries_of(run) if entry.kind == "BatchTaken"]
    assert len(taken) == (number - 1 if after == "store" else number)
    replay(sandbox_city, recorded, run, settings=Settings())
    assert [e.kind for e in entries_of(run)] == [e.kind for e in entries_of(whole)]
    assert head_of(run) == head_of(whole)


def test_readings_are_counted_once(whole: Path) -> None:
    """Facts and store must tell the same number of readings."""
    ended = entries_of(whole)[-1]
    store = DuckDbReadings(RunFolder(whole).readings)
    try:
        assert store.count() == ended.body.readings
    finally:
        store.close()
    taken = [e.body for e in entries_of(whole) if e.kind == "BatchTaken"]
    assert sum(body.accepted for body in taken) == ended.body.readings
    assert len(taken) == ended.body.turns


def test_another_record_of_the_same_name_is_refused(
    whole: Path, sandbox_city: Path, recorded: Path, tmp_path: Path
) -> None:
    """Going on with other readings would mix two histories in one ledger."""
    other = tmp_path / recorded.name
    other.write_text("".join(recorded.read_text().splitlines(keepends=True)[:-5]))
    before = head_of(whole)
    with pytest.raises(Conflict, match="already holds another run"):
        replay(sandbox_city, other, whole, settings=Settings())
    assert head_of(whole) == before


def test_a_missing_record_is_named(sandbox_city: Path, tmp_path: Path) -> None:
    """The message must name the file, and no folder is left behind."""
    with pytest.raises(NotFound, match=r"no readings file .*absent\.csv"):
        replay(sandbox_city, tmp_path / "absent.csv", tmp_path / "run", settings=Settings())
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_made_is_named(sandbox_city: Path, recorded: Path, tmp_path: Path) -> None:
    """A file in the way of the run's folder is said to be so."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot make the run's folder"):
        replay(sandbox_city, recorded, tmp_path / "file" / "run", settings=Settings())
