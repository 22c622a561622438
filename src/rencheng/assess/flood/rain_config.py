"""The rain of a flood run as a person writes it down, and what falls on the raster then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.member_rain import rain_centres, rain_shape
from rencheng.kernel import InvalidConfig, InvalidInput
from rencheng.science.design_storm import (
    SHANGHAI_2017,
    IntensityFormula,
    StormCell,
    chicago_hyetograph,
    rain_rate,
)
from rencheng.science.flood import RainSeries

__all__ = [
    "FORMULAS",
    "DesignRain",
    "GridRain",
    "HyetographRain",
    "MovingRain",
    "RainConfig",
    "UniformRain",
    "design_series",
    "hyetograph_series",
    "moving_series",
    "record_rain_mm",
    "storm_warnings",
    "uniform_series",
]

F64 = NDArray[np.float64]

FORMULAS: dict[str, IntensityFormula] = {"shanghai_2017": SHANGHAI_2017}
"""Storm intensity formulas that a file may name."""
_RECORD_WINDOWS_MIN = (1, 5, 15, 30, 60, 120, 180, 360, 720, 1440, 2880)
_RARE_A = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UniformRain:
    """The same rain everywhere and all the time: ``kind = "uniform"``."""

    rate_mm_h: float
    minutes: float

    def __post_init__(self) -> None:
        _require_positive("minutes", self.minutes)
        if not self.rate_mm_h >= 0:
            raise InvalidConfig(f"rate_mm_h is {self.rate_mm_h}", where="[rain] rate_mm_h", mend="Give 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class HyetographRain:
    """Rain in time from a CSV table with the columns ``minutes`` and ``rate_mm_h`` or ``depth_mm``: ``hyetograph``.

    A rate holds from its row's time to the next row's; a depth fell since the row before.

    Parameters
    ----------
    file : str
        Path, from the configuration's folder.
    gaps : str
        What a step longer than one and a half times the usual one is: ``refuse``, ``dry`` or ``hold``.
    """

    file: str
    gaps: str = "refuse"

    def __post_init__(self) -> None:
        if self.gaps not in {"refuse", "dry", "hold"}:
            raise InvalidConfig(f"unknown gaps {self.gaps!r}", where="[rain] gaps", mend="Use refuse, dry or hold")


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignRain:
    """A design storm after Keifer & Chu by a storm intensity formula: ``design``.

    Parameters
    ----------
    return_period_a : float
        Years, from 1 up.
    minutes : int
        Length of the storm.
    peak_ratio : float
        Where its peak stands, 0 … 1.
    step_min : int
        Step of the hyetograph.
    formula : str
        A name of :data:`FORMULAS`, or ``custom`` with the four parameters of i = a (1 + c lg P) / (t + b)^n, mm/min.
    """

    return_period_a: float
    minutes: int
    peak_ratio: float = 0.4
    step_min: int = 5
    formula: str = "shanghai_2017"
    a_mm_min: float = 0.0
    c_ratio: float = 0.0
    b_min: float = 0.0
    n_ratio: float = 0.0

    def __post_init__(self) -> None:
        if self.formula != "custom" and self.formula not in FORMULAS:
            names = ", ".join((*FORMULAS, "custom"))
            raise InvalidConfig(
                f"unknown formula {self.formula!r}", where="[rain] formula", mend=f"Use one of: {names}"
            )
        if self.formula == "custom" and not (self.a_mm_min > 0 and self.n_ratio > 0 and self.b_min >= 0):
            raise InvalidConfig(
                "a custom formula needs a_mm_min and n_ratio above 0, c_ratio and b_min", where="[rain] formula"
            )

    @property
    def intensity(self) -> IntensityFormula:
        """The storm intensity formula."""
        if self.formula != "custom":
            return FORMULAS[self.formula]
        return IntensityFormula(
            a_mm_min=self.a_mm_min, c_ratio=self.c_ratio, b_min=self.b_min, n_ratio=self.n_ratio, source="custom"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingRain:
    """A design storm in a round cell that crosses the city's middle at its peak: ``moving``.

    Parameters
    ----------
    storm : DesignRain
        Rain at the cell's centre.
    speed_m_s, heading_deg : float
        How fast and whereto it moves, degrees clockwise from north.
    radius_m : float
        Standard deviation of the rain around the centre.
    floor_ratio : float
        Share of the centre's rain that falls everywhere.
    """

    storm: DesignRain
    speed_m_s: float = 8.0
    heading_deg: float = 90.0
    radius_m: float = 3000.0
    floor_ratio: float = 0.1

    def __post_init__(self) -> None:
        _require_positive("radius_m", self.radius_m)
        if not 0 <= self.speed_m_s <= 60:
            raise InvalidConfig(f"speed_m_s is {self.speed_m_s}", where="[rain] speed_m_s", mend="Give 0 … 60 m/s")
        if not 0 <= self.floor_ratio <= 1:
            raise InvalidConfig(f"floor_ratio is {self.floor_ratio}", where="[rain] floor_ratio", mend="Give 0 … 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRain:
    """Rain on a grid in time: ``grid``.

    Parameters
    ----------
    files : tuple of str
        GeoTIFF files of mm/h in the order of time, or patterns (``radar/*.tif``, sorted by name); or one CSV table with
        the columns ``minutes``, ``lon``, ``lat`` and ``rate_mm_h``.
    interval_min : float
        Time between files; a CSV table has its own times.
    """

    files: tuple[str, ...]
    interval_min: float = 5.0

    def __post_init__(self) -> None:
        _require_positive("interval_min", self.interval_min)
        if not self.files:
            raise InvalidConfig("no file of the rain", where="[rain] files", mend="Name a file or a pattern")


RainConfig = UniformRain | HyetographRain | DesignRain | MovingRain | GridRain


def _require_positive(name: str, value: float) -> None:
    if not value > 0:
        raise InvalidConfig(f"{name} is {value}", where=f"[rain] {name}", mend="Give more than 0")


def uniform_series(rain: UniformRain) -> RainSeries:
    """Rain that holds for its time and stops."""
    return RainSeries(times_s=np.array([0.0, rain.minutes * 60.0]), rate_mm_h=np.array([rain.rate_mm_h, 0.0]))


def design_series(rain: DesignRain) -> RainSeries:
    """Hyetograph of a design storm."""
    mm = chicago_hyetograph(
        rain.intensity,
        return_period_a=rain.return_period_a,
        duration_min=rain.minutes,
        peak_ratio=rain.peak_ratio,
        step_min=rain.step_min,
    )
    times = np.arange(len(mm) + 1, dtype=np.float64) * rain.step_min * 60.0
    return RainSeries(times_s=times, rate_mm_h=np.append(mm * 60.0 / rain.step_min, 0.0))


def moving_series(rain: MovingRain, grid: FloodGrid) -> RainSeries:
    """Rain of a moving cell on coarse cells over a raster, sampled at the middle of each step."""
    mm = chicago_hyetograph(
        rain.storm.intensity,
        return_period_a=rain.storm.return_period_a,
        duration_min=rain.storm.minutes,
        peak_ratio=rain.storm.peak_ratio,
        step_min=rain.storm.step_min,
    )
    step_s = rain.storm.step_min * 60.0
    peak_s = rain.storm.peak_ratio * rain.storm.minutes * 60.0
    heading = np.radians(rain.heading_deg)
    speed = rain.speed_m_s * np.array([np.sin(heading), np.cos(heading)])
    shape = rain_shape(grid)
    xy = rain_centres(grid, shape)
    middle = xy.mean(axis=0)
    cell = StormCell(
        start_x_m=float(middle[0] - speed[0] * peak_s),
        start_y_m=float(middle[1] - speed[1] * peak_s),
        speed_x_m_s=float(speed[0]),
        speed_y_m_s=float(speed[1]),
        radius_m=rain.radius_m,
        floor_ratio=rain.floor_ratio,
    )
    rate = np.zeros((len(mm) + 1, *shape))
    for k, depth in enumerate(mm.tolist()):
        rate[k] = rain_rate(cell, xy[:, 0], xy[:, 1], (k + 0.5) * step_s, depth * 3600.0 / step_s).reshape(shape)
    return RainSeries(times_s=np.arange(len(mm) + 1, dtype=np.float64) * step_s, rate_mm_h=rate)


def hyetograph_series(
    minutes: F64, value: F64, *, depths: bool, gaps: str = "refuse", where: str = "hyetograph"
) -> RainSeries:
    """Rain from the rows of a table.

    Parameters
    ----------
    minutes, value : float64 arrays, shape (n,)
        Times and rates (mm/h) or depths since the row before (mm).
    depths : bool
        Whether the values are depths.
    gaps : str
        As of :class:`HyetographRain`.
    where : str
        What errors call the table.

    Raises
    ------
    InvalidInput
        For fewer than two rows, times that do not ascend, negative or missing values, or gaps; names the row.

    Examples
    --------
    Three millimetres in the second ten minutes are 18 mm/h:

    >>> hyetograph_series(np.array([0.0, 10.0, 20.0]), np.array([0.0, 0.0, 3.0]), depths=True).rate_mm_h.tolist()
    [0.0, 18.0, 0.0]
    """
    if len(minutes) < 2:
        raise InvalidInput(f"{len(minutes)} rows make no hyetograph", where=where, mend="Give two rows or more")
    for name, bad, mend in (
        ("no number", ~np.isfinite(minutes) | ~np.isfinite(value), "Fill the cell or drop the row"),
        ("negative rain", value < 0, "Correct the gauge's reading"),
        ("time does not ascend", np.append(False, np.diff(minutes) <= 0), "Sort the rows and drop doubles"),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            raise InvalidInput(
                f"{name} ({minutes[row]:g} min, {value[row]:g})", where=f"{where} row {row + 2}", mend=mend
            )
    step = np.diff(minutes)
    usual = float(np.median(step))
    gap = step > 1.5 * usual
    if gap.any() and gaps == "refuse":
        row = int(np.argmax(gap))
        raise InvalidInput(
            f"a gap of {step[row]:g} min where rows are {usual:g} min apart",
            where=f"{where} row {row + 3}",
            mend='Fill it, or say gaps = "dry" or "hold"',
        )
    rate = np.append(value[1:] * 60.0 / step if depths else value[:-1], 0.0 if depths else value[-1])
    times = minutes * 60.0
    if gap.any() and gaps == "dry" and not depths:
        begins = times[:-1][gap] + usual * 60.0
        times = np.concatenate([times, begins])
        rate = np.concatenate([rate, np.zeros(len(begins))])
        order = np.argsort(times, kind="stable")
        times, rate = times[order], rate[order]
    if not depths:
        times, rate = np.append(times, times[-1] + usual * 60.0), np.append(rate, 0.0)
    return RainSeries(times_s=times - times[0], rate_mm_h=rate)


def record_rain_mm(minutes: float) -> float:
    """Greatest point rain ever measured in a time, about: 491 h^0.452 (WMO-No. 1045, 2009, fig. 5-1).

    Examples
    --------
    >>> round(record_rain_mm(60.0))
    491
    """
    return float(491.0 * (minutes / 60.0) ** 0.452)


def storm_warnings(series: RainSeries, formula: IntensityFormula = SHANGHAI_2017) -> tuple[str, ...]:
    """Refuse rain beyond any measured; tell of rain beyond the hundred-year storm of a formula.

    Raises
    ------
    InvalidInput
        If some cell gets more in some window than ever fell; names window, time and cell.
    """
    rate = np.asarray(series.rate_mm_h, np.float64)
    rate = rate.reshape(len(rate), -1)
    times = np.asarray(series.times_s, np.float64)
    total = np.concatenate(
        [np.zeros((1, rate.shape[1])), np.cumsum(rate[:-1] * np.diff(times)[:, None] / 3600.0, axis=0)]
    )
    if not np.isfinite(total).all() or (rate < 0).any():
        return ()  # the engine names the value
    told: list[str] = []
    for window in _RECORD_WINDOWS_MIN:
        starts = times[times + window * 60.0 <= times[-1] + 1e-6] if times[-1] >= window * 60.0 else times[:1]
        ends = np.minimum(starts + window * 60.0, times[-1])
        fell = _accumulated(times, total, ends) - _accumulated(times, total, starts)
        k, cell = np.unravel_index(int(np.argmax(fell)), fell.shape)
        most = float(fell[k, cell])
        if most > record_rain_mm(window):
            raise InvalidInput(
                f"{most:.0f} mm in {window} min is more than ever fell ({record_rain_mm(window):.0f} mm)",
                where=f"rain from minute {starts[k] / 60.0:g}, rain cell {int(cell)}",
                mend="Are rates in mm per hour and depths in mm?",
            )
        if window >= 5 and most > formula.mean_mm_h(window, _RARE_A) * window / 60.0:
            told.append(f"{most:.0f} mm in {window} min is beyond the {_RARE_A:.0f}-year storm of the formula")
    return tuple(told[:1])


def _accumulated(times: F64, total: F64, at: F64) -> F64:
    """Total depth at instants, linear between times, shape (instants, cells)."""
    right = np.clip(np.searchsorted(times, at, side="right"), 1, len(times) - 1)
    part = (at - times[right - 1]) / (times[right] - times[right - 1])
    return np.asarray(total[right - 1] + part[:, None] * (total[right] - total[right - 1]))
