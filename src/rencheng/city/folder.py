"""The folder of a city package: it is replaced whole, and never in the place of something else."""

from __future__ import annotations

import shutil
from pathlib import Path

from rencheng.kernel import Conflict, InvalidInput

__all__ = ["part_beside", "replace_folder", "require_replaceable"]


def require_replaceable(path: Path) -> None:
    """Refuse a target that a new package must not take the place of; asked before the long work begins.

    A package may stand in a new folder, in an empty one, or in the place of an older package.

    Raises
    ------
    InvalidInput
        If the path ends in no name of its own (``/``, ``.``, ``..``).
    Conflict
        If a file or a folder with something else in it is there; it is left as it is.
    """
    if path.name in {"", ".."}:
        raise InvalidInput(
            f"{str(path)!r} is no name for a city package", where="--out", mend="Name a folder of its own"
        )
    if path.is_dir():
        if (path / "city.toml").is_file() or not any(path.iterdir()):
            return
        raise Conflict(f"{path} holds something else than a city package", mend="Choose another folder, or empty it")
    if path.exists():
        raise Conflict(f"{path} is a file, not a folder", mend="Choose another name")


def part_beside(path: Path) -> Path:
    """Folder beside a package in which the next one is built; whatever an earlier try left there is removed."""
    part = path.with_name(f".{path.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    return part


def replace_folder(path: Path, part: Path) -> None:
    """Put the new folder where the old one is; the old one is only removed when the new one stands."""
    old = path.with_name(f".{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    part.rename(path)
    shutil.rmtree(old, ignore_errors=True)
