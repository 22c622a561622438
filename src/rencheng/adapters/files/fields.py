"""A field store in a folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import pyarrow as pa

from rencheng.adapters.files.arrow import bytes_from_table, table_from_bytes
from rencheng.kernel import InvalidInput, NotFound, StorageFailed

__all__ = ["FileFieldStore"]

_HEX = frozenset("0123456789abcdef")


class FileFieldStore:
    """A :class:`rencheng.assess.ports.FieldStore`: one Arrow IPC file per field, named by the SHA-256 of its bytes.

    A file appears under its name only when it is whole and on disk (written aside, fsynced, renamed, folder
    fsynced), so a fact may name it at once. Several processes may share a folder.

    Parameters
    ----------
    folder : Path
        Made when it does not exist.

    Raises
    ------
    StorageFailed
        If the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _refused(error, folder) from error

    def put(self, table: pa.Table) -> str:
        """Store a table durably and give its content hash (hex); a table that is there already is not written again.

        Raises
        ------
        StorageFailed
            If the disk refuses; no half file is left under the name.
        """
        data = bytes_from_table(table)
        name = hashlib.sha256(data).hexdigest()
        target = self._path(name)
        try:
            if not (target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == name):
                _write_whole(target, data)
        except OSError as error:
            raise _refused(error, target) from error
        return name

    def get(self, field: str) -> pa.Table:
        """Give a stored table.

        Raises
        ------
        NotFound
            If there is no field of this name.
        StorageFailed
            If its bytes no longer match the name.
        InvalidInput
            If the name is not a hash.
        """
        path = self._path(field)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise NotFound(f"no field {field!r}", where=str(self.folder), mend="Was the run copied whole?") from None
        except OSError as error:
            raise _refused(error, path) from error
        if hashlib.sha256(data).hexdigest() != field:
            raise StorageFailed(
                "the bytes no longer match the name", where=str(path), mend="Restore the file from a copy of the run"
            )
        return table_from_bytes(data)

    def _path(self, field: str) -> Path:
        if len(field) != 64 or not _HEX.issuperset(field):
            raise InvalidInput(f"{field!r} is not a field's name", mend="Give the 64 hex digits that a fact names")
        return self.folder / f"{field}.arrow"


def _write_whole(target: Path, data: bytes) -> None:
    handle, aside = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(target)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refused(error: OSError, path: Path) -> StorageFailed:
    return StorageFailed(
        f"the disk refused: {error.strerror or error}", where=str(path), mend="Free space or check the permissions"
    )
