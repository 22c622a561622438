"""What is gathered from messages, one after the other, until it becomes one batch."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from rencheng.sense.batch import REFUSED_SCHEMA, Decoded, TimingLimits

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
    """

    __slots__ = ("_at", "_limits", "_quantity", "_refused", "_row", "_sensor", "_value", "rows")

    def __init__(self, limits: TimingLimits) -> None:
        self._limits = limits
        self._sensor: list[str] = []
        self._quantity: list[str] = []
        self._at: list[int] = []
        self._value: list[float] = []
        self._row: list[int] = []
        self._refused: list[tuple[int, str, str, str]] = []
        self.rows = 0

    def take(self, sensor: str, quantity: str, at_us: int, value: float) -> None:
        """Add a reading in the SI unit of its quantity, stamped in microseconds since 1970."""
        self._sensor.append(sensor)
        self._quantity.append(quantity)
        self._at.append(at_us)
        self._value.append(value)
        self._row.append(self.rows)

    def refuse(self, raw: bytes | str, reason: str, detail: str) -> None:
        """Keep the present row aside."""
        self._refused.append((self.rows, raw if isinstance(raw, str) else raw_text(raw), reason, detail))

    @property
    def taken(self) -> int:
        """Readings so far."""
        return len(self._value)

    def decoded(self) -> Decoded:
        """Make a batch of everything gathered; the row of each reading comes as a fifth column."""
        good = pa.table(
            {
                "sensor_id": pc.dictionary_encode(pa.array(self._sensor, pa.string())),
                "quantity": pc.dictionary_encode(pa.array(self._quantity, pa.string())),
                "at": pa.array(self._at, pa.int64()).cast(_UTC),
                "value": pa.array(self._value, pa.float64()),
                "row": pa.array(self._row, pa.int64()),
            }
        )
        refused = REFUSED_SCHEMA.empty_table()
        if self._refused:
            columns = list(zip(*self._refused, strict=True))
            refused = pa.table([pa.array(column) for column in columns], schema=REFUSED_SCHEMA)
        return Decoded(good=good, refused=refused, rows=self.rows, limits=self._limits)


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
