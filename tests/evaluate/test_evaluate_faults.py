"""MTBF, MTTR, availability and failure rate equal a hand calculation, whatever the window cuts off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.evaluate.fact_book import NOON, FactBook, minute

from rencheng.city import City, Device, DeviceState, Manifest, table_from_rows, write_city
from rencheng.evaluate.faults import FaultFigures, fault_figures
from rencheng.science.dependability import NEVER_US, dependability, down_time
from rencheng.sense.facts import (
    BatchTaken,
    DevicesRegistered,
    DeviceStateChanged,
    FeedFailed,
    FeedRecovered,
    SensorRecovered,
    SensorSilent,
    SensorSuspected,
    SensorTrusted,
)

H = 60.0
"""Minutes of an hour."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    manifest = Manifest(
        id="t", name="T", name_en="T", metric_crs="EPSG:32651", timezone="Asia/Shanghai", jurisdiction="CN"
    )
    place = {"lon": 121.5, "lat": 31.2}
    sensors = [
        {"sensor_id": "g1", "kind": "river_gauge", **place},
        {"sensor_id": "g2", "kind": "river_gauge", **place},
        {"sensor_id": "r1", "kind": "rain_gauge", "device_id": "d1", **place},
    ]
    devices = [{"device_id": "d1", "kind": "sensor", "state": "in_service", "model": "TB-3"}]
    tables = {name: table_from_rows(name, rows) for name, rows in (("sensors", sensors), ("devices", devices))}
    return write_city(Path(tmp_path_factory.mktemp("faults")) / "city", manifest, tables)


def silent(sensor: str, quantity: str = "stage_m") -> SensorSilent:
    return SensorSilent(
        sensor_id=sensor, quantity=quantity, last_at=NOON, expected_interval_s=900.0, missed_intervals=4.0
    )


def back(sensor: str, quantity: str = "stage_m") -> SensorRecovered:
    return SensorRecovered(sensor_id=sensor, quantity=quantity, silent_s=1.0)


def doubted(sensor: str) -> SensorSuspected:
    return SensorSuspected(sensor_id=sensor, quantity="stage_m", flag="stuck", detail="")


def trusted(sensor: str) -> SensorTrusted:
    return SensorTrusted(sensor_id=sensor, quantity="stage_m", flag="stuck")


def of(found: list[FaultFigures], group: str) -> FaultFigures:
    return next(f for f in found if f.group == group)


def test_figures_equal_the_hand_calculation(city: City) -> None:
    """Window hours 10 to 110, two gauges.

    g1: silent 5–15 (stood at the begin: 5 h down, no failure, one restoration); suspected 40–50 and silent 45–52
    (one spell of 12 h). g2: silent since 100 (10 h down, a failure, not restored).
    Down 5 + 12 + 10 = 27 h, up 200 − 27 = 173 h, 2 failures, 2 restorations:
    MTBF 86.5 h, MTTR 13.5 h, availability 173/200.
    """
    book = FactBook()
    for hours, body in (
        (5, silent("g1")),
        (15, back("g1")),
        (40, doubted("g1")),
        (45, silent("g1")),
        (50, trusted("g1")),
        (52, back("g1")),
        (100, silent("g2")),
        (120, back("g2")),
    ):
        book.say(body, hours * H)
    figures = of(fault_figures(book.entries(), city, minute(10 * H), minute(110 * H)), "river_gauge").figures
    assert (figures.items, figures.failures, figures.restorations) == (2, 2, 2)
    assert (figures.up_s, figures.down_s) == (173 * 3600.0, 27 * 3600.0)
    assert figures.mtbf_s == pytest.approx(86.5 * 3600)
    assert figures.mttr_s == pytest.approx(13.5 * 3600)
    assert figures.availability_ratio == pytest.approx(173 / 200)
    assert figures.failure_rate_per_h == pytest.approx(2 / 173)


def test_limits_of_mtbf_are_those_of_a_time_terminated_test() -> None:
    """173 h with 2 failures: 2U/chi2(0.95; 6) = 346/12.592 and 2U/chi2(0.05; 4) = 346/0.7107 (printed tables)."""
    hour = 3_600_000_000
    spells = np.array([[0, 0, 20 * hour, 1, 1], [0, 50 * hour, 57 * hour, 1, 1]])
    figures = dependability(spells, np.array([200 * hour]))
    assert figures.up_s == 173 * 3600
    assert figures.mtbf_low_s == pytest.approx(346 / 12.592 * 3600, rel=1e-4)
    assert figures.mtbf_high_s == pytest.approx(346 / 0.7107 * 3600, rel=1e-3)


def test_what_never_failed_has_no_mean_but_a_lower_limit(city: City) -> None:
    figures = of(fault_figures([], city, minute(0), minute(100 * H)), "river_gauge").figures
    assert (figures.mtbf_s, figures.mttr_s, figures.mtbf_high_s) == (None, None, None)
    assert figures.availability_ratio == 1.0
    assert figures.mtbf_low_s == pytest.approx(2 * 200 / 5.991 * 3600, rel=1e-3)


def test_feeds_fail_from_their_failure_to_the_first_batch_after_it(city: City) -> None:
    book = FactBook()
    taken = BatchTaken(
        feed_id="hydro", position="1", accepted=1, repeated=0, refused=0, flagged={}, first_at=None, last_at=None
    )
    for hours, body in (
        (1, taken),
        (10, FeedFailed(feed_id="hydro", reason="line")),
        (11, FeedFailed(feed_id="hydro", reason="line")),
        (14, FeedRecovered(feed_id="hydro")),
        (20, FeedFailed(feed_id="hydro", reason="line")),
        (22, taken),
    ):
        book.say(body, hours * H)
    figures = of(fault_figures(book.entries(), city, minute(0), minute(30 * H)), "hydro").figures
    assert (figures.failures, figures.restorations, figures.down_s) == (2, 2, 6 * 3600.0)
    assert figures.mtbf_s == pytest.approx(12 * 3600)


def test_maintenance_of_what_is_well_is_neither_up_nor_down(city: City) -> None:
    """In maintenance 20–50; its sensor is silent 10–60, which people did not see: down 10–20 and 50–60 of 70 h.

    The work did not restore it, and what it uncovered is no new failure: one failure, one restoration.
    """
    book = FactBook()
    for hours, body in (
        (10, silent("r1", "rain_mm")),
        (20, DeviceStateChanged(device_id="d1", previous="in_service", state="maintenance", reason="yearly")),
        (50, DeviceStateChanged(device_id="d1", previous="maintenance", state="in_service", reason="done")),
        (60, back("r1", "rain_mm")),
    ):
        book.say(body, hours * H)
    found = fault_figures(book.entries(), city, minute(0), minute(100 * H))
    sensor, device = of(found, "rain_gauge").figures, of(found, "sensor TB-3").figures
    assert (sensor.failures, sensor.restorations, sensor.down_s, sensor.up_s) == (1, 1, 20 * 3600.0, 50 * 3600.0)
    assert (device.failures, device.restorations, device.down_s, device.up_s) == (0, 0, 0.0, 70 * 3600.0)


def test_the_repair_of_what_failed_is_down_time(city: City) -> None:
    """Faulty at 10, in repair from 20, in service again at 50: down 40 h, restored once."""
    book = FactBook()
    for hours, before, after in ((10, "in_service", "faulty"), (20, "faulty", "maintenance"), (50, "", "in_service")):
        book.say(DeviceStateChanged(device_id="d1", previous=before, state=after, reason="r"), hours * H)
    figures = of(fault_figures(book.entries(), city, minute(0), minute(100 * H)), "sensor TB-3").figures
    assert (figures.failures, figures.restorations, figures.down_s, figures.up_s) == (1, 1, 144_000.0, 216_000.0)


def test_a_device_listed_later_counts_from_then(city: City) -> None:
    book = FactBook()
    gateway = Device(device_id="gw", kind="gateway", model="G1", state=DeviceState.IN_SERVICE)
    book.say(DevicesRegistered(devices=(gateway,), reason="new"), 40 * H)
    book.say(DeviceStateChanged(device_id="gw", previous="in_service", state="faulty", reason="no light"), 90 * H)
    figures = of(fault_figures(book.entries(), city, minute(0), minute(100 * H)), "gateway G1").figures
    assert (figures.up_s, figures.down_s, figures.failures) == (50 * 3600.0, 10 * 3600.0, 1)


def test_censored_spells_do_not_flatter_the_repair_time() -> None:
    """Repairs of 100 h on average, seen for 150 h: the mean of the finished ones would say far less."""
    rng = np.random.default_rng(3)
    items, hour = 4000, 3_600_000_000
    begin = (rng.uniform(0, 150, items) * hour).astype(np.int64)
    end = begin + (rng.exponential(100, items) * hour).astype(np.int64)
    spells = down_time(np.arange(items), begin, end, start_us=0, stop_us=150 * hour)
    figures = dependability(spells, np.full(items, 150 * hour))
    finished = (end - begin)[end <= 150 * hour].mean() / hour
    assert figures.mttr_s is not None
    assert figures.mttr_s / 3600 == pytest.approx(100, rel=0.06)
    assert finished < 60


def test_spells_outside_the_window_and_of_no_length_are_nothing() -> None:
    item = np.zeros(4, dtype=np.int64)
    begin, end = np.array([0, 60, 30, 99]), np.array([10, NEVER_US, 30, 120])
    assert down_time(item, begin, end, start_us=10, stop_us=50).shape == (0, 5)
