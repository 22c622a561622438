"""What is gathered from messages, one after the other, until it becomes one batch."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.adapters.decoding.words import Scale
from rencheng.sense.batch import REFUSED_SCHEMA, Decoded, Delivery, Origin, Placed, RefusalReason, TimingLimits

__all__ = ["RAW_CHARACTERS", "Harvest", "raw_text"]

RAW_CHARACTERS = 2000
"""At most so much of a refused message is kept."""

_UTC = pa.timestamp("us", tz="UTC")


class Harvest:
    """Readings and refusals of one or many messages, in the order in which they came.

    Parameters
    ----------
    limits : TimingLimits
        The feed's allowances.

    Attributes
    ----------
    rows : int
        Messages or records looked at so far; a refusal bears the number of its row, from 1.
    inside : bool
        Whether what is gathered is the inside of a delivery that was begun already.
    """

    __slots__ = (
        "_at",
        "_begun",
        "_limits",
        "_parts",
        "_quantity",
        "_refused",
        "_row",
        "_sensor",
        "_value",
        "inside",
        "rows",
    )

    def __init__(self, limits: TimingLimits) -> None:
        self._limits = limits
        self._sensor: list[str] = []
        self._quantity: list[str] = []
        self._at: list[int] = []
        self._value: list[float] = []
        self._row: list[int] = []
        self._refused: list[tuple[int, str, str, str]] = []
        self._begun: list[int] = []
        self._parts: list[tuple[bytes, Delivery]] = []
        self.inside = False
        self.rows = 0

    traced: ClassVar[bool] = False
    """Whether every field is to be told of one by one, so that short cuts must not be taken."""

    def take(self, sensor: str, at_us: int, word: str, number: float, scale: Scale) -> None:  # noqa: ARG002 — the word is for those who trace
        """Add a reading.

        Parameters
        ----------
        sensor : str
            Who measured.
        at_us : int
            Microseconds since 1970.
        word : str
            What the message calls it.
        number : float
            As the message says it.
        scale : Scale
            Makes it SI.
        """
        self._sensor.append(sensor)
        self._quantity.append(scale.quantity)
        self._at.append(at_us)
        self._value.append(number * scale.factor + scale.offset)
        self._row.append(self.rows)

    def begin(self, body: bytes, delivery: Delivery) -> None:
        """Note that the rows from here on are of this delivery."""
        if not self.inside:
            self._begun.append(self.rows)
            self._parts.append((body, delivery))

    def pass_over(self, word: str) -> None:
        """Note a word that the configuration does not list; nobody is told."""

    def take_many(self, sensor: list[str], quantity: list[str], at_us: list[int], value: list[float]) -> None:
        """Add one row for each of many readings."""
        self._sensor += sensor
        self._quantity += quantity
        self._at += at_us
        self._value += value
        self._row += range(self.rows + 1, self.rows + len(value) + 1)
        self.rows += len(value)

    def refuse(self, raw: bytes | str, reason: str, detail: str) -> None:
        """Keep the present row aside."""
        self._refused.append((self.rows, raw if isinstance(raw, str) else raw_text(raw), reason, detail))

    def add(self, decoded: Decoded) -> None:
        """Add what another harvest gave, as the next rows."""
        first = self.rows
        rows = decoded.good.to_pydict()
        self._sensor += rows["sensor_id"]
        self._quantity += rows["quantity"]
        self._at += decoded.good["at"].cast(pa.int64()).to_pylist()
        self._value += rows["value"]
        self._row += [first + row for row in rows["row"]]
        self._refused += [(first + r["row"], r["raw"], r["reason"], r["detail"]) for r in decoded.refused.to_pylist()]
        self.rows += decoded.rows

    @property
    def taken(self) -> int:
        """Readings so far."""
        return len(self._value)

    def decoded(self) -> Decoded:
        """Make a batch of everything gathered; the row of each reading comes as a fifth column."""
        value = np.array(self._value, dtype=np.float64)
        if not np.isfinite(value).all():
            self._refuse_endless(np.flatnonzero(~np.isfinite(value)))
            return self.decoded()
        good = pa.table(
            {
                "sensor_id": pc.dictionary_encode(pa.array(self._sensor, pa.string())),
                "quantity": pc.dictionary_encode(pa.array(self._quantity, pa.string())),
                "at": pa.array(self._at, pa.int64()).cast(_UTC),
                "value": pa.array(value),
                "row": pa.array(self._row, pa.int64()),
            }
        )
        refused = REFUSED_SCHEMA.empty_table()
        if self._refused:
            columns = list(zip(*self._refused, strict=True))
            refused = pa.table([pa.array(column) for column in columns], schema=REFUSED_SCHEMA)
        origins = self._origins if self._parts else None
        return Decoded(good=good, refused=refused, rows=self.rows, limits=self._limits, origins=origins)

    def _origins(self, refused: Sequence[int], good: Sequence[int]) -> list[Placed | None]:
        """The deliveries that rows came in."""
        known: dict[int, Origin] = {}
        found: list[Placed | None] = []
        for row in (*refused, *good):
            k = bisect_left(self._begun, row) - 1  # the last delivery that began before the row
            if k < 0:
                found.append(None)
                continue
            if k not in known:
                body, delivery = self._parts[k]
                known[k] = Origin(form="body", body=body, delivery=delivery)
            found.append((known[k], row - self._begun[k]))
        return found

    def _refuse_endless(self, index: NDArray[np.int64]) -> None:
        """Keep aside what is beyond all numbers once it is in SI units."""
        for place in index.tolist():
            told = f"sensor {self._sensor[place]}: {self._quantity[place]} is {self._value[place]} in SI units"
            self._refused.append((self._row[place], str(self._value[place]), RefusalReason.NOT_FINITE, told))
        gone = set(index.tolist())
        keep = [place for place in range(len(self._value)) if place not in gone]
        self._sensor = [self._sensor[place] for place in keep]
        self._quantity = [self._quantity[place] for place in keep]
        self._at = [self._at[place] for place in keep]
        self._value = [self._value[place] for place in keep]
        self._row = [self._row[place] for place in keep]
        self._refused.sort(key=lambda entry: entry[0])


def raw_text(raw: bytes) -> str:
    r"""A refused message as text, or in hexadecimal where it is no printable text; long ones are cut.

    Examples
    --------
    >>> raw_text(b"{oops"), raw_text(b"~~\x01")
    ('{oops', '7e7e01')
    """
    head = raw[:RAW_CHARACTERS]
    text = head.decode("utf-8", errors="replace")
    if len(raw) > RAW_CHARACTERS:
        text = text.rstrip("\N{REPLACEMENT CHARACTER}")  # a character cut in two by us is no fault of the sender
    if "\N{REPLACEMENT CHARACTER}" not in text and all(c.isprintable() or c in "\t\r\n" for c in text):
        return text
    return raw[: RAW_CHARACTERS // 2].hex()
