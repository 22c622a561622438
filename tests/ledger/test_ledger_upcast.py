"""A fact recorded under an old schema is read as the fact of today, and what is stored stays as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from rencheng.adapters.memory import MemoryLedger
from rencheng.kernel import Draft, InvalidInput, StorageFailed, fact
from rencheng.kernel import facts as registry
from rencheng.ledger import upcast as module
from rencheng.ledger import upcaster, verify
from rencheng.ledger.stored import entries_from_stored
from rencheng.ledger.upcast import upcasters_missing

NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def registrations_undone() -> Iterator[None]:
    registers: tuple[dict[Any, Any], ...] = (registry._BY_KIND, registry._BY_CLASS, module._UPCASTERS)
    kept = [dict(register) for register in registers]
    yield
    for register, before in zip(registers, kept, strict=True):
        register.clear()
        register.update(before)


def pump(schema: int, **fields: type) -> type:
    """The fact as it was released under a schema."""
    bare: type = type("PumpStarted", (), {"__annotations__": fields})
    cls: type = dataclass(frozen=True, kw_only=True)(bare)
    cls.__module__ = "rencheng.tests"
    return fact("PumpStarted", schema=schema)(cls)


def recorded_under_one() -> MemoryLedger:
    ledger = MemoryLedger()
    body = pump(1, power_kw=float)(power_kw=1.5)
    ledger.append([Draft(stream="pump/1", body=body, occurred_at=NOW, actor="rule:pumps")], now=NOW)
    return ledger


def test_steps_lift_through_every_schema() -> None:
    ledger = recorded_under_one()
    before = list(ledger.stored())

    @upcaster("PumpStarted", from_schema=1)
    def in_watts(body: dict[str, object]) -> dict[str, object]:
        return {"power_w": float(str(body["power_kw"])) * 1000}

    @upcaster("PumpStarted", from_schema=2)
    def with_reason(body: dict[str, object]) -> dict[str, object]:
        return {**body, "reason": "unknown"}

    today = pump(3, power_w=float, reason=str)
    entry = next(ledger.since())
    assert entry.body == today(power_w=1500.0, reason="unknown")
    assert entry.schema == 1, "the entry says under which schema it was recorded"
    assert list(ledger.stored()) == before
    assert verify(ledger).sound
    ledger.append(
        [Draft(stream="pump/1", body=today(power_w=2.0, reason="rain"), occurred_at=NOW, actor="rule:pumps")], now=NOW
    )
    assert [e.schema for e in ledger.since()] == [1, 3]


def test_a_missing_step_is_named() -> None:
    ledger = recorded_under_one()
    pump(3, power_w=float)
    assert upcasters_missing("PumpStarted") == [1, 2]
    with pytest.raises(InvalidInput, match="nothing lifts PumpStarted from schema 1 to 2"):
        list(ledger.since())


def test_a_fact_of_a_newer_version_is_said_to_be_one() -> None:
    pump(4, power_w=float)
    ledger = recorded_under_one()
    row = next(ledger.stored())._replace(schema=4)
    with pytest.raises(InvalidInput, match=r"entry 1: PumpStarted has schema 4.*Upgrade"):
        list(entries_from_stored([row]))


def test_a_fact_changed_without_an_upcaster_is_said_with_its_place() -> None:
    ledger = recorded_under_one()
    pump(1, power_w=float)
    with pytest.raises(StorageFailed, match=r"entry 1 \(PumpStarted, schema 1\).*power_w.*without an upcaster"):
        list(ledger.since())


def test_two_steps_from_one_schema_are_refused() -> None:
    pump(2, power_w=float)
    upcaster("PumpStarted", from_schema=1)(lambda body: body)

    def other(body: dict[str, object]) -> dict[str, object]:
        return body

    with pytest.raises(InvalidInput, match="already has an upcaster"):
        upcaster("PumpStarted", from_schema=1)(other)
