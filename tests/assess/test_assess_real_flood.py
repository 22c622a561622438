"""The real flood of the Guaíba basin: broad facts only, for nothing here may be tuned on that flood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.assess.assess_town import after
from tests.assess.real_gauges import CITY_GAUGE, gauges_city, readings_from_telemetry

from rencheng import assess
from rencheng.adapters.memory import MemoryFieldStore
from rencheng.assess.facts import ForecastPublished, SignalRaised
from rencheng.kernel import Draft

START, END = datetime(2024, 4, 15, 3, tzinfo=UTC), datetime(2024, 5, 1, 15, tzinfo=UTC)
REST_UNTIL, UPSTREAM_FROM = datetime(2024, 4, 27, 3, tzinfo=UTC), datetime(2024, 4, 29, 3, tzinfo=UTC)
STEP = timedelta(hours=3)

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def replayed(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Draft]:
    """All that assessment said from 15 April to 1 May, asked every three hours."""
    folder = shared_data / "porto_alegre"
    readings = readings_from_telemetry(folder)
    city = gauges_city(folder, tmp_path_factory.mktemp("real") / "city", readings)
    inputs, state = assess.Inputs(city=city, readings=readings, fields=MemoryFieldStore()), assess.initial_state()
    said: list[Draft] = []
    now = START
    while now <= END:
        drafts = assess.decide(state, inputs, now)
        state = after(state, drafts)
        said += drafts
        now += STEP
    return said


def raised(said: list[Draft], since: datetime, until: datetime) -> list[SignalRaised]:
    return [d.body for d in said if isinstance(d.body, SignalRaised) and since <= d.occurred_at < until]


def test_the_city_gauge_at_rest_makes_no_river_signal(replayed: list[Draft]) -> None:
    at_rest = [s for s in raised(replayed, START, REST_UNTIL) if s.sensor_id == CITY_GAUGE]
    assert [s.name for s in at_rest if s.hazard == "river_flood"] == []


def test_no_gauge_without_a_published_threshold_claims_a_colour(replayed: list[Draft]) -> None:
    rivers = [s for s in raised(replayed, START, END) if s.hazard == "river_flood" and s.sensor_id != CITY_GAUGE]
    assert rivers
    assert all(s.colour == "" for s in rivers)


def test_the_floods_upstream_are_recognised(replayed: list[Draft]) -> None:
    upstream = {
        s.sensor_id
        for s in raised(replayed, UPSTREAM_FROM, END)
        if s.name in ("rapid_rise", "unusual_stage") and not s.in_city
    }
    quiet = {
        s.sensor_id
        for s in raised(replayed, REST_UNTIL - timedelta(days=5), REST_UNTIL)
        if s.name in ("rapid_rise", "unusual_stage")
    }
    assert len(upstream) > 20
    assert len(upstream) > 3 * len(quiet)


def test_the_city_gauge_is_forecast_with_an_interval_around_its_median(replayed: list[Draft]) -> None:
    told = [d.body for d in replayed if isinstance(d.body, ForecastPublished) and d.body.sensor_id == CITY_GAUGE]
    assert len(told) > 100
    for body in told:
        assert [h.lead_h for h in body.horizons] == [6.0, 12.0, 24.0]
        assert all(h.low <= h.median <= h.high for h in body.horizons)
        assert all(0.0 <= p <= 1.0 for h in body.horizons for p in h.exceed_prob.values())


def test_over_all_gauges_the_forecast_is_no_worse_than_persistence_before_the_flood(replayed: list[Draft]) -> None:
    told = [d.body for d in replayed if isinstance(d.body, ForecastPublished) and d.occurred_at < REST_UNTIL]
    observed = {(b.sensor_id, b.observed_at.replace(minute=0)): b.observed for b in told}
    model, persistence = 0.0, 0.0
    for body in told:
        truth = observed.get((body.sensor_id, body.observed_at.replace(minute=0) + timedelta(hours=12)))
        if truth is not None:
            model += abs(truth - body.horizons[1].median)
            persistence += abs(truth - body.observed)
    assert 0.0 < model <= persistence
