"""What an import took from each source, what it refused, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

__all__ = ["EXAMPLES", "ImportReport", "Refusal", "SourceReport"]

EXAMPLES = 5
"""How many refused things are named by their place; the rest are counted."""


@dataclass(slots=True)
class Refusal:
    """Things refused for one reason: how many, and where the first of them stand."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SourceReport:
    """The account of one source.

    Parameters
    ----------
    source : str
        File name or the part of the configuration.
    taken : dict of str to int
        What was taken → how many.
    refused : dict of str to Refusal
        Reason → how many and where.
    notes : list of str
        Assumptions and estimates a reader must know.
    failure : str
        Why the whole source was refused; empty if it was read.
    """

    source: str
    taken: dict[str, int] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failure: str = ""

    def take(self, what: str, count: int) -> None:
        """Count things taken."""
        self.taken[what] = self.taken.get(what, 0) + int(count)

    def refuse(self, reason: str, places: Iterable[object]) -> None:
        """Count things refused for a reason; the first :data:`EXAMPLES` places are kept."""
        listed = list(places)
        if not listed:
            return
        refusal = self.refused.setdefault(reason, Refusal())
        refusal.count += len(listed)
        room = EXAMPLES - len(refusal.examples)
        refusal.examples.extend(str(place) for place in islice(listed, max(room, 0)))

    def note(self, text: str) -> None:
        """Say something a reader must know, once."""
        if text not in self.notes:
            self.notes.append(text)


@dataclass(slots=True)
class ImportReport:
    """The account of a whole import, source by source, in the order they were read."""

    city_id: str
    sources: list[SourceReport] = field(default_factory=list)

    def source(self, name: str) -> SourceReport:
        """Give the account of a source, opened if it is new."""
        for report in self.sources:
            if report.source == name:
                return report
        self.sources.append(SourceReport(source=name))
        return self.sources[-1]

    @property
    def failures(self) -> list[SourceReport]:
        """Sources refused whole."""
        return [report for report in self.sources if report.failure]

    def to_plain(self) -> dict[str, Any]:
        """Plain dictionaries, ready for JSON."""
        return {
            "city": self.city_id,
            "sources": [
                {
                    "source": report.source,
                    "failure": report.failure,
                    "taken": dict(report.taken),
                    "refused": [
                        {"reason": reason, "count": refusal.count, "examples": refusal.examples}
                        for reason, refusal in report.refused.items()
                    ],
                    "notes": list(report.notes),
                }
                for report in self.sources
            ],
        }
