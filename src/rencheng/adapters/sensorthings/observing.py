"""Observations on their way in: read, stored as readings in one commit, and what no reading can hold recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import pyarrow as pa

from rencheng.adapters.sensorthings.book import EntityBook, Record
from rencheng.adapters.sensorthings.changes import Changes
from rencheng.adapters.sensorthings.checking import identity_in, require_object
from rencheng.adapters.sensorthings.data_array import PlainRows
from rencheng.adapters.sensorthings.instants import Span, instant_text
from rencheng.adapters.sensorthings.intake import NewObservation, decoded_observations, new_observation
from rencheng.adapters.sensorthings.model import MODEL, EntityKey
from rencheng.adapters.sensorthings.observations import Row, observation_id, shown_value
from rencheng.adapters.sensorthings.reading import Entity, Reader
from rencheng.adapters.sensorthings.refusal import Refusal
from rencheng.kernel import micros
from rencheng.sense.batch import Decoded, Intake
from rencheng.sense.ports import QualityFlag

__all__ = ["Keep", "Observing"]

_MOST_SPANS, _NEAR_US = 8, 60_000_000
Keep = Callable[[Changes, str], None]
"""Records changes as an actor's."""


class Observing:
    """Creates Observations; whoever calls it holds the service's lock but in :meth:`taken`.

    Parameters
    ----------
    book : EntityBook
        The entities.
    reader : Reader
        Finds Observations that there are.
    take : callable
        Takes a batch of readings; returns when it is durable.
    keep : callable
        Records changes of entities.
    clock : callable
        The run's now.
    """

    def __init__(
        self,
        book: EntityBook,
        reader: Reader,
        *,
        take: Callable[[Decoded], Intake],
        keep: Keep,
        clock: Callable[[], datetime],
    ) -> None:
        self._book, self._reader = book, reader
        self._take, self._keep, self._clock = take, keep, clock

    def posted(self, parent: Entity | None, body: Mapping[str, Any], actor: str) -> NewObservation:
        """Read the body of a POST to a set of Observations.

        Raises
        ------
        Refusal
            If it is none, or names no Datastream that there is.
        """
        named = identity_in(body.get("Datastream"))
        if parent is not None and parent.set_name == "Datastreams":
            named = parent.key
        elif parent is not None:
            body = {**body, "FeatureOfInterest": {"@iot.id": parent.key}}
        if named is None:
            raise Refusal("must be given", where="Observation Datastream", mend='Write {"@iot.id": …}')
        datastream = self._book.found("Datastreams", named)
        if datastream is None:
            raise Refusal(f"there is no Datastream {named!r}", where="Observation Datastream")
        return self.read(datastream, body, actor)

    def read(self, datastream: EntityKey, body: Mapping[str, Any], actor: str) -> NewObservation:
        """Read an Observation of a Datastream; a feature that it describes, or needs, is recorded.

        Raises
        ------
        Refusal
            If a property is wrong, or the feature it names is not there.
        """
        feature: EntityKey | None = None
        wanted = body.get("FeatureOfInterest")
        content = {name: value for name, value in body.items() if name not in {"FeatureOfInterest", "Datastream"}}
        observation = new_observation(self._book, datastream, content, None, micros(self._clock()))
        if wanted is not None:
            known = identity_in(require_object(wanted, "Observation FeatureOfInterest"))
            feature = None if known is None else self._book.found("FeaturesOfInterest", known)
            if known is not None and feature is None:
                raise Refusal(f"there is no FeatureOfInterest {known!r}", where="Observation FeatureOfInterest")
        if feature is None:
            feature = self._feature(datastream, wanted, actor)
        default = self._book.feature_of(datastream)
        if default is None:
            self._set_feature(datastream, feature, actor)
            default = feature
        return NewObservation(
            datastream=datastream,
            at_us=observation.at_us,
            value=observation.value,
            content=observation.content,
            feature=feature,
            is_more=observation.is_more or feature != default,
        )

    def taken(self, observations: Sequence[NewObservation]) -> Intake | None:
        """Take what are readings, in one batch; None where none is. Needs no lock: many clients share one commit.

        Raises
        ------
        Refusal
            If the store refused a row.
        """
        batch = decoded_observations(self._book, observations)
        if batch is None:
            return None
        intake = self._take(batch)
        if intake.refused:
            raise Refusal(f"the store refused {intake.refused} rows: {intake.reasons}", where="Observation")
        return intake

    def kept(
        self, observations: Sequence[NewObservation], actors: Sequence[str], intake: Intake | None
    ) -> list[Entity | None]:
        """Record what clients say besides readings that are taken.

        Parameters
        ----------
        observations : sequence of NewObservation
            What was taken together.
        actors : sequence of str
            Who sent each.
        intake : Intake, optional
            The acknowledgement of their readings.

        Returns
        -------
        list
            The Observations; None where one was said to be another, and cannot be shown.
        """
        doubled = intake is not None and ("duplicate_stamp" in intake.flagged or intake.repeated > 0)
        flags = None if doubled or intake is None else _flags_of_all(intake)
        there = self._there(observations) if doubled or flags is None else {}
        changes: dict[str, Changes] = {}
        keys = []
        for one, actor in zip(observations, actors, strict=True):
            if not one.is_more:
                keys.append(self._key_of(one, (), there, doubled=doubled))
                continue
            mine = changes.setdefault(actor, Changes(self._book, micros(self._clock())))
            keys.append(self._key_of(one, changes.values(), there, doubled=doubled))
            links: dict[str, tuple[EntityKey, ...]] = {"Datastream": (one.datastream,)}
            if one.feature is not None:
                links["FeatureOfInterest"] = (one.feature,)
            mine.put("Observations", keys[-1], Record(content=one.content, links=links))
        for actor, mine in changes.items():
            self._keep(mine, actor)
        return [self._shown(key, one, there, flags) for key, one in zip(keys, observations, strict=True)]

    def _there(self, observations: Sequence[NewObservation]) -> dict[str, Entity]:
        """Observations that are stored for the stamps of a group, by their ids, the store asked a few times in all.

        What a broker sends again after a cut are thousands; what of them this misses is asked for one by one.
        """
        stamps: dict[EntityKey, list[int]] = {}
        for one in observations:
            if not one.is_more and one.value is not None:
                stamps.setdefault(one.datastream, []).append(one.at_us)
        found: dict[str, Entity] = {}
        for datastream, at_us in stamps.items():
            keep = dict.fromkeys(at_us)
            for span in _spans(sorted(keep)):
                found.update((str(entity.key), entity) for entity in self._reader.between(datastream, span, keep=keep))
        return found

    def foreseen(self, one: NewObservation) -> Entity:
        """An Observation as it will be once it is stored, but for the quality flags that it may get."""
        key = observation_id(one.datastream, one.at_us)
        there = self._reader.observation(key)
        if there is not None and there.row is not None and one.value is not None:
            result = shown_value(one.value, self._book.conversion(one.datastream))
            if there.row.properties["result"] != result:
                key = observation_id(one.datastream, one.at_us, repr(one.value))
        row = Row(key=key, datastream=one.datastream, at_us=one.at_us, properties=one.content, feature=one.feature)
        return Entity("Observations", key, row)

    def rows_taken(self, datastream: EntityKey, rows: PlainRows, intake: Intake) -> list[Entity]:
        """Observations of a data array that was taken, the store asked at most once."""
        stamps = rows.at.cast(pa.int64()).to_pylist()
        flags = None if intake.repeated else _flags_of_all(intake)
        if flags is None:
            return self._reader.between(datastream, Span(min(stamps), max(stamps)), keep=dict.fromkeys(stamps))
        conversion, feature = self._book.conversion(datastream), self._book.feature_of(datastream)
        return [
            _plain(observation_id(datastream, at_us), datastream, at_us, shown_value(value, conversion), feature, flags)
            for at_us, value in zip(stamps, rows.value.to_pylist(), strict=True)
        ]

    def _shown(
        self, key: str, one: NewObservation, there: Mapping[str, Entity], flags: Sequence[str] | None
    ) -> Entity | None:
        """An Observation as the store would give it, without asking the store where its flags are known."""
        if one.is_more:
            return self._reader.observation(key)
        if flags is None:
            return there.get(key) or self._reader.observation(key)
        assert one.value is not None
        result = shown_value(one.value, self._book.conversion(one.datastream))
        return _plain(key, one.datastream, one.at_us, result, one.feature, flags)

    def _key_of(
        self, one: NewObservation, changes: Iterable[Changes], there: Mapping[str, Entity], *, doubled: bool
    ) -> str:
        plain = observation_id(one.datastream, one.at_us)
        if one.value is None:
            number, key = 1, plain
            while any(of.has("Observations", key) for of in changes):
                number += 1
                key = f"{plain}~{number}"
            return key
        if doubled and not self._is_of(there.get(plain), one, one.value):
            second = observation_id(one.datastream, one.at_us, repr(one.value))
            if second in there or self._reader.observation(second) is not None:
                return second
        return plain

    def _is_of(self, entity: Entity | None, one: NewObservation, value: float) -> bool:
        """Whether a stored Observation has the value that was sent."""
        if entity is None or entity.row is None:
            return False
        return bool(entity.row.properties["result"] == shown_value(value, self._book.conversion(one.datastream)))

    def _feature(self, datastream: EntityKey, wanted: Any, actor: str) -> EntityKey:
        """The feature that a body describes; without one, that of the Thing's Location (clause 10.2.1.1)."""
        changes = Changes(self._book, micros(self._clock()))
        kind = MODEL["FeaturesOfInterest"]
        if wanted is not None:
            key = changes.create(kind, wanted)
        else:
            default = self._book.feature_of(datastream)
            if isinstance(datastream, str) and default is not None and self._book.has(kind.set_name, default):
                return default
            (thing,) = self._book.links("Datastreams", datastream, "Thing")
            locations = self._book.links("Things", thing, "Locations")
            if not locations:
                raise Refusal(
                    "its Thing has no Location", where="Observation FeatureOfInterest", mend="Give a FeatureOfInterest"
                )
            at = self._book.properties("Locations", locations[0])
            if default is not None and self._is_about(default, at):
                return default
            body = {name: at[name] for name in ("name", "description", "encodingType")}
            key = changes.create(kind, {**body, "feature": at["location"]})
        self._keep(changes, actor)
        return key

    def _is_about(self, feature: EntityKey, location: Mapping[str, Any]) -> bool:
        if not self._book.has("FeaturesOfInterest", feature):
            return False
        return bool(self._book.properties("FeaturesOfInterest", feature)["feature"] == location["location"])

    def _set_feature(self, datastream: EntityKey, feature: EntityKey, actor: str) -> None:
        changes = Changes(self._book, micros(self._clock()))
        before = changes.record("Datastreams", datastream)
        links = {**before.links, "FeatureOfInterest": (feature,)}
        changes.put("Datastreams", datastream, Record(content=before.content, links=links, stored_as=before.stored_as))
        self._keep(changes, actor)


def _spans(at_us: Sequence[int]) -> list[Span]:
    """Few spans that hold ascending stamps: cut where the widest gaps are."""
    least = max((at_us[-1] - at_us[0]) // _MOST_SPANS, _NEAR_US)
    starts = [0, *(k for k in range(1, len(at_us)) if at_us[k] - at_us[k - 1] > least), len(at_us)]
    return [Span(at_us[first], at_us[last - 1]) for first, last in pairwise(starts)]


def _plain(
    key: str, datastream: EntityKey, at_us: int, result: float, feature: EntityKey | None, flags: Sequence[str]
) -> Entity:
    at = instant_text(at_us)
    properties: dict[str, Any] = {"phenomenonTime": at, "resultTime": at, "result": result}
    if flags:
        properties["resultQuality"] = {"flags": list(flags)}
    row = Row(key=key, datastream=datastream, at_us=at_us, properties=properties, feature=feature)
    return Entity("Observations", key, row)


def _flags_of_all(intake: Intake) -> list[str] | None:
    """Quality flags of a batch whose readings all have the same; None where the store must be asked for them."""
    if "duplicate_stamp" in intake.flagged or any(count != intake.accepted for count in intake.flagged.values()):
        return None
    names = [str(flag.name).lower() for flag in QualityFlag]
    return [name for name in names if intake.flagged.get(name)]
