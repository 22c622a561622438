"""Warnings as CAP 1.2 messages and as an Atom feed of them."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rencheng.adapters.cap import CAP_MEDIA_TYPE, atom_feed, cap_of
from rencheng.ledger import Entry
from rencheng.web.context import Context, Served
from rencheng.web.problems import PROBLEMS

__all__ = ["router"]

router = APIRouter(prefix="/api/cap", tags=["warnings"], responses={k: PROBLEMS[k] for k in (404, 422)})


_NOTICED = ("WarningIssued", "WarningUpdated", "WarningUpgraded", "WarningDowngraded", "WarningCancelled")


def _notices(context: Context) -> Iterator[Entry]:
    return context.session.ledger.since(0, kinds=_NOTICED)


@router.get(
    "/feed.atom",
    summary="Feed of warnings",
    response_class=Response,
    responses={200: {"content": {"application/atom+xml": {"schema": {"type": "string"}}}}},
)
def feed(context: Served, request: Request) -> Response:
    """Give the newest notices as Atom 1.0, newest first, each with the address of its CAP message."""
    base = f"{str(request.base_url).rstrip('/')}/api"
    return Response(atom_feed(_notices(context), base), media_type="application/atom+xml")


@router.get(
    "/{notice_id}.xml",
    summary="One CAP message",
    response_class=Response,
    responses={200: {"content": {CAP_MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
def message(context: Served, notice_id: str) -> Response:
    """Give one notice as CAP 1.2."""
    return Response(cap_of(_notices(context), notice_id), media_type=CAP_MEDIA_TYPE)
