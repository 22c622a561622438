"""What people may want of the evaluation: weigh the dimensions of an index anew."""

from __future__ import annotations

from dataclasses import dataclass

from rencheng.kernel import order

__all__ = ["ReviseWeights"]


@order("ReviseWeights")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviseWeights:
    """Weigh the dimensions of an index anew, all of them, summing to 1; the reason is kept for ever."""

    weights: dict[str, float]
    """Dimension → weight."""
    why: str
    index: str = "city-resilience"
