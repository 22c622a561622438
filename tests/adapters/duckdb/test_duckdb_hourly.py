"""Hours and last readings of many sensors: the same from runs, from what is not sorted yet, and from both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rencheng.adapters.duckdb import DuckDbReadings, hourly
from rencheng.kernel import InvalidInput
from rencheng.sense import Decoded, SummedReadings, decoded_from_arrays

T0 = datetime(2026, 6, 1, tzinfo=UTC)
FOREVER = {"start": T0 - timedelta(days=1), "end": T0 + timedelta(days=1)}


def readings(sensor: str, minutes: list[float], values: list[float]) -> Decoded:
    at = np.datetime64(T0.replace(tzinfo=None), "us") + (np.array(minutes) * 6e7).astype("timedelta64[us]")
    return decoded_from_arrays([sensor] * len(values), "stage_m", at, np.array(values))


def rows(store: SummedReadings, **what: Any) -> list[tuple[Any, ...]]:
    table = store.hourly("stage_m", **(FOREVER | what))
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = DuckDbReadings(tmp_path / "readings.duckdb")
    yield opened
    opened.close()


HOUR = timedelta(hours=1)
EXPECTED = [
    ("a", T0, 3, 1.0, 2.0, 3.0),
    ("a", T0 + HOUR, 1, 2.0, 2.0, 2.0),
    ("b", T0 - HOUR, 1, 5.0, 5.0, 5.0),
    ("b", T0 + HOUR, 1, 4.0, 4.0, 4.0),
]


@pytest.mark.parametrize("sort_after", [(), (0,), (0, 1, 2), (2,)])
def test_hours_are_the_same_wherever_the_readings_lie(store: DuckDbReadings, sort_after: tuple[int, ...]) -> None:
    deliveries = [
        readings("b", [-30.0, 60.0], [5.0, 4.0]),
        readings("a", [0.0, 20.0, 59.9], [1.0, 3.0, 2.0]),
        readings("a", [20.0, 61.0], [99.0, 2.0]),  # a second value for a stamp does not count
    ]
    for n, batch in enumerate(deliveries):
        store.take("f", f"{n}", batch, now=T0 + timedelta(hours=3))
        if n in sort_after:
            store.compact()
    assert rows(store) == EXPECTED
    assert rows(store, sensors=["b"]) == EXPECTED[2:]
    assert rows(store, sensors=["nobody"]) == []
    assert rows(store, start=T0 + timedelta(minutes=59), end=T0 + timedelta(minutes=60)) == EXPECTED[:1]
    assert rows(store, together=True) == [
        ("", T0 - HOUR, 1, 5.0, 5.0, 5.0),
        ("", T0, 3, 1.0, 2.0, 3.0),
        ("", T0 + HOUR, 2, 2.0, 3.0, 4.0),
    ]


def test_an_answer_that_no_memory_holds_is_refused_with_the_mend(
    store: DuckDbReadings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hourly, "MOST_HOURS", 40)
    store.take("f", "1", readings("a", [0.0], [1.0]), now=T0 + HOUR)
    with pytest.raises(InvalidInput, match=r"1 series of 48 hours are more than 40.*shorter span"):
        rows(store)


def test_the_last_readings_are_those_of_the_last_commit_not_of_a_batch_that_failed(store: DuckDbReadings) -> None:
    store.take("f", "1", readings("a", [0.0, 5.0], [1.0, 1.5]), now=T0 + HOUR)
    known = store.last_of(np.array([0]))
    assert (known["last_at"][0], known["value"][0]) == (int(T0.timestamp() * 1e6) + 300_000_000, 1.5)
    store._con.execute("ALTER TABLE batches RENAME TO hidden")
    with pytest.raises(Exception, match="refused a batch"):
        store.take("f", "2", readings("c", [6.0], [9.0]), now=T0 + HOUR)
    assert store.channels() == [("a", "stage_m")]
    store._con.execute("ALTER TABLE hidden RENAME TO batches")
    store.take("f", "2", readings("b", [7.0], [8.0]), now=T0 + HOUR)
    assert store.channels(1) == [("b", "stage_m")]
    assert store.last_of(np.array([1, 0]))["value"].tolist() == [8.0, 1.5]
