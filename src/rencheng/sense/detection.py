"""The detection desk: which rules follow which channel, what they remember, and the alarms that a batch brings.

A readings store owns one and hands it every batch inside the transaction that stores it, so readings, alarms and what
detectors remember are committed together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.kernel import derived_id
from rencheng.science.detection.arrays import (
    CAUSES,
    EVENT_DTYPE,
    NEVER,
    RUN_DTYPE,
    SEASON_DTYPE,
    SLOT_DTYPE,
    Cause,
    Change,
)
from rencheng.science.detection.corroboration import Corroborator, Open
from rencheng.science.detection.rules import SEVERITIES, rule_records
from rencheng.science.detection.state import DetectorState
from rencheng.science.detection.step import NO_TRACE, advance, earliest_due, step
from rencheng.sense.channels import Channel, ChannelTable
from rencheng.sense.detection_rules import DetectionRules
from rencheng.sense.neighbours import Neighbours

__all__ = ["ALARM_SCHEMA", "DetectionDesk", "alarm_id", "alarm_table"]

ALARM_SCHEMA = pa.schema(
    [
        ("alarm_id", pa.string()),  # derived from sensor, quantity, rule and begin
        ("sensor_id", pa.string()),
        ("quantity", pa.string()),
        ("rule", pa.string()),
        ("kind", pa.string()),  # threshold, rate, no_data, baseline, cusum, bayes, sensor_fault
        ("severity", pa.string()),  # blue … red; notice for a fault of a sensor; empty once cleared
        ("state", pa.string()),  # raised, updated, cleared
        ("begun_at", pa.timestamp("us", tz="UTC")),
        ("at", pa.timestamp("us", tz="UTC")),  # event time of this row
        ("ended_at", pa.timestamp("us", tz="UTC")),
        ("value", pa.float64()),
        ("score", pa.float64()),  # what the rule compared: value, rise, deviations, sum, probability
        ("limit", pa.float64()),
        ("confidence", pa.float64()),
        ("window_start", pa.timestamp("us", tz="UTC")),
        ("window_end", pa.timestamp("us", tz="UTC")),
        ("cause", pa.string()),  # above, below, rising, falling, silent, unusual_high … see docs/reference/detectors.md
    ]
)
"""Columns of alarm rows; every instant is event time. The rows of one alarm share its id: raised, updates, cleared."""

_STATES = {Change.RAISED: "raised", Change.UPDATED: "updated", Change.CLEARED: "cleared"}
_SCAN_US = 1_000_000
"""The clock of detection moves in steps of a second, so that a burst of small batches does not look at all timers."""


class DetectionDesk:
    """Rules, detectors and corroboration of one store's channels.

    Parameters
    ----------
    rules : DetectionRules
        What means an alarm.
    channels : iterable of Channel
        Channels of the city, with their places; neighbours are found among them.

    Attributes
    ----------
    lag_us : int
        How far the clock of detection stays behind.
    clock_us : int
        Event time up to which timers have run out.
    """

    def __init__(self, rules: DetectionRules, channels: Iterable[Channel] = ()) -> None:
        self.rules = rules
        own = [rule.rule for rule in rules.rules]
        self.state = DetectorState(rule_records(own))
        self.clock_us = int(NEVER)
        self.lag_us = round(rules.clock_lag_s * 1e6)
        self._places: dict[tuple[str, str], int] = {}
        self._sets: dict[tuple[int, ...], int] = {}
        self._sets_by_number: list[tuple[int, ...]] = []
        self._digest: list[str] = []
        self._followed = np.zeros(0, dtype=np.int32)
        self._names: list[tuple[str, str]] = []
        self._moved: list[NDArray[np.int64]] = []
        self._asked: dict[tuple[str, str], int] = {}
        self._near = Neighbours(rules, ChannelTable.of(channels))
        self.corroborator = Corroborator(
            reach=np.array([rule.reach_m > 0 for rule in own], dtype=bool),
            settle_us=np.array([round(rule.settle_s * 1e6) for rule in own], dtype=np.int64),
            prior=np.array([rule.confidence for rule in own]),
            neighbours=self._neighbours,
        )

    def add(self, channel: Channel) -> None:
        """Follow a channel from now on; its number is its place in the order of adding."""
        self.add_many(ChannelTable.of([channel]), [(channel.sensor_id, channel.quantity)])

    def add_many(self, channels: ChannelTable, names: Sequence[tuple[str, str]]) -> None:
        """Follow channels from now on, numbered on in their order; ``names`` are their sensors and quantities."""
        pairs = zip(channels.quantity, channels.kind, strict=True)
        code = np.fromiter((self._set_of(pair) for pair in pairs), dtype=np.int32, count=len(channels))
        sets = self._sets_by_number
        first = self.state.channels
        self.state.add_channels(code, sets, np.where(channels.interval_s > 0, channels.interval_s, np.nan))
        self._followed = np.concatenate([self._followed, code])
        self._names += names
        asks = np.array([any(self.corroborator.reach[rule] for rule in rules) for rules in sets], dtype=bool)
        for place in np.flatnonzero(asks[code]).tolist():
            self._asked[names[place]] = first + place

    def _set_of(self, pair: tuple[str, str]) -> int:
        """Number of the set of rules that channels of a quantity and kind follow."""
        known = self._places.get(pair)
        if known is None:
            rules = self.rules.places_for(*pair)
            known = self._sets.setdefault(rules, len(self._sets))
            if known == len(self._sets_by_number):
                self._sets_by_number.append(rules)
            self._places[pair] = known
        return known

    def take(
        self,
        channel: NDArray[np.int64],
        at: NDArray[np.int64],
        value: NDArray[np.float64],
        flags: NDArray[np.uint16],
        *,
        newest_us: int | None = None,
    ) -> NDArray[Any]:
        """Give the alarm rows of readings in order; see :func:`rencheng.science.detection.step.step`.

        The clock of detection follows the newest stamp among them, or ``newest_us`` where they are a part of what came.
        """
        events = [step(self.state, channel, at, value, flags)]
        if newest_us is None:
            believed = at if not flags.any() else at[(flags & NO_TRACE) == 0]
            newest_us = int(believed.max()) if len(believed) else int(NEVER)
        clock = newest_us - self.lag_us if newest_us > NEVER else self.clock_us
        if clock >= self.clock_us + _SCAN_US or self.clock_us == NEVER:
            self.clock_us = max(clock, self.clock_us)
            events.append(self._run_out(self.clock_us))
        return self._told(events)

    def advance(self, until_us: int) -> NDArray[Any]:
        """Let the clock of detection run to an instant though no readings came; gives the alarm rows."""
        if until_us <= self.clock_us:
            return np.zeros(0, dtype=EVENT_DTYPE)
        self.clock_us = until_us
        return self._told([self._run_out(until_us)])

    def _run_out(self, until_us: int) -> NDArray[Any]:
        due = self.state.due[: self.state.used] <= until_us
        if due.any():
            self._moved.append(np.unique(self.state.slot_channel[: self.state.used][due]))
        return advance(self.state, until_us)

    def take_moved(self) -> NDArray[np.int64]:
        """Give the channels whose timers ran out without a reading since this was asked last."""
        moved, self._moved = self._moved, []
        return np.unique(np.concatenate(moved)) if moved else np.zeros(0, dtype=np.int64)

    def _told(self, events: list[NDArray[Any]]) -> NDArray[Any]:
        found = np.concatenate(events)
        if not len(found) and not self.corroborator.queue and not self.corroborator.open:
            return found
        told = self.corroborator.sift(found, self.state, self.clock_us)
        return told[np.lexsort((told["change"], told["rule"], told["channel"], told["at"]))]

    def next_due_us(self) -> int:
        """Earliest instant at which a timer runs out without a reading."""
        return earliest_due(self.state)

    def table(self, rows: NDArray[Any]) -> pa.Table:
        """Alarm rows by name: :data:`ALARM_SCHEMA`."""
        return alarm_table(rows, self._names, self.rules)

    def _neighbours(self, channel: int, rule: int) -> Sequence[int]:
        """Those neighbours that ever reported; who has not cannot speak yet, and may tomorrow."""
        asked = self._near.of(self._names[channel], rule)
        return [self._asked[other] for other in asked if other in self._asked]

    def page(self, begin: int, end: int) -> bytes:
        """What detectors of channels in a row remember, with the digests of the rules it belongs to."""
        code, known = self._followed[begin:end], self._digests_by_number()
        distinct = sorted({known[k] for k in np.unique(code).tolist()})
        places = np.array([distinct.index(digest) if digest in distinct else 0 for digest in known], dtype=np.uint16)
        place = places[code]
        sizes = self.state.sizes(begin, end).astype(np.uint16)
        return msgspec.msgpack.encode((distinct, place.tobytes(), sizes.tobytes(), *self.state.page(begin, end)))

    def load_page(self, begin: int, data: bytes) -> bool:
        """Take up a page; channels whose rules are other ones now begin anew, and then the answer is False."""
        distinct, place, sizes, *page = msgspec.msgpack.decode(data, type=_Page)
        kept = [distinct[k] for k in np.frombuffer(place, dtype=np.uint16).tolist()]
        now = self._digests(begin, begin + len(kept))
        if kept == now:
            self.state.load_page(begin, begin + len(kept), (page[0], page[1], page[2]))
            return True
        items = np.array([SLOT_DTYPE.itemsize, SEASON_DTYPE.itemsize, RUN_DTYPE.itemsize])
        ends = np.cumsum(np.frombuffer(sizes, dtype=np.uint16).reshape(-1, 3).astype(np.int64) * items, axis=0)
        starts = np.vstack([np.zeros((1, 3), dtype=np.int64), ends[:-1]])
        for k in range(len(kept)):
            if kept[k] == now[k]:
                a, b = starts[k].tolist(), ends[k].tolist()
                mine = (page[0][a[0] : b[0]], page[1][a[1] : b[1]], page[2][a[2] : b[2]])
                self.state.load_page(begin + k, begin + k + 1, mine)
        return False

    def _digests(self, begin: int, end: int) -> list[str]:
        """Digests of the rules that channels follow, by which kept states are known to be theirs."""
        known = self._digests_by_number()
        return [known[k] for k in self._followed[begin:end].tolist()]

    def _digests_by_number(self) -> list[str]:
        """Digest of each set of rules."""
        if len(self._digest) < len(self._sets_by_number):
            self._digest += [self.rules.digest(rules) for rules in self._sets_by_number[len(self._digest) :]]
        return self._digest

    def packed(self) -> bytes:
        """What belongs to no single channel, as bytes for keeping."""
        c = self.corroborator
        queue = np.concatenate(c.queue) if c.queue else np.zeros(0, dtype=EVENT_DTYPE)
        return msgspec.msgpack.encode(
            (
                self.rules.digest(tuple(range(len(self.rules.rules)))),
                self.clock_us,
                queue.tobytes(),
                sorted((*key, *span) for key, span in c.noticed.items()),
                sorted((*key, o.event.tobytes(), o.decide_at, o.fault) for key, o in c.open.items()),
                sorted(c.passed),
            )
        )

    def unpack(self, data: bytes) -> bool:
        """Take up what :meth:`packed` kept; of other rules only the clock, and then the answer is False."""
        kept = msgspec.msgpack.decode(data, type=_Kept)
        self.clock_us = kept[1]
        if kept[0] != self.rules.digest(tuple(range(len(self.rules.rules)))):
            return False
        c = self.corroborator
        queue = np.frombuffer(kept[2], dtype=EVENT_DTYPE).copy()
        c.queue = [queue] if len(queue) else []
        c.noticed = {(a, b): (begun, ended) for a, b, begun, ended in kept[3]}
        c.open = {
            (a, b): Open(np.frombuffer(event, dtype=EVENT_DTYPE)[0].copy(), decide_at, fault)
            for a, b, event, decide_at, fault in kept[4]
        }
        c.passed = set(kept[5])
        return True

    def standing(self) -> set[str]:
        """Ids of the alarms that detectors hold now, and of the sensors that are doubted."""
        s = self.state
        held = np.flatnonzero(s.slots["severity"][: s.used] >= 2)
        asks = self.corroborator.reach[s.slot_rule[held]]
        keys = list(zip(s.slot_channel[held].tolist(), s.slot_rule[held].tolist(), strict=True))
        begun = s.slots["begun_at"][held].tolist()
        told = [not a or key in self.corroborator.passed for a, key in zip(asks.tolist(), keys, strict=True)]
        ids = {self._id(*key, at, fault=False) for key, at, known in zip(keys, begun, told, strict=True) if known}
        faults = ((key, o) for key, o in self.corroborator.open.items() if o.fault)
        return ids | {self._id(*key, int(o.event["begun_at"]), fault=True) for key, o in faults}

    def _id(self, channel: int, rule: int, begun_at: int, *, fault: bool) -> str:
        return alarm_id(self._names[channel], self.rules.rules[rule].rule.id, begun_at, fault=fault)


_Page = tuple[list[str], bytes, bytes, bytes, bytes, bytes]

_Kept = tuple[
    str,
    int,
    bytes,
    list[tuple[int, int, int, int]],
    list[tuple[int, int, bytes, int, bool]],
    list[tuple[int, int]],
]


def alarm_id(channel: tuple[str, str], rule: str, begun_at_us: int, *, fault: bool) -> str:
    """Name an alarm by its channel, rule and begin; that of a doubted sensor has a name of its own."""
    return derived_id("alarm", *channel, rule, "fault" if fault else "", begun_at_us)


def alarm_table(rows: NDArray[Any], names: Sequence[tuple[str, str]], rules: DetectionRules) -> pa.Table:
    """Alarm rows by name: :data:`ALARM_SCHEMA`."""
    own = rules.rules
    stamp = pa.timestamp("us", tz="UTC")
    channels = [names[k] for k in rows["channel"].tolist()]
    alone = (rows["cause"] == Cause.ALONE).tolist()
    rule = [own[k].rule for k in rows["rule"].tolist()]
    cleared = rows["change"] == Change.CLEARED
    ids = [
        alarm_id(channel, r.id, begun, fault=fault)
        for channel, r, fault, begun in zip(channels, rule, alone, rows["begun_at"].tolist(), strict=True)
    ]
    severity = [SEVERITIES[k - 1] if k else "" for k in rows["severity"].tolist()]

    def instants(us: NDArray[np.int64], missing: NDArray[np.bool_] | None = None) -> pa.Array:
        return pa.array(us.copy(), mask=missing).cast(stamp)

    columns = [
        pa.array(ids, pa.string()),
        pa.array([sensor for sensor, _ in channels], pa.string()),
        pa.array([of for _, of in channels], pa.string()),
        pa.array([r.id for r in rule], pa.string()),
        pa.array(["sensor_fault" if fault else r.kind for r, fault in zip(rule, alone, strict=True)], pa.string()),
        pa.array(["" if done else s for s, done in zip(severity, cleared.tolist(), strict=True)], pa.string()),
        pa.array([_STATES[Change(k)] for k in rows["change"].tolist()], pa.string()),
        instants(rows["begun_at"]),
        instants(rows["at"]),
        instants(rows["at"], ~cleared),
        *(pa.array(rows[name].copy()) for name in ("value", "x", "limit", "confidence")),
        instants(rows["window_start"]),
        instants(rows["window_end"]),
        pa.array([CAUSES[Cause(k)] for k in rows["cause"].tolist()], pa.string()),
    ]
    return pa.table(columns, schema=ALARM_SCHEMA)
