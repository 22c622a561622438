"""The building block of the picture's boards."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from rencheng.kernel import Bilingual
from rencheng.ledger import Entry

__all__ = ["Board", "EvidenceView", "Text", "View", "text"]


class View(BaseModel):
    """Something people look at; changed in place by its board, copied out as JSON."""

    model_config = ConfigDict(extra="forbid")


class Text(View):
    """One message in both languages."""

    zh: str = Field(examples=["暴雨红色预警"])
    en: str = Field(examples=["Rainstorm red warning"])


class EvidenceView(View):
    """One reading, forecast, report or property of the ground that led to a judgement."""

    kind: str
    sensor_id: str = ""
    quantity: str = ""
    value: float | None = None
    unit: str = ""
    at: str | None = None
    threshold: float | None = None
    note: str = ""


class Board(Protocol):
    """A part of the picture that one room's facts change."""

    def take(self, entry: Entry) -> None:
        """Let one fact change the board; facts it does not show change nothing."""
        ...


def text(message: Bilingual) -> Text:
    """Give the view of a bilingual message."""
    return Text(zh=message.zh, en=message.en)
