"""What the HTTP face needs of the application behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from rencheng.app.connectors import FeedCondition
from rencheng.app.feed_care import Trial
from rencheng.assess.ports import FieldStore
from rencheng.city import City
from rencheng.kernel import Bilingual
from rencheng.ledger import Entry, Ledger
from rencheng.sense import Delivery
from rencheng.sense.ports import Alarms, Readings
from rencheng.sense.refused import RefusedQuery

__all__ = ["ClockReading", "FeedCare", "Intake", "Session"]


class ClockReading(Protocol):
    """What the run's clock says."""

    @property
    def mode(self) -> str:
        """Live, replay or rehearsal, in lower case."""
        ...

    @property
    def now(self) -> datetime:
        """Instant of the run (aware UTC)."""
        ...

    @property
    def speed(self) -> float:
        """Seconds of the run per second of the wall; 0 for as fast as possible."""
        ...

    @property
    def phase(self) -> str:
        """One of starting, running, paused, ended, failed."""
        ...

    @property
    def progress_ratio(self) -> float | None:
        """Part of the recorded feed or scenario that is over, 0 to 1; None when live."""
        ...

    @property
    def title(self) -> Bilingual:
        """What is running."""
        ...

    @property
    def run_id(self) -> str:
        """Name of the run."""
        ...

    @property
    def message(self) -> Bilingual | None:
        """Something a person should know about the run (say, why it failed)."""
        ...


class Intake(Protocol):
    """What became of a bulk of readings."""

    @property
    def accepted(self) -> int:
        """Rows stored."""
        ...

    @property
    def repeated(self) -> int:
        """Rows that were already stored."""
        ...

    @property
    def refused(self) -> int:
        """Rows kept aside with a reason."""
        ...

    @property
    def flagged(self) -> Mapping[str, int]:
        """Quality flag → stored rows that carry it."""
        ...


class FeedCare(Protocol):
    """What people can do about the feeds of a live run."""

    def counts(self, feed_id: str) -> Mapping[str, int]:
        """Reason → rows that a feed has kept aside."""
        ...

    def page(self, query: RefusedQuery) -> pa.Table:
        """A page of refused rows."""
        ...

    def trial(self, query: RefusedQuery) -> Trial:
        """What would become of rows if they were offered again."""
        ...


class Session(Protocol):
    """A run as the page and the API see it; every method may be called from any thread."""

    @property
    def city(self) -> City:
        """The city of the run."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The run's ledger."""
        ...

    @property
    def fields(self) -> FieldStore:
        """Large tables named in facts."""
        ...

    @property
    def readings(self) -> Readings:
        """What was sensed."""
        ...

    @property
    def alarms(self) -> Alarms | None:
        """Alarms that detection found; None where nothing detects."""
        ...

    def states(self) -> Any:
        """State of every stage (attributes by room name) and ``seq``, the head they were folded to."""
        ...

    def inputs(self) -> Any:
        """What every stage is given that stays the same in a run (attributes by room name)."""
        ...

    def clock(self) -> ClockReading:
        """Read the run's clock."""
        ...

    def order(self, order: object, *, actor: str) -> Sequence[Entry]:
        """Carry an order out; the facts that follow. Raises ``OrderRefused``, ``NotFound``, ``Conflict``."""
        ...

    def offer(
        self, feed_id: str, data: bytes, *, content_encoding: str = "", delivery: Delivery | None = None
    ) -> Intake:
        """Take a bulk of raw readings for a feed."""
        ...

    @property
    def feed_care(self) -> FeedCare | None:
        """What people can do about the feeds; None where the run is not live."""
        ...

    def hand_in(
        self, feed_id: str, data: bytes, *, content_encoding: str = "", delivery: Delivery | None = None
    ) -> Future[Any]:
        """Decode a bulk of raw readings now; the future gives its :class:`Intake` when it is stored."""
        ...

    def feeds(self) -> Sequence[FeedCondition]:
        """How each feed of a live run is; none otherwise."""
        ...

    def offer_rain_picture(self, source: str, at: datetime, data: bytes) -> Sequence[Entry]:
        """Take a raster of rain rates; ``InvalidInput`` or ``OrderRefused`` where it cannot be."""
        ...

    def offer_rain_forecast(
        self,
        source: str,
        issued_at: datetime,
        data: bytes,
        *,
        media_type: str,
        step_min: float = 60.0,
        members: int = 1,
    ) -> Sequence[Entry]:
        """Take a forecast of the rain; ``InvalidInput`` or ``OrderRefused`` where it cannot be."""
        ...

    def control(self, *, phase: str | None = None, speed: float | None = None, restart: bool = False) -> ClockReading:
        """Pause, resume, hurry, slow or begin again; ``OrderRefused`` where the clock is the wall's."""
        ...

    def wait(self, seq: int, timeout_s: float) -> int:
        """Block until the ledger's head passes ``seq`` or the clock was changed, at most so long; the head."""
        ...

    def report(self) -> tuple[str, dict[str, Any]]:
        """After-action report up to now, as HTML and as data."""
        ...
