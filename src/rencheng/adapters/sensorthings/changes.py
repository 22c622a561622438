"""Creating, changing and deleting entities: worked out as a whole first, so that all of it becomes fact or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rencheng.adapters.sensorthings.book import EntityBook, Record, key_in_fact
from rencheng.adapters.sensorthings.checking import checked_content, identity_in, require_object
from rencheng.adapters.sensorthings.instants import instant_text
from rencheng.adapters.sensorthings.model import MODEL, EntityKey, EntityType, Link
from rencheng.adapters.sensorthings.reading import Entity
from rencheng.adapters.sensorthings.refusal import Refusal
from rencheng.adapters.sensorthings.units import OM_MEASUREMENT, quantity_of
from rencheng.sense.facts import SensingEntityRecorded, SensingEntityRemoved

__all__ = ["Changes", "PendingObservation"]

_MOST_INSERTED = 2000
_MOST_DEPTH = 6
_REMOVES = {
    "Things": ("Datastreams", "HistoricalLocations"),
    "Locations": ("HistoricalLocations",),
    "Sensors": ("Datastreams",),
    "ObservedProperties": ("Datastreams",),
}
"""What goes with an entity that is deleted (18-088, table 25); Observations go with their Datastream and feature."""


@dataclass(frozen=True, slots=True)
class PendingObservation:
    """An Observation of a deep insert, to be taken once its Datastream is there."""

    datastream: EntityKey
    body: Mapping[str, Any]


@dataclass(slots=True)
class Changes:
    """Changes to a book that are not facts yet.

    Parameters
    ----------
    book : EntityBook
        The entities as they are.
    now_us : int
        The run's now; the time of new HistoricalLocations.
    """

    book: EntityBook
    now_us: int
    pending: list[PendingObservation] = field(default_factory=list)
    _records: dict[tuple[str, EntityKey], Record] = field(default_factory=dict)
    _removed: dict[tuple[str, EntityKey], None] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _inserted: int = 0

    def facts(self) -> list[SensingEntityRecorded | SensingEntityRemoved]:
        """What is to be recorded, in order."""
        recorded = [
            SensingEntityRecorded(
                entity_set=set_name,
                entity_id=key_in_fact(key),
                content=dict(record.content),
                links={name: [key_in_fact(one) for one in keys] for name, keys in record.links.items()},
                stored_as=record.stored_as,
            )
            for (set_name, key), record in self._records.items()
            if (set_name, key) not in self._removed
        ]
        removed = [
            SensingEntityRemoved(entity_set=set_name, entity_id=key_in_fact(key)) for set_name, key in self._removed
        ]
        return [*recorded, *removed]

    def recorded(self) -> list[tuple[str, EntityKey]]:
        """Set and id of what is created or changed."""
        return [one for one in self._records if one not in self._removed]

    def record(self, set_name: str, key: EntityKey) -> Record:
        """An entity as it would be."""
        staged = self._records.get((set_name, key))
        if staged is not None:
            return staged
        known = self.book.records[set_name].get(key)
        if known is not None:
            return known
        held = [link.name for link in MODEL[set_name].links if link.held]
        links = {name: tuple(self.book.links(set_name, key, name)) for name in held}
        stored_as = self.book.channel(key)[1] if set_name == "Datastreams" else ""
        return Record(content=self.book.properties(set_name, key), links=links, stored_as=stored_as)

    def has(self, set_name: str, key: EntityKey) -> bool:
        """Whether there is such an entity, or would be."""
        return (set_name, key) in self._records or self.book.has(set_name, key)

    def put(self, set_name: str, key: EntityKey, record: Record) -> None:
        """Stage an entity."""
        self._records[set_name, key] = record

    def create(
        self, kind: EntityType, body: Any, given: Mapping[str, EntityKey] | None = None, *, depth: int = 0
    ) -> EntityKey:
        """Stage a new entity, and those that hang on it (deep insert); tells its id.

        Parameters
        ----------
        kind : EntityType
            What it is; not an Observation.
        body : JSON
            As the client sent it.
        given : mapping of str to id
            Links that the address says.
        """
        self._inserted += 1
        if depth > _MOST_DEPTH or self._inserted > _MOST_INSERTED:
            raise Refusal("too many entities, or too deep, in one insert", where=kind.name)
        body = require_object(body, kind.name)
        content = checked_content(body, kind, complete=True)
        links: dict[str, tuple[EntityKey, ...]] = {}
        for link in kind.links:
            if link.held:
                links[link.name] = self._held(kind, link, body, dict(given or {}), depth)
        number = self._numbers.get(kind.set_name, self.book.next_number(kind.set_name))
        self._numbers[kind.set_name] = number + 1
        record = Record(content=content, links=links, stored_as=self._stored_as(kind, content, links))
        self.put(kind.set_name, number, record)
        if kind.set_name == "Things" and links["Locations"]:
            self._moved(number, links["Locations"])
        self._children(kind, number, body, dict(given or {}), depth)
        return number

    def update(self, entity: Entity, body: Any, *, replace: bool) -> None:
        """Stage a change: PATCH changes what is sent, PUT everything else to nothing.

        Raises
        ------
        Refusal
            If the body describes other entities in place of naming them, or breaks a Datastream's quantity.
        """
        kind, key = entity.kind, entity.key
        body = require_object(body, kind.name)
        said = identity_in(body)
        if said is not None and str(said) != str(key):
            raise Refusal(f"the id {said!r} is not that of the address", where="@iot.id")
        before = self.record(kind.set_name, key)
        content = checked_content(body, kind, complete=replace)
        merged = content if replace else {**before.content, **content}
        for name in body:
            if body[name] is None and name in kind.optional:
                merged.pop(name, None)
        links = dict(before.links)
        for link in kind.links:
            if link.name not in body:
                continue
            if not link.held:
                raise Refusal("is changed from its other end", where=f"{kind.name} {link.name}")
            links[link.name] = self._named(kind, link, body[link.name])
        stored_as = self._stored_as(kind, merged, links)
        if kind.set_name == "Datastreams" and stored_as != before.stored_as:
            raise Refusal(
                f"its readings are kept as {before.stored_as or 'nothing'}, not {stored_as or 'nothing'}",
                status=409,
                where="Datastream unitOfMeasurement",
                mend="Create another Datastream",
            )
        self.put(kind.set_name, key, Record(content=merged, links=links, stored_as=stored_as))
        if kind.set_name == "Things" and links.get("Locations") != before.links.get("Locations"):
            self._moved(key, links["Locations"])

    def delete(self, set_name: str, key: EntityKey) -> None:
        """Stage a deletion, with what cannot be without the entity."""
        if (set_name, key) in self._removed:
            return
        self._removed[set_name, key] = None
        for link in _REMOVES.get(set_name, ()):
            target = MODEL[set_name].link(link)
            assert target is not None
            for one in self.book.links(set_name, key, link):
                self.delete(target.target, one)
        if set_name in {"Datastreams", "FeaturesOfInterest"}:
            inverse = "Datastream" if set_name == "Datastreams" else "FeatureOfInterest"
            for one in self.book.pointing("Observations", inverse, key):
                self.delete("Observations", one)

    def _exists(self, set_name: str, key: EntityKey) -> EntityKey | None:
        if (set_name, key) in self._records:
            return key
        return self.book.found(set_name, key)

    def _reference(self, kind: EntityType, link: Link, value: Any) -> EntityKey | None:
        key = identity_in(value)
        if key is None:
            return None
        found = self._exists(link.target, key)
        if found is None:
            raise Refusal(f"there is no {MODEL[link.target].name} {key!r}", where=f"{kind.name} {link.name}")
        return found

    def _named(self, kind: EntityType, link: Link, value: Any) -> tuple[EntityKey, ...]:
        found = []
        for one in _listed(value, kind, link):
            key = self._reference(kind, link, one)
            if key is None:
                raise Refusal(
                    "a change may only name entities that there are",
                    where=f"{kind.name} {link.name}",
                    mend='Write {"@iot.id": …}',
                )
            found.append(key)
        return tuple(dict.fromkeys(found))

    def _held(
        self, kind: EntityType, link: Link, body: Mapping[str, Any], given: dict[str, EntityKey], depth: int
    ) -> tuple[EntityKey, ...]:
        if link.name in given:
            return (given[link.name],)
        if body.get(link.name) is None:
            if link.required:
                raise Refusal("must be given", where=f"{kind.name} {link.name}", mend='Write {"@iot.id": …}')
            return ()
        found = []
        for one in _listed(body[link.name], kind, link):
            key = self._reference(kind, link, one)
            found.append(self.create(MODEL[link.target], one, depth=depth + 1) if key is None else key)
        return tuple(dict.fromkeys(found))

    def _children(
        self, kind: EntityType, key: EntityKey, body: Mapping[str, Any], given: dict[str, EntityKey], depth: int
    ) -> None:
        """Entities that keep the link to a new one: inserted ones, and for a Location the Things that moved there."""
        for link in kind.links:
            if link.held or (link.name not in body and link.name not in given):
                continue
            values = [*_listed(body.get(link.name) or [], kind, link)]
            if link.name in given:
                values.append({"@iot.id": given[link.name]})
            for one in values:
                known = self._reference(kind, link, one)
                if link.target == "Observations":
                    self.pending.append(PendingObservation(key, require_object(one, "Observation")))
                elif known is not None and (kind.set_name, link.name) == ("Locations", "Things"):
                    thing = self.record("Things", known)
                    links = {**thing.links, "Locations": (key,)}
                    self.put("Things", known, Record(content=thing.content, links=links))
                    self._moved(known, (key,))
                elif known is not None:
                    raise Refusal("cannot be moved here", where=f"{kind.name} {link.name}", mend="PATCH it")
                else:
                    self.create(MODEL[link.target], one, {link.inverse: key}, depth=depth + 1)

    def _moved(self, thing: EntityKey, locations: Sequence[EntityKey]) -> None:
        """A Thing has other Locations: that is a HistoricalLocation (requirement historical-location-auto-creation)."""
        number = self._numbers.get("HistoricalLocations", self.book.next_number("HistoricalLocations"))
        self._numbers["HistoricalLocations"] = number + 1
        links = {"Thing": (thing,), "Locations": tuple(locations)}
        self.put("HistoricalLocations", number, Record(content={"time": instant_text(self.now_us)}, links=links))

    def _stored_as(
        self, kind: EntityType, content: Mapping[str, Any], links: Mapping[str, tuple[EntityKey, ...]]
    ) -> str:
        if kind.set_name != "Datastreams":
            return ""
        named = (content.get("properties") or {}).get("quantity")
        if content["observationType"] != OM_MEASUREMENT and named is None:
            return ""
        return quantity_of(content, self.record("ObservedProperties", links["ObservedProperty"][0]).content)


def _listed(value: Any, kind: EntityType, link: Link) -> list[Any]:
    if link.many and not isinstance(value, list):
        raise Refusal("must be a list", where=f"{kind.name} {link.name}")
    if not link.many and not isinstance(value, Mapping):
        raise Refusal("must be a JSON object", where=f"{kind.name} {link.name}")
    return list(value) if link.many else [value]
