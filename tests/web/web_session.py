"""A session played from a script: real facts in a real ledger, the clock turned by the test."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Condition
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from tests.web.web_city import web_city
from tests.web.web_script import START, Cue, script, stage_at

from rencheng import recover, sense
from rencheng.adapters.memory import MemoryFieldStore, MemoryLedger
from rencheng.app.connectors import FeedCondition
from rencheng.city import City, device_registry
from rencheng.kernel import Bilingual, Draft, InvalidInput, NotFound, OrderRefused
from rencheng.ledger import Entry
from rencheng.recover.orders import ReviseRemediation
from rencheng.recover.remediation import revised
from rencheng.respond.facts import TaskAcknowledged, TaskCompleted
from rencheng.respond.orders import AcknowledgeTask, CompleteTask
from rencheng.sense import Delivery

__all__ = ["Clock", "ScriptedSession", "scripted_session"]


_TITLE = Bilingual(zh="暴雨推演", en="Rainstorm rehearsal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    now: datetime
    mode: str = "rehearsal"
    speed: float = 60.0
    phase: str = "running"
    progress_ratio: float | None = 0.0
    title: Bilingual = _TITLE
    run_id: str = "run-1"
    message: Bilingual | None = None


class ScriptedReadings:
    """Readings made by formula up to the session's instant."""

    def __init__(self, session: ScriptedSession) -> None:
        self._session = session

    def _rows(self, start: datetime, end: datetime, quantity: str) -> list[dict[str, Any]]:
        end = min(end, self._session.clock().now)
        step = timedelta(minutes=10)
        first = START - timedelta(hours=24)
        count = max(0, int((end - first) / step) + 1)
        at = [first + n * step for n in range(count)]
        sensors = [r for r in self._session.city.rows("channels") if r["quantity"] == quantity]
        return [
            {"sensor_id": r["sensor_id"], "at": t, "value": stage_at(r["sensor_id"], t), "flags": 0}
            for r in sensors
            for t in at
            if start < t <= end
        ]

    def window(
        self,
        quantity: str,
        *,
        start: datetime,
        end: datetime,
        sensors: Sequence[str] | None = None,
        good_only: bool = True,
    ) -> pa.Table:
        del good_only
        rows = [r for r in self._rows(start, end, quantity) if sensors is None or r["sensor_id"] in sensors]
        return pa.Table.from_pylist(rows, schema=_SCHEMA)

    @property
    def commits(self) -> int:
        return self._session.ledger.head

    def latest(self, *, at: datetime, quantity: str | None = None) -> pa.Table:
        rows = []
        for name in (quantity,) if quantity else ("rain_mm", "stage_m"):
            last = {r["sensor_id"]: r for r in self._rows(START - timedelta(hours=24), at, name)}
            rows += [{**r, "quantity": name} for r in last.values()]
        return pa.Table.from_pylist(rows, schema=_SCHEMA.append(pa.field("quantity", pa.string())))


_SCHEMA = pa.schema(
    [
        ("sensor_id", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("value", pa.float64()),
        ("flags", pa.uint16()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    accepted: int = 0
    repeated: int = 0
    refused: int = 0
    flagged: dict[str, int]
    reasons: dict[str, int]


class ScriptedSession:
    """Plays a script into a memory ledger as its clock is moved."""

    def __init__(self, city: City, *, mode: str = "rehearsal") -> None:
        self._city = city
        self._changed = Condition()
        self._clock = Clock(now=START, mode=mode)
        self._ticks = 0
        self._begin()

    def _begin(self) -> None:
        self.ledger = MemoryLedger()
        self.fields = MemoryFieldStore()
        self.readings = ScriptedReadings(self)
        self._cues: list[Cue] = script(self._city, self.fields)
        self._length = self._cues[-1].at

    @property
    def city(self) -> City:
        return self._city

    def states(self) -> Any:
        return SimpleNamespace(seq=self.ledger.head, sense=sense.initial_state())

    def inputs(self) -> Any:
        return SimpleNamespace(sense=SimpleNamespace(devices=device_registry(self._city)))

    def clock(self) -> Clock:
        return self._clock

    def advance(self, to: timedelta) -> None:
        """Play every cue up to an instant of the script."""
        with self._changed:
            while self._cues and self._cues[0].at <= to:
                cue = self._cues.pop(0)
                self.ledger.append(cue.drafts, now=START + cue.at)
            over = not self._cues
            self._clock = replace(
                self._clock,
                now=START + to,
                progress_ratio=min(1.0, to / self._length),
                phase="ended" if over else self._clock.phase,
            )
            self._changed.notify_all()

    def order(self, order: object, *, actor: str) -> list[Entry]:
        if isinstance(order, ReviseRemediation):
            return self._revise(order, actor)
        match order:
            case AcknowledgeTask(task_id=task_id, role_id=role_id):
                body: Any = TaskAcknowledged(task_id=task_id, role_id=role_id)
            case CompleteTask(task_id=task_id, role_id=role_id, receipt=receipt):
                body = TaskCompleted(task_id=task_id, role_id=role_id, receipt=receipt)
            case _:
                raise OrderRefused(f"the script knows no {type(order).__name__}")
        known = {e.body.task_id for e in self.ledger.since(0) if e.kind == "TaskCreated"}
        if task_id not in known:
            raise NotFound(f"no task {task_id!r}", mend="List them with GET /api/state")
        draft = Draft(stream=f"task/{task_id}", body=body, occurred_at=self._clock.now, actor=actor)
        with self._changed:
            entries = self.ledger.append([draft], now=self._clock.now)
            self._changed.notify_all()
        return entries

    def _revise(self, order: ReviseRemediation, actor: str) -> list[Entry]:
        state = recover.initial_state()
        for entry in self.ledger.since(0, kinds=("RemediationRevised",)):
            state = recover.evolve(state, entry)
        with self._changed:
            entries = self.ledger.append(
                [revised(state, order, self._city, self._clock.now, actor)], now=self._clock.now
            )
            self._changed.notify_all()
        return entries

    feed_care = None
    alarms = None

    def feeds(self) -> list[FeedCondition]:
        return [
            FeedCondition(
                feed_id="gauges", name="水位", kind="mqtt", state="failed", since=START, error="cut", breaks=2
            )
        ]

    def offer(
        self, feed_id: str, data: bytes, *, content_encoding: str = "", delivery: Delivery | None = None
    ) -> Taken:
        del content_encoding, delivery
        if feed_id != "gauges":
            raise NotFound(f"no feed {feed_id!r}")
        if not data.strip():
            raise InvalidInput("the body is empty", where="body")
        return Taken(accepted=len(data.splitlines()), flagged={}, reasons={})

    def hand_in(
        self, feed_id: str, data: bytes, *, content_encoding: str = "", delivery: Delivery | None = None
    ) -> Future[Taken]:
        done: Future[Taken] = Future()
        done.set_result(self.offer(feed_id, data, content_encoding=content_encoding, delivery=delivery))
        return done

    def offer_rain_forecast(
        self,
        source: str,
        issued_at: datetime,
        data: bytes,
        *,
        media_type: str,
        step_min: float = 60.0,
        members: int = 1,
    ) -> list[Entry]:
        said = f"{media_type} by {source} of {issued_at}: {len(data)} bytes, {step_min} min, {members} members"
        raise OrderRefused(f"the script takes no {said}")

    def offer_rain_picture(self, source: str, at: datetime, data: bytes) -> list[Entry]:
        raise OrderRefused(f"the script takes no picture by {source} of {at}: {len(data)} bytes")

    def control(self, *, phase: str | None = None, speed: float | None = None, restart: bool = False) -> Clock:
        with self._changed:
            if restart:
                run = int(self._clock.run_id.split("-")[1]) + 1
                self._clock = Clock(now=START, mode=self._clock.mode, run_id=f"run-{run}")
                self._begin()
            self._clock = replace(
                self._clock,
                phase=phase if phase is not None else self._clock.phase,
                speed=speed if speed is not None else self._clock.speed,
            )
            self._ticks += 1
            self._changed.notify_all()
        return self._clock

    def wait(self, seq: int, timeout_s: float) -> int:
        with self._changed:
            ticks = self._ticks
            self._changed.wait_for(lambda: self.ledger.head > seq or self._ticks != ticks, timeout_s)
            return self.ledger.head

    def report(self) -> tuple[str, dict[str, Any]]:
        return "<!doctype html><title>复盘报告</title><h1>复盘报告</h1>", {"until_seq": self.ledger.head}


def scripted_session(folder: Path, *, mode: str = "rehearsal") -> ScriptedSession:
    return ScriptedSession(web_city(folder / "linjiang"), mode=mode)
