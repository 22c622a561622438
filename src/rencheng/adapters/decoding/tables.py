"""Decoders of bulk bodies behind the same door as those of messages."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from rencheng.adapters.bulk import decode
from rencheng.adapters.bulk.origins import table_origins
from rencheng.adapters.decoding.decoder import told_of
from rencheng.adapters.decoding.harvest import Harvest, raw_text
from rencheng.adapters.decoding.refusal import Refusal
from rencheng.kernel import InvalidReading
from rencheng.sense.batch import REFUSED_SCHEMA, Decoded, Delivery, Origin, Placed, RefusalReason
from rencheng.sense.feed import FeedConfig

__all__ = ["TableDecoder"]


class TableDecoder:
    """Decodes CSV, NDJSON, Arrow and Parquet bodies.

    Parameters
    ----------
    config : FeedConfig
        A feed of a table format.
    """

    def __init__(self, config: FeedConfig) -> None:
        self.config = config

    def decode(self, body: bytes, delivery: Delivery) -> Decoded:
        """Decode one body.

        Raises
        ------
        InvalidReading
            If nothing of it can be taken.
        """
        decoded = decode(self.config, body)
        return replace(decoded, origins=lambda refused, good: self._origins(body, delivery, refused, good))

    def _origins(
        self, body: bytes, delivery: Delivery, refused: Sequence[int], good: Sequence[int]
    ) -> list[Placed | None]:
        try:
            return table_origins(self.config, body, delivery, refused, good)
        except InvalidReading:  # nothing of the body could be taken: it is one row, and the whole of it is its origin
            return [(Origin(form="body", body=body, delivery=delivery), 1)] * (len(refused) + len(good))

    def decode_many(self, parts: Sequence[tuple[bytes, Delivery]]) -> Decoded:
        """Decode bodies in their order; one of which nothing can be taken is kept aside as a row."""
        rows = 0
        good: list[pa.Table] = []
        refused: list[pa.Table] = []
        begun: list[int] = []
        for body, delivery in parts:
            decoded = self._decode_or_refuse(body, delivery)
            begun.append(rows)
            good.append(_moved(decoded.good, rows))
            refused.append(_moved(decoded.refused, rows))
            rows += decoded.rows
        if not good:
            return Decoded(good=_NOTHING)

        def origins(kept_aside: Sequence[int], taken: Sequence[int]) -> list[Placed | None]:
            return self._origins_of(parts, begun, kept_aside, taken)

        return Decoded(
            good=pa.concat_tables(good),
            refused=pa.concat_tables(refused),
            rows=rows,
            limits=self.config.limits,
            origins=origins,
        )

    def _origins_of(
        self,
        parts: Sequence[tuple[bytes, Delivery]],
        begun: Sequence[int],
        refused: Sequence[int],
        good: Sequence[int],
    ) -> list[Placed | None]:
        """Ask each body for the origins of its rows; refused ones count from 1, good ones from 0."""
        found: dict[tuple[bool, int], Placed | None] = {}
        keys = [(True, row) for row in refused] + [(False, row) for row in good]
        mine: dict[int, list[tuple[bool, int]]] = {}
        for key in dict.fromkeys(keys):
            mine.setdefault(bisect_right(begun, key[1] - key[0]) - 1, []).append(key)
        for k, of in mine.items():
            body, delivery = parts[k]
            asked = [row - begun[k] for aside, row in of if aside], [row - begun[k] for aside, row in of if not aside]
            ordered = [key for key in of if key[0]] + [key for key in of if not key[0]]
            found |= dict(zip(ordered, self._origins(body, delivery, *asked), strict=True))
        return [found[key] for key in keys]

    def gather_all(self, harvest: Harvest, parts: Sequence[tuple[bytes, Delivery]]) -> None:
        """Add the readings and refusals of bodies to a harvest."""
        harvest.add(self.decode_many(parts))

    def _decode_or_refuse(self, body: bytes, delivery: Delivery) -> Decoded:
        try:
            return decode(self.config, body)
        except InvalidReading as error:
            reason = RefusalReason.TOO_LARGE if "bytes or more" in error.what else RefusalReason.BAD_ROW
            detail = told_of(Refusal(reason, error.what), delivery)
            row = [[1], [raw_text(body)], [reason], [detail]]
            refused = pa.table([pa.array(column) for column in row], schema=REFUSED_SCHEMA)
            return Decoded(good=_NOTHING, refused=refused, rows=1)


_CODED = pa.dictionary(pa.int32(), pa.string())
_NOTHING = pa.table(
    {
        "sensor_id": pa.array([], _CODED),
        "quantity": pa.array([], _CODED),
        "at": pa.array([], pa.timestamp("us", tz="UTC")),
        "value": pa.array([], pa.float64()),
        "row": pa.array([], pa.int64()),
    }
)


def _moved(table: pa.Table, rows: int) -> pa.Table:
    place = table.schema.get_field_index("row")
    return table.set_column(place, "row", pa.array(np.asarray(table["row"].to_numpy()) + rows, pa.int64()))
