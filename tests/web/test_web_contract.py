"""Any request that the OpenAPI document allows, and many that it does not, is answered without a server error."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from tests.web.web_session import ScriptedSession

from rencheng.city import City
from rencheng.web import Session, create_app

ENDLESS = "/api/events"
DOCUMENT = create_app(cast("Session", None), console=None).openapi()
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods if path != ENDLESS]


schemathesis.serializer.alias("image/tiff", "application/octet-stream")


@pytest.fixture(scope="module")
def described(small_city: City) -> Any:
    """The schema of an application that stands in the middle of a storm."""
    played = ScriptedSession(small_city)
    played.advance(timedelta(minutes=75))
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(played, console=None))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_makes_a_server_error(described: Any, path: str, method: str) -> None:
    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described[path][method.upper()].as_strategy())
    def check(case: Any) -> None:
        response = case.call()
        assert response.status_code < 500, response.text
        if response.status_code >= 400:
            assert response.headers["content-type"][0].startswith(("application/problem+json", "text/plain"))

    check()


def test_every_route_is_documented(app: FastAPI) -> None:
    for path, methods in app.openapi()["paths"].items():
        for name, operation in methods.items():
            assert operation.get("summary"), f"{name} {path} has no summary"
            assert operation.get("tags"), f"{name} {path} has no tag"
            assert operation.get("description"), f"{name} {path} has no description"
