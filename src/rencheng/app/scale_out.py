"""Detection on many machines: a folder of files through Spark, its alarms into the ledger of the output folder."""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rencheng import __version__, assess, sense
from rencheng.adapters.spark import ScaledAlarms, ScaleOut, TurnNote, make_plan, open_session, read_turns
from rencheng.adapters.spark.files import write_whole
from rencheng.adapters.sqlite import SqliteLedger
from rencheng.app.facts import RunStarted
from rencheng.app.run_folder import RunMark, open_run_folder
from rencheng.assess.alarms import AlarmDesk
from rencheng.assess.frame import CityFrame, city_frame
from rencheng.city import City, read_city
from rencheng.kernel import Conflict, Draft, InvalidConfig, InvalidInput, NotFound, StorageFailed, from_micros
from rencheng.ledger import Ledger
from rencheng.sense.batch import NO_LIMITS
from rencheng.sense.channels import ChannelTable
from rencheng.sense.detection_rules import DetectionRules
from rencheng.sense.fault_watch import FaultWatch
from rencheng.sense.feed import TABLE_FORMATS, FeedConfig, feed_config_from_dict, read_feed_config

__all__ = ["ScaleOutOptions", "ScaleOutStatus", "plain_feed", "scale_out", "scale_out_status", "settings_of"]

SOURCE = "scale-out"
_RAISED = re.compile(r"[\w.]*(Error|Failed|Conflict|NotFound|Invalid\w+|Refused): ")
"""Last line of what Python says of an error."""
_ROWS = 10_000
"""Alarm rows that are looked at in one go, see :class:`rencheng.assess.alarms.AlarmDesk`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleOutOptions:
    """How a city's detection is scaled out.

    Parameters
    ----------
    shards : int
        Parts of the state; fixed with the first run of an output folder.
    master : str
        Of Spark: ``local[2]``, ``spark://…``, ``yarn``; empty under ``spark-submit``.
    files : int
        Files of a turn at most.
    every_s : float
        Pause from turn to turn while files come on.
    follow : bool
        Whether to wait for more files.
    history : bool
        Whether the files are a record, whose stamps are not judged by when the files arrived.
    memory : str
        Heap of Spark's driver.
    settings : mapping of str to str
        Settings of Spark besides.
    """

    shards: int = 8
    master: str = "local[2]"
    files: int = 16
    every_s: float = 10.0
    follow: bool = False
    history: bool = False
    memory: str = "2g"
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleOutStatus:
    """What an output folder holds.

    Parameters
    ----------
    turns : int
        Turns that count.
    files, rows, readings, repeated, refused, alarms : int
        What they took.
    channels, state_bytes : int
        Channels that reported, and what is remembered of them.
    clock : datetime or None
        Event time up to which timers have run out.
    digest : str
        Of all alarm rows; equal to that of an embedded store that took the same.
    """

    turns: int
    files: int
    rows: int
    readings: int
    repeated: int
    refused: int
    alarms: int
    channels: int
    state_bytes: int
    clock: datetime | None
    digest: str


def plain_feed() -> FeedConfig:
    """Parquet files with the columns ``sensor_id``, ``quantity``, ``at`` and ``value`` in SI units."""
    section = {
        "id": SOURCE,
        "format": "parquet",
        "sensor_column": "sensor_id",
        "time": {"column": "at"},
        "long": {"quantity_column": "quantity", "value_column": "value"},
        "max_body_bytes": 4 << 30,
        "max_decoded_bytes": 16 << 30,
    }
    return feed_config_from_dict(section, where=SOURCE)


def scale_out(
    city_path: Path,
    source: Path,
    out: Path,
    *,
    feed: Path | None,
    options: ScaleOutOptions,
    tell: Callable[[str], None] = lambda _line: None,
) -> ScaleOutStatus:
    """Take the files of a folder, turn by turn, and go on where an earlier run of the output folder stopped.

    Parameters
    ----------
    city_path, source, out : Path
        City package, folder of files, folder of the output.
    feed : Path, optional
        How the files are read; :func:`plain_feed` unless given.
    options : ScaleOutOptions
        How it is done.
    tell : callable
        Told a line for every turn.

    Raises
    ------
    NotFound
        If a folder, PySpark or Java is missing.
    Conflict
        If the output folder is another run's, or at work.
    """
    if not source.is_dir():
        raise NotFound(f"no folder {source}", mend="Name the folder of the files with --in")
    city = read_city(city_path)
    config = _feed(feed, history=options.history)
    rules = sense.detection_rules_of(city.path)
    mark = RunMark(
        mode="replay" if options.history else "live",
        city=str(city.path.resolve()),
        city_digest="",
        source=f"{SOURCE} {source.resolve()}",
        source_digest=hashlib.sha256(repr(config).encode()).hexdigest(),
    )
    folder = open_run_folder(out, mark)
    with _alone(out):
        channels = ChannelTable.of(sense.channels_of_city(city))
        plan = make_plan(out.resolve() / "plan", channels, rules, options.shards)
        ledger = SqliteLedger(folder.ledger)
        try:
            book = _Book(ledger, city, rules, out, mode=mark.mode)
            for turn in read_turns(out):
                book.enter(turn)
            stream = ScaleOut(
                source=source.resolve(),
                out=out.resolve(),
                plan=plan,
                rules=rules,
                config=config,
                files_per_turn=options.files,
                every_s=options.every_s,
            )
            _run(stream, options, book, tell)
        finally:
            ledger.close()
    return scale_out_status(out)


def _feed(feed: Path | None, *, history: bool) -> FeedConfig:
    config = plain_feed() if feed is None else read_feed_config(feed)
    if config.format not in TABLE_FORMATS or config.signature is not None:
        what = "its readings are signed" if config.signature else f"its format is {config.format}"
        raise InvalidConfig(
            f"{what}: only plain tables are taken from files", where=f"feed {config.id!r}", mend="Use rencheng run"
        )
    return replace(config, limits=NO_LIMITS) if history else config


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the output folder; the lock ends with the process, whatever ends it."""
    with (out / "driver.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(
                f"another process works in {out}", mend="Let it end, or choose another folder with --out"
            ) from None
        yield


def _run(stream: ScaleOut, options: ScaleOutOptions, book: _Book, tell: Callable[[str], None]) -> None:
    spark = open_session(options.master, shards=options.shards, memory=options.memory, settings=options.settings)
    begun = time.monotonic()

    def on_turn(turn: TurnNote) -> None:
        nonlocal begun
        book.enter(turn)
        now = time.monotonic()
        rate = turn.readings / max(now - begun, 1e-9)
        begun = now
        tell(
            f"turn {turn.batch}: {len(turn.files)} files, {turn.readings:,} readings ({rate:,.0f}/s),"
            f" {turn.repeated:,} repeated, {turn.refused:,} refused, {turn.alarms:,} alarm rows"
        )

    try:
        query = stream.start(spark, on_turn, follow=options.follow)
        query.awaitTermination()
    except KeyboardInterrupt:
        tell("stopped; run the same command to go on")
    except Exception as error:
        raise _refusal(error) from error
    finally:
        spark.stop()


def _refusal(error: Exception) -> Exception:
    """What stopped the stream, in one line; the driver's and the tasks' own refusals stand in Spark's text."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    own = [line for line in lines if _RAISED.match(line)]
    told = own[-1].partition(": ")[2] if own else (lines[0] if lines else type(error).__name__)
    return StorageFailed(
        f"the stream stopped: {told}", mend="Mend what it names and run the same command again; what counted is kept"
    )


class _Book:
    """Writes what alarms mean into the ledger, turn by turn, each once.

    Which turn was entered last stands in a file. A process that is killed between ledger and file enters that turn
    again, which records nothing: the ledger knows the last alarm that a fact tells of, and which sensors are doubted.
    """

    def __init__(self, ledger: Ledger, city: City, rules: DetectionRules, out: Path, *, mode: str) -> None:
        self._ledger = ledger
        self._city = city
        self._rules = rules
        self._mode = mode
        self._file = out / "entered.json"
        self._entered = int(json.loads(self._file.read_bytes())["batch"]) if self._file.is_file() else -1
        self._alarms = ScaledAlarms(out)
        self._alarms.turns = [turn for turn in self._alarms.turns if turn.batch <= self._entered]
        self._desk = AlarmDesk(self._alarms, rules)
        self._doubts = FaultWatch(self._alarms)
        self._frame: CityFrame | None = None
        self._sense, self._assess = sense.initial_state(), assess.initial_state()
        self._seq = 0
        self._learn()
        self._doubts.drafts(self._sense, from_micros(0))  # reads what was told before; nothing of it is new

    def enter(self, turn: TurnNote) -> None:
        """Record the facts of a turn; one that is recorded already changes nothing."""
        if turn.batch <= self._entered:
            return
        now = from_micros(max(0, turn.clock_us if self._mode == "replay" else turn.arrived_us))
        self._alarms.turns.append(turn)
        if not self._ledger.head:
            self._append([self._started(now)], now)
        if turn.alarms:
            self._append(self._doubts.drafts(self._sense, now), now)
            for _ in range(turn.alarms // _ROWS + 1):
                self._append(self._signals(now), now)
        self._entered = turn.batch
        write_whole(self._file, json.dumps({"batch": turn.batch}).encode())

    def _signals(self, now: datetime) -> list[Draft]:
        if self._frame is None:
            self._frame = city_frame(self._city)
        return list(self._desk.drafts(self._assess, self._frame, now))

    def _started(self, now: datetime) -> Draft:
        body = RunStarted(
            mode=self._mode,
            city_id=self._city.manifest.id,
            city_digest=self._city.digest,
            seed=0,
            rules={"detection": self._rules.version},
            version=__version__,
        )
        return Draft(stream="run/0", body=body, occurred_at=now, actor="clock")

    def _append(self, drafts: Sequence[Draft], now: datetime) -> None:
        if drafts:
            self._ledger.append(drafts, now=now)
            self._learn()

    def _learn(self) -> None:
        for entry in self._ledger.since(self._seq):
            self._sense = sense.evolve(self._sense, entry)
            self._assess = assess.evolve(self._assess, entry)
            self._seq = entry.seq


def scale_out_status(out: Path) -> ScaleOutStatus:
    """Say what an output folder holds.

    Raises
    ------
    NotFound
        If it holds nothing of the kind.
    """
    from rencheng.sense.alarm_digest import alarm_digest

    turns = read_turns(out)
    if not turns and not (out / "plan").is_dir():
        raise NotFound(f"{out} holds no scaled-out detection", mend="Make one with: rencheng scale-out run")
    rows = ScaledAlarms(out).alarms(limit=turns[-1].last_alarm if turns else 0)
    return ScaleOutStatus(
        turns=len(turns),
        files=sum(len(turn.files) for turn in turns),
        **{
            name: sum(getattr(turn, name) for turn in turns)
            for name in ("rows", "readings", "repeated", "refused", "alarms")
        },
        channels=turns[-1].channels if turns else 0,
        state_bytes=turns[-1].state_bytes if turns else 0,
        clock=from_micros(max(turn.clock_us for turn in turns)) if turns and turns[-1].clock_us > 0 else None,
        digest=alarm_digest(rows),
    )


def settings_of(texts: Sequence[str]) -> dict[str, str]:
    """Read settings written as KEY=VALUE.

    Raises
    ------
    InvalidInput
        If one is written otherwise.
    """
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InvalidInput(f"{text!r} is no setting", where="--conf", mend="Write KEY=VALUE")
        found[key] = value
    return found
