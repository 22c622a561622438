"""Sensors that disagree with all their neighbours, as detection's alarms tell: a matter for those who mend sensors."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rencheng.kernel import QUANTITIES, Draft
from rencheng.sense.facts import SensorSuspected, SensorTrusted
from rencheng.sense.model import State
from rencheng.sense.ports import Alarms

__all__ = ["DISAGREES", "FaultWatch"]

DISAGREES = "disagrees"
"""Why a sensor is suspected: its neighbours were heard and saw nothing of what it tells."""
_ROWS = 10_000


class FaultWatch:
    """Keeps in mind which sensors detection doubts; what it knows can be read again at any time.

    Parameters
    ----------
    alarms : Alarms
        The readings store.
    """

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self._seen = 0
        self._standing: dict[str, dict[str, Any]] = {}

    def drafts(self, state: State, now: datetime) -> list[Draft]:
        """Say which sensors are doubted that were not, and which are trusted again."""
        doubted = {(row["sensor_id"], row["quantity"]): row for row in self._read().values()}
        told = {key for key, flags in state.suspected.items() if DISAGREES in flags}
        drafts = [
            _draft(SensorSuspected(sensor_id=key[0], quantity=key[1], flag=DISAGREES, detail=_why(row)), now)
            for key, row in sorted(doubted.items())
            if key not in told
        ]
        return drafts + [
            _draft(SensorTrusted(sensor_id=key[0], quantity=key[1], flag=DISAGREES), now)
            for key in sorted(told)
            if key not in doubted
        ]

    def _read(self) -> dict[str, dict[str, Any]]:
        newest = self._alarms.last_alarm
        while newest > self._seen:
            rows = self._alarms.alarms(since=self._seen, limit=_ROWS, kinds=("sensor_fault",))
            for row in rows.to_pylist():
                if row["state"] == "cleared":
                    self._standing.pop(row["alarm_id"], None)
                else:
                    self._standing[row["alarm_id"]] = row
            self._seen = newest if rows.num_rows < _ROWS else rows["seq"][-1].as_py()
        return self._standing


def _why(row: dict[str, Any]) -> str:
    unit = QUANTITIES[row["quantity"]].unit
    return f"reads {row['value']:.6g} {unit} since {row['begun_at']:%Y-%m-%dT%H:%MZ}; its neighbours saw nothing of it"


def _draft(body: SensorSuspected | SensorTrusted, now: datetime) -> Draft:
    return Draft(stream=f"sensor/{body.sensor_id}", body=body, occurred_at=now, actor="rule:corroboration")
