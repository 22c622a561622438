"""Feeds that are asked for by HTTP at even intervals."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from rencheng.adapters.polling import PolledAddress
from rencheng.app.connectors.folder import await_commit
from rencheng.app.connectors.inlet import FeedInlet
from rencheng.kernel import format_instant, parse_instant
from rencheng.sense import Delivery
from rencheng.sense.source import PollSource

__all__ = ["PollConnector"]

_FIRST = timedelta(hours=1)
"""What ``{since}`` says before the first answer: so long before now."""
_LONGEST_REST_S = 3600.0


class PollConnector:
    """Asks an address.

    Parameters
    ----------
    source : PollSource
        Which, how often.
    ready : callable
        Called when it has answered.

    Notes
    -----
    A position is the instant of the request and the hash of the answer. After a restart ``{since}`` goes on from the
    last answer that was stored.
    """

    def __init__(self, source: PollSource, ready: Callable[[], None]) -> None:
        self._source, self._ready = source, ready
        self._address: PolledAddress | None = None
        self._since: datetime | None = None
        self._last = ""

    def run(self, inlet: FeedInlet, stop: threading.Event) -> None:
        """Deliver until ``stop``; see :class:`rencheng.app.connectors.Connector`."""
        source = self._source
        if self._address is None:
            token = os.environ.get(source.token_env, "") if source.token_env else ""
            self._address = PolledAddress(
                source.url,
                timeout_s=source.timeout_s,
                headers=source.headers,
                token=token,
                largest=inlet.config.max_body_bytes,
            )
            self._since, self._last = _where_it_stood(inlet.last_position or "")
        while not stop.is_set():
            asked_at = inlet.clock()
            rest_s = self._ask(self._address, inlet, asked_at, stop)
            passed_s = (inlet.clock() - asked_at).total_seconds()
            stop.wait(max(rest_s, source.every_s - passed_s))

    def _ask(self, address: PolledAddress, inlet: FeedInlet, asked_at: datetime, stop: threading.Event) -> float:
        """Ask once and store the answer; tells how long the other end wants to be left alone."""
        since = self._since or asked_at - _FIRST
        answer = address.ask(format_instant(since))
        self._ready()
        if answer.body is None:
            return min(answer.retry_after_s, _LONGEST_REST_S)
        mark = hashlib.sha256(answer.body).hexdigest()[:32]
        if mark != self._last or inlet.stamps_on_arrival:
            batch = inlet.decode_many([(answer.body, Delivery(arrived_at=asked_at))])
            position = f"poll {asked_at.astimezone(UTC).isoformat()} {mark}"
            if not await_commit(inlet.offer(position, batch), stop):
                return 0.0
        self._since, self._last = asked_at, mark
        address.taken()
        return 0.0


def _where_it_stood(position: str) -> tuple[datetime | None, str]:
    """Instant and hash of the last answer stored by an earlier run."""
    kind, _, rest = position.partition(" ")
    instant, _, mark = rest.partition(" ")
    return (parse_instant(instant, name="position"), mark) if kind == "poll" and mark else (None, "")
