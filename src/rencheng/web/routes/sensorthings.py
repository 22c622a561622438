"""OGC SensorThings API 1.1 over HTTP: the same sensors and readings, in the words of the standard.

It describes itself: its root lists the entity sets and the requirement classes it keeps. So it is not part of the
OpenAPI document of the house's own API.
"""

from __future__ import annotations

from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from rencheng.adapters.sensorthings import Answer, Asked, SensorThings, answer, answer_batch
from rencheng.web.context import Served

__all__ = ["ROOT", "router"]

ROOT = "/sensorthings/v1.1"
"""Where the service stands."""

router = APIRouter(prefix=ROOT, include_in_schema=False)


@router.api_route("", methods=["GET", "HEAD"])
@router.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"])
async def exchange(context: Served, request: Request, path: str = "") -> Response:
    """Answer one request of the standard; a write is durable before it is answered."""
    service: SensorThings | None = getattr(context.session, "sensorthings", None)
    if service is None:
        raise HTTPException(404, "this run has no SensorThings service")
    query: bytes = request.scope.get("query_string", b"")
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    asked = Asked(
        method=request.method,
        path=unquote(raw.partition(b"?")[0].decode("latin-1")).partition(ROOT)[2] or path,
        query=query.decode("latin-1"),
        base=f"{str(request.base_url).rstrip('/')}{ROOT}",
        actor=f"sensorthings:{request.client.host if request.client else 'unknown'}",
        body=await request.body(),
        content_type=request.headers.get("content-type", ""),
    )
    ask = answer_batch if asked.path.strip("/") == "$batch" else answer
    return _response(await run_in_threadpool(ask, service, asked), head=request.method == "HEAD")


def _response(found: Answer, *, head: bool) -> Response:
    if not found.body:
        return Response(status_code=found.status, headers=dict(found.headers))
    body = b"" if head else found.body
    return Response(body, status_code=found.status, media_type=found.media_type, headers=dict(found.headers))
