"""A recorded feed plays in the order in which it happened, the same each time, and goes on where it stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.adapters.bulk.test_bulk_decode import HEAD, feed

from rencheng.adapters.bulk import RecordedFeed
from rencheng.kernel import InvalidInput

BODY = HEAD + b"".join(
    [
        b"A,2024-04-15 09:00:00,250,0\n",
        b"A,2024-04-15 09:15:00,251,0\n",
        b"A,2024-04-15 12:00:00,252,\n",
        b"B,2024-04-15 08:59:59,10,\n",
        b"B,bad,10,\n",
        b"B,2024-04-15 09:00:01,11,\n",
    ]
)


def recorded(**options: float) -> RecordedFeed:
    return RecordedFeed(feed(), BODY, **options)


def test_slices_end_at_whole_steps_and_hold_what_happened_up_to_then() -> None:
    batches = list(recorded().batches())
    assert [b.position for b in batches] == [
        "2024-04-15T12:00:00Z",
        "2024-04-15T13:00:00Z",
        "2024-04-15T14:00:00Z",
        "2024-04-15T15:00:00Z",
    ]
    stages = [[round(r["value"], 4) for r in b.batch.good.to_pylist() if r["quantity"] == "stage_m"] for b in batches]
    assert stages == [[0.1, 2.5], [0.11, 2.51], [], [2.52]]
    assert batches[0].now == datetime(2024, 4, 15, 12, tzinfo=UTC)


def test_rows_are_counted_once_and_refused_rows_come_first() -> None:
    batches = list(recorded().batches())
    assert [b.batch.rows for b in batches] == [3, 2, 0, 1]
    assert [b.batch.refused.num_rows for b in batches] == [1, 0, 0, 0]
    assert recorded().rows == 6
    assert recorded().readings == 7


def test_a_delay_moves_the_arrival_and_not_the_position() -> None:
    on_time, late = (next(iter(recorded(delay_s=delay).batches())) for delay in (0.0, 600.0))
    assert late.position == on_time.position
    assert late.now - on_time.now == timedelta(minutes=10)


def test_playing_goes_on_behind_a_position_and_stops_at_an_instant() -> None:
    noon = datetime(2024, 4, 15, 14, tzinfo=UTC)
    positions = [b.position for b in recorded().batches(after="2024-04-15T12:00:00Z", until=noon)]
    assert positions == ["2024-04-15T13:00:00Z", "2024-04-15T14:00:00Z"]


def test_the_span_is_that_of_the_stamps() -> None:
    assert recorded().span == (
        datetime(2024, 4, 15, 11, 59, 59, tzinfo=UTC),
        datetime(2024, 4, 15, 15, tzinfo=UTC),
    )
    empty = RecordedFeed(feed(), HEAD)
    assert (empty.span, list(empty.batches())) == (None, [])


def test_a_step_must_be_positive() -> None:
    with pytest.raises(InvalidInput, match="a replay needs a positive step"):
        recorded(step_s=0)
