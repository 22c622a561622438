"""Twelve kinds of community event as devices would tell them: a normal day with its nuisances, and the event in it.

The signals are made from what the things themselves do (how fast gas fills a kitchen, how a cell runs away, how a crowd
gathers), with noise, daily swing, harmless look-alikes (steam, cooking, splashes, motor starts, sags, passing lorries),
lost reports and stamps that jitter. No limit of any detection rule is used here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import Bilingual

__all__ = ["COMMUNITY_EVENTS", "CommunityEvent", "EventTrials", "event_trials"]

Array = NDArray[np.float64]
_Normal = Callable[[Array, np.random.Generator], Array]
_Event = Callable[[Array, Array, np.random.Generator], Array]
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityEvent:
    """One kind of event and the device that can tell it.

    Parameters
    ----------
    name : Bilingual
        What people call it.
    quantity, sensor_kind : str
        What the device measures, and its kind in the city's table of sensors.
    every_s : float
        How often it reports.
    normal : callable
        ``(time of day in s, shape (devices, n); generator) -> values``: a day without the event.
    event : callable
        ``(values, seconds since the onset, generator) -> values``: what the event makes of them.
    """

    name: Bilingual
    quantity: str
    every_s: float
    normal: _Normal
    event: _Event
    sensor_kind: str = ""


def _noise(like: Array, sigma: float, rng: np.random.Generator) -> Array:
    return np.asarray(rng.normal(0.0, sigma, like.shape))


def _swing(t: Array, size: float, peak_h: float) -> Array:
    """Daily course: a cosine with its top at an hour."""
    return np.asarray(size * np.cos(2 * np.pi * (t / _DAY_S - peak_h / 24)))


def _puffs(like: Array, chance: float, low: float, high: float, rng: np.random.Generator) -> Array:
    """Single reports that stick out: look-alikes that are over by the next report."""
    return np.where(rng.random(like.shape) < chance, rng.uniform(low, high, like.shape), 0.0)


def _each(values: Array, low: float, high: float, rng: np.random.Generator) -> Array:
    """A number per device, shape (devices, 1)."""
    return np.asarray(rng.uniform(low, high, (len(values), 1)))


def _grown(since: Array, tau: Array) -> Array:
    """Share of the full size reached some time after the onset, as a first-order filling does."""
    return np.where(since >= 0, -np.expm1(-np.maximum(since, 0.0) / tau), 0.0)


def _filling(low: float, high: float, tau_low: float, tau_high: float) -> _Event:
    """An event that fills up to a random size with a random time constant."""

    def event(values: Array, since: Array, rng: np.random.Generator) -> Array:
        size = _each(values, low, high, rng) * _grown(since, _each(values, tau_low, tau_high, rng))
        return np.asarray(values + size)

    return event


def _ramp(low: float, high: float, most: float) -> _Event:
    """An event that climbs at a random rate per second up to a limit."""

    def event(values: Array, since: Array, rng: np.random.Generator) -> Array:
        return np.asarray(values + np.minimum(np.maximum(since, 0.0) * _each(values, low, high, rng), most))

    return event


def _instead(low: float, high: float, sigma: float) -> _Event:
    """An event after which the device reads another level."""

    def event(values: Array, since: Array, rng: np.random.Generator) -> Array:
        level = _each(values, low, high, rng) + _noise(values, sigma, rng)
        return np.where(since >= 0, level, values)

    return event


def _displaced(values: Array, since: Array, rng: np.random.Generator) -> Array:
    step = _each(values, 0.01, 0.03, rng) * rng.choice([-1.0, 1.0], (len(values), 1))
    return np.asarray(values + np.where(since >= 0, step, 0.0))


def _smoke(t: Array, rng: np.random.Generator) -> Array:
    return np.abs(0.02 + _noise(t, 0.01, rng)) + _puffs(t, 2e-4, 0.1, 1.0, rng)


def _gas(t: Array, rng: np.random.Generator) -> Array:
    return np.abs(0.004 + _noise(t, 0.003, rng)) + _puffs(t, 2e-4, 0.02, 0.1, rng)


def _street(t: Array, rng: np.random.Generator) -> Array:
    return np.abs(_noise(t, 0.005, rng)) + _puffs(t, 2e-4, 0.05, 0.4, rng)


def _pile(t: Array, rng: np.random.Generator) -> Array:
    load = _swing(t, 5.0, 20.0) + 8.0 * (np.sin(2 * np.pi * t / 5400.0 + _each(t, 0, 6.28, rng)) > 0.3)
    smooth = np.apply_along_axis(lambda x: np.convolve(np.pad(x, (60, 0), "edge"), np.ones(61) / 61, "valid"), 1, load)
    return np.asarray(25.0 + _each(t, 0, 8, rng) + smooth + _noise(t, 0.3, rng))


def _joint(t: Array, rng: np.random.Generator) -> Array:
    return np.asarray(38.0 + _swing(t, 6.0, 20.0) + _each(t, -5, 5, rng) + _noise(t, 0.5, rng))


def _residual(t: Array, rng: np.random.Generator) -> Array:
    return np.abs(0.08 + _swing(t, 0.02, 20.0) + _noise(t, 0.01, rng)) + _puffs(t, 3e-4, 0.1, 0.6, rng)


def _mains(t: Array, rng: np.random.Generator) -> Array:
    return np.asarray(226.0 - _swing(t, 4.0, 20.0) + _noise(t, 1.0, rng) - _puffs(t, 3e-4, 20.0, 120.0, rng))


def _pipe(t: Array, rng: np.random.Generator) -> Array:
    pump = 15e3 * (np.sin(2 * np.pi * t / 7200.0 + _each(t, 0, 6.28, rng)) > 0)
    return np.asarray(340e3 - _swing(t, 25e3, 19.0) + pump + _noise(t, 2.5e3, rng))


def _structure(t: Array, rng: np.random.Generator) -> Array:
    return np.asarray(_swing(t, 0.002, 15.0) + _noise(t, 0.001, rng))


def _cover(t: Array, rng: np.random.Generator) -> Array:
    return np.asarray(1.0 + np.abs(_noise(t, 0.3, rng)) + _puffs(t, 5e-4, 2.0, 30.0, rng))


def _crowd(t: Array, rng: np.random.Generator) -> Array:
    return np.abs(0.9 + _swing(t, 0.5, 18.0) + _each(t, -0.2, 0.3, rng) + _noise(t, 0.15, rng))


def _button(t: Array, rng: np.random.Generator) -> Array:  # noqa: ARG001 — nothing happens by chance
    return np.zeros(t.shape)


def _kind(
    zh: str, en: str, quantity: str, every_s: float, normal: _Normal, event: _Event, kind: str = ""
) -> CommunityEvent:
    return CommunityEvent(
        name=Bilingual(zh=zh, en=en),
        quantity=quantity,
        every_s=every_s,
        normal=normal,
        event=event,
        sensor_kind=kind,
    )


COMMUNITY_EVENTS: Mapping[str, CommunityEvent] = MappingProxyType(
    {
        # growth: alpha-t² fires smoke a room within a minute (NFPA 72 annex B); a 1 m³/h leak under a kitchen ceiling
        # reaches a fifth of the lower limit within 20 s; 1 to 3 K/s is thermal runaway (GB 38031)
        "fire": _kind("火灾", "fire", "smoke_db_m", 5.0, _smoke, _filling(2.0, 6.0, 30.0, 90.0)),
        "gas_leak": _kind("燃气泄漏", "gas leak", "methane_ratio_lel", 2.0, _gas, _filling(0.2, 0.8, 4.0, 16.0)),
        "flooding": _kind("积水", "flooding", "water_depth_m", 10.0, _street, _filling(0.3, 1.0, 40.0, 120.0)),
        "charging_fire": _kind(
            "充电桩热失控", "runaway of a charging pile", "surface_temperature_c", 5.0, _pile, _ramp(1.0, 3.0, 400.0),
            "charging_pile",
        ),
        "electrical_heat": _kind(
            "电气过热", "electrical overheating", "surface_temperature_c", 5.0, _joint, _ramp(0.9, 3.0, 250.0)
        ),
        "residual_current": _kind(
            "漏电", "leakage current", "residual_current_a", 5.0, _residual, _filling(0.4, 2.0, 2.0, 8.0)
        ),
        "power_out": _kind("停电", "power out", "voltage_v", 10.0, _mains, _instead(0.0, 150.0, 2.0)),
        "pipe_burst": _kind(
            "水管爆裂", "burst main", "pipe_pressure_pa", 5.0, _pipe, _filling(-200e3, -110e3, 10.0, 40.0)
        ),
        "structure": _kind("结构位移", "structure moves", "displacement_m", 5.0, _structure, _displaced),
        "manhole": _kind(
            "井盖移位", "manhole cover moved", "tilt_deg", 10.0, _cover, _instead(30.0, 90.0, 0.5), "manhole"
        ),
        "crowding": _kind("人群聚集", "crowding", "crowd_density_m2", 10.0, _crowd, _filling(3.5, 6.0, 15.0, 45.0)),
        "call_for_help": _kind("紧急呼叫", "call for help", "contact_state", 10.0, _button, _instead(1.0, 1.0, 0.0)),
    }
)  # fmt: skip
"""The twelve kinds by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTrials:
    """Reports of devices to each of which one event happens.

    Parameters
    ----------
    channel, at_us, value : array
        By device, then time; shape (n,).
    onset_us : array of int
        When each device's event begins; shape (devices,).
    """

    channel: NDArray[np.int64]
    at_us: NDArray[np.int64]
    value: NDArray[np.float64]
    onset_us: NDArray[np.int64]


def event_trials(
    event: CommunityEvent,
    devices: int,
    rng: np.random.Generator,
    *,
    hours: float = 6.0,
    lost: float = 0.02,
    start_us: int = 1_780_000_000_000_000,
) -> EventTrials:
    """Let one event happen to each of several devices, some time in the second half of so many hours.

    Parameters
    ----------
    lost : float
        Share of reports that never arrive.
    start_us : int
        Microseconds since 1970.
    """
    n = int(hours * 3600 / event.every_s)
    jitter = rng.uniform(-0.2, 0.2, (devices, n)) * event.every_s
    t = (np.arange(n) * event.every_s)[None, :] + jitter + rng.uniform(0, event.every_s, (devices, 1))
    onset = rng.uniform(0.5, 0.97, devices) * hours * 3600
    day_s = t + rng.uniform(0, _DAY_S, (devices, 1))
    values = event.event(event.normal(day_s, rng), t - onset[:, None], rng)
    keep = rng.random((devices, n)) >= lost
    return EventTrials(
        channel=np.repeat(np.arange(devices), n).reshape(devices, n)[keep],
        at_us=(start_us + np.round(t * 1e6).astype(np.int64))[keep],
        value=values[keep],
        onset_us=start_us + np.round(onset * 1e6).astype(np.int64),
    )
