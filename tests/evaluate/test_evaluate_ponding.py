"""Ponding of the flood-prone points in a round: what counts against the baseline, and what is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.recover.recover_city import slope_city

from rencheng.assess.flood.objects import OBJECT_SCHEMA, THRESHOLDS_M, exceed_column
from rencheng.assess.flood.point_chance import point_chances
from rencheng.city import City, flood_prone_points, read_city, table_from_rows
from rencheng.evaluate.ponding import PointPonding, point_ponding, ponding_kpi

START = datetime(2026, 7, 20, 0, 0, tzinfo=UTC)
STEP = timedelta(minutes=5)
SCHEMA = pa.schema(
    [("sensor_id", pa.string()), ("at", pa.timestamp("us", tz="UTC")), ("value", pa.float64()), ("flags", pa.uint16())]
)


class Told:
    """Readings of sensors, one list of depths in centimetres each, five minutes apart; None is silence."""

    def __init__(self, **depths_cm: list[int | None]) -> None:
        self._rows: list[dict[str, Any]] = [
            {"sensor_id": name, "at": START + (k + 1) * STEP, "value": cm / 100.0, "flags": 0}
            for name, listed in sorted(depths_cm.items())
            for k, cm in enumerate(listed)
            if cm is not None
        ]

    def window(
        self,
        quantity: str,
        *,
        start: datetime,
        end: datetime,
        sensors: Sequence[str] | None = None,
        good_only: bool = True,
    ) -> pa.Table:
        assert quantity == "water_depth_m"
        assert good_only
        rows = [r for r in self._rows if start < r["at"] <= end and (sensors is None or r["sensor_id"] in sensors)]
        return pa.Table.from_pylist(rows, schema=SCHEMA)

    @property
    def commits(self) -> int:
        return 0

    def latest(self, *, at: datetime, quantity: str | None = None) -> pa.Table:
        raise AssertionError(f"ponding is read from windows, not the latest {quantity} at {at}")


@pytest.fixture
def city(tmp_path: Path) -> City:
    made = slope_city(tmp_path)
    place: dict[str, Any] = {"lon": 121.0, "lat": 31.0}
    sensors = [{**place, "sensor_id": f"s{n}", "kind": "street_depth"} for n in (1, 2)]
    channels = [{"sensor_id": f"s{n}", "quantity": "water_depth_m", "interval_s": 300.0} for n in (1, 2)]
    point = {**place, "kind": "road", "status": "planned", "planned_on": "2026-12-31", "baseline_year": 2023}
    points = [
        {**point, "point_id": "p1", "name": "一", "sensor_id": "s1", "baseline_ponding_s": 3600.0},
        {**point, "point_id": "p2", "name": "二", "sensor_id": "s2", "baseline_ponding_s": 1800.0},
        {**point, "point_id": "p3", "name": "三", "lon": 121.01, "baseline_ponding_s": 3600.0},
    ]
    for name, rows in (("sensors", sensors), ("channels", channels), ("flood_prone_points", points)):
        pq.write_table(table_from_rows(name, rows), made.path / f"{name}.parquet")
    return read_city(made.path)


def ponding(city: City, told: Told, hours: float = 12.0) -> dict[str, PointPonding]:
    return point_ponding(city, flood_prone_points(city), told, START, START + timedelta(hours=hours))


def test_the_change_is_of_the_events_against_their_own_baselines(city: City) -> None:
    """Half an hour of 60 and 15 minutes of 30 are both half of it: −50 %, the target of −40 % is met."""
    found = ponding(city, Told(s1=[0, *[20] * 6, 0], s2=[0, *[20] * 3, 0]))
    assert [e.duration_s for e in found["p1"].events] == [1800.0]
    assert (found["p1"].change_ratio, found["p2"].change_ratio) == (-0.5, -0.5)
    assert not found["p1"].events[0].closed
    kpi = ponding_kpi(flood_prone_points(city), found)
    assert (kpi.change_ratio, kpi.met, kpi.counted) == (-0.5, True, 2)
    assert (kpi.points, kpi.watched, kpi.measured, kpi.ponded) == (3, 2, 2, 2)


def test_water_that_has_not_run_off_counts_only_once_it_misses_the_target(city: City) -> None:
    """Else a point looks the better the earlier one asks."""
    young = ponding(city, Told(s1=[0, *[30] * 3]))
    assert (young["p1"].events[0].open, young["p1"].mean_s) == (True, None)
    assert ponding_kpi(flood_prone_points(city), young).met is None
    late = ponding(city, Told(s1=[0, *[30] * 10]))
    assert late["p1"].mean_s == 2700.0
    assert ponding_kpi(flood_prone_points(city), late).met is False
    assert late["p1"].events[0].closed


def test_a_silent_sensor_is_unknown_and_not_dry(city: City) -> None:
    found = ponding(city, Told(s1=[0, 0]))
    assert [found[p].measured for p in ("p1", "p2", "p3")] == [True, False, False]
    cut = ponding(city, Told(s1=[0, 30, 30, *[None] * 12, 0]))
    assert (cut["p1"].events[0].cut, cut["p1"].mean_s) == (True, None)


def test_the_chance_of_a_point_is_of_its_own_depth_on_its_own_road(city: City) -> None:
    """27 cm lie four fifths of the way from 15 to 30 cm; a road that the forecast leaves out stays dry."""
    own = {"link_id": 7, "warning_m": 0.3, "kind": "road", "status": "planned", "lon": 121.0, "lat": 31.0}
    rows = [{**own, "point_id": "a", "name": "a"}, {**own, "point_id": "b", "name": "b", "link_id": 8}]
    pq.write_table(table_from_rows("flood_prone_points", rows), city.path / "flood_prone_points.parquet")
    points = flood_prone_points(read_city(city.path))
    base = {"kind": "road_link", "detail": "primary", "lon": 121.0, "lat": 31.0, "depth_high_m": 0.5, "people": 0.0}
    table = pa.Table.from_pylist(
        [
            {
                **base,
                "object_id": "7",
                "lead_min": lead,
                "depth_m": depth,
                **{exceed_column(t): p for t, p in zip(THRESHOLDS_M, prob, strict=True)},
            }
            for lead, depth, prob in ((10, 0.1, (0.4, 0.2, 0.0, 0.0)), (20, 0.3, (1.0, 0.5, 0.0, 0.0)))
        ],
        schema=OBJECT_SCHEMA,
    )
    chances = point_chances(table, points)
    assert (chances["a"].warning_prob, chances["a"].first_min, chances["a"].depth_m) == (0.5, 20, 0.3)
    assert chances["a"].closure_prob == pytest.approx(0.6)
    assert (chances["b"].warning_prob, chances["b"].first_min) == (0.0, None)
    empty = point_chances(table.slice(0, 0), points)
    assert {c.warning_prob for c in empty.values()} == {0.0}
