"""Files that appear in a folder, each once it is complete."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FoundFile", "WatchedFolder"]

_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart")
"""Endings under which programs write before they rename."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file that is complete.

    Parameters
    ----------
    path : Path
        Where it is.
    size_bytes : int
        How long it is.
    changed_ns : int
        When it was changed last.
    """

    path: Path
    size_bytes: int
    changed_ns: int


class WatchedFolder:
    """A folder, or a single file, looked at by polling: that works on every file system, shared ones too.

    Parameters
    ----------
    path : Path
        Folder or file.
    pattern : str
        Which names, as a shell would match; never hidden ones, nor those under which programs write before renaming.
    settle_s : float
        A file that was changed less than so long ago may not be complete yet.
    """

    def __init__(self, path: Path, *, pattern: str = "*", settle_s: float = 2.0) -> None:
        self._path, self._pattern, self._settle_s = path, pattern, settle_s
        self._seen: dict[str, tuple[int, int]] = {}

    def look(self, now_s: float) -> list[FoundFile]:
        """Files that are new or changed and complete, in the order of their names.

        Parameters
        ----------
        now_s : float
            Seconds since 1970, as file systems count.

        Raises
        ------
        OSError
            If the folder cannot be read.
        """
        found = []
        entries = self._entries()
        for name, state in entries:
            mark = (state.st_size, state.st_mtime_ns)
            if self._seen.get(name) == mark or 0 <= now_s - state.st_mtime_ns / 1e9 < self._settle_s:
                continue
            path = self._path if self._path.is_file() else self._path / name
            found.append(FoundFile(path=path, size_bytes=mark[0], changed_ns=mark[1]))
        gone = self._seen.keys() - {name for name, _ in entries}
        self._seen = {name: mark for name, mark in self._seen.items() if name not in gone}
        return found

    def done(self, file: FoundFile) -> None:
        """Say that a file was taken: it is not found again until it changes."""
        self._seen[file.path.name] = (file.size_bytes, file.changed_ns)

    def _entries(self) -> list[tuple[str, os.stat_result]]:
        if self._path.is_file():
            return [(self._path.name, self._path.stat())]
        entries = []
        with os.scandir(self._path) as folder:
            for entry in folder:
                name = entry.name
                if name.startswith(".") or name.endswith(_UNFINISHED) or not fnmatch.fnmatchcase(name, self._pattern):
                    continue
                try:
                    if entry.is_file():
                        entries.append((name, entry.stat()))
                except FileNotFoundError:
                    continue  # it was taken away while we looked
        return sorted(entries, key=lambda item: item[0])
