"""Settings from the environment, and folders of runs that must not be mixed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rencheng.app.rehearsal import open_rehearsal
from rencheng.app.run_folder import RunFolder, RunMark, open_run_folder
from rencheng.app.settings import Settings, read_settings
from rencheng.kernel import Conflict, InvalidConfig, NotFound, StorageFailed

MARK = RunMark(mode="replay", city="/c", city_digest="d", source='a "quoted" 文件.csv', seed=0)


def test_defaults_hold_where_nothing_is_set() -> None:
    """An empty environment is a working installation."""
    assert read_settings({"HOME": "/root", "PATH": "/bin"}) == Settings()


def test_values_take_the_type_of_their_setting() -> None:
    """Environment variables are text; a port must become a number and a folder a path."""
    read = read_settings({"RENCHENG_PORT": "0", "RENCHENG_HOME": "/srv/rc", "RENCHENG_DEMO_SPEED": "2.5"})
    assert (read.port, read.home, read.demo_speed) == (0, Path("/srv/rc"), 2.5)


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"RENCHENG_PROT": "80"}, "unknown setting RENCHENG_PROT.*port"),
        ({"RENCHENG_PORT": "eighty"}, "RENCHENG_PORT.*whole number"),
        ({"RENCHENG_TURN_S": "1.5"}, "RENCHENG_TURN_S.*whole number"),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], why: str) -> None:
    """A misspelt variable that is silently ignored leaves the default in force and nobody knows."""
    with pytest.raises(InvalidConfig, match=why):
        read_settings(environ)


def test_a_folder_is_made_and_opened_again(tmp_path: Path) -> None:
    """The same run may go on; what it was made from survives quotes and Chinese characters."""
    folder = open_run_folder(tmp_path / "deep" / "run", MARK)
    assert folder.mark == MARK
    assert open_run_folder(tmp_path / "deep" / "run", MARK).path == folder.path


@pytest.mark.parametrize(
    "other",
    [
        replace(MARK, mode="rehearsal"),
        replace(MARK, city_digest="e"),
        replace(MARK, source="b.csv"),
        replace(MARK, seed=2),
        replace(MARK, source_digest="f"),
    ],
    ids=lambda mark: f"{mark.mode}-{mark.source}-{mark.seed}",
)
def test_another_run_is_refused_and_left_alone(other: RunMark, tmp_path: Path) -> None:
    """Two histories in one ledger would be neither."""
    open_run_folder(tmp_path, MARK)
    before = (tmp_path / "run.toml").read_bytes()
    with pytest.raises(Conflict, match="Choose another folder"):
        open_run_folder(tmp_path, other)
    assert (tmp_path / "run.toml").read_bytes() == before


def test_a_folder_without_a_run_says_how_to_make_one(tmp_path: Path) -> None:
    """`rencheng report` on the wrong folder must not end in a traceback."""
    with pytest.raises(NotFound, match=r"holds no run.*rencheng replay"):
        RunFolder(tmp_path).mark  # noqa: B018 — reading it is the act


@pytest.mark.parametrize("text", ["[run", "[walk]\nx = 1\n", "[run]\nunknown = 1\n"])
def test_a_damaged_mark_is_named(text: str, tmp_path: Path) -> None:
    """A file that somebody edited by hand is named with its path."""
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(InvalidConfig, match=r"run\.toml: damaged"):
        RunFolder(tmp_path).mark  # noqa: B018 — reading it is the act


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file in the way is said to be so."""
    (tmp_path / "run").write_text("")
    with pytest.raises(StorageFailed, match="cannot make the run's folder"):
        open_run_folder(tmp_path / "run", MARK)


def test_a_rehearsal_is_not_played_over_itself(sandbox_city: Path, tmp_path: Path) -> None:
    """A second start in the same folder would begin in the middle of the first one's story."""
    run, _ = open_rehearsal("rainstorm", sandbox_city, tmp_path / "run", seed=1, settings=Settings())
    run.close()
    with pytest.raises(Conflict, match="already holds this rehearsal"):
        open_rehearsal("rainstorm", sandbox_city, tmp_path / "run", seed=1, settings=Settings())
    with pytest.raises(Conflict, match="already holds another run"):
        open_rehearsal("rainstorm", sandbox_city, tmp_path / "run", seed=2, settings=Settings())
