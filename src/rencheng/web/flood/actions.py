"""What the brief proposes to do, derived line by line from who stands in the water and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rencheng.web.flood.words import say, term
from rencheng.web.picture.flood import FloodOptionView

if TYPE_CHECKING:
    from rencheng.web.flood.brief import Brief

__all__ = ["actions"]

_CARS_STOP_M = 0.3
"""Small passenger cars, Shand et al. 2011 (Australian Rainfall and Runoff P10/S2/020), Table 2."""
_NAMED = 3
_LINES = (
    ("do_underpass", ("underpass",)),
    ("do_health", ("health",)),
    ("do_utility", ("utility",)),
    ("do_metro", ("metro",)),
    ("do_care", ("care", "school")),
)


def actions(brief: Brief) -> list[str]:
    """Proposals in words, the most urgent first: one line per group that stands in the water, roads, residents, advice.

    They repeat the forecast as things to prepare and name the first time of water; they give no order.
    """
    lines = [line for key, groups in _LINES if (line := _group_line(brief, key, groups))]
    lines += [line for line in (_roads(brief), _residents(brief), _advice(brief)) if line]
    return lines or [say("do_nothing", brief.language)]


def _group_line(brief: Brief, key: str, groups: tuple[str, ...]) -> str:
    rows = brief.rows(*groups)
    if not len(rows.at):
        return ""
    soonest = brief.objects.sorted(rows, "first")
    named = brief.objects.records(soonest.take(np.arange(min(_NAMED, len(soonest.at)))))
    names = [r["name"] or f"{term(r['detail'], brief.language)} {r['object_id']}" for r in named]
    first = say("list_and", brief.language).join(dict.fromkeys(names))
    lead = int(soonest.first_min[0])
    when = say("when_by", brief.language, at=brief.clock(lead)) if lead > 0 else say("when_now", brief.language)
    return say(key, brief.language, when=when, n=len(rows.at), first=first)


def _roads(brief: Brief) -> str:
    rows = brief.rows("road", "underpass", threshold_m=_CARS_STOP_M)
    if not len(rows.at):
        return ""
    return say(
        "do_road", brief.language, n=len(rows.at), at=brief.clock(int(rows.first_min[rows.first_min >= 0].min()))
    )


def _residents(brief: Brief) -> str:
    worst = brief.worst
    if worst is None or worst.residents < 1:
        return ""
    return say("do_residents", brief.language, n=f"{round(worst.residents):,}".replace(",", "\u2009"))


def _place(brief: Brief, option: FloodOptionView) -> str:
    kind, _, place = option.detail.partition(" ")
    return option.name or (f"{term(kind, brief.language)} {place}" if place else option.detail)


def _advice(brief: Brief) -> str:
    best = next((o for o in (brief.advice.options if brief.advice else ()) if o.kind != "none"), None)
    if best is None or (best.avoided_residents <= 0 and best.avoided_underpasses <= 0):
        return ""
    return say(
        "advice",
        brief.language,
        kind=term(best.kind, brief.language),
        detail=_place(brief, best),
        residents=round(best.avoided_residents),
        under=best.avoided_underpasses,
    )
