"""All entities but plain Observations: the city's own, and over them what clients created, changed and deleted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rencheng.adapters.sensorthings.city_entities import CityEntities
from rencheng.adapters.sensorthings.model import MODEL, EntityKey, entity_type
from rencheng.adapters.sensorthings.units import legal_unit
from rencheng.kernel import QUANTITIES
from rencheng.ledger import Entry
from rencheng.sense.facts import SensingEntityRecorded, SensingEntityRemoved

__all__ = ["EntityBook", "Record", "key_from_fact", "key_in_fact", "sensor_id_of"]

_OURS = re.compile(r"sta-(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An entity as a client left it."""

    content: Mapping[str, Any]
    links: Mapping[str, tuple[EntityKey, ...]] = field(default_factory=dict)
    stored_as: str = ""


def key_in_fact(key: EntityKey) -> str:
    """Write an id so that a number and a text of the same digits stay apart: texts begin with ``'``."""
    return str(key) if isinstance(key, int) else f"'{key}"


def key_from_fact(text: str) -> EntityKey:
    """Read what :func:`key_in_fact` wrote.

    Examples
    --------
    >>> key_from_fact("7"), key_from_fact("'7")
    (7, '7')
    """
    return text[1:] if text.startswith("'") else int(text)


def sensor_id_of(datastream: int) -> str:
    """Sensor under which the readings of a client's Datastream are kept."""
    return f"sta-{datastream}"


class EntityBook:
    """Entities by set and id.

    Parameters
    ----------
    city : CityEntities
        What the city package gives.
    """

    def __init__(self, city: CityEntities) -> None:
        self.city = city
        self.records: dict[str, dict[EntityKey, Record]] = {name: {} for name in MODEL}
        self._removed: dict[str, dict[EntityKey, None]] = {name: {} for name in MODEL}
        self._back: dict[tuple[str, str, EntityKey], dict[EntityKey, None]] = {}
        self._numbers = dict.fromkeys(MODEL, 0)
        self._before: list[tuple[str, EntityKey, Record | None, bool, int]] | None = None

    def begin(self) -> None:
        """Note from here on how things were; see :meth:`settle` and :meth:`undo`."""
        self._before = []

    def settle(self) -> None:
        """Let stand what was done since :meth:`begin`."""
        self._before = None

    def undo(self) -> None:
        """Put everything back as it was at :meth:`begin`."""
        before, self._before = self._before or [], None
        for set_name, key, record, was_removed, number in reversed(before):
            self._unlink(set_name, key)
            self.records[set_name].pop(key, None)
            self._removed[set_name].pop(key, None)
            if record is not None:
                self.put(set_name, key, record)
            if was_removed:
                self._removed[set_name][key] = None
            self._numbers[set_name] = number

    def _note(self, set_name: str, key: EntityKey) -> None:
        if self._before is not None:
            record, was_removed = self.records[set_name].get(key), key in self._removed[set_name]
            self._before.append((set_name, key, record, was_removed, self._numbers[set_name]))

    def evolve(self, entry: Entry) -> None:
        """Take a fact in; facts of other things change nothing."""
        self.apply(entry.body)

    def apply(self, fact: object) -> None:
        """Take the body of a fact in."""
        match fact:
            case SensingEntityRecorded() as body:
                links = {name: tuple(map(key_from_fact, keys)) for name, keys in body.links.items()}
                record = Record(content=body.content, links=links, stored_as=body.stored_as)
                self.put(body.entity_set, key_from_fact(body.entity_id), record)
            case SensingEntityRemoved() as body:
                self.remove(body.entity_set, key_from_fact(body.entity_id))

    def put(self, set_name: str, key: EntityKey, record: Record) -> None:
        """Set an entity."""
        self._note(set_name, key)
        self._unlink(set_name, key)
        self.records[set_name][key] = record
        self._removed[set_name].pop(key, None)
        if isinstance(key, int):
            self._numbers[set_name] = max(self._numbers[set_name], key)
        for link, targets in record.links.items():
            for target in targets:
                self._back.setdefault((set_name, link, target), {})[key] = None

    def remove(self, set_name: str, key: EntityKey) -> None:
        """Take an entity away."""
        self._note(set_name, key)
        self._unlink(set_name, key)
        self.records[set_name].pop(key, None)
        self._removed[set_name][key] = None

    def _unlink(self, set_name: str, key: EntityKey) -> None:
        record = self.records[set_name].get(key)
        if record is not None:
            for link, targets in record.links.items():
                for target in targets:
                    self._back.get((set_name, link, target), {}).pop(key, None)

    def next_number(self, set_name: str) -> int:
        """The number that the next entity of a set gets; numbers are never used twice."""
        return self._numbers[set_name] + 1

    def found(self, set_name: str, key: EntityKey) -> EntityKey | None:
        """Give the id as the book has it: a city's own name may be digits only; None where there is no such entity."""
        for tried in (key, str(key)):
            if self.has(set_name, tried):
                return tried
        return None

    def has(self, set_name: str, key: EntityKey) -> bool:
        """Whether there is such an entity now."""
        if key in self.records[set_name]:
            return True
        return isinstance(key, str) and key not in self._removed[set_name] and self.city.has(set_name, key)

    def is_removed(self, set_name: str, key: EntityKey) -> bool:
        """Whether it was deleted."""
        return key in self._removed[set_name]

    def keys(self, set_name: str) -> list[EntityKey]:
        """Ids of a set: the city's by name, then numbers."""
        gone, records = self._removed[set_name], self.records[set_name]
        of_city: list[EntityKey] = [key for key in self.city.keys(set_name) if key not in gone]
        return of_city + sorted(key for key in records if isinstance(key, int))

    def properties(self, set_name: str, key: EntityKey) -> Mapping[str, Any]:
        """Properties of an entity that there is."""
        record = self.records[set_name].get(key)
        return record.content if record is not None else self.city.properties(set_name, str(key))

    def links(self, set_name: str, key: EntityKey, link: str) -> list[EntityKey]:
        """Ids that a navigation property leads to, without those of plain Observations."""
        kind = entity_type(set_name).link(link)
        assert kind is not None, (set_name, link)
        record = self.records[set_name].get(key)
        if kind.held and record is not None:
            return [target for target in record.links.get(link, ()) if self.has(kind.target, target)]
        ours: Iterable[EntityKey] = ()
        if isinstance(key, str) and self.city.has(set_name, key):
            ours = self.city.links(set_name, key, link)
            if not kind.held:  # a recorded one says by itself where it leads
                ours = [target for target in ours if target not in self.records[kind.target]]
            ours = [target for target in ours if self.has(kind.target, target)]
        theirs = self._back.get((kind.target, kind.inverse, key), {})
        return [*ours, *sorted(theirs, key=lambda k: (isinstance(k, int), k))]

    def channel(self, datastream: EntityKey) -> tuple[str, str]:
        """Sensor and quantity under which a Datastream's readings are kept."""
        if isinstance(datastream, int):
            return sensor_id_of(datastream), self.records["Datastreams"][datastream].stored_as
        channel = self.city.channel(datastream)
        assert channel is not None, datastream
        return channel

    def datastream_of(self, sensor_id: str, quantity: str) -> EntityKey | None:
        """Datastream of a channel; None where there is none now."""
        ours = _OURS.fullmatch(sensor_id)
        if ours is not None and int(ours[1]) in self.records["Datastreams"]:
            return int(ours[1])
        key = f"{sensor_id}:{quantity}"
        return key if self.has("Datastreams", key) else None

    def changed_observations(self, datastream: EntityKey | None) -> list[str]:
        """Ids of Observations that clients gave more than a reading holds, of one Datastream or of all."""
        if datastream is None:
            return [str(key) for key in self.records["Observations"]]
        return [str(key) for key in self._back.get(("Observations", "Datastream", datastream), {})]

    def pointing(self, set_name: str, link: str, target: EntityKey) -> list[EntityKey]:
        """Entities that clients recorded and whose link of that name leads to a target."""
        return list(self._back.get((set_name, link, target), {}))

    def removed(self, set_name: str) -> list[EntityKey]:
        """Ids that were deleted."""
        return list(self._removed[set_name])

    def conversion(self, datastream: EntityKey) -> tuple[float, float]:
        """Factor and offset with ``stored = shown * factor + offset``."""
        record = self.records["Datastreams"].get(datastream)
        if record is None:
            return 1.0, 0.0
        quantity = self.channel(datastream)[1]
        unit = legal_unit(record.content.get("unitOfMeasurement") or {}, quantity)
        return QUANTITIES[quantity].units[unit[0][1]] if unit else (1.0, 0.0)

    def feature_of(self, datastream: EntityKey) -> EntityKey | None:
        """FeatureOfInterest of a Datastream's plain readings."""
        record = self.records["Datastreams"].get(datastream)
        if record is not None and record.links.get("FeatureOfInterest"):
            return record.links["FeatureOfInterest"][0]
        return self.channel(datastream)[0] if isinstance(datastream, str) else None

    def datastreams_about(self, feature: EntityKey) -> Iterator[EntityKey]:
        """Datastreams whose plain readings are about a feature."""
        yield from self._back.get(("Datastreams", "FeatureOfInterest", feature), {})
        if isinstance(feature, str) and self.city.has("FeaturesOfInterest", feature):
            for name in self.city.links("Things", feature, "Datastreams"):
                record = self.records["Datastreams"].get(name)
                if self.has("Datastreams", name) and (record is None or "FeatureOfInterest" not in record.links):
                    yield name
