"""What every request passes: the size of its body, where it comes from, and the count of what was answered."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rencheng.web.context import Context
from rencheng.web.problems import problem_response

__all__ = ["Guard"]

_MIB = 1024 * 1024
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"SAMEORIGIN",
}

_BULKY = (
    "/api/devices",
    "/api/readings/",
    "/api/rain-forecasts/",
    "/api/rain-pictures/",
    "/sensorthings/v1.1/CreateObservations",
    "/sensorthings/v1.1/$batch",
)
"""What takes bodies up to the setting's size; orders are small."""


class Guard:
    """ASGI middleware that bounds bodies, refuses changes asked for by foreign pages, and counts responses.

    Parameters
    ----------
    app : ASGIApp
        What is guarded.
    context : Context
        Gives the bound of a body and keeps the counts.
    """

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                self._context.requests[status] = self._context.requests.get(status, 0) + 1
                message["headers"] = [*message["headers"], *_HEADERS.items()]
            await send(message)

        limit = self._limit(scope["path"])
        if scope["method"] not in _SAFE and _foreign(headers):
            refusal = problem_response(403, "http", "a page of another origin may not change anything here")
            await refusal(scope, receive, counted)
        elif int(headers.get("content-length") or 0) > limit:
            await problem_response(413, "http", _too_large(limit))(scope, receive, counted)
        else:
            await self._app(scope, _bounded(receive, limit), counted)

    def _limit(self, path: str) -> int:
        return self._context.settings.max_body_mb * _MIB if path.startswith(_BULKY) else _MIB


def _foreign(headers: Headers) -> bool:
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit} bytes: send it in parts"


def _bounded(receive: Receive, limit: int) -> Receive:
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(413, _too_large(limit))
        return message

    return bounded
