"""Water poured onto cells by a hydrograph: a burst main, a culvert's outlet, the river that tops its bank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel.errors import InvalidInput
from rencheng.science.flood.boundary import check_series, mean_over_step

__all__ = ["Inflow", "inflows_from"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inflow:
    """A hydrograph spread evenly over cells.

    Parameters
    ----------
    cells : int64 array, shape (n,)
        Flat cell indices.
    times_s, discharge_m3_s : float64 array, shape (nt,)
        Linear between times, held beyond the ends; negative draws water off, as far as there is any.
    """

    cells: NDArray[np.int64]
    times_s: F64
    discharge_m3_s: F64

    def volume_m3(self, now_s: float, step_s: float) -> float:
        """Water of a step: the exact integral of the hydrograph."""
        return mean_over_step(self.times_s, self.discharge_m3_s, now_s, step_s) * step_s


def inflows_from(
    inflows: Sequence[tuple[NDArray[np.bool_], ArrayLike, ArrayLike]],
    shape: tuple[int, int],
    active: NDArray[np.bool_] | None,
) -> tuple[Inflow, ...]:
    """Check inflows ``(mask, times_s, discharge_m3_s)``.

    Raises
    ------
    InvalidInput
        For a mask of another shape, without cells or outside the domain, and for series that make no sense.
    """
    out = []
    for k, (mask, times, flows) in enumerate(inflows):
        where = f"inflows[{k}]"
        cells = np.asarray(mask)
        if cells.dtype != np.bool_ or cells.shape != shape:
            raise InvalidInput(
                f"mask of {cells.dtype} {cells.shape}, the raster is {shape}", where=where, mend="Give a bool array"
            )
        if not cells.any():
            raise InvalidInput("mask holds no cell", where=where, mend="Does the inlet lie outside the raster?")
        if active is not None and (cells & ~active).any():
            row, column = np.argwhere(cells & ~active)[0]
            raise InvalidInput(
                f"cell (row {row}, column {column}) is outside the domain",
                where=where,
                mend="Move the inflow or widen the active mask",
            )
        series = np.asarray(times, dtype=np.float64), np.asarray(flows, dtype=np.float64)
        check_series(*series, where=where)
        out.append(Inflow(cells=np.flatnonzero(cells), times_s=series[0], discharge_m3_s=series[1]))
    return tuple(out)
