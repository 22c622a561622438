"""Feeds of files: each file in a folder is one delivery."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from pathlib import Path

import pyarrow as pa

from rencheng.adapters.polling import FoundFile, WatchedFolder
from rencheng.app.connectors.inlet import FeedInlet
from rencheng.sense import Decoded, Delivery, Intake, RefusalReason
from rencheng.sense.batch import GOOD_SCHEMA, REFUSED_SCHEMA
from rencheng.sense.source import FolderSource

__all__ = ["FolderConnector", "await_commit"]

_STEP_S = 0.2
_AHEAD = 2
"""Files that are decoded while another is stored."""


class FolderConnector:
    """Takes the files of a folder in the order of their names.

    Parameters
    ----------
    source : FolderSource
        Where, which, how often.
    ready : callable
        Called once the folder could be read.

    Notes
    -----
    A file's position is its name and the hash of its bytes: after a restart, or when it is written again unchanged,
    the store says of it what it said the first time. Files are left where they are. One of which nothing can be taken
    is kept aside as one row, and not tried again until it changes.
    """

    def __init__(self, source: FolderSource, ready: Callable[[], None]) -> None:
        self._source, self._ready = source, ready
        self._folder = WatchedFolder(Path(source.path), pattern=source.pattern, settle_s=source.settle_s)

    def run(self, inlet: FeedInlet, stop: threading.Event) -> None:
        """Deliver until ``stop``; see :class:`rencheng.app.connectors.Connector`."""
        while not stop.is_set():
            files = self._folder.look(time.time())
            self._ready()
            self._deliver(inlet, files, stop)
            stop.wait(self._source.poll_s)

    def _deliver(self, inlet: FeedInlet, files: Sequence[FoundFile], stop: threading.Event) -> None:
        """Offer files in turn; while one is stored the next ones are decoded."""
        under_way: deque[tuple[FoundFile, Future[Intake]]] = deque()
        for file in files:
            if stop.is_set():
                return
            under_way.append((file, self._offer(inlet, file)))
            if len(under_way) > _AHEAD:
                self._settle(*under_way.popleft(), stop)
        while under_way:
            self._settle(*under_way.popleft(), stop)

    def _settle(self, file: FoundFile, done: Future[Intake], stop: threading.Event) -> None:
        if await_commit(done, stop):
            self._folder.done(file)

    def _offer(self, inlet: FeedInlet, file: FoundFile) -> Future[Intake]:
        if file.size_bytes > inlet.config.max_body_bytes:
            mark, batch = f"{file.size_bytes}-{file.changed_ns}", _too_large(inlet, file)
        else:
            body = file.path.read_bytes()
            mark = hashlib.sha256(body).hexdigest()
            batch = inlet.decode_many([(body, Delivery(arrived_at=inlet.clock(), topic=file.path.name))])
        return inlet.offer(f"file:{file.path.name}:{mark}", batch)


def await_commit(done: Future[Intake], stop: threading.Event) -> bool:
    """Wait for a commit, or until all is to end; tells whether it was committed.

    Raises
    ------
    StorageFailed
        If the store refused it.
    """
    while not stop.is_set():
        try:
            done.result(_STEP_S)
        except TimeoutError:
            continue
        except CancelledError:
            return False
        return True
    return False


def _too_large(inlet: FeedInlet, file: FoundFile) -> Decoded:
    config = inlet.config
    detail = f"file {file.path.name}: {file.size_bytes:,} bytes, max_body_bytes is {config.max_body_bytes:,}"
    row = {"row": 1, "raw": file.path.name, "reason": RefusalReason.TOO_LARGE, "detail": detail}
    refused = pa.Table.from_pylist([row], schema=REFUSED_SCHEMA)
    return Decoded(good=GOOD_SCHEMA.empty_table(), refused=refused, rows=1, limits=config.limits)
