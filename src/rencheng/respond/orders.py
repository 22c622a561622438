"""What people may want of the response: acknowledge, complete, reassign, send, recall, close, reopen, end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.kernel import order

__all__ = [
    "AcceptFloodAdvice",
    "AcknowledgeTask",
    "CloseIncident",
    "CloseRoad",
    "CompleteTask",
    "ConfirmArrival",
    "ConfirmNode",
    "EndResponse",
    "MeetNeed",
    "RaiseNeed",
    "ReassignTask",
    "RecallUnit",
    "ReleaseUnit",
    "ReopenRoad",
    "ReopenTask",
    "TakeEdgeRecord",
    "WithdrawNeed",
]


@order("AcceptFloodAdvice")
@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptFloodAdvice:
    """Take up an option of the last flood advice: a pump or a crew is asked for at its place, as by any other need."""

    option_id: str


@order("AcknowledgeTask")
@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeTask:
    """Say that the role has the task; without ``role_id`` the role that holds it now."""

    task_id: str
    role_id: str = ""


@order("CompleteTask")
@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteTask:
    """Say that the task is done and hand in its receipt."""

    task_id: str
    receipt: str = ""
    role_id: str = ""


@order("ReopenTask")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenTask:
    """Take a completion back while the incident is open."""

    task_id: str
    reason: str


@order("ReassignTask")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReassignTask:
    """Give an open task to another role."""

    task_id: str
    role_id: str
    reason: str


@order("RaiseNeed")
@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseNeed:
    """Ask for help at a place; ``kind`` is one of the kinds of ``needs.yaml``."""

    kind: str
    lon: float
    lat: float
    people: int = 1
    priority: int = 0
    """1 to 4; 0 takes the kind's own."""
    incident_id: str = ""
    """Empty: the open incident that fits the place."""


@order("WithdrawNeed")
@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawNeed:
    """Drop a need (false call, helped otherwise); units on their way are free again."""

    need_id: str
    reason: str


@order("ConfirmArrival")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmArrival:
    """Say that a unit is at its need."""

    unit_id: str


@order("MeetNeed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MeetNeed:
    """Say that a need is served; all its units are free again."""

    need_id: str


@order("ReleaseUnit")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseUnit:
    """Free a unit that has done its part at the need."""

    unit_id: str


@order("RecallUnit")
@dataclass(frozen=True, slots=True, kw_only=True)
class RecallUnit:
    """Call a unit back before it arrives; its need is open again."""

    unit_id: str


@order("CloseRoad")
@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRoad:
    """Close a road link."""

    link_id: int
    reason: str
    depth_m: float | None = None


@order("ReopenRoad")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenRoad:
    """Open a road link that was closed by order; what a standing signal or report closes stays closed."""

    link_id: int


@order("ConfirmNode")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmNode:
    """A commander attests the incident's next node where no fact of the system can show it."""

    incident_id: str
    node: str


@order("EndResponse")
@dataclass(frozen=True, slots=True, kw_only=True)
class EndResponse:
    """End the response although the warning still stands; needs and tasks must be done."""

    incident_id: str


@order("CloseIncident")
@dataclass(frozen=True, slots=True, kw_only=True)
class CloseIncident:
    """Close an incident whose twelve nodes are passed."""

    incident_id: str


@order("TakeEdgeRecord")
@dataclass(frozen=True, slots=True, kw_only=True)
class TakeEdgeRecord:
    """Take an entry of the log of a gateway that was, or is, on its own; an entry that is known changes nothing.

    Parameters
    ----------
    edge_id : str
        The gateway.
    log_seq : int
        Number of the entry, from 1.
    at : datetime
        When the gateway wrote it, by its own clock.
    kind : str
        ``alarm``, ``order``, ``sent`` or ``unsent``.
    body : str
        The entry as JSON text, the very text that was hashed.
    previous, digest : str
        Digest of the entry before, and of this one: SHA-256 over previous, edge_id, log_seq, at in microseconds since
        1970, kind and body, joined by line feeds.
    clock_ahead_s : float, optional
        How far the gateway's clock is ahead of the core's, as it found.
    """

    edge_id: str
    log_seq: int
    at: datetime
    kind: str
    body: str
    previous: str
    digest: str
    clock_ahead_s: float | None = None
