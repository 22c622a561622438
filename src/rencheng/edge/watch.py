"""Local alarms: the rules of every channel, fed with what comes in, in event time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from rencheng.edge.readings import EdgeReading
from rencheng.edge.rules import LocalRule, LocalRules
from rencheng.edge.settings import SensorSettings
from rencheng.kernel import QUANTITIES, Bilingual, derived_id
from rencheng.science.detection.arrays import CAUSES, Cause, Change
from rencheng.science.detection.rules import SEVERITIES
from rencheng.science.detection.scalar_step import ScalarDetector, ScalarEvent, ScalarState

__all__ = ["AlarmWatch", "LocalAlarm"]

OUT_OF_RANGE, FUTURE = 1, 64
"""Quality flags that a gateway can set by itself."""
_STATES = {Change.RAISED: "raised", Change.UPDATED: "updated", Change.CLEARED: "cleared"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAlarm:
    """One change of one alarm; its id is the one that the core gives the same alarm."""

    alarm_id: str
    sensor_id: str
    quantity: str
    rule: str
    hazard: str
    name: Bilingual
    state: str
    """raised, updated, cleared"""
    severity: str
    """blue … red; empty once cleared"""
    begun_at: int
    at: int
    value: float
    limit: float
    confidence: float
    cause: str


_Kept = list[tuple[str, str, ScalarState]]


class AlarmWatch:
    """Rules, and what they remember of every channel.

    Parameters
    ----------
    rules : LocalRules
        What means an alarm.
    sensors : mapping of str to SensorSettings
        What is known of sensors.
    clock_ahead_us : int
        Readings stamped further ahead move no rule.
    kept : mapping of (str, str) to bytes
        What was remembered, by sensor and quantity.
    """

    def __init__(
        self,
        rules: LocalRules,
        sensors: Mapping[str, SensorSettings],
        *,
        clock_ahead_us: int,
        kept: Mapping[tuple[str, str], bytes] | None = None,
    ) -> None:
        self._rules, self._sensors, self._ahead = rules, sensors, clock_ahead_us
        self._watched = {rule.quantity for rule in rules.rules}
        self._channels: dict[tuple[str, str], list[tuple[LocalRule, ScalarDetector]]] = {}
        self._touched: dict[tuple[str, str], None] = {}
        for key, packed in (kept or {}).items():
            self._channel(key, packed)

    def take(self, readings: Iterable[EdgeReading], now_us: int) -> list[LocalAlarm]:
        """Give the alarms of readings, in the order of their instants within a channel."""
        mine = [r for r in readings if r.quantity in self._watched]
        mine.sort(key=lambda r: r.at)
        alarms: list[LocalAlarm] = []
        for sensor_id, of, at, value in mine:
            key = (sensor_id, of)
            known = QUANTITIES[of]
            flags = 0 if known.low <= value <= known.high else OUT_OF_RANGE
            flags |= FUTURE if at > now_us + self._ahead else 0
            for rule, detector in self._channel(key):
                alarms += self._told(key, rule, detector.take(at, value, flags))
            self._touched[key] = None
        return alarms

    def advance(self, until_us: int) -> list[LocalAlarm]:
        """Let timers run out up to an instant though no readings came."""
        alarms: list[LocalAlarm] = []
        for key, detectors in self._channels.items():
            for rule, detector in detectors:
                if detector.due() <= until_us:
                    alarms += self._told(key, rule, detector.advance(until_us))
                    self._touched[key] = None
        return alarms

    def touched(self) -> list[tuple[str, str, bytes]]:
        """What channels remember that changed since this was asked last."""
        keys, self._touched = list(self._touched), {}
        encode = msgspec.msgpack.Encoder().encode
        return [(*key, encode([(r.id, r.digest, d.state) for r, d in self._channels[key]])) for key in keys]

    def follows(self, quantity: str) -> bool:
        """Whether any rule looks at a quantity."""
        return quantity in self._watched

    @property
    def channels(self) -> int:
        """How many channels are followed."""
        return len(self._channels)

    def _channel(self, key: tuple[str, str], packed: bytes = b"") -> list[tuple[LocalRule, ScalarDetector]]:
        known = self._channels.get(key)
        if known is None:
            sensor = self._sensors.get(key[0])
            kept = {} if not packed else {(a, b): s for a, b, s in msgspec.msgpack.decode(packed, type=_Kept)}
            known = [
                (rule, ScalarDetector(rule.numbers, kept.get((rule.id, rule.digest))))
                for rule in self._rules.of(key[1], sensor.kind if sensor else "")
            ]
            self._channels[key] = known
        return known

    def _told(self, key: tuple[str, str], rule: LocalRule, events: list[ScalarEvent]) -> list[LocalAlarm]:
        alarms = []
        for event in events:
            state = _STATES.get(Change(event.change))
            if state is None:
                continue
            alarms.append(
                LocalAlarm(
                    alarm_id=derived_id("alarm", *key, rule.id, "", event.begun_at),
                    sensor_id=key[0],
                    quantity=key[1],
                    rule=rule.id,
                    hazard=rule.hazard,
                    name=rule.name,
                    state=state,
                    severity="" if state == "cleared" else SEVERITIES[event.severity - 1],
                    begun_at=event.begun_at,
                    at=event.at,
                    value=event.value,
                    limit=event.limit,
                    confidence=event.confidence,
                    cause=CAUSES[Cause(event.cause)],
                )
            )
        return alarms
