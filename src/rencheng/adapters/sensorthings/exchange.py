"""One request and its answer, as HTTP has them and as they stand in a batch."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rencheng.adapters.sensorthings.group_commit import Outcome, Post
from rencheng.adapters.sensorthings.reading import Bare, Entity
from rencheng.adapters.sensorthings.refusal import Refusal
from rencheng.adapters.sensorthings.service import SensorThings
from rencheng.kernel import Conflict, InvalidInput, NotFound, OrderRefused, RenchengError, StorageFailed

__all__ = [
    "JSON",
    "Answer",
    "Asked",
    "answer",
    "answer_later",
    "created",
    "is_set_of_observations",
    "read_json",
    "refused",
]

JSON = "application/json"
_PROBLEM = "application/problem+json"
_STATUS: tuple[tuple[type[RenchengError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (OrderRefused, 409),
    (StorageFailed, 503),
    (InvalidInput, 400),
)
_ALLOWED = "GET, HEAD, POST, PATCH, PUT, DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request.

    Parameters
    ----------
    method, path, query : str
        The path below the service's root, percent-decoded; the query as it stands in the address.
    base : str
        Address of the service's root.
    actor : str
        Who asks, as facts name them.
    body : bytes
        The body.
    content_type : str
        Its kind; empty counts as JSON.
    """

    method: str
    path: str
    query: str
    base: str
    actor: str
    body: bytes = b""
    content_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer."""

    status: int
    body: bytes = b""
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    entity: Entity | None = None
    """What was created."""


def answer(service: SensorThings, asked: Asked) -> Answer:
    """Answer one request; refusals are answers too."""
    try:
        return _answer(service, asked)
    except RenchengError as error:
        return refused(error)


def answer_later(service: SensorThings, asked: Asked) -> Future[list[Outcome]] | None:
    """Begin to answer the POST of a single Observation without keeping a thread waiting for its commit.

    Returns
    -------
    Future or None
        What to wait for before :func:`created` writes the answer; None for every other request.

    Raises
    ------
    Refusal
        If the body is no JSON.
    """
    path = asked.path.strip("/")
    if asked.method != "POST" or not is_set_of_observations(path):
        return None
    return service.offer([Post(path, read_json(asked.body, asked.content_type), asked.actor)])


def is_set_of_observations(path: str) -> bool:
    """Whether a POST to an address creates an Observation.

    Examples
    --------
    >>> is_set_of_observations("Datastreams(1)/Observations"), is_set_of_observations("Observations(1)")
    (True, False)
    """
    return path == "Observations" or path.endswith(")/Observations")


def refused(error: RenchengError) -> Answer:
    """Give a refusal as problem details (RFC 9457)."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 400)
    if isinstance(error, Refusal):
        status = error.status
    problem = {
        "type": "urn:rencheng:problem:sensorthings",
        "title": "Refused",
        "status": status,
        "detail": error.what,
        "where": error.where,
        "mend": error.mend,
    }
    headers = {"Allow": _ALLOWED} if status == 405 else {}
    return Answer(status=status, body=msgspec.json.encode(problem), media_type=_PROBLEM, headers=headers)


def read_json(body: bytes, content_type: str) -> Any:
    """Read a body.

    Raises
    ------
    Refusal
        If it is of another kind (415) or no JSON.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in {"", JSON, "text/json"} and not kind.endswith("+json"):
        raise Refusal(f"a body of {kind[:60]!r} is not taken", status=415, where="Content-Type", mend=f"Send {JSON}")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Refusal(f"the body is no JSON: {error}", where="body") from error
    except RecursionError as error:
        raise Refusal("the body is nested too deep", where="body") from error


def _answer(service: SensorThings, asked: Asked) -> Answer:
    path = asked.path.strip("/")
    if asked.method in {"GET", "HEAD"}:
        return _read(service, asked, path)
    if asked.method == "POST" and path == "CreateObservations":
        body = read_json(asked.body, asked.content_type)
        told = service.create_observations(body, asked.base, actor=asked.actor)
        return Answer(status=201, body=msgspec.json.encode(told))
    if asked.method == "POST":
        return _created(service, asked, path)
    if asked.method in {"PATCH", "PUT"}:
        body = read_json(asked.body, asked.content_type)
        entity = service.update(path, body, replace=asked.method == "PUT", actor=asked.actor)
        return Answer(status=200, body=msgspec.json.encode(service.write(entity, asked.base)))
    if asked.method == "DELETE":
        service.delete(path, actor=asked.actor)
        return Answer(status=200)
    raise Refusal(f"{asked.method[:20]} is not known here", status=405, where="method", mend=f"Use {_ALLOWED}")


def _read(service: SensorThings, asked: Asked, path: str) -> Answer:
    if not path:
        return Answer(status=200, body=msgspec.json.encode(service.root(asked.base)))
    if path in {"CreateObservations", "$batch"}:
        raise Refusal(f"{path} takes POST only", status=405, where="method")
    found = service.get(path, asked.query, asked.base)
    if found is None:
        return Answer(status=204)
    if isinstance(found, str):
        return Answer(status=200, body=found.encode("utf-8", "replace"), media_type="text/plain; charset=utf-8")
    if isinstance(found, Bare):
        body = msgspec.json.encode(found.value)
        return Answer(status=200, body=body, media_type=JSON if isinstance(found.value, dict | list) else "text/plain")
    return Answer(status=200, body=msgspec.json.encode(found))


def _created(service: SensorThings, asked: Asked, path: str) -> Answer:
    return created(service, service.create(path, read_json(asked.body, asked.content_type), actor=asked.actor), asked)


def created(service: SensorThings, outcome: Outcome, asked: Asked) -> Answer:
    """Answer a creation."""
    if isinstance(outcome, RenchengError):
        return refused(outcome)
    written = service.write(outcome, asked.base)
    address = str(written["@iot.selfLink"])
    return Answer(status=201, body=msgspec.json.encode(written), headers={"Location": address}, entity=outcome)
