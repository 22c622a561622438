"""The SensorThings service: one entity book over a city, its readings and its ledger; any thread may call it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from rencheng.adapters.sensorthings.book import EntityBook, Record, sensor_id_of
from rencheng.adapters.sensorthings.changes import Changes
from rencheng.adapters.sensorthings.checking import identity_in, require_object
from rencheng.adapters.sensorthings.city_entities import CityEntities
from rencheng.adapters.sensorthings.data_array import PlainRows, groups_from, plain_rows, row_bodies
from rencheng.adapters.sensorthings.group_commit import GroupCommit, Outcome, Post
from rencheng.adapters.sensorthings.intake import NewObservation
from rencheng.adapters.sensorthings.model import CONFORMANCE_MQTT, EntityKey, EntityType, id_text
from rencheng.adapters.sensorthings.observations import ObservationStore
from rencheng.adapters.sensorthings.observing import Observing
from rencheng.adapters.sensorthings.reading import Entity, Reader
from rencheng.adapters.sensorthings.refusal import Refusal
from rencheng.city import City
from rencheng.kernel import Draft, RenchengError, micros
from rencheng.ledger import Entry, Ledger
from rencheng.sense.batch import GOOD_SCHEMA, Decoded, Intake
from rencheng.sense.channels import Channel
from rencheng.sense.facts import SensingEntityRecorded

__all__ = ["FEED_ID", "SensorThings", "Told"]

FEED_ID = "sensorthings"
"""Feed under which Observations of clients stand in the readings store."""
_GONE = "was stored, and is deleted or of a Datastream that is"
_KINDS = ("SensingEntityRecorded", "SensingEntityRemoved")


@dataclass(slots=True)
class _Staged:
    """What a change set does, until all of it is known to be right."""

    drafts: list[Draft] = field(default_factory=list)
    new: list[NewObservation] = field(default_factory=list)
    actors: list[str] = field(default_factory=list)
    news: list[tuple[Entity, tuple[str, ...]]] = field(default_factory=list)


class Told(Protocol):
    """Somebody who hears of entities that were created or changed."""

    def __call__(self, entity: Entity, changed: Sequence[str]) -> None:
        """Hear of one entity, after it is durable; ``changed`` names properties of an update, none for a new one."""
        ...


class SensorThings:
    """The service behind its HTTP and MQTT faces.

    Parameters
    ----------
    city : City
        Whose sensors appear as entities.
    ledger : Ledger
        Where changes of entities are recorded.
    store : ObservationStore
        The readings.
    record : callable
        Records facts; returns when they are durable.
    take : callable
        Takes a batch of readings; returns when it is durable.
    clock : callable
        The run's now.
    """

    def __init__(
        self,
        city: City,
        ledger: Ledger,
        store: ObservationStore,
        *,
        record: Callable[[Sequence[Draft]], Sequence[Entry]],
        take: Callable[[Decoded], Intake],
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger, self._store = ledger, store
        self._record, self._take, self._clock = record, take, clock
        self._lock = threading.RLock()
        self._seq = 0
        self._heard = 0
        self._told: list[Told] = []
        self._endpoint = ""
        self._of_thread = threading.local()
        self._book = EntityBook(CityEntities(city))
        self._reader = Reader(self._book, store, self._now_us)
        self._observing = Observing(self._book, self._reader, take=take, keep=self._keep, clock=clock)
        self._group = GroupCommit(self._create_all)
        self._hear_ledger()  # the city's own channels are many, and wait until somebody asks

    def tell(self, told: Told, *, endpoint: str = "") -> None:
        """Have somebody told of what is created and changed; ``endpoint`` is where clients can hear it too."""
        self._told.append(told)
        self._endpoint = endpoint or self._endpoint

    def tell_no_more(self, told: Told) -> None:
        """Have somebody told of nothing more."""
        self._told = [one for one in self._told if one != told]

    def refresh(self) -> None:
        """Take in what the ledger and the store have learnt since."""
        with self._lock:
            self._hear_ledger()
            channels = self._store.channels()
            if len(channels) > self._heard:
                self._book.city.learn(channels[self._heard :])
                self._heard = len(channels)

    def _hear_ledger(self) -> None:
        if self._ledger.head > self._seq:
            for entry in self._ledger.since(self._seq, kinds=_KINDS):
                self._book.evolve(entry)
                self._seq = max(self._seq, entry.seq)
                self._admit(entry.body)
            self._seq = max(self._seq, self._ledger.head)

    def root(self, base: str) -> dict[str, Any]:
        """The document at the root."""
        found = self._reader.root(base)
        if self._told:
            settings = found["serverSettings"]
            settings["conformance"] += CONFORMANCE_MQTT
            settings |= {name: {"endpoints": [self._endpoint]} for name in CONFORMANCE_MQTT if self._endpoint}
        return found

    def get(self, path: str, query: str, base: str) -> Any:
        """Answer a GET; see :meth:`rencheng.adapters.sensorthings.reading.Reader.answer`."""
        with self._lock:
            self.refresh()
            return self._reader.answer(path, query, base)

    def write(self, entity: Entity, base: str) -> dict[str, Any]:
        """JSON of an entity."""
        if entity.row is not None:  # it is all there: no need to wait for whoever changes entities
            return self._reader.write(entity, base)
        with self._lock:
            return self._reader.write(entity, base)

    def create(self, path: str, body: Any, *, actor: str) -> Entity:
        """Create what a body describes at the set of an address, deep inserts and Observations included.

        Raises
        ------
        Refusal
            If the body or the address does not allow it; nothing of it is kept then.
        """
        with self._lock:
            self.refresh()
            kind, parent, link = self._reader.parent(path)
            if kind.set_name != "Observations":
                return self._create(kind, parent, link, body, actor)
            if self._staged is not None:  # of a change set, which is stored as a whole
                new = self._observing.posted(parent, require_object(body, "Observation"), actor)
                (entity,) = self._stored([new], [actor])
                assert entity is not None
                return entity
        (outcome,) = self.offer([Post(path, body, actor)]).result()
        if isinstance(outcome, RenchengError):
            raise outcome
        return outcome

    @contextmanager
    def change_set(self) -> Iterator[None]:
        """Do all that is asked inside, or nothing of it: what raises undoes the whole.

        Nobody else changes or sees anything meanwhile, and nothing is told of before it is durable. Readings are taken
        first, then what else changes is recorded in one turn; only a ledger that fails between the two leaves readings.
        """
        with self._lock:
            self.refresh()
            staged = self._of_thread.staged = _Staged()
            self._book.begin()
            try:
                yield
                self._of_thread.staged = None
                self._keep_set(staged)
            except BaseException:
                self._of_thread.staged = None
                self._book.undo()
                raise
            for entity, changed in staged.news:
                self._say(entity, changed)

    @property
    def _staged(self) -> _Staged | None:
        """The change set that this thread is in."""
        staged: _Staged | None = getattr(self._of_thread, "staged", None)
        return staged

    def _keep_set(self, staged: _Staged) -> None:
        for draft in staged.drafts:
            self._admit(draft.body)
        intake = self._observing.taken(staged.new) if staged.new else None
        if staged.drafts:
            self._record(staged.drafts)
        self._book.settle()
        self.refresh()
        found = self._observing.kept(staged.new, staged.actors, intake)
        staged.news += [(entity, ()) for entity in found if entity is not None]

    def offer(self, posts: Sequence[Post]) -> Future[list[Outcome]]:
        """Have Observations created with those that others create now; the future is done when they are durable."""
        return self._group.offer(posts)

    def close(self) -> None:
        """Finish what was offered; the stores may be closed then."""
        self._group.close()

    def _create(self, kind: EntityType, parent: Entity | None, link: str, body: Any, actor: str) -> Entity:
        given: dict[str, EntityKey] = {}
        if parent is not None:
            back = parent.kind.link(link)
            assert back is not None
            given[back.inverse] = parent.key
            known = identity_in(body)
            if known is not None:
                return self._link(parent, kind, known, actor)
        changes = Changes(self._book, micros(self._clock()))
        key = changes.create(kind, body, given)
        self._keep(changes, actor)
        return Entity(kind.set_name, key)

    def _create_all(self, posts: Sequence[Post]) -> list[Outcome]:
        """Create Observations in one commit."""
        outcomes: list[Outcome] = [Refusal("nothing came of it", status=500)] * len(posts)
        read: list[tuple[int, NewObservation]] = []
        with self._lock:
            self.refresh()
            for number, post in enumerate(posts):
                try:
                    _, parent, _ = self._reader.parent(post.path)
                    body = require_object(post.body, "Observation")
                    read.append((number, self._observing.posted(parent, body, post.actor)))
                except RenchengError as error:
                    outcomes[number] = error
        new, actors = [one for _, one in read], [posts[number].actor for number, _ in read]
        for (number, one), found in zip(read, self._stored(new, actors), strict=True):
            outcomes[number] = found or Refusal(
                "is stored, and was deleted or changed since", status=409, where=str(one.at_us)
            )
        return outcomes

    def _stored(self, new: Sequence[NewObservation], actors: Sequence[str]) -> list[Entity | None]:
        """Take what was read, record what is more than readings, and tell of it all."""
        staged = self._staged
        if staged is not None:
            staged.new += new
            staged.actors += actors
            return [self._observing.foreseen(one) for one in new]
        intake = self._observing.taken(new)  # outside the lock: requests are read while others are stored
        with self._lock:
            self.refresh()
            found = self._observing.kept(new, actors, intake)
        for entity in found if self._told else ():
            if entity is not None:
                self._say(entity)
        return found

    def update(self, path: str, body: Any, *, replace: bool, actor: str) -> Entity:
        """Change the entity of an address: PATCH what is sent, or PUT all of it.

        Raises
        ------
        Refusal
            If the body or the address does not allow it.
        """
        with self._lock:
            self.refresh()
            entity = self._reader.entity(path)
            changes = Changes(self._book, micros(self._clock()))
            if entity.row is not None:
                links: dict[str, tuple[EntityKey, ...]] = {"Datastream": (entity.row.datastream,)}
                if entity.row.feature is not None:
                    links["FeatureOfInterest"] = (entity.row.feature,)
                changes.put("Observations", entity.key, Record(content=entity.row.properties, links=links))
                body = require_object(body, "Observation")
                if replace:
                    body = {"phenomenonTime": entity.row.properties["phenomenonTime"], **body}
            changes.update(entity, body, replace=replace)
            self._keep(changes, actor, tell=False)
            found = self._reader.observation(str(entity.key)) if entity.row is not None else entity
        assert found is not None
        self._say(found, tuple(name for name in body if name in entity.kind.properties))
        return found

    def delete(self, path: str, *, actor: str) -> None:
        """Delete the entity of an address, and what cannot be without it."""
        with self._lock:
            self.refresh()
            entity = self._reader.entity(path)
            changes = Changes(self._book, micros(self._clock()))
            changes.delete(entity.set_name, entity.key)
            self._keep(changes, actor)

    def create_observations(self, body: Any, base: str, *, actor: str) -> list[str]:
        """Take a data array; tells for each row the address of its Observation, or ``error: …`` why it was refused.

        All rows that can be taken are taken in one batch.
        """
        groups = groups_from(body)
        told: list[str] = []
        batches: list[Decoded] = []
        arrays: list[tuple[EntityKey, PlainRows]] = []
        with self._lock:
            self.refresh()
            now_us = micros(self._clock())
            for group in groups:
                rows = group["dataArray"]
                datastream = self._named_datastream(group["Datastream"])
                if datastream is None:
                    told += ["error: there is no such Datastream"] * len(rows)
                    continue
                plain = plain_rows(self._book, datastream, group["components"], rows, now_us)
                if plain is not None and self._book.feature_of(datastream) is not None:
                    batches.append(self._batch_of(datastream, plain))
                    head = f"{base}/Observations{id_text(str(datastream))[:-2]}:"
                    stamps = plain.at.cast(pa.int64()).to_pylist()
                    told += [f"{head}{at}')" for at in stamps]
                    arrays.append((datastream, plain))
                    continue
                told += self._rows_one_by_one(datastream, row_bodies(group["components"], rows), base, actor)
        if batches:  # outside the lock: many clients share one commit
            good = pa.concat_tables([batch.good for batch in batches])
            intake = self._take(Decoded(good=good, rows=good.num_rows))
            for datastream, plain in arrays if self._told else ():
                with self._lock:
                    found = self._observing.rows_taken(datastream, plain, intake)
                for entity in found:
                    self._say(entity)
        return told

    def _named_datastream(self, reference: Any) -> EntityKey | None:
        key = identity_in(reference)
        return None if key is None else self._book.found("Datastreams", key)

    def _rows_one_by_one(
        self, datastream: EntityKey, bodies: Sequence[Mapping[str, Any] | Refusal], base: str, actor: str
    ) -> list[str]:
        """Rows that need a look each, in one batch all the same."""
        told: list[str] = [""] * len(bodies)
        read: list[tuple[int, NewObservation]] = []
        for number, body in enumerate(bodies):
            try:
                if isinstance(body, Refusal):
                    raise body
                read.append((number, self._observing.read(datastream, body, actor)))
            except Refusal as error:
                told[number] = f"error: {error}"
        found = self._stored([one for _, one in read], [actor] * len(read))
        for (number, _), entity in zip(read, found, strict=True):
            told[number] = f"error: {_GONE}"
            if entity is not None:
                told[number] = f"{base}/Observations{id_text(entity.key)}"
        return told

    def _batch_of(self, datastream: EntityKey, rows: PlainRows) -> Decoded:
        sensor_id, quantity = self._book.channel(datastream)
        names = [pa.array([name] * len(rows.at), pa.string()) for name in (sensor_id, quantity)]
        return Decoded(good=pa.table([*names, rows.at, rows.value], schema=GOOD_SCHEMA), rows=len(rows.at))

    def _link(self, parent: Entity, kind: EntityType, key: EntityKey, actor: str) -> Entity:
        """POST of ``{"@iot.id": …}`` to a navigation address: a Thing is put at a Location that there is."""
        target = self._book.found(kind.set_name, key)
        if target is None:
            raise Refusal(f"there is no {kind.name} {key!r}", where=kind.name)
        pair = {parent.set_name: parent.key, kind.set_name: target}
        if set(pair) != {"Things", "Locations"}:
            raise Refusal("only Things and Locations are linked this way", where=kind.name, mend="PATCH the entity")
        changes = Changes(self._book, micros(self._clock()))
        changes.update(Entity("Things", pair["Things"]), {"Locations": [{"@iot.id": pair["Locations"]}]}, replace=False)
        self._keep(changes, actor)
        return Entity(kind.set_name, target)

    def _keep(self, changes: Changes, actor: str, *, tell: bool = True) -> None:
        now = self._clock()
        drafts = [
            Draft(stream=f"sensing/{body.entity_set}{body.entity_id}", body=body, occurred_at=now, actor=actor)
            for body in changes.facts()
        ]
        staged = self._staged
        if staged is not None:
            staged.drafts += drafts
            for draft in drafts:
                self._book.apply(draft.body)
        elif drafts:
            self._record(drafts)
            self.refresh()
        for set_name, key in changes.recorded() if tell else ():
            if set_name != "Observations":  # those are told of with their rows
                self._say(Entity(set_name, key))
        pending, changes.pending = changes.pending, []
        read = [self._observing.read(one.datastream, one.body, actor) for one in pending]
        if read:
            self._stored(read, [actor] * len(read))

    def _admit(self, fact: object) -> None:
        """Let the store take the readings of a client's Datastream."""
        if not isinstance(fact, SensingEntityRecorded) or fact.entity_set != "Datastreams" or not fact.stored_as:
            return
        if not fact.entity_id.startswith("'"):
            sensor_id = sensor_id_of(int(fact.entity_id))
            self._store.admit([Channel(sensor_id=sensor_id, quantity=fact.stored_as, kind="sensorthings")])

    def _say(self, entity: Entity, changed: Iterable[str] = ()) -> None:
        staged = self._staged
        if staged is not None:
            staged.news.append((entity, tuple(changed)))
            return
        for told in self._told:
            told(entity, tuple(changed))

    def _now_us(self) -> int:
        return micros(self._clock())
