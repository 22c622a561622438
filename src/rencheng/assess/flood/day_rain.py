"""Rain of the members a day ahead: measured up to the present, then one forecast, each with its own error of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from rencheng.assess.flood.cycle import MemberTraits
from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.member_rain import MemberRain, member_rain, rain_centres, rain_shape
from rencheng.assess.flood.watch import RainRecord
from rencheng.kernel import InvalidInput
from rencheng.science.nowcast import burst_members, forecast_members, quantile_members
from rencheng.sense.rain_forecast import RainForecast

__all__ = ["RainForecastErrors", "day_rain"]

F64 = NDArray[np.float64]

_WET_MM = 0.5
"""Measured rain that leaves water standing; less soaks in or dries."""
_PART_S = 600.0
_MOST_PARTS = 36
_STEP_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RainForecastErrors:
    """How wrong a best estimate of the rain has been, as standard deviations a day ahead; at once a third of each.

    A city that verifies its weather service's forecasts puts its own here. These are assumed, in round numbers, for
    areal rain of organised storms (amounts: Cuo, Pagano & Wang 2011, J. Hydrometeorol. 12:713; displacements: Roberts &
    Lean 2008, Mon. Weather Rev. 136:78).

    Parameters
    ----------
    amount_sigma : float
        Of the logarithm of the amount.
    time_h : float
        Of when it comes.
    place_m : float
        Of where a grid puts it, in each direction.
    """

    amount_sigma: float = 0.4
    time_h: float = 1.5
    place_m: float = 8_000.0


def day_rain(
    record: RainRecord,
    forecast: RainForecast,
    grid: FloodGrid,
    *,
    age_s: float,
    horizon_s: float,
    traits: MemberTraits,
    rng: np.random.Generator,
    errors: RainForecastErrors = RainForecastErrors(),
) -> MemberRain:
    """Draw the rain of the members.

    A best estimate gets the errors of :func:`~rencheng.science.nowcast.forecast_members` (amount, time, bursts) and,
    where it is a grid, of place; members and quantiles are taken as their maker's word, with bursts.

    Parameters
    ----------
    record : RainRecord
        Rain of the hours before; left out where hardly any fell.
    forecast : RainForecast
        What is to come.
    grid : FloodGrid
        Raster of the flood model.
    age_s : float
        Time since the forecast was issued; what it said of that time is cut off.
    horizon_s : float
        How far to look ahead, as far as the forecast reaches.
    traits : MemberTraits
        The members'; their number is that of the members drawn.
    rng : numpy.random.Generator
        Source of chance.
    errors : RainForecastErrors
        What a best estimate is taken to be wrong by.

    Raises
    ------
    InvalidInput
        If nothing of the forecast lies ahead.
    """
    shape = rain_shape(grid)
    members = len(traits.rain_factor)
    edges, rate = _ahead(forecast, age_s, horizon_s)
    step_s = float(np.diff(edges).min())
    parts = int(np.clip(round(step_s / _PART_S), 1, _MOST_PARTS))
    centres = rain_centres(grid, shape)
    if forecast.kind == "best":
        over = _over(rate, forecast, grid, centres, np.zeros((1, len(edges) - 1, 2)))[0].reshape(-1, *shape)
        fine, drawn = forecast_members(
            edges,
            over,
            members=members,
            rng=rng,
            parts=parts,
            amount_sigma=(errors.amount_sigma / 3.0, errors.amount_sigma),
            time_h=errors.time_h,
        )
        if forecast.grid is not None:
            drawn = _displaced(drawn, edges, rate, forecast, grid, centres, errors.place_m, rng)
        drawn = drawn * traits.rain_factor.astype(np.float32)[:, None, None, None]
    else:
        if forecast.kind == "quantiles":
            rate = quantile_members(edges, rate, forecast.levels, members=members, rng=rng)
        still = np.zeros((len(rate), len(edges) - 1, 2))
        over = _over(rate, forecast, grid, centres, still).reshape(len(rate), -1, *shape)
        fine, drawn = burst_members(edges, over, members=members, rng=rng, parts=parts)
    past_edges, past = _past(record, grid, traits, rng)
    return MemberRain(
        edges_s=np.concatenate([past_edges, fine]),
        rate_mm_h=np.concatenate([past, drawn.astype(np.float32)], axis=1),
        source="forecast",
    )


def _ahead(forecast: RainForecast, age_s: float, horizon_s: float) -> tuple[F64, NDArray[np.float32]]:
    """Steps from now to the horizon, edges counted from now; dry until the first step where that begins later."""
    edges = forecast.edges_s - age_s
    keep = (edges[1:] > 0.0) & (edges[:-1] < horizon_s)
    if not keep.any():
        raise InvalidInput("nothing of it lies ahead", where="rain forecast", mend="Give a newer one")
    rate = forecast.rate_mm_h[:, keep]
    bounds = np.append(edges[:-1][keep], edges[1:][keep][-1])
    bounds = np.minimum(np.maximum(bounds, 0.0), horizon_s)
    if bounds[0] > 0.0:
        bounds = np.insert(bounds, 0, 0.0)
        rate = np.concatenate([np.zeros_like(rate[:, :1]), rate], axis=1)
    return bounds, rate


def _over(
    rate: NDArray[np.float32], forecast: RainForecast, grid: FloodGrid, centres: F64, shift_m: F64
) -> NDArray[np.float32]:
    """Rates at the centres of the rain cells, (layers or shifts, steps, places); beyond the grid those of its rim.

    ``shift_m`` has shape (layers or members, steps, 2): by how much each looks aside.
    """
    layers = max(len(rate), len(shift_m))
    steps = rate.shape[1]
    if forecast.grid is None:
        flat = np.repeat(rate.reshape(len(rate), steps, 1), len(centres), axis=2)
        return np.asarray(np.broadcast_to(flat, (layers, steps, len(centres))), np.float32)
    place = forecast.grid
    x, y = centres[:, 0], centres[:, 1]
    if place.crs != grid.crs:
        x, y = Transformer.from_crs(grid.crs, place.crs, always_xy=True).transform(x, y)
    ny, nx = rate.shape[2:]
    column = np.floor((x + shift_m[:, :, 0, None] - place.west_m) / place.cell_m).astype(np.int64)
    row = np.floor((y + shift_m[:, :, 1, None] - place.south_m) / place.cell_m).astype(np.int64)
    layer = np.arange(layers)[:, None, None] if len(rate) > 1 else np.zeros((layers, 1, 1), np.int64)
    step = np.arange(steps)[None, :, None]
    return np.asarray(rate[layer, step, np.clip(row, 0, ny - 1), np.clip(column, 0, nx - 1)])


def _displaced(
    drawn: NDArray[np.float32],
    edges: F64,
    rate: NDArray[np.float32],
    forecast: RainForecast,
    grid: FloodGrid,
    centres: F64,
    place_m: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Members' rain as it would be had the forecast put it elsewhere: each aside by its own vector, more with lead.

    The pattern alone is moved: what a member has of amount, time and bursts is kept as a factor on the area's mean.
    """
    members, shape = len(drawn), drawn.shape[2:]
    steps = rate.shape[1]
    lead_day = np.clip(0.5 * (edges[1:] + edges[:-1]) / 86_400.0, 0.0, 1.0)
    sigma = place_m * (1.0 + 2.0 * lead_day) / 3.0
    shift = rng.standard_normal((members, 1, 2)) * sigma[None, :, None]
    still = _over(rate, forecast, grid, centres, np.zeros((1, steps, 2)))
    there = _over(rate, forecast, grid, centres, shift)
    here = still.mean(axis=2, keepdims=True)
    parts = drawn.shape[1] // steps
    mean = drawn.mean(axis=(2, 3)).reshape(members, steps, parts)
    factor = np.divide(mean, here, out=np.zeros_like(mean), where=here > 0.0)
    lone = np.where(here > 0.0, factor, np.exp(rng.standard_normal((members, 1, 1)) * 0.35).astype(np.float32))
    moved = there[:, :, None, :] * lone[:, :, :, None]
    return moved.reshape(members, steps * parts, *shape).astype(np.float32)


def _past(
    record: RainRecord, grid: FloodGrid, traits: MemberTraits, rng: np.random.Generator
) -> tuple[F64, NDArray[np.float32]]:
    """Rain of the hours before; no step at all where hardly any fell."""
    members = len(traits.rain_factor)
    fell = np.nansum(record.rate_mm_h * np.diff(record.edges_s)[:, None], axis=0) / 3600.0
    if not len(fell) or not float(np.max(fell, initial=0.0)) >= _WET_MM:
        return np.zeros(0), np.zeros((members, 0, *rain_shape(grid)), np.float32)
    seen = member_rain(
        record, grid, members=members, horizon_s=_STEP_S, rng=rng, factor=traits.rain_factor, step_s=_STEP_S
    )
    steps = len(record.edges_s) - 1
    return seen.edges_s[:steps], seen.rate_mm_h[:, :steps]
