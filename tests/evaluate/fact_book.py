"""A ledger written by hand: facts at minutes after noon, each recorded as it is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rencheng.adapters.memory import MemoryLedger
from rencheng.kernel import Bilingual, Draft, FactId
from rencheng.ledger import Entry
from rencheng.respond.facts import IncidentNodeReached, IncidentOpened
from rencheng.warn import Notice

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
TITLE = Bilingual(zh="内涝", en="Waterlogging")


def minute(minutes: float) -> datetime:
    """Instant so many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


class FactBook:
    """Says facts and keeps them in order."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()

    def say(self, body: Any, at: float = 0.0, *, cause: tuple[FactId, ...] = (), actor: str = "rule:test") -> Entry:
        """Record a fact ``at`` minutes after noon."""
        when = minute(at)
        draft = Draft(stream=f"test/{type(body).__name__}", body=body, occurred_at=when, actor=actor, cause=cause)
        return self.ledger.append([draft], now=when)[0]

    def entries(self) -> list[Entry]:
        """Everything said so far."""
        return list(self.ledger.since(0))


def opened(incident_id: str, *, hazard: str = "waterlogging", cells: tuple[int, ...] = (), warning: str = "w1") -> Any:
    """An incident that begins."""
    return IncidentOpened(
        incident_id=incident_id,
        hazard=hazard,
        title=TITLE,
        response_level="IV",
        event_grade="general",
        warning_id=warning,
        cells=cells,
        area_ids=(),
    )


def ended(incident_id: str) -> Any:
    """The node at which the response of an incident ends."""
    return IncidentNodeReached(incident_id=incident_id, node="response_ended", number=10)


def notice(*, colour: str = "orange", cells: tuple[int, ...] = (), headline: str = "Water on streets") -> Notice:
    """Content of a warning."""
    text = Bilingual(zh="水", en=headline)
    return Notice(
        notice_id="n1",
        hazard="waterlogging",
        rule="test/1",
        colour=colour,
        headline=text,
        description=text,
        advice=text,
        impact=text,
        reasons=(),
        cells=cells,
        polygon=(),
        area_ids=(),
        area_text=text,
        audience=(),
        residents=0.0,
        vulnerable_residents=0.0,
        sent_at=NOON,
        onset_at=NOON,
        expires_at=minute(360),
        certainty="Observed",
        references=(),
        mode="Exercise",
    )
