"""The graded words of the house. Colour, response level and event grade are three different things."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Colour", "EventGrade", "Hazard", "ResponseLevel"]


class Colour(StrEnum):
    """Warning colour 预警颜色, from lowest to highest."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"

    @property
    def rank(self) -> int:
        """1 for blue … 4 for red."""
        return list(Colour).index(self) + 1


class ResponseLevel(StrEnum):
    """Response level 响应级别, IV the lowest and I the highest."""

    IV = "IV"
    III = "III"
    II = "II"
    I = "I"  # noqa: E741 — the Roman numeral is the standard's word

    @property
    def rank(self) -> int:
        """1 for IV … 4 for I."""
        return list(ResponseLevel).index(self) + 1


class EventGrade(StrEnum):
    """Event grade 事件等级 by consequence."""

    GENERAL = "general"
    LARGER = "larger"
    MAJOR = "major"
    EXTRAORDINARY = "extraordinary"


class Hazard(StrEnum):
    """Hazard a signal, risk or warning is about (grows with the hazard taxonomy)."""

    RAINSTORM = "rainstorm"
    RIVER_FLOOD = "river_flood"
    WATERLOGGING = "waterlogging"
