"""Decoders of bulk bodies behind the same door as those of messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from rencheng.adapters.bulk import decode
from rencheng.adapters.decoding.decoder import told_of
from rencheng.adapters.decoding.harvest import Harvest, raw_text
from rencheng.adapters.decoding.refusal import Refusal
from rencheng.kernel import InvalidReading
from rencheng.sense.batch import REFUSED_SCHEMA, Decoded, Delivery, RefusalReason
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

    def decode(self, body: bytes, delivery: Delivery) -> Decoded:  # noqa: ARG002 — tables tell all themselves
        """Decode one body.

        Raises
        ------
        InvalidReading
            If nothing of it can be taken.
        """
        return decode(self.config, body)

    def decode_many(self, parts: Sequence[tuple[bytes, Delivery]]) -> Decoded:
        """Decode bodies in their order; one of which nothing can be taken is kept aside as a row."""
        rows = 0
        good: list[pa.Table] = []
        refused: list[pa.Table] = []
        for body, delivery in parts:
            decoded = self._decode_or_refuse(body, delivery)
            good.append(_moved(decoded.good, rows))
            refused.append(_moved(decoded.refused, rows))
            rows += decoded.rows
        if not good:
            return Decoded(good=_NOTHING)
        return Decoded(
            good=pa.concat_tables(good), refused=pa.concat_tables(refused), rows=rows, limits=self.config.limits
        )

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
