"""Losses of very many storms read off a monotone curve of those that were computed, with the error of that.

Isotonic regression (Barlow et al. 1972, *Statistical Inference under Order Restrictions*): loss never falls as the
greatest rain of an hour rises. What the curve leaves open is put back by drawing from its leave-one-out errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

__all__ = ["LossCurve", "fit_loss_curve", "greatest_rain_mm"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


def greatest_rain_mm(fallen_mm: F64, steps: int) -> F64:
    """Greatest rain within so many steps on end.

    Parameters
    ----------
    fallen_mm : array, shape (..., n + 1)
        Rain fallen until each edge of n steps.
    steps : int
        Width of the window; a shorter storm counts whole.

    Examples
    --------
    >>> float(greatest_rain_mm(np.array([0.0, 1.0, 5.0, 9.0, 10.0]), 2))
    8.0
    """
    width = min(steps, fallen_mm.shape[-1] - 1)
    return np.asarray((fallen_mm[..., width:] - fallen_mm[..., :-width]).max(axis=-1))


@dataclass(frozen=True, slots=True)
class LossCurve:
    """Loss over rain, never falling; straight between the storms it was made from, level beyond them.

    Parameters
    ----------
    rain_mm, loss : arrays, shape (knots,)
        Ascending.
    left_out : array, shape (n,)
        Loss less what the curve of all *other* storms gives, for each storm in the order given.
    """

    rain_mm: F64
    loss: F64
    left_out: F64

    def __call__(self, rain_mm: F64) -> F64:
        """Loss at amounts of rain, of their shape."""
        return np.asarray(np.interp(rain_mm, self.rain_mm, self.loss))

    @property
    def rmse(self) -> float:
        """Root of the mean squared leave-one-out error, in the unit of the loss."""
        return float(np.sqrt(np.mean(self.left_out**2)))


def fit_loss_curve(rain_mm: F64, loss: F64) -> LossCurve:
    """Fit a curve that never falls, and try it on every storm left out in turn.

    Parameters
    ----------
    rain_mm, loss : arrays, shape (n,)
        At least two storms.

    Examples
    --------
    >>> curve = fit_loss_curve(np.array([10.0, 20.0, 30.0]), np.array([1.0, 3.0, 2.0]))
    >>> curve(np.array([0.0, 15.0, 30.0])).tolist()
    [1.0, 1.75, 2.5]
    """
    knots, height = _isotonic(rain_mm, loss)
    left_out = np.empty(len(loss))
    for i in range(len(loss)):
        others = np.arange(len(loss)) != i
        left_out[i] = loss[i] - np.interp(rain_mm[i], *_isotonic(rain_mm[others], loss[others]))
    return LossCurve(knots, height, left_out)


def _isotonic(rain_mm: F64, loss: F64) -> tuple[F64, F64]:
    knots, which, count = np.unique(rain_mm, return_inverse=True, return_counts=True)
    mean = np.bincount(which, weights=loss) / count
    return knots, np.asarray(isotonic_regression(mean, weights=count.astype(np.float64)).x, dtype=np.float64)
