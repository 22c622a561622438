"""Serving an application on a loopback port for as long as a test needs it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from fastapi import FastAPI

__all__ = ["running"]


@contextmanager
def running(app: FastAPI, port: int = 0) -> Iterator[str]:
    """Serve an application on a loopback port; the address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", port))
        held.listen(64)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [held]}, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{held.getsockname()[1]}"
        try:
            httpx.get(f"{address}/healthz", timeout=20).raise_for_status()
            yield address
        finally:
            app.state.context.hub.stop()
            server.should_exit = True
            thread.join(timeout=20)
