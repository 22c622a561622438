"""Last readings by a box of the map: what a page draws when there are more sensors than pixels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.web.web_city import web_city

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.kernel import NotFound
from rencheng.sense import decoded_from_arrays
from rencheng.sense.map_box import MapBox, SensorMap

T0 = datetime(2026, 6, 1, tzinfo=UTC)


def placed(store: DuckDbReadings, places: dict[str, tuple[float, float]]) -> SensorMap:
    lon, lat = zip(*places.values(), strict=True)
    return SensorMap(store, pa.array(list(places)), np.array(lon), np.array(lat))


def report(store: DuckDbReadings, position: str, values: dict[str, float], quantity: str = "stage_m") -> None:
    at = np.array([(T0 + timedelta(minutes=len(position))).replace(tzinfo=None)] * len(values), "datetime64[us]")
    batch = decoded_from_arrays(list(values), quantity, at, np.array(list(values.values())))
    store.take("f", position, batch, now=T0 + timedelta(hours=1))


def test_each_square_gives_its_highest_sensor_and_tells_of_the_others() -> None:
    places = {"a": (0.1, 0.1), "b": (0.2, 0.2), "c": (0.9, 0.9), "far": (5.0, 5.0), "quiet": (0.5, 0.5)}
    store = DuckDbReadings()
    report(store, "1", {"a": 1.0, "b": 3.0, "c": 2.0, "far": 9.0})
    sensors = placed(store, places)
    box = MapBox(west=0.0, south=0.0, east=1.0, north=1.0, across=2)
    seen = sensors.latest("stage_m", box).to_pylist()
    assert [(row["sensor_id"], row["value"], row["low"], row["sensors"]) for row in seen] == [
        ("b", 3.0, 1.0, 2),
        ("c", 2.0, 2.0, 1),
    ]
    assert seen[0]["at"] == T0 + timedelta(minutes=1)
    report(store, "22", {"a": 7.0, "quiet": 4.0})
    fine = sensors.latest("stage_m", MapBox(west=0.0, south=0.0, east=1.0, north=1.0, across=100))
    assert {row["sensor_id"]: row["value"] for row in fine.to_pylist()} == {"a": 7.0, "b": 3.0, "c": 2.0, "quiet": 4.0}
    with pytest.raises(NotFound, match=r"no sensor has reported 'rain_mm'.*Reported so far: stage_m"):
        sensors.latest("rain_mm", box)


def test_a_box_may_go_across_the_date_line() -> None:
    store = DuckDbReadings()
    report(store, "1", {"fiji": 1.0, "samoa": 2.0, "quito": 3.0})
    sensors = placed(store, {"fiji": (178.0, -17.0), "samoa": (-172.0, -14.0), "quito": (-78.5, 0.0)})
    over = sensors.latest("stage_m", MapBox(west=170.0, south=-20.0, east=-170.0, north=0.0))
    assert sorted(over["sensor_id"].to_pylist()) == ["fiji", "samoa"]
    world = sensors.latest("stage_m", MapBox(west=-180.0, south=-90.0, east=180.0, north=90.0))
    assert world.num_rows == 3


def test_sensors_of_a_package_are_found_where_it_says(tmp_path: Path) -> None:
    city = web_city(tmp_path)
    rows = city.rows("sensors")
    store = DuckDbReadings()
    report(store, "1", {row["sensor_id"]: float(n) for n, row in enumerate(rows)} | {"unplaced": 5.0})
    sensors = SensorMap.of_city(store, city)
    world = MapBox(west=-180.0, south=-90.0, east=180.0, north=90.0, across=1024)
    assert sensors.latest("stage_m", world)["sensors"].to_numpy().sum() == len(rows)
