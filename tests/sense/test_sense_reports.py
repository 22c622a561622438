"""Reports: what people and cameras see of one event is one event, with all it came from; nonsense is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tests.sense.sense_run import Run

from rencheng.kernel import OrderRefused, cell_of, distance_m
from rencheng.sense import SubmitReport
from rencheng.sense.facts import ReportReceived
from rencheng.sense.orders import SOURCES
from rencheng.sense.read import event_rows

NOW = datetime(2024, 5, 1, 9, 0, tzinfo=UTC)
LON, LAT = -51.2300, -30.0300


def report(**changes: Any) -> SubmitReport:
    told: dict[str, Any] = {
        "source": "citizen",
        "hazard": "waterlogging",
        "category": "water_on_road",
        "lon": LON,
        "lat": LAT,
        "text": "water to the knees",
        "depth_m": 0.5,
    }
    return SubmitReport(**{**told, **changes})


def test_a_report_is_an_observation_with_place_source_and_time() -> None:
    run = Run()
    fact: ReportReceived = run.order(report(seen_at=NOW - timedelta(minutes=4)), NOW, "person:ana")
    assert (fact.source, fact.depth_m, fact.cell) == ("citizen", 0.5, cell_of(LON, LAT))
    assert run.said[0].occurred_at == NOW - timedelta(minutes=4)
    assert run.said[0].actor == "person:ana"


def test_the_same_report_sent_twice_is_one_fact() -> None:
    run = Run()
    for _ in range(2):
        run.order(report(seen_at=NOW), NOW, "person:ana")
    assert run.said[0].id == run.said[1].id


@pytest.mark.parametrize(
    ("north_m", "minutes", "hazard", "one"),
    [
        (290, 0, "waterlogging", True),
        (310, 0, "waterlogging", False),
        (0, 30, "waterlogging", True),
        (0, 31, "waterlogging", False),
        (0, -30, "waterlogging", True),
        (0, 0, "river_flood", False),
    ],
)
def test_same_hazard_within_300_m_and_30_minutes_is_one_event(
    north_m: float, minutes: int, hazard: str, one: bool
) -> None:
    run = Run()
    seen = NOW - timedelta(hours=2)
    first = run.order(report(seen_at=seen), NOW, "person:a")
    lat = LAT + north_m / 111_195
    assert abs(distance_m(LON, LAT, LON, lat) - north_m) < 1
    other = report(seen_at=seen + timedelta(minutes=minutes), lat=lat, hazard=hazard, source="camera")
    second = run.order(other, NOW, "camera:7")
    assert (second.event_id == first.event_id) is one


def test_a_report_joins_the_nearest_of_two_events() -> None:
    run = Run()
    west = run.order(report(lon=LON - 0.0040), NOW, "person:a")
    east = run.order(report(lon=LON + 0.0020), NOW, "person:b")
    assert west.event_id != east.event_id
    assert run.order(report(), NOW, "person:c").event_id == east.event_id


def test_events_of_many_kinds_of_source_are_fused_with_few_duplicates_and_full_provenance() -> None:
    """SEN-12: sixty events, each seen by at least four kinds of source within 100 m and 20 minutes."""
    rng = np.random.default_rng(20240501)
    run = Run()
    told: list[tuple[datetime, int, SubmitReport]] = []
    for event in range(60):
        lon, lat = LON + (event % 10) * 0.012, LAT + (event // 10) * 0.012
        start = NOW + timedelta(minutes=float(rng.uniform(0, 240)))
        kinds = rng.choice(SOURCES, size=int(rng.integers(4, 8)), replace=False)
        for source in [*kinds, *rng.choice(kinds, size=4)]:
            seen = start + timedelta(minutes=float(rng.uniform(0, 20)))
            east, north = rng.normal(0, 50, 2).tolist()
            place = {"lon": lon + east / 96_300, "lat": lat + north / 111_195}
            told.append((seen, event, report(source=str(source), seen_at=seen, **place)))
    truth: dict[int, list[str]] = {}
    for number, (seen, event, order) in enumerate(sorted(told, key=lambda entry: entry[0])):
        truth.setdefault(event, []).append(run.order(order, seen, f"person:{number}").event_id)
    duplicates = sum(len(set(ids)) - 1 for ids in truth.values())
    assert duplicates / len(run.state.events) <= 0.05
    assert len({ids[0] for ids in truth.values()}) == 60
    rows = event_rows(run.state)
    assert sum(len(row.report_ids) for row in rows) == len(told)
    assert sum(len(row.sources) >= 4 for row in rows) >= 57
    assert all(first.last_at >= second.last_at for first, second in pairwise(rows))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": "ghost"}, "unknown source 'ghost'. Use one of: citizen, hotline"),
        ({"hazard": "dragons"}, "unknown hazard 'dragons'. Use one of: rainstorm"),
        ({"category": "gossip"}, "unknown category 'gossip'. Use one of: water_on_road"),
        ({"lon": 200.0}, r"lon 200.0, lat -30.03 is not on Earth"),
        ({"lat": float("nan")}, r"is not on Earth"),
        ({"depth_m": float("nan")}, "depth_m nan is not between 0 and 20"),
        ({"depth_m": -1.0}, "depth_m -1.0 is not between 0 and 20"),
        ({"people": -1}, "people -1 is negative"),
        ({"text": "x" * 4001}, "the text has 4001 characters. At most 4000"),
        ({"seen_at": NOW + timedelta(hours=1)}, "seen_at 2024-05-01T10:00:00.00:00 lies ahead of now"),
    ],
)
def test_a_report_that_cannot_be_is_refused_with_the_mend(change: dict[str, Any], message: str) -> None:
    run = Run()
    with pytest.raises(OrderRefused, match=message):
        run.order(report(**change), NOW, "person:ana")
    assert run.said == []


def test_an_order_of_another_stage_is_refused() -> None:
    run = Run()
    with pytest.raises(OrderRefused, match="sense has no order str"):
        run.order("cancel", NOW, "person:ana")  # type: ignore[arg-type]
