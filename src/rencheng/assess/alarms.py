"""Alarms of detection as signals: raised when an alarm is, again when its severity changes, cleared when it closes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from rencheng.assess.facts import Evidence, SignalCleared, SignalRaised
from rencheng.assess.frame import CityFrame
from rencheng.assess.model import State
from rencheng.kernel import QUANTITIES, Draft
from rencheng.sense.detection_rules import ChannelRule, DetectionRules
from rencheng.sense.ports import Alarms

__all__ = ["AlarmDesk"]

_MOST_ROWS = 10_000
"""Alarm rows looked at in one turn; more wait for the next."""
_KINDS = {"rate": "rate", "no_data": "silence"}
_WHY_CLEARED = {
    "back": "the reason no longer holds",
    "heard": "the sensor reports again",
    "unheard": "nothing was heard for so long that it is closed without knowing",
    "rule_changed": "the rule was changed",
}


class AlarmDesk:
    """Turns alarm rows of the readings store into signals, each row once.

    Parameters
    ----------
    alarms : Alarms
        The store.
    rules : DetectionRules
        Which alarms officers are told of, and what they are called.
    """

    def __init__(self, alarms: Alarms, rules: DetectionRules) -> None:
        self._alarms = alarms
        self._rules = rules
        self._looked_at = 0  # spares looking again at rows that nobody is told of; holds nothing that matters

    @cached_property
    def _by_id(self) -> Mapping[str, ChannelRule]:
        return {rule.rule.id: rule for rule in self._rules.rules if rule.tell == "signal"}

    def drafts(self, state: State, frame: CityFrame, now: datetime) -> Iterator[Draft]:
        """Say what detection found since the last row that a fact tells of."""
        since, newest = max(self._looked_at, state.alarm_seq), self._alarms.last_alarm
        if newest <= since or not self._by_id:
            return
        rows = self._alarms.alarms(since=since, limit=_MOST_ROWS, rules=tuple(self._by_id)).to_pylist()
        told = {key: signal.fact_id for key, signal in state.signals.items()}
        for row in rows:
            body = self._body(row, frame, stands=row["alarm_id"] in told)
            if body is not None:
                cause = (told[row["alarm_id"]],) if row["alarm_id"] in told else ()
                actor = f"rule:{row['rule']}"
                draft = Draft(stream=f"signal/{body.signal_id}", body=body, occurred_at=now, actor=actor, cause=cause)
                told[row["alarm_id"]] = draft.id
                newest = min(newest, row["seq"] - 1)  # from here on the state says what was recorded
                yield draft
        self._looked_at = max(since, min(newest, rows[-1]["seq"]) if len(rows) == _MOST_ROWS else newest)

    def _body(self, row: Mapping[str, Any], frame: CityFrame, *, stands: bool) -> SignalRaised | SignalCleared | None:
        """What officers are told of a row; None where the rule or the place is none of theirs."""
        rule = self._by_id.get(row["rule"])
        if rule is None or row["kind"] == "sensor_fault" or row["sensor_id"] not in frame.places:
            return None
        if row["state"] != "cleared":
            return _raised(row, rule, frame)
        if not stands:
            return None
        reason = _WHY_CLEARED.get(row["cause"], row["cause"])
        return SignalCleared(signal_id=row["alarm_id"], hazard=rule.hazard, reason=reason, alarm_seq=row["seq"])


def _raised(row: Mapping[str, Any], rule: ChannelRule, frame: CityFrame) -> SignalRaised:
    lon, lat = frame.places.lonlat[row["sensor_id"]]
    of = QUANTITIES[row["quantity"]]
    evidence = Evidence(
        kind=_KINDS.get(row["kind"], "reading"),
        sensor_id=row["sensor_id"],
        quantity=row["quantity"],
        value=round(float(row["value"]), 6),
        unit=of.unit,
        at=row["window_end"],
        threshold=abs(float(row["limit"])) if row["kind"] in ("threshold", "rate") else None,
        note=f"{row['cause']} since {row['window_start']:%Y-%m-%dT%H:%M:%SZ}, {rule.source}",
    )
    return SignalRaised(
        signal_id=row["alarm_id"],
        hazard=rule.hazard,
        name=row["rule"],
        colour=row["severity"],
        sensor_id=row["sensor_id"],
        lon=lon,
        lat=lat,
        in_city=frame.places.in_city(row["sensor_id"]),
        evidence=(evidence,),
        confidence_prob=round(float(row["confidence"]), 3),
        cause=row["cause"],
        window_start=row["window_start"],
        window_end=row["window_end"],
        title=rule.name,
        alarm_seq=row["seq"],
    )
