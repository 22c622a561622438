"""Keeping the fields of the last flood forecasts that somebody looked at."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TypeVar

from rencheng.assess.ports import FieldStore
from rencheng.city import City
from rencheng.web.flood.objects import FloodObjects
from rencheng.web.flood.places import Places
from rencheng.web.flood.rasters import FloodRasters
from rencheng.web.picture.flood import FloodAdviceView

__all__ = ["FloodFields", "FloodStore"]

_KEPT = 6
_T = TypeVar("_T")


class FloodFields:
    """Reads rasters and objects by content hash and keeps the last few of each.

    Parameters
    ----------
    city : City
        Gives names and shapes of objects.
    fields : FieldStore
        Holds the tables.
    """

    def __init__(self, city: City, fields: FieldStore) -> None:
        self._fields = fields
        self._places = Places(city)
        self._rasters: OrderedDict[str, FloodRasters] = OrderedDict()
        self._objects: OrderedDict[str, FloodObjects] = OrderedDict()
        self._lock = Lock()

    def rasters(self, field: str) -> FloodRasters:
        """Rasters of a forecast; ``NotFound`` where the field is lost."""
        with self._lock:
            if field not in self._rasters:
                self._rasters[field] = FloodRasters(self._fields.get(field))
            return _kept(self._rasters, field)

    def named(self, advice: FloodAdviceView) -> FloodAdviceView:
        """Advice with the city's names of its places: a detail is the kind of a place and its id."""
        named = advice.model_copy(deep=True)
        for option in named.options:
            kind, _, place = option.detail.partition(" ")
            if place:
                table = "road_link" if kind == "underpass" else kind
                option.name = self._places.names(table, [place])[0]
        return named

    def objects(self, field: str) -> FloodObjects:
        """Objects of a forecast; ``NotFound`` where the field is lost."""
        with self._lock:
            if field not in self._objects:
                self._objects[field] = FloodObjects(self._fields.get(field), self._places)
            return _kept(self._objects, field)


class FloodStore:
    """The fields of the session's city and run; a restarted run has new ones."""

    def __init__(self) -> None:
        self._made: tuple[City, FieldStore, FloodFields] | None = None
        self._lock = Lock()

    def of(self, city: City, fields: FieldStore) -> FloodFields:
        """Give what is kept of a city and a field store."""
        with self._lock:
            if self._made is None or self._made[0] is not city or self._made[1] is not fields:
                self._made = (city, fields, FloodFields(city, fields))
            return self._made[2]


def _kept(kept: OrderedDict[str, _T], field: str) -> _T:
    kept.move_to_end(field)
    while len(kept) > _KEPT:
        kept.popitem(last=False)
    return kept[field]
