"""What a disk, a kill or a power cut does to the SQLite ledger, and what the duty officer is told."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.contracts.ledger_contract import failed, follow

from rencheng.adapters.sqlite import SqliteLedger
from rencheng.kernel import StorageFailed
from rencheng.ledger import Entry, verify

NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
PROGRAM = Path(__file__).with_name("ledger_processes.py")


def start(task: str, path: Path, *numbers: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), task, str(path), *map(str, numbers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def lines_of(program: subprocess.Popen[str]) -> list[str]:
    out, err = program.communicate(timeout=120)
    assert program.returncode == 0, err
    return out.splitlines()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "ledger.sqlite"


def test_several_processes_write_and_a_follower_misses_nothing(path: Path) -> None:
    """All start at once on a ledger that does not exist yet: they must also agree on who makes it."""
    writers, batches = 3, 40
    programs = [start("write", path, w, batches) for w in range(writers)]
    with SqliteLedger(path) as ledger:
        seen = follow(ledger, writers * batches * 5)
        for program in programs:
            lines_of(program)
        assert [e.seq for e in seen] == list(range(1, writers * batches * 5 + 1))
        assert list(ledger.since()) == seen
        for w in range(writers):
            numbers = [tuple(map(int, e.body.reason.split("."))) for e in seen if e.stream == f"feed/{w}"]
            assert numbers == [(n, part) for n in range(batches) for part in range(5)]
        assert verify(ledger).sound


def test_a_hundred_kills_lose_and_double_nothing(path: Path) -> None:
    acknowledged = [int(line) for line in lines_of(start("crash", path, 100, 7))]
    with SqliteLedger(path) as ledger:
        count = Counter(int(e.body.reason.split(".")[0]) for e in ledger.since())
        assert verify(ledger).sound
    assert len(acknowledged) >= 100
    assert acknowledged == list(range(len(acknowledged)))
    assert set(count.values()) == {5}, "a batch was torn, or recorded twice"
    assert set(acknowledged) <= set(count), "an acknowledged fact is gone"
    assert len(count) - len(acknowledged) <= 1, "only the last batch can be recorded and not acknowledged"


def test_a_full_disk_is_said_and_the_ledger_stays_whole(path: Path) -> None:
    counts, head, *said = lines_of(start("fill", path, 1_000_000))
    acknowledged, readable = map(int, counts.split())
    assert acknowledged == readable > 100
    assert int(head) == acknowledged + 5, "the same handle goes on once there is room"
    assert str(path) in said[0]
    assert "nothing of this call was recorded" in said[0]
    with SqliteLedger(path) as ledger:
        assert ledger.head == acknowledged + 5
        assert verify(ledger).sound


def test_a_ledger_at_its_page_limit_says_the_disk_is_full(path: Path) -> None:
    with SqliteLedger(path) as ledger:
        ledger.append([failed(1)], now=NOW)
        assert ledger._writer is not None
        ledger._writer.execute("PRAGMA max_page_count = 12")
        with pytest.raises(StorageFailed, match=r"ledger\.sqlite: the disk is full .*Free space"):
            ledger.append([failed(n, stream="s" * 900) for n in range(2, 200)], now=NOW)
        assert [e.seq for e in ledger.since()] == [1]
        assert verify(ledger).sound


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike the one pytest gives."""
    folder = Path(tempfile.mkdtemp(prefix="rencheng-"))
    (folder / "run").mkdir()
    folder.chmod(0o755)
    yield folder
    (folder / "run").chmod(0o755)
    shutil.rmtree(folder)


def test_who_may_only_read_is_told_and_can_read(open_folder: Path) -> None:
    path = open_folder / "run" / "ledger.sqlite"
    with SqliteLedger(path) as ledger:
        ledger.append([failed(1)], now=NOW)
    message, count = lines_of(start("denied", path))
    assert "ledger.sqlite" in message
    assert "permissions" in message
    assert count == "1"


def test_read_only_reads_and_refuses_to_append(path: Path) -> None:
    with SqliteLedger(path) as ledger, SqliteLedger(path, read_only=True) as reader:
        ledger.append([failed(1)], now=NOW)
        assert reader.head == 1
        with pytest.raises(StorageFailed, match=r"opened read-only\. Open it for writing"):
            reader.append([failed(2)], now=NOW)


def test_reading_what_is_not_there_makes_nothing(path: Path) -> None:
    with pytest.raises(StorageFailed, match="there is no ledger"):
        SqliteLedger(path, read_only=True)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"no database at all, but long enough to have a header" * 100, b""])
def test_another_file_is_not_taken_for_a_ledger(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StorageFailed, match="not a ledger"):
        SqliteLedger(path)
    assert path.read_bytes() == content


def test_another_database_is_not_taken_for_a_ledger(path: Path) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE entries (x)")
    other.close()
    with pytest.raises(StorageFailed, match="not a ledger"):
        SqliteLedger(path)


def test_a_folder_that_cannot_be_made(path: Path) -> None:
    path.parent.write_text("a file stands where the folder should be")
    with pytest.raises(StorageFailed, match=r"ledger\.sqlite"):
        SqliteLedger(path)


def test_torn_pages_are_said_not_guessed_around(path: Path) -> None:
    with SqliteLedger(path) as ledger:
        ledger.append([failed(n) for n in range(2000)], now=NOW)
    with path.open("r+b") as file:
        file.seek(4096 * 8)
        file.write(b"\xff" * 4096 * 20)
    with SqliteLedger(path, read_only=True) as ledger:
        verdict = verify(ledger)
        assert not verdict.sound
        with pytest.raises(StorageFailed, match=r"damaged|read"):
            _read_all(ledger)


def _read_all(ledger: SqliteLedger) -> list[Entry]:
    return [e for n in range(100) for e in ledger.stream(f"feed/f{n}")] + list(ledger.since())


def test_entries_cannot_be_changed_or_removed_by_hand(path: Path) -> None:
    with SqliteLedger(path) as ledger:
        ledger.append([failed(1)], now=NOW)
        assert ledger._writer is not None
        for statement in ("UPDATE entries SET actor = 'me'", "DELETE FROM entries"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                ledger._writer.execute(statement)
