"""Batch requests: ``POST $batch`` as ``multipart/mixed`` (OGC 18-088, clause 11) or JSON (OData JSON Format 4.01, 19).

The requests of a change set stand together: all of it is done, or when one is refused nothing of it. Of a set in JSON
the request that was refused is answered with the reason and the others with 424; of one in multipart there is one
answer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from itertools import groupby
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from rencheng.adapters.sensorthings.checking import require_object
from rencheng.adapters.sensorthings.exchange import JSON, Answer, Asked, answer, read_json, refused
from rencheng.adapters.sensorthings.model import id_text
from rencheng.adapters.sensorthings.reading import Entity
from rencheng.adapters.sensorthings.refusal import Refusal
from rencheng.adapters.sensorthings.service import SensorThings
from rencheng.kernel import RenchengError

__all__ = ["answer_batch"]

_MOST_REQUESTS = 1000
_REFERENCE = re.compile(r"\$([A-Za-z0-9_.-]+)")
_METHODS = {"GET", "POST", "PATCH", "PUT", "DELETE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One request of a batch."""

    name: str
    asked: Asked
    group: str = ""


class _SetRefused(Exception):
    """A request of a change set was refused."""


def _go_on_if_done(found: Answer) -> None:
    if found.status >= 400:
        raise _SetRefused


@dataclass(slots=True)
class _Run:
    """A batch under way: what earlier requests created."""

    service: SensorThings
    created: dict[str, Entity] = field(default_factory=dict)

    def answer(self, part: _Part) -> Answer:
        """Answer a request that stands alone."""
        found = answer(self.service, self._resolved(part.asked))
        if found.entity is not None:
            self.created[part.name] = found.entity
        return found

    def answer_set(self, parts: Sequence[_Part | Refusal]) -> tuple[list[Answer], Answer | None]:
        """Answer a change set: each request, and why nothing of it was done if so."""
        before, answers = dict(self.created), list[Answer]()
        try:
            with self.service.change_set():
                for part in parts:
                    answers.append(refused(part) if isinstance(part, Refusal) else self.answer(part))
                    _go_on_if_done(answers[-1])
        except _SetRefused:
            why, at = answers[-1], len(answers) - 1
        except RenchengError as error:  # all were right, but could not be kept
            why, at = refused(error), -1
        else:
            return answers, None
        self.created = before
        left = refused(Refusal("another request of its change set was refused", status=424, where="batch"))
        return [why if at in {-1, number} else left for number in range(len(parts))], why

    def _resolved(self, asked: Asked) -> Asked:
        """Put the entities that earlier requests created in place of ``$name``."""
        if not self.created:
            return asked

        def in_path(found: re.Match[str]) -> str:
            entity = self.created.get(found[1])
            return found[0] if entity is None else f"{entity.set_name}{id_text(entity.key)}"

        def in_body(found: re.Match[bytes]) -> bytes:
            entity = self.created.get(found[1].decode())
            return found[0] if entity is None else msgspec.json.encode(entity.key)

        path = _REFERENCE.sub(in_path, asked.path) if asked.path.startswith("$") else asked.path
        return replace(asked, path=path, body=re.sub(rb'"\$([A-Za-z0-9_.-]+)"', in_body, asked.body))


def answer_batch(service: SensorThings, asked: Asked) -> Answer:
    """Answer a batch.

    Parameters
    ----------
    service : SensorThings
        The service.
    asked : Asked
        The request to ``$batch``.

    Returns
    -------
    Answer
        One answer per request, in their order; or why the batch cannot be read.
    """
    try:
        _require(asked.method == "POST", "$batch takes POST only", "method", status=405)
        kind, _, parameters = asked.content_type.partition(";")
        if kind.strip().lower() == "multipart/mixed":
            return _multipart(service, asked, _boundary(parameters))
        return _json(service, asked)
    except Refusal as error:
        return refused(error)


def _asked(asked: Asked, method: str, url: str, body: bytes, content_type: str = JSON) -> Asked:
    if method not in _METHODS:
        raise Refusal(f"method {method[:20]!r} is not known", where="batch")
    path, _, query = url.partition("?")
    if path.startswith(("http:", "https:", "/")):
        path = urlsplit(path).path
        root = urlsplit(asked.base).path
        if not path.startswith(f"{root}/"):
            raise Refusal(f"{url[:100]!r} is not of this service", where="batch url")
        path = path.removeprefix(root)
    path = unquote(path).strip("/")
    if path == "$batch":
        raise Refusal("a batch holds no batches", where="batch url")
    return replace(asked, method=method, path=path, query=query, body=body, content_type=content_type)


def _json(service: SensorThings, asked: Asked) -> Answer:
    body = read_json(asked.body, asked.content_type)
    requests = body.get("requests") if isinstance(body, Mapping) else None
    if not isinstance(requests, list) or len(requests) > _MOST_REQUESTS:
        raise Refusal(f"must have a list of at most {_MOST_REQUESTS:,} requests", where="batch requests")
    run, told, done = _Run(service), list[dict[str, Any]](), dict[str, None]()
    numbered = [_json_part(asked, request, number) for number, request in enumerate(requests, 1)]
    for group, of in groupby(zip(numbered, requests, strict=True), key=lambda pair: _group_of(pair[0])):
        pairs = list(of)
        parts = [part for part, _ in pairs]
        if group in done:
            parts = [Refusal("the requests of an atomicityGroup stand together", where="batch")] * len(parts)
        if group:
            done[group] = None
            found = run.answer_set(parts)[0]
        else:
            found = [refused(part) if isinstance(part, Refusal) else run.answer(part) for part in parts]
        told += [_json_answer(request, one) for (_, request), one in zip(pairs, found, strict=True)]
    return Answer(status=200, body=msgspec.json.encode({"responses": told}))


def _group_of(part: _Part | Refusal) -> str:
    return "" if isinstance(part, Refusal) else part.group


def _json_answer(request: Any, found: Answer) -> dict[str, Any]:
    one: dict[str, Any] = {"id": request.get("id") if isinstance(request, Mapping) else None, "status": found.status}
    if "Location" in found.headers:
        one["location"] = found.headers["Location"]
    if found.body:
        one["body"] = msgspec.Raw(found.body) if "json" in found.media_type else found.body.decode()
    return one


def _json_part(asked: Asked, request: Any, number: int) -> _Part | Refusal:
    try:
        request = require_object(request, f"batch request {number}")
        name, method, url = (_text_in(request, key, number) for key in ("id", "method", "url"))
        body = msgspec.json.encode(request["body"]) if "body" in request else b""
        group = request.get("atomicityGroup") or ""
        return _Part(name=name, asked=_asked(asked, method.upper(), url, body), group=str(group))
    except Refusal as error:
        return error


def _require(holds: object, what: str, where: str, *, status: int = 400) -> None:
    if not holds:
        raise Refusal(what, status=status, where=where)


def _text_in(request: Mapping[str, Any], key: str, number: int) -> str:
    value = request.get(key)
    if not isinstance(value, str):
        raise Refusal(f"{key} must be given as a text", where=f"batch request {number}")
    return value


def _boundary(parameters: str) -> bytes:
    found = re.search(r"boundary=(?:\"([^\"]{1,70})\"|([^\s;]{1,70}))", parameters)
    if found is None:
        raise Refusal("the boundary is missing", where="Content-Type")
    return (found[1] or found[2]).encode("latin-1", "replace")


def _parts(body: bytes, boundary: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Headers and content of each part of a multipart body."""
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(boundary) + rb"(?:--)?[ \t]*(?=\r?\n|$)", body)
    found = []
    for piece in pieces[1:]:
        if not piece.strip():
            continue
        head, _, content = _headed(piece.lstrip(b"\r\n") if not piece.startswith((b"\n\n", b"\r\n\r\n")) else piece)
        found.append((head, content))
    return found


def _headed(piece: bytes) -> tuple[dict[str, str], bytes, bytes]:
    match = re.search(rb"\r?\n\r?\n", piece)
    head, content = (piece, b"") if match is None else (piece[: match.start()], piece[match.end() :])
    headers = {}
    for line in head.splitlines():
        name, colon, value = line.partition(b":")
        if colon:
            headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
    return headers, head, content


def _multipart(service: SensorThings, asked: Asked, boundary: bytes) -> Answer:
    run = _Run(service)
    told: list[bytes] = []
    requests = 0
    for headers, content in _parts(asked.body, boundary):
        kind, _, parameters = headers.get("content-type", "").partition(";")
        if kind.strip().lower() == "multipart/mixed":
            inner = _parts(content, _boundary(parameters))
            requests += len(inner)
            told.append(_changeset(run, asked, inner))
        else:
            requests += 1
            told.append(_http_part(run, asked, headers, content))
        if requests > _MOST_REQUESTS:
            raise Refusal(f"a batch holds at most {_MOST_REQUESTS:,} requests", where="batch")
    if not told:
        raise Refusal("the batch is empty", where="batch")
    body, mark = _wrapped(told)
    return Answer(status=200, body=body, media_type=f"multipart/mixed; boundary={mark}")


def _changeset(run: _Run, asked: Asked, inner: Sequence[tuple[dict[str, str], bytes]]) -> bytes:
    parts = [_http_request(asked, headers, content, group="set") for headers, content in inner]
    answers, why = run.answer_set(parts)
    if why is not None:  # one answer for the whole set (OData 4, 11.7.4)
        return _as_http(why, "")
    told = [_as_http(one, headers.get("content-id", "")) for one, (headers, _) in zip(answers, inner, strict=True)]
    body, mark = _wrapped(told)
    return f"Content-Type: multipart/mixed; boundary={mark}\r\n\r\n".encode() + body


def _http_part(run: _Run, asked: Asked, headers: Mapping[str, str], content: bytes) -> bytes:
    part = _http_request(asked, headers, content, group="")
    return _as_http(refused(part) if isinstance(part, Refusal) else run.answer(part), headers.get("content-id", ""))


def _http_request(asked: Asked, headers: Mapping[str, str], content: bytes, *, group: str) -> _Part | Refusal:
    name = headers.get("content-id", "")
    line, _, rest = content.lstrip(b"\r\n").partition(b"\n")
    inner, _, body = _headed(rest if not rest.startswith((b"\r\n", b"\n")) else b"X: \n" + rest)
    words = line.decode("utf-8", "replace").split()
    try:
        _require(len(words) >= 2, "a request line is missing", "batch")
        _require(not group or words[0].upper() != "GET", "a change set holds no GET", "batch")
        kind = inner.get("content-type", JSON)
        return _Part(name=name, asked=_asked(asked, words[0].upper(), words[1], body.strip(), kind), group=group)
    except Refusal as error:
        return error


def _as_http(found: Answer, name: str) -> bytes:
    try:
        reason = HTTPStatus(found.status).phrase
    except ValueError:
        reason = ""
    lines = ["Content-Type: application/http", *([f"Content-ID: {name}"] if name else []), ""]
    lines += [f"HTTP/1.1 {found.status} {reason}", f"Content-Type: {found.media_type}"]
    lines += [f"{key}: {value}" for key, value in found.headers.items()]
    lines += [f"Content-Length: {len(found.body)}", "", ""]
    return "\r\n".join(lines).encode() + found.body


def _wrapped(parts: Sequence[bytes]) -> tuple[bytes, str]:
    mark = f"batch_{hashlib.sha256(b''.join(parts)).hexdigest()[:24]}"
    body = b"".join(f"--{mark}\r\n".encode() + part + b"\r\n" for part in parts)
    return body + f"--{mark}--\r\n".encode(), mark
