"""An instant that lost its zone shifts a warning by hours; these keep it from happening."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.kernel import (
    InvalidInput,
    format_instant,
    from_micros,
    hours,
    local_to_utc,
    micros,
    parse_instant,
    require_utc,
    seconds,
)

INSTANTS = st.datetimes(timezones=st.just(UTC))


@given(INSTANTS, st.integers(-14 * 60, 14 * 60))
def test_the_zone_of_an_instant_does_not_change_it(instant: datetime, offset_min: int) -> None:
    try:
        elsewhere = instant.astimezone(timezone(timedelta(minutes=offset_min)))
    except OverflowError:  # the first and last day of the calendar have no neighbours
        return
    assert require_utc(elsewhere) == instant
    assert require_utc(elsewhere).tzinfo is UTC
    assert micros(elsewhere) == micros(instant)


@given(INSTANTS)
def test_microseconds_and_text_keep_every_instant_exactly(instant: datetime) -> None:
    assert from_micros(micros(instant)) == instant
    assert parse_instant(format_instant(instant)) == instant
    assert format_instant(instant).endswith("Z")


def test_instants_are_written_as_the_standards_write_them() -> None:
    assert format_instant(datetime(2024, 5, 1, 12, tzinfo=UTC)) == "2024-05-01T12:00:00Z"
    assert format_instant(datetime(2024, 5, 1, 12, 0, 0, 5, tzinfo=UTC)) == "2024-05-01T12:00:00.000005Z"
    assert micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1_000_000


@pytest.mark.parametrize("text", ["2024-05-01T12:00:00", "2024-05-01", "yesterday", ""])
def test_text_without_zone_or_sense_is_refused_with_its_name(text: str) -> None:
    with pytest.raises(InvalidInput, match="sent_at"):
        parse_instant(text, name="sent_at")


def test_local_time_of_a_city_with_summer_time() -> None:
    """The hour that comes twice (28 October 2018, Andorra) is read as its first."""
    zone = ZoneInfo("Europe/Andorra")
    assert local_to_utc(datetime(2018, 10, 28, 2, 30), zone) == datetime(2018, 10, 28, 0, 30, tzinfo=UTC)  # noqa: DTZ001 — wall-clock time
    assert local_to_utc(datetime(2024, 1, 1, 8), ZoneInfo("Asia/Shanghai")) == datetime(2024, 1, 1, 0, tzinfo=UTC)  # noqa: DTZ001 — wall-clock time


def test_durations() -> None:
    assert hours(1.5) == timedelta(minutes=90)
    assert seconds(90) == timedelta(minutes=1.5)
