"""Many clients, one commit: single Observations that come while a commit is under way are stored with the next one."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rencheng.adapters.sensorthings.reading import Entity
from rencheng.kernel import RenchengError, StorageFailed

__all__ = ["GroupCommit", "Outcome", "Post"]

_LOG = logging.getLogger(__name__)
_MOST_POSTS = 5_000
"""Posts after which a commit takes no further bundle."""
_LINGER_S = 0.004
"""Longest wait for company: less than half of what a commit takes."""

Outcome = Entity | RenchengError
"""The Observation that there is now, or why there is none."""


@dataclass(frozen=True, slots=True)
class Post:
    """An Observation that a client wants created.

    Parameters
    ----------
    path : str
        Address of the set, e.g. ``Datastreams(1)/Observations``.
    body : JSON
        As the client sent it.
    actor : str
        Who asks.
    """

    path: str
    body: Any
    actor: str


_Bundle = tuple[Sequence[Post], "Future[list[Outcome]]"]


class GroupCommit:
    """Gathers posts of all clients into commits. Any thread may call it.

    Parameters
    ----------
    create_all : callable
        Creates posts in one commit; gives one outcome for each, in their order.

    Notes
    -----
    A commit costs a sync of the disk however little is in it (DeWitt et al., "Implementation techniques for main memory
    database systems", SIGMOD 1984, section 5.2). Whoever comes alone goes at once. Where several were served lately, it
    waits a moment for them to come back: clients that wait for their answers would else fall into halves that take
    turns, with twice the commits.
    """

    def __init__(self, create_all: Callable[[Sequence[Post]], list[Outcome]]) -> None:
        self._create_all = create_all
        self._changed = threading.Condition()
        self._count = 0
        self._expected = 0
        self._waiting: deque[_Bundle] = deque()
        self._is_busy = False
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="rencheng-observations")

    def offer(self, posts: Sequence[Post]) -> Future[list[Outcome]]:
        """Hand posts in; the future is done when they are durable, or refused each for itself."""
        done: Future[list[Outcome]] = Future()
        with self._changed:
            self._waiting.append((posts, done))
            self._count += len(posts)
            if self._is_busy:
                if self._count >= self._expected:
                    self._changed.notify()
                return done
            self._is_busy = True
        self._worker.submit(self._work)
        return done

    def close(self) -> None:
        """Store what was handed in, and have nobody at work any more."""
        self._worker.shutdown(wait=True)

    def _work(self) -> None:
        while group := self._next():
            posts = [post for bundle, _ in group for post in bundle]
            outcomes = self._created(posts)
            with self._changed:
                self._expected = len(posts) + self._count
            at = 0
            for bundle, done in group:
                done.set_result(outcomes[at : at + len(bundle)])
                at += len(bundle)

    def _next(self) -> list[_Bundle]:
        group: list[_Bundle] = []
        posts = 0
        with self._changed:
            if self._waiting:
                self._changed.wait_for(lambda: self._count >= self._expected, _LINGER_S)
            while self._waiting and (not group or posts + len(self._waiting[0][0]) <= _MOST_POSTS):
                group.append(self._waiting.popleft())
                posts += len(group[-1][0])
            self._count -= posts
            self._is_busy = bool(group)
        return group

    def _created(self, posts: Sequence[Post]) -> list[Outcome]:
        """One outcome for each; a post that breaks the service's own code takes no other with it."""
        try:
            return self._create_all(posts)
        except RenchengError as error:
            return [error] * len(posts)
        except Exception as error:  # noqa: BLE001 — whoever waits is told; the other clients must not wait for ever
            if len(posts) > 1:
                return [outcome for post in posts for outcome in self._created([post])]
            _LOG.exception("an Observation for %s could not be created", posts[0].path[:200])
            return [StorageFailed(f"{type(error).__name__}: {error}", where="Observation")]
