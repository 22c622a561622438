"""A rain picture survives the field store, and a picture that cannot be is refused by cell."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from rencheng.kernel import InvalidInput, OrderRefused
from rencheng.sense import RainPicture, TakeRainPicture, rain_picture_from_table, rain_picture_table
from rencheng.sense.facts import RainPictureTaken
from rencheng.sense.handle import handle
from rencheng.sense.model import initial_state

NOW = datetime(2026, 7, 20, 6, tzinfo=UTC)


def picture(rate: np.ndarray) -> RainPicture:
    return RainPicture(rate_mm_h=rate.astype(np.float32), west_m=1.0, south_m=2.0, cell_m=500.0, crs="EPSG:32650")


def test_what_was_packed_is_what_is_read_to_a_twentieth_of_a_millimetre() -> None:
    rate = np.array([[0.0, 12.34, np.nan], [250.0, 0.06, 3.0]])
    read = rain_picture_from_table(rain_picture_table(picture(rate)))
    np.testing.assert_allclose(read.rate_mm_h, rate, atol=0.026, equal_nan=True)
    assert (read.west_m, read.south_m, read.cell_m, read.crs) == (1.0, 2.0, 500.0, "EPSG:32650")
    assert read.missing_ratio == pytest.approx(1 / 6)


@pytest.mark.parametrize(("value", "told"), [(-1.0, "negative"), (9999.0, "dBZ")])
def test_rain_that_cannot_be_is_refused_and_the_cell_is_named(value: float, told: str) -> None:
    rate = np.zeros((3, 4))
    rate[2, 1] = value
    with pytest.raises(InvalidInput, match=r"row 2, column 1") as refused:
        picture(rate)
    assert told in str(refused.value)


def order(**changes: object) -> TakeRainPicture:
    given = {
        "source": "radar",
        "at": NOW,
        "field": "f" * 64,
        "cell_m": 500.0,
        "mean_mm_h": 1.0,
        "highest_mm_h": 9.0,
        "missing_ratio": 0.0,
    }
    return TakeRainPicture(**(given | changes))  # type: ignore[arg-type]


def test_a_picture_becomes_a_fact_at_the_instant_it_shows() -> None:
    (draft,) = handle(initial_state(), order(at=NOW - timedelta(minutes=4)), None, NOW, "feed:radar")  # type: ignore[arg-type]
    assert isinstance(draft.body, RainPictureTaken)
    assert draft.occurred_at == draft.body.at == NOW - timedelta(minutes=4)


@pytest.mark.parametrize("changes", [{"source": "crystal ball"}, {"at": NOW + timedelta(hours=1)}])
def test_a_picture_of_the_future_or_of_nobody_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(OrderRefused):
        handle(initial_state(), order(**changes), None, NOW, "feed:radar")  # type: ignore[arg-type]
