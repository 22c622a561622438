"""Feeds of files at a gateway: a device drops files into a folder, the agent takes each and moves it away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rencheng.kernel import InvalidInput, RenchengError

__all__ = ["FolderIntake"]

_LOG = logging.getLogger(__name__)
_LOOK_S = 1.0
_SETTLE_S = 1.0


class FolderIntake:
    """Watches one folder.

    Parameters
    ----------
    feed : str
        The feed of its files.
    folder : Path
        The folder; files taken are removed, files that cannot be go to ``refused`` in it.
    pattern : str
        Names of files; names that begin with a dot are left alone.
    take : callable
        Takes feed, body, content encoding and headers; returns once the body is kept.
    """

    def __init__(self, feed: str, folder: Path, pattern: str, take: Callable[[str, bytes, str, str], Any]) -> None:
        self._feed, self._folder, self._pattern, self._take = feed, folder, pattern, take
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"edge-folder-{feed}", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            try:
                self._look()
            except (OSError, RenchengError, TimeoutError) as error:
                _LOG.warning("folder %s: %s", self._folder, error)

    def _look(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._folder.glob(self._pattern)):
            if path.name.startswith(".") or not path.is_file() or time.time() - path.stat().st_mtime < _SETTLE_S:
                continue
            body = path.read_bytes()
            try:
                self._take(self._feed, body, "gzip" if body[:2] == b"\x1f\x8b" else "", "")
            except InvalidInput as error:
                _LOG.error("file %s is refused: %s", path, error)
                (self._folder / "refused").mkdir(exist_ok=True)
                path.replace(self._folder / "refused" / path.name)
                continue
            path.unlink()  # a kill before this takes it twice: the core knows its readings again
