"""SenML messages (RFC 8428), in JSON and CBOR, as readings."""

from __future__ import annotations

import math

from rencheng.adapters.decoding.decoder import MessageDecoder, told_of
from rencheng.adapters.decoding.harvest import Harvest
from rencheng.adapters.decoding.instants import FURTHEST_US, epoch_us
from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.decoding.words import Scale, Words, sensor_namer
from rencheng.adapters.senml.records import (
    RELATIVE_S,
    Measured,
    Resolved,
    is_senml_name,
    parse_measured,
    parse_pack,
    resolved,
)
from rencheng.adapters.senml.units import SENML_UNITS
from rencheng.kernel import micros
from rencheng.sense.batch import Decoded, Delivery, RefusalReason
from rencheng.sense.feed import FeedConfig

__all__ = ["SenmlDecoder", "decode"]

_MOST_NAMES = 200_000
"""Names whose meaning is remembered; more than a large gateway has, and the memory of strangers' names is bounded."""


class SenmlDecoder(MessageDecoder):
    """Decodes SenML packs.

    Parameters
    ----------
    config : FeedConfig
        A feed of the format ``senml``.
    """

    def __init__(self, config: FeedConfig) -> None:
        super().__init__(config)
        self._words = Words(config.columns, SENML_UNITS)
        self._namer = sensor_namer(config.sensor or "{name}")
        self._plain = config.sensor in ("", "{name}")
        self._meaning: dict[tuple[str, str], tuple[str, Scale]] = {}

    def gather(self, harvest: Harvest, body: bytes, delivery: Delivery) -> None:
        """Add the readings of a pack."""
        now_us = micros(delivery.arrived_at)
        if self._plain and not harvest.traced and self._gather_measured(harvest, body, delivery):
            return
        place = 0
        for record in resolved(parse_pack(body, deepest=self.config.max_depth), now_us / 1e6):
            place += 1
            harvest.rows += 1
            try:
                if isinstance(record, Refusal):
                    raise record
                self._gather_record(harvest, record, delivery)
            except Refusal as refusal:
                detail = f"record {place} {record.name}: " if isinstance(record, Resolved) else f"record {place}: "
                harvest.refuse(
                    body, refusal.reason, told_of(Refusal(refusal.reason, detail + refusal.detail), delivery)
                )
        if not place:
            harvest.rows += 1

    def _gather_measured(self, harvest: Harvest, body: bytes, delivery: Delivery) -> bool:
        """Take a pack of plain numbers column by column; False if it must be looked at record by record."""
        pack = parse_measured(body)
        if pack is None:
            return False
        first = pack[0]
        base, unit, start = first.bn, first.bu, first.bt
        if start + min(record.t for record in pack) < RELATIVE_S:
            return False
        known = self._meaning
        meaning = [known.get((base + record.n, record.u or unit)) for record in pack]
        if None in meaning:
            if not self._learn(pack, delivery):
                return False
            meaning = [known.get((base + record.n, record.u or unit)) for record in pack]
        at = [round((start + record.t) * 1_000_000) for record in pack]
        if max(at) > FURTHEST_US or None in meaning:
            return False
        harvest.take_many(
            [m[0] for m in meaning if m is not None],
            [m[1].quantity for m in meaning if m is not None],
            at,
            [r.v * m[1].factor + m[1].offset for r, m in zip(pack, meaning, strict=True) if m is not None],
        )
        return True

    def _learn(self, pack: list[Measured], delivery: Delivery) -> bool:
        """Find out what the names of a pack mean; False if one means nothing."""
        first = pack[0]
        try:
            for record in pack:
                name = first.bn + record.n
                told = Resolved(name=name, unit=record.u or first.bu, value=0.0, at_s=0.0)
                if not is_senml_name(name) or self._meaning_of(told, delivery) is None:
                    return False
        except Refusal:
            return False
        return True

    def _gather_record(self, harvest: Harvest, record: Resolved, delivery: Delivery) -> None:
        if record.value is None:
            return  # text, boolean, data and sums are no readings of a quantity
        known = self._meaning.get((record.name, record.unit)) if self._plain else None
        if known is None:
            known = self._meaning_of(record, delivery)
            if known is None:
                harvest.pass_over(record.name)
                return
        sensor, scale = known
        if not math.isfinite(record.value):
            raise Refusal(RefusalReason.NOT_FINITE, f"field v: {record.value} is not finite")
        at = epoch_us(record.at_s, 1_000_000)
        harvest.take(sensor, at, record.name, record.value, scale)

    def _meaning_of(self, record: Resolved, delivery: Delivery) -> tuple[str, Scale] | None:
        name = record.name.removeprefix(self.config.senml.strip)
        cut = max(name.rfind(mark) for mark in self.config.senml.separators) if self.config.senml.separators else -1
        sensor, word = (name[:cut], name[cut + 1 :]) if cut >= 0 else ("", name)
        scale = self._words.scale(word, record.unit)
        if scale is None:
            return None
        fields = {"name": sensor, "device": delivery.device, "peer": delivery.peer}
        meaning = (self._namer(delivery.topic, fields), scale)
        if self._plain and len(self._meaning) < _MOST_NAMES:
            self._meaning[record.name, record.unit] = meaning
        return meaning


def decode(config: FeedConfig, body: bytes, delivery: Delivery) -> Decoded:
    """Decode one SenML pack."""
    return SenmlDecoder(config).decode(body, delivery)
