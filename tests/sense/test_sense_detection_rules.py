"""Detection rules as data: those that ship are whole, a city's own go before them, and a wrong key is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from rencheng.kernel import InvalidConfig, NotFound
from rencheng.sense import Channel, default_detection_rules, detection_rules_of, read_detection_rules
from rencheng.sense.detection import DetectionDesk

MINUTE = 60_000_000


def written(tmp_path: Path, **changes: object) -> Path:
    rule = {
        "id": "hot",
        "quantity": "air_temperature_c",
        "hazard": "heat",
        "name": {"zh": "高温", "en": "heat"},
        "kind": "threshold",
        "levels": {"yellow": 35, "red": 40},
        "source": "test",
        **changes,
    }
    head = {"id": "x", "version": "1", "jurisdiction": "CN", "valid_from": "2026-01-01", "source": "test"}
    path = tmp_path / "detection-rules.yaml"
    path.write_text(
        yaml.safe_dump({**head, "rules": [{k: v for k, v in rule.items() if v is not None}]}), encoding="utf-8"
    )
    return path


def test_the_rules_that_ship_say_whose_they_are_and_speak_both_languages() -> None:
    rules = default_detection_rules()
    assert rules.jurisdiction == "CN"
    assert rules.valid_from
    for rule in rules.rules:
        assert rule.source
        assert rule.name.zh
        assert rule.name.en
        assert rule.tell in {"signal", "maintenance", "record"}


def test_a_city_has_its_own_rules_where_the_file_lies_in_its_folder(tmp_path: Path) -> None:
    assert detection_rules_of(tmp_path) is default_detection_rules()
    written(tmp_path)
    assert [rule.rule.id for rule in detection_rules_of(tmp_path).rules] == ["hot"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"quantity": "mood"}, "unknown quantity 'mood'"),
        ({"quantity": None}, "missing required field `quantity`"),
        ({"lvels": {}}, "unknown key 'lvels'"),
        ({"levels": {"yellow": "hot"}}, r"Expected `float`, got `str`"),
        ({"tell": "everybody"}, "tell 'everybody' is not known"),
        ({"name": "heat"}, "Expected `object`, got `str`"),
        ({"kind": "oracle"}, "kind 'oracle' is not known"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named_with_its_file_and_id(
    tmp_path: Path, change: dict[str, object], what: str
) -> None:
    with pytest.raises(InvalidConfig, match=what) as refused:
        read_detection_rules(written(tmp_path, **change))
    assert "detection-rules.yaml" in str(refused.value)
    assert "hot" in str(refused.value)
    assert refused.value.mend


def test_a_file_that_holds_no_rules_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "detection-rules.yaml"
    with pytest.raises(NotFound):
        read_detection_rules(path)
    path.write_text("rules: [", encoding="utf-8")
    with pytest.raises(InvalidConfig, match="not YAML"):
        read_detection_rules(path)
    path.write_text("id: x", encoding="utf-8")
    with pytest.raises(InvalidConfig, match="there is no list of rules"):
        read_detection_rules(path)


def test_a_rule_for_a_kind_of_sensor_goes_before_one_for_all() -> None:
    rules = default_detection_rules()
    named = [rules.rules[k].rule.id for k in rules.places_for("tilt_deg", "manhole")]
    others = [rules.rules[k].rule.id for k in rules.places_for("tilt_deg", "building")]
    assert (named, others) == (["manhole_moved"], ["structure_tilt"])


def gauges(desk: DetectionDesk, n: int) -> None:
    for k in range(n):
        desk.add(listed(k))


def listed(k: int) -> Channel:
    return Channel(sensor_id=f"g{k}", quantity="stage_m", interval_s=60.0, lon=121.0 + 0.01 * k, lat=31.0)


def stages(broken: tuple[int, ...], minutes: int, begin: int, seed: int) -> tuple[np.ndarray, ...]:
    """Six gauges a kilometre apart for some days; from ``begin`` on some of them read two metres more."""
    rng = np.random.default_rng(seed)
    minute = np.repeat(np.arange(minutes), 6)
    gauge = np.tile(np.arange(6), minutes)
    value = 2.0 + 0.3 * np.sin(minute / 1440 * 2 * np.pi) + rng.normal(0, 0.02, len(minute))
    value[np.isin(gauge, broken) & (minute >= begin) & (minute < begin + 240)] += 2.0
    order = np.lexsort((minute, gauge))
    return gauge[order], 1_780_000_000_000_000 + minute[order] * MINUTE, value[order], np.zeros(len(order), np.uint16)


@pytest.mark.parametrize(
    ("who", "kinds"),
    [((2,), {"sensor_fault"}), ((0, 1, 2, 3, 4, 5), {"baseline"}), ((1, 2, 3), {"baseline"})],
)
def test_neighbours_tell_a_broken_gauge_from_a_flood(who: tuple[int, ...], kinds: set[str]) -> None:
    desk = DetectionDesk(default_detection_rules(), [listed(k) for k in range(6)])
    gauges(desk, 6)
    rows = desk.table(desk.take(*stages(who, 5 * 1440, 4 * 1440, 1))).to_pylist()
    assert {row["kind"] for row in rows} == kinds
    assert {row["sensor_id"] for row in rows} == {f"g{k}" for k in who}
    for row in rows:
        if row["state"] == "raised":
            assert row["confidence"] > 0.8
    assert [row["state"] for row in rows].count("raised") == len(who)


def test_a_gauge_without_neighbours_is_believed() -> None:
    desk = DetectionDesk(default_detection_rules(), [listed(2)])
    gauges(desk, 6)
    rows = desk.table(desk.take(*stages((2,), 5 * 1440, 4 * 1440, 1))).to_pylist()
    assert {row["kind"] for row in rows} == {"baseline"}
