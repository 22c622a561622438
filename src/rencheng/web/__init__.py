"""Web: the HTTP face — API, server-sent events and the console's build.

``create_app`` makes the ASGI application around a :class:`Session`; ``serve`` runs it on the loopback address.
The room keeps one projection of its own, the common operating picture (``picture``), folded from the ledger so that
a snapshot and the event stream always agree on the sequence number.
"""

from rencheng.web.app import create_app
from rencheng.web.ports import ClockReading, Intake, Session
from rencheng.web.serve import serve

__all__ = ["ClockReading", "Intake", "Session", "create_app", "serve"]
