"""The readings store in DuckDB: one file, one writer, one transaction per batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.duckdb.acknowledgement import (
    Part,
    feed_totals,
    intakes_after,
    intakes_of,
    known_intakes,
    last_position,
)
from rencheng.adapters.duckdb.alarms import read_alarms
from rencheng.adapters.duckdb.compaction import Compactor, WriterLoad
from rencheng.adapters.duckdb.database import UTC_STAMP, Database
from rencheng.adapters.duckdb.gathering import gather
from rencheng.adapters.duckdb.health import HealthBoard, health_table
from rencheng.adapters.duckdb.hourly import hours_of
from rencheng.adapters.duckdb.journal import Journal, check_touched
from rencheng.adapters.duckdb.latest import LatestBoard
from rencheng.adapters.duckdb.layout import Layout
from rencheng.adapters.duckdb.refused import (
    last_reoffers,
    open_ids,
    origins_of,
    refused_counts,
    refused_page,
    refused_rows,
    settle,
    without_rows,
    write_refused,
)
from rencheng.adapters.duckdb.registry import ChannelRegistry
from rencheng.adapters.duckdb.remembered import Remembering
from rencheng.adapters.duckdb.selecting import channel_in, count_selected, select_page
from rencheng.adapters.duckdb.sorting import Sorted, sort_batch
from rencheng.adapters.duckdb.writing import stored_already, write_channels
from rencheng.kernel import micros, require_utc
from rencheng.sense.batch import Decoded, Intake, RefusalReason, TimingLimits
from rencheng.sense.channels import Channel, ChannelTable
from rencheng.sense.detection import DetectionDesk
from rencheng.sense.detection_rules import DetectionRules
from rencheng.sense.health import HealthChanges
from rencheng.sense.ports import QualityFlag
from rencheng.sense.reading_query import ReadingQuery
from rencheng.sense.refused import RefusedQuery, RefusedRow, Reoffer, Reoffered

__all__ = ["DuckDbReadings"]

_BAD = int(~QualityFlag.LATE & 0xFFFF)
SEGMENT_ROWS = 4_000_000
"""Readings from which on what was taken is set aside to be sorted, at the next checkpoint."""


class DuckDbReadings:
    """The readings store in one DuckDB file.

    Parameters
    ----------
    path : Path or str
        Database file, made where absent, or ``":memory:"``. One process opens it at a time.
    channels : iterable of Channel, optional
        Channels of the city's sensors; readings of other sensors are refused. ``None`` takes every sensor.
    threads : int
        Threads of the database.
    detection : DetectionRules, optional
        What means an alarm; without rules nothing is detected.

    Notes
    -----
    A commit returns when the write-ahead log is synced to the disk, so an acknowledged batch survives the kill of
    the process and the loss of power. Reading is safe from any thread while a batch is taken, and sees all of a batch
    or nothing.
    """

    def __init__(
        self,
        path: Path | str = ":memory:",
        *,
        channels: Iterable[Channel] | None = None,
        threads: int = 2,
        detection: DetectionRules | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._detection = detection
        self._channels = None if channels is None else ChannelTable.of(channels)
        self._admitted: list[Channel] = []
        self._db = Database(path, threads=threads)
        self._con = self._db.con
        self._remembering = Remembering(self._db)
        self._board, self._load = LatestBoard(), WriterLoad()
        self._health = HealthBoard()
        try:
            self._layout = Layout(self._db)
            self._recall()
        except duckdb.Error as error:
            raise self._db.failed("cannot be opened", error) from error
        self._compactor = Compactor(self._layout, self._lock, self._load)
        self._compactor.nudge()

    def _recall(self) -> None:
        """Bring back what was known at the last commit: the checkpoint, and what came after it folded again."""
        desk = None if self._detection is None else DetectionDesk(self._detection, self._channels or ())
        self._registry = ChannelRegistry(self._channels, desk)
        self._registry.admit(self._admitted)
        self._sound = False
        self._journal = Journal(self._con, self._registry, desk)
        everyone = np.arange(len(self._registry))
        self._board.note(everyone, self._registry.states, len(everyone))
        self._health.begin_anew()
        self._health.note(everyone, self._registry.states, self._registry.interval_s, len(everyone))
        self._last_alarm = self._journal.alarms_written
        self._unsorted = int(self._con.execute("SELECT count(*) FROM readings").fetchall()[0][0])
        self._sound = True

    def take(self, feed_id: str, position: str, batch: Decoded, *, now: datetime) -> Intake:
        """Store, check and acknowledge a batch; see :class:`rencheng.sense.ports.ReadingStore`."""
        return self.take_many([(feed_id, position, batch)], now=now)[0]

    def take_many(self, parts: Sequence[Part], *, now: datetime) -> list[Intake]:
        """Store, check and acknowledge batches in one transaction; see :class:`rencheng.sense.ports.ReadingStore`."""
        now = require_utc(now, name="now")
        with self._writing("refused a batch"):
            known = known_intakes(self._con, parts) if parts else {}
            first: dict[tuple[str, str], Part] = {}
            for part in parts:
                first.setdefault((part[0], part[1]), part)
            fresh = [part for key, part in first.items() if key not in known]
            taken = {(i.feed_id, i.position): i for i in (self._take(fresh, now) if fresh else ())}
            return _in_turn(parts, known, taken)

    def advance(self, now: datetime) -> int:
        """Let timers of detection run out; see :class:`rencheng.sense.ports.ReadingStore`."""
        now_us = micros(require_utc(now, name="now"))
        with self._writing("refused alarms"):
            found = self._journal.advance(now_us)
            self._last_alarm = self._journal.alarms_written
            return found

    def alarms(
        self,
        *,
        since: int = 0,
        limit: int = 100_000,
        sensor_id: str = "",
        kinds: Sequence[str] = (),
        rules: Sequence[str] = (),
    ) -> pa.Table:
        """Alarm rows in the order in which they became known; see :class:`rencheng.sense.ports.Alarms`."""
        limit = limit if since < self.last_alarm or not self._sound else 0
        return read_alarms(self._db, since=since, limit=limit, sensor_id=sensor_id, kinds=kinds, rules=rules)

    @property
    def last_alarm(self) -> int:
        """Number of the last alarm row that is committed; 0 without any."""
        return self._last_alarm

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        """Hold the store for one transaction; where it fails, memory is brought back to the last commit."""
        with self._lock:
            done, begun = False, time.monotonic()
            try:
                if not self._sound:
                    self._recall()
                yield
                done = True
            except duckdb.Error as error:
                raise self._db.failed(what, error) from error
            finally:
                self._load.note(begun)
                if not done:
                    self._db.rollback()
                    self._sound = False

    def _take(
        self,
        parts: Sequence[Part],
        now: datetime,
        aside: Callable[[Sequence[pa.Table], Sequence[Intake]], None] | None = None,
    ) -> list[Intake]:
        """Take parts in one transaction; what is to be kept aside of them is kept, unless ``aside`` sees to it."""
        now_us = micros(now)
        registry, before = self._registry, len(self._registry)
        gathered = gather([batch for _, _, batch in parts], registry, now_us=now_us)
        new = self._without_stored(sort_batch(gathered))
        known = _arrival_flags(new, [batch.limits for _, _, batch in parts], now_us)
        flags = check_touched(registry, new, known)
        intakes = intakes_of(parts, gathered, new, flags, now)
        self._con.begin()
        write_channels(self._con, registry.names[before:], before)
        self._journal.write(new, flags, now_us)
        if aside is not None:
            aside(gathered.refused, intakes)
        else:
            for (feed_id, position, batch), refused in zip(parts, gathered.refused, strict=True):
                write_refused(self._con, feed_id, position, refused, origins_of(batch, refused), now_us)
        for feed_id, _, batch in parts:
            self._remembering.write(self._con, feed_id, batch.remembered)
        self._journal.acknowledge(intakes)
        self._con.commit()
        self._board.note(new.touched, registry.states[new.touched], len(registry))
        self._health.note(new.touched, registry.states[new.touched], registry.interval_s[new.touched], len(registry))
        self._last_alarm = self._journal.alarms_written
        self._unsorted += len(new.at)
        if self._unsorted >= SEGMENT_ROWS and self._journal.is_settled:
            self._seal()
        return intakes

    def _seal(self) -> None:
        """Set what was taken aside to be sorted; where the disk refuses, it stays and is found where it is."""
        try:
            self._layout.seal(self._unsorted)
        except duckdb.Error:
            self._db.rollback()
        else:
            self._unsorted = 0
            self._compactor.nudge()

    def compact(self) -> None:
        """Sort what is stored, here and now, however little it is and however busy the writer.

        Raises
        ------
        StorageFailed
            If the disk refuses; nothing is lost, and nothing doubled.
        """
        with self._writing("cannot sort"):
            self._journal.checkpoint()
            if self._unsorted and self._layout.folder is not None:
                self._seal()
        try:
            self._compactor.finish()
        except (OSError, duckdb.Error) as error:
            raise self._db.failed("cannot sort", error) from error

    def _without_stored(self, batch: Sorted) -> Sorted:
        """Leave out readings that are stored already, and mark those whose stamp has another value in the store.

        Only stamps not newer than the newest of their channel are looked up.
        """
        newest = self._registry.states["newest_at"][batch.touched]
        maybe = np.flatnonzero(batch.at <= newest[batch.local])
        if not len(maybe):
            return batch
        at = batch.at[maybe]
        stored = self._layout.now().rows(int(at.min()), int(at.max()))
        index, same = stored_already(self._con, batch, maybe, stored)
        batch.second[index] = True
        keep = np.ones(len(batch.at), dtype=bool)
        keep[index[same]] = False
        return batch.keep(keep)

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
        first, last = micros(start), micros(end)
        of_them, channels = self._of_channels(quantity, sensors)
        with self._layout.reading() as now:
            found = now.numpy(
                f"SELECT channel, stamp, value, flags FROM {now.rows(first, last)} WHERE stamp > make_timestamp(?)"  # noqa: S608 — names of ours
                f" AND stamp <= make_timestamp(?) AND {of_them} AND (flags & ?) = 0",
                [first, last, *channels, _BAD if good_only else 0],
            )
        channel = np.asarray(found["channel"], dtype=np.int64)
        second = found["flags"] & int(QualityFlag.DUPLICATE_STAMP)
        order = np.lexsort((found["value"], second, found["stamp"], self._registry.rank(channel)))
        return self._readings_table(channel[order], found["stamp"][order], found["value"][order], found["flags"][order])

    def _of_channels(self, quantity: str, sensors: Sequence[str] | None) -> tuple[str, list[Any]]:
        """Condition of a quantity's channels, of all sensors or of those named."""
        if sensors is None:
            return "channel IN (SELECT channel FROM channels WHERE quantity = ?)", [quantity]
        return channel_in(self._registry.of_quantity(quantity, sensors))

    @property
    def commits(self) -> int:
        """Grows with everything that is stored."""
        return self._health.serial

    def latest(self, *, at: datetime, quantity: str | None = None) -> pa.Table:
        """Last reading per channel not later than ``at``; see :class:`rencheng.sense.ports.Readings`.

        Second values for a stamp do not count. Channels whose newest reading is not later than ``at`` are answered
        from memory.
        """
        at_us = micros(at)
        last = self._board.of()
        number = np.arange(len(last))
        if quantity is not None:
            number = np.asarray(self._registry.of_quantity(quantity, None), dtype=np.int64)
            number = number[number < len(last)]
        plain = (last["newest_at"][number] <= at_us) & (last["newest_at"][number] == last["last_at"][number])
        quick = number[plain]
        stamp, value, flags = last["last_at"][quick], last["value"][quick], last["flags"][quick]
        if not plain.all():
            found = self._latest_of(number[~plain], at_us)
            quick = np.concatenate([quick, np.asarray(found["channel"], dtype=np.int64)])
            stamp = np.concatenate([stamp, np.asarray(found["us"], dtype=np.int64)])
            value = np.concatenate([value, np.asarray(found["value"], dtype=np.float64)])
            flags = np.concatenate([flags, np.asarray(found["flags"], dtype=np.uint16)])
        order = np.argsort(self._registry.rank(quick), kind="stable")
        number = quick[order]
        table = self._readings_table(number, stamp[order], value[order], flags[order])
        names = [self._registry.names[n][1] for n in number.tolist()]
        return table.add_column(1, "quantity", pa.array(names, pa.string()))

    def _latest_of(self, number: NDArray[np.int64], at_us: int) -> dict[str, NDArray[Any]]:
        of_them, channels = channel_in(number.tolist())
        with self._layout.reading() as now:
            return now.numpy(
                "SELECT channel, epoch_us(max(stamp)) AS us, arg_max(value, stamp) AS value,"  # noqa: S608 — names of ours
                f" arg_max(flags, stamp) AS flags FROM {now.rows(None, at_us)} WHERE stamp <= make_timestamp(?)"
                f" AND {of_them} AND (flags & ?) = 0 GROUP BY channel",
                [at_us, *channels, int(QualityFlag.DUPLICATE_STAMP)],
            )

    def _readings_table(
        self, channel: NDArray[np.int64], at: NDArray[Any], value: NDArray[Any], flags: NDArray[Any]
    ) -> pa.Table:
        return pa.table(
            {
                "sensor_id": self._registry.sensor_column(channel),
                "at": pa.array(at.astype("datetime64[us]").view(np.int64)).cast(UTC_STAMP),
                "value": pa.array(value.astype(np.float64)),
                "flags": pa.array(flags.astype(np.uint16)),
            }
        )

    def last_of(self, number: NDArray[np.int64]) -> NDArray[Any]:
        """Last reading of channels by number; see :class:`rencheng.sense.summed.SummedReadings`."""
        return self._board.of(number)

    def hourly(
        self,
        quantity: str,
        *,
        start: datetime,
        end: datetime,
        sensors: Sequence[str] | None = None,
        together: bool = False,
    ) -> pa.Table:
        """Readings by hour; see :class:`rencheng.sense.summed.SummedReadings`."""
        number = np.asarray(self._registry.of_quantity(quantity, sensors), dtype=np.int64)
        number = number[np.argsort(self._registry.rank(number), kind="stable")]
        place = np.full(len(self._registry), -1, dtype=np.int64)
        place[number] = 0 if together else np.arange(len(number))
        of_them, channels = self._of_channels(quantity, sensors)
        with self._layout.reading() as now:
            hours = hours_of(now, place, of_them, channels, micros(start), micros(end))
        names = pa.array([""]) if together else self._registry.sensor_column(number)
        return hours.table(names)

    def admit(self, channels: Iterable[Channel]) -> None:
        """Take readings of sensors that the city package does not have."""
        admitted = list(channels)
        with self._lock:
            self._admitted += admitted
            self._registry.admit(admitted)

    def channels(self, since: int = 0) -> Sequence[tuple[str, str]]:
        """Sensor and quantity of every channel that ever reported, in the order in which they first did."""
        names = self._registry.names
        known = len(self._board)
        return names if since == 0 and known == len(names) else names[since:known]

    def select(self, query: ReadingQuery) -> pa.Table:
        """A page of readings: ``sensor_id``, ``quantity``, ``at``, ``value``, ``flags``."""
        with self._layout.reading() as now:
            return select_page(now, self._registry, query)

    def count_selected(self, query: ReadingQuery) -> int:
        """How many readings a query has on all its pages."""
        with self._layout.reading() as now:
            return count_selected(now, self._registry, query)

    def position(self, feed_id: str) -> str | None:
        """Position of the feed's last acknowledged batch; ``None`` if it never delivered."""
        return last_position(self._db, feed_id)

    def acknowledged(self, feed_id: str, *, after: str) -> list[Intake]:
        """Acknowledgements of a feed after one of its positions; all that are kept for an unknown position."""
        with self._lock:
            try:
                return intakes_after(self._con, feed_id, after)
            except duckdb.Error as error:
                raise self._db.failed("cannot be read", error) from error

    def remembered(self, feed_id: str) -> pa.Table:
        """What a feed's protocol remembered with its batches; see :class:`rencheng.sense.ports.ReadingStore`."""
        return self._remembering.read(feed_id)

    def refused(self, feed_id: str, limit: int = 100) -> pa.Table:
        """Rows kept aside, newest first."""
        return self._db.arrow(
            "SELECT position, row, raw, reason, detail, taken_at FROM refused WHERE feed_id = ?"
            " AND reoffered IS NULL ORDER BY taken_at DESC, row, reason, raw LIMIT ?",
            [feed_id, limit],
        )

    def refused_counts(self, feed_id: str) -> dict[str, int]:
        """Reason → rows kept aside; see :class:`rencheng.sense.refused.RefusedRows`."""
        return refused_counts(self._db, feed_id)

    def refused_page(self, query: RefusedQuery) -> pa.Table:
        """A page of rows kept aside, or taken at last; see :class:`rencheng.sense.refused.RefusedRows`."""
        return refused_page(self._db, query)

    def refused_rows(self, query: RefusedQuery) -> list[RefusedRow]:
        """Rows kept aside with what they can be decoded from."""
        return refused_rows(self._db, query)

    def reoffers(self, limit: int = 1000) -> list[Reoffered]:
        """The last offers of rows that were kept aside, oldest first."""
        return last_reoffers(self._db, limit)

    def would_refuse(self, batch: Decoded) -> dict[int, tuple[str, str]]:
        """Rows of sensors or quantities that are not taken; see :class:`rencheng.sense.refused.RefusedRows`."""
        columns = (batch.good[name].cast(pa.string()).to_pylist() for name in ("sensor_id", "quantity"))
        with self._lock:
            known = {pair: self._registry.knows(pair) for pair in zip(*columns, strict=True)}
        if all(known.values()):
            return {}
        columns = (batch.good[name].cast(pa.string()).to_pylist() for name in ("sensor_id", "quantity"))
        rows = zip(batch.good["row"].to_pylist(), *columns, strict=True)
        told = (RefusalReason.UNKNOWN_SENSOR, "not in the city's table of sensors")
        return {row: told for row, sensor, of in rows if not known[sensor, of]}

    def reoffer(self, offer: Reoffer, *, now: datetime) -> Reoffered:
        """Take rows that were kept aside; see :class:`rencheng.sense.refused.RefusedRows`."""
        now = require_utc(now, name="now")
        with self._writing("refused rows that were offered again"):
            kept = open_ids(self._con, offer.feed_id, offer.ids)
            gone = [n for n, of in enumerate(offer.ids) if of not in kept]
            parts = [
                (offer.feed_id, f"{offer.position}:{n}", without_rows(batch, gone))
                for n, batch in enumerate(offer.batches)
            ]
            told: list[Reoffered] = []

            def aside(refused: Sequence[pa.Table], intakes: Sequence[Intake]) -> None:
                still = dict(offer.still)
                for row in (row for table in refused for row in table.to_pylist()):
                    still[row["row"]] = (row["reason"], row["detail"])
                told.append(self._settle(offer, kept, still, intakes, now))

            intakes = self._take(parts, now, aside)
            return replace(told[0], intakes=tuple(intakes))

    def _settle(
        self,
        offer: Reoffer,
        kept: set[str],
        still: dict[int, tuple[str, str]],
        intakes: Sequence[Intake],
        now: datetime,
    ) -> Reoffered:
        stays = {of: still[n] for n, of in enumerate(offer.ids) if n in still and of in kept}
        taken = [of for n, of in enumerate(offer.ids) if of in kept and n not in still]
        reasons = [reason for reason, _ in stays.values()]
        told = Reoffered(
            feed_id=offer.feed_id,
            position=offer.position,
            by=offer.by,
            reason=offer.reason,
            at=now,
            offered=len(kept),
            taken=len(taken),
            accepted=sum(intake.accepted for intake in intakes),
            repeated=sum(intake.repeated for intake in intakes),
            still={reason: reasons.count(reason) for reason in sorted(set(reasons))},
        )
        settle(self._con, offer, told, taken, stays)
        return told

    def feeds(self) -> pa.Table:
        """Totals per feed, by feed."""
        return feed_totals(self._db)

    def count(self) -> int:
        """Number of readings stored, flagged ones among them."""
        with self._layout.reading() as now:
            return now.count()

    def health(self) -> pa.Table:
        """Condition of every channel that ever reported; see :data:`rencheng.sense.ports.HEALTH_SCHEMA`."""
        with self._lock:
            states, configured = self._registry.states.copy(), self._registry.interval_s.copy()
            names = list(self._registry.names)
        number = np.argsort(self._registry.rank(np.arange(len(names))), kind="stable")
        return health_table([names[n] for n in number.tolist()], states[number], configured[number])

    def health_of(self, number: NDArray[np.int64]) -> pa.Table:
        """Condition of channels by their numbers; see :class:`rencheng.sense.health.ChannelHealth`."""
        with self._lock:
            states, configured = self._registry.states[number], self._registry.interval_s[number]
        return health_table(self.names_of(number), states, configured)

    def changed_health(self, since: int) -> HealthChanges:
        """Channels that took readings since a mark; see :class:`rencheng.sense.health.ChannelHealth`."""
        return self._health.changes(since)

    def number_of(self, channel: tuple[str, str]) -> int | None:
        """Number of a sensor's quantity that has reported; None for any other."""
        return self._registry.number_of(channel)

    def names_of(self, number: NDArray[np.int64]) -> list[tuple[str, str]]:
        """Sensor and quantity of channels by their numbers."""
        names = self._registry.names
        return [names[n] for n in number.tolist()]

    def close(self) -> None:
        """Write a checkpoint, so that opening again has nothing to fold, and release the file."""
        self._compactor.close()
        with self._lock:
            if self._sound:
                with suppress(duckdb.Error):  # what was acknowledged is committed; a checkpoint only saves time
                    self._journal.checkpoint()
            self._db.close()


def _in_turn(
    parts: Sequence[Part], known: dict[tuple[str, str], Intake], taken: dict[tuple[str, str], Intake]
) -> list[Intake]:
    """Acknowledgements in the order of the parts; a position offered twice is told again."""
    told = dict(known)
    intakes = []
    for feed_id, position, _ in parts:
        key = (feed_id, position)
        if key in told:
            intakes.append(replace(told[key], again=True))
        else:
            told[key] = taken[key]
            intakes.append(taken[key])
    return intakes


def _arrival_flags(new: Sorted, limits: Sequence[TimingLimits], now_us: int) -> NDArray[np.uint16]:
    """Flag what the stamps alone tell: second values, late ones, those ahead of the clock."""
    flags = new.second.astype(np.uint16) * np.uint16(QualityFlag.DUPLICATE_STAMP)
    if not len(flags):
        return flags
    forever = 1e11
    late = np.array([now_us - min(of.allowance_late_s, forever) * 1e6 for of in limits])
    ahead = np.array([now_us + min(of.clock_ahead_s, forever) * 1e6 for of in limits])
    if new.at.min() < late.max():
        flags[new.at < late[new.part]] |= np.uint16(QualityFlag.LATE)
    if new.at.max() > ahead.min():
        flags[new.at > ahead[new.part]] |= np.uint16(QualityFlag.FUTURE)
    return flags
