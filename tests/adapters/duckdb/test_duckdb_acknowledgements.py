"""Old acknowledgements: what they come to is kept, what they say is not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.contracts.readings_contract import T0, hourly

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.duckdb.acknowledgement import fold_old
from rencheng.kernel import micros


def filled(path: Path, batches: int = 12) -> DuckDbReadings:
    """A day for each of some batches of two feeds."""
    store = DuckDbReadings(path)
    for day in range(batches):
        for feed in ("f", "g"):
            at = hourly(f"{feed}1", [2.0 + day / 100], first_h=24.0 * day + 1)
            store.take(feed, f"p{day}", at, now=T0 + timedelta(days=day, hours=2))
    return store


def fold(store: DuckDbReadings, days: float, batches: int) -> int:
    con = store._con
    con.begin()
    found = fold_old(con, micros(T0 + timedelta(days=12)), days=days, batches=batches)
    con.commit()
    return found


def test_totals_stay_and_only_what_is_old_and_not_among_the_last_goes(tmp_path: Path) -> None:
    """Without it a run that commits ten times a second grows by a row at each commit for ever."""
    store = filled(tmp_path / "r.duckdb")
    totals = store.feeds()
    assert fold(store, days=4.0, batches=10) == 4
    assert store.feeds().equals(totals)
    assert fold(store, days=4.0, batches=2) == 2 * (8 - 2)
    assert fold(store, days=4.0, batches=2) == 0
    assert store.feeds().equals(totals)
    assert store.position("f") == "p11"
    store.close()
    again = DuckDbReadings(tmp_path / "r.duckdb")
    assert again.feeds().equals(totals)
    again.close()


def test_a_batch_from_before_is_taken_as_repeated_readings(tmp_path: Path) -> None:
    """A gateway that finds an old memory card must not double what was on it."""
    store = filled(tmp_path / "r.duckdb")
    count = store.count()
    fold(store, days=4.0, batches=2)
    late = store.take("f", "p0", hourly("f1", [2.0]), now=T0 + timedelta(days=13))
    assert (late.again, late.accepted, late.repeated) == (False, 0, 1)
    recent = store.take("f", "p11", hourly("f1", [7.0]), now=T0 + timedelta(days=13))
    assert (recent.again, recent.accepted) == (True, 1)
    assert store.count() == count
    store.close()


def test_what_came_after_a_position_is_told_in_order(tmp_path: Path) -> None:
    """After a kill the ledger makes up for the deliveries it did not tell of."""
    store = filled(tmp_path / "r.duckdb", 4)
    assert [i.position for i in store.acknowledged("f", after="p1")] == ["p2", "p3"]
    assert [i.position for i in store.acknowledged("g", after="")] == ["p0", "p1", "p2", "p3"]
    assert store.acknowledged("nobody", after="") == []
    store.close()
