"""The evidence of a row: how surprising each of its deviations is, and in what company it comes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rencheng.science.detection import univariate_deviations, univariate_rhythm, univariate_tail
from rencheng.science.detection.univariate_deviations import DEVIATIONS, SHAPES, deviate
from rencheng.science.detection.univariate_rhythm import RHYTHM_SHAPES, RHYTHMS, deviate_slowly
from rencheng.science.detection.univariate_tail import TAIL_STATE, surprise

__all__ = ["EVIDENCE", "EVIDENCE_SHAPES", "evidence_rows"]

Floats = NDArray[np.float64]

_SINGLE: Final = len(DEVIATIONS)
_N: Final = _SINGLE + len(RHYTHMS)
_RECORD: Final = _SINGLE - 1
_PREDICTED: Final = DEVIATIONS.index("predicted_up")
_NOVEL: Final = DEVIATIONS.index("novel")
_HOUR: Final = DEVIATIONS.index("hour_up")
_WEEK: Final = DEVIATIONS.index("week_up")
_RANKS: Final = 8
_BEYOND: Final = 2.5
"""From here on (one row in 300) a surprise counts double."""
_LOUD: Final = 2.0
_LOUDER: Final = 3.5
"""Means of the three greatest surprises that count as an event of late."""
_AGE_MOST: Final = 3.3
_SINCE_MOST: Final = 3.0
"""Log10 rows: older than 2,000 rows is old, longer ago than 1,000 is long ago. How long a series runs on must not tell
a detector what kind of series it is."""
_BOTH: Final = (*DEVIATIONS, *RHYTHMS)
EVIDENCE: Final = (
    *(f"surprise of {name}" for name in _BOTH),
    *(f"great surprise of {name}" for name in _BOTH),
    *(f"size of {name}" for name in _BOTH),
    *(f"surprise, rank {rank}" for rank in (1, 2, 3, 4, 8)),
    "sum of surprises",
    *(f"surprise of {name} where it helps" for name in ("hour_up", "hour_down", "week_up", "week_down")),
    "rows seen",
    "surprise of late",
    "surprise of long",
    "above the greatest of late",
    "above the greatest of long",
    "surprises above 2",
    "surprises above 3",
    "rows since a loud one",
    "rows since a louder one",
    "surprise of five rows",
    "what the hour explains",
)
EVIDENCE_SHAPES: Final = {**SHAPES, **RHYTHM_SHAPES, "tails": (_N, TAIL_STATE), "lately": (7,)}
"""State arrays of the evidence, all zeros at first. ``lately``: great surprises over 150 and 2,000 rows, their decaying
maxima, rows of the last loud and louder one, and the surprise over five rows."""


_SOURCES: Final = (univariate_deviations, univariate_rhythm, univariate_tail)


def _kept_compiled(function: Callable[..., Any]) -> Any:
    """Compile and keep on disk; numba looks at the age of this file only, so its stamp gets those of the others."""
    compiled: Any = njit(cache=True, error_model="numpy")(function)
    index = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if index is None or not hasattr(index, "_source_stamp"):  # another numba: better slow than stale
        return njit(error_model="numpy")(function)
    sources = [Path(str(module.__file__)).read_bytes() for module in _SOURCES]
    index._source_stamp = (index._source_stamp, hashlib.sha256(b"".join(sources)).hexdigest())  # noqa: SLF001  no other way
    return compiled


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _ranked(top: Floats, s: Floats) -> None:
    """The greatest surprises, greatest first."""
    top[:] = 0.0
    for f in range(s.size):
        x = s[f]
        for r in range(top.size):
            if x > top[r]:
                top[r], x = x, top[r]


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _company(out: Floats, s: Floats, spread: Floats, rows: float, lately: Floats, top: Floats) -> None:
    """Ranks, seasons where they explain the series, age, and how surprising the rows before were."""
    k = 3 * _N
    _ranked(top, s)
    for r in range(4):
        out[k + r] = top[r]
    out[k + 4] = top[7]
    out[k + 5] = s.sum()
    for f in range(2):
        out[k + 6 + f] = s[_HOUR + f] if spread[7] < 0.8 * spread[0] else 0.0
        out[k + 8 + f] = s[_WEEK + f] if spread[8] < 0.8 * spread[0] else 0.0
    mean = (top[0] + top[1] + top[2]) / 3.0
    out[k + 10] = min(math.log10(rows), _AGE_MOST)
    out[k + 11] = math.log10(1.0 + 100.0 * lately[0])
    out[k + 12] = math.log10(1.0 + 100.0 * lately[1])
    out[k + 13] = mean - lately[2]
    out[k + 14] = mean - lately[3]
    out[k + 15] = (s > 2.0).sum()
    out[k + 16] = (s > 3.0).sum()
    out[k + 17] = min(math.log10(rows - lately[4] + 1.0), _SINCE_MOST)
    out[k + 18] = min(math.log10(rows - lately[5] + 1.0), _SINCE_MOST)
    lately[6] += (mean - lately[6]) / 5.0
    out[k + 19] = lately[6]
    out[k + 20] = math.log10((spread[7] + 1e-300) / (spread[0] + 1e-300) + 1e-3)
    _remember(lately, mean, max(top[0] - _BEYOND, 0.0), rows)


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _remember(lately: Floats, mean: float, great: float, rows: float) -> None:
    lately[0] += (great - lately[0]) / 150.0
    lately[1] += (great - lately[1]) / 2000.0
    lately[2] = max(mean, lately[2] - 1.0 / 150.0)
    lately[3] = max(mean, lately[3] - 1.0 / 2000.0)
    if mean > _LOUD:
        lately[4] = rows
    if mean > _LOUDER:
        lately[5] = rows


@_kept_compiled
def evidence_rows(  # noqa: PLR0917  compiled code takes no keywords only
    out: Floats,
    at_us: NDArray[np.int64],
    value: Floats,
    tails: Floats,
    lately: Floats,
    slots: Floats,
    followed: Floats,
    off: Floats,
    marks: Floats,
    blocks: Floats,
    recent: Floats,
    centre: Floats,
    spread: Floats,
    scalars: Floats,
    ring: Floats,
    hours: Floats,
    weeks: Floats,
    shapes: Floats,
    weights: Floats,
    gain: Floats,
) -> None:
    """Write the evidence of each row (shape (rows, len(EVIDENCE))); a row without a value keeps NaN and no trace."""
    u, top = np.zeros(_N), np.zeros(_RANKS)
    for i in range(value.size):
        if not math.isfinite(value[i]):
            out[i, :] = math.nan
            continue
        width = scalars[2] - scalars[1]
        deviate(u[:_SINGLE], at_us[i], value[i], centre, spread, scalars, ring, hours, weeks, shapes, weights, gain)
        rows, believed = int(scalars[0]), scalars[3]
        floor = 1e-4 * width + 1e-12 * abs(believed) + 1e-300
        error, novel = u[_PREDICTED] + u[_PREDICTED + 1], u[_NOVEL]
        slower = u[_SINGLE:]
        deviate_slowly(
            slower, at_us[i], believed, rows, floor, error, novel, lately[0], spread[0], slots, followed, off, marks,
            blocks, recent,
        )  # fmt: skip
        for f in range(_N):
            if f == _RECORD:
                out[i, f] = math.log2(1.0 + u[f])
            else:
                out[i, f] = surprise(tails[f], u[f], rows % 16 == 0)
            out[i, _N + f] = max(out[i, f] - _BEYOND, 0.0)
            out[i, 2 * _N + f] = min(math.log2(1.0 + u[f]), 20.0)
        _company(out[i], out[i, :_N], spread, scalars[0], lately, top)
