"""The folder of a study: what it was made from, and every run that is done, one line each."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from rencheng.kernel import Conflict, InvalidConfig, StorageFailed
from rencheng.rehearse.study import Study, study_plain
from rencheng.rehearse.study_levels import LevelPart
from rencheng.rehearse.study_world import RunLoss

__all__ = ["StudyFolder", "open_study_folder", "write_whole"]


T = TypeVar("T")
_MODEL = "storm batch 1"
"""How runs are computed; runs of another model are not mixed in."""


class StudyFolder:
    """Runs that are done, and where the next ones go; held by one process at a time.

    Parameters
    ----------
    path : Path
        The folder.
    log : file
        ``runs.ndjson``, open and locked.
    """

    def __init__(self, path: Path, log: IO[bytes]) -> None:
        self.path, self._log = path, log
        self.runs = self._read()
        self.level_parts = self._read_levels()

    def _read(self) -> list[RunLoss]:
        """Take the whole lines; a torn last one was never acknowledged and is cut off."""
        self._log.seek(0)
        held = self._log.read()
        whole = held[: held.rfind(b"\n") + 1]
        runs = list(_decoded(whole, RunLoss, self.path / "runs.ndjson"))
        self._log.truncate(len(whole))
        self._log.seek(0, os.SEEK_END)
        return runs

    @property
    def _level_file(self) -> Path:
        return self.path / "levels.ndjson"

    def _read_levels(self) -> list[LevelPart]:
        """Take the whole lines of the runs on coarser rasters; a torn last one is cut off."""
        if not self._level_file.is_file():
            return []
        held = self._level_file.read_bytes()
        whole = held[: held.rfind(b"\n") + 1]
        if len(whole) < len(held):
            write_whole(self._level_file, whole)
        return list(_decoded(whole, LevelPart, self._level_file))

    def append_level(self, part: LevelPart) -> None:
        """Keep a part of the runs on coarser rasters."""
        try:
            with self._level_file.open("ab") as file:
                file.write(msgspec.json.encode(part) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageFailed(f"cannot be written: {error.strerror}", where=str(self._level_file)) from error
        self.level_parts.append(part)

    def append(self, runs: Sequence[RunLoss]) -> None:
        """Keep runs: once this returns they survive the killing of the process."""
        try:
            self._log.write(b"".join(msgspec.json.encode(run) + b"\n" for run in runs))
            self._log.flush()
            os.fsync(self._log.fileno())
        except OSError as error:
            raise StorageFailed(f"cannot be written: {error.strerror}", where=str(self.path / "runs.ndjson")) from error
        self.runs.extend(runs)


def _decoded(whole: bytes, kind: type[T], file: Path) -> Iterator[T]:
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            yield msgspec.json.decode(line, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidConfig(
                f"damaged: {error}",
                where=f"{file}, line {number}",
                mend="Take the line out: its run is then computed again",
            ) from error


@contextmanager
def open_study_folder(path: Path, study: Study, *, city_digest: str, seed: int) -> Iterator[StudyFolder]:
    """Make a study's folder, or open it again to go on with the same study.

    Raises
    ------
    Conflict
        If it holds a study of another file, city or seed (names the keys that differ), or another process has it open.
    InvalidConfig
        If a line of its log is damaged.
    StorageFailed
        If it cannot be written.
    """
    mark = {
        "model": _MODEL,
        "study_digest": study.digest,
        "city_digest": city_digest,
        "seed": seed,
        "study": study_plain(study),
    }
    try:
        path.mkdir(parents=True, exist_ok=True)
        log = (path / "runs.ndjson").open("a+b")
    except OSError as error:
        raise StorageFailed(f"cannot make the study's folder: {error.strerror}", where=str(path)) from error
    with log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"{path} is in use by another process", mend="Wait for it, or choose another folder"
            ) from error
        _compare(path / "study.json", mark)
        yield StudyFolder(path, log)


def _compare(file: Path, mark: dict[str, Any]) -> None:
    """Write what the study is made from, or refuse if something else is written there."""
    if not file.is_file():
        write_whole(file, msgspec.json.format(msgspec.json.encode(mark), indent=2) + b"\n")
        return
    try:
        held = msgspec.json.decode(file.read_bytes())
    except msgspec.DecodeError as error:
        raise InvalidConfig(f"damaged: {error}", where=str(file), mend="Choose another folder") from error
    if held == mark:
        return
    raise Conflict(
        f"{file.parent} holds another study; these differ: {', '.join(_differing(held, mark))}",
        mend="Choose another folder, or put the study back as it was",
    )


def _differing(held: Any, wanted: Any, name: str = "") -> Iterator[str]:
    """Keys under which two plain values differ, e.g. ``storms.per_stratum``."""
    if isinstance(held, dict) and isinstance(wanted, dict):
        for key in dict.fromkeys([*held, *wanted]):
            if key != "study_digest":
                inside = name if not name and key == "study" else f"{name}.{key}" if name else key
                yield from _differing(held.get(key), wanted.get(key), inside)
    elif isinstance(held, list) and isinstance(wanted, list) and len(held) == len(wanted):
        for i, (a, b) in enumerate(zip(held, wanted, strict=True)):
            yield from _differing(a, b, f"{name}[{i}]")
    elif held != wanted:
        yield name


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that whoever opens it finds the old or the new, never a part.

    Raises
    ------
    StorageFailed
        If it cannot be written.
    """
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise StorageFailed(f"cannot be written: {error.strerror}", where=str(path)) from error
