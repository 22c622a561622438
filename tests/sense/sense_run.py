"""Turns of sensing in memory: a store, a state, and the facts said so far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contracts.readings_contract import hourly

from rencheng import sense
from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.kernel import Draft, canonical_json
from rencheng.ledger import entry_from_draft

T0 = datetime(2024, 4, 15, tzinfo=UTC)


class Run:
    """Sensing turn by turn."""

    def __init__(self, channels: Sequence[sense.Channel] | None = None, **inputs: Any) -> None:
        self.store = DuckDbReadings(channels=channels)
        self.inputs = sense.Inputs(readings=self.store, **inputs)
        self.state = sense.initial_state()
        self.said: list[Draft] = []

    def tell(self, drafts: Sequence[Draft]) -> list[Any]:
        """Record drafts; give their bodies."""
        for draft in drafts:
            self.said.append(draft)
            entry = entry_from_draft(
                draft,
                seq=len(self.said),
                version=1,
                recorded_at=draft.occurred_at,
                body_json=canonical_json(draft.body),
            )
            self.state = sense.evolve(self.state, entry)
        return [draft.body for draft in drafts]

    def deliver(self, position: str, batch: sense.Decoded, now: datetime) -> list[Any]:
        """One turn with a delivery; give the facts said."""
        intake = self.store.take("f", position, batch, now=now)
        return self.tell(sense.decide(self.state, self.inputs, now, intake))

    def wait(self, now: datetime) -> list[Any]:
        """One turn without a delivery."""
        return self.tell(sense.decide(self.state, self.inputs, now))

    def hour(self, number: int, value: float, sensor: str = "A", quantity: str = "stage_m") -> list[Any]:
        """Deliver one reading stamped at the hour."""
        batch = hourly(sensor, [value], first_h=number, quantity=quantity)
        return self.deliver(f"{sensor}{number}", batch, T0 + timedelta(hours=number))

    def order(self, order: sense.SubmitReport, now: datetime, actor: str) -> Any:
        """Submit a report; give the fact."""
        (body,) = self.tell(sense.handle(self.state, order, self.inputs, now, actor))
        return body
