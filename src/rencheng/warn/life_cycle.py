"""The life of a warning: which step may follow which, and the fact that records it."""

from __future__ import annotations

from typing import Any

from rencheng.kernel import Colour, OrderRefused
from rencheng.warn.facts import (
    Notice,
    WarningCancelled,
    WarningDowngraded,
    WarningExpired,
    WarningIssued,
    WarningUpdated,
    WarningUpgraded,
)
from rencheng.warn.model import Standing

__all__ = ["STEPS", "step_fact"]

STEPS: dict[str, tuple[str, ...]] = {
    "none": ("issue",),
    "standing": ("upgrade", "downgrade", "update", "extend", "cancel", "expire"),
    "over": (),
}
"""Phase of a warning → steps that may follow. Over is over: the same danger again is a new warning."""


def step_fact(
    warning_id: str, standing: Standing | None, step: str, notice: Notice, *, over: bool = False, reason: str = ""
) -> Any:
    """Give the fact of a step in a warning's life.

    Raises
    ------
    OrderRefused
        If the step cannot follow: nothing stands, it stands already, or the colour goes the wrong way.

    Notes
    -----
    An upgrade must raise the colour, a downgrade lower it, an update or extension keep it; every notice but the
    first refers to all earlier ones, as CAP 1.2 §3.2.1 asks of Update and Cancel.
    """
    phase = "over" if over else "none" if standing is None else "standing"
    if step not in STEPS[phase]:
        raise OrderRefused(
            f"a warning that is {phase} cannot {step}", where=warning_id, mend=f"Possible: {STEPS[phase] or 'nothing'}"
        )
    if standing is None:
        return WarningIssued(warning_id=warning_id, notice=notice)
    last = standing.notice
    if step == "expire":
        return WarningExpired(warning_id=warning_id, notice_id=last.notice_id, hazard=last.hazard)
    change = Colour(notice.colour).rank - Colour(last.colour).rank
    wanted = {"upgrade": change > 0, "downgrade": change < 0}.get(step, change == 0)
    if not wanted or notice.references != standing.references or notice.hazard != last.hazard:
        raise OrderRefused(f"{step} from {last.colour} to {notice.colour} is no {step}", where=warning_id)
    if step == "upgrade":
        return WarningUpgraded(warning_id=warning_id, from_colour=last.colour, notice=notice)
    if step == "downgrade":
        return WarningDowngraded(warning_id=warning_id, from_colour=last.colour, notice=notice)
    if step == "cancel":
        return WarningCancelled(warning_id=warning_id, reason=reason, notice=notice)
    return WarningUpdated(warning_id=warning_id, notice=notice)
