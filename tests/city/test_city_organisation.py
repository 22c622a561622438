"""Who answers for what: every duty at every place has exactly one accountable role."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rencheng.city import AreaTree, City, Manifest, Organisation, table_from_rows, write_city
from rencheng.city.organisation import DUTIES
from rencheng.kernel import InvalidInput, NotFound

AREAS = [("c", "city", None), ("d1", "district", "c"), ("d2", "district", "c"), ("s1", "street", "d1")]
OFFICES = [
    {"org_id": "cc", "level": "city", "kind": "command", "name": "市指", "area_id": "c"},
    {"org_id": "cw", "parent_id": "cc", "level": "city", "kind": "department", "name": "水务", "name_en": "Water"},
    {"org_id": "dd", "parent_id": "cc", "level": "district", "kind": "command", "name": "区指", "area_id": "d1"},
]
ROLES = [
    {"role_id": "boss", "org_id": "cc", "duty": "commander", "name": "指挥长"},
    {"role_id": "water", "org_id": "cw", "duty": "water_lead", "name": "水务"},
    {"role_id": "water-2", "org_id": "cw", "duty": "water_lead", "name": "水务副"},
    {"role_id": "d-boss", "org_id": "dd", "duty": "commander", "name": "区长"},
    {"role_id": "d-water", "org_id": "dd", "duty": "water_lead", "name": "区水务", "escalate_to": "d-boss"},
]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., City]:
    def build(offices: Any = OFFICES, roles: Any = ROLES, areas: Any = AREAS) -> City:
        manifest = Manifest(
            id="t", name="江城", name_en="t", metric_crs="EPSG:32650", timezone="Asia/Shanghai", jurisdiction="CN"
        )
        rows = {
            "areas": [{"area_id": a, "kind": k, "parent_id": p, "name": a} for a, k, p in areas],
            "organisations": offices,
            "roles": roles,
        }
        tables = {name: table_from_rows(name, r) for name, r in rows.items() if r is not None}
        return write_city(tmp_path / "city", manifest, tables)

    return build


def test_the_nearest_level_that_has_the_duty_answers(make: Callable[..., City]) -> None:
    org = Organisation.of(make())
    assert org.resolve("water_lead", "s1") == "d-water"
    assert org.resolve("water_lead", "d2") == "water", "the lower id where two share a duty"
    assert org.resolve("water_lead", "") == "water"
    assert org.resolve("health_lead", "s1") == "d-boss", "a vacant duty falls to the nearest commander"


def test_every_known_duty_at_every_area_has_one_role(make: Callable[..., City]) -> None:
    org = Organisation.of(make())
    assert all(org.resolve(duty, area) in org.roles for duty in DUTIES for area, _, _ in AREAS)


def test_an_unknown_duty_is_refused(make: Callable[..., City]) -> None:
    with pytest.raises(NotFound, match="unknown duty 'dragon_tamer'"):
        Organisation.of(make()).resolve("dragon_tamer", "c")


def test_escalation_ends_at_the_top_and_never_returns(make: Callable[..., City]) -> None:
    org = Organisation.of(make())
    assert org.escalation_chain("d-water") == ("d-water", "d-boss", "boss")
    assert org.escalation_chain("water") == ("water", "boss")
    for role in org.roles:
        chain = org.escalation_chain(role)
        assert len(chain) == len(set(chain))
        assert org.escalation(chain[-1]) is None


CIRCLES = [
    (
        {"roles": [{**ROLES[0], "escalate_to": "d-boss"}, *ROLES[1:3], {**ROLES[3], "escalate_to": "boss"}, ROLES[4]]},
        "escalation runs in a circle: boss → d-boss → boss",
    ),
    ({"offices": [{**OFFICES[0], "parent_id": "dd"}, *OFFICES[1:]]}, "organisation runs in a circle: cc → dd → cc"),
    ({"areas": [("c", "city", "s1"), *AREAS[1:]]}, "area runs in a circle: c → s1 → d1 → c"),
    ({"offices": [OFFICES[0], {**OFFICES[1], "parent_id": "x"}, OFFICES[2]]}, "'x' is not in organisations"),
    ({"roles": [{**ROLES[0], "escalate_to": "x"}, *ROLES[1:]]}, "'x' is not in roles"),
    ({"roles": [{**ROLES[0], "org_id": "x"}, *ROLES[1:]]}, "role_id 'boss', org_id: organisation 'x'"),
]


@pytest.mark.parametrize(("tables", "message"), CIRCLES, ids=[m[:30] for _, m in CIRCLES])
def test_circles_and_strangers_are_refused_by_name(
    make: Callable[..., City], tables: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        Organisation.of(make(**tables))


def test_a_city_without_organisation_gets_one_command_that_says_so(make: Callable[..., City]) -> None:
    org = Organisation.of(make(offices=None, roles=None))
    assert org.stands_in
    assert org.resolve("water_lead", "s1") == "city-duty-officer"
    assert org.escalation_chain("city-duty-officer") == ("city-duty-officer",)


def test_areas_up_and_down(make: Callable[..., City]) -> None:
    tree = AreaTree.of(make())
    assert tree.at_level(["s1"], "district") == ("d1",)
    assert tree.at_level(["c"], "district") == ("d1", "d2")
    assert tree.at_level(["d2"], "street") == ("d2",), "no streets there: the next level up"
    assert tree.at_level([], "city") == ("c",)
    assert tree.smallest_common(["s1", "d1"]) == "d1"
    assert tree.smallest_common(["s1", "d2"]) == "c"
    assert tree.upward("nowhere") == []
