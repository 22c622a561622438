"""A folder as a channel: one CAP file per message."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from rencheng.adapters.cap import cap_alert
from rencheng.kernel import StorageFailed
from rencheng.warn import Notice

__all__ = ["FileChannel"]


class FileChannel:
    """Write each message as ``<message_id>.xml`` for whoever watches the folder.

    The file name is the idempotency key: a message sent twice is one file. A file is written beside and renamed, so a
    watcher never sees half of one.

    Parameters
    ----------
    folder : Path
        Where the files go; made if absent.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message_id: str, notice: Notice) -> str:
        """Write the file durably and give its name and the SHA-256 of its bytes.

        Raises
        ------
        StorageFailed
            If the folder cannot take it.
        """
        data = cap_alert(notice)
        path = self.folder / f"{message_id}.xml"
        part = path.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise StorageFailed(
                f"cannot write the message: {error}", where=str(path), mend="Free space or make the folder writable"
            ) from error
        return f"{path.name} sha256:{hashlib.sha256(data).hexdigest()}"
