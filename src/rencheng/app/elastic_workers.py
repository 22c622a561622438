"""Workers that decode deliveries: more of them while deliveries wait, fewer when they idle.

A worker decodes a delivery, lays it on the intake desk and is free: nobody stands by while the desk commits. So a few
do for a burst; they become more when the desk has no room and holds them up, or when decoding is what is slow.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["ElasticWorkers", "WorkerLoad"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLoad:
    """How busy the workers are.

    Parameters
    ----------
    workers, idle : int
        Threads there are, and those without work.
    waiting : int
        Deliveries that no worker has yet.
    delay_s : float
        How long the last one taken up had waited.
    most : int
        Most workers there ever were.
    """

    workers: int
    idle: int
    waiting: int
    delay_s: float
    most: int


class ElasticWorkers:
    """A pool of threads that grows with the delay in its queue and shrinks when it idles.

    Parameters
    ----------
    least, most : int
        Bounds of their number; none is there before the first work.
    delay_s : float
        Another worker comes when what waits longest has waited for so long.
    idle_s : float
        A worker beyond the least leaves after so long without work.
    """

    def __init__(self, *, least: int = 2, most: int = 8, delay_s: float = 0.01, idle_s: float = 5.0) -> None:
        self._least, self._most, self._delay_s, self._idle_s = least, most, delay_s, idle_s
        self._changed = threading.Condition()
        self._queue: deque[tuple[Callable[[], Any], Future[Any], float]] = deque()
        self._workers = self._idle = self._highest = self._named = 0
        self._last_delay_s = 0.0
        self._closing = False

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Have a worker do something; the future tells what came of it.

        Raises
        ------
        RuntimeError
            If the workers were sent home.
        """
        done: Future[T] = Future()
        with self._changed:
            if self._closing:
                raise RuntimeError("the workers were sent home")
            self._queue.append((work, done, time.monotonic()))
            if self._idle:
                self._changed.notify()
            self._grow()
        return done

    def load(self) -> WorkerLoad:
        """How busy they are."""
        with self._changed:
            return WorkerLoad(
                workers=self._workers,
                idle=self._idle,
                waiting=len(self._queue),
                delay_s=self._last_delay_s,
                most=self._highest,
            )

    def close(self) -> None:
        """Send the workers home once the queue is empty; does not wait for them."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _grow(self) -> None:
        """One more worker where too few, or where something waits for too long; called with the lock held."""
        if not self._queue or self._idle >= len(self._queue):
            return
        late = time.monotonic() - self._queue[0][2] >= self._delay_s
        if self._workers < (self._most if late else self._least):
            self._workers += 1
            self._named += 1
            self._highest = max(self._highest, self._workers)
            threading.Thread(target=self._work, name=f"rencheng-worker-{self._named}", daemon=True).start()

    def _work(self) -> None:
        while (found := self._next()) is not None:
            work, done = found
            if done.set_running_or_notify_cancel():
                try:
                    done.set_result(work())
                except BaseException as error:  # noqa: BLE001 — whatever it is, it belongs to who waits for the future
                    done.set_exception(error)
            del work, done, found

    def _next(self) -> tuple[Callable[[], Any], Future[Any]] | None:
        """Work to do; None when this worker is to leave."""
        with self._changed:
            self._idle += 1
            try:
                while not self._queue:
                    if self._closing or not (self._changed.wait(self._idle_s) or self._queue or self._few()):
                        self._workers -= 1
                        return None
                work, done, since = self._queue.popleft()
            finally:
                self._idle -= 1
            self._last_delay_s = time.monotonic() - since
            self._grow()
            return work, done

    def _few(self) -> bool:
        return self._workers <= self._least
