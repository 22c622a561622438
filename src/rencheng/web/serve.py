"""Running the application."""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from rencheng.app.settings import Settings
from rencheng.kernel import StorageFailed
from rencheng.web.context import Context

__all__ = ["serve"]


class _Server(uvicorn.Server):
    """Ends the open event streams before it waits for connections to close."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take the first signal as a wish to stop."""
        app = self.config.app
        if isinstance(app, FastAPI):
            context: Context = app.state.context
            context.hub.stop()
        super().handle_exit(sig, frame)


def serve(app: FastAPI, settings: Settings, *, listening: Callable[[str], None] | None = None) -> None:
    """Serve until told to stop.

    Parameters
    ----------
    app : FastAPI
        Made by :func:`create_app`.
    settings : Settings
        ``host`` and ``port``; port 0 takes a free one.
    listening : callable, optional
        Told the address once the port is held.

    Raises
    ------
    StorageFailed
        If the port is taken.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((settings.host, settings.port))
            held.listen()  # whoever follows the address before the loop serves waits instead of being refused
        except OSError as error:
            raise StorageFailed(
                f"cannot listen on {settings.host} port {settings.port}: {error.strerror}",
                mend="Set RENCHENG_PORT to another port, or 0 for a free one",
            ) from error
        host, port = held.getsockname()[:2]
        if listening is not None:
            listening(f"http://[{host}]:{port}" if family == socket.AF_INET6 else f"http://{host}:{port}")
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3, server_header=False)
        _Server(config).run(sockets=[held])
