"""Runs of a study on coarser rasters, kept as they come: many storms, a line for each handful of losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rencheng.app.study_crew import Chunk, StudyCrew
from rencheng.app.study_folder import StudyFolder
from rencheng.rehearse.study import Study
from rencheng.rehearse.study_levels import LevelPart, level_tasks
from rencheng.rehearse.study_storms import StormDraw
from rencheng.science.storm_batch import LANES

__all__ = ["run_levels"]

Tell = Callable[[float, str], None]


def run_levels(
    folder: StudyFolder,
    study: Study,
    storms: list[StormDraw],
    crew: StudyCrew,
    *,
    seed: int,
    tell: Tell,
    limit: int | None,
) -> list[LevelPart] | None:
    """Compute what is left of a study's coarser rasters.

    Parameters
    ----------
    folder, study, storms, seed
        The study, its storms and where its runs are kept.
    crew : StudyCrew
        Who computes.
    tell : callable
        Told the share done and a line.
    limit : int, optional
        Where given nothing is begun here: a study that is stopped after so many runs stops before its coarse ones.

    Returns
    -------
    list of LevelPart, or None
        Every part; None while some are left.
    """
    parts = {(p.raster_cells, p.stream, p.measure, p.first): p for p in folder.level_parts}
    wanted = list(_wanted(study, storms, seed))
    left = [(key, chunk) for key, chunk in wanted if key not in parts]
    if left and limit is not None:
        return None
    keys = {_mark(chunk): key for key, chunk in left}
    for chunk, runs in crew.compute([chunk for _, chunk in left]):
        cells, stream, measure, first = key = keys[_mark(chunk)]
        loss = tuple(run.loss_cny for run in runs)
        part = LevelPart(raster_cells=cells, stream=stream, measure=measure, first=first, loss_cny=loss)
        folder.append_level(part)
        parts[key] = part
        tell(len(parts) / len(wanted), f"{len(parts):,} of {len(wanted):,} parts on coarser rasters")
    return [parts[key] for key, _ in wanted]


def _wanted(study: Study, storms: list[StormDraw], seed: int) -> Iterator[tuple[tuple[int, int, str, int], Chunk]]:
    for cells, stream, drawn in level_tasks(study, storms, seed):
        for measure in ("none", *(m.id for m in study.measures)):
            for first in range(0, len(drawn), LANES):
                chunk = Chunk(tuple(drawn[first : first + LANES]), measure, "now", cells)
                yield (cells, stream, measure, first), chunk


def _mark(chunk: Chunk) -> tuple[int, str, StormDraw]:
    return chunk.raster_cells, chunk.measure, chunk.storms[0]
