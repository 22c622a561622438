"""A scripted session, its application, and the same behind a real port."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from tests.web.web_city import web_city
from tests.web.web_server import running
from tests.web.web_session import ScriptedSession

from rencheng.city import City
from rencheng.web import create_app


@pytest.fixture(scope="session")
def small_city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return web_city(tmp_path_factory.mktemp("city") / "linjiang")


@pytest.fixture
def session(small_city: City) -> ScriptedSession:
    """The scripted storm 75 minutes in: red warning, open tasks, units on their way."""
    played = ScriptedSession(small_city)
    played.advance(timedelta(minutes=75))
    return played


@pytest.fixture
def app(session: ScriptedSession) -> FastAPI:
    return create_app(session, console=None)


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    with running(app) as found:
        yield found


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=20) as made:
        yield made
