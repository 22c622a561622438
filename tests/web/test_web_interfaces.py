"""Interface standards (DAT-03): what a published schema refuses, the house refuses too, with place and reason."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.web.interface_samples import INBOUND, Sample, samples

from rencheng.app.interfaces import (
    INTERFACES,
    InterfaceClass,
    is_published,
    published_schema,
    published_versions,
    schema_document,
)
from rencheng.kernel import RenchengError

EVERY = [sample for of in INBOUND for sample in samples(of)]
WRONG: list[Any] = [{"odd": 1}, [["odd"]], "no such word", None, True, -1.5]
"""What a part of a message is replaced by."""
REMOVED = object()


def named(sample: Sample) -> str:
    return f"{sample.of.id}-{sample.message}"


def schema_of(sample: Sample) -> dict[str, Any]:
    """The class's schema, for this one message of it."""
    document = schema_document(sample.of)
    return {"$defs": document["$defs"], **document["x-messages"][sample.message]}


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all parts of a document."""
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inner:
        yield (*path, key)
        yield from places(value, (*path, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with one part replaced, or taken out."""
    whole = copy.deepcopy(document)
    holder = whole
    for key in path[:-1]:
        holder = holder[key]
    if value is REMOVED:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return whole


def test_there_are_at_least_the_23_classes_that_are_required() -> None:
    assert len(INBOUND) >= 23
    assert len({of.id for of in INTERFACES}) == len(INTERFACES)


@pytest.mark.parametrize("of", INTERFACES, ids=lambda of: of.id)
def test_the_published_schema_is_what_the_types_say(of: InterfaceClass) -> None:
    """Others build on a published schema: a type that changed needs a new version (python -m scripts.interfaces)."""
    assert is_published(of), f"raise the version of {of.id} in rencheng/app/interfaces/catalogue.py"
    assert published_versions(of.id) == list(range(1, of.version + 1))
    for version in published_versions(of.id):
        jsonschema_rs.meta.validate(json.loads(published_schema(of.id, version)))


@pytest.mark.parametrize("of", INBOUND, ids=lambda of: of.id)
def test_every_message_of_a_class_has_a_sample(of: InterfaceClass) -> None:
    assert [sample.message for sample in samples(of)] == list(of.messages)


@pytest.mark.parametrize("sample", EVERY, ids=named)
def test_a_message_that_conforms_is_read(sample: Sample, tmp_path: Path) -> None:
    validator = jsonschema_rs.Draft202012Validator(schema_of(sample))
    assert [error.message for error in validator.iter_errors(sample.document)] == []
    sample.read(sample.document, tmp_path)


@pytest.mark.parametrize("sample", EVERY, ids=named)
def test_what_the_schema_refuses_the_house_refuses_with_place_and_reason(sample: Sample, tmp_path: Path) -> None:
    validator = jsonschema_rs.Draft202012Validator(schema_of(sample))
    paths = list(places(sample.document))

    @settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(path=st.sampled_from(paths), value=st.sampled_from([*WRONG, REMOVED]))
    def check(path: tuple[Any, ...], value: Any) -> None:
        document = changed(sample.document, path, value)
        assume(not validator.is_valid(document))
        with pytest.raises(RenchengError) as refused:
            sample.read(document, tmp_path)
        assert refused.value.what
        assert refused.value.where

    if paths:
        check()


def test_an_order_that_does_not_conform_is_refused_over_http(client: httpx.Client) -> None:
    answer = client.post("/api/orders/CloseRoad", json={"link_id": "seven", "reason": "water"})
    assert answer.status_code == 422
    assert "$.link_id" in answer.json()["detail"]


def test_schemas_are_served_by_class_and_version(client: httpx.Client) -> None:
    listed = client.get("/api/schemas").json()
    assert [row["id"] for row in listed] == [of.id for of in INTERFACES]
    answer = client.get("/api/schemas/road-closure/1")
    assert answer.headers["content-type"].startswith("application/schema+json")
    assert answer.json()["$id"] == "urn:rencheng:schema:road-closure:1"
    assert client.get("/api/schemas/road-closure/99").status_code == 404
    assert client.get("/api/schemas/no-such/1").status_code == 404


def test_a_message_can_be_checked_before_it_is_sent(client: httpx.Client) -> None:
    at = "/api/schemas/road-closure/check?message=CloseRoad"
    assert client.post(at, json={"link_id": 7, "reason": "water"}).json()["conforms"]
    wrong = client.post(at, json={"link_id": 7}).json()
    assert not wrong["conforms"]
    assert wrong["what"] == "Object missing required field `reason`"
    assert wrong["where"].startswith("road-closure CloseRoad")
    assert client.post("/api/schemas/road-closure/check?message=Other", json={}).status_code == 404
