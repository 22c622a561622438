"""One turn of the response: what follows from what is known now."""

from __future__ import annotations

from datetime import datetime

from rencheng.kernel import Draft
from rencheng.respond.calls import answer_calls
from rencheng.respond.closures import next_closure_due, settle_roads
from rencheng.respond.flood_needs import map_flood_needs
from rencheng.respond.forces import finish_work, next_force_due, reroute_units, send_units
from rencheng.respond.incidents import answer_warnings, chase_tasks, next_task_due
from rencheng.respond.inputs import Inputs
from rencheng.respond.model import State
from rencheng.respond.needs import raise_needs
from rencheng.respond.nodes import advance_nodes
from rencheng.respond.turn import Turn

__all__ = ["decide", "next_due"]


def decide(state: State, inputs: Inputs, now: datetime) -> list[Draft]:
    """Facts that follow: incidents and plans, closures, needs, dispatch, escalations, nodes passed.

    Roads are settled before units are sent, so that nobody is sent through water known of in the same turn.
    """
    turn = Turn(state, inputs, now)
    answer_warnings(turn)
    settle_roads(turn)
    map_flood_needs(turn)
    raise_needs(turn)
    answer_calls(turn)
    finish_work(turn)
    reroute_units(turn)
    send_units(turn)
    chase_tasks(turn)
    advance_nodes(turn)
    return turn.drafts


def next_due(state: State, inputs: Inputs) -> datetime | None:
    """Earliest instant at which :func:`decide` says something new of itself; ``None`` if there is none."""
    instants = (next_task_due(state, inputs), next_force_due(state, inputs), next_closure_due(state, inputs))
    return min((i for i in instants if i is not None), default=None)
