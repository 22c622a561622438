"""A picture of the rain: a radar composite (or another grid of rates) as a table for the field store."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput

__all__ = ["HIGHEST_MM_H", "RainPicture", "rain_picture_from_table", "rain_picture_table"]

HIGHEST_MM_H = 2400.0
"""No rate is believed above this: 38 mm fell in one minute at Barot, Guadeloupe, in 1970 (WMO extremes archive)."""

_STEP_MM_H = 0.05
_MISSING = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class RainPicture:
    """Rain rates on square cells in a metric reference system; row 0 is the southernmost.

    Parameters
    ----------
    rate_mm_h : float32 array, shape (ny, nx)
        Rain rate; NaN where the source saw nothing.
    west_m, south_m : float
        Outer corner of cell (0, 0).
    cell_m : float
        Edge of a cell.
    crs : str
        Reference system, e.g. ``"EPSG:32650"``.

    Raises
    ------
    InvalidInput
        If the grid is not two-dimensional, or a rate is negative or beyond any rain measured; names the cell.
    """

    rate_mm_h: NDArray[np.float32]
    west_m: float
    south_m: float
    cell_m: float
    crs: str

    def __post_init__(self) -> None:
        if self.rate_mm_h.ndim != 2 or not self.rate_mm_h.size:
            raise InvalidInput(f"a rain picture of shape {self.rate_mm_h.shape} is no grid", where="rain picture")
        if not self.cell_m > 0:
            raise InvalidInput(f"cell_m is {self.cell_m}", where="rain picture", mend="Give metres above 0")
        seen = np.nan_to_num(self.rate_mm_h, nan=0.0)
        for claim, bad, mend in (
            ("negative rain", seen < 0, "Map the source's no-data value to NaN"),
            ("rain beyond any measured", seen > HIGHEST_MM_H, "Are these mm per hour, and not dBZ or per 5 minutes?"),
        ):
            if bad.any():
                row, column = (int(i[0]) for i in np.nonzero(bad))
                value = float(self.rate_mm_h[row, column])
                raise InvalidInput(
                    f"{claim}: {value:g} mm/h in {int(bad.sum())} cells",
                    where=f"rain picture, first at row {row}, column {column}",
                    mend=mend,
                )

    @property
    def missing_ratio(self) -> float:
        """Share of cells of which nothing is known."""
        return float(np.isnan(self.rate_mm_h).mean())


def rain_picture_table(picture: RainPicture) -> pa.Table:
    """Pack a picture: one row, rates as steps of 0.05 mm/h in little-endian uint16, 65535 for missing, zlib."""
    steps = np.where(np.isnan(picture.rate_mm_h), _MISSING, np.rint(np.nan_to_num(picture.rate_mm_h) / _STEP_MM_H))
    grid = {
        "ny": picture.rate_mm_h.shape[0],
        "nx": picture.rate_mm_h.shape[1],
        "west_m": picture.west_m,
        "south_m": picture.south_m,
        "cell_m": picture.cell_m,
        "crs": picture.crs,
    }
    schema = pa.schema(
        [pa.field("rate", pa.binary(), nullable=False)], metadata={"grid": json.dumps(grid, sort_keys=True)}
    )
    return pa.table([pa.array([zlib.compress(steps.astype("<u2").tobytes(), level=1)], pa.binary())], schema=schema)


def rain_picture_from_table(table: pa.Table) -> RainPicture:
    """Unpack what :func:`rain_picture_table` packed.

    Raises
    ------
    InvalidInput
        If the table is no rain picture.
    """
    meta = table.schema.metadata or {}
    if b"grid" not in meta or table.column_names != ["rate"]:
        raise InvalidInput("this table is no rain picture", where="metadata 'grid'")
    grid = json.loads(meta[b"grid"])
    steps = np.frombuffer(zlib.decompress(table["rate"][0].as_py()), "<u2").reshape(grid["ny"], grid["nx"])
    rate = np.where(steps == _MISSING, np.float32(np.nan), steps * np.float32(_STEP_MM_H)).astype(np.float32)
    return RainPicture(
        rate_mm_h=rate, west_m=grid["west_m"], south_m=grid["south_m"], cell_m=grid["cell_m"], crs=grid["crs"]
    )
