"""Losses by few runs on the study's raster and many on coarser ones, beside those of the study's runs alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from rencheng.rehearse.study import Study
from rencheng.rehearse.study_plan import StudyLosses
from rencheng.rehearse.study_storms import StormDraw, draw_storms
from rencheng.science.multilevel import control_ratio, multilevel_estimate

__all__ = ["LevelPart", "LevelResult", "level_results", "level_tasks"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_FIRST_STREAM = 41
_OWN_STREAM = 0
"""The study's own storms."""


class LevelPart(msgspec.Struct, frozen=True, kw_only=True):
    """Losses of some storms on end on a coarser raster."""

    raster_cells: int
    stream: int
    """Which storms: 0 the study's own, else those of a level."""
    measure: str
    first: int
    """Number of the first storm."""
    loss_cny: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelResult:
    """Expected annual loss with a measure (or ``none``), and what it avoids, by all rasters together."""

    measure: str
    loss_cny_a: float
    loss_error_cny: float
    """Standard error."""
    avoided_cny_a: float
    avoided_error_cny: float
    plain_loss_error_cny: float
    """Standard error of the study's own runs alone."""
    plain_avoided_error_cny: float


def level_tasks(study: Study, storms: list[StormDraw], seed: int) -> Iterator[tuple[int, int, list[StormDraw]]]:
    """Rasters and the storms to run on each: (cells, stream, storms).

    Every level has storms of its own, run on its raster and on the next coarser one; the study's own storms are run
    on the finest of the coarse rasters too, which corrects to the study's.
    """
    if study.levels is None:
        return
    rasters = study.levels.raster_cells
    for k, (cells, count) in enumerate(zip(rasters, study.levels.per_stratum, strict=True)):
        drawn = draw_storms(study, seed, per_stratum=count, stream=_FIRST_STREAM + k)
        for raster in (cells, rasters[k - 1])[: 2 if k else 1]:
            yield raster, _FIRST_STREAM + k, drawn
    yield rasters[-1], _OWN_STREAM, storms


def level_results(study: Study, losses: StudyLosses, parts: Sequence[LevelPart], seed: int) -> tuple[LevelResult, ...]:
    """Add the levels up; empty where the study has none."""
    if study.levels is None:
        return ()
    held: dict[tuple[int, int, str], list[LevelPart]] = {}
    for part in parts:
        held.setdefault((part.raster_cells, part.stream, part.measure), []).append(part)
    loss = {
        key: np.concatenate([p.loss_cny for p in sorted(some, key=lambda p: p.first)]) for key, some in held.items()
    }
    strata = [
        np.array([s.stratum for s in draw_storms(study, seed, per_stratum=n, stream=_FIRST_STREAM + k)], np.int64)
        for k, n in enumerate(study.levels.per_stratum)
    ]
    nothing = _losses(study, losses, loss, "none")
    found = []
    for name in ("none", *(m.id for m in study.measures)):
        here = _losses(study, losses, loss, name)
        saved = [(a - b, c - d) for (a, c), (b, d) in zip(nothing, here, strict=True)]
        rows = [*strata, losses.stratum]
        with_it, less = _terms(here, rows, losses.weight), _terms(saved, rows, losses.weight)
        own, own_nothing = losses.figures[name, "now"][0], losses.figures["none", "now"][0]
        whole, avoided, plain, plain_avoided = (
            multilevel_estimate(terms, losses.weight)
            for terms in (with_it, less, [(own, losses.stratum)], [(own_nothing - own, losses.stratum)])
        )
        found.append(
            LevelResult(
                measure=name,
                loss_cny_a=round(whole.mean, 2),
                loss_error_cny=round(whole.standard_error, 2),
                avoided_cny_a=round(avoided.mean, 2),
                avoided_error_cny=round(avoided.standard_error, 2),
                plain_loss_error_cny=round(plain.standard_error, 2),
                plain_avoided_error_cny=round(plain_avoided.standard_error, 2),
            )
        )
    return tuple(found)


def _losses(
    study: Study, losses: StudyLosses, loss: dict[tuple[int, int, str], F64], name: str
) -> list[tuple[F64, F64]]:
    """Losses of each level's storms on its raster and on the next coarser one, coarsest first, the study's own last."""
    assert study.levels is not None
    rasters = study.levels.raster_cells
    held = []
    for k, cells in enumerate(rasters):
        here = loss[cells, _FIRST_STREAM + k, name]
        held.append((here, loss[rasters[k - 1], _FIRST_STREAM + k, name] if k else np.zeros(len(here))))
    return [*held, (losses.figures[name, "now"][0], loss[rasters[-1], _OWN_STREAM, name])]


def _terms(held: list[tuple[F64, F64]], rows: list[I64], weight: F64) -> list[tuple[F64, I64]]:
    """What each level adds: the finer figure less its share of the coarser, in the finest raster's measure."""
    terms: list[tuple[F64, I64]] = []
    scale = 1.0
    for (fine, coarse), row in zip(held[::-1], rows[::-1], strict=True):
        ratio = control_ratio(fine, coarse, row, weight)
        terms.append((scale * (fine - ratio * coarse), row))
        scale *= ratio
    return terms[::-1]
