"""Rows that were refused, decoded again by a feed's configuration as it stands now; nothing is stored here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.bulk.origins import decode_again
from rencheng.adapters.decoding import Decoder, decoder_of
from rencheng.kernel import InvalidInput, InvalidReading, micros, parse_instant
from rencheng.sense import Decoded, Delivery, FeedConfig, RefusalReason, TimingLimits
from rencheng.sense.batch import Origin
from rencheng.sense.feed import TABLE_FORMATS
from rencheng.sense.refused import BEYOND_MENDING, RefusedRow, RefusedRows

__all__ = ["NOTHING_TO_TAKE", "NOT_KEPT", "DecodedAgain", "counted", "decoded_again"]

NOT_KEPT = "what it came in was not kept: it cannot be offered again alone, let it be sent again"
"""Detail of a row that cannot be decoded again."""
NOTHING_TO_TAKE = "gives no reading by the configuration as it is now"
"""Detail of a row in which nothing is refused any more and nothing is taken either."""

_FIELD = re.compile(r"(?:field|element|column) ([^:;]+)")
_ALWAYS = 1e11
_SCHEMA = pa.schema(
    [
        ("sensor_id", pa.string()),
        ("quantity", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("value", pa.float64()),
        ("row", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedAgain:
    """What a configuration makes of refused rows.

    Parameters
    ----------
    batches : tuple of Decoded
        Readings; the column ``row`` has places in the rows that were asked about. The second batch is of those stamped
        ahead of their arrival by more than the feed's clock allowance.
    still : dict of int to (str, str)
        Place of a row that is still refused → reason and detail.
    """

    batches: tuple[Decoded, ...]
    still: dict[int, tuple[str, str]]


@dataclass(slots=True)
class _Piece:
    """Rows of one origin."""

    origin: Origin
    rows: list[int] = field(default_factory=list)


def decoded_again(config: FeedConfig, rows: Sequence[RefusedRow], store: RefusedRows) -> DecodedAgain:
    """Decode rows again and find out which are still refused, by the feed and by the store.

    Parameters
    ----------
    config : FeedConfig
        The feed as it stands now.
    rows : sequence of RefusedRow
        Rows kept aside.
    store : RefusedRows
        Knows which sensors are taken.

    Raises
    ------
    InvalidConfig, NotFound
        If nothing can be decoded by the configuration.
    """
    work = _Work(rows)
    pieces: dict[int, _Piece] = {}
    for place, row in enumerate(rows):
        origin = row.origin or _origin_of_text(config, row)
        if row.reason in BEYOND_MENDING:
            work.still[place] = (row.reason, row.detail)
        elif origin is not None:
            pieces.setdefault(id(origin), _Piece(origin)).rows.append(place)
        elif (reading := _reading_of(row.raw)) is not None:
            work.readings.append((*reading, place))
        else:
            work.still[place] = (row.reason, NOT_KEPT)
    _decode_pieces(config, list(pieces.values()), work)
    return _sifted(config, work, store)


@dataclass(slots=True)
class _Work:
    """Readings and refusals as they are found."""

    rows: Sequence[RefusedRow]
    readings: list[tuple[str, str, int, float, int]] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)
    still: dict[int, tuple[str, str]] = field(default_factory=dict)
    twins: dict[int, list[int]] = field(default_factory=dict)
    """Place of a row → other rows that its readings stand for too."""


def _origin_of_text(config: FeedConfig, row: RefusedRow) -> Origin | None:
    """The origin of a line that means the same alone, where none was kept."""
    if config.format == "ndjson" and row.raw.startswith("{") and config.signature is None:
        return Origin(form="text", body=row.raw.encode() + b"\n", delivery=Delivery(arrived_at=row.taken_at))
    return None


def _reading_of(raw: str) -> tuple[str, str, int, float] | None:
    """A reading as the store writes those it keeps aside: sensor, quantity, instant, SI value."""
    parts = raw.rsplit(",", 3)
    if len(parts) != 4:
        return None
    try:
        return parts[0], parts[1], micros(parse_instant(parts[2], name="at")), float(parts[3])
    except (InvalidInput, ValueError):
        return None


def _decode_pieces(config: FeedConfig, pieces: Sequence[_Piece], work: _Work) -> None:
    signed = decoder_of(config)
    unsigned = decoder_of(replace(config, signature=None)) if config.signature is not None else signed
    whole = config.format in TABLE_FORMATS
    messages = [piece for piece in pieces if piece.origin.form == "body" and not whole]
    if messages:
        _decode_messages(signed, sorted(messages, key=lambda piece: piece.origin.delivery.arrived_at), work)
    for piece in pieces:
        origin = piece.origin
        if origin.form == "body" and not whole:
            continue
        try:
            if origin.form == "body" or not whole or (config.signature is not None and not origin.verified):
                decoded = signed.decode_many([(origin.body, origin.delivery)])
                _match_whole(decoded, piece, work)
            else:
                _match_places(decode_again(unsigned.config, origin), piece, work)
        except InvalidReading as error:
            for place in piece.rows:
                work.still[place] = (work.rows[place].reason, error.what)


def _decode_messages(decoder: Decoder, pieces: Sequence[_Piece], work: _Work) -> None:
    """Decode messages in the order in which they came, and give each what is its own."""
    by_body = {id(piece.origin.body): n for n, piece in enumerate(pieces)}
    decoded = decoder.decode_many([(piece.origin.body, piece.origin.delivery) for piece in pieces])
    refused = decoded.refused.to_pylist()
    good = [int(row) for row in decoded.good["row"].to_pylist()]
    assert decoded.origins is not None
    homes = decoded.origins([row["row"] for row in refused], good)
    told: list[dict[int, list[dict[str, str]]]] = [{} for _ in pieces]
    for row, home in zip(refused, homes, strict=False):
        if home is not None and (n := by_body.get(id(home[0].body))) is not None:
            told[n].setdefault(home[1], []).append(row)
    found: dict[tuple[int, int], list[int]] = {}
    for index, home in enumerate(homes[len(refused) :]):
        if home is not None and (n := by_body.get(id(home[0].body))) is not None:
            found.setdefault((n, home[1]), []).append(index)
    taken: list[tuple[int, int]] = []
    for n, piece in enumerate(pieces):
        for at, mine in _by_place(piece, work).items():
            _judge(mine, told[n].get(at, []), bool(found.get((n, at))), work)
            taken += [(index, mine[0]) for index in found.get((n, at), [])]
    _keep(decoded.good, taken, work)


def _match_places(decoded: Decoded, piece: _Piece, work: _Work) -> None:
    """Match what came of lines or rows of a table by their numbers."""
    told: dict[int, list[dict[str, str]]] = {}
    for row in decoded.refused.to_pylist():
        told.setdefault(row["row"], []).append(row)
    found: dict[int, list[int]] = {}
    for index, number in enumerate(decoded.good["row"].to_pylist()):
        found.setdefault(number, []).append(index)
    taken: list[tuple[int, int]] = []
    for at, mine in _by_place(piece, work).items():
        _judge(mine, told.get(at, []), at in found, work)
        taken += [(index, mine[0]) for index in found.get(at, [])]
    _keep(decoded.good, taken, work)


def _match_whole(decoded: Decoded, piece: _Piece, work: _Work) -> None:
    """Match what came of a whole body by the text of its rows."""
    told: dict[str, list[dict[str, str]]] = {}
    for row in decoded.refused.to_pylist():
        told.setdefault(row["raw"] if len(piece.rows) > 1 else "", []).append(row)
    for place in piece.rows:
        mine = told.get(work.rows[place].raw if len(piece.rows) > 1 else "", [])
        _judge([place], mine, decoded.good.num_rows > 0, work)
    work.twins.setdefault(piece.rows[0], []).extend(piece.rows[1:])
    _keep(decoded.good, [(index, piece.rows[0]) for index in range(decoded.good.num_rows)], work)


def _by_place(piece: _Piece, work: _Work) -> dict[int, list[int]]:
    """Number in the origin → rows that stand there; the first of them speaks for all."""
    mine: dict[int, list[int]] = {}
    for place in piece.rows:
        mine.setdefault(work.rows[place].place, []).append(place)
    for places in mine.values():
        work.twins.setdefault(places[0], []).extend(places[1:])
    return mine


def _judge(places: Sequence[int], told: Sequence[Mapping[str, str]], is_taken: bool, work: _Work) -> None:
    """Say of the rows at one place whether they are still refused."""
    named = {_field_of(work.rows[place].detail) for place in places}
    unclaimed = [one for one in told if _field_of(one["detail"]) not in named]
    for place in places:
        row = work.rows[place]
        own = [one for one in told if _field_of(one["detail"]) == _field_of(row.detail)]
        same = [one for one in own if one["reason"] == row.reason]
        # a field that is refused now, and of which nobody knew, must not be forgotten with the row
        why = (same or own or unclaimed or ([] if is_taken else list(told)))[:1]
        if why:
            work.still[place] = (why[0]["reason"], why[0]["detail"])
        elif not is_taken:
            work.still[place] = (row.reason, NOTHING_TO_TAKE)


def _field_of(detail: str) -> str:
    found = _FIELD.search(detail)
    return found[1].strip() if found else ""


def _keep(good: pa.Table, taken: Sequence[tuple[int, int]], work: _Work) -> None:
    if not taken:
        return
    part = good.take(pa.array([index for index, _ in taken], pa.int64())).select(_SCHEMA.names[:4])
    part = part.append_column("row", pa.array([place for _, place in taken], pa.int64()))
    work.tables.append(part.cast(_SCHEMA))


def _sifted(config: FeedConfig, work: _Work, store: RefusedRows) -> DecodedAgain:
    """Leave out what the store would refuse, and what was ahead of its own arrival."""
    if work.readings:
        columns = zip(*work.readings, strict=True)
        kinds = [pa.int64() if of.name == "at" else of.type for of in _SCHEMA]
        arrays = [
            pa.array(column, kind).cast(of.type) for column, kind, of in zip(columns, kinds, _SCHEMA, strict=True)
        ]
        work.tables.append(pa.table(arrays, schema=_SCHEMA))
    good = pa.concat_tables(work.tables) if work.tables else _SCHEMA.empty_table()
    row = np.asarray(good["row"].to_numpy(), dtype=np.int64)
    ahead_s = _ahead_s(good, row, work.rows)
    for place in np.unique(row[ahead_s > config.limits.future_limit_s]).tolist():
        _refuse(place, (RefusalReason.FUTURE_TIME, "ahead of its arrival by more than the feed allows"), work)
    for place, why in store.would_refuse(Decoded(good=good)).items():
        _refuse(place, why, work)
    staying = [p for p in np.unique(row).tolist() if all(q in work.still for q in (p, *work.twins.get(p, ())))]
    keep = ~np.isin(row, staying)
    early = ahead_s > config.limits.clock_ahead_s
    batches = [Decoded(good=good.filter(pa.array(keep & ~early)), limits=config.limits)]
    if (keep & early).any():
        flagged = TimingLimits(allowance_late_s=_ALWAYS, clock_ahead_s=-_ALWAYS, future_limit_s=_ALWAYS)
        batches.append(Decoded(good=good.filter(pa.array(keep & early)), limits=flagged))
    return DecodedAgain(batches=tuple(batches), still=dict(sorted(work.still.items())))


def _refuse(place: int, why: tuple[str, str], work: _Work) -> None:
    for one in (place, *work.twins.get(place, ())):
        work.still.setdefault(one, why)


def _ahead_s(good: pa.Table, row: NDArray[np.int64], rows: Sequence[RefusedRow]) -> NDArray[np.float64]:
    """How far each reading is ahead of the arrival of its row, in seconds."""
    arrivals = (of.origin.delivery.arrived_at if of.origin else of.taken_at for of in rows)
    arrived = np.array([micros(at) for at in arrivals], dtype=np.int64)
    at = np.asarray(good["at"].cast(pa.int64()).to_numpy(), dtype=np.int64)
    return (at - arrived[row]) / 1e6 if len(row) else np.zeros(0)


def counted(still: Mapping[int, tuple[str, str]]) -> dict[str, int]:
    """Reason → rows."""
    return dict(sorted(Counter(reason for reason, _ in still.values()).items()))
