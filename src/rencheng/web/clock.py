"""The run's clock as people see it."""

from __future__ import annotations

from rencheng.web.picture.base import text
from rencheng.web.picture.keeper import ClockView
from rencheng.web.ports import ClockReading, Session

__all__ = ["clock_view"]


def clock_view(session: Session, reading: ClockReading | None = None) -> ClockView:
    """Give the view of a clock reading, the session's own by default."""
    clock = reading if reading is not None else session.clock()
    return ClockView(
        mode=clock.mode,
        now=clock.now,
        speed=clock.speed,
        phase=clock.phase,
        progress_ratio=clock.progress_ratio,
        title=text(clock.title),
        run_id=clock.run_id,
        message=text(clock.message) if clock.message is not None else None,
    )
