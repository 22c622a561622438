"""Whatever is written in a filter is read back the same, and whatever is sent as one is answered or refused."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.adapters.sensorthings import Refusal
from rencheng.adapters.sensorthings.evaluate import holds
from rencheng.adapters.sensorthings.expression import Binary, Call, Expression, Geography, Literal, Path, Unary, written
from rencheng.adapters.sensorthings.instants import Span
from rencheng.adapters.sensorthings.model import MODEL
from rencheng.adapters.sensorthings.options import options_from_query
from rencheng.adapters.sensorthings.parse_filter import FUNCTIONS, parse_expression
from rencheng.adapters.sensorthings.resource_path import parse_path

_US = st.integers(-(10**15), 4 * 10**15)
_LITERALS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 10**15),
    st.floats(0, 1e15, allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=8),
    _US.map(lambda us: Span(us, us)),
    st.tuples(_US, _US).map(lambda pair: Span(min(pair), max(pair))),
    st.tuples(st.integers(0, 10**6).map(float)),
    st.just(Geography("POINT (1 2)")),
).map(Literal)
_PATHS = st.lists(st.sampled_from(["name", "result", "properties", "Datastream"]), min_size=1, max_size=3)
_OPERATORS = ["eq", "ne", "gt", "ge", "lt", "le", "add", "sub", "mul", "div", "mod", "and", "or"]


def _calls(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.sampled_from(sorted(FUNCTIONS)).flatmap(
        lambda name: st.tuples(*[inner] * FUNCTIONS[name][0]).map(lambda arguments: Call(name, arguments))
    )


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    _LITERALS | _PATHS.map(lambda names: Path(tuple(names))),
    lambda inner: (
        st.builds(Binary, st.sampled_from(_OPERATORS), inner, inner)
        | st.builds(Unary, st.sampled_from(["not", "-"]), inner)
        | _calls(inner)
    ),
    max_leaves=8,
)


class Anything:
    """Answers every path with a little of everything."""

    now_us = 1_700_000_000_000_000

    def values(self, names: Any) -> list[Any]:
        assert names
        return [None, True, 3, -2.5, "text", Span(0, 5), {"type": "Point", "coordinates": [1, 2]}, (5.0,), [1]]


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS)
def test_what_is_written_is_read_the_same(expression: Expression) -> None:
    assert parse_expression(written(expression)) == expression


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS)
def test_every_expression_has_an_answer(expression: Expression) -> None:
    assert holds(expression, Anything()) in {True, False}


_NOISE = st.lists(
    st.sampled_from(
        [*FUNCTIONS, *_OPERATORS, *"()',;=/-$@", "not", "'a'", "1", "2024-01-01", "geography'", "null", " "]
    )
    | st.text(max_size=3),
    max_size=30,
).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(_NOISE)
def test_noise_is_read_or_refused(text: str) -> None:
    for read in (
        parse_expression,
        parse_path,
        lambda noise: options_from_query(noise, MODEL["Things"], many=True),
        lambda noise: options_from_query(f"$expand={noise}", MODEL["Things"], many=True),
    ):
        with suppress(Refusal):
            read(text)


def test_operators_bind_as_the_standard_says() -> None:
    assert written(parse_expression("a or b and c eq 1 add 2 mul 3")) == "(a or (b and (c eq (1 add (2 mul 3)))))"
    assert written(parse_expression("not a and b")) == "((not a) and b)"
    with pytest.raises(Refusal, match="position 8"):
        parse_expression("1 lt 2 lt 3")
