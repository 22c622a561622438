"""Deliveries of live feeds are told in one fact for ten seconds: what people must know at once they still do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from rencheng.app.batch_cadence import BatchCadence
from rencheng.app.compose import compose
from rencheng.app.settings import Settings
from rencheng.city import read_city
from rencheng.sense import Intake, channels_of_city, decoded_from_arrays

NOW = datetime(2026, 7, 20, 6, tzinfo=UTC)


def intake(number: int, *, feed: str = "f", refused: int = 0, accepted: int = 5) -> Intake:
    return Intake(
        feed_id=feed,
        position=f"p{number}",
        rows=accepted + refused,
        accepted=accepted,
        repeated=0,
        refused=refused,
        flagged={},
        reasons={"bad_row": refused} if refused else {},
        first_at=NOW,
        last_at=NOW,
        taken_at=at(number),
    )


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_steady_feed_is_told_once_in_ten_seconds_and_nothing_is_lost() -> None:
    """At ten turns a second a ledger would grow by a million facts a day that say nothing new."""
    cadence = BatchCadence(10.0)
    told = [one for second in range(60) for one in cadence.hear([intake(second)], at(second))]
    assert [one.position for one in told] == ["p0", "p10", "p20", "p30", "p40", "p50"]
    assert sum(one.accepted for one in told + cadence.rest(at(60))) == 60 * 5
    assert cadence.rest(at(61)) == []


def test_what_is_news_is_told_at_once() -> None:
    """The first batch after a failure, and the first rows that are refused, must not wait."""
    cadence = BatchCadence(10.0)
    cadence.hear([intake(0)], at(0))
    assert cadence.hear([intake(1)], at(1)) == []
    (refused,) = cadence.hear([intake(2, refused=3)], at(2))
    assert (refused.accepted, refused.refused, refused.position) == (10, 3, "p2")
    assert cadence.hear([intake(3, refused=3)], at(3)) == []
    assert [one.position for one in cadence.hear([intake(4)], at(4), failed={"f"})] == ["p4"]
    assert [one.feed_id for one in cadence.hear([intake(5), intake(5, feed="g")], at(5))] == ["g"]
    assert [one.position for one in cadence.hear([], at(14))] == ["p5"]


def test_what_a_kill_left_untold_is_made_up_for_in_one_fact(sandbox_city: Path, tmp_path: Path) -> None:
    """The store has all acknowledgements; the ledger's totals must be the store's after the restart."""
    city = read_city(sandbox_city)
    sensor = next(c for c in channels_of_city(city) if c.quantity == "stage_m").sensor_id
    run = compose(city, tmp_path / "run", mode="live", source="", seed=0, feed_id="", settings=Settings(flood="off"))
    run.begin(NOW)
    for number in range(5):
        stamp = np.array([at(number).replace(tzinfo=None)], dtype="datetime64[us]")
        batch = decoded_from_arrays([sensor], "stage_m", stamp, np.array([2.0 + number / 100]))
        taken = run.readings.take("f", f"p{number}", batch, now=at(number))
        if number == 1:
            run.loop.turn(at(number), intakes=[taken])
    run.close()
    run = compose(city, tmp_path / "run", mode="live", source="", seed=0, feed_id="", settings=Settings(flood="off"))
    for _ in range(2):
        run.take_up(at(100))
        told = [e.body for e in run.ledger.since(0) if e.kind == "BatchTaken"]
        assert [(body.position, body.accepted) for body in told] == [("p1", 1), ("p4", 3)]
    run.close()
