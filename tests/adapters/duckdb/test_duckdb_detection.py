"""Alarms in the transaction of their batch: whatever the cuts, whatever dies, the same alarms, and none twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.sense.detection_city import T0, batch, city, end_of, rules, slices, story, stream

from rencheng.adapters.duckdb import DuckDbReadings, journal
from rencheng.kernel import StorageFailed
from rencheng.sense.detection_rules import DetectionRules

SENSORS, MINUTES = 6, 600
NOW = T0 + timedelta(days=30)


def opened(path: Path | str, of: DetectionRules | None = None) -> DuckDbReadings:
    return DuckDbReadings(path, channels=city(SENSORS), detection=of or rules())


def play(store: DuckDbReadings, readings: Readings, parts: list[slice], first: int = 0) -> None:
    for n, part in enumerate(parts, first):
        store.take("f", f"{n}", batch(readings, part), now=NOW)


Readings = dict[str, NDArray[Any]]


class Whole:
    """A stream, and its alarms when it is taken in one piece."""

    def __init__(self, readings: Readings, alarms: list[tuple[Any, ...]]) -> None:
        self.readings, self.alarms = readings, alarms


@pytest.fixture(scope="module")
def whole() -> Whole:
    readings = stream(SENSORS, MINUTES, np.random.default_rng(7))
    store = opened(":memory:")
    play(store, readings, [slice(None)])
    store.advance(end_of(readings))
    alarms = story(store.alarms())
    store.close()
    return Whole(readings, alarms)


def test_the_stream_brings_alarms_of_every_kind_that_close_by_themselves(
    whole: Whole,
) -> None:
    alarms = whole.alarms
    kinds = {row[4] for row in alarms}
    assert kinds == {"threshold", "rate", "no_data", "baseline", "cusum", "bayes", "sensor_fault"}
    states: dict[str, list[str]] = {}
    for row in sorted(alarms, key=lambda row: (row[8], row[6] != "raised")):
        states.setdefault(row[0], []).append(row[6])
    standing = [told for told in states.values() if told[-1] != "cleared"]
    assert all(told[0] == "raised" and told.count("raised") == 1 for told in states.values())
    assert len(standing) == SENSORS  # silence is all that lasts when nothing comes any more


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(1, SENSORS * MINUTES), max_size=12))
def test_alarms_do_not_depend_on_how_the_stream_is_cut(whole: Whole, cuts: list[int]) -> None:
    readings, alarms = whole.readings, whole.alarms
    store = opened(":memory:")
    play(store, readings, slices(cuts, len(readings["at"])))
    store.advance(end_of(readings))
    assert story(store.alarms()) == alarms
    store.close()


@pytest.mark.parametrize("checkpoint_at", [1, 4, 10_000])
def test_a_store_that_is_killed_between_any_two_batches_goes_on_as_if_it_had_not(
    tmp_path: Path,
    whole: Whole,
    checkpoint_at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal, "CHECKPOINT_TRANSACTIONS", checkpoint_at)
    readings, alarms = whole.readings, whole.alarms
    path = tmp_path / "readings.duckdb"
    parts = slices(list(range(0, len(readings["at"]), 431)), len(readings["at"]))
    for n, part in enumerate(parts):
        store = opened(path)
        play(store, readings, [part], n)
        store._db.close()  # no checkpoint: what the process knew is gone
    store = opened(path)
    store.advance(end_of(readings))
    assert story(store.alarms()) == alarms
    seq = store.alarms()["seq"].to_pylist()
    assert seq == list(range(1, len(seq) + 1))
    store.close()


def test_a_batch_offered_again_raises_nothing_again(
    whole: Whole,
) -> None:
    readings, alarms = whole.readings, whole.alarms
    store = opened(":memory:")
    parts = slices([1000, 2000], len(readings["at"]))
    for _ in range(2):
        play(store, readings, parts)
    store.take("g", "other", batch(readings, slice(None)), now=NOW)
    store.advance(end_of(readings))
    assert story(store.alarms()) == alarms
    store.close()


def test_a_batch_that_the_disk_refuses_leaves_neither_alarm_nor_memory_of_it(tmp_path: Path, whole: Whole) -> None:
    readings, alarms = whole.readings, whole.alarms
    store = opened(tmp_path / "readings.duckdb")
    parts = slices([1200, 2400], len(readings["at"]))
    play(store, readings, parts[:1])
    store._con.execute("ALTER TABLE batches RENAME TO hidden")
    with pytest.raises(StorageFailed):
        play(store, readings, parts[1:2], 1)
    store._con.execute("ALTER TABLE hidden RENAME TO batches")
    play(store, readings, parts[1:], 1)
    store.advance(end_of(readings))
    assert story(store.alarms()) == alarms
    store.close()


def test_a_city_that_falls_silent_altogether_is_noticed_by_the_clock(tmp_path: Path) -> None:
    readings = stream(SENSORS, 120, np.random.default_rng(3))
    store = opened(tmp_path / "readings.duckdb", rules("silent"))
    play(store, readings, [slice(None)])
    before = store.alarms().num_rows
    assert store.advance(end_of(readings)) >= 2 * SENSORS  # three intervals, then ten
    assert store.advance(end_of(readings)) == 0
    later = store.alarms(since=before).to_pylist()
    last = {f"s{n:02d}": int(readings["at"][readings["sensor"] == n].max()) for n in range(SENSORS)}
    raised = [row for row in later if row["state"] == "raised"]
    for row in raised:
        silent_s = (row["at"] - T0).total_seconds() - (last[row["sensor_id"]] - T0.timestamp() * 1e6) / 1e6
        assert 180 <= silent_s <= 270
    store.close()
    store = opened(tmp_path / "readings.duckdb", rules("silent"))
    assert store.advance(end_of(readings)) == 0
    assert store.alarms(since=before).num_rows == len(later)
    store.close()


def test_a_changed_rule_ends_its_alarms_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    readings = stream(2, 90, np.random.default_rng(5))
    readings["methane_ratio_lel"] = readings["methane_ratio_lel"] * 0 + 0.3
    readings["stage_m"] = readings["stage_m"] * 0 + 9.0
    store = opened(path, rules("gas", "high"))
    play(store, readings, [slice(None)])
    assert store.alarms()["rule"].to_pylist().count("gas") == 2
    store.close()
    changed = rules("gas", "high")
    other = replace(changed.rules[1].rule, levels={"red": 0.25})
    changed = replace(changed, rules=(changed.rules[0], replace(changed.rules[1], rule=other)))
    store = opened(path, changed)
    ended = [(row["rule"], row["cause"]) for row in store.alarms().to_pylist() if row["state"] == "cleared"]
    assert ended == [("gas", "rule_changed")] * 2
    store.close()
    store = opened(path, changed)
    assert store.alarms()["state"].to_pylist().count("cleared") == 2
    store.close()


def test_detection_can_be_switched_on_for_a_store_that_had_none(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    readings = stream(SENSORS, 300, np.random.default_rng(7))
    parts = slices([600], len(readings["at"]))
    store = DuckDbReadings(path, channels=city(SENSORS))
    play(store, readings, parts[:1])
    assert store.alarms().num_rows == 0
    store.close()
    store = opened(path)
    play(store, readings, parts[1:], 1)
    assert store.alarms().num_rows > 0
    store.close()
    with duckdb.connect(str(path)) as con:
        assert con.execute("SELECT kind FROM state_pages ORDER BY kind").fetchall() == [("detection",), ("quality",)]
