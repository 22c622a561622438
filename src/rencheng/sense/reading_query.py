"""Asking the readings store for part of its readings: which channels, which conditions, in which order, which page."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AllOf", "AnyOf", "Comparison", "Condition", "Not", "OneReading", "ReadingQuery"]

_COLUMNS = ("at", "value", "flags")
_OPERATORS = ("=", "<>", "<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column against a number: ``at`` in microseconds since 1970, ``value`` in the stored unit, ``flags`` as bits."""

    column: str
    operator: str
    number: float

    def __post_init__(self) -> None:
        assert self.column in _COLUMNS, self.column
        assert self.operator in _OPERATORS, self.operator


@dataclass(frozen=True, slots=True)
class OneReading:
    """A single reading by its channel and stamp; ``second`` names the value of a stamp that has two."""

    sensor_id: str
    quantity: str
    at_us: int
    second: float | None = None


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Some part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = Comparison | OneReading | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingQuery:
    """A page of readings.

    Parameters
    ----------
    channels : tuple of (sensor, quantity), optional
        Of these channels only; ``None`` for all.
    where : Condition, optional
        Which readings.
    order : tuple of (column, whether down)
        ``at`` or ``value``; ties go by stamp, channel and value.
    skip, top : int
        Readings to leave out first, and to give at most.
    """

    channels: tuple[tuple[str, str], ...] | None = None
    where: Condition | None = None
    order: tuple[tuple[str, bool], ...] = ()
    skip: int = 0
    top: int = 100
