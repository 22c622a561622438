"""A small city of channels, its readings and rules of every kind, for tests of detection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.kernel import Bilingual
from rencheng.science.detection.rules import DetectionRule
from rencheng.sense import Channel, Decoded
from rencheng.sense.batch import GOOD_SCHEMA, NO_LIMITS
from rencheng.sense.detection_rules import ChannelRule, DetectionRules

T0 = datetime(2026, 6, 1, tzinfo=UTC)
T0_US = int(T0.timestamp()) * 1_000_000
MINUTE = 60_000_000

RULES = (
    ("stage_m", DetectionRule(id="high", kind="threshold", levels={"blue": 3.0, "red": 5.0}, hysteresis=0.5,
                              raise_after_s=120, raise_count=2, clear_after_s=300, gap_s=1800)),
    ("stage_m", DetectionRule(id="rise", kind="rate", levels={"yellow": 2.0}, window_s=1800, clear_after_s=60)),
    ("stage_m", DetectionRule(id="silent", kind="no_data", levels={"blue": 3, "yellow": 10}, least_s=180,
                              warm_count=3)),
    ("stage_m", DetectionRule(id="odd", kind="baseline", direction="both", levels={"notice": 4, "blue": 8},
                              raise_count=2, clear_after_s=300, warm_s=3600, warm_count=30, scale_floor=0.01,
                              reach_m=5000, settle_s=600)),
    ("stage_m", DetectionRule(id="shift", kind="cusum", direction="both", levels={"blue": 10}, slack=1.0, warm_count=60,
                              clear_after_s=600, scale_floor=0.01)),
    ("stage_m", DetectionRule(id="change", kind="bayes", direction="both", levels={"blue": 0.9}, window_s=300,
                              warm_count=12, scale_floor=0.01)),
    ("methane_ratio_lel", DetectionRule(id="gas", kind="threshold", levels={"yellow": 0.05, "red": 0.2},
                                        hysteresis=0.02, raise_count=3, clear_after_s=120, silent_clear_s=3600)),
)  # fmt: skip


def rules(*names: str, lag_s: float = 60.0) -> DetectionRules:
    """The rules above, or those of them that are named."""
    word = Bilingual(zh="规则", en="rule")
    chosen = [(of, rule) for of, rule in RULES if not names or rule.id in names]
    return DetectionRules(
        id="test",
        version="1",
        jurisdiction="XX",
        valid_from="2026-01-01",
        source="test",
        clock_lag_s=lag_s,
        rules=tuple(ChannelRule(quantity=of, rule=r, hazard="test", name=word, source="test") for of, r in chosen),
    )


def city(sensors: int) -> list[Channel]:
    """Gauges 500 m apart in a line, one a minute, each with a gas detector."""
    return [
        Channel(sensor_id=f"s{n:02d}", quantity=of, interval_s=60.0, lon=121.0 + 0.005 * n, lat=31.0)
        for n in range(sensors)
        for of in ("methane_ratio_lel", "stage_m")
    ]


def stream(sensors: int, minutes: int, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Readings in order of time: noise with a daily swing, events, a broken sensor, pauses and spikes."""
    minute = np.repeat(np.arange(minutes), sensors)
    sensor = np.tile(np.arange(sensors), minutes)
    value = 2.0 + 0.3 * np.sin(minute / 1440 * 2 * np.pi) + rng.normal(0, 0.03, len(minute))
    for begin in rng.integers(minutes // 4, minutes - 60, 2):
        value[(minute >= begin) & (minute < begin + 45)] += rng.uniform(1.0, 4.0)
    broken = rng.integers(sensors)
    value[(sensor == broken) & (minute > minutes // 2) & (minute < minutes // 2 + 90)] += 1.0
    value[rng.integers(0, len(value), 3)] += 3.0
    gas = np.abs(rng.normal(0, 0.005, len(minute))) + 0.3 * ((minute > minutes // 3) & (minute < minutes // 3 + 20))
    dumb = rng.integers(sensors)
    quiet = (sensor == dumb) & (minute > minutes // 3) & (minute < minutes // 3 + 40)
    keep = ~quiet & (rng.random(len(minute)) > 0.02)
    jitter = rng.integers(0, 20_000_000, len(minute))
    at = T0_US + minute * MINUTE + jitter
    order = np.argsort(at[keep], kind="stable")
    return {
        "sensor": sensor[keep][order],
        "at": at[keep][order],
        "stage_m": value[keep][order],
        "methane_ratio_lel": gas[keep][order],
    }


def batch(readings: dict[str, NDArray[Any]], part: slice) -> Decoded:
    """A part of a stream as a feed delivers it: both quantities of every row."""
    names = pa.array([f"s{n:02d}" for n in readings["sensor"][part].tolist()], pa.string())
    at = pa.array(readings["at"][part]).cast(pa.timestamp("us", tz="UTC"))
    tables = [
        pa.table(
            [names, pa.array([of] * len(names), pa.string()), at, pa.array(readings[of][part])], schema=GOOD_SCHEMA
        )
        for of in ("stage_m", "methane_ratio_lel")
    ]
    return Decoded(good=pa.concat_tables(tables), rows=len(names), limits=NO_LIMITS)


def slices(cuts: Sequence[int], length: int) -> list[slice]:
    """Parts of a stream cut at some places."""
    edges = sorted({0, length, *(cut for cut in cuts if 0 < cut < length)})
    return [slice(a, b) for a, b in pairwise(edges)]


def story(alarms: pa.Table) -> list[tuple[Any, ...]]:
    """Alarm rows without the number that says in which order they became known."""
    rows = [tuple(row.values()) for row in alarms.drop_columns(["seq"]).to_pylist()]
    return sorted(rows, key=repr)


def end_of(readings: dict[str, NDArray[Any]]) -> datetime:
    """A while after the last reading, when every timer has run out."""
    return T0 + timedelta(microseconds=int(readings["at"].max()) - T0_US, hours=6)
