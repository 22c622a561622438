"""Laws of the ledger: redelivery and batching leave no trace; a fold may be broken off and resumed anywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.adapters.memory import MemoryLedger
from rencheng.adapters.sqlite import SqliteLedger
from rencheng.kernel import Draft
from rencheng.ledger import Entry, Ledger, fold, verify
from rencheng.ledger.merkle import consistency_proof, verify_consistency
from rencheng.sense.facts import FeedFailed

NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
NUMBERS = st.lists(st.integers(0, 15), max_size=30)


def said(number: int) -> Draft:
    return Draft(
        stream=f"feed/f{number % 3}",
        body=FeedFailed(feed_id=f"f{number % 3}", reason=str(number)),
        occurred_at=NOW + timedelta(seconds=number),
        actor="rule:feeds",
    )


def append_in_batches(ledger: Ledger, numbers: list[int], size: int) -> None:
    for at in range(0, len(numbers), size):
        ledger.append([said(n) for n in numbers[at : at + size]], now=NOW)


def longest(state: tuple[int, str], entry: Entry) -> tuple[int, str]:
    return entry.seq, state[1] + entry.body.reason


@settings(deadline=None, max_examples=30)
@given(numbers=NUMBERS, size=st.integers(1, 7), other=st.integers(1, 7))
def test_batching_and_redelivery_leave_no_trace(numbers: list[int], size: int, other: int) -> None:
    once = list(dict.fromkeys(numbers))
    with TemporaryDirectory() as folder, SqliteLedger(Path(folder) / "l.sqlite") as disk, MemoryLedger() as memory:
        append_in_batches(disk, numbers, size)
        append_in_batches(memory, once, other)
        append_in_batches(memory, once, size)
        assert [int(e.body.reason) for e in disk.since()] == once
        assert verify(disk) == verify(memory)


@settings(deadline=None)
@given(numbers=NUMBERS, stop=st.integers(0, 30))
def test_a_fold_may_be_resumed_anywhere(numbers: list[int], stop: int) -> None:
    ledger = MemoryLedger()
    append_in_batches(ledger, numbers, 4)
    halfway = fold(ledger.since(limit=stop), longest, (0, ""))
    assert fold(ledger.since(halfway[0]), longest, halfway) == fold(ledger.since(), longest, (0, ""))


@settings(deadline=None)
@given(first=st.lists(st.integers(0, 15), min_size=1), more=NUMBERS)
def test_a_ledger_only_ever_adds(first: list[int], more: list[int]) -> None:
    ledger = MemoryLedger()
    append_in_batches(ledger, first, 3)
    earlier = verify(ledger).head
    append_in_batches(ledger, more, 3)
    leaves = [entry.leaf for entry in ledger.since()]
    assert verify_consistency(earlier, verify(ledger).head, consistency_proof(leaves, earlier.size))
