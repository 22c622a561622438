"""``rencheng rehearse study``: storms × measures on several processes, kept as they come, ranked when all are done."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from rencheng.app.study_folder import StudyFolder, open_study_folder
from rencheng.app.study_report import write_study_report
from rencheng.city import read_city
from rencheng.kernel import InvalidConfig, RenchengError
from rencheng.rehearse.study import Study, read_study
from rencheng.rehearse.study_ranking import StudyResult, study_result
from rencheng.rehearse.study_storms import StormDraw, draw_storms
from rencheng.rehearse.study_world import RunLoss, StudyWorld

__all__ = ["run_study"]

Tell = Callable[[float, str], None]
Chunk = tuple[StormDraw, tuple[str, ...]]
"""A storm and the measures to try in it."""

_AHEAD = 2
"""Chunks handed to each process beforehand."""


def run_study(
    study_path: Path,
    city_path: Path,
    out: Path,
    *,
    seed: int = 1,
    workers: int | None = None,
    limit: int | None = None,
    tell: Tell = lambda _share, _text: None,
) -> str:
    """Run what is left of a study, and once nothing is, rank its measures.

    Parameters
    ----------
    study_path, city_path : Path
        Study file and city package.
    out : Path
        Folder of the study: ``study.json``, ``runs.ndjson``, and in the end ``ranking.csv``, ``ranking.json``,
        ``report.html``. The same study, city and seed give the same bytes of the last three, however often it was
        stopped and on however many processes.
    seed : int
        Seed of the storms.
    workers : int, optional
        Processes, one per core where absent; with one everything happens in this process.
    limit : int, optional
        Stop once so many runs more are done.
    tell : callable
        Told the share done and a line about pace and time left.

    Returns
    -------
    str
        One line of summary.

    Raises
    ------
    RenchengError
        If a file is wrong, the folder holds another study, or a process died; what was done stays.
    """
    study, city = read_study(study_path), read_city(city_path)
    if limit is not None and limit < 1:
        raise InvalidConfig(f"a limit of {limit} runs", where="--limit", mend="Give 1 or more")
    storms = draw_storms(study, seed)
    total = len(storms) * (1 + len(study.measures))
    with open_study_folder(out, study, city_digest=city.digest, seed=seed) as folder:
        left = _left(study, storms, folder.runs, limit)
        if left:
            count = workers or len(os.sched_getaffinity(0))
            _compute(folder, study, city_path, left, min(count, len(left)), _Pace(tell, total, len(folder.runs)))
        if len(folder.runs) < total:
            return f"{len(folder.runs):,} of {total:,} runs done; the same command goes on: {out}"
        runs = sorted(folder.runs, key=lambda run: (run.storm, run.measure))
        result = study_result(study, runs, seed)
        write_study_report(out, study, result, seed=seed, city=city.manifest.name)
    return _line(result, out)


class _Pace:
    """Tells how far the study is, how fast it goes, and when it will be done."""

    def __init__(self, tell: Tell, total: int, done: int) -> None:
        self._tell, self._total, self._before, self._begun_s = tell, total, done, time.monotonic()
        tell(done / total, f"{done:,} of {total:,} runs")

    def __call__(self, done: int) -> None:
        spent_min = max(time.monotonic() - self._begun_s, 1e-3) / 60.0
        per_min = (done - self._before) / spent_min
        left_min = (self._total - done) / per_min
        text = f"{done:,} of {self._total:,} runs, {per_min:,.0f} a minute, {left_min:,.1f} min left"
        self._tell(done / self._total, text)


def _left(study: Study, storms: Sequence[StormDraw], done: Sequence[RunLoss], limit: int | None) -> list[Chunk]:
    """What is still to be done, storm by storm, so many runs at most."""
    known = {(run.storm, run.measure) for run in done}
    names = ("none", *(m.id for m in study.measures))
    room = len(storms) * len(names) if limit is None else limit
    left: list[Chunk] = []
    for storm in storms:
        missing = tuple(n for n in names if (storm.number, n) not in known)[:room]
        room -= len(missing)
        if missing:
            left.append((storm, missing))
    return left


def _compute(folder: StudyFolder, study: Study, city_path: Path, left: list[Chunk], workers: int, pace: _Pace) -> None:
    if workers == 1:
        world = StudyWorld(read_city(city_path), study)
        for chunk in left:
            folder.append(_runs(world, chunk))
            pace(len(folder.runs))
        return
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin_worker,
        initargs=(city_path, study),
    )
    try:
        for runs in _as_they_come(pool, left, workers * _AHEAD):
            folder.append(runs)
            pace(len(folder.runs))
    except BrokenProcessPool as error:
        raise RenchengError(
            "a process of the study died; what was done is kept",
            mend="Run it again, with fewer workers or raster_cells if memory was short",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _as_they_come(pool: ProcessPoolExecutor, left: list[Chunk], ahead: int) -> Iterator[list[RunLoss]]:
    """Hand out a few chunks beforehand, not all: a study may have very many."""
    waiting: list[Future[list[RunLoss]]] = []
    for chunk in left:
        waiting.append(pool.submit(_run_in_worker, chunk))
        if len(waiting) >= ahead:
            waiting, done = _split(waiting)
            yield from done
    while waiting:
        waiting, done = _split(waiting)
        yield from done


def _split(waiting: list[Future[list[RunLoss]]]) -> tuple[list[Future[list[RunLoss]]], list[list[RunLoss]]]:
    wait(waiting, return_when=FIRST_COMPLETED)
    return [f for f in waiting if not f.done()], [f.result() for f in waiting if f.done()]


def _runs(world: StudyWorld, chunk: Chunk) -> list[RunLoss]:
    storm, names = chunk
    measures = {"none": None, **{m.id: m for m in world.study.measures}}
    return [world.run(storm, measures[name]) for name in names]


_given: tuple[Path, Study] | None = None
_world: StudyWorld | None = None


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


def _run_in_worker(chunk: Chunk) -> list[RunLoss]:
    """Run a chunk; the city is laid out with the first, so that its refusals reach whoever waits."""
    global _world  # noqa: PLW0603 — a process of the pool lives for one study
    if _world is None:
        assert _given is not None
        _world = StudyWorld(read_city(_given[0]), _given[1])
    return _runs(_world, chunk)


def _line(result: StudyResult, out: Path) -> str:
    best = result.ranked[0]
    alike = [m.id for m in result.ranked if m.group == best.group and m is not best]
    told = f", not to be told apart from {', '.join(alike)}" if alike else ""
    return (
        f"{result.runs:,} runs: {result.loss_cny_a:,.0f} CNY expected a year; best is {best.id} with {best.ratio:.2f} "
        f"saved per cost ({best.ratio_interval[0]:.2f} to {best.ratio_interval[1]:.2f}){told}; in {out}"
    )
