"""A view is a fold of facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from rencheng.ledger.entry import Entry

__all__ = ["fold"]

S = TypeVar("S")


def fold(entries: Iterable[Entry], evolve: Callable[[S, Entry], S], state: S) -> S:
    """Run entries through ``evolve`` from a first state, in order, and give the last state."""
    for entry in entries:
        state = evolve(state, entry)
    return state
