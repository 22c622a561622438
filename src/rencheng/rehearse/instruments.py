"""The sensors of the simulated world: they measure its water with noise, and some of them fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.city import City
from rencheng.rehearse.facts import InjectPlayed
from rencheng.rehearse.scenario import Instruments, Scenario
from rencheng.rehearse.water import LowPlaces, RiverReach, Water, Weather

__all__ = ["Network", "instrument", "measure", "start_recorder"]

F64 = NDArray[np.float64]
_RAIN_SPIKE_MM = 250.0
"""A spike of the telemetry line at a rain gauge: more than ever fell between two reports (Jennings 1950)."""
_LEVEL_SPIKE_M = 50.0
_NEAR_M = 80.0
"""A street depth sensor stands in the low place within this distance."""
_READING = pa.schema(
    [
        ("sensor_id", pa.string()),
        ("quantity", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("value", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The channels of the city that the world can feed; arrays of shape (n,) unless said otherwise."""

    sensor_ids: tuple[str, ...]
    quantities: tuple[str, ...]
    interval_s: NDArray[np.int64]
    x_m: F64
    y_m: F64
    target: NDArray[np.int64]
    """Gauge of the reach or low place it measures, -1 for rain and for a dry street."""
    silent_from_s: F64
    silent_to_s: F64
    stuck_from_s: F64
    """Infinity where the sensor does not fail so."""

    def injects(self) -> list[InjectPlayed]:
        """What the director planted, for the record."""
        planted = []
        for i, (sensor, quantity) in enumerate(zip(self.sensor_ids, self.quantities, strict=True)):
            if np.isfinite(self.silent_from_s[i]):
                note = f"from {self.silent_from_s[i]:.0f} s to {self.silent_to_s[i]:.0f} s"
                planted.append(InjectPlayed(inject="sensor_silent", target=f"{sensor}/{quantity}", note=note))
            if np.isfinite(self.stuck_from_s[i]):
                note = f"from {self.stuck_from_s[i]:.0f} s"
                planted.append(InjectPlayed(inject="sensor_stuck", target=f"{sensor}/{quantity}", note=note))
        return planted


def instrument(
    city: City, places: LowPlaces, reach: RiverReach, scenario: Scenario, rng: np.random.Generator
) -> Network:
    """Read the city's channels and draw which of them will fail."""
    sensors = {s["sensor_id"]: s for s in city.rows("sensors")}
    wanted = {"rain_mm", "stage_m", "water_depth_m"}
    channels = sorted(
        (c for c in city.rows("channels") if c["quantity"] in wanted and c["sensor_id"] in sensors),
        key=lambda c: (c["sensor_id"], c["quantity"]),
    )
    lon = np.array([sensors[c["sensor_id"]]["lon"] for c in channels], dtype=np.float64)
    lat = np.array([sensors[c["sensor_id"]]["lat"] for c in channels], dtype=np.float64)
    x, y = city.to_metric.transform(lon, lat)
    gauge = {sensor: i for i, sensor in enumerate(reach.sensor_ids)}
    target = np.full(len(channels), -1, dtype=np.int64)
    for i, channel in enumerate(channels):
        if channel["quantity"] == "stage_m":
            target[i] = gauge.get(channel["sensor_id"], -1)
        elif channel["quantity"] == "water_depth_m" and len(places.x_m):
            away = np.hypot(places.x_m - x[i], places.y_m - y[i])
            target[i] = int(away.argmin()) if away.min() <= _NEAR_M else -1
    keep = [i for i, c in enumerate(channels) if c["quantity"] != "stage_m" or target[i] >= 0]
    faults = scenario.instruments
    storm_s = scenario.storm.duration_min * 60.0
    begins = scenario.calm_h * 3600.0 + rng.uniform(0.0, storm_s, len(channels))
    silent = rng.random(len(channels)) < faults.silent_ratio
    level = np.array([c["quantity"] != "rain_mm" for c in channels], dtype=np.bool_)
    stuck = level & ~silent & (rng.random(len(channels)) < faults.stuck_ratio)
    return Network(
        sensor_ids=tuple(channels[i]["sensor_id"] for i in keep),
        quantities=tuple(channels[i]["quantity"] for i in keep),
        interval_s=np.array([int(channels[i].get("interval_s") or 300) for i in keep], dtype=np.int64),
        x_m=np.asarray(x)[keep],
        y_m=np.asarray(y)[keep],
        target=target[keep],
        silent_from_s=np.where(silent, begins, np.inf)[keep],
        silent_to_s=np.where(silent, begins + rng.uniform(1800.0, 7200.0, len(channels)), np.inf)[keep],
        stuck_from_s=np.where(stuck, begins, np.inf)[keep],
    )


@dataclass(slots=True)
class Recorder:
    """What the instruments hold between reports: rain since the last one, and the last value of a stuck one."""

    rain_mm: F64
    last: F64


def measure(
    network: Network,
    recorder: Recorder,
    before: Water,
    after: Water,
    sky: Weather,
    reach: RiverReach,
    scenario: Scenario,
    rng: np.random.Generator,
) -> pa.Table:
    """Readings that fall due within one world step.

    Returns
    -------
    pyarrow.Table
        ``sensor_id``, ``quantity``, ``at``, ``value`` (stored unit), one row per report.
    """
    rain = np.array([q == "rain_mm" for q in network.quantities], dtype=np.bool_)
    step_s = after.time_s - before.time_s
    recorder.rain_mm[rain] += sky.rate(network.x_m[rain], network.y_m[rain], before.time_s) * step_s / 3600.0
    due = (after.time_s % network.interval_s) == 0
    value = _truth(network, recorder, after, reach, scenario)
    value = _noisy(value, network, scenario.instruments, rng)
    stuck = after.time_s >= network.stuck_from_s
    value = np.where(stuck & np.isfinite(recorder.last), recorder.last, value)
    heard = due & ~((after.time_s >= network.silent_from_s) & (after.time_s < network.silent_to_s))
    recorder.last = np.where(due & ~stuck, value, recorder.last)
    recorder.rain_mm[due & rain] = 0.0
    rows = np.flatnonzero(heard & np.isfinite(value))
    at = _instant(scenario.start, after.time_s)
    return pa.table(
        [
            pa.array([network.sensor_ids[i] for i in rows], pa.string()),
            pa.array([network.quantities[i] for i in rows], pa.string()),
            pa.array([at] * len(rows), pa.timestamp("us", tz="UTC")),
            pa.array(value[rows]),
        ],
        schema=_READING,
    )


def start_recorder(network: Network) -> Recorder:
    """Empty gauges."""
    count = len(network.sensor_ids)
    return Recorder(np.zeros(count), np.full(count, np.nan))


def _truth(network: Network, recorder: Recorder, water: Water, reach: RiverReach, scenario: Scenario) -> F64:
    value = recorder.rain_mm.copy()
    depth, stage = water.street_m, water.stage_m(reach, scenario)
    for i, quantity in enumerate(network.quantities):
        if quantity == "water_depth_m":
            value[i] = depth[network.target[i]] if network.target[i] >= 0 else 0.0
        elif quantity == "stage_m":
            value[i] = stage[network.target[i]]
    return value


def _noisy(value: F64, network: Network, how: Instruments, rng: np.random.Generator) -> F64:
    noise = rng.normal(size=len(value))
    spread = {"rain_mm": 0.0, "stage_m": how.stage_noise_m, "water_depth_m": how.depth_noise_m}
    scale = np.array([spread[q] for q in network.quantities])
    rain = np.array([q == "rain_mm" for q in network.quantities], dtype=np.bool_)
    out = np.where(rain, value * np.maximum(1.0 + how.rain_noise_ratio * noise, 0.0), value + scale * noise)
    out = np.where(rain, np.round(out / 0.2) * 0.2, np.round(out, 3))
    wet = np.array([q == "water_depth_m" for q in network.quantities], dtype=np.bool_)
    out = np.where(wet, np.maximum(out, 0.0), out)
    spike = rng.random(len(value)) < how.spike_prob
    return np.where(spike, out + np.where(rain, _RAIN_SPIKE_MM, _LEVEL_SPIKE_M), out)


def _instant(start: datetime, time_s: float) -> datetime:
    return start + timedelta(seconds=time_s)
