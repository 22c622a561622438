"""Making the ASGI application around a session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from rencheng import __version__
from rencheng.app.elastic_workers import ElasticWorkers
from rencheng.app.settings import Settings
from rencheng.web.context import Context
from rencheng.web.events import EventHub
from rencheng.web.guard import Guard
from rencheng.web.pages import console_routes
from rencheng.web.ports import Session
from rencheng.web.problems import PROBLEMS, install_problems
from rencheng.web.routes import (
    alerts,
    city,
    devices,
    feeds,
    flood,
    flood_objects,
    flood_papers,
    flood_points,
    interfaces,
    orders,
    outlook,
    picture,
    rain_forecasts,
    rain_pictures,
    readings,
    reports,
    run,
    sensors,
    sensorthings,
    summaries,
)

__all__ = ["CONSOLE", "create_app"]

CONSOLE = Path(__file__).parent / "static"
"""Where the console's build stands in the package."""

_DESCRIPTION = """
The API of Rencheng 韧城: what is sensed, judged, warned of, done and put right, and the orders people give.

Read the picture once (`GET /api/state`), then follow it (`GET /api/events?since=seq`). Everything shown is a fold of
facts; an order answers with the facts it led to. Refusals are problem details (RFC 9457).
There is no sign-in yet: the application listens on the loopback address and answers its own page only.
"""

_TAGS = [
    {"name": "picture", "description": "What is known, decided and done"},
    {"name": "outlook", "description": "What was sensed and what is expected"},
    {"name": "flood", "description": "Water before it comes: forecasts, rasters, who stands in it, papers"},
    {"name": "city", "description": "What the city is"},
    {"name": "orders", "description": "What people want done"},
    {"name": "devices", "description": "What stands in the street: its life, what falls due, how often it fails"},
    {"name": "interfaces", "description": "JSON Schemas of what is taken in and given out, by version"},
    {"name": "readings", "description": "Readings by the bulk"},
    {"name": "warnings", "description": "Warnings as CAP 1.2"},
    {"name": "run", "description": "Clock, report, health"},
]

_HOSTS = ("127.0.0.1", "localhost", "[::1]", "testserver")


def create_app(session: Session, *, console: Path | None = CONSOLE, settings: Settings | None = None) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    session : Session
        The run it shows.
    console : Path, optional
        Folder of the console's build; None serves the API only.
    settings : Settings, optional
        Options of the installation.

    Returns
    -------
    FastAPI
        ASGI application with ``state.context``.
    """
    settings = settings if settings is not None else Settings()
    context = Context(session=session, settings=settings, hub=EventHub(session))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        context.workers = ElasticWorkers()  # an application that is started again finds nobody sent home
        yield
        context.hub.close()
        context.workers.close()

    app = FastAPI(
        title="Rencheng 韧城",
        version=__version__,
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        lifespan=lifespan,
        responses={405: PROBLEMS[405]},
        license_info={"name": "Apache-2.0"},
    )
    app.state.context = context
    install_problems(app)
    for routes in (
        sensorthings,  # looked at first, for it is asked most
        city,
        picture,
        outlook,
        sensors,
        flood,
        flood_objects,
        flood_papers,
        flood_points,
        alerts,
        orders,
        interfaces,
        devices,
        summaries,
        readings,
        feeds,
        rain_forecasts,
        rain_pictures,
        reports,
        run,
    ):
        app.include_router(routes.router)
    app.include_router(console_routes(console))
    app.add_middleware(Guard, context=context)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*_HOSTS, settings.host])
    return app
