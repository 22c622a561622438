"""Upcasting: a body recorded under an old schema is read as the fact of today; what is stored is never rewritten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from rencheng.kernel import InvalidInput, fact_type

__all__ = ["body_reader", "upcast", "upcaster", "upcasters_missing"]

Body = dict[str, Any]
Upcaster = Callable[[Body], Body]
_UPCASTERS: dict[tuple[str, int], Upcaster] = {}
_READERS: dict[tuple[str, int], tuple[type, int, Callable[[str | bytes], Any]]] = {}


def upcaster(kind: str, *, from_schema: int) -> Callable[[Upcaster], Upcaster]:
    """Register the step that lifts a body from one schema of a fact to the next.

    The step takes the JSON object as recorded and gives the object of schema ``from_schema + 1``. It stands beside
    the fact, in the ``facts.py`` of its room, and stays there for ever.

    Raises
    ------
    InvalidInput
        If the step is already registered.

    Examples
    --------
    >>> @upcaster("PumpStarted", from_schema=1)
    ... def pump_has_unit(body):
    ...     return {**body, "power_w": body.pop("power_kw") * 1000}
    """

    def register(step: Upcaster) -> Upcaster:
        known = _UPCASTERS.get((kind, from_schema))
        if known is not None and known.__qualname__ != step.__qualname__:
            raise InvalidInput(
                f"{kind} already has an upcaster from schema {from_schema}: {known.__qualname__}",
                mend="Raise the schema once more and write the next step",
            )
        _UPCASTERS[kind, from_schema] = step
        return step

    return register


def upcasters_missing(kind: str) -> list[int]:
    """Schema numbers of a registered fact that no step lifts to the next."""
    return [n for n in range(1, fact_type(kind).schema) if (kind, n) not in _UPCASTERS]


def upcast(kind: str, schema: int, body: Body) -> Body:
    """Lift a recorded body through all steps to the current schema.

    Raises
    ------
    InvalidInput
        If a step is missing.
    """
    for number in range(schema, fact_type(kind).schema):
        step = _UPCASTERS.get((kind, number))
        if step is None:
            raise InvalidInput(
                f"nothing lifts {kind} from schema {number} to {number + 1}",
                mend="Register the step with @upcaster beside the fact",
            )
        body = step(dict(body))
    return body


def body_reader(kind: str, schema: int, *, where: str = "") -> Callable[[str | bytes], Any]:
    """Give the function that reads a recorded body (JSON text) as today's fact.

    Raises
    ------
    InvalidInput
        If the fact is unknown, or was recorded by a newer version of Rencheng than this one.
    """
    registered = fact_type(kind)
    known = _READERS.get((kind, schema))
    if known is not None and known[0] is registered.cls and known[1] == registered.schema:
        return known[2]
    if not 1 <= schema <= registered.schema:
        raise InvalidInput(
            f"{kind} has schema {schema}, and this version reads 1 to {registered.schema}",
            where=where,
            mend="Upgrade Rencheng: a newer version recorded this fact",
        )
    reader = _typed_reader(registered.cls) if schema == registered.schema else _lifting_reader(kind, schema)
    _READERS[kind, schema] = (registered.cls, registered.schema, reader)
    return reader


def _typed_reader(cls: type) -> Callable[[str | bytes], Any]:
    return msgspec.json.Decoder(cls).decode


def _lifting_reader(kind: str, schema: int) -> Callable[[str | bytes], Any]:
    parse = msgspec.json.Decoder(dict[str, Any]).decode
    cls = fact_type(kind).cls
    return lambda text: msgspec.convert(upcast(kind, schema, parse(text)), cls)
