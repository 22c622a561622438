"""Facts and orders are named for what they are, and their physical fields carry their unit."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from tests.style.source_tree import Module, modules

FACT_MODULES = [m for m in modules() if m.path.name == "facts.py" and m.room != "kernel"]
ORDER_MODULES = [m for m in modules() if m.path.name == "orders.py" and m.room != "kernel"]

UNIT = re.compile(
    r"_(m|mm|cm|km|m2|km2|m3|s|min|h|d|m_s|km_h|m3_s|mm_h|m_h|per_h|per_km2|c|k|pa|hpa|w|kw|kwh|kg|t|l|deg|cny|ratio|prob)$"
)
WITHOUT_UNIT = {
    "lon": "degrees, EPSG:4326, everywhere",
    "lat": "degrees, EPSG:4326, everywhere",
    "value": "SI unit of the quantity or `unit` field beside it",
    "threshold": "same unit as the value beside it",
    "observed": "SI unit of the quantity field beside it",
    "median": "SI unit of the forecast's quantity",
    "low": "SI unit of the forecast's quantity",
    "high": "SI unit of the forecast's quantity",
    "needed": "the `unit` field beside it",
    "available": "the `unit` field beside it",
    "quantity": "the `unit` field beside it",
    "score": "dimensionless, defined by its rule",
    "index": "dimensionless, defined by its rule",
    "missed_intervals": "a count of expected intervals, with its fraction",
    "vulnerable_residents": "people (expected number)",
    "residents_exposed": "people (expected number)",
    "vulnerable_exposed": "people (expected number)",
    "residents_affected": "people (expected number)",
    "polygon": "rings of lon/lat in degrees",
    "route": "points of lon/lat in degrees",
    "before": "weights, shares of 1",
    "after": "weights, shares of 1",
    "parameters": "a scenario's own names, which carry the unit",
    "weights": "shares of 1",
    "wanted": "each item's own unit: bags, pumps, boats, people",
    "stock": "each item's own unit: bags, pumps, boats, people",
    "short": "each item's own unit: bags, pumps, boats, people",
    "pod": "probability of detection, as the field calls it",
    "far": "false alarm ratio, as the field calls it",
    "csi": "critical success index, as the field calls it",
    "brier": "Brier score, as the field calls it",
    "reliability": "probabilities, frequencies and counts",
    "residents": "people (expected number)",
    "avoided_residents": "people (expected number)",
}


def decorator_arguments(node: ast.ClassDef, name: str) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == name:
            yield ast.literal_eval(decorator.args[0])


def classes(module: Module) -> list[ast.ClassDef]:
    return [node for node in module.tree.body if isinstance(node, ast.ClassDef)]


@pytest.mark.parametrize("module", FACT_MODULES, ids=lambda m: m.name)
def test_physical_fields_carry_their_unit(module: Module) -> None:
    bare = [
        f"{module.at(field)} {cls.name}.{field.target.id}"
        for cls in classes(module)
        for field in cls.body
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and re.search(r"\bfloat\b", ast.unparse(field.annotation))
        and not UNIT.search(field.target.id)
        and field.target.id not in WITHOUT_UNIT
        and not field.target.id.endswith("_prob")
    ]
    assert not bare, "end the name with its unit, or give the reason in WITHOUT_UNIT"


@pytest.mark.parametrize(
    ("module", "decorator"), [*((m, "fact") for m in FACT_MODULES), *((m, "order") for m in ORDER_MODULES)]
)
def test_the_class_has_the_name_it_is_registered_under(module: Module, decorator: str) -> None:
    wrong = [
        f"{module.at(cls)} {cls.name} is registered as {kind}"
        for cls in classes(module)
        for kind in decorator_arguments(cls, decorator)
        if kind != cls.name
    ]
    assert not wrong, "a renamed class must say so here: keep the registered name and rename the class back"


@pytest.mark.parametrize("module", [*FACT_MODULES, *ORDER_MODULES], ids=lambda m: m.name)
def test_facts_and_orders_are_frozen_slotted_and_by_keyword(module: Module) -> None:
    wanted = {"frozen": True, "slots": True, "kw_only": True}
    loose = []
    for cls in classes(module):
        for decorator in cls.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "dataclass":
                given = {k.arg: ast.literal_eval(k.value) for k in decorator.keywords}
                loose += [] if wanted.items() <= given.items() else [f"{module.at(cls)} {cls.name}"]
    assert not loose


def test_no_two_facts_share_a_name() -> None:
    seen: dict[str, str] = {}
    for module in FACT_MODULES:
        for cls in classes(module):
            for kind in decorator_arguments(cls, "fact"):
                assert kind not in seen, f"{module.at(cls)}: {kind} is already registered at {seen[kind]}"
                seen[kind] = module.at(cls)
