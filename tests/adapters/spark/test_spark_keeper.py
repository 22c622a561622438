"""Shards give the alarms of the embedded store, to the bit: the same functions, cut by place besides time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.spark.spark_city import Shards
from tests.sense.detection_city import T0, batch, city, rules, slices, stream

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.kernel import from_micros
from rencheng.sense.alarm_digest import alarm_digest
from rencheng.sense.batch import Decoded, TimingLimits

SENSORS, MINUTES = 8, 420
NOW = T0 + timedelta(days=30)


@pytest.fixture(scope="module")
def readings() -> dict[str, Any]:
    return stream(SENSORS, MINUTES, np.random.default_rng(11))


def embedded(turns: list[list[tuple[str, int, Decoded]]]) -> tuple[str, pa.Table, int]:
    store = DuckDbReadings(":memory:", channels=city(SENSORS), detection=rules())
    for files in turns:
        parts = [(path, path, decoded) for path, _, decoded in files]
        store.take_many(parts, now=from_micros(max(arrived for _, arrived, _ in files)))
    told = alarm_digest(store.alarms()), store.alarms(), store.count()
    store.close()
    return told


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(1, SENSORS * MINUTES), max_size=8), shards=st.sampled_from([1, 2, 5, 16]))
def test_shards_give_the_alarms_of_the_embedded_store_however_the_stream_is_cut(
    tmp_path_factory: pytest.TempPathFactory, readings: dict[str, Any], cuts: list[int], shards: int
) -> None:
    whole, rows, count = embedded([[("a", 0, batch(readings, slice(None)))]])
    assert rows.num_rows > 20
    city_shards = Shards(tmp_path_factory.mktemp("plan"), city(SENSORS), rules(), shards)
    for n, part in enumerate(slices(cuts, len(readings["at"]))):
        city_shards.turn([(f"{n:03d}", n, batch(readings, part))])
    assert alarm_digest(city_shards.story()) == whole
    assert sum(table.num_rows for of in city_shards.readings for table in of) == count


def unruly(readings: dict[str, Any], rng: np.random.Generator, files: int) -> list[tuple[str, int, Decoded]]:
    """Files of a stream in which gateways repeat, come late, run ahead and contradict themselves."""
    whole = batch(readings, slice(None)).good
    at = np.asarray(whole["at"].cast(pa.int64()))
    bounds = np.linspace(at.min(), at.max() + 1, files + 1)
    cut = np.searchsorted(bounds, at, side="right") - 1
    late = rng.random(len(at)) < 0.02
    cut = np.where(late, np.minimum(cut + rng.integers(0, 4, len(at)), files - 1), cut)
    limits = TimingLimits(allowance_late_s=1800.0, clock_ahead_s=120.0, future_limit_s=3600.0)
    told = []
    for n in range(files):
        mine = whole.filter(pa.array(cut == n))
        again = whole.filter(pa.array((cut == n - 1) & (rng.random(len(at)) < 0.05)))
        other = again.set_column(3, "value", pa.array(np.asarray(again["value"]) + 1.0)).slice(0, len(again) // 2)
        ahead = mine.slice(0, 5)
        shift = pa.array([10, 600, 3000, 7200, 60][: len(ahead)], pa.duration("s")).cast(pa.duration("us"))
        ahead = ahead.set_column(2, "at", pa.compute.add(ahead["at"], shift))
        stranger = mine.slice(0, 1).set_column(0, "sensor_id", pa.array(["nobody"][: min(1, len(mine))]))
        table = pa.concat_tables([mine, again, other, ahead, stranger, mine.slice(0, 3)])
        order = pa.array(rng.permutation(len(table)))
        told.append((f"f{n:03d}", int(bounds[n + 1]), Decoded(good=table.take(order), rows=len(table), limits=limits)))
    return told


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shards=st.sampled_from([1, 3, 8]), files=st.integers(2, 30))
def test_an_unruly_stream_cut_alike_gives_the_same_alarms_and_readings(
    tmp_path_factory: pytest.TempPathFactory, readings: dict[str, Any], seed: int, shards: int, files: int
) -> None:
    told = unruly(readings, np.random.default_rng(seed), files)
    digest, _, count = embedded([[file] for file in told])
    city_shards = Shards(tmp_path_factory.mktemp("plan"), city(SENSORS), rules(), shards)
    for file in told:
        city_shards.turn([file])
    assert alarm_digest(city_shards.story()) == digest
    assert sum(table.num_rows for of in city_shards.readings for table in of) == count


def test_the_same_memory_is_saved_as_the_same_bytes(tmp_path: Path, readings: dict[str, Any]) -> None:
    city_shards = Shards(tmp_path, city(SENSORS), rules(), 2)
    city_shards.turn([("a", 0, batch(readings, slice(0, 900)))])
    for shard, keeper in enumerate(city_shards._keepers):
        kept = city_shards.states[shard]
        keeper.load(kept)
        assert keeper.save() == kept
