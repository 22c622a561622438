"""The telemetry of the Guaíba basin before and in the flood of May 2024: taken fast, once, and judged rightly."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.contracts.readings_contract import contents
from tests.sense.sense_run import Run

from rencheng.adapters.bulk import RecordedFeed
from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.kernel import parse_instant
from rencheng.sense import FeedConfig, QualityFlag, read_feed_config
from rencheng.sense.facts import SensorRecovered, SensorSilent, SensorSuspected

pytestmark = pytest.mark.real
HARD = QualityFlag.OUT_OF_RANGE | QualityFlag.IMPOSSIBLE_RATE | QualityFlag.STUCK | QualityFlag.DATUM_JUMP


@pytest.fixture(scope="module")
def config() -> FeedConfig:
    return read_feed_config(Path(__file__).parents[2] / "docs" / "tutorial" / "porto-alegre" / "feed.toml")


@pytest.fixture(scope="module")
def feed(config: FeedConfig, shared_data: Path) -> RecordedFeed:
    return RecordedFeed(config, shared_data / "porto_alegre" / "telemetry_20240415_20240501.csv.gz")


@pytest.fixture(scope="module")
def played(feed: RecordedFeed) -> Run:
    """The whole record through store and decisions, an hour a turn."""
    run = Run()
    for batch in feed.batches():
        run.deliver(batch.position, batch.batch, batch.now)
    return run


def stages(run: Run, sensor: str, start: str, end: str) -> Any:
    return run.store.window(
        "stage_m", start=parse_instant(start), end=parse_instant(end), sensors=[sensor], good_only=False
    )


def test_every_row_and_every_value_is_accounted_for(feed: RecordedFeed, played: Run) -> None:
    assert (feed.rows, feed.readings) == (99_306, 225_556)
    assert sum(batch.batch.rows for batch in feed.batches()) == 99_306
    (totals,) = played.store.feeds().to_pylist()
    assert (totals["rows"], totals["accepted"], totals["repeated"], totals["refused"]) == (99_306, 225_549, 7, 0)


def test_replaying_it_twice_changes_nothing(feed: RecordedFeed, config: FeedConfig) -> None:
    store = DuckDbReadings()
    firsts = [store.take(config.id, b.position, b.batch, now=b.now) for b in feed.batches()]
    before = contents(store)
    for first, again in zip(firsts, feed.batches(), strict=True):
        intake = store.take(config.id, again.position, again.batch, now=again.now + timedelta(days=1))
        assert intake.again
        assert (intake.accepted, intake.repeated, intake.taken_at) == (first.accepted, first.repeated, first.taken_at)
    assert contents(store) == before


def test_the_same_record_cut_and_named_otherwise_adds_nothing(
    feed: RecordedFeed, config: FeedConfig, shared_data: Path
) -> None:
    store = DuckDbReadings()
    for batch in feed.batches():
        store.take(config.id, batch.position, batch.batch, now=batch.now)
    before = contents(store)[:-1]
    path = shared_data / "porto_alegre" / "telemetry_20240415_20240501.csv.gz"
    days = RecordedFeed(config, path, step_s=86400.0)
    taken = [store.take("other", b.position, b.batch, now=b.now) for b in days.batches()]
    assert sum(intake.accepted for intake in taken) == 0
    assert sum(intake.repeated for intake in taken) == 225_556
    assert contents(store)[:-1] == before


def test_flags_do_not_depend_on_the_cut(feed: RecordedFeed, played: Run, config: FeedConfig) -> None:
    whole = DuckDbReadings()
    last = list(feed.batches())[-1]
    whole.take(config.id, "all", feed.decoded, now=last.now)
    start = parse_instant("2024-04-01T00:00:00Z")
    for quantity in ("stage_m", "rain_mm", "discharge_m3_s"):
        cut = played.store.window(quantity, start=start, end=last.now, good_only=False)
        one = whole.window(quantity, start=start, end=last.now, good_only=False)
        assert cut["value"].equals(one["value"])
        late = np.uint16(QualityFlag.LATE)
        assert np.array_equal(cut["flags"].to_numpy() & ~late, one["flags"].to_numpy() & ~late)


@pytest.mark.parametrize(
    ("sensor", "rose_m"),
    [("86472000", 16.0), ("86895000", 4.0), ("85900000", 4.0), ("86720000", 8.0), ("87450004", 0.5)],
)
def test_gauges_in_the_real_flood_are_believed(played: Run, sensor: str, rose_m: float) -> None:
    rows = stages(played, sensor, "2024-04-28T00:00:00Z", "2024-05-01T15:00:00Z")
    first_values = rows.filter(np.bitwise_and(rows["flags"].to_numpy(), 8) == 0)
    value = first_values["value"].to_numpy()
    assert value.max() - value.min() > rose_m
    assert not (first_values["flags"].to_numpy() & int(HARD)).any()


@pytest.mark.parametrize(
    ("sensor", "flag", "when"),
    [
        ("85050001", QualityFlag.OUT_OF_RANGE, "2024-04-20T12:00:00Z"),  # a reservoir at 490 m of altitude
        ("86471000", QualityFlag.OUT_OF_RANGE, "2024-04-24T14:00:00Z"),  # altitude for four hours, then stage again
        ("86125120", QualityFlag.STUCK, "2024-04-25T00:00:00Z"),  # 10.07 m for sixteen days
        ("86470900", QualityFlag.DATUM_JUMP, "2024-04-30T17:00:00Z"),  # 5.41 m to 21.59 m within the hour
        ("85350000", QualityFlag.DATUM_JUMP, "2024-05-01T14:00:00Z"),  # drowned: −2.39 m at the crest
        ("87510047", QualityFlag.STUCK, "2024-05-01T00:00:00Z"),  # zero since the morning of the flood
    ],
)
def test_known_dirt_is_recognised(played: Run, sensor: str, flag: QualityFlag, when: str) -> None:
    at = parse_instant(when)
    rows = played.store.window(
        "stage_m", start=at - timedelta(hours=1), end=at + timedelta(minutes=5), sensors=[sensor], good_only=False
    )
    assert rows["flags"].to_pylist()[-1] & flag


def test_the_rest_of_the_reservoir_gauge_is_believed_after_its_altitude_hours(played: Run) -> None:
    rows = stages(played, "86471000", "2024-04-24T17:00:00Z", "2024-04-26T11:00:00Z")
    assert rows.num_rows > 20
    assert not rows["flags"].to_numpy().any()


def test_sensor_health_does_not_chatter(played: Run) -> None:
    kinds = Counter(type(draft.body) for draft in played.said)
    channels = played.store.health().num_rows
    assert channels == 351
    assert kinds[SensorSilent] < channels
    assert kinds[SensorSilent] - kinds[SensorRecovered] == len(played.state.silent)
    assert kinds[SensorSuspected] < 100
