"""Feeds and what people do about them: rows that were refused, why, a file read again, rows offered again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from rencheng.kernel import OrderRefused
from rencheng.sense import ReloadFeed, ReofferRefused
from rencheng.sense.refusal_words import REFUSALS, refusal_words
from rencheng.sense.refused import RefusedQuery
from rencheng.web.context import Context, Served
from rencheng.web.ports import FeedCare
from rencheng.web.problems import PROBLEMS
from rencheng.web.routes.orders import ANYONE, OrderAnswer, carried_out, role_of

__all__ = ["ReasonView", "RefusedPage", "RefusedRowView", "TrialView", "Which", "router"]

router = APIRouter(
    prefix="/api/feeds", tags=["readings"], responses={k: PROBLEMS[k] for k in (400, 404, 409, 413, 422, 503)}
)
_MOST_IDS = 10_000


class TextView(BaseModel):
    """A text in both languages."""

    zh: str
    en: str


class ReasonView(BaseModel):
    """A reason for refusal in words."""

    reason: str
    rows: int = Field(description="Rows of the feed that are kept aside for it")
    name: TextView
    why: TextView = Field(description="What was found")
    mend: TextView = Field(description="What a person can do")
    is_mendable: bool = Field(description="Whether offering the rows again after a change can help")


class RefusedRowView(BaseModel):
    """A row that is, or was, kept aside."""

    refused_id: str
    position: str = Field(description="Delivery that it came in")
    row: int
    raw: str = Field(description="Its text; hexadecimal where it is none, cut after 2,000 characters")
    reason: str
    detail: str
    taken_at: datetime = Field(description="When it was kept aside")
    tried_at: datetime | None = Field(description="When it was offered again and still refused")
    has_origin: bool = Field(description="Whether what it came in was kept, so that all of it can be read again")
    given_at: datetime | None = Field(description="When it was offered again and taken")
    given_by: str | None = Field(description="Who offered it then")


class RefusedPage(BaseModel):
    """A page of a feed's refused rows, newest first."""

    feed_id: str
    reasons: list[ReasonView] = Field(description="Of all rows kept aside now, most rows first")
    total: int = Field(description="Rows kept aside now")
    rows: list[RefusedRowView]


class Which(BaseModel):
    """Which refused rows."""

    reason: str = Field(default="", max_length=60, description="Refused for this reason only; empty for all")
    ids: list[str] | None = Field(default=None, max_length=_MOST_IDS, description="These rows only")


class TrialRowView(BaseModel):
    """What would become of one row; no reason where it would be taken."""

    refused_id: str
    reason: str
    detail: str


class TrialView(BaseModel):
    """What would become of rows if they were offered again now; nothing was done."""

    feed_id: str
    reason: str
    offered: int = Field(description="Rows looked at")
    taken: int = Field(description="Rows that would be taken")
    readings: int = Field(description="Readings that they would give")
    still: dict[str, int] = Field(description="Reason → rows that would stay")
    rows: list[TrialRowView] = Field(description="The first 200, one by one")
    changed: list[str] = Field(description="Keys of the feed's file that are not in force yet; offering reads it again")
    more: int = Field(description="Rows beyond the 100,000 of one offer")


@router.get("/reasons", summary="Why rows are refused")
def reasons() -> list[ReasonView]:
    """Every reason there is, what it means and what mends it."""
    return [_reason(reason, 0) for reason in REFUSALS]


@router.get("/{feed_id}/refused", summary="Rows that a feed refused")
def refused(
    context: Served,
    feed_id: str,
    reason: Annotated[str, Query(max_length=60, description="Of this reason only")] = "",
    state: Annotated[Literal["open", "taken"], Query(description="Kept aside, or taken when offered again")] = "open",
    skip: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    top: Annotated[int, Query(ge=1, le=500)] = 50,
) -> RefusedPage:
    """Give the rows that a feed keeps aside with their reasons, or those that were taken since."""
    care = _care(context)
    counts = care.counts(feed_id)
    query = RefusedQuery(feed_id=feed_id, reason=reason, taken=state == "taken", skip=skip, top=top)
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return RefusedPage(
        feed_id=feed_id,
        reasons=[_reason(name, counts[name]) for name in order],
        total=sum(counts.values()),
        rows=[RefusedRowView(**row) for row in care.page(query).to_pylist()],
    )


@router.post("/{feed_id}/refused/trial", summary="Try refused rows again")
def trial(context: Served, feed_id: str, which: Which) -> TrialView:
    """Say what would become of rows by the feed's file as it stands now; nothing is stored or changed."""
    return TrialView(**asdict(_care(context).trial(_query(feed_id, which))))


@router.post("/{feed_id}/refused/reoffer", summary="Offer refused rows again", response_model=OrderAnswer)
async def reoffer(
    context: Served,
    feed_id: str,
    which: Which,
    x_role: Annotated[str, Header(description="Role of the city on whose behalf")] = ANYONE,
) -> Response:
    """Offer rows again (order ``ReofferRefused``): what is taken leaves the list, what is not bears its new reason."""
    ids = None if which.ids is None else tuple(which.ids)
    return await _ordered(context, ReofferRefused(feed_id=feed_id, reason=which.reason, ids=ids), x_role)


@router.post("/{feed_id}/reload", summary="Read a feed's file again", response_model=OrderAnswer)
async def reload(
    context: Served,
    feed_id: str,
    x_role: Annotated[str, Header(description="Role of the city on whose behalf")] = ANYONE,
) -> Response:
    """Read the configuration again: the order ``ReloadFeed``. Where the file is wrong, the old one stays in force."""
    return await _ordered(context, ReloadFeed(feed_id=feed_id), x_role)


async def _ordered(context: Context, order: object, role: str) -> Response:
    record: dict[str, Any] = await run_in_threadpool(carried_out, context, order, role_of(context, role))
    return Response(msgspec.json.encode(record), media_type="application/json")


def _care(context: Context) -> FeedCare:
    care = context.session.feed_care
    if care is None:
        raise OrderRefused("feeds are tended in a live run only", mend="Start one with: rencheng run --city CITY")
    return care


def _query(feed_id: str, which: Which) -> RefusedQuery:
    return RefusedQuery(feed_id=feed_id, reason=which.reason, ids=None if which.ids is None else tuple(which.ids))


def _reason(reason: str, rows: int) -> ReasonView:
    words = refusal_words(reason)
    return ReasonView(
        reason=reason,
        rows=rows,
        name=TextView(**asdict(words.name)),
        why=TextView(**asdict(words.why)),
        mend=TextView(**asdict(words.mend)),
        is_mendable=words.is_mendable,
    )
