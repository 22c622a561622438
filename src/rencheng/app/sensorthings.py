"""The SensorThings service of a run: its city, ledger and readings, and how it writes to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count

from rencheng.adapters.sensorthings import FEED_ID, SensorThings
from rencheng.app.compose import Run
from rencheng.app.connectors import Connector
from rencheng.app.live_intake import LiveIntake
from rencheng.kernel import Draft, OrderRefused, micros
from rencheng.ledger import Entry
from rencheng.sense import Decoded, FeedConfig, Intake, TimingLimits, feed_config_from_dict
from rencheng.sense.source import SensorThingsSource

__all__ = ["sensorthings_feed", "sensorthings_of"]


def sensorthings_feed() -> FeedConfig:
    """The feed that Observations of clients come in by; they are decoded by the service itself."""
    section = {"id": FEED_ID, "name": "OGC SensorThings", "source": {"kind": SensorThingsSource.kind}}
    return feed_config_from_dict(section, where="sensorthings")


def sensorthings_of(
    run: Run,
    intake: LiveIntake | None,
    *,
    record: Callable[[Sequence[Draft]], Sequence[Entry]],
    taken: Callable[[], None],
    clock: Callable[[], datetime],
) -> SensorThings:
    """Make the service of a run.

    Parameters
    ----------
    run : Run
        The run.
    intake : LiveIntake, optional
        What takes readings; without it, in a run that is not live, Observations can only be read.
    record : callable
        Records facts in a turn of the loop.
    taken : callable
        Called after a batch is durable.
    clock : callable
        The run's now.
    """
    numbers = count(1)

    def take(batch: Decoded) -> Intake:
        if intake is None:
            raise OrderRefused("readings can be offered to a live run only", mend="Start one with: rencheng run --city")
        position = f"sta:{micros(clock())}:{next(numbers)}"
        found = intake.take(FEED_ID, position, Decoded(good=batch.good, rows=batch.rows, limits=TimingLimits()))
        taken()
        return found

    service = SensorThings(run.city, run.ledger, run.readings, record=record, take=take, clock=clock)
    if intake is not None:
        intake.connect(FEED_ID, lambda config: _connector(service, config))
    return service


def _connector(service: SensorThings, config: FeedConfig) -> Callable[[Callable[[], None]], Connector] | None:
    """What makes the connection to a broker; None where the service speaks HTTP only."""
    source = config.source
    if not isinstance(source, SensorThingsSource) or not source.mqtt:
        return None
    from rencheng.app.connectors.sensorthings import SensorThingsConnector

    return lambda ready: SensorThingsConnector(source, service, ready)
