"""The console's build: one page, and files whose names carry the hash of what is in them."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException

__all__ = ["console_routes"]

_ABSENT = """<!doctype html><html lang="zh"><meta charset="utf-8"><title>Rencheng 韧城</title>
<body style="font-family:sans-serif;max-width:40em;margin:4em auto">
<h1>Rencheng 韧城</h1><p>控制台尚未构建。 The console is not built.</p>
<p>Run <code>make setup</code>. The API is described at <a href="/docs">/docs</a>.</p></body></html>"""


def console_routes(folder: Path | None) -> APIRouter:
    """Give the routes that serve a build; without one, a page that says how to make it."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def index(request: Request) -> Response:
        if folder is None or not (folder / "index.html").is_file():
            return HTMLResponse(_ABSENT)
        return _file(folder / "index.html", request, "no-cache")

    @router.get("/assets/{name}")
    def asset(name: str, request: Request) -> Response:
        path = folder / "assets" / name if folder is not None else None
        if path is None or path.parent.name != "assets" or not path.is_file():
            raise HTTPException(404, f"no file {name!r}")
        return _file(path, request, "public, max-age=31536000, immutable")

    @router.get("/favicon.svg")
    def icon(request: Request) -> Response:
        if folder is None or not (folder / "favicon.svg").is_file():
            raise HTTPException(404, "no icon")
        return _file(folder / "favicon.svg", request, "public, max-age=86400")

    return router


def _file(path: Path, request: Request, caching: str) -> Response:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    kind = "text/javascript" if path.suffix in (".js", ".mjs") else kind
    headers = {"Cache-Control": caching, "Vary": "Accept-Encoding"}
    packed = path.with_name(path.name + ".gz")
    if "gzip" in request.headers.get("accept-encoding", "") and packed.is_file():
        return FileResponse(packed, media_type=kind, headers={**headers, "Content-Encoding": "gzip"})
    return FileResponse(path, media_type=kind, headers=headers)
