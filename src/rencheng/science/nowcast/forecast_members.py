"""Members of a day of rain from one hourly forecast: its amount, its timing and the bursts within its hours."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = ["forecast_members"]

F64 = NDArray[np.float64]

_AMOUNT_SPREAD = (0.35, 0.75)
_MEMORY_H = 6.0
_TIMING_H_PER_DAY = 3.0
_BURST_SHAPE = 0.8


def forecast_members(
    edges_s: F64,
    rate_mm_h: F64,
    *,
    members: int,
    rng: np.random.Generator,
    parts: int = 6,
    amount_sigma: tuple[float, float] = _AMOUNT_SPREAD,
    time_h: float = _TIMING_H_PER_DAY / 2.0,
) -> tuple[F64, NDArray[np.float32]]:
    r"""Draw members of forecast rain.

    Each member multiplies the rate by :math:`e^{\sigma z - \sigma^2/2}`, so that the mean of many members is the
    forecast, with :math:`\sigma` growing from 0.35 now to 0.75 after a day and :math:`z` remembering itself over six
    hours; shifts it in time by up to a few hours, growing with the lead (whole parts of steps, so that no peak is
    smoothed away); and splits every step into parts by shares
    drawn from a symmetric Dirichlet law, because the mean of an hour hides its bursts (multiplicative cascades: Olsson
    1998, Hydrol. Earth Syst. Sci. 2:19). The spreads are those of operational forecasts of areal rain over a city, in
    round numbers (Cuo, Pagano & Wang 2011, J. Hydrometeorol. 12:713); they are assumed, not fitted.

    Parameters
    ----------
    edges_s : float64 array, shape (steps + 1,)
        Edges of the forecast's steps from now, seconds, ascending.
    rate_mm_h : float64 array, shape (steps,) or (steps, gy, gx)
        Mean rate of each step.
    members : int
        Members to draw.
    rng : numpy.random.Generator
        Source of chance.
    parts : int
        Parts that each step is split into.
    amount_sigma : tuple of float
        Standard deviation of the logarithm of the amount now and after a day.
    time_h : float
        Standard deviation of the timing after a day; in proportion before.

    Returns
    -------
    edges_s : float64 array, shape (steps * parts + 1,)
    rate_mm_h : float32 array, shape (members, steps * parts, gy, gx)

    Raises
    ------
    InvalidInput
        If the edges do not ascend or a rate is negative or missing; names the step.
    """
    edges, rate = np.asarray(edges_s, np.float64), np.asarray(rate_mm_h, np.float64)
    rate = rate.reshape(len(rate), *(rate.shape[1:] or (1, 1)))
    steps = len(rate)
    _require_series(edges, rate)
    middle_h = 0.5 * (edges[1:] + edges[:-1]) / 3600.0
    out = np.zeros((members, steps, parts, *rate.shape[1:]), dtype=np.float32)
    low, high = amount_sigma
    sigma = low + (high - low) * np.clip(middle_h / 24.0, 0.0, 1.0)
    step_h = np.diff(edges) / 3600.0
    part_h = (edges[:-1, None] + step_h[:, None] * 3600.0 * (np.arange(parts) + 0.5) / parts) / 3600.0
    for member in range(members):
        shift = rng.standard_normal() * time_h / 24.0  # hours of shift per hour of lead
        z = _remembering(rng, step_h)
        factor = np.exp(sigma * z - 0.5 * sigma**2)
        share = rng.dirichlet(np.full(parts, _BURST_SHAPE), steps) * parts
        source = np.searchsorted(edges / 3600.0, part_h * (1.0 - shift), side="right") - 1
        out[member] = rate[np.clip(source, 0, steps - 1)] * (factor[:, None] * share)[:, :, None, None]
    fine = np.concatenate([np.linspace(a, b, parts, endpoint=False) for a, b in itertools.pairwise(edges)])
    return np.append(fine, edges[-1]), out.reshape(members, steps * parts, *rate.shape[1:])


def _require_series(edges: F64, rate: F64) -> None:
    if len(edges) != len(rate) + 1 or (np.diff(edges) <= 0).any():
        raise InvalidInput(
            f"{len(edges)} edges for {len(rate)} steps, or not ascending", where="rain forecast", mend="Sort the series"
        )
    bad = ~np.isfinite(rate) | (rate < 0)
    if bad.any():
        step = int(np.nonzero(bad)[0][0])
        raise InvalidInput(
            f"step {step} has rain that is missing or negative", where="rain forecast", mend="Fill the gap or set 0"
        )


def _remembering(rng: np.random.Generator, step_h: F64) -> F64:
    """Standard normal numbers that fade into one another over hours."""
    z = rng.standard_normal(len(step_h))
    for k in range(1, len(z)):
        keep = np.exp(-step_h[k] / _MEMORY_H)
        z[k] = keep * z[k - 1] + np.sqrt(1.0 - keep**2) * z[k]
    return z
