"""The folder of a run: its ledger, readings, fields, what was sent, and what it was made from."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from rencheng.kernel import Conflict, InvalidConfig, NotFound, StorageFailed

__all__ = ["RunFolder", "RunMark", "open_run_folder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMark:
    """What a run was made from: two runs with the same mark yield the same facts."""

    mode: str
    """live, replay or rehearsal"""
    city: str
    """Folder of the city package."""
    city_digest: str
    source: str
    """Recorded file or scenario."""
    seed: int = 0
    source_digest: str = ""
    """Digest of the recorded files and of how they are read."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where the parts of a run are kept."""

    path: Path

    @property
    def ledger(self) -> Path:
        """SQLite file of the ledger."""
        return self.path / "ledger.sqlite"

    @property
    def readings(self) -> Path:
        """DuckDB file of the readings."""
        return self.path / "readings.duckdb"

    @property
    def fields(self) -> Path:
        """Folder of fields, named by content hash."""
        return self.path / "fields"

    @property
    def mark(self) -> RunMark:
        """What ``run.toml`` says.

        Raises
        ------
        NotFound
            If the folder holds no run.
        """
        file = self.path / "run.toml"
        if not file.is_file():
            raise NotFound(f"{self.path} holds no run", mend="Make one with: rencheng replay, rehearse or run")
        try:
            return RunMark(**tomllib.loads(file.read_text(encoding="utf-8"))["run"])
        except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise InvalidConfig(f"damaged: {error}", where=str(file)) from error


def open_run_folder(path: Path, mark: RunMark, *, written_before: RunMark | None = None) -> RunFolder:
    """Make a run's folder, or open it again to go on with the same run.

    Parameters
    ----------
    path : Path
        The folder.
    mark : RunMark
        What makes the run.
    written_before : RunMark, optional
        What earlier versions wrote of the same run.

    Raises
    ------
    Conflict
        If the folder already holds a run made from something else; it is left as it is.
    StorageFailed
        If the folder cannot be written.
    """
    folder = RunFolder(path)
    file = path / "run.toml"
    if file.is_file():
        if folder.mark not in (mark, written_before):
            raise Conflict(
                f"{path} already holds another run ({folder.mark.mode} of {folder.mark.source or folder.mark.city})",
                mend="Choose another folder",
            )
        return folder
    lines = ["[run]", *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in asdict(mark).items())]
    try:
        path.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageFailed(f"cannot make the run's folder: {error}", where=str(path)) from error
    return folder
