"""From signals to needs: an alarm that calls for help by itself gets an incident and a unit at once."""

from __future__ import annotations

import numpy as np

from rencheng.kernel import Colour, cell_of, distance_m
from rencheng.respond.incidents import open_signalled_incident
from rencheng.respond.model import CallSeen, Need
from rencheng.respond.needs import need_id_of, raise_need
from rencheng.respond.rules import NeedKind, SignalCall
from rencheng.respond.turn import Turn

__all__ = ["answer_calls"]


def answer_calls(turn: Turn) -> None:
    """Raise what each standing signal calls for, once; detectors of one event call together.

    A signal that clears does not call anybody back: somebody has to look, and whoever leads the incident may withdraw
    the need.
    """
    wanted = turn.inputs.rules.calls_of_signal
    for call in list(turn.state.calls.values()):
        for asks, kind in wanted.get(call.name, ()):
            if not _loud_enough(call, asks) or need_id_of(call.signal_id, kind.kind) in turn.state.needs:
                continue
            if not _covered_still(turn, call, kind):
                _answer(turn, call, asks, kind)


def _loud_enough(call: CallSeen, asks: SignalCall) -> bool:
    return call.colour in list(Colour) and Colour(call.colour).rank >= asks.from_colour.rank


def _covered_still(turn: Turn, call: CallSeen, kind: NeedKind) -> bool:
    """Whether the need that covered the signal when it was last looked at is open; spares looking around again."""
    need = turn.state.needs.get(turn.inputs.memo.get(("covered", call.signal_id, kind.kind), ""))
    return need is not None and need.open


def _answer(turn: Turn, call: CallSeen, asks: SignalCall, kind: NeedKind) -> None:
    near = _open_needs_near(turn, call, asks.join_m)
    same = [need.need_id for need in near if need.kind == kind.kind]
    if same:
        turn.inputs.memo[("covered", call.signal_id, kind.kind)] = same[0]
        return
    cell = cell_of(call.lon, call.lat)
    raise_need(
        turn,
        need_id=need_id_of(call.signal_id, kind.kind),
        incident_id=near[0].incident_id if near else _incident_of(turn, call, cell),
        kind=kind,
        lon=call.lon,
        lat=call.lat,
        cell=cell,
        people=0,
        priority=kind.priority,
        report_id="",
        cause=(call.fact_id,),
    )


def _open_needs_near(turn: Turn, call: CallSeen, within_m: float) -> list[Need]:
    """Open needs of the signal's hazard around it, the oldest first."""
    hazards = {i.incident_id for i in turn.state.incidents.values() if i.hazard == call.hazard and not i.response_ended}
    needs = [n for n in turn.state.needs.values() if n.open and n.incident_id in hazards]
    away_m = distance_m(np.array([n.lon for n in needs]), np.array([n.lat for n in needs]), call.lon, call.lat)
    return [need for need, metres in zip(needs, away_m.tolist(), strict=True) if metres <= within_m]


def _incident_of(turn: Turn, call: CallSeen, cell: int) -> str:
    """The running incident of the hazard that holds the place, else a new one."""
    for incident in turn.state.incidents.values():
        running = incident.closed_at is None and not incident.response_ended
        if running and incident.hazard == call.hazard and cell in incident.cells:
            return incident.incident_id
    return open_signalled_incident(turn, call, cell)
