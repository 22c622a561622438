"""How often a live run says that a feed delivers: every batch is stored at once, but not each is worth a fact."""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import datetime, timedelta

from rencheng.app.intake_desk import by_feed
from rencheng.sense import Intake

__all__ = ["BatchCadence"]


class BatchCadence:
    """Sums up what feeds deliver until it is time to say so.

    A feed is told of at once when it delivers for the first time, after a failure, or after it was quiet for as long
    as the cadence; when rows are refused of which none were in what was told last; and else once in so many seconds.
    What is not told yet is in the readings store, from which it is made up for after a kill.

    Parameters
    ----------
    every_s : float
        Seconds that one telling sums up; 0 tells all at once.

    Examples
    --------
    >>> from datetime import UTC
    >>> at = datetime(2026, 7, 1, tzinfo=UTC)
    >>> one = Intake(feed_id="f", position="1", rows=5, accepted=5, repeated=0, refused=0, flagged={}, reasons={},
    ...              first_at=at, last_at=at, taken_at=at)
    >>> cadence = BatchCadence(10.0)
    >>> [i.accepted for i in cadence.hear([one], at)], cadence.hear([one, one], at + timedelta(seconds=4))
    ([5], [])
    >>> [i.accepted for i in cadence.hear([], at + timedelta(seconds=10))]
    [10]
    """

    def __init__(self, every_s: float) -> None:
        self._every = timedelta(seconds=every_s)
        self._untold: dict[str, list[Intake]] = {}
        self._told: dict[str, tuple[datetime, bool]] = {}

    def hear(self, intakes: Iterable[Intake], now: datetime, failed: Container[str] = ()) -> list[Intake]:
        """Take what was stored since the last turn, and give what is to be told now, one sum per feed.

        Parameters
        ----------
        intakes : iterable of Intake
            In the order of their commits.
        now : datetime
            The run's clock.
        failed : container of str
            Feeds that were said to be broken.
        """
        for intake in intakes:
            self._untold.setdefault(intake.feed_id, []).append(intake)
        due = [feed_id for feed_id, ones in self._untold.items() if self._is_due(feed_id, ones, now, failed)]
        return [self._tell(feed_id, now) for feed_id in due]

    def rest(self, now: datetime) -> list[Intake]:
        """Give all that is not told yet."""
        return [self._tell(feed_id, now) for feed_id in list(self._untold)]

    def _is_due(self, feed_id: str, ones: list[Intake], now: datetime, failed: Container[str]) -> bool:
        told = self._told.get(feed_id)
        if told is None or feed_id in failed or now - told[0] >= self._every:
            return True
        return not told[1] and any(one.refused for one in ones)

    def _tell(self, feed_id: str, now: datetime) -> Intake:
        (summed,) = by_feed(self._untold.pop(feed_id))
        self._told[feed_id] = (now, summed.refused > 0)
        return summed
