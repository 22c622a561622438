"""Keeping connections up: what breaks is told once, tried again with growing patience, and told mended once."""

from __future__ import annotations

import logging
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rencheng.app.connectors.inlet import FeedInlet
from rencheng.kernel import RenchengError

__all__ = ["Connector", "FeedNotice", "Supervisor"]

_LOG = logging.getLogger(__name__)
_FIRST_S, _LONGEST_S = 0.5, 60.0


class Connector(Protocol):
    """One way to reach a feed."""

    def run(self, inlet: FeedInlet, stop: threading.Event) -> None:
        """Connect, say so to the ``ready`` given at the making, and deliver until ``stop``.

        Raises
        ------
        RenchengError, OSError
            If the connection breaks; it is run again.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedNotice:
    """A feed broke, or its connection stands.

    Parameters
    ----------
    feed_id : str
        The feed.
    reason : str
        Why it broke; empty when it stands.
    """

    feed_id: str
    reason: str = ""


class Supervisor:
    """Runs one connector in a thread of its own, again and again.

    Parameters
    ----------
    make : callable
        Makes the connector; it is given what to call once the connection stands.
    inlet : FeedInlet
        Where the feed's deliveries go in.
    tell : callable
        Told once when the feed breaks, and whenever its connection stands.
    first_s, longest_s : float
        First and longest wait between two tries.
    """

    def __init__(
        self,
        make: Callable[[Callable[[], None]], Connector],
        inlet: FeedInlet,
        *,
        tell: Callable[[FeedNotice], None],
        first_s: float = _FIRST_S,
        longest_s: float = _LONGEST_S,
    ) -> None:
        self._connector = make(self._ready)
        self._inlet, self._tell = inlet, tell
        self._first_s, self._longest_s = first_s, longest_s
        self._stop = threading.Event()
        self._stood = False
        name = f"rencheng-feed-{inlet.config.id}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the connection to end; see :meth:`join`."""
        self._stop.set()

    def join(self, timeout_s: float = 15.0) -> None:
        """Wait until it has ended."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        close = getattr(self._connector, "close", None)
        if close is not None:
            close()

    def _ready(self) -> None:
        self._stood = True
        self._inlet.connected()
        self._tell(FeedNotice(feed_id=self._inlet.config.id))

    def _run(self) -> None:
        wait_s = self._first_s
        # feeds that broke together must not all come back in the same instant
        spread = 0.75 + 0.5 * (zlib.crc32(self._inlet.config.id.encode()) % 1000) / 1000
        while not self._stop.is_set():
            self._stood = False
            why = self._tried()
            if why is None or self._stop.is_set():
                return
            if self._inlet.failed(why):
                _LOG.warning("feed %s broke: %s", self._inlet.config.id, why)
                self._tell(FeedNotice(feed_id=self._inlet.config.id, reason=why))
            wait_s = self._first_s if self._stood else min(2 * wait_s, self._longest_s)
            self._stop.wait(wait_s * spread)

    def _tried(self) -> str | None:
        """Run the connector once; tells why it broke, None if it ended."""
        try:
            self._connector.run(self._inlet, self._stop)
        except (RenchengError, OSError) as error:
            return str(error) or type(error).__name__
        except Exception as error:  # noqa: BLE001 — the boundary: a feed must never die unseen
            _LOG.exception("the connection of feed %r broke", self._inlet.config.id)
            return f"{type(error).__name__}: {error}"
        return None
