"""What a package exports is what it says it exports, and everything public says what it means."""

from __future__ import annotations

import ast
import re

import pytest
from tests.style.source_tree import Module, bound_names, exported, modules, public_definitions

MODULES = modules()
PACKAGES = [m for m in MODULES if m.path.name == "__init__.py" and m.room]
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc", "base2", "stuff"}


def reading_order(name: str) -> tuple[int, list[tuple[int, int | str]]]:
    """Constants, then classes, then functions; numbers by value (as ruff's RUF022 sorts)."""
    rank = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return rank, [(0, int(p)) if p.isdigit() else (1, p) for p in re.split(r"(\d+)", name)]


@pytest.mark.parametrize("module", [m for m in MODULES if exported(m.tree) is not None], ids=lambda m: m.name)
def test_exports_exist_and_are_sorted(module: Module) -> None:
    names = exported(module.tree) or []
    assert names == sorted(dict.fromkeys(names), key=reading_order), f"{module.path}: sort __all__, each name once"
    lazy = any(d.name == "__getattr__" for d in module.tree.body if isinstance(d, ast.FunctionDef))
    if not lazy:
        assert set(names) <= bound_names(module.tree), f"{module.path}: __all__ names what is not there"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda m: m.name)
def test_what_a_package_imports_for_others_it_exports(package: Module) -> None:
    imported = {
        alias.asname or alias.name
        for node in package.tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package.name)
        for alias in node.names
        if not alias.name.startswith("_")
    }
    assert imported <= set(exported(package.tree) or []), f"{package.path}: imported from within, but not in __all__"


def test_what_others_import_is_exported() -> None:
    exports = {m.name: exported(m.tree) for m in MODULES}
    hidden = [
        f"{module.at(node)} takes {alias.name} from {node.module}"
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and exports.get(node.module or "") is not None
        for alias in node.names
        if alias.name not in (exports[node.module or ""] or []) and f"{node.module}.{alias.name}" not in exports
    ]
    assert not hidden, "name it in the __all__ of its module:\n" + "\n".join(hidden)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_everything_public_says_what_it_means(module: Module) -> None:
    mute = [module.at(module.tree)] if ast.get_docstring(module.tree) is None else []
    for definition in public_definitions(module.tree):
        if ast.get_docstring(definition) is None:
            mute.append(f"{module.at(definition)} {definition.name}")
        if isinstance(definition, ast.ClassDef):
            mute.extend(
                f"{module.at(node)} {definition.name}.{node.name}"
                for node in definition.body
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and not node.name.startswith("_")
                and ast.get_docstring(node) is None
            )
    assert not mute, f"no docstring: {mute}"


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = [m.name for m in MODULES if FORBIDDEN_NAMES & set(m.name.split("."))]
    assert not drawers, "name a file for what it holds"
