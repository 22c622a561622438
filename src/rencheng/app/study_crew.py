"""The processes of a study: each lays the city out once and takes chunk after chunk."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from rencheng.city import read_city
from rencheng.kernel import RenchengError
from rencheng.rehearse.study import Study
from rencheng.rehearse.study_storms import StormDraw
from rencheng.rehearse.study_world import RunLoss, StudyWorld

__all__ = ["Chunk", "Done", "StudyCrew"]

_AHEAD = 2
"""Chunks handed to each process beforehand."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Storms to run at once, the portfolio in place, the climate, and the raster where it is not the study's own."""

    storms: tuple[StormDraw, ...]
    measure: str
    climate: str = "now"
    raster_cells: int = 0


Done = tuple[Chunk, list[RunLoss]]
"""A chunk and what its storms left, in their order."""


class StudyCrew:
    """Processes that compute, made when first needed; with one, everything happens in this process."""

    def __init__(self, study: Study, city_path: Path, workers: int) -> None:
        self._study, self._city_path, self._workers = study, city_path, workers
        self._pool: ProcessPoolExecutor | None = None
        self._worlds: dict[int, StudyWorld] = {}

    def compute(self, left: list[Chunk]) -> Iterator[Done]:
        """Runs of all chunks, as they come.

        Raises
        ------
        RenchengError
            If a process died.
        """
        if self._workers == 1 or (self._pool is None and len(left) == 1):
            for chunk in left:
                yield chunk, _run(self._worlds, self._city_path, self._study, chunk)
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin_worker,
                initargs=(self._city_path, self._study),
            )
        try:
            yield from _as_they_come(self._pool, left, self._workers * _AHEAD)
        except BrokenProcessPool as error:
            raise RenchengError(
                "a process of the study died; what was done is kept",
                mend="Run it again, with fewer workers or raster_cells if memory was short",
            ) from error

    def close(self) -> None:
        """Let the processes go."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


def _as_they_come(pool: ProcessPoolExecutor, left: list[Chunk], ahead: int) -> Iterator[Done]:
    """Hand out a few chunks beforehand, not all: a study may have very many."""
    waiting: list[Future[Done]] = []
    for chunk in left:
        waiting.append(pool.submit(_run_in_worker, chunk))
        if len(waiting) >= ahead:
            waiting, done = _split(waiting)
            yield from done
    while waiting:
        waiting, done = _split(waiting)
        yield from done


def _split(waiting: list[Future[Done]]) -> tuple[list[Future[Done]], list[Done]]:
    wait(waiting, return_when=FIRST_COMPLETED)
    return [f for f in waiting if not f.done()], [f.result() for f in waiting if f.done()]


def _run(worlds: dict[int, StudyWorld], city_path: Path, study: Study, chunk: Chunk) -> list[RunLoss]:
    """Run a chunk; the city is laid out with the first on a raster, so that its refusals reach whoever waits."""
    cells = chunk.raster_cells or study.raster_cells
    if cells not in worlds:
        city = next(iter(worlds.values())).city if worlds else read_city(city_path)
        worlds[cells] = StudyWorld(city, study, raster_cells=cells)
    return worlds[cells].run_many(chunk.storms, chunk.measure, chunk.climate)


_given: tuple[Path, Study] | None = None
_worlds: dict[int, StudyWorld] = {}


def _begin_worker(city_path: Path, study: Study) -> None:
    global _given  # noqa: PLW0603 — a process of the pool lives for one study
    _given = (city_path, study)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the study's is killed; nobody else would tell it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _run_in_worker(chunk: Chunk) -> Done:
    assert _given is not None
    return chunk, _run(_worlds, *_given, chunk)
