"""The entities of the sensing part and how they hang together (OGC 18-088, clause 8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rencheng.adapters.sensorthings.refusal import Refusal

__all__ = [
    "CONFORMANCE",
    "CONFORMANCE_MQTT",
    "MODEL",
    "EntityKey",
    "EntityType",
    "Link",
    "entity_type",
    "id_text",
]

EntityKey = int | str
"""Identity of an entity: the city's own names are text, what clients create is numbered."""

_SPEC = "http://www.opengis.net/spec/iot_sensing/1.1/req"

CONFORMANCE = (
    f"{_SPEC}/datamodel",
    f"{_SPEC}/resource-path/resource-path-to-entities",
    f"{_SPEC}/request-data",
    f"{_SPEC}/create-update-delete/create-entity",
    f"{_SPEC}/create-update-delete/link-to-existing-entities",
    f"{_SPEC}/create-update-delete/deep-insert",
    f"{_SPEC}/create-update-delete/deep-insert-status-code",
    f"{_SPEC}/create-update-delete/update-entity",
    f"{_SPEC}/create-update-delete/update-entity-put",
    f"{_SPEC}/create-update-delete/delete-entity",
    f"{_SPEC}/create-update-delete/historical-location-auto-creation",
    f"{_SPEC}/batch-request/batch-request",
    f"{_SPEC}/data-array/data-array",
)
"""Requirement classes that the root document names."""

CONFORMANCE_MQTT = (
    f"{_SPEC}/create-observations-via-mqtt/observations-creation",
    f"{_SPEC}/receive-updates-via-mqtt/receive-updates",
)
"""Those that it names besides where the service speaks to a broker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A navigation property.

    Parameters
    ----------
    name : str
        As it stands in the entity, e.g. ``Datastreams``.
    target : str
        Entity set it leads to.
    many : bool
        Whether it leads to several.
    inverse : str
        Navigation property of the target that leads back.
    held : bool
        Whether the entity itself keeps the link; otherwise it is found by the target's.
    required : bool
        Whether an entity cannot be without it.
    """

    name: str
    target: str
    inverse: str
    many: bool = False
    held: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityType:
    """A kind of entity.

    Parameters
    ----------
    set_name, name : str
        Plural and singular, e.g. ``Things`` and ``Thing``.
    required, optional : tuple of str
        Properties.
    links : tuple of Link
        Navigation properties.
    """

    set_name: str
    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def properties(self) -> tuple[str, ...]:
        """All properties, the required ones first."""
        return (*self.required, *self.optional)

    def link(self, name: str) -> Link | None:
        """Give a navigation property by its name."""
        return next((link for link in self.links if link.name == name), None)


_TYPES = (
    EntityType(
        set_name="Things",
        name="Thing",
        required=("name", "description"),
        optional=("properties",),
        links=(
            Link(name="Locations", target="Locations", many=True, held=True, inverse="Things"),
            Link(name="HistoricalLocations", target="HistoricalLocations", many=True, inverse="Thing"),
            Link(name="Datastreams", target="Datastreams", many=True, inverse="Thing"),
        ),
    ),
    EntityType(
        set_name="Locations",
        name="Location",
        required=("name", "description", "encodingType", "location"),
        optional=("properties",),
        links=(
            Link(name="Things", target="Things", many=True, inverse="Locations"),
            Link(name="HistoricalLocations", target="HistoricalLocations", many=True, inverse="Locations"),
        ),
    ),
    EntityType(
        set_name="HistoricalLocations",
        name="HistoricalLocation",
        required=("time",),
        links=(
            Link(name="Thing", target="Things", inverse="HistoricalLocations", held=True, required=True),
            Link(
                name="Locations",
                target="Locations",
                many=True,
                inverse="HistoricalLocations",
                held=True,
                required=True,
            ),
        ),
    ),
    EntityType(
        set_name="Datastreams",
        name="Datastream",
        required=("name", "description", "observationType", "unitOfMeasurement"),
        optional=("observedArea", "phenomenonTime", "resultTime", "properties"),
        links=(
            Link(name="Thing", target="Things", inverse="Datastreams", held=True, required=True),
            Link(name="Sensor", target="Sensors", inverse="Datastreams", held=True, required=True),
            Link(name="ObservedProperty", target="ObservedProperties", inverse="Datastreams", held=True, required=True),
            Link(name="Observations", target="Observations", many=True, inverse="Datastream"),
        ),
    ),
    EntityType(
        set_name="Sensors",
        name="Sensor",
        required=("name", "description", "encodingType", "metadata"),
        optional=("properties",),
        links=(Link(name="Datastreams", target="Datastreams", many=True, inverse="Sensor"),),
    ),
    EntityType(
        set_name="ObservedProperties",
        name="ObservedProperty",
        required=("name", "definition", "description"),
        optional=("properties",),
        links=(Link(name="Datastreams", target="Datastreams", many=True, inverse="ObservedProperty"),),
    ),
    EntityType(
        set_name="Observations",
        name="Observation",
        required=("result",),
        optional=("phenomenonTime", "resultTime", "resultQuality", "validTime", "parameters"),
        links=(
            Link(name="Datastream", target="Datastreams", inverse="Observations", held=True, required=True),
            Link(name="FeatureOfInterest", target="FeaturesOfInterest", inverse="Observations", held=True),
        ),
    ),
    EntityType(
        set_name="FeaturesOfInterest",
        name="FeatureOfInterest",
        required=("name", "description", "encodingType", "feature"),
        optional=("properties",),
        links=(Link(name="Observations", target="Observations", many=True, inverse="FeatureOfInterest"),),
    ),
)

MODEL: Mapping[str, EntityType] = MappingProxyType({kind.set_name: kind for kind in _TYPES})
"""Kinds of entities by the name of their set."""


def entity_type(set_name: str, *, where: str = "path") -> EntityType:
    """Look a kind up by the name of its set; refuse an unknown one with 404."""
    kind = MODEL.get(set_name)
    if kind is None:
        raise Refusal(f"no entity set {set_name!r}", status=404, where=where, mend=f"Use one of: {', '.join(MODEL)}")
    return kind


def id_text(key: EntityKey) -> str:
    """Write an identity as it stands in an address: numbers bare, text in quotes with quotes doubled.

    Examples
    --------
    >>> id_text(7), id_text("g-1:stage_m"), id_text("o'hara")
    ('(7)', "('g-1:stage_m')", "('o''hara')")
    """
    return f"({key})" if isinstance(key, int) else "('" + key.replace("'", "''") + "')"
