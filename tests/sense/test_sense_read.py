"""Views of sensing: the state a duty officer sees of each sensor, and the coverage that the registry gives."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import shapely
from tests.sense.sense_run import T0, Run

from rencheng.city import City, Manifest, table_from_rows, write_city
from rencheng.kernel import cell_of
from rencheng.sense import Channel, channels_of_city
from rencheng.sense.channels import ChannelTable
from rencheng.sense.checks import checks_of_channel, checks_of_channels
from rencheng.sense.read import coverage, feed_rows, sensor_rows

LON, LAT, STEP = 116.30, 39.90, 0.01


def town(path: Path, *, communities: int, with_sensor: int) -> City:
    """A row of square communities of 0.01°, the first ``with_sensor`` of which have a gauge in the middle."""
    squares = [shapely.box(LON + n * STEP, LAT, LON + (n + 1) * STEP, LAT + STEP) for n in range(communities)]
    areas = [
        {"area_id": f"c{n}", "kind": "community", "name": f"社区{n}", "geometry": shapely.to_wkb(square)}
        for n, square in enumerate(squares)
    ]
    middle = [(LON + (n + 0.5) * STEP, LAT + STEP / 2) for n in range(communities)]
    sensors = [
        {
            "sensor_id": f"g{n:04d}",
            "kind": "street_depth",
            "name": f"积水点{n}",
            "lon": lon,
            "lat": lat,
            "altitude_m": 44.0,
        }
        for n, (lon, lat) in enumerate(middle[:with_sensor])
    ]
    cells = [
        {"cell": cell_of(lon, lat), "lon": lon, "lat": lat, "residents": 100.0 if n < with_sensor else 300.0}
        for n, (lon, lat) in enumerate(middle)
    ]
    facilities = [
        {"facility_id": f"s{n}", "kind": "school", "lon": lon, "lat": lat, "cell": cell_of(lon, lat)}
        for n, (lon, lat) in enumerate(middle[::2])
    ]
    tables = {
        "areas": areas,
        "sensors": sensors,
        "cells": cells,
        "facilities": facilities,
        "channels": [{"sensor_id": "g0000", "quantity": "water_depth_m", "interval_s": 300.0}],
    }
    manifest = Manifest(
        id="town", name="镇", name_en="Town", metric_crs="EPSG:32650", timezone="Asia/Shanghai", jurisdiction="CN"
    )
    return write_city(path, manifest, {name: table_from_rows(name, rows) for name, rows in tables.items()})


@pytest.mark.parametrize(("communities", "with_sensor"), [(50, 30), (60, 54), (40, 40), (10, 0)])
def test_coverage_is_the_share_of_communities_with_a_sensor(tmp_path: Path, communities: int, with_sensor: int) -> None:
    """SEN-39: the seeded value comes back within 0.1 percentage points."""
    found = coverage(town(tmp_path / "town", communities=communities, with_sensor=with_sensor))
    assert (found.area_kind, found.areas, found.covered) == ("community", communities, with_sensor)
    assert math.isclose(found.ratio, with_sensor / communities, abs_tol=0.001)


def test_coverage_tells_residents_and_key_sectors_apart(tmp_path: Path) -> None:
    found = coverage(town(tmp_path / "town", communities=10, with_sensor=5))
    assert math.isclose(found.residents_ratio, 500 / 2000)
    (schools,) = found.sectors
    assert (schools.kind, schools.facilities, schools.covered, schools.ratio) == ("school", 5, 3, 0.6)


def test_channels_of_a_city_name_every_sensor(tmp_path: Path) -> None:
    channels = channels_of_city(town(tmp_path / "town", communities=3, with_sensor=2))
    assert [(c.sensor_id, c.quantity, c.interval_s, c.altitude_m) for c in channels] == [
        ("g0000", "water_depth_m", 300.0, 44.0),
        ("g0001", "", None, 44.0),
    ]


def test_each_sensor_is_ok_suspect_silent_or_unheard(tmp_path: Path) -> None:
    city = town(tmp_path / "town", communities=5, with_sensor=4)
    run = Run(channels_of_city(city))
    for hour in range(1, 12):
        run.hour(hour, 0.1 + hour / 100, sensor="g0001", quantity="water_depth_m")
        run.hour(hour, 99.0, sensor="g0002", quantity="water_depth_m")
        if hour < 6:
            run.hour(hour, 0.2 + hour / 100, sensor="g0003", quantity="water_depth_m")
    now = T0 + (run.said[-1].occurred_at - T0)
    rows = sensor_rows(run.state, run.store, now=now, city=city)
    assert [(row.sensor_id, row.state, row.reasons) for row in rows] == [
        ("g0000", "unheard", ()),
        ("g0001", "ok", ()),
        ("g0002", "suspect", ("out_of_range",)),
        ("g0003", "silent", ()),
    ]
    assert (rows[2].name, rows[2].value, rows[2].unit, rows[2].flags) == ("积水点2", 99.0, "m", ("out_of_range",))
    assert rows[0].lon == pytest.approx(LON + STEP / 2)
    (feed,) = feed_rows(run.state)
    assert (feed.feed_id, feed.batches, feed.accepted, feed.failed_at) == ("f", 27, 27, None)


def test_a_city_without_areas_or_sensors_has_no_ratio(tmp_path: Path) -> None:
    manifest = Manifest(id="x", name="x", name_en="x", metric_crs="EPSG:32650", timezone="UTC", jurisdiction="CN")
    found = coverage(write_city(tmp_path / "x", manifest, {}))
    assert (found.areas, found.covered, found.sectors) == (0, 0, ())
    assert np.isnan([found.ratio, found.residents_ratio]).all()


def test_channels_in_columns_tell_what_channels_one_by_one_tell() -> None:
    """A city of two million sensors is worked on in columns; no limit, kind or place of any may change by that."""
    listed = [
        Channel(sensor_id="A", quantity="rain_mm", interval_s=300.0, kind="station", lon=1.0, lat=2.0),
        Channel(sensor_id="A", quantity="stage_m", datum_m=3.0, altitude_m=90.0, kind="station", lon=1.0, lat=2.0),
        Channel(sensor_id="B", kind="camera"),
        Channel(sensor_id="C", quantity="stage_m", altitude_m=55.0),
    ]
    table = ChannelTable.of(listed)
    assert list(table) == listed
    assert list(table[1:3]) == listed[1:3]
    told = table.told(["C", "A", "B", "A", "D"], ["stage_m", "stage_m", "stage_m", "wind_speed_m_s", "rain_mm"])
    assert list(told) == [
        listed[3],
        listed[1],
        Channel(sensor_id="B", quantity="stage_m", kind="camera"),
        Channel(sensor_id="A", quantity="wind_speed_m_s", kind="station", lon=1.0, lat=2.0),
        Channel(sensor_id="D", quantity="rain_mm"),
    ]
    records = [checks_of_channel(channel).record() for channel in told]
    assert list(map(repr, checks_of_channels(told).tolist())) == list(map(repr, records))
