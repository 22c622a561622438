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

from rencheng.science.detection import univariate_deviations, univariate_tail
from rencheng.science.detection.univariate_deviations import DEVIATIONS, SHAPES, deviate
from rencheng.science.detection.univariate_tail import TAIL_STATE, surprise

__all__ = ["EVIDENCE", "EVIDENCE_SHAPES", "evidence_rows"]

Floats = NDArray[np.float64]

_N: Final = len(DEVIATIONS)
_RECORD: Final = _N - 1
_BEYOND: Final = 2.5
"""From here on (one row in 300) a surprise counts double."""
EVIDENCE: Final = (
    *(f"surprise of {name}" for name in DEVIATIONS),
    *(f"great surprise of {name}" for name in DEVIATIONS),
    *(f"size of {name}" for name in DEVIATIONS),
    *(f"surprise, rank {rank}" for rank in (1, 2, 3, 4)),
    *(f"surprise of {name} where it helps" for name in ("hour_up", "hour_down", "week_up", "week_down")),
    "rows seen",
    "surprise of late",
    "surprise of long",
)
EVIDENCE_SHAPES: Final = {**SHAPES, "tails": (_N, TAIL_STATE), "lately": (2,)}
"""State arrays of the evidence, all zeros at first."""


def _kept_compiled(function: Callable[..., Any]) -> Any:
    """Compile and keep on disk; numba looks at the age of this file only, so its stamp gets those of the other two."""
    compiled: Any = njit(cache=True, error_model="numpy")(function)
    index = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if index is None or not hasattr(index, "_source_stamp"):  # another numba: better slow than stale
        return njit(error_model="numpy")(function)
    sources = [Path(str(module.__file__)).read_bytes() for module in (univariate_deviations, univariate_tail)]
    index._source_stamp = (index._source_stamp, hashlib.sha256(b"".join(sources)).hexdigest())  # noqa: SLF001  no other way
    return compiled


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _company(out: Floats, s: Floats, spread: Floats, rows: float, lately: Floats) -> None:
    """Rank, seasons where they explain the series, age, and how surprising the rows before were."""
    k = 3 * _N
    top = np.zeros(4)
    for f in range(_N):
        x = s[f]
        for r in range(4):
            if x > top[r]:
                top[r], x = x, top[r]
    for r in range(4):
        out[k + r] = top[r]
    for f in range(2):
        out[k + 4 + f] = s[10 + f] if spread[7] < 0.8 * spread[0] else 0.0
        out[k + 6 + f] = s[12 + f] if spread[8] < 0.8 * spread[0] else 0.0
    out[k + 8] = math.log10(rows)
    out[k + 9] = math.log10(1.0 + 100.0 * lately[0])
    out[k + 10] = math.log10(1.0 + 100.0 * lately[1])
    great = max(top[0] - _BEYOND, 0.0)
    lately[0] += (great - lately[0]) / 150.0
    lately[1] += (great - lately[1]) / 2000.0


@_kept_compiled
def evidence_rows(  # noqa: PLR0917  compiled code takes no keywords only
    out: Floats,
    at_us: NDArray[np.int64],
    value: Floats,
    tails: Floats,
    lately: Floats,
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
    u = np.zeros(_N)
    for i in range(value.size):
        if not math.isfinite(value[i]):
            out[i, :] = math.nan
            continue
        deviate(u, at_us[i], value[i], centre, spread, scalars, ring, hours, weeks, shapes, weights, gain)
        refit = int(scalars[0]) % 16 == 0
        for f in range(_N):
            if f == _RECORD:
                out[i, f] = math.log2(1.0 + u[f])
            else:
                out[i, f] = surprise(tails[f], u[f], refit)
            out[i, _N + f] = max(out[i, f] - _BEYOND, 0.0)
            out[i, 2 * _N + f] = min(math.log2(1.0 + u[f]), 20.0)
        _company(out[i], out[i, :_N], spread, scalars[0], lately)
