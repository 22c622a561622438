"""The loop under a ledger that refuses, a live run that was killed, and a session that people hold in their hands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from rencheng.adapters.memory import MemoryLedger
from rencheng.app.clocks import Moment, rehearsal_moments
from rencheng.app.compose import Run, compose
from rencheng.app.loop import Loop
from rencheng.app.rehearsal import open_rehearsal
from rencheng.app.session import Score, Session
from rencheng.app.settings import Settings
from rencheng.app.stages import initial_states
from rencheng.city import City, read_city
from rencheng.kernel import Bilingual, Draft, InvalidInput, NotFound, OrderRefused, StorageFailed
from rencheng.ledger import Entry
from rencheng.rehearse.people import Agenda
from rencheng.rehearse.world import World
from rencheng.respond.orders import AcknowledgeTask
from rencheng.sense import Decoded, SubmitReport
from rencheng.sense.batch import GOOD_SCHEMA

TITLE = Bilingual(zh="演练", en="Rehearsal")
NOW = datetime(2026, 7, 20, 6, tzinfo=UTC)


class FullDisk(MemoryLedger):
    """A ledger whose disk is full for a while."""

    full = False

    def append(
        self, drafts: Sequence[Draft], *, now: datetime, expected: Mapping[str, int] | None = None
    ) -> list[Entry]:
        if self.full:
            raise StorageFailed("no space left on device")
        return super().append(drafts, now=now, expected=expected)


@pytest.fixture(scope="module")
def city(sandbox_city: Path) -> City:
    return read_city(sandbox_city)


@pytest.fixture
def live(city: City, tmp_path: Path) -> Iterator[Run]:
    run = compose(city, tmp_path / "run", mode="live", source="", seed=0, feed_id="", settings=Settings())
    yield run
    run.close()


def report(text: str = "路面积水约0.6米") -> SubmitReport:
    return SubmitReport(
        source="citizen", hazard="waterlogging", category="water_on_road", lon=113.0, lat=30.0, text=text, depth_m=0.6
    )


def test_a_loop_whose_ledger_refuses_stands_where_it_stood(live: Run) -> None:
    """After a full disk is cleared, the same turn must say the same facts: nothing half-believed may stay."""
    ledger = FullDisk()
    loop = Loop(ledger=ledger, inputs=live.loop.inputs, channels={}, states=initial_states())
    before = loop.states
    ledger.full = True
    with pytest.raises(StorageFailed, match="no space left"):
        loop.order(report(), actor="person:li", now=NOW)
    assert loop.states is before
    assert ledger.head == 0
    ledger.full = False
    recorded = loop.order(report(), actor="person:li", now=NOW)
    assert recorded[0].kind == "ReportReceived"
    assert loop.states.seq == ledger.head == len(recorded)


def test_an_order_that_no_stage_knows_is_said_to_be_unknown(live: Run) -> None:
    """Not an IndexError from somewhere inside."""
    with pytest.raises(NotFound, match="no stage handles the order"):
        live.loop.order(object(), actor="person:li", now=NOW)


def test_a_live_run_makes_up_for_a_delivery_that_never_reached_the_ledger(city: City, tmp_path: Path) -> None:
    """Killed after the store acknowledged: the sender will not send again, so the loop must ask the store."""
    channel = city.rows("channels")[0]
    good = pa.table([[channel["sensor_id"]], [channel["quantity"]], [NOW], [0.5]], schema=GOOD_SCHEMA)
    out = tmp_path / "run"
    run = compose(city, out, mode="live", source="", seed=0, feed_id="", settings=Settings())
    run.begin(NOW)
    run.readings.take("readings", "p1", Decoded(good=good, rows=1), now=NOW)
    run.close()
    run = compose(city, out, mode="live", source="", seed=0, feed_id="", settings=Settings())
    later = NOW + timedelta(minutes=5)
    for _ in range(2):
        run.take_up(later)
        taken = [entry for entry in run.ledger.since(0) if entry.kind == "BatchTaken"]
        assert [(e.body.position, e.body.accepted, e.occurred_at) for e in taken] == [("p1", 1, NOW)]
    run.close()


NO_FLOOD = Settings(flood="off")
"""These tests are about the clock and the people at it; the flood cycle has its own story."""


class Rehearsals:
    """Makes a fresh score at every beginning, as the demonstration does."""

    def __init__(self, city: Path, folder: Path, wrap: Callable[[Iterator[Moment]], Iterator[Moment]] | None) -> None:
        self.city, self.folder, self.wrap = city, folder, wrap
        self.made = 0
        self.worlds: list[World] = []

    def __call__(self) -> Score:
        self.made += 1
        run, world = open_rehearsal("rainstorm", self.city, self.folder / str(self.made), seed=3, settings=NO_FLOOD)
        self.worlds.append(world)
        moments = rehearsal_moments(run, world, Agenda(seed=3, manner=world.scenario.people))
        return Score(run=run, moments=self.wrap(moments) if self.wrap else moments, title=TITLE, feeds={})


@pytest.fixture
def start(sandbox_city: Path, tmp_path: Path) -> Iterator[Any]:
    opened: list[Session] = []

    def begin(
        *, speed: float = 0.0, wrap: Callable[[Iterator[Moment]], Iterator[Moment]] | None = None
    ) -> tuple[Session, Rehearsals]:
        scores = Rehearsals(sandbox_city, tmp_path, wrap)
        opened.append(Session(scores, speed=speed))
        return opened[-1], scores

    yield begin
    for session in opened:
        session.close()


def until(holds: Callable[[], bool], *, session: Session, timeout_s: float = 60.0) -> None:
    """Wait on the session itself until something holds."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it never came"
        session.wait(session.states().seq, 0.05)


def first_hours(count: int) -> Callable[[Iterator[Moment]], Iterator[Moment]]:
    """Only so many moments of a run."""

    def cut(moments: Iterator[Moment]) -> Iterator[Moment]:
        for _, moment in zip(range(count), moments, strict=False):
            yield moment

    return cut


def test_a_session_plays_to_its_end(start: Any) -> None:
    """The page must know when the drill is over."""
    session, _ = start(wrap=first_hours(6))
    assert session.clock().phase == "starting"
    session.start()
    until(lambda: session.clock().phase == "ended", session=session)
    assert session.clock().progress_ratio == 1.0
    assert session.ledger.head == session.states().seq > 3


def test_paused_is_paused_and_goes_on(start: Any) -> None:
    """Who pauses to discuss must find nothing changed when the talk is over."""
    session, _ = start(speed=60.0)
    session.start()
    until(lambda: session.states().seq >= 3, session=session)
    assert session.control(phase="paused").phase == "paused"
    seq, now = session.states().seq, session.clock().now
    session.wait(seq, 0.05)
    assert session.states().seq == seq
    assert session.clock().now == now
    session.control(speed=0.0)
    assert session.states().seq == seq
    assert session.control(phase="running").phase == "running"
    until(lambda: session.states().seq > seq, session=session)


def test_an_order_between_two_moments_is_carried_out_then(start: Any) -> None:
    """A resident's report during a pause is recorded at the clock's time, and time never runs back."""
    session, scores = start(speed=60.0)
    session.start()
    until(lambda: session.states().seq >= 3, session=session)
    session.control(phase="paused")
    recorded = session.order(report(), actor="person:li")
    assert recorded[0].kind == "ReportReceived"
    assert recorded[0].occurred_at == session.clock().now
    session.control(phase="running", speed=0.0)
    seq = session.states().seq
    until(lambda: session.states().seq > seq + 5, session=session)
    session.control(phase="paused")
    stamps = [entry.recorded_at for entry in session.ledger.since(0)]
    assert stamps == sorted(stamps)
    assert scores.made == 1


def test_the_simulated_people_learn_what_a_visitor_did(start: Any) -> None:
    """A task that a visitor acknowledges must still be done by somebody, or its incident would never end."""
    session, _ = start(speed=0.0)
    session.start()
    until(lambda: any(t.acknowledged_at is None for t in session.states().respond.tasks.values()), session=session)
    session.control(phase="paused")
    task = next(t for t in session.states().respond.tasks.values() if t.acknowledged_at is None)
    session.order(AcknowledgeTask(task_id=task.task_id, role_id=task.role_id), actor="person:visitor")
    session.control(phase="running")
    until(lambda: session.states().respond.tasks[task.task_id].completed_at is not None, session=session)


def test_beginning_anew_is_a_run_of_its_own(start: Any) -> None:
    """The next group of trainees starts from a calm city and an empty ledger."""
    session, scores = start(speed=60.0)
    session.start()
    until(lambda: session.states().seq >= 3, session=session)
    first = session.clock().run_id
    session.control(restart=True)
    until(lambda: session.clock().phase == "running" and session.states().seq >= 1, session=session)
    assert scores.made == 2
    assert session.clock().run_id != first


@pytest.mark.parametrize("fault", [StorageFailed, ValueError])
def test_a_run_that_fails_is_seen_to_fail(fault: type[Exception], start: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A clock that stands still without a word looks like a quiet city."""

    def failing(moments: Iterator[Moment]) -> Iterator[Moment]:
        yield next(moments)
        raise fault("no space left on device")

    session, _ = start(wrap=failing)
    session.start()
    until(lambda: session.clock().phase == "failed", session=session)
    message = session.clock().message
    assert message is not None
    assert "no space left on device" in message.en
    assert "no space left on device" in message.zh
    assert ("the loop stopped" in caplog.text) == (fault is ValueError)


@pytest.mark.parametrize(
    ("wish", "why"),
    [({"phase": "flying"}, "unknown phase"), ({"speed": -1.0}, "speed"), ({"speed": float("nan")}, "speed")],
)
def test_a_wish_that_makes_no_sense_is_refused(wish: dict[str, Any], why: str, start: Any) -> None:
    """And the clock goes on as before."""
    session, _ = start(speed=60.0)
    with pytest.raises(InvalidInput, match=why):
        session.control(**wish)
    assert session.clock().speed == 60.0


def test_readings_are_not_offered_to_a_drill(start: Any) -> None:
    """Real readings in a simulated flood would spoil both."""
    session, _ = start()
    with pytest.raises(OrderRefused, match="live run only"):
        session.offer("readings", b"")
