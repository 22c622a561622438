"""Answering what is asked: sets, entities, properties, references, as JSON of the standard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from rencheng.adapters.sensorthings.book import EntityBook
from rencheng.adapters.sensorthings.evaluate import holds, order_key
from rencheng.adapters.sensorthings.expression import Expression, Path
from rencheng.adapters.sensorthings.instants import Span, instant_text, read_span
from rencheng.adapters.sensorthings.model import CONFORMANCE, MODEL, EntityKey, EntityType, entity_type, id_text
from rencheng.adapters.sensorthings.observations import ObservationQuery, Observations, ObservationStore, Row
from rencheng.adapters.sensorthings.options import Expand, Options, options_from_query
from rencheng.adapters.sensorthings.refusal import Refusal
from rencheng.adapters.sensorthings.resource_path import ResourcePath, parse_path

__all__ = ["Bare", "Entity", "EntityScope", "Reader", "linked"]

_MOST_ENTITIES = 50_000
"""Entities of one answer, expanded ones among them."""
_TIMES = ("phenomenonTime", "resultTime", "validTime", "time")
_ARRAY = ("id", "phenomenonTime", "resultTime", "result")


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity that there is: of the book, or an Observation with its row."""

    set_name: str
    key: EntityKey
    row: Row | None = None

    @property
    def kind(self) -> EntityType:
        """Its kind."""
        return MODEL[self.set_name]


@dataclass(frozen=True, slots=True)
class _Many:
    """A set: where it hangs, if anywhere."""

    set_name: str
    parent: Entity | None = None
    link: str = ""


class EntityScope:
    """What a filter is asked of: one entity, and what it leads to."""

    def __init__(self, book: EntityBook, entity: Entity, now_us: int) -> None:
        self._book, self._entity, self.now_us = book, entity, now_us

    def values(self, names: Sequence[str]) -> list[Any]:
        """Values at the end of a path; see :class:`rencheng.adapters.sensorthings.evaluate.Scope`."""
        return list(self._walk(self._entity, tuple(names), "/".join(names)))

    def _walk(self, entity: Entity, names: tuple[str, ...], path: str) -> Iterator[Any]:
        name, rest = names[0], names[1:]
        link = entity.kind.link(name)
        if name in {"id", "@iot.id"} and not rest:
            yield entity.key
        elif link is not None:
            if link.target == "Observations" or not rest:
                raise Refusal(f"a filter cannot go through {path!r}", where="$filter", mend=_ROUND_ABOUT)
            for key in linked(self._book, entity, name):
                yield from self._walk(Entity(link.target, key), rest, path)
        elif name in entity.kind.properties:
            yield _inner(_properties(self._book, entity).get(name), rest, is_time=name in _TIMES)
        else:
            raise Refusal(f"{entity.kind.name} has no {name[:60]!r}", where="$filter")


_ROUND_ABOUT = "Ask the Observations with a filter of their own, e.g. Observations?$filter=Datastream/id eq 1"


def _inner(value: Any, names: tuple[str, ...], *, is_time: bool) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    if is_time and not names and isinstance(value, str):
        return read_span(value)
    return value


def _properties(book: EntityBook, entity: Entity) -> Mapping[str, Any]:
    return entity.row.properties if entity.row is not None else book.properties(entity.set_name, entity.key)


def linked(book: EntityBook, entity: Entity, link: str) -> list[EntityKey]:
    """Ids that an entity leads to."""
    row = entity.row
    if row is None:
        return book.links(entity.set_name, entity.key, link)
    target = row.datastream if link == "Datastream" else row.feature
    return [] if target is None else [target]


class Reader:
    """Reads entities.

    Parameters
    ----------
    book : EntityBook
        Entities.
    store : ObservationStore
        Readings.
    now_us : callable
        The run's now, microseconds since 1970.
    """

    def __init__(self, book: EntityBook, store: ObservationStore, now_us: Callable[[], int]) -> None:
        self._book, self._store, self._now_us = book, store, now_us
        self._observations = Observations(
            book,
            store,
            scope=lambda row: EntityScope(book, Entity("Observations", row.key, row), now_us()),
            now_us=now_us,
        )

    def root(self, base: str) -> dict[str, Any]:
        """The document at the service's root: its sets and the requirement classes it keeps."""
        return {
            "value": [{"name": name, "url": f"{base}/{name}"} for name in MODEL],
            "serverSettings": {"conformance": list(CONFORMANCE)},
        }

    def entity(self, path: str) -> Entity:
        """The entity of an address; 404 where there is none, 405 where it is a set or a property."""
        resource = parse_path(path)
        if resource.many or resource.property_path or resource.ends:
            raise Refusal(f"{path!r} is not one entity", status=405, where="path")
        found = self._resolve(resource, path)
        assert isinstance(found, Entity)
        return found

    def parent(self, path: str) -> tuple[EntityType, Entity | None, str]:
        """What a POST to an address makes, and the entity and link that the new one hangs on."""
        resource = parse_path(path)
        if not resource.many or resource.ends:
            raise Refusal(f"nothing can be created at {path!r}", status=405, where="path", mend="POST to a set")
        found = self._resolve(resource, path)
        assert isinstance(found, _Many)
        return resource.kind, found.parent, found.link

    def observation(self, key: str) -> Entity | None:
        """The Observation of an id."""
        row = self._observations.one(key)
        return None if row is None else Entity("Observations", key, row)

    def between(self, datastream: EntityKey, span: Span, *, keep: Mapping[int, object]) -> list[Entity]:
        """Observations of a Datastream in a span, of those stamps that are to be kept."""
        rows = self._observations.between(datastream, span.start_us, span.end_us)
        return [Entity("Observations", row.key, row) for row in rows if row.at_us in keep]

    def observations_of(self, query: ObservationQuery) -> list[Row]:
        """Rows of a page of Observations."""
        return self._observations.page(query)

    def answer(self, path: str, query: str, base: str) -> Any:
        """Answer a GET: JSON, or text where ``$value`` asks for the bare value; None where a property is null.

        Raises
        ------
        Refusal
            If there is no such address or the query cannot be answered.
        """
        resource = parse_path(path)
        options = options_from_query(query, resource.kind, many=resource.many)
        found = self._resolve(resource, path)
        writer = _Writer(self, self._book, base, self._now_us())
        if isinstance(found, _Many):
            return self._set(writer, found, options, f"{base}/{quote(path, safe=_SAFE)}", query, resource.ends)
        if resource.property_path:
            return self._property(writer, found, resource)
        if resource.ends == "$ref":
            return {"@iot.selfLink": writer.address(found)}
        return writer.entity(found, options, alone=True)

    def write(self, entity: Entity, base: str) -> dict[str, Any]:
        """JSON of an entity, with its links."""
        return _Writer(self, self._book, base, self._now_us()).entity(entity, Options(), alone=True)

    def _property(self, writer: _Writer, entity: Entity, resource: ResourcePath) -> Any:
        first, *rest = resource.property_path
        if first in {"id", "@iot.id"}:
            value: Any = entity.key
        elif first in {"selfLink", "@iot.selfLink"}:
            value = writer.address(entity)
        else:
            value = writer.properties(entity, alone=True).get(first)
        for name in rest:
            if not isinstance(value, Mapping) or name not in value:
                raise Refusal(f"there is no {'/'.join(resource.property_path)!r}", status=404, where="path")
            value = value[name]
        if value is None:
            return None
        if resource.ends == "$value":
            return value if isinstance(value, str) else Bare(value)
        return {resource.property_path[-1]: value}

    def _set(self, writer: _Writer, many: _Many, options: Options, address: str, query: str, ends: str) -> Any:
        found, more, count = self.page(many.set_name, many.parent, many.link, options)
        answer: dict[str, Any] = {} if count is None else {"@iot.count": count}
        if more:
            answer["@iot.nextLink"] = _next_link(address, query, options)
        if ends == "$ref":
            answer["value"] = [{"@iot.selfLink": writer.address(one)} for one in found]
        elif options.data_array:
            answer["value"] = writer.data_arrays(found, options)
        else:
            answer["value"] = [writer.entity(one, options) for one in found]
        return answer

    def page(
        self, set_name: str, parent: Entity | None, link: str, options: Options
    ) -> tuple[list[Entity], bool, int | None]:
        """Entities of a page, whether more follow, and how many there are where that is asked."""
        if set_name == "Observations":
            return self._page_of_observations(parent, options)
        keys = self._book.keys(set_name) if parent is None else linked(self._book, parent, link)
        found = [Entity(set_name, key) for key in keys]
        now_us = self._now_us()
        if options.where is not None:
            where = options.where
            found = [one for one in found if holds(where, EntityScope(self._book, one, now_us))]
        for by, down in reversed(options.order):
            keyed = [(self._key(by, one, now_us), number) for number, one in enumerate(found)]
            keyed.sort(key=lambda pair: pair[0], reverse=down)
            found = [found[number] for _, number in keyed]
        chosen = found[options.skip : options.skip + options.top]
        return chosen, options.skip + len(chosen) < len(found) and options.top > 0, _counted(options, len(found))

    def _key(self, by: Expression, entity: Entity, now_us: int) -> tuple[int, Any]:
        return order_key(by, EntityScope(self._book, entity, now_us))

    def _page_of_observations(self, parent: Entity | None, options: Options) -> tuple[list[Entity], bool, int | None]:
        query = ObservationQuery(
            datastreams=(parent.key,) if parent is not None and parent.set_name == "Datastreams" else None,
            feature=parent.key if parent is not None and parent.set_name == "FeaturesOfInterest" else None,
            where=options.where,
            order=options.order,
            skip=options.skip,
            top=options.top + 1,
        )
        rows = self._observations.page(query) if options.top else []
        found = [Entity("Observations", row.key, row) for row in rows[: options.top]]
        count = self._observations.count(query) if options.count else None
        return found, len(rows) > options.top, count

    def span_of(self, datastream: EntityKey) -> Span | None:
        """From the first to the last Observation of a Datastream."""
        ends = []
        for down in (False, True):
            order = ((Path(("phenomenonTime",)), down),)
            ends += self._observations.page(ObservationQuery(datastreams=(datastream,), order=order, top=1))
        return Span(ends[0].at_us, ends[-1].at_us) if ends else None

    def _resolve(self, resource: ResourcePath, path: str) -> Entity | _Many:
        found: Entity | _Many | None = None
        for step in resource.steps:
            if found is None:
                found = _Many(step.name) if step.key is None else self._one(step.name, step.key)
            else:
                assert isinstance(found, Entity)
                found = self._follow(found, step.name, step.key)
            if found is None:
                raise Refusal(f"there is no {path[:200]!r}", status=404, where="path")
        assert found is not None
        return found

    def _one(self, set_name: str, key: EntityKey) -> Entity | None:
        if set_name == "Observations":
            return self.observation(str(key))
        known = self._book.found(set_name, key)
        return None if known is None else Entity(set_name, known)

    def _follow(self, entity: Entity, name: str, key: EntityKey | None) -> Entity | _Many | None:
        link = entity.kind.link(name)
        assert link is not None
        if link.many and key is None:
            return _Many(link.target, entity, name)
        if link.many:
            assert key is not None
            one = self._one(link.target, key)
            if one is None:
                return None
            if one.row is not None:
                return one if entity.key in {one.row.datastream, one.row.feature} else None
            return one if one.key in linked(self._book, entity, name) else None
        targets = linked(self._book, entity, name)
        return Entity(link.target, targets[0]) if targets else None


_SAFE = "/()',$:~!*;=&@ "


@dataclass(frozen=True, slots=True)
class Bare:
    """A value asked for by ``$value`` that is no text."""

    value: Any


def _counted(options: Options, count: int) -> int | None:
    return count if options.count else None


def _next_link(address: str, query: str, options: Options) -> str:
    pairs = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name not in {"$skip", "$top"}]
    asked = options.asks_top
    if asked is not None:
        pairs.append(("$top", str(options.top)))
    pairs.append(("$skip", str(options.skip + options.top)))
    said = urlencode(pairs, quote_via=quote, safe="/()',$:*;@")
    return f"{address.replace(' ', '%20')}?{said}"


class _Writer:
    """Writes entities as JSON, and counts them."""

    def __init__(self, reader: Reader, book: EntityBook, base: str, now_us: int) -> None:
        self._reader, self._book, self._base, self._now_us = reader, book, base, now_us
        self._written = 0

    def address(self, entity: Entity) -> str:
        return (
            f"{self._base}/{entity.set_name}{quote(id_text(entity.key), safe=_SAFE.replace('/', '').replace(' ', ''))}"
        )

    def properties(self, entity: Entity, *, alone: bool = False) -> dict[str, Any]:
        properties = dict(_properties(self._book, entity))
        if entity.set_name == "Datastreams" and alone:
            span = self._reader.span_of(entity.key)
            if span is not None:
                properties["phenomenonTime"] = properties["resultTime"] = (
                    f"{instant_text(span.start_us)}/{instant_text(span.end_us)}"
                )
        return properties

    def entity(self, entity: Entity, options: Options, *, alone: bool = False) -> dict[str, Any]:
        self._written += 1
        if self._written > _MOST_ENTITIES:
            raise Refusal(f"the answer has more than {_MOST_ENTITIES:,} entities", where="$expand", mend="Use $top")
        kind, address = entity.kind, self.address(entity)
        written: dict[str, Any] = {"@iot.id": entity.key, "@iot.selfLink": address}
        properties = self.properties(entity, alone=alone)
        written |= {name: properties[name] for name in kind.properties if name in properties}
        expanded = {one.link: one for one in options.expand}
        for link in kind.links:
            if link.name not in expanded:
                written[f"{link.name}@iot.navigationLink"] = f"{address}/{link.name}"
        if options.select:
            written = _selected(written, options.select)
        for one in options.expand:
            written |= self._expanded(entity, one, address)
        return written

    def _expanded(self, entity: Entity, expand: Expand, address: str) -> dict[str, Any]:
        link = entity.kind.link(expand.link)
        assert link is not None
        if not link.many:
            targets = linked(self._book, entity, link.name)
            inline = self.entity(Entity(link.target, targets[0]), expand.options) if targets else None
            return {link.name: inline}
        found, more, count = self._reader.page(link.target, entity, link.name, expand.options)
        written: dict[str, Any] = {link.name: [self.entity(one, expand.options) for one in found]}
        if more:
            options = expand.options
            written[f"{link.name}@iot.nextLink"] = (
                f"{address}/{link.name}?$top={options.top}&$skip={options.skip + options.top}"
            )
        if count is not None:
            written[f"{link.name}@iot.count"] = count
        return written

    def data_arrays(self, found: Sequence[Entity], options: Options) -> list[dict[str, Any]]:
        """Observations as rows under one head per Datastream (clause 13.2)."""
        components = [name for name in options.select if name in (*_ARRAY, *entity_type("Observations").properties)]
        components = components or list(_ARRAY)
        by: dict[EntityKey, list[list[Any]]] = {}
        for entity in found:
            assert entity.row is not None
            row = [entity.key if name == "id" else entity.row.properties.get(name) for name in components]
            by.setdefault(entity.row.datastream, []).append(row)
        return [
            {
                "Datastream@iot.navigationLink": self.address(Entity("Datastreams", key)),
                "components": components,
                "dataArray@iot.count": len(rows),
                "dataArray": rows,
            }
            for key, rows in by.items()
        ]


def _selected(written: Mapping[str, Any], select: Sequence[str]) -> dict[str, Any]:
    names = {name.partition("/")[0] for name in select}
    names |= {f"@iot.{name}" for name in names if name in {"id", "selfLink"}}
    names |= {f"{name}@iot.navigationLink" for name in names}
    return {name: value for name, value in written.items() if name in names}
