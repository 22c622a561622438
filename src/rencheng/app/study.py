"""``rencheng rehearse study``: storms × measures on several processes, kept as they come, ranked when all are done."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rencheng.app.study_crew import Chunk, StudyCrew
from rencheng.app.study_folder import StudyFolder, open_study_folder
from rencheng.app.study_levels import run_levels
from rencheng.app.study_report import write_study_report
from rencheng.city import read_city
from rencheng.kernel import InvalidConfig
from rencheng.rehearse.study import Study, read_study
from rencheng.rehearse.study_plan import Case, study_losses, wanted_cases
from rencheng.rehearse.study_ranking import StudyResult, study_result
from rencheng.rehearse.study_storms import StormDraw, draw_storms
from rencheng.rehearse.study_world import RunLoss
from rencheng.science.storm_batch import LANES

__all__ = ["run_study"]

Tell = Callable[[float, str], None]
_WHOLE = 16
"""Storms are computed in whole registers."""


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
    with open_study_folder(out, study, city_digest=city.digest, seed=seed) as folder:
        crew = StudyCrew(study, city_path, workers or len(os.sched_getaffinity(0)))
        try:
            total = _run_cases(folder, study, storms, crew, tell, limit)
            if len(folder.runs) < total:
                return f"{len(folder.runs):,} of {total:,} runs done; the same command goes on: {out}"
            level_runs = run_levels(folder, study, storms, crew, seed=seed, tell=tell, limit=limit)
            if level_runs is None:
                return f"the runs on coarser rasters are not all done; the same command goes on: {out}"
        finally:
            crew.close()
        runs = sorted(folder.runs, key=lambda run: (run.storm, run.measure, run.climate))
        result = study_result(study, runs, seed, level_runs)
        write_study_report(out, study, result, seed=seed, city=city.manifest.name)
    return _line(result, out)


def _run_cases(
    folder: StudyFolder, study: Study, storms: list[StormDraw], crew: StudyCrew, tell: Tell, limit: int | None
) -> int:
    """Run what is wanted, look what is wanted then, until nothing more is; tells the count of runs wanted."""
    room = limit
    while True:
        losses = study_losses(study, storms, folder.runs)
        cases = wanted_cases(study, losses)
        total = len(storms) * len(cases)
        before = len(folder.runs)
        left = _left(storms, cases, folder.runs, total if room is None else room)
        if not left:
            return total
        pace = _Pace(tell, total, before)
        for _, runs in crew.compute(left):
            folder.append(runs)
            pace(len(folder.runs))
        if room is not None:
            room -= len(folder.runs) - before


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


def _left(storms: Sequence[StormDraw], cases: Sequence[Case], done: Sequence[RunLoss], room: int) -> list[Chunk]:
    """What is still to be done, case by case, so many runs at most."""
    known = {(run.storm, run.measure, run.climate) for run in done}
    left: list[Chunk] = []
    for name, climate in cases:
        missing = [s for s in storms if (s.number, name, climate) not in known][:room]
        room -= len(missing)
        missing.sort(key=lambda s: (s.duration_min, s.number))
        size = _chunk_size(len(missing))
        left += [Chunk(tuple(missing[i : i + size]), name, climate) for i in range(0, len(missing), size)]
    return left


def _chunk_size(count: int) -> int:
    """Storms of a chunk: as many as one call computes at once, chunks about alike, whole registers."""
    chunks = max(1, -(-count // LANES))
    return min(LANES, max(1, -(-count // (chunks * _WHOLE))) * _WHOLE)


def _line(result: StudyResult, out: Path) -> str:
    best = result.ranked[0]
    alike = [m.id for m in result.ranked if m.group == best.group and m is not best]
    told = f", not to be told apart from {', '.join(alike)}" if alike else ""
    return (
        f"{result.runs:,} runs: {result.loss_cny_a:,.0f} CNY expected a year; best is {best.id} with {best.ratio:.2f} "
        f"saved per cost ({best.ratio_interval[0]:.2f} to {best.ratio_interval[1]:.2f}){told}; in {out}"
    )
