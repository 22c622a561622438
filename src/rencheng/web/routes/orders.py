"""What people want done: orders by name, and their schemas."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from rencheng.app.wire import fact_record
from rencheng.kernel import InvalidInput, order_type, order_types
from rencheng.web.context import Context, Served
from rencheng.web.problems import PROBLEMS

__all__ = ["ANYONE", "OrderAnswer", "OrderForm", "carried_out", "role_of", "router"]

router = APIRouter(
    prefix="/api/orders", tags=["orders"], responses={k: PROBLEMS[k] for k in (400, 404, 409, 413, 422, 503)}
)

ANYONE = "duty_officer"
"""Role of whoever does not say on whose behalf."""


class OrderForm(BaseModel):
    """An order that can be given."""

    name: str = Field(examples=["AcknowledgeTask"])
    description: str
    form: dict[str, Any] = Field(description="JSON Schema of the body")


class OrderAnswer(BaseModel):
    """What followed from an order."""

    order: str
    actor: str
    facts: list[dict[str, Any]] = Field(description="Facts recorded in the turn that the order began")


@router.get("", summary="Orders that can be given")
def order_forms() -> list[OrderForm]:
    """List every order with the JSON Schema of its body."""
    return [
        OrderForm(name=name, description=(kind.__doc__ or "").strip(), form=msgspec.json.schema(kind))
        for name, kind in sorted(order_types().items())
    ]


@router.post(
    "/{name}",
    summary="Give an order",
    response_model=OrderAnswer,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "object"},
                    "example": {"task_id": "task-abcdefghijklmnop", "role_id": "duty_officer"},
                }
            },
        }
    },
)
async def give_order(
    context: Served,
    request: Request,
    name: str,
    x_role: Annotated[str, Header(description="Role of the city on whose behalf the order is given")] = ANYONE,
) -> Response:
    """Give an order in the name of a role; the facts that it led to come back, or why it was refused."""
    body = await request.body()
    record = await run_in_threadpool(_carry_out, context, name, body, x_role)
    return Response(msgspec.json.encode(record), media_type="application/json")


def _carry_out(context: Context, name: str, body: bytes, role: str) -> dict[str, Any]:
    kind = order_type(name)
    actor = role_of(context, role)
    try:
        order: object = msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(str(error), where=f"order {name}", mend="Its form: GET /api/orders") from error
    return carried_out(context, order, actor)


def role_of(context: Context, role: str) -> str:
    """The actor of a role of the city.

    Raises
    ------
    InvalidInput
        If the city has no such role.
    """
    known = {row["role_id"] for row in context.session.city.rows("roles")}
    if role != ANYONE and role not in known:
        raise InvalidInput(
            f"the city has no role {role!r}", where="header X-Role", mend="List them with GET /api/city/layers/roles"
        )
    return f"role:{role}"


def carried_out(context: Context, order: object, actor: str) -> dict[str, Any]:
    """Carry an order out; the record that is answered."""
    entries = context.session.order(order, actor=actor)
    return {"order": type(order).__name__, "actor": actor, "facts": [fact_record(entry) for entry in entries]}
