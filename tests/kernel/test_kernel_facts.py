"""Ids and the base of facts: the same thing said twice is one fact, and nothing unregistered passes."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest

from rencheng.kernel import (
    Colour,
    Conflict,
    Draft,
    FactId,
    InvalidInput,
    InvalidReading,
    NotFound,
    RenchengError,
    ResponseLevel,
    canonical_json,
    derived_id,
    fact,
    fact_type,
    fact_type_of,
    order_type,
)
from rencheng.sense.facts import FeedFailed, FeedRecovered

NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


def draft(**changes: object) -> Draft:
    fields = {
        "stream": "feed/f1",
        "body": FeedFailed(feed_id="f1", reason="timeout"),
        "occurred_at": NOW,
        "actor": "rule:feeds",
        "cause": (FactId("a"),),
    }
    return Draft(**{**fields, **changes})  # type: ignore[arg-type]  # one helper for all fields


def test_the_same_content_is_the_same_fact() -> None:
    assert draft().id == draft(occurred_at=NOW.astimezone(timezone(timedelta(hours=8)))).id
    text = 'FeedFailed\x1ffeed/f1\x1f1780300800000000\x1frule:feeds\x1fa\x1f{"feed_id":"f1","reason":"timeout"}'
    spelled_out = base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:24]
    assert draft().id == spelled_out, "ids of released ledgers must stay derivable"


@pytest.mark.parametrize(
    "changes",
    [
        {"stream": "feed/f2"},
        {"body": FeedFailed(feed_id="f1", reason="refused")},
        {"body": FeedRecovered(feed_id="f1")},
        {"occurred_at": NOW + timedelta(microseconds=1)},
        {"actor": "person:li"},
        {"cause": ()},
    ],
    ids=lambda c: next(iter(c)),
)
def test_any_other_content_is_another_fact(changes: dict[str, object]) -> None:
    assert draft(**changes).id != draft().id


def test_a_fact_without_zone_or_registration_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"occurred_at .* no time zone"):
        draft(occurred_at=datetime(2026, 6, 1))  # noqa: DTZ001 — naive on purpose
    with pytest.raises(InvalidInput, match="str is not a registered fact"):
        draft(body="text")
    with pytest.raises(InvalidInput, match="unknown fact 'FeedExploded'"):
        fact_type("FeedExploded")


@pytest.mark.parametrize("text", ["a\x1fb", "a\x00", "line\nbreak", "\ud83d"])
def test_names_that_could_be_mistaken_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="control characters or broken text"):
        draft(stream=text)
    with pytest.raises(InvalidInput, match="control characters or broken text"):
        draft(actor=text)


@pytest.mark.parametrize("text", ["half an emoji \ud83d", object()])
def test_a_body_that_cannot_be_written_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="fact FeedFailed: the body cannot be written"):
        draft(body=FeedFailed(feed_id="f1", reason=text))


def test_a_name_belongs_to_one_fact() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Other:
        feed_id: str

    with pytest.raises(InvalidInput, match=r"'FeedFailed' is taken by rencheng\.sense\.facts"):
        fact("FeedFailed")(Other)
    assert fact_type_of(FeedFailed(feed_id="f", reason="r")).room == "sense"


def test_one_value_has_one_text() -> None:
    assert canonical_json({"b": 1, "a": [1.5, None, NOW]}) == b'{"a":[1.5,null,"2026-06-01T08:00:00Z"],"b":1}'
    assert canonical_json({"b": 1, "a": 2}) == canonical_json({"a": 2, "b": 1})


def test_derived_ids_depend_on_every_part_and_on_their_borders() -> None:
    assert derived_id("task", "w1", 2) == "task-" + derived_id("x", "w1", "2")[2:]
    assert len({derived_id("t", "ab", "c"), derived_id("t", "a", "bc"), derived_id("t", "abc"), derived_id("t")}) == 4
    assert derived_id("t") == "t-4oymiquy7qobjgx3", "base32 of SHA-256 of nothing"


def test_an_unknown_order_names_the_known_ones() -> None:
    with pytest.raises(NotFound, match="unknown order 'MakeItRain'"):
        order_type("MakeItRain")


def test_an_error_says_what_where_and_how_to_mend() -> None:
    error = InvalidReading("value 'x' is no number", where="feed.csv row 3", mend="Write a decimal point")
    assert str(error) == "feed.csv row 3: value 'x' is no number. Write a decimal point"
    assert (error.what, error.where, error.mend) == (
        "value 'x' is no number",
        "feed.csv row 3",
        "Write a decimal point",
    )
    assert str(Conflict("moved on")) == "moved on"
    assert isinstance(error, InvalidInput)
    assert isinstance(error, RenchengError)


def test_the_graded_words_rank_from_mild_to_grave() -> None:
    assert [c.rank for c in (Colour.BLUE, Colour.YELLOW, Colour.ORANGE, Colour.RED)] == [1, 2, 3, 4]
    assert [r.rank for r in (ResponseLevel.IV, ResponseLevel.III, ResponseLevel.II, ResponseLevel.I)] == [1, 2, 3, 4]
