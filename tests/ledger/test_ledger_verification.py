"""Whoever changes one bit of what was recorded is found out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.contracts.ledger_contract import failed

from rencheng.adapters.memory import MemoryLedger
from rencheng.adapters.sqlite import SqliteLedger
from rencheng.kernel import FactId
from rencheng.ledger import StoredEntry, TreeHead, verify

NOW = datetime(2026, 6, 1, 8, 0, 0, 123456, tzinfo=UTC)
ROWS = 6
WHOLE_NUMBERS = {"seq", "version", "schema", "occurred_us", "recorded_us"}


def fill(ledger: SqliteLedger | MemoryLedger) -> None:
    cause: tuple[FactId, ...] = ()
    for n in range(ROWS):
        entry = ledger.append([failed(n, stream=f"feed/f{n % 2}", cause=cause)], now=NOW)[0]
        cause = (*cause, entry.id)


@pytest.fixture(scope="module")
def damageable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, sqlite3.Connection]]:
    """A sound ledger whose guards (triggers, strict types) are taken off, as whoever wants to forge would."""
    path = tmp_path_factory.mktemp("verify") / "ledger.sqlite"
    with SqliteLedger(path) as ledger:
        fill(ledger)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("DROP TRIGGER entries_stay; DROP TRIGGER entries_remain;")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    yield path, connection
    connection.close()


@settings(max_examples=400, deadline=None)
@given(seq=st.integers(1, ROWS), column=st.sampled_from(StoredEntry._fields), where=st.integers(0, 10**6))
def test_any_flipped_bit_of_any_stored_column_is_found(
    damageable: tuple[Path, sqlite3.Connection], seq: int, column: str, where: int
) -> None:
    path, connection = damageable
    stored = connection.execute(f"SELECT CAST({column} AS BLOB) FROM entries WHERE seq = ?", (seq,)).fetchone()[0]
    if column in WHOLE_NUMBERS:
        value: object = int(stored) ^ (1 << where % 63)
        placed = "?"
    else:
        assume(stored)
        at = where % (8 * len(stored))
        value = stored[: at // 8] + bytes([stored[at // 8] ^ (1 << at % 8)]) + stored[at // 8 + 1 :]
        placed = "?" if column == "leaf" else "CAST(? AS TEXT)"
    connection.execute("BEGIN")
    try:
        connection.execute(f"UPDATE entries SET {column} = {placed} WHERE seq = ?", (value, seq))
    except sqlite3.IntegrityError:  # a neighbour's position or version: the store itself refuses the forgery
        connection.execute("ROLLBACK")
        return
    connection.execute("COMMIT")
    with SqliteLedger(path, read_only=True) as ledger:
        verdict = verify(ledger)
    back = stored if column == "leaf" else int(stored) if column in WHOLE_NUMBERS else stored.decode()
    place = value if column == "seq" else seq
    connection.execute(f"UPDATE entries SET {column} = ? WHERE seq = ?", (back, place))
    assert not verdict.sound, f"{column} of entry {seq}: {stored!r} became {value!r} and nobody noticed"


def test_a_sound_ledger_is_sound_in_every_store(tmp_path: Path) -> None:
    with SqliteLedger(tmp_path / "ledger.sqlite") as disk, MemoryLedger() as memory:
        fill(disk)
        fill(memory)
        verdict = verify(disk)
        assert verdict.sound
        assert verdict.entries == ROWS
        assert verdict == verify(memory), "the same history has the same tree head wherever it is kept"


def altered(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(f"DROP TRIGGER entries_stay; DROP TRIGGER entries_remain; {statement};")
    connection.close()


@pytest.mark.parametrize(
    ("statement", "seq", "what"),
    [
        ("DELETE FROM entries WHERE seq = 3", 4, "stands at position 4 where 3 should follow"),
        ("UPDATE entries SET version = 9 WHERE seq = 6", 6, "is version 9 of feed/f1 where 3 should follow"),
        ("UPDATE entries SET actor = 'role:mayor' WHERE seq = 2", 2, "does not match its leaf hash"),
        ("UPDATE entries SET id = 'x' WHERE seq = 2", 2, "does not match its id"),
        ("UPDATE entries SET cause = ' ' || cause WHERE seq = 2", 2, "causes are not written"),
        ("UPDATE entries SET occurred_us = 9000000000000000000 WHERE seq = 1", 1, "no ledger writes"),
    ],
)
def test_the_defect_is_named_with_its_place(tmp_path: Path, statement: str, seq: int, what: str) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path) as ledger:
        fill(ledger)
    altered(path, statement)
    with SqliteLedger(path, read_only=True) as ledger:
        assert [d for d in verify(ledger).defects if d.seq == seq and what in d.what]


def test_an_index_that_disagrees_with_the_table_is_a_defect(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path) as ledger:
        fill(ledger)
    altered(
        path,
        "PRAGMA writable_schema = ON; "
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX entries_by_kind ON entries (actor)' "
        "WHERE name = 'entries_by_kind'",
    )
    with SqliteLedger(path, read_only=True) as ledger:
        assert any(d.what.startswith("store:") for d in verify(ledger).defects)


def test_only_a_kept_tree_head_shows_what_was_cut_off_or_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path) as ledger:
        fill(ledger)
        kept = verify(ledger).head
        ledger.append([failed(99)], now=NOW)
        assert verify(ledger, known=[kept]).sound
        assert not verify(ledger, known=[TreeHead(size=kept.size, root=bytes(32))]).sound
    altered(path, "DELETE FROM entries WHERE seq > 4")
    with SqliteLedger(path, read_only=True) as ledger:
        assert verify(ledger).sound
        verdict = verify(ledger, known=[kept])
    assert [d.what for d in verdict.defects] == ["entries 5 to 6 of a kept head are gone"]
