"""How readings lie on the disk: what came last in a table as it came, what came before in sorted runs.

Readings are appended to the table ``readings``. Once it has grown to a segment it is renamed, which takes a moment,
and an empty one stands in its place; the segment is then written as a sorted run beside the database, and dropped from
it piece by piece. Each step is one transaction, so that whoever asks sees every reading once.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.duckdb.database import Database
from rencheng.adapters.duckdb.runs import RunFile, hours_file, run_file
from rencheng.kernel import StorageFailed

__all__ = ["Layout", "Run", "Segment", "Snapshot"]

_COLUMNS = "channel, stamp, value, flags"
_HOT = (
    "CREATE TABLE readings (channel INTEGER NOT NULL, stamp TIMESTAMP NOT NULL, value DOUBLE NOT NULL,"
    " flags USMALLINT NOT NULL, txn INTEGER NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """Readings in the order of arrival, in a table of the database; those before ``done`` are in runs already."""

    segment: int
    rows: int
    done: int

    @property
    def table(self) -> str:
        """Name of its table."""
        return f"segment_{self.segment}"


@dataclass(frozen=True, slots=True)
class Run:
    """A sorted run: its number, how often its readings were merged, rows, bytes, span of stamps in microseconds."""

    run: int
    level: int
    rows: int
    bytes: int
    first_us: int
    last_us: int


class Snapshot:
    """The readings as of one commit, for as long as a question lasts."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path | None) -> None:
        self._con, self._folder = con, folder
        self.segments = read_segments(con)
        self.runs = read_runs(con)

    def rows(self, first_us: int | None = None, last_us: int | None = None) -> str:
        """Text of a table of ``channel``, ``stamp``, ``value``, ``flags``; runs outside a span of stamps left out."""
        parts = self._unsorted(_COLUMNS)
        if files := self._files(run_file, first_us, last_us):
            parts.append(f"SELECT {_COLUMNS} FROM read_parquet({files})")  # noqa: S608 — names of ours
        return f"({' UNION ALL '.join(parts)})"

    def count(self) -> int:
        """Number of readings."""
        hot = int(self.numpy("SELECT count(*) AS n FROM readings")["n"][0])
        return hot + sum(of.rows - of.done for of in self.segments) + sum(of.rows for of in self.runs)

    def unsorted(self) -> str:
        """Text of a table of what is not in runs yet."""
        return f"({' UNION ALL '.join(self._unsorted(_COLUMNS))})"

    def hours(self, first_us: int, last_us: int) -> str | None:
        """Text of a table of the hours of runs; None where no run reaches into the span."""
        files = self._files(hours_file, first_us, last_us)
        return f"read_parquet({files})" if files else None

    def _unsorted(self, columns: str) -> list[str]:
        parts = [f"SELECT {columns} FROM readings"]  # noqa: S608 — names of ours
        for of in reversed(self.segments):
            rest = f" WHERE rowid >= {of.done}" if of.done else ""
            parts.append(f"SELECT {columns} FROM {of.table}{rest}")  # noqa: S608 — names of ours
        return parts

    def _files(self, name: Any, first_us: int | None, last_us: int | None) -> str:
        wanted = [
            str(name(self._folder, of.run)).replace("'", "''")
            for of in reversed(self.runs)
            if (first_us is None or of.last_us >= first_us) and (last_us is None or of.first_us <= last_us)
        ]
        return "[" + ", ".join(f"'{path}'" for path in wanted) + "]" if wanted else ""

    def numpy(self, sql: str, values: Sequence[Any] = ()) -> dict[str, NDArray[Any]]:
        """Ask; columns as arrays."""
        return cast("dict[str, NDArray[Any]]", self._con.execute(sql, list(values)).fetchnumpy())

    def table(self, sql: str, values: Sequence[Any] = ()) -> pa.Table:
        """Ask; several times as fast as arrays where much comes back."""
        return self._con.sql(sql, params=list(values)).to_arrow_table()


def read_segments(con: duckdb.DuckDBPyConnection) -> list[Segment]:
    """Segments that wait to be sorted, oldest first."""
    return [
        Segment(*row) for row in con.execute("SELECT segment, rows, done FROM segments ORDER BY segment").fetchall()
    ]


def read_runs(con: duckdb.DuckDBPyConnection) -> list[Run]:
    """Runs, oldest first."""
    sql = "SELECT run, level, rows, bytes, epoch_us(first_at), epoch_us(last_at) FROM runs ORDER BY first_at, run"
    return [Run(*row) for row in con.execute(sql).fetchall()]


class Layout:
    """The catalogue of segments and runs.

    Parameters
    ----------
    db : Database
        The store's database; runs lie in a folder of its name with ``.runs``. A store in memory has none.

    Raises
    ------
    StorageFailed
        If a run that the database names is missing, or runs lie there that it knows nothing of.

    Notes
    -----
    Changes are made under the store's lock, one at a time; snapshots are taken from any thread.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self.folder = None if db.path == ":memory:" else Path(f"{db.path}.runs")
        self._guard = threading.Lock()
        self._version = 0
        self._readers: Counter[int] = Counter()
        self._trash: list[tuple[int, list[Path]]] = []
        if self.folder is not None:
            self._look_after(self.folder)

    def _look_after(self, folder: Path) -> None:
        """See that the runs are all there, and throw away what a killed process was writing."""
        known = {path for of in read_runs(self._db.con) for path in _files_of(folder, of.run)}
        missing = sorted(path.name for path in known if not path.is_file())
        if missing:
            raise StorageFailed(
                f"readings store lacks {len(missing)} of its files, the first {missing[0]}",
                where=str(folder),
                mend=f"Restore the folder together with {self._db.path}, from one backup",
            )
        there = set(folder.glob("*.parquet")) | set(folder.glob("*.part"))
        whole = [path for path in there - known if path.suffix == ".parquet" and ".hours" not in path.name]
        if not known and len(whole) > 1:
            raise StorageFailed(
                f"{len(whole)} files of sorted readings lie beside a database that knows none of them",
                where=str(folder),
                mend=f"Restore {Path(self._db.path).name} from the same backup, or move the folder away",
            )
        for path in there - known:
            path.unlink()

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Give a snapshot on a connection of its own, so from any thread."""
        con = self._db.cursor()
        with self._guard:
            version = self._version
            self._readers[version] += 1
        try:
            con.begin()
            yield Snapshot(con, self.folder)
            con.commit()
        except duckdb.Error as error:
            raise self._db.failed("cannot be read", error) from error
        finally:
            con.close()
            with self._guard:
                self._readers[version] -= 1
                self._readers += Counter()  # leaves zeros out
            self.empty_trash()

    def now(self) -> Snapshot:
        """The state on the writer's connection; the caller holds the store's lock as long as it is used."""
        return Snapshot(self._db.con, self.folder)

    def seal(self, rows: int) -> None:
        """Make the table of readings a segment, and put an empty one in its place."""
        con = self._db.con
        con.begin()
        number = 1 + max((of.segment for of in read_segments(con)), default=0)
        con.execute("INSERT INTO segments VALUES (?, ?, 0)", [number, rows])
        con.execute(f"ALTER TABLE readings RENAME TO segment_{number}")
        con.execute(_HOT)
        con.commit()

    def next_run(self) -> int:
        """Number of the next run."""
        with self.reading() as now:
            return 1 + max((of.run for of in now.runs), default=0)

    def sorted_up_to(self, of: Segment, done: int, run: int, made: RunFile) -> None:
        """Put a run in the place of a segment's readings up to ``done``."""
        con = self._db.con
        con.begin()
        _insert(con, run, 1, made)
        if done >= of.rows:
            con.execute("DELETE FROM segments WHERE segment = ?", [of.segment])
            con.execute(f"DROP TABLE {of.table}")
        else:
            con.execute("UPDATE segments SET done = ? WHERE segment = ?", [done, of.segment])
        con.commit()
        self._next_version([])

    def merged(self, sources: Sequence[Run], run: int, made: RunFile) -> None:
        """Put a run in the place of others; their files go when nobody reads them any more."""
        assert self.folder is not None
        con = self._db.con
        con.begin()
        for of in sources:
            con.execute("DELETE FROM runs WHERE run = ?", [of.run])
        _insert(con, run, max(of.level for of in sources) + 1, made)
        con.commit()
        self._next_version([path for of in sources for path in _files_of(self.folder, of.run)])

    def _next_version(self, files: list[Path]) -> None:
        with self._guard:
            self._version += 1
            if files:
                self._trash.append((self._version, files))
        self.empty_trash()

    def empty_trash(self) -> None:
        """Remove files that no snapshot in use can name."""
        with self._guard:
            oldest = min(self._readers, default=self._version)
            gone = [files for version, files in self._trash if version <= oldest]
            self._trash = [entry for entry in self._trash if entry[0] > oldest]
        for files in gone:
            for path in files:
                path.unlink(missing_ok=True)


def _files_of(folder: Path, run: int) -> tuple[Path, Path]:
    return run_file(folder, run), hours_file(folder, run)


def _insert(con: duckdb.DuckDBPyConnection, run: int, level: int, made: RunFile) -> None:
    con.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, make_timestamp(?), make_timestamp(?))",
        [run, level, made.rows, made.bytes, made.first_us, made.last_us],
    )
