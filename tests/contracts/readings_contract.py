"""What every readings store promises. A new store joins by one subclass that says how to open it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rencheng.kernel import InvalidInput
from rencheng.sense import Channel, Decoded, QualityFlag, ReadingStore, TimingLimits, decoded_from_arrays
from rencheng.sense.batch import REFUSED_SCHEMA

T0 = datetime(2024, 4, 15, tzinfo=UTC)
CITY = [
    Channel(sensor_id="A", quantity="stage_m"),
    Channel(sensor_id="A", quantity="rain_mm"),
    Channel(sensor_id="B", quantity="stage_m", interval_s=900.0),
    Channel(sensor_id="C"),
]
Open = Callable[[], ReadingStore]


def hourly(
    sensor: str,
    values: list[float],
    *,
    first_h: float = 1.0,
    quantity: str = "stage_m",
    limits: TimingLimits | None = None,
) -> Decoded:
    """One value an hour from ``T0 + first_h``."""
    at = np.datetime64(T0.replace(tzinfo=None), "us") + ((first_h + np.arange(len(values))) * 3.6e9).astype(
        "timedelta64[us]"
    )
    return decoded_from_arrays([sensor] * len(values), quantity, at, np.array(values, dtype=float), limits=limits)


def at_h(hours: float) -> datetime:
    """So many hours after ``T0``."""
    return T0 + timedelta(hours=hours)


def contents(store: ReadingStore) -> list[Any]:
    """All that a store tells of itself, for comparing."""
    far = at_h(1e5)
    windows = [
        store.window(name, start=at_h(-1e5), end=far, good_only=False).to_pylist() for name in ("stage_m", "rain_mm")
    ]
    health = [tuple(map(repr, row.values())) for row in store.health().to_pylist()]
    return [windows, store.latest(at=far).to_pylist(), store.count(), health, store.feeds().to_pylist()]


class ReadingStoreContract:
    """Subclass with a fixture ``opened`` that opens the same store again and again (closing the one before)."""

    def test_a_reading_taken_is_read_back(self, opened: Open) -> None:
        store = opened()
        intake = store.take("f", "p1", hourly("A", [1.0, 1.1, 1.3]), now=at_h(4))
        assert (intake.accepted, intake.repeated, intake.refused, intake.flagged) == (3, 0, 0, {})
        assert (intake.first_at, intake.last_at, intake.taken_at) == (at_h(1), at_h(3), at_h(4))
        window = store.window("stage_m", start=at_h(1), end=at_h(3))
        assert window.column_names == ["sensor_id", "at", "value", "flags"]
        assert window.schema.types == [pa.string(), pa.timestamp("us", tz="UTC"), pa.float64(), pa.uint16()]
        assert [(row["sensor_id"], row["at"], row["value"]) for row in window.to_pylist()] == [
            ("A", at_h(2), 1.1),
            ("A", at_h(3), 1.3),
        ]

    def test_tables_come_sorted_by_sensor_then_instant(self, opened: Open) -> None:
        store = opened()
        store.take("f", "1", hourly("B", [2.0, 2.1]), now=at_h(3))
        store.take("f", "2", hourly("A", [1.0, 1.1]), now=at_h(3))
        window = store.window("stage_m", start=T0, end=at_h(9)).to_pylist()
        assert [(row["sensor_id"], row["at"]) for row in window] == [
            ("A", at_h(1)),
            ("A", at_h(2)),
            ("B", at_h(1)),
            ("B", at_h(2)),
        ]
        assert store.window("stage_m", start=T0, end=at_h(9), sensors=["B"])["value"].to_pylist() == [2.0, 2.1]
        assert store.window("stage_m", start=T0, end=at_h(9), sensors=["nobody"]).num_rows == 0
        assert store.window("rain_mm", start=T0, end=at_h(9)).num_rows == 0

    def test_the_same_position_is_answered_with_the_first_acknowledgement(self, opened: Open) -> None:
        store = opened()
        first = store.take("f", "p1", hourly("A", [1.0, 1.1]), now=at_h(3))
        before = contents(store)
        again = store.take("f", "p1", hourly("A", [9.0, 9.1, 9.2]), now=at_h(9))
        assert again.again
        assert not first.again
        assert (again.accepted, again.taken_at, again.first_at) == (first.accepted, first.taken_at, first.first_at)
        assert contents(store) == before

    def test_the_same_rows_under_another_position_are_repeats(self, opened: Open) -> None:
        store = opened()
        store.take("f", "p1", hourly("A", [1.0, 1.1]), now=at_h(3))
        before = contents(store)[:-1]
        again = store.take("g", "p9", hourly("A", [1.0, 1.1]), now=at_h(3))
        assert (again.accepted, again.repeated) == (0, 2)
        assert contents(store)[:-1] == before

    def test_the_first_value_of_a_stamp_stays_and_a_second_is_kept_flagged(self, opened: Open) -> None:
        store = opened()
        store.take("f", "1", hourly("A", [1.0]), now=at_h(2))
        second = store.take("f", "2", hourly("A", [1.4]), now=at_h(2))
        assert (second.accepted, second.repeated, second.flagged) == (1, 0, {"duplicate_stamp": 1})
        assert store.window("stage_m", start=T0, end=at_h(2))["value"].to_pylist() == [1.0]
        everything = store.window("stage_m", start=T0, end=at_h(2), good_only=False)
        assert everything["value"].to_pylist() == [1.0, 1.4]
        assert everything["flags"].to_pylist() == [0, QualityFlag.DUPLICATE_STAMP]
        assert store.latest(at=at_h(2))["value"].to_pylist() == [1.0]
        third = store.take("f", "3", hourly("A", [1.4]), now=at_h(2))
        assert (third.accepted, third.repeated) == (0, 1)

    def test_two_values_for_a_stamp_in_one_batch_are_told_apart_the_same_way(self, opened: Open) -> None:
        store = opened()
        at = np.array([T0.replace(tzinfo=None)] * 3, dtype="datetime64[us]")
        batch = decoded_from_arrays(["A"] * 3, "stage_m", at, np.array([1.0, 1.4, 1.0]))
        intake = store.take("f", "1", batch, now=at_h(1))
        assert (intake.accepted, intake.repeated, intake.flagged) == (2, 1, {"duplicate_stamp": 1})
        assert store.latest(at=at_h(1))["value"].to_pylist() == [1.0]

    def test_a_stamp_ahead_of_the_clock_is_flagged_and_leaves_no_trace_in_the_latest(self, opened: Open) -> None:
        store = opened()
        store.take("f", "1", hourly("A", [1.0]), now=at_h(1))
        limits = TimingLimits(clock_ahead_s=300, future_limit_s=86400)
        skewed = store.take("f", "2", hourly("A", [1.1], first_h=5, limits=limits), now=at_h(2))
        assert skewed.flagged == {"future": 1}
        assert store.latest(at=at_h(2))["value"].to_pylist() == [1.0]
        assert store.health()["last_at"].to_pylist() == [at_h(1)]
        store.take("f", "3", hourly("A", [1.2], first_h=3, limits=limits), now=at_h(3))
        assert store.latest(at=at_h(4))["value"].to_pylist() == [1.2]
        assert store.latest(at=at_h(6))["flags"].to_pylist() == [QualityFlag.FUTURE]

    def test_a_stamp_far_ahead_is_kept_aside(self, opened: Open) -> None:
        store = opened()
        intake = store.take("f", "1", hourly("A", [1.0], first_h=50), now=at_h(1))
        assert (intake.accepted, intake.refused, intake.reasons) == (0, 1, {"future_time": 1})
        (row,) = store.refused("f").to_pylist()
        assert row["raw"] == "A,stage_m,2024-04-17T02:00:00.000000Z,1"
        assert row["detail"] == "ahead of its arrival by more than the feed allows"

    def test_a_late_reading_is_flagged_yet_good(self, opened: Open) -> None:
        store = opened()
        late = store.take("f", "1", hourly("A", [1.0]), now=at_h(30))
        assert late.flagged == {"late": 1}
        assert store.window("stage_m", start=T0, end=at_h(2)).num_rows == 1

    def test_readings_of_unknown_sensors_are_kept_aside_and_the_rest_is_taken(self, opened: Open) -> None:
        store = opened()
        at = np.array([T0.replace(tzinfo=None)] * 3, dtype="datetime64[us]")
        batch = decoded_from_arrays(["A", "nobody", "C"], "stage_m", at, np.array([1.0, 2.0, 3.0]))
        for position in ("1", "2"):
            store.take("f", position, batch, now=at_h(1))
        assert store.count() == 2
        (row,) = store.refused("f").to_pylist()
        assert (row["reason"], row["row"], row["position"]) == ("unknown_sensor", 2, "1")
        assert row["detail"] == "not in the city's table of sensors"
        assert row["taken_at"] == at_h(1)
        assert store.feeds()["refused"].to_pylist() == [2]

    def test_rows_refused_at_decoding_are_kept_aside_once(self, opened: Open) -> None:
        store = opened()
        aside = pa.table([[7], ["x,y"], ["bad_time"], ["column t"]], schema=REFUSED_SCHEMA)
        batch = Decoded(good=hourly("A", [1.0]).good, refused=aside, rows=2)
        counts = [store.take("f", position, batch, now=at_h(2)).refused for position in ("1", "2")]
        assert counts == [1, 1]
        assert [row["raw"] for row in store.refused("f").to_pylist()] == ["x,y"]

    def test_position_is_that_of_the_last_batch_taken(self, opened: Open) -> None:
        store = opened()
        assert store.position("f") is None
        for position in ("b", "a"):
            store.take("f", position, hourly("A", [1.0]), now=at_h(2))
        assert (store.position("f"), store.position("g")) == ("a", None)

    def test_a_new_handle_goes_on_where_the_old_one_stopped(self, opened: Open) -> None:
        whole = [2.0 + 0.01 * (n % 7) for n in range(40)] + [30.0, 30.01, 30.02, 30.03]
        store = opened()
        for cut in range(0, len(whole), 5):
            store.take("f", str(cut), hourly("A", whole[cut : cut + 5], first_h=1 + cut), now=at_h(1 + cut + 5))
            store = opened()
        assert store.window("stage_m", start=T0, end=at_h(99), good_only=False)["flags"].to_pylist()[-5:] == [
            0,
            QualityFlag.IMPOSSIBLE_RATE,
            QualityFlag.IMPOSSIBLE_RATE,
            QualityFlag.DATUM_JUMP,
            QualityFlag.DATUM_JUMP,
        ]
        (health,) = store.health().to_pylist()
        assert (health["readings"], health["interval_s"], health["good_value"]) == (44, 3600.0, whole[39])
        assert (health["datum_jump"], health["impossible_rate"]) == (2, 0)

    def test_latest_looks_back_to_any_instant(self, opened: Open) -> None:
        store = opened()
        store.take("f", "1", hourly("A", [1.0, 1.1, 1.2]), now=at_h(4))
        store.take("f", "2", hourly("A", [0.0, 0.2], quantity="rain_mm"), now=at_h(4))
        rows = store.latest(at=at_h(2)).to_pylist()
        assert [(row["quantity"], row["at"], row["value"]) for row in rows] == [
            ("rain_mm", at_h(2), 0.2),
            ("stage_m", at_h(2), 1.1),
        ]
        assert store.latest(at=at_h(9), quantity="stage_m")["value"].to_pylist() == [1.2]
        assert store.latest(at=at_h(0.5)).num_rows == 0

    def test_a_configured_interval_goes_before_the_learnt_one(self, opened: Open) -> None:
        store = opened()
        store.take("f", "1", hourly("B", [1.0] * 5), now=at_h(6))
        assert store.health()["interval_s"].to_pylist() == [900.0]

    def test_an_empty_batch_moves_the_position_only(self, opened: Open) -> None:
        store = opened()
        intake = store.take("f", "1", hourly("A", []), now=at_h(1))
        assert (intake.accepted, intake.first_at, store.position("f"), store.count()) == (0, None, "1", 0)
        assert store.latest(at=at_h(1)).num_rows == store.health().num_rows == 0

    def test_a_naive_arrival_is_refused(self, opened: Open) -> None:
        store = opened()
        with pytest.raises(InvalidInput, match="now 2024-04-15T00:00:00 has no time zone"):
            store.take("f", "1", hourly("A", [1.0]), now=T0.replace(tzinfo=None))
        assert store.count() == 0

    def test_many_parts_are_taken_in_one_go_each_with_its_own_acknowledgement(self, opened: Open) -> None:
        store = opened()
        first = store.take("f", "1", hourly("A", [1.0]), now=at_h(1))
        parts = [
            ("g", "7", hourly("B", [2.0, 2.1])),
            ("f", "1", hourly("A", [9.0])),
            ("f", "2", hourly("A", [1.0, 1.2])),
            ("g", "7", hourly("B", [5.0])),
            ("h", "x", hourly("nobody", [1.0])),
            ("h", "y", hourly("A", [])),
            ("f", "3", hourly("A", [3.0], limits=TimingLimits(allowance_late_s=60.0))),
        ]
        intakes = store.take_many(parts, now=at_h(4))
        assert [(i.feed_id, i.position) for i in intakes] == [(feed, at) for feed, at, _ in parts]
        assert [i.again for i in intakes] == [False, True, False, True, False, False, False]
        assert [(i.accepted, i.repeated, i.refused) for i in intakes] == [
            (2, 0, 0),
            (1, 0, 0),
            (1, 1, 0),
            (2, 0, 0),
            (0, 0, 1),
            (0, 0, 0),
            (1, 0, 0),
        ]
        assert intakes[1].taken_at == first.taken_at
        assert intakes[6].flagged == {"duplicate_stamp": 1, "late": 1}
        assert [i.reasons for i in intakes[4:6]] == [{"unknown_sensor": 1}, {}]
        assert (intakes[2].first_at, intakes[2].last_at, intakes[4].first_at) == (at_h(2), at_h(2), None)
        assert (store.position("f"), store.position("g"), store.count()) == ("3", "7", 5)
        assert [(row["row"], row["position"]) for row in store.refused("h").to_pylist()] == [(1, "x")]
        assert store.take_many([], now=at_h(4)) == []
        again = store.take_many(parts, now=at_h(5))
        assert all(i.again for i in again)
        assert store.count() == 5
