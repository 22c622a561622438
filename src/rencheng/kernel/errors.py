"""The error tree of the house.

::

    RenchengError
    ├── InvalidInput        what came in is wrong: names the place and the mend
    │   ├── InvalidConfig   a file a person wrote
    │   └── InvalidReading  telemetry that cannot be taken
    ├── NotFound            a named thing does not exist
    ├── MissingData         an optional part of a city is absent and something needs it
    ├── Conflict            somebody else was first (optimistic concurrency)
    ├── OrderRefused        an order that the state of the world does not allow
    └── StorageFailed       the disk or database refused; nothing acknowledged is lost

A message says what is wrong, where (file, table, row, column, field), and how to mend it.
"""

from __future__ import annotations

__all__ = [
    "Conflict",
    "InvalidConfig",
    "InvalidInput",
    "InvalidReading",
    "MissingData",
    "NotFound",
    "OrderRefused",
    "RenchengError",
    "StorageFailed",
]


class RenchengError(Exception):
    """Any refusal by Rencheng.

    Parameters
    ----------
    what : str
        What is wrong, one clause.
    where : str, optional
        The place: file, table, row, column or field.
    mend : str, optional
        What the reader can do about it.
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what = what
        self.where = where
        self.mend = mend
        super().__init__(self.__str__())

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.mend}" if self.mend else text


class InvalidInput(RenchengError):
    """What came in is wrong; nothing of it was taken unless the message says so."""


class InvalidConfig(InvalidInput):
    """A configuration, plan or rule file is wrong."""


class InvalidReading(InvalidInput):
    """A reading cannot be taken; it is kept aside with this reason."""


class NotFound(RenchengError):
    """A thing asked for by name does not exist."""


class MissingData(RenchengError):
    """An optional part of the city package is absent and what was asked depends on it."""


class Conflict(RenchengError):
    """The stream moved on since it was read: read again and decide again."""


class OrderRefused(RenchengError):
    """The order does not fit the state of the world (say, acknowledging a closed task)."""


class StorageFailed(RenchengError):
    """The store refused (disk full, read-only, damaged); what was acknowledged before stays."""
