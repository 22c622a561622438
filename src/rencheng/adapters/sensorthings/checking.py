"""Whether what a client sends fits the standard's properties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import shape

from rencheng.adapters.sensorthings.instants import read_span, span_text
from rencheng.adapters.sensorthings.model import EntityKey, EntityType
from rencheng.adapters.sensorthings.refusal import Refusal

__all__ = ["checked_content", "identity_in", "require_object"]

_GEOJSON = ("application/geo+json", "application/vnd.geo+json")
_MOST_TEXT = 100_000


def require_object(value: Any, where: str) -> Mapping[str, Any]:
    """Give a JSON object; refuse anything else."""
    if not isinstance(value, Mapping):
        raise Refusal("must be a JSON object", where=where)
    return value


def identity_in(value: Any) -> EntityKey | None:
    """The id in ``{"@iot.id": …}``; None where the object has none, and so describes a new entity."""
    if not isinstance(value, Mapping) or "@iot.id" not in value:
        return None
    key = value["@iot.id"]
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise Refusal("must be a number or a text", where="@iot.id")
    return key


def checked_content(body: Mapping[str, Any], kind: EntityType, *, complete: bool) -> dict[str, Any]:
    """Give the properties of a body, each checked.

    Parameters
    ----------
    body : mapping
        What a client sent; ids, links and annotations are passed over.
    kind : EntityType
        What it should be.
    complete : bool
        Whether required properties must be there (create, PUT) or not (PATCH).

    Raises
    ------
    Refusal
        If a property is missing, unknown, or of another type; names it.
    """
    content: dict[str, Any] = {}
    links = {link.name for link in kind.links}
    for name, value in body.items():
        if "@" in name or name in links or name in {"id", "selfLink"}:
            continue
        if name not in kind.properties:
            raise Refusal(
                f"{kind.name} has no such property",
                where=f"{kind.name} {name[:60]}",
                mend=f"Use: {', '.join(kind.properties)}",
            )
        if value is None and name not in kind.required:
            continue
        check = _CHECKS.get(name)
        content[name] = value if check is None else check(value, f"{kind.name} {name}")
    missing = [name for name in kind.required if name not in content]
    if complete and missing:
        raise Refusal(f"{', '.join(missing)} must be given", where=kind.name)
    _check_place(content, kind)
    return content


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise Refusal("must be a text", where=where)
    if len(value) > _MOST_TEXT:
        raise Refusal("the text is too long", where=where)
    return value


def _time(value: Any, where: str) -> str:
    return span_text(read_span(_text(value, where), where=where))


def _object(value: Any, where: str) -> Mapping[str, Any]:
    return require_object(value, where)


def _unit(value: Any, where: str) -> Mapping[str, Any]:
    unit = require_object(value, where)
    for name in ("name", "symbol", "definition"):
        if name not in unit or not isinstance(unit[name], str | None):
            raise Refusal(f"{name} must be given, as a text or null", where=where)
    return unit


def _geometry(value: Any, where: str) -> Mapping[str, Any]:
    given = require_object(value, where)
    inner = given.get("geometry") if given.get("type") == "Feature" else given
    try:
        shape(require_object(inner, where))
    except (ShapelyError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise Refusal(
            "is no geometry of GeoJSON", where=where, mend='E.g. {"type":"Point","coordinates":[121,31]}'
        ) from error
    return given


def _check_place(content: Mapping[str, Any], kind: EntityType) -> None:
    name = {"Locations": "location", "FeaturesOfInterest": "feature"}.get(kind.set_name)
    if name is None:
        return
    encoding = content.get("encodingType")
    if encoding is not None and encoding not in _GEOJSON:
        raise Refusal(f"{encoding[:60]!r} is not taken", where=f"{kind.name} encodingType", mend=f"Use {_GEOJSON[0]}")


_CHECKS: Mapping[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(("name", "description", "encodingType", "definition", "observationType"), _text),
    **dict.fromkeys(("properties", "parameters"), _object),
    **dict.fromkeys(("phenomenonTime", "resultTime", "validTime", "time"), _time),
    **dict.fromkeys(("location", "feature", "observedArea"), _geometry),
    "unitOfMeasurement": _unit,
}
