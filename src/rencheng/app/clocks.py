"""The clocks: a recorded feed's, a rehearsal's. Each is a run of moments; who drives them sets the pace.

A generator yields the instant that it is about to act at, and acts when it is asked for the next one. So a driver can
wait, pause, or let a person's order in between two moments, and a run's facts do not depend on its pace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rencheng.adapters.bulk import FeedBatch
from rencheng.app.compose import Run
from rencheng.app.facts import RunEnded
from rencheng.kernel import Draft, OrderRefused
from rencheng.rehearse.people import Agenda
from rencheng.rehearse.world import World
from rencheng.sense import rain_forecast_order, rain_forecast_table

__all__ = ["Moment", "rehearsal_moments", "replay_moments"]

_SERVICE = "weather-service"
"""Who forecasts the rain of a rehearsal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is about to happen: when, and how much of the run is over."""

    at: datetime
    progress_ratio: float


def replay_moments(run: Run, batches: list[FeedBatch], *, whole: bool = True) -> Iterator[Moment]:
    """Play recorded deliveries; timers that fall due between two of them ring in time.

    Parameters
    ----------
    batches : list of FeedBatch
        Deliveries whose turn the ledger does not hold yet. One that the readings store already took, because the run
        was killed between store and ledger, is offered again: the store answers as it did the first time.
    whole : bool
        Whether they reach to the end of the record; else the run is not over.
    """
    run.loop.resume()
    if run.loop.now is not None:
        _look(run, run.loop.now)
    for number, delivery in enumerate(batches):
        progress = number / len(batches)
        yield from _ring(run, delivery.now, progress)
        yield Moment(at=delivery.now, progress_ratio=progress)
        intake = run.readings.take(run.feed_id, delivery.position, delivery.batch, now=delivery.now)
        run.loop.turn(delivery.now, intakes=[intake])
        _look(run, delivery.now)
    if whole and not any(entry.kind == "RunEnded" for entry in run.ledger.stream("run/0")):
        _end(run, run.loop.now)


def rehearsal_moments(run: Run, world: World, agenda: Agenda) -> Iterator[Moment]:
    """Play a scenario: the world moves on, people act, sensors report, the loop turns."""
    yield Moment(at=world.now, progress_ratio=0.0)
    run.loop.turn(world.now, drafts=world.opening(), sensed=False)
    _hear_forecast(run, world)
    while world.now < world.end:
        world.observe(run.ledger.since(world.heard))
        delivery = world.advance()
        for act in delivery.acts:
            agenda.plan(act)
        yield from _live_until(run, agenda, delivery.now, world)
        yield Moment(at=delivery.now, progress_ratio=world.progress_ratio)
        intake = run.readings.take(run.feed_id, delivery.position, delivery.readings, now=delivery.now)
        run.loop.turn(delivery.now, intakes=[intake])
        _hear_forecast(run, world)
        _look(run, delivery.now)
    run.loop.turn(world.now, drafts=world.closing(run.fields.put(world.truth())), sensed=False)
    _end(run, world.now)


def _live_until(run: Run, agenda: Agenda, at: datetime, world: World) -> Iterator[Moment]:
    """Let people act and timers ring, in order of time, until the next delivery.

    People learn from the ledger, so they also learn what a visitor at the console did between two moments.
    """
    rung: datetime | None = None
    while True:
        agenda.observe(run.ledger.since(agenda.heard))
        acts, timer, flood = agenda.next_due(), run.loop.next_due(), _flood_due(run)
        if timer is not None and rung is not None and timer <= rung:
            timer = None  # it rang and had nothing to say; the delivery will ask again
        due = min((d for d in (acts, timer, flood) if d is not None), default=None)
        if due is None or due >= at:
            return
        now = max(due, run.loop.now or due)
        yield Moment(at=now, progress_ratio=world.progress_ratio)
        if due == flood:
            _take_flood(run, now)
        elif timer is not None and (acts is None or timer <= acts):
            rung = due
            run.loop.turn(now, sensed=False)
        else:
            _act(run, agenda, now)


def _hear_forecast(run: Run, world: World) -> None:
    """Take the weather service's forecast where it issues one."""
    forecast = world.rain_forecast()
    if forecast is not None:
        stored = run.fields.put(rain_forecast_table(forecast))
        order = rain_forecast_order(_SERVICE, world.now, forecast, stored)
        run.loop.order(order, actor=f"feed:{_SERVICE}", now=world.now)


def _act(run: Run, agenda: Agenda, now: datetime) -> None:
    """One person's order; what the loop refuses does not happen, as at a console."""
    act = agenda.take()
    try:
        run.loop.order(act.order, actor=act.actor, now=now)
    except OrderRefused:
        agenda.refused(act, now)


def _ring(run: Run, until: datetime, progress: float) -> Iterator[Moment]:
    rung: datetime | None = None
    while True:
        timer, flood = run.loop.next_due(), _flood_due(run)
        if timer is not None and rung is not None and timer <= rung:
            timer = None
        due = min((d for d in (timer, flood) if d is not None), default=None)
        if due is None or due >= until:
            return
        now = max(due, run.loop.now or due)
        yield Moment(at=now, progress_ratio=progress)
        if due == flood:
            _take_flood(run, now)
        else:
            rung = due
            run.loop.turn(now, sensed=False)


def _look(run: Run, now: datetime) -> None:
    """Let the flood cycle begin if it is wanted."""
    if run.flood is not None and (drafts := run.flood.look(now)):
        run.loop.turn(now, drafts=drafts, sensed=False)


def _flood_due(run: Run) -> datetime | None:
    return None if run.flood is None else run.flood.next_due()


def _take_flood(run: Run, now: datetime) -> None:
    """Publish the flood cycle's outcome, and let every stage judge by it."""
    assert run.flood is not None
    run.loop.turn(now, drafts=run.flood.take(now))


def _end(run: Run, now: datetime | None) -> None:
    feed = run.loop.states.sense.feeds.get(run.feed_id)
    if feed is None or now is None:
        return  # nothing was ever delivered
    body = RunEnded(turns=feed.batches, readings=run.readings.count())
    run.loop.turn(now, drafts=[Draft(stream="run/0", body=body, occurred_at=now, actor="clock")], sensed=False)
