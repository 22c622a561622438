"""What is known, decided and done: the picture, its events, the facts behind it."""

from __future__ import annotations

import gzip
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from rencheng.app.wire import fact_record
from rencheng.kernel import NotFound, fact_types
from rencheng.web.context import Served
from rencheng.web.picture import PictureView, WarningView
from rencheng.web.problems import PROBLEMS

__all__ = ["FactPage", "FactView", "router"]

router = APIRouter(prefix="/api", tags=["picture"], responses={k: PROBLEMS[k] for k in (404, 422)})

_LARGEST_SEQ = 2**53 - 1


class FactView(BaseModel):
    """A recorded fact."""

    seq: int
    id: str
    stream: str
    kind: str = Field(examples=["WarningIssued"])
    schema_number: int = Field(alias="schema")
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    cause: list[str] = Field(description="Ids of the facts that led to it")
    body: dict[str, Any] = Field(description="The fact itself; H3 cells as hexadecimal text")


class FactPage(BaseModel):
    """Some facts in order, and where to go on."""

    facts: list[FactView]
    next: int = Field(description="Give it as ``since`` to go on")
    head: int = Field(description="Last sequence number of the ledger")


@router.get("/state", summary="The common operating picture", response_model=PictureView)
def state(context: Served, accept_encoding: Annotated[str, Header()] = "") -> Response:
    """Give warnings, incidents, tasks, needs, units, closures, sensors, forecasts and risk at one ledger position."""
    body = context.picture_json()
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if "gzip" in accept_encoding and len(body) > 4096:
        body = gzip.compress(body, 1)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)


@router.get(
    "/events",
    summary="Facts as they are recorded",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
def events(
    context: Served,
    since: Annotated[int, Query(ge=0, le=_LARGEST_SEQ, description="Last sequence number the client has")] = 0,
    run: Annotated[str, Query(description="Run the client knows; told to begin again if another one goes on")] = "",
    last_event_id: Annotated[str, Header(description="Sent by the browser when it reconnects")] = "",
) -> StreamingResponse:
    """Stream facts as server-sent events: ``id`` is the sequence number, ``event`` the kind, ``data`` the fact.

    ``clock`` events (no id) tell what the clock says; ``reset`` that another run goes on: read the picture again.
    """
    start = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else since
    return StreamingResponse(
        context.hub.stream(start, run),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get("/facts", summary="Facts of the ledger", response_model=FactPage)
def facts(
    context: Served,
    since: Annotated[int, Query(ge=0, le=_LARGEST_SEQ)] = 0,
    kind: Annotated[list[str] | None, Query(description="Only these kinds")] = None,
    limit: Annotated[int, Query(ge=1, le=5_000)] = 500,
) -> Response:
    """Give facts after a position in order, of all kinds or of some."""
    for name in kind or ():
        if name not in fact_types():
            raise NotFound(f"no fact is called {name!r}", mend=f"Use one of: {', '.join(sorted(fact_types()))}")
    ledger = context.session.ledger
    head = ledger.head
    found = [fact_record(entry) for entry in ledger.since(since, limit=limit, kinds=frozenset(kind) if kind else None)]
    last = found[-1]["seq"] if found else since
    page = {"facts": found, "next": last if len(found) == limit else max(last, head), "head": head}
    return Response(msgspec.json.encode(page), media_type="application/json")


@router.get("/warnings", summary="All warnings of the run")
def warnings(
    context: Served,
    state: Annotated[str | None, Query(pattern="^(in_force|cancelled|expired)$")] = None,
) -> list[WarningView]:
    """Give warnings with their reasons, newest first."""
    return [w for w in context.keeper.all_warnings() if state is None or w.state == state]


@router.get("/warnings/{warning_id}", summary="One warning")
def warning(context: Served, warning_id: str) -> WarningView:
    """Give one warning with its reasons and history."""
    found = context.keeper.warning(warning_id)
    if found is None:
        raise NotFound(f"no warning {warning_id!r}", mend="List them with GET /api/warnings")
    return found
