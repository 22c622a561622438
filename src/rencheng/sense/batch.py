"""Batches: what a feed's rows become at the border, and what the store says of having taken them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.kernel import InvalidReading, quantity

__all__ = [
    "GOOD_SCHEMA",
    "NO_LIMITS",
    "REFUSED_SCHEMA",
    "REMEMBERED_MOST",
    "REMEMBERED_SCHEMA",
    "Decoded",
    "Delivery",
    "Intake",
    "Origin",
    "Origins",
    "Placed",
    "RefusalReason",
    "TimingLimits",
    "decoded_from_arrays",
]

GOOD_SCHEMA = pa.schema(
    [
        ("sensor_id", pa.string()),
        ("quantity", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("value", pa.float64()),
    ]
)
"""Columns of readings that can be taken; values in the SI unit of their quantity."""

REFUSED_SCHEMA = pa.schema(
    [("row", pa.int64()), ("raw", pa.string()), ("reason", pa.string()), ("detail", pa.string())]
)
"""Columns of rows kept aside; ``row`` counts from 1 and includes a header line."""

REMEMBERED_SCHEMA = pa.schema([("subject", pa.string()), ("number", pa.int64()), ("mark", pa.binary())])
"""Columns of what a protocol must remember of a batch: whom it is about, a number that grows, and a mark of it."""

REMEMBERED_MOST = 1024
"""Numbers that are remembered of a subject: the largest."""


class RefusalReason:
    """Why a row is kept aside, as stored and counted."""

    UNKNOWN_SENSOR = "unknown_sensor"
    UNKNOWN_QUANTITY = "unknown_quantity"
    UNKNOWN_UNIT = "unknown_unit"
    BAD_TIME = "bad_time"
    NAIVE_TIME = "naive_time"
    FUTURE_TIME = "future_time"
    BAD_NUMBER = "bad_number"
    NOT_FINITE = "not_finite"
    NO_SENSOR = "no_sensor"
    BAD_ROW = "bad_row"
    BAD_ENCODING = "bad_encoding"
    BAD_SIGNATURE = "bad_signature"
    UNSIGNED = "unsigned"
    REPLAYED = "replayed"
    BAD_CHECKSUM = "bad_checksum"
    UNKNOWN_ALIAS = "unknown_alias"
    NO_BIRTH = "no_birth"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What is known of a delivery besides its bytes.

    Parameters
    ----------
    arrived_at : datetime
        When it arrived, aware UTC; the stamp of readings that carry none.
    topic : str
        MQTT topic, file name or path of the request; empty where there is none.
    device : str
        Who sent it by its own account or by its connection (a signing key's name, a client id); not yet believed.
    peer : str
        Network address of the other end.
    counter : int, optional
        Number of a signed delivery, never used twice by one device.
    signature : str
        Detached signature over the body in Base64; empty where unsigned or where it stands in the body.
    """

    arrived_at: datetime
    topic: str = ""
    device: str = ""
    peer: str = ""
    counter: int | None = None
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Bytes from which rows that are kept aside can be decoded again.

    Parameters
    ----------
    form : str
        ``body`` (a message as it was delivered), ``text`` (lines in UTF-8, after the header where there is one) or
        ``arrow`` (rows of a table as an Arrow IPC stream).
    body : bytes
        Of this form.
    delivery : Delivery
        How it was delivered.
    verified : bool
        Its signature was checked before it was taken apart, and is no longer in it.
    """

    form: str
    body: bytes
    delivery: Delivery
    verified: bool = False


Placed = tuple[Origin, int]
"""An origin and the number, from 1, of a row in it."""

Origins = Callable[[Sequence[int], Sequence[int]], list[Placed | None]]
"""Gives the origins of refused rows by their numbers, then those of good ones by theirs; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingLimits:
    """How far a feed's stamps may lie from the arrival.

    Parameters
    ----------
    allowance_late_s : float
        A reading older than this on arrival is flagged LATE.
    clock_ahead_s : float
        A reading stamped further ahead of the arrival than this is flagged FUTURE.
    future_limit_s : float
        A reading stamped further ahead than this is refused.
    """

    allowance_late_s: float = 6 * 3600.0
    clock_ahead_s: float = 300.0
    future_limit_s: float = 86400.0


NO_LIMITS = TimingLimits(allowance_late_s=float("inf"), clock_ahead_s=float("inf"), future_limit_s=float("inf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A batch after decoding.

    Parameters
    ----------
    good : pyarrow.Table
        :data:`GOOD_SCHEMA`; string columns may be dictionary-encoded.
    refused : pyarrow.Table
        :data:`REFUSED_SCHEMA`.
    rows : int
        Rows the feed delivered. A wide row with three measured columns is one row and up to three readings.
    limits : TimingLimits
        The feed's allowances, applied by the store, which knows when the batch arrived.
    origins : Origins, optional
        Where rows that are kept aside come from; asked only where there are any.
    remembered : pyarrow.Table
        :data:`REMEMBERED_SCHEMA`: what the feed's protocol must know after a restart, committed with the batch.
    """

    good: pa.Table
    refused: pa.Table = field(default_factory=REFUSED_SCHEMA.empty_table)
    rows: int = 0
    limits: TimingLimits = field(default_factory=TimingLimits)
    origins: Origins | None = field(default=None, compare=False, repr=False)
    remembered: pa.Table = field(default_factory=REMEMBERED_SCHEMA.empty_table, compare=False, repr=False)


def decoded_from_arrays(
    sensor_id: Sequence[str] | NDArray[Any],
    quantity_name: str,
    at: NDArray[np.datetime64],
    value: NDArray[np.float64],
    *,
    limits: TimingLimits | None = None,
) -> Decoded:
    """Make a batch of one quantity from arrays, as a simulated gauge does.

    Parameters
    ----------
    sensor_id : sequence of str
        Shape (n,).
    quantity_name : str
        Name in the quantity table.
    at : array of datetime64
        Shape (n,), UTC.
    value : array of float
        Shape (n,), SI unit; NaN means nothing was measured and is left out.
    """
    quantity(quantity_name)
    keep = ~np.isnan(value)
    if np.isinf(value).any():
        raise InvalidReading("value is infinite", mend="Leave out what was not measured")
    ids = pa.array(sensor_id, pa.string()).filter(pa.array(keep))
    stamps = pa.array(at[keep].astype("datetime64[us]").astype(np.int64)).cast(pa.timestamp("us", tz="UTC"))
    good = pa.table(
        [ids, pa.array([quantity_name] * len(ids), pa.string()), stamps, pa.array(value[keep], pa.float64())],
        schema=GOOD_SCHEMA,
    )
    return Decoded(good=good, rows=len(value), limits=limits or TimingLimits())


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What the store did with a batch: the acknowledgement, the same however often the batch is offered.

    Parameters
    ----------
    feed_id, position : str
        The feed and where in it the batch stands.
    rows : int
        Rows the feed delivered.
    accepted : int
        Readings newly stored, flagged ones among them.
    repeated : int
        Readings that were stored already, value and all.
    refused : int
        Rows kept aside.
    flagged : dict of str to int
        Quality flag name → newly stored readings that carry it.
    reasons : dict of str to int
        Refusal reason → rows kept aside.
    first_at, last_at : datetime or None
        Span of the readings newly stored.
    taken_at : datetime
        When the batch was first acknowledged.
    again : bool
        True when this position had been acknowledged before; then nothing was changed now.
    """

    feed_id: str
    position: str
    rows: int
    accepted: int
    repeated: int
    refused: int
    flagged: dict[str, int]
    reasons: dict[str, int]
    first_at: datetime | None
    last_at: datetime | None
    taken_at: datetime
    again: bool = False
