"""Where refused rows of a table come from: each alone, with the header it needs, so that it can be decoded again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.adapters.bulk.arrow_tables import read_columns
from rencheng.adapters.bulk.body import opened_body
from rencheng.adapters.bulk.decode import decode
from rencheng.adapters.bulk.rows import Rows, read_rows, wanted_columns
from rencheng.kernel import InvalidReading
from rencheng.sense.batch import Decoded, Delivery, Origin, Placed, RefusalReason
from rencheng.sense.feed import FeedConfig

__all__ = ["decode_again", "table_origins"]

_TOGETHER = 500
"""Rows kept in one piece."""


def table_origins(
    config: FeedConfig, body: bytes, delivery: Delivery, refused: Sequence[int], good: Sequence[int]
) -> list[Placed | None]:
    """Give the origins of rows of a body.

    Parameters
    ----------
    config : FeedConfig
        How it was read.
    body : bytes
        As received.
    delivery : Delivery
        How it came.
    refused : sequence of int
        Line numbers (text), or places from 1 (Arrow, Parquet), of rows that could not be decoded.
    good : sequence of int
        Places from 0 of rows of the decoded table.

    Returns
    -------
    list
        One entry per row; None where the row alone means nothing.
    """
    opened = opened_body(config, body)
    rows = read_rows(config, opened)
    if not rows.is_text:
        return _of_table(config, opened, [row - 1 for row in refused] + list(good), delivery)
    numbers, lines = rows.line_numbers()
    wanted = [*refused, *(int(numbers[place]) for place in good)]
    garbled = {n for n, (_, reason, _) in rows.broken.items() if reason == RefusalReason.BAD_ENCODING}
    found: dict[int, Placed] = _of_garbled(opened, sorted(garbled & set(wanted)), rows, delivery)
    header = next((line for line in lines if line.strip("\r")), "") + "\n" if rows.header_lines else ""
    plain = sorted(set(wanted) - garbled)
    for first in range(0, len(plain), _TOGETHER):
        piece = plain[first : first + _TOGETHER]
        text = header + "".join(lines[number - 1].rstrip("\r") + "\n" for number in piece)
        origin = Origin(form="text", body=text.encode(), delivery=delivery)
        found |= {number: (origin, place) for place, number in enumerate(piece, 1)}
    return [found.get(number) for number in wanted]


def _of_garbled(opened: bytes, numbers: Sequence[int], rows: Rows, delivery: Delivery) -> dict[int, Placed]:
    """Lines in another encoding than the feed's keep their bytes, in which the right encoding can be looked for."""
    lines = opened.split(b"\n")
    header = next((line for line in lines if line.strip(b"\r")), b"") + b"\n" if rows.header_lines else b""
    return {
        number: (Origin(form="body", body=header + lines[number - 1] + b"\n", delivery=delivery), 1)
        for number in numbers
        if number <= len(lines)
    }


def _of_table(config: FeedConfig, opened: bytes, places: Sequence[int], delivery: Delivery) -> list[Placed | None]:
    table = read_columns(config, opened, wanted_columns(config))
    distinct = sorted(set(places))
    found: dict[int, Placed] = {}
    for first in range(0, len(distinct), _TOGETHER):
        piece = distinct[first : first + _TOGETHER]
        sink = io.BytesIO()
        part = table.take(piece)
        with pa.ipc.new_stream(sink, part.schema) as stream:
            stream.write_table(part)
        origin = Origin(form="arrow", body=sink.getvalue(), delivery=delivery)
        found |= {place: (origin, n) for n, place in enumerate(piece, 1)}
    return [found.get(place) for place in places]


def decode_again(config: FeedConfig, origin: Origin) -> Decoded:
    """Decode an origin of a table; the rows of what comes out are numbered from 1 as they lie in it.

    Raises
    ------
    InvalidReading
        If nothing of it can be taken.
    """
    if origin.form == "text":
        config = replace(config, encoding="utf-8", compression="none")
    elif origin.form == "arrow":
        config = replace(config, format="arrow", compression="none")
    decoded = decode(config, origin.body)
    rows = read_rows(config, opened_body(config, origin.body))
    before = rows.header_lines
    numbers: NDArray[np.int64] = (
        rows.line_numbers()[0] - before if rows.is_text else np.arange(1, rows.table.num_rows + 1)
    )
    good = decoded.good
    place = good.schema.get_field_index("row")
    lying = pa.array(numbers[np.asarray(good["row"].to_numpy(), dtype=np.int64)], pa.int64())
    good = good.set_column(place, "row", lying)
    refused = decoded.refused.set_column(0, "row", pc.subtract(decoded.refused["row"], before))
    if decoded.rows == 0 and not refused.num_rows:
        raise InvalidReading("there is no row", where=f"feed {config.id!r}")
    return replace(decoded, good=good, refused=refused)
