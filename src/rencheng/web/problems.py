"""Refusals as problem details (RFC 9457), mapped from the error tree of the house."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from rencheng.kernel import (
    Conflict,
    InvalidInput,
    MissingData,
    NotFound,
    OrderRefused,
    RenchengError,
    StorageFailed,
)

__all__ = ["PROBLEMS", "Problem", "install_problems", "problem_response"]

_STATUS: tuple[tuple[type[RenchengError], int, str], ...] = (
    (NotFound, 404, "not-found"),
    (MissingData, 404, "missing-data"),
    (Conflict, 409, "conflict"),
    (OrderRefused, 409, "order-refused"),
    (InvalidInput, 422, "invalid-input"),
    (StorageFailed, 503, "storage-failed"),
    (RenchengError, 400, "refused"),
)
_TITLES = {
    "not-found": "Not found",
    "missing-data": "The city package lacks this part",
    "conflict": "Somebody else was first",
    "order-refused": "The order does not fit the state of the world",
    "invalid-input": "What came in is wrong",
    "storage-failed": "The store refused",
    "refused": "Refused",
    "http": "Refused",
}


class Problem(BaseModel):
    """A refusal: what is wrong, where, and how to mend it (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:rencheng:problem:not-found",
                "title": "Not found",
                "status": 404,
                "detail": "no sensor 'g-7'",
                "where": "",
                "mend": "List them with GET /api/city/layers/sensors",
            }
        }
    )
    type: str = Field(description="Kind of problem, a URN")
    title: str = Field(description="Kind of problem in words")
    status: int = Field(description="HTTP status code")
    detail: str = Field(description="What is wrong this time")
    where: str = Field(default="", description="File, row, column or field that is wrong")
    mend: str = Field(default="", description="What the reader can do about it")


def _described(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/problem+json": {"schema": Problem.model_json_schema()}}}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: _described("The request cannot be read"),
    404: _described("No such thing"),
    405: _described("The method does not fit this address"),
    409: _described("The state of the world does not allow it"),
    413: _described("The body is larger than is taken at once"),
    415: _described("The body is of a kind that is not taken"),
    422: _described("What came in is wrong"),
    503: _described("The store refused; what was acknowledged before stays"),
}
"""Responses that any route may give, for the OpenAPI document."""


def problem_response(
    status: int, slug: str, detail: str, *, where: str = "", mend: str = "", headers: dict[str, str] | None = None
) -> JSONResponse:
    """Give one problem details response."""
    problem = Problem(
        type=f"urn:rencheng:problem:{slug}",
        title=_TITLES.get(slug, slug),
        status=status,
        detail=detail,
        where=where,
        mend=mend,
    )
    return JSONResponse(
        problem.model_dump(), status_code=status, media_type="application/problem+json", headers=headers
    )


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RenchengError)
    status, slug = next((status, slug) for kind, status, slug in _STATUS if isinstance(error, kind))
    return problem_response(status, slug, error.what, where=error.where, mend=error.mend)


async def _unreadable(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first.get("loc", ()))
    return problem_response(422, "invalid-input", str(first.get("msg", "invalid")), where=where)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers) if error.headers else None
    return problem_response(error.status_code, "http", str(error.detail), headers=headers)


def install_problems(app: FastAPI) -> None:
    """Answer every refusal of the house as problem details."""
    app.add_exception_handler(RenchengError, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http)
