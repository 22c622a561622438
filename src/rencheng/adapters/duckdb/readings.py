"""The readings store in DuckDB: one file, one writer, one transaction per batch."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.duckdb.registry import ChannelRegistry, states_from_blobs
from rencheng.adapters.duckdb.sorting import Sorted, sort_batch, split_unknown
from rencheng.kernel import StorageFailed, from_micros, micros, require_utc
from rencheng.science.quality import STATE_DTYPE, check_readings, interval_s
from rencheng.sense.batch import Decoded, Intake
from rencheng.sense.channels import Channel
from rencheng.sense.ports import HEALTH_SCHEMA, QualityFlag

__all__ = ["DuckDbReadings"]

FORMAT_VERSION = 1
_UTC = pa.timestamp("us", tz="UTC")
_BAD = int(~QualityFlag.LATE & 0xFFFF)


class DuckDbReadings:
    """The readings store in one DuckDB file.

    Parameters
    ----------
    path : Path or str
        Database file, made where absent, or ``":memory:"``. One process writes it at a time.
    channels : iterable of Channel, optional
        Channels of the city's sensors; readings of other sensors are refused. ``None`` takes every sensor.
    threads : int
        Threads of the database.

    Notes
    -----
    A commit returns when the write-ahead log is synced to the disk, so an acknowledged batch survives the kill of
    the process and the loss of power.
    """

    def __init__(
        self, path: Path | str = ":memory:", *, channels: Iterable[Channel] | None = None, threads: int = 2
    ) -> None:
        self._path = str(path)
        self._lock = threading.Lock()
        self._registry = ChannelRegistry(channels)
        try:
            self._con = duckdb.connect(self._path, config={"threads": threads})
            self._con.execute(files("rencheng.adapters.duckdb").joinpath("schema.sql").read_text(encoding="utf-8"))
            self._check_format()
            self._load()
        except duckdb.Error as error:
            raise self._failed("cannot be opened", error) from error

    def _failed(self, what: str, error: Exception) -> StorageFailed:
        return StorageFailed(
            f"readings store {what}: {str(error).splitlines()[0]}",
            where=self._path,
            mend="Check disk space and rights, and that no other process has it open; what was acknowledged is kept",
        )

    def _check_format(self) -> None:
        row = self._con.execute("SELECT max(version) FROM store_format").fetchone()
        version = row[0] if row else None
        if version is None:
            self._con.execute("INSERT INTO store_format VALUES (?)", [FORMAT_VERSION])
        elif version != FORMAT_VERSION:
            raise StorageFailed(
                f"readings store has format {version}, this program reads {FORMAT_VERSION}",
                where=self._path,
                mend="Use the program that wrote it, or take the readings again from the recorded feeds",
            )

    def _load(self) -> None:
        for sensor_id, name in self._con.execute(
            "SELECT sensor_id, quantity FROM channels ORDER BY channel"
        ).fetchall():
            self._registry.add((sensor_id, name))
        rows = self._con.execute("SELECT channel, state FROM channel_state ORDER BY channel").fetchall()
        if rows:
            self._registry.states[[channel for channel, _ in rows]] = states_from_blobs([blob for _, blob in rows])

    def take(self, feed_id: str, position: str, batch: Decoded, *, now: datetime) -> Intake:
        """Store, check and acknowledge a batch; see :class:`rencheng.sense.ports.ReadingStore`."""
        now = require_utc(now, name="now")
        with self._lock:
            before = len(self._registry)
            try:
                known = self._acknowledged(feed_id, position)
                return known if known is not None else self._take(feed_id, position, batch, now)
            except duckdb.Error as error:
                with suppress(duckdb.Error):
                    self._con.rollback()
                self._registry.forget_from(before)
                raise self._failed("refused a batch", error) from error

    def _acknowledged(self, feed_id: str, position: str) -> Intake | None:
        row = self._con.execute(
            "SELECT rows, accepted, repeated, refused, flagged, reasons, epoch_us(first_at), epoch_us(last_at),"
            " epoch_us(taken_at) FROM batches WHERE feed_id = ? AND position = ?",
            [feed_id, position],
        ).fetchone()
        if row is None:
            return None
        first_at, last_at, taken_at = (None if us is None else from_micros(us) for us in row[6:])
        assert taken_at is not None
        return Intake(
            feed_id=feed_id,
            position=position,
            rows=row[0],
            accepted=row[1],
            repeated=row[2],
            refused=row[3],
            flagged=msgspec.json.decode(row[4], type=dict[str, int]),
            reasons=msgspec.json.decode(row[5], type=dict[str, int]),
            first_at=first_at,
            last_at=last_at,
            taken_at=taken_at,
            again=True,
        )

    def _take(self, feed_id: str, position: str, batch: Decoded, now: datetime) -> Intake:
        now_us = micros(now)
        before = len(self._registry)
        channel, at, value, unknown = split_unknown(batch, self._registry, now_us=now_us)
        refused = pa.concat_tables([batch.refused, unknown])
        new = self._without_stored(sort_batch(channel, at, value))
        flags = _arrival_flags(new, batch, now_us)
        touched, local = np.unique(new.channel, return_inverse=True)
        states = self._registry.states[touched]
        flags = check_readings(
            local,
            new.at,
            new.value,
            outside=(flags & (QualityFlag.FUTURE | QualityFlag.DUPLICATE_STAMP)) != 0,
            state=states,
            checks=self._registry.checks[touched],
            known=flags,
        )
        intake = _intake(feed_id, position, batch, new, flags, refused, now)
        self._con.begin()
        self._write_channels(before)
        self._write_readings(new, flags, now_us)
        self._write_states(touched, states)
        self._write_refused(feed_id, position, refused, now_us)
        self._write_batch(intake)
        self._con.commit()
        self._registry.states[touched] = states
        return intake

    def _without_stored(self, batch: Sorted) -> Sorted:
        """Leave out readings that are stored already, and mark those whose stamp has another value in the store.

        Only stamps not newer than the newest of their channel are looked up.
        """
        maybe = np.flatnonzero(batch.at <= self._registry.states["newest_at"][batch.channel])
        if not len(maybe):
            return batch
        at = batch.at[maybe]
        probe = _table(i=maybe, channel=batch.channel[maybe], us=at, value=batch.value[maybe])
        with _registered(self._con, "probe", probe):
            found = self._con.execute(
                "SELECT p.i, bool_or(r.value = p.value) AS same FROM probe p"
                " JOIN readings r ON r.channel = p.channel AND r.stamp = make_timestamp(p.us)"
                " WHERE r.stamp BETWEEN make_timestamp(?) AND make_timestamp(?) GROUP BY p.i",
                [int(at.min()), int(at.max())],
            ).fetchnumpy()
        index, same = np.asarray(found["i"], dtype=np.int64), np.asarray(found["same"], dtype=bool)
        batch.second[index] = True
        keep = np.ones(len(batch.at), dtype=bool)
        keep[index[same]] = False
        return batch.keep(keep)

    def _write_channels(self, before: int) -> None:
        new = self._registry.names[before:]
        if new:
            table = pa.table(
                {
                    "channel": pa.array(range(before, before + len(new)), pa.int32()),
                    "sensor_id": [sensor for sensor, _ in new],
                    "quantity": [name for _, name in new],
                }
            )
            with _registered(self._con, "new_channels", table):
                self._con.execute("INSERT INTO channels SELECT channel, sensor_id, quantity FROM new_channels")

    def _write_readings(self, new: Sorted, flags: NDArray[np.uint16], now_us: int) -> None:
        if not len(new.at):
            return
        table = _table(
            channel=new.channel.astype(np.int32), stamp=new.at.view("datetime64[us]"), value=new.value, flags=flags
        )
        with _registered(self._con, "new_readings", table):
            self._con.execute(
                "INSERT INTO readings SELECT channel, stamp, value, flags, make_timestamp(?) FROM new_readings",
                [now_us],
            )

    def _write_states(self, touched: NDArray[np.int64], states: NDArray[Any]) -> None:
        if not len(touched):
            return
        size = STATE_DTYPE.itemsize
        blobs = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(size), len(states), [None, pa.py_buffer(states.tobytes())]
        )
        table = pa.table(
            {
                "channel": pa.array(touched.astype(np.int32)),
                "last_at": _stamps(states["last_at"]),
                "last_value": pa.array(states["last_value"].copy()),
                "last_flags": pa.array(states["last_flags"].copy()),
                "state": blobs,
            }
        )
        with _registered(self._con, "new_states", table):
            self._con.execute("INSERT OR REPLACE INTO channel_state SELECT * FROM new_states")

    def _write_refused(self, feed_id: str, position: str, refused: pa.Table, now_us: int) -> None:
        if not refused.num_rows:
            return
        with _registered(self._con, "aside", refused):
            self._con.execute(
                "INSERT INTO refused SELECT ?, ?, min(a.row), a.raw, a.reason, min(a.detail), make_timestamp(?)"
                " FROM aside a WHERE NOT EXISTS (SELECT 1 FROM refused r WHERE r.feed_id = ? AND r.raw = a.raw"
                " AND r.reason = a.reason) GROUP BY a.raw, a.reason ORDER BY min(a.row), a.reason",
                [feed_id, position, now_us, feed_id],
            )

    def _write_batch(self, intake: Intake) -> None:
        self._con.execute(
            "INSERT INTO batches SELECT coalesce(max(seq), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, make_timestamp(?),"
            " make_timestamp(?), make_timestamp(?) FROM batches",
            [
                intake.feed_id,
                intake.position,
                intake.rows,
                intake.accepted,
                intake.repeated,
                intake.refused,
                msgspec.json.encode(intake.flagged).decode(),
                msgspec.json.encode(intake.reasons).decode(),
                None if intake.first_at is None else micros(intake.first_at),
                None if intake.last_at is None else micros(intake.last_at),
                micros(intake.taken_at),
            ],
        )

    def window(
        self,
        quantity: str,
        *,
        start: datetime,
        end: datetime,
        sensors: Sequence[str] | None = None,
        good_only: bool = True,
    ) -> pa.Table:
        """Readings with ``start < at <= end``; see :class:`rencheng.sense.ports.Readings`."""
        wanted = self._registry.of_quantity(quantity, sensors)
        found = self._query(
            "SELECT channel, stamp, value, flags FROM readings WHERE stamp > make_timestamp(?) AND stamp <= make_timestamp(?)"
            " AND channel IN (SELECT unnest(?)) AND (flags & ?) = 0",
            [micros(start), micros(end), wanted, _BAD if good_only else 0],
        )
        channel = np.asarray(found["channel"], dtype=np.int64)
        second = found["flags"] & int(QualityFlag.DUPLICATE_STAMP)
        order = np.lexsort((found["value"], second, found["stamp"], self._registry.rank(channel)))
        return self._readings_table(channel[order], found["stamp"][order], found["value"][order], found["flags"][order])

    def latest(self, *, at: datetime, quantity: str | None = None) -> pa.Table:
        """Last reading per channel not later than ``at``; see :class:`rencheng.sense.ports.Readings`."""
        at_us = micros(at)
        with self._lock:
            states = self._registry.states.copy()
        number = np.arange(len(states))
        if quantity is not None:
            number = np.asarray(self._registry.of_quantity(quantity, None), dtype=np.int64)
            number = number[number < len(states)]
        plain = (states["newest_at"][number] <= at_us) & (states["newest_at"][number] == states["last_at"][number])
        quick, slow = number[plain], number[~plain]
        stamp, value, flags = states["last_at"][quick], states["last_value"][quick], states["last_flags"][quick]
        if len(slow):
            found = self._query(
                "SELECT channel, epoch_us(max(stamp)) AS stamp, arg_max(value, stamp) AS value, arg_max(flags, stamp) AS flags"
                " FROM readings WHERE stamp <= make_timestamp(?) AND channel IN (SELECT unnest(?)) AND (flags & ?) = 0"
                " GROUP BY channel",
                [at_us, slow.tolist(), int(QualityFlag.DUPLICATE_STAMP)],
            )
            quick = np.concatenate([quick, np.asarray(found["channel"], dtype=np.int64)])
            stamp = np.concatenate([stamp, np.asarray(found["stamp"], dtype=np.int64)])
            value = np.concatenate([value, np.asarray(found["value"], dtype=np.float64)])
            flags = np.concatenate([flags, np.asarray(found["flags"], dtype=np.uint16)])
        order = np.argsort(self._registry.rank(quick), kind="stable")
        number = quick[order]
        table = self._readings_table(number, stamp[order], value[order], flags[order])
        names = [self._registry.names[n][1] for n in number.tolist()]
        return table.add_column(1, "quantity", pa.array(names, pa.string()))

    def _readings_table(
        self, channel: NDArray[np.int64], at: NDArray[Any], value: NDArray[Any], flags: NDArray[Any]
    ) -> pa.Table:
        return pa.table(
            {
                "sensor_id": self._registry.sensor_column(channel),
                "at": pa.array(at.astype("datetime64[us]").view(np.int64)).cast(_UTC),
                "value": pa.array(value.astype(np.float64)),
                "flags": pa.array(flags.astype(np.uint16)),
            }
        )

    def _query(self, sql: str, values: list[Any]) -> dict[str, NDArray[Any]]:
        try:
            found: dict[str, NDArray[Any]] = self._con.cursor().execute(sql, values).fetchnumpy()
        except duckdb.Error as error:
            raise self._failed("cannot be read", error) from error
        return found

    def position(self, feed_id: str) -> str | None:
        """Position of the feed's last acknowledged batch; ``None`` if it never delivered."""
        found = self._query("SELECT arg_max(position, seq) AS position FROM batches WHERE feed_id = ?", [feed_id])
        position = found["position"][0]
        return position if isinstance(position, str) else None

    def refused(self, feed_id: str, limit: int = 100) -> pa.Table:
        """Rows kept aside, newest first."""
        return self._arrow(
            "SELECT position, row, raw, reason, detail, taken_at FROM refused WHERE feed_id = ?"
            " ORDER BY taken_at DESC, row, reason, raw LIMIT ?",
            [feed_id, limit],
        )

    def feeds(self) -> pa.Table:
        """Totals per feed, by feed."""
        return self._arrow(
            "SELECT feed_id, arg_max(position, seq) AS position, max(taken_at) AS taken_at, count(*) AS batches,"
            " sum(rows)::BIGINT AS rows, sum(accepted)::BIGINT AS accepted, sum(repeated)::BIGINT AS repeated,"
            " sum(refused)::BIGINT AS refused FROM batches GROUP BY feed_id ORDER BY feed_id",
            [],
        )

    def _arrow(self, sql: str, values: list[Any]) -> pa.Table:
        try:
            table = self._con.cursor().sql(sql, params=values).to_arrow_table()
        except duckdb.Error as error:
            raise self._failed("cannot be read", error) from error
        at = table.column_names.index("taken_at")
        return table.set_column(at, "taken_at", table["taken_at"].cast(pa.timestamp("us")).cast(_UTC))

    def count(self) -> int:
        """Number of readings stored, flagged ones among them."""
        return int(self._query("SELECT count(*) AS n FROM readings", [])["n"][0])

    def health(self) -> pa.Table:
        """Condition of every channel that ever reported; see :data:`rencheng.sense.ports.HEALTH_SCHEMA`."""
        with self._lock:
            states = self._registry.states.copy()
            names = list(self._registry.names)
            configured = np.asarray(self._registry.interval_s)
        number = np.argsort(self._registry.rank(np.arange(len(names))), kind="stable")
        s = states[number]
        return pa.table(
            [
                pa.array([names[n][0] for n in number.tolist()], pa.string()),
                pa.array([names[n][1] for n in number.tolist()], pa.string()),
                _stamps(s["last_at"]).cast(_UTC),
                pa.array(s["last_value"].copy()),
                pa.array(s["last_flags"].copy()),
                pa.array(np.where(np.isnan(configured[number]), interval_s(s), configured[number])),
                pa.array(s["readings"].copy()),
                _stamps(s["same_since"]).cast(_UTC),
                pa.array(s["good_value"].copy()),
                *(pa.array(s["of_late"][:, k].copy()) for k in range(4)),
            ],
            schema=HEALTH_SCHEMA,
        )

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._con.close()


class _registered:  # noqa: N801 — reads as a statement: with _registered(...)
    """A table visible to SQL under a name for as long as the block lasts."""

    def __init__(self, con: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
        self._con, self._name, self._table = con, name, table

    def __enter__(self) -> None:
        self._con.register(self._name, self._table)

    def __exit__(self, *_: object) -> None:
        with suppress(duckdb.Error):
            self._con.unregister(self._name)


def _table(**columns: NDArray[Any]) -> pa.Table:
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def _stamps(us: NDArray[np.int64]) -> pa.Array:
    """Give microseconds as stamps; null where the channel never had one."""
    return pa.array(us.copy(), mask=us == np.iinfo(np.int64).min).cast(pa.timestamp("us"))


def _arrival_flags(new: Sorted, batch: Decoded, now_us: int) -> NDArray[np.uint16]:
    flags = np.where(new.second, np.uint16(QualityFlag.DUPLICATE_STAMP), np.uint16(0))
    age_s = (now_us - new.at) / 1e6
    flags[age_s > batch.limits.allowance_late_s] |= np.uint16(QualityFlag.LATE)
    flags[age_s < -batch.limits.clock_ahead_s] |= np.uint16(QualityFlag.FUTURE)
    return flags


def _intake(
    feed_id: str,
    position: str,
    batch: Decoded,
    new: Sorted,
    flags: NDArray[np.uint16],
    refused: pa.Table,
    now: datetime,
) -> Intake:
    flagged = {str(flag.name): int(((flags & flag) != 0).sum()) for flag in QualityFlag}
    reasons = sorted(refused["reason"].value_counts().to_pylist(), key=lambda entry: str(entry["values"]))
    return replace(
        Intake(
            feed_id=feed_id,
            position=position,
            rows=batch.rows,
            accepted=len(new.at),
            repeated=new.repeated,
            refused=refused.num_rows,
            flagged={name.lower(): n for name, n in flagged.items() if n},
            reasons={entry["values"]: entry["counts"] for entry in reasons},
            first_at=from_micros(int(new.at.min())) if len(new.at) else None,
            last_at=from_micros(int(new.at.max())) if len(new.at) else None,
            taken_at=now,
        )
    )
