"""The same inputs give the same facts: clocks and dice are arguments, never asked for."""

from __future__ import annotations

import ast

import pytest
from tests.style.source_tree import Module, modules

AT_THE_BORDER = {"adapters", "app", "cli", "edge", "web"}
"""Rooms that may know the wall clock: they hand it in as ``now``."""
INSIDE = [m for m in modules() if m.room not in AT_THE_BORDER]
FORBIDDEN_MODULES = {"random", "uuid", "secrets"}
FORBIDDEN_CALLS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "os.urandom",
}
UNSEEDED = {"default_rng", "RandomState", "SeedSequence"}


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of an attribute chain."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def impurities(module: Module) -> list[str]:
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found += [f"{module.at(node)} {a.name}" for a in node.names if a.name.split(".")[0] in FORBIDDEN_MODULES]
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{a.name}" for a in node.names}
            if (node.module or "").split(".")[0] in FORBIDDEN_MODULES or names & FORBIDDEN_CALLS:
                found.append(f"{module.at(node)} {node.module}")
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if ".".join(name.split(".")[-2:]) in FORBIDDEN_CALLS:
                found.append(f"{module.at(node)} {name}()")
            if name.split(".")[-1] in UNSEEDED and not (node.args or node.keywords):
                found.append(f"{module.at(node)} {name}() without a seed")
            if name.startswith(("np.random.", "numpy.random.")) and name.split(".")[-1][0].islower():
                allowed = name.endswith("default_rng") and (node.args or node.keywords)
                found += [] if allowed else [f"{module.at(node)} {name}()"]
    return found


@pytest.mark.parametrize("module", INSIDE, ids=lambda m: m.name)
def test_clocks_and_dice_are_arguments(module: Module) -> None:
    assert not impurities(module), "take `now` or `rng` as an argument; derive ids with derived_id"
