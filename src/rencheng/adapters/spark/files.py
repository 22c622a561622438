"""Files that are there whole or not at all, whatever dies."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rencheng.kernel import StorageFailed

__all__ = ["keep_names", "refused_by", "write_whole"]


def refused_by(path: Path, error: OSError) -> StorageFailed:
    """Make the refusal of an error of the file system."""
    return StorageFailed(
        f"cannot be written: {error.strerror or error}",
        where=str(path),
        mend="Check space and rights, and run the same command again; what was committed is kept",
    )


def write_whole(path: Path, content: bytes | pa.Table) -> None:
    """Write a file under another name, put it on the disk, and give it its name.

    Raises
    ------
    StorageFailed
        If the disk refuses.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as sink:
            if isinstance(content, bytes):
                sink.write(content)
            else:
                pq.write_table(content, sink, compression="zstd", compression_level=1)
            sink.flush()
            os.fsync(sink.fileno())
        part.replace(path)
        keep_names(path.parent)
    except OSError as error:
        raise refused_by(path, error) from error


def keep_names(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
