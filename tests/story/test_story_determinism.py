"""The same city, scenario and seed: the same ledger to the byte, in another process, with another hash seed; and
nothing of a rehearsal leaves its folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from rencheng.adapters.channels import FileChannel, RecordingChannel
from rencheng.app.compose import channels_for
from rencheng.app.open_run import open_ledger
from rencheng.app.run_folder import RunFolder
from rencheng.app.settings import Settings
from rencheng.city import read_city
from rencheng.kernel import InvalidInput
from rencheng.ledger import StoredEntry, verify
from rencheng.rehearse.scenario import read_scenario
from rencheng.rehearse.world import World

ROOT = Path(__file__).resolve().parents[2]


def stored(run: Path) -> tuple[list[StoredEntry], bytes]:
    ledger = open_ledger(run)
    try:
        return list(ledger.stored(0)), verify(ledger).head.root
    finally:
        ledger.close()


@pytest.fixture(scope="module")
def watched(
    sandbox_city: Path, cloudburst: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str], list[str]]:
    """The same rehearsal in a watched process of its own: its folder, what it touched outside, what else lies there."""
    place = tmp_path_factory.mktemp("watched")
    (place / "home").mkdir()
    changes = {
        "PYTHONHASHSEED": "4711",
        "HOME": str(place / "home"),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
        "TMPDIR": str(place / "home"),
    }
    environ = {**{k: v for k, v in os.environ.items() if k != "PYTHONHASHSEED"}, **changes}
    command = [sys.executable, "-m", "tests.story.story_processes", "rehearse"]
    done = subprocess.run(
        [*command, str(sandbox_city), str(cloudburst), str(place / "run"), "3"],
        cwd=place,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    others = [str(p) for p in place.rglob("*") if p.is_file() and place / "run" not in p.parents]
    return place / "run", json.loads(done.stdout.splitlines()[-1]), others


def test_another_process_with_another_hash_seed_writes_the_same_ledger(
    rehearsal: Any, watched: tuple[Path, list[str], list[str]]
) -> None:
    """If two runs differ, no drill can be repeated and no decision can be shown to follow from its inputs."""
    mine, my_root = stored(rehearsal.folder)
    other, other_root = stored(watched[0])
    for a, b in zip(mine, other, strict=False):
        assert a == b, f"the first difference is at {a.seq}"
    assert len(mine) == len(other)
    assert my_root == other_root


def test_fields_are_the_same_too(rehearsal: Any, watched: tuple[Path, list[str], list[str]]) -> None:
    """The large tables are named by content: another name would mean another table."""
    folders = (rehearsal.folder / "fields", watched[0] / "fields")
    mine, other = ({p.name for p in folder.rglob("*") if p.is_file()} for folder in folders)
    assert mine == other


def test_a_rehearsal_touches_nothing_outside_its_folder(watched: tuple[Path, list[str], list[str]]) -> None:
    """A drill that opens a connection or writes elsewhere could alarm a real city."""
    _, touched, others = watched
    assert touched == []
    assert others == []


@pytest.mark.parametrize("mode", ["rehearsal", "replay"])
def test_no_channel_of_a_drill_reaches_outside(mode: str, tmp_path: Path) -> None:
    """The composition root hands out recording channels only, whatever the settings say."""
    channels = channels_for(mode, RunFolder(tmp_path), Settings(outbox=Path("/nowhere")))
    assert channels
    assert all(type(channel) is RecordingChannel for channel in channels.values())


def test_a_live_run_has_real_channels_and_no_other_mode_exists(tmp_path: Path) -> None:
    """The test above would prove nothing if live runs had recording channels as well."""
    live = channels_for("live", RunFolder(tmp_path), Settings())
    assert any(type(channel) is FileChannel for channel in live.values())
    with pytest.raises(InvalidInput, match="unknown mode"):
        channels_for("drill", RunFolder(tmp_path), Settings())


def test_another_seed_is_another_storm(sandbox_city: Path, cloudburst: Path) -> None:
    """Crews that always rehearse the same faults at the same places learn the script and not the job."""
    city, scenario = read_city(sandbox_city), read_scenario(str(cloudburst))

    def readings(seed: int) -> pa.Table:
        world = World(city, scenario, seed)
        return pa.concat_tables([world.advance().readings.good for _ in range(12)])

    assert readings(3).equals(readings(3))
    assert not readings(3).equals(readings(4))
