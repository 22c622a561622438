"""What a storm may yet bring when the nowcast has faded: the rest of design storms that fit the rain so far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.science.design_storm import IntensityFormula, chicago_hyetograph

__all__ = ["blend_with_tail", "design_tail"]

F64 = NDArray[np.float64]

_STORMS_PER_YEAR = 20.0
_CANDIDATES_PER_MEMBER = 32
_FIT_SPREAD = 0.35
_LEAST_MM = 0.2
_DURATIONS_MIN = (60, 90, 120, 180, 240)


def design_tail(
    formula: IntensityFormula,
    *,
    rained_mm: float,
    rained_min: float,
    step_min: int,
    steps: int,
    members: int,
    rng: np.random.Generator,
) -> F64:
    """Draw the rest of the storm from Chicago storms that fit what has fallen.

    Storms are drawn as they come: some twenty a year, the return period of one is 1/(20 u) years; durations from one
    to four hours, peak at 0.3 to 0.5 of it. Those whose depth after ``rained_min`` is near ``rained_mm`` are kept in
    proportion to the fit (sampling–importance resampling: Rubin 1988). The formula is carried below a year down to
    a twentieth of its one-year storm.

    Parameters
    ----------
    formula : IntensityFormula
        The city's storm intensity formula.
    rained_mm, rained_min : float
        What fell, over the time since the rain began. Under 0.2 mm there is no storm to go on.
    step_min, steps : int
        Step in minutes and number of steps ahead.
    members : int
        Members to draw.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    float64 array, shape (members, steps)
        Mean rate of each step ahead, mm/h.
    """
    out = np.zeros((members, steps))
    if rained_mm < _LEAST_MM:
        return out
    count = members * _CANDIDATES_PER_MEMBER
    duration = np.array(_DURATIONS_MIN)[rng.integers(0, len(_DURATIONS_MIN), count)]
    peak = np.round(rng.uniform(0.3, 0.5, count), 1)
    years = np.minimum(1.0 / (_STORMS_PER_YEAR * rng.uniform(1e-4, 1.0, count)), 100.0)
    scale = np.maximum(1.0 + formula.c_ratio * np.log10(years), 0.05)
    elapsed = np.clip(rained_min, 1.0, duration - 1.0).astype(np.int64)
    curve, index = _depth_curves(formula, duration, peak, elapsed.max() + steps * step_min)
    so_far = scale * curve[index, elapsed]
    misfit = np.log(np.maximum(so_far, 1e-6) / rained_mm) / _FIT_SPREAD
    weight = np.exp(-0.5 * (misfit**2 - float((misfit**2).min())))
    chosen = np.searchsorted(np.cumsum(weight / weight.sum()), (np.arange(members) + rng.random()) / members)
    chosen = np.minimum(chosen, count - 1)
    rng.shuffle(chosen)
    edges = elapsed[chosen][:, None] + np.arange(steps + 1)[None, :] * step_min
    depth = scale[chosen][:, None] * curve[index[chosen][:, None], edges]
    return np.asarray(np.diff(depth, axis=1) * 60.0 / step_min)


def _depth_curves(
    formula: IntensityFormula, duration: NDArray[np.int64], peak: F64, minutes: int
) -> tuple[F64, NDArray[np.int64]]:
    """Depth by minute of the one-year storm of each kind (kinds, minutes + 1), and the kind of each storm."""
    kinds, index = np.unique(np.stack([duration.astype(np.float64), peak], axis=1), axis=0, return_inverse=True)
    curves = np.zeros((len(kinds), int(max(minutes, *_DURATIONS_MIN)) + 1))
    for k, (length, ratio) in enumerate(kinds.tolist()):
        rain = chicago_hyetograph(formula, return_period_a=1.0, duration_min=int(length), peak_ratio=ratio)
        curves[k, 1 : len(rain) + 1] = np.cumsum(rain)
        curves[k, len(rain) + 1 :] = curves[k, len(rain)]
    return curves, index.reshape(-1)


def blend_with_tail(
    nowcast_mm_h: NDArray[np.float32], tail_mm_h: F64, *, step_s: float, trust_s: float
) -> NDArray[np.float32]:
    r"""Pass from the nowcast to the tail as the nowcast loses its skill, with weight :math:`e^{-(L/T)^2}`.

    Parameters
    ----------
    nowcast_mm_h : float32 array, shape (members, steps, places)
        Mean rates of the steps ahead.
    tail_mm_h : float64 array, shape (members, steps)
        The same of the tail.
    step_s : float
        Length of a step; its middle counts as lead time.
    trust_s : float
        Lead time at which the nowcast keeps 1/e of the weight: some two hours for radar, one for gauges (Germann &
        Zawadzki 2002).

    Returns
    -------
    float32 array, shape (members, steps, places)

    Examples
    --------
    >>> one = blend_with_tail(np.full((1, 1, 1), 10.0, np.float32), np.array([[0.0]]), step_s=7200.0, trust_s=3600.0)
    >>> one.round(2).tolist()
    [[[3.68]]]
    """
    lead_s = (np.arange(nowcast_mm_h.shape[1]) + 0.5) * step_s
    weight = np.exp(-((lead_s / trust_s) ** 2))
    blended = weight[None, :, None] * nowcast_mm_h + ((1.0 - weight) * tail_mm_h)[:, :, None]
    return np.asarray(blended, dtype=np.float32)
