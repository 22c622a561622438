"""OGC SensorThings API 1.1 over HTTP: the same sensors and readings, in the words of the standard.

It describes itself: its root lists the entity sets and the requirement classes it keeps. So it is not part of the
OpenAPI document of the house's own API, and is answered without the machinery that such documents need: gateways send
single Observations by the thousand.
"""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from rencheng.adapters.sensorthings import (
    Answer,
    Asked,
    SensorThings,
    answer,
    answer_batch,
    answer_later,
    created,
    refused,
)
from rencheng.kernel import RenchengError
from rencheng.web.context import Context

__all__ = ["ROOT", "router"]

ROOT = "/sensorthings/v1.1"
"""Where the service stands."""


class _Exchange:
    """Answers requests of the standard, one ASGI call each; a write is durable before it is answered."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        context: Context = request.app.state.context
        service: SensorThings | None = getattr(context.session, "sensorthings", None)
        if service is None:
            raise HTTPException(404, "this run has no SensorThings service")
        found = await _answered(service, await _asked(request))
        await _response(found, head=request.method == "HEAD")(scope, receive, send)


_METHODS = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"]
_EXCHANGE = _Exchange()
router = APIRouter()
router.routes += [Route(ROOT + path, _EXCHANGE, methods=_METHODS) for path in ("", "/{path:path}")]


async def _asked(request: Request) -> Asked:
    query: bytes = request.scope.get("query_string", b"")
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    path = unquote(raw.partition(b"?")[0].decode("latin-1"))
    return Asked(
        method=request.method,
        path=path.partition(ROOT)[2] or request.path_params.get("path", ""),
        query=query.decode("latin-1"),
        base=f"{request.url.scheme}://{request.headers.get('host') or request.url.netloc}{ROOT}",
        actor=f"sensorthings:{request.client.host if request.client else 'unknown'}",
        body=await request.body(),
        content_type=request.headers.get("content-type", ""),
    )


async def _answered(service: SensorThings, asked: Asked) -> Answer:
    """Answer in a thread; a single Observation, of which gateways send thousands, waits for its commit without one."""
    try:
        later = answer_later(service, asked)
    except RenchengError as error:
        return refused(error)
    if later is None:
        return await run_in_threadpool(answer_batch if asked.path.strip("/") == "$batch" else answer, service, asked)
    (outcome,) = await asyncio.wrap_future(later)
    return created(service, outcome, asked)


def _response(found: Answer, *, head: bool) -> Response:
    if not found.body:
        return Response(status_code=found.status, headers=dict(found.headers))
    body = b"" if head else found.body
    return Response(body, status_code=found.status, media_type=found.media_type, headers=dict(found.headers))
