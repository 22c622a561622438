"""Colours of water on paper: the stops of the page's scales, as one table from values to colour and opacity."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEPTH_STOPS", "PERCENT_STOPS", "Stop", "coloured", "on_paper"]

Stop = tuple[float, tuple[int, int, int], float]
"""From this value on (metres, or percent): red, green, blue; opacity."""

DEPTH_STOPS: tuple[Stop, ...] = (
    (0.03, (92, 190, 232), 0.36),
    (0.15, (60, 184, 244), 0.76),
    (0.3, (38, 132, 240), 0.82),
    (0.6, (92, 84, 232), 0.88),
    (1.2, (178, 70, 222), 0.92),
)
"""Stands also in ``console/src/map/water/colours.ts``; a test holds the two together."""

PERCENT_STOPS: tuple[Stop, ...] = (
    (5.0, (58, 82, 139), 0.5),
    (25.0, (42, 122, 150), 0.66),
    (50.0, (36, 168, 140), 0.78),
    (75.0, (128, 208, 84), 0.86),
    (90.0, (238, 232, 96), 0.92),
)
_STEPS = 2048


def on_paper(stop: Stop) -> tuple[int, int, int]:
    """Colour of a stop over white, as a legend on paper must show it.

    Examples
    --------
    >>> on_paper((1.2, (178, 70, 222), 0.5))
    (216, 162, 238)
    """
    red, green, blue = (round(255 + (v - 255) * stop[2]) for v in stop[1])
    return red, green, blue


def coloured(values: NDArray[Any], stops: tuple[Stop, ...]) -> NDArray[np.uint8]:
    """Colours of a raster, shape (…, 4); clear below the first stop.

    Between two stops the colour is that of the lower one for the first third and glides to the upper one after it, as
    on the page.

    Examples
    --------
    >>> coloured(np.array([0.0, 2.0]), DEPTH_STOPS).tolist()
    [[92, 190, 232, 0], [178, 70, 222, 235]]
    """
    top = stops[-1][0]
    table = _table(stops, top)
    at = np.clip(np.asarray(values, np.float64) / top * (_STEPS - 1), 0, _STEPS - 1).astype(np.int64)
    out: NDArray[np.uint8] = table[at]
    out[..., 3] = np.where(np.asarray(values) < stops[0][0], 0, out[..., 3])
    return out


def _table(stops: tuple[Stop, ...], top: float) -> NDArray[np.uint8]:
    value = np.linspace(0, top, _STEPS)
    colour = np.tile(np.array([*stops[0][1], stops[0][2] * 255]), (_STEPS, 1))
    for (low, _, _), (high, rgb, alpha) in pairwise(stops):
        t = np.clip((value - (0.35 * low + 0.65 * high)) / (0.35 * (high - low)), 0, 1)
        smooth = (t * t * (3 - 2 * t))[:, None]
        colour = colour * (1 - smooth) + np.array([*rgb, alpha * 255]) * smooth
    table: NDArray[np.uint8] = np.rint(colour).astype(np.uint8)
    return table
