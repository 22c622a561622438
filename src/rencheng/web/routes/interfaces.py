"""Interface standards 数据接口标准: classes of messages, their JSON Schemas by version, and a check before sending."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from rencheng.app.interfaces import INTERFACES, interface, published_schema, published_versions, read_message
from rencheng.kernel import InvalidInput
from rencheng.web.problems import PROBLEMS

__all__ = ["CheckView", "InterfaceView", "router"]

router = APIRouter(prefix="/api/schemas", tags=["interfaces"])

_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {}, "example": {"link_id": 7}}}}
}


class InterfaceView(BaseModel):
    """A class of messages or files."""

    id: str
    version: int = Field(description="The one that holds")
    versions: list[int] = Field(description="All that were published")
    zh: str
    en: str
    direction: str = Field(description="in: the house takes it; out: it gives it")
    carried: str = Field(description="Where it travels")
    messages: list[str]


class CheckView(BaseModel):
    """Whether a message conforms, and where and why it does not."""

    conforms: bool
    where: str = ""
    what: str = ""


@router.get("", summary="Interface classes")
def classes() -> list[InterfaceView]:
    """Give every class of messages and files that the house takes or gives, with the versions of its schema."""
    return [
        InterfaceView(
            id=of.id,
            version=of.version,
            versions=published_versions(of.id),
            zh=of.name.zh,
            en=of.name.en,
            direction=of.direction,
            carried=of.carried,
            messages=list(of.messages),
        )
        for of in INTERFACES
    ]


@router.get(
    "/{name}/{version}",
    summary="JSON Schema of an interface class",
    response_class=Response,
    responses={
        200: {"content": {"application/schema+json": {"schema": {"type": "object"}}}},
        404: PROBLEMS[404],
        422: PROBLEMS[422],
    },
)
def schema(name: str, version: Annotated[int, Path(ge=1, le=10_000)]) -> Response:
    """Give the schema (draft 2020-12) as it was published in a version; it never changes."""
    return Response(published_schema(name, version), media_type="application/schema+json")


@router.post(
    "/{name}/check",
    summary="Check a message",
    responses={k: PROBLEMS[k] for k in (404, 413, 422)},
    openapi_extra=_BODY,
)
async def check(
    request: Request, name: str, message: Annotated[str, Query(description="Name of the message within the class")]
) -> CheckView:
    """Read a JSON message by the very type that takes it in, and say whether it conforms; nothing is done with it."""
    try:
        read_message(interface(name), message, await request.body())
    except InvalidInput as error:
        return CheckView(conforms=False, where=error.where, what=error.what)
    return CheckView(conforms=True)
