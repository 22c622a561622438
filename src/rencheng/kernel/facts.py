"""The base of facts and orders: what happened, who said so, when, and because of what.

A *fact* is a frozen dataclass in the past tense, registered under a name that outlives any rename of the class.
A *draft* is a fact that a stage proposes; the ledger turns it into an *entry* when it is recorded.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from rencheng.kernel.errors import InvalidInput
from rencheng.kernel.ids import FactId
from rencheng.kernel.time import micros, require_utc

__all__ = ["Draft", "FactType", "canonical_json", "fact", "fact_id", "fact_type", "fact_type_of", "fact_types"]

T = TypeVar("T")
_ENCODER = msgspec.json.Encoder(order="deterministic")
_UNFIT = re.compile("[\x00-\x1f\ud800-\udfff]")
"""Separators of :func:`fact_id`, and halves of characters that no encoding can write."""
_BY_KIND: dict[str, FactType] = {}
_BY_CLASS: dict[type, FactType] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class FactType:
    """A registered fact: its lasting name, current schema number, class, and the room that publishes it."""

    kind: str
    schema: int
    cls: type
    room: str


def fact(kind: str, *, schema: int = 1) -> Callable[[type[T]], type[T]]:
    """Register a frozen dataclass as a fact under a lasting name.

    Parameters
    ----------
    kind : str
        Registered name, past tense, unique in the house; never changed once released.
    schema : int
        Raised when the fields change; an upcaster then reads the older ones.
    """

    def register(cls: type[T]) -> type[T]:
        known = _BY_KIND.get(kind)
        if known is not None and known.cls.__qualname__ != cls.__qualname__:
            raise InvalidInput(f"fact name {kind!r} is taken by {known.cls.__module__}", mend="Choose another name")
        entry = FactType(kind=kind, schema=schema, cls=cls, room=cls.__module__.split(".")[1])
        _BY_KIND[kind] = entry
        _BY_CLASS[cls] = entry
        return cls

    return register


def fact_type(kind: str) -> FactType:
    """Look a registered fact up by name."""
    try:
        return _BY_KIND[kind]
    except KeyError:
        raise InvalidInput(
            f"unknown fact {kind!r}", mend="Import the stage that registers it, or upgrade Rencheng"
        ) from None


def fact_type_of(body: object) -> FactType:
    """Look the registration of a fact's class up."""
    try:
        return _BY_CLASS[type(body)]
    except KeyError:
        raise InvalidInput(f"{type(body).__name__} is not a registered fact", mend="Decorate it with @fact") from None


def fact_types() -> Mapping[str, FactType]:
    """All registered facts by name."""
    return MappingProxyType(_BY_KIND)


def canonical_json(value: object) -> bytes:
    """Encode to JSON with sorted keys and no spaces: one value, one byte string."""
    return _ENCODER.encode(value)


def _body_json(body: object, kind: str) -> bytes:
    try:
        return canonical_json(body)
    except (UnicodeError, TypeError, msgspec.MsgspecError) as error:
        raise InvalidInput(
            f"the body cannot be written: {error}", where=f"fact {kind}", mend="Give fields of their declared types"
        ) from error


def fact_id(*, kind: str, stream: str, occurred_us: int, actor: str, cause: Sequence[str], body_json: bytes) -> FactId:
    """Derive the id of a fact from its content: 24 lower-case base32 digits (120 bits of SHA-256)."""
    parts = (kind, stream, str(occurred_us), actor, "|".join(cause), "")
    digest = hashlib.sha256("\x1f".join(parts).encode() + body_json).digest()
    return FactId(b32encode(digest[:15]).decode().lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A fact that a stage proposes, with who, when and because of what.

    Parameters
    ----------
    stream : str
        What the fact is about, ``noun/id``, e.g. ``"warning/w-abc"``; order within a stream is kept.
    body : object
        Instance of a registered fact.
    occurred_at : datetime
        When it happened in the world (aware).
    actor : str
        Who or what decided: ``"rule:…"``, ``"model:…"``, ``"role:…"``, ``"person:…"``, ``"clock"``.
    cause : tuple of FactId
        Facts that led to this one.
    """

    stream: str
    body: Any
    occurred_at: datetime
    actor: str
    cause: tuple[FactId, ...] = ()
    id: FactId = field(init=False)

    def __post_init__(self) -> None:
        registered = fact_type_of(self.body)
        object.__setattr__(self, "occurred_at", require_utc(self.occurred_at, name="occurred_at"))
        if _UNFIT.search(self.stream) or _UNFIT.search(self.actor):
            raise InvalidInput(
                "a name holds control characters or broken text",
                where=f"stream {self.stream!r}, actor {self.actor!r}",
                mend="Use printable characters",
            )
        name = fact_id(
            kind=registered.kind,
            stream=self.stream,
            occurred_us=micros(self.occurred_at),
            actor=self.actor,
            cause=self.cause,
            body_json=_body_json(self.body, registered.kind),
        )
        object.__setattr__(self, "id", name)
