"""What the routes share: the session, its picture, its layers, its event hub."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Annotated

import numpy as np
import pyarrow as pa
from fastapi import Depends, Request

from rencheng.app.elastic_workers import ElasticWorkers
from rencheng.app.settings import Settings
from rencheng.assess.frame import GAUGED
from rencheng.city import City
from rencheng.city.package import MOST_SHOWN
from rencheng.kernel import Colour, NotFound
from rencheng.sense import SummedReadings
from rencheng.sense.map_box import SensorMap
from rencheng.web.clock import clock_view
from rencheng.web.events import EventHub
from rencheng.web.flood import FloodFields, FloodStore
from rencheng.web.layers import LayerCache
from rencheng.web.picture import LatestView, PictureKeeper
from rencheng.web.ports import Session

__all__ = ["Context", "Served"]


@dataclass(slots=True)
class Context:
    """The session behind the application and what is kept of it between requests."""

    session: Session
    settings: Settings
    hub: EventHub
    requests: dict[int, int] = field(default_factory=dict)
    """HTTP status → responses given."""
    workers: ElasticWorkers = field(default_factory=ElasticWorkers)
    """They decode deliveries of readings."""
    _lock: Lock = field(default_factory=Lock)
    _floods: FloodStore = field(default_factory=FloodStore)
    _keeper: tuple[object, PictureKeeper] | None = None
    _layers: tuple[City, LayerCache] | None = None
    _sensor_map: tuple[object, SensorMap] | None = None
    _latest: tuple[tuple[object, int], list[LatestView]] | None = None

    @property
    def keeper(self) -> PictureKeeper:
        """The picture of the ledger that the session has now; a restarted run has a new one."""
        with self._lock:
            ledger = self.session.ledger
            if self._keeper is None or self._keeper[0] is not ledger:
                self._keeper = (ledger, PictureKeeper(self.session.city, ledger))
            return self._keeper[1]

    @property
    def layers(self) -> LayerCache:
        """The layers of the session's city."""
        with self._lock:
            city = self.session.city
            if self._layers is None or self._layers[0] is not city:
                self._layers = (city, LayerCache(city))
            return self._layers[1]

    @property
    def sensor_map(self) -> SensorMap:
        """Where the sensors of the session's readings stand."""
        with self._lock:
            readings = self.session.readings
            if not isinstance(readings, SummedReadings):
                raise NotFound("this run keeps no readings by place", mend="Ask a run with a readings store")
            if self._sensor_map is None or self._sensor_map[0] is not readings:
                self._sensor_map = (readings, SensorMap.of_city(readings, self.session.city))
            return self._sensor_map[1]

    @property
    def floods(self) -> FloodFields:
        """Rasters and objects of the session's flood forecasts."""
        return self._floods.of(self.session.city, self.session.fields)

    def latest(self) -> list[LatestView]:
        """Last reading of every channel; asked of the store again only after another commit."""
        stamp = (self.keeper, self.session.readings.commits)
        with self._lock:
            if self._latest is None or self._latest[0] != stamp:
                self._latest = (stamp, _latest(self.session))
            return self._latest[1]

    def picture_json(self) -> bytes:
        """The common operating picture as JSON."""
        return self.keeper.snapshot_json(clock_view(self.session), self.latest())


def _latest(session: Session) -> list[LatestView]:
    table = _shown(session)
    steps: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for row in session.city.rows("thresholds"):
        steps.setdefault((row["sensor_id"], row["quantity"]), []).append((row["value"], row["colour"]))
    views = []
    for row in table.to_pylist():
        reached = [c for v, c in steps.get((row["sensor_id"], row["quantity"]), ()) if row["value"] >= v]
        colour = max(reached, key=lambda c: Colour(c).rank, default="")
        value = float(np.round(row["value"], 4))
        views.append(
            LatestView(
                sensor_id=row["sensor_id"],
                quantity=row["quantity"],
                at=row["at"],
                value=value,
                flags=row["flags"],
                colour=colour,
            )
        )
    return views


def _shown(session: Session) -> pa.Table:
    """Last readings of all channels; in a city of very many sensors those of its gauges."""
    now, city = session.clock().now, session.city
    if not city.has("sensors") or len(city.table("sensors")) <= MOST_SHOWN:
        return session.readings.latest(at=now)
    return pa.concat_tables([session.readings.latest(at=now, quantity=of) for of in GAUGED])


async def _context(request: Request) -> Context:  # async, or every request would cost a thread to read a variable
    context: Context = request.app.state.context
    return context


Served = Annotated[Context, Depends(_context)]
"""Parameter by which a route gets the context."""
