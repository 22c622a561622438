"""A forecast of the rain: hours ahead as areal series or grids, with members or quantiles where the maker gives any."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput
from rencheng.sense.orders import TakeRainForecast
from rencheng.sense.rain_picture import HIGHEST_MM_H

__all__ = [
    "LONGEST_H",
    "RainForecast",
    "RainForecastGrid",
    "rain_forecast_from_table",
    "rain_forecast_order",
    "rain_forecast_table",
]

LONGEST_H = 240.0
"""Ten days: nobody forecasts rain over a city by the hour for longer (WMO-No. 485, medium range)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RainForecastGrid:
    """Where the cells of a gridded forecast lie: outer corner of cell (0, 0), edge in metres, reference system."""

    west_m: float
    south_m: float
    cell_m: float
    crs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RainForecast:
    """Forecast rain from the instant of its issue on.

    Parameters
    ----------
    edges_s : float64 array, shape (steps + 1,)
        Edges of the steps, seconds from the issue, ascending, not below 0.
    rate_mm_h : float32 array, shape (layers, steps, gy, gx)
        Mean rate of every step; row 0 south. One cell where the forecast is for an area as a whole.
    levels : tuple of float
        Probability of each layer where the layers are quantiles; empty where they are members or one best estimate.
    grid : RainForecastGrid, optional
        Where the cells lie; None for an area as a whole.

    Raises
    ------
    InvalidInput
        If shapes do not fit, edges do not ascend, or a rate is missing, negative or beyond any rain measured; names
        layer and step.
    """

    edges_s: NDArray[np.float64]
    rate_mm_h: NDArray[np.float32]
    levels: tuple[float, ...] = ()
    grid: RainForecastGrid | None = None

    def __post_init__(self) -> None:
        rate, edges = self.rate_mm_h, self.edges_s
        if rate.ndim != 4 or not rate.size or edges.shape != (rate.shape[1] + 1,):
            raise _bad(f"rates of shape {rate.shape} with {len(edges)} edges", "Give one rate per step, layer and cell")
        if self.grid is None and rate.shape[2:] != (1, 1):
            raise _bad(f"cells of shape {rate.shape[2:]} and no grid", "Say where the cells lie")
        if not np.isfinite(edges).all() or edges[0] < 0.0 or (np.diff(edges) <= 0.0).any():
            raise _bad(
                "the edges of the steps do not ascend from 0", "Sort the steps; leave out what lies before issue"
            )
        if edges[-1] > LONGEST_H * 3600.0:
            raise _bad(f"it reaches {edges[-1] / 3600.0:.0f} h ahead", f"Cut it after {LONGEST_H:g} h; check the units")
        low_to_high = all(a < b for a, b in zip(self.levels, self.levels[1:], strict=False))
        if self.levels and (len(self.levels) != len(rate) or not low_to_high or self.levels[0] <= 0.0):
            raise _bad(f"quantiles {self.levels} for {len(rate)} layers", "Give ascending probabilities, one per layer")
        if self.levels and self.levels[-1] >= 1.0:
            raise _bad(f"a quantile of probability {self.levels[-1]:g}", "Give probabilities below 1")
        _require_rain(rate)
        if self.levels and (np.diff(rate, axis=0) < -1e-4).any():
            raise _bad("a higher quantile holds less rain than a lower one", "Sort the columns by probability")

    @property
    def kind(self) -> str:
        """``best``, ``members`` or ``quantiles``."""
        if self.levels:
            return "quantiles"
        return "members" if len(self.rate_mm_h) > 1 else "best"

    @property
    def horizon_h(self) -> float:
        """Hours from the issue to the end of the last step."""
        return float(self.edges_s[-1]) / 3600.0

    @property
    def middle_mm_h(self) -> NDArray[np.float32]:
        """Mean of the members, or the quantile nearest to the middle, shape (steps, gy, gx)."""
        if self.levels:
            return np.asarray(self.rate_mm_h[int(np.argmin(np.abs(np.array(self.levels) - 0.5)))])
        return np.asarray(self.rate_mm_h.mean(axis=0), dtype=np.float32)

    @property
    def total_mm(self) -> float:
        """Depth over the horizon: of the middle, mean over the area."""
        return float((self.middle_mm_h.mean(axis=(1, 2)) * np.diff(self.edges_s)).sum() / 3600.0)


def _bad(what: str, mend: str) -> InvalidInput:
    return InvalidInput(what, where="rain forecast", mend=mend)


def _require_rain(rate: NDArray[np.float32]) -> None:
    for claim, wrong, mend in (
        ("rain that is missing", ~np.isfinite(rate), "Fill the gap; a forecast has none"),
        ("negative rain", rate < 0, "Map the source's no-data value to nothing, or cut what lies past"),
        ("rain beyond any measured", rate > HIGHEST_MM_H, "Are these mm per hour, and not a total of all steps?"),
    ):
        if wrong.any():
            layer, step, row, column = (int(i[0]) for i in np.nonzero(wrong))
            raise InvalidInput(
                f"{claim} in {int(wrong.sum())} values",
                where=f"rain forecast, first in layer {layer}, step {step}, row {row}, column {column}",
                mend=mend,
            )


def rain_forecast_table(forecast: RainForecast) -> pa.Table:
    """Pack a forecast: one row, rates as little-endian float32, zlib; the rest in the metadata."""
    said = {
        "shape": list(forecast.rate_mm_h.shape),
        "edges_s": forecast.edges_s.tolist(),
        "levels": list(forecast.levels),
        "grid": None if forecast.grid is None else asdict(forecast.grid),
    }
    metadata = {"forecast": json.dumps(said, sort_keys=True)}
    schema = pa.schema([pa.field("rate_mm_h", pa.binary(), nullable=False)], metadata=metadata)
    packed = zlib.compress(np.ascontiguousarray(forecast.rate_mm_h, "<f4").tobytes(), level=1)
    return pa.table([pa.array([packed], pa.binary())], schema=schema)


def rain_forecast_from_table(table: pa.Table) -> RainForecast:
    """Unpack what :func:`rain_forecast_table` packed.

    Raises
    ------
    InvalidInput
        If the table is no rain forecast.
    """
    meta = table.schema.metadata or {}
    if b"forecast" not in meta or table.column_names != ["rate_mm_h"]:
        raise InvalidInput("this table is no rain forecast", where="metadata 'forecast'")
    said = json.loads(meta[b"forecast"])
    rate = np.frombuffer(zlib.decompress(table["rate_mm_h"][0].as_py()), "<f4").reshape(said["shape"])
    return RainForecast(
        edges_s=np.array(said["edges_s"], np.float64),
        rate_mm_h=rate.astype(np.float32),
        levels=tuple(said["levels"]),
        grid=None if said["grid"] is None else RainForecastGrid(**said["grid"]),
    )


def rain_forecast_order(source: str, issued_at: datetime, forecast: RainForecast, field: str) -> TakeRainForecast:
    """The order to take a forecast that was stored as ``field``."""
    return TakeRainForecast(
        source=source,
        issued_at=issued_at,
        field=field,
        kind=forecast.kind,
        layers=len(forecast.rate_mm_h),
        steps=forecast.rate_mm_h.shape[1],
        horizon_h=round(forecast.horizon_h, 4),
        total_mm=round(forecast.total_mm, 3),
        highest_mm_h=round(float(forecast.rate_mm_h.max()), 3),
    )
