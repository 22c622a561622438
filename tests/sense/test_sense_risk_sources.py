"""SEN-34: every class of lifeline risk sources is watched by at least one rule that exists and can be followed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rencheng.app.risk_sources import city_risk_sources, risk_source_lines
from rencheng.city import City, Manifest, read_city, table_from_rows, write_city
from rencheng.kernel import QUANTITIES, Hazard
from rencheng.sense import default_detection_rules
from rencheng.sense.risk_sources import RiskSourceClass, risk_source_rows, risk_sources
from rencheng.warn import load_rules

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RULES = {rule.rule.id: rule for rule in default_detection_rules().rules}
LISTED = {
    "gas_network", "restaurant_gas", "bridge", "water_supply", "drainage", "underground_municipal", "industry", "crowd",
    "public_facility", "natural_hazard",
}  # fmt: skip
"""The classes that the requirement names."""


def test_every_class_that_the_requirement_names_is_in_the_register() -> None:
    classes = risk_sources().classes
    assert {of.id for of in classes} >= LISTED
    assert len({of.id for of in classes}) == len(classes)


@pytest.mark.parametrize("of", risk_sources().classes, ids=lambda of: of.id)
def test_each_class_has_rules_that_exist_for_quantities_that_exist(of: RiskSourceClass) -> None:
    assert of.name.zh
    assert of.name.en
    assert of.detection or of.hazards
    for name in of.detection:
        assert RULES[name].quantity in QUANTITIES
        kinds = RULES[name].sensor_kinds
        assert not kinds or set(kinds) & set(of.sensor_kinds), f"{name} is for {kinds}, which is no kind of {of.id}"
    warned = load_rules(Path("/nowhere")).in_force("CN", NOW, ZoneInfo("Asia/Shanghai"))
    assert set(of.hazards) <= set(warned)
    assert set(of.hazards) <= set(Hazard)


def test_a_sensor_counts_for_the_classes_that_its_kind_and_quantity_belong_to(tmp_path: Path) -> None:
    place = {"lon": 121.5, "lat": 31.2}
    sensors = [
        {"sensor_id": "k1", "kind": "restaurant_gas", **place},
        {"sensor_id": "b1", "kind": "bridge", **place},
        {"sensor_id": "m1", "kind": "manhole", **place},
    ]
    channels = [
        {"sensor_id": "k1", "quantity": "methane_ratio_lel"},
        {"sensor_id": "b1", "quantity": "displacement_m"},
        {"sensor_id": "b1", "quantity": "air_temperature_c"},
        {"sensor_id": "m1", "quantity": "tilt_deg"},
    ]
    manifest = Manifest(
        id="t", name="T", name_en="T", metric_crs="EPSG:32651", timezone="Asia/Shanghai", jurisdiction="CN"
    )
    tables = {"sensors": table_from_rows("sensors", sensors), "channels": table_from_rows("channels", channels)}
    city = write_city(tmp_path / "city", manifest, tables)
    rows = {row.source.id: row for row in risk_source_rows(city, default_detection_rules(), ())}
    assert (rows["restaurant_gas"].sensors, rows["restaurant_gas"].channels) == (1, 1)
    assert (rows["bridge"].sensors, rows["bridge"].channels) == (1, 1)
    assert (rows["underground_municipal"].sensors, rows["underground_municipal"].channels) == (1, 1)
    assert (rows["drainage"].sensors, rows["drainage"].channels) == (1, 0)
    assert rows["crowd"].sensors == 0
    assert rows["natural_hazard"].rules == ("stage_odd",)


def test_the_sandbox_city_watches_its_water_and_says_what_it_does_not_watch(sandbox_city: Path) -> None:
    city: City = read_city(sandbox_city)
    rows = {row.source.id: row for row in city_risk_sources(city, NOW)}
    assert all(row.rules for row in rows.values())
    for name in ("water_supply", "drainage", "natural_hazard"):
        assert rows[name].sensors > 0
    assert rows["natural_hazard"].rules == ("stage_odd", "rainstorm", "river_flood")
    assert list(risk_source_lines(city, NOW))[-1].startswith("12 classes, 12 with a rule")


def test_the_page_names_every_class_and_rule() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "risk-sources.md").read_text(encoding="utf-8")
    for of in risk_sources().classes:
        assert of.name.zh in page
        assert all(f"`{name}`" in page for name in (*of.detection, *of.sensor_kinds))
