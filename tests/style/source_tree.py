"""The source of Rencheng as syntax trees, read once for all style tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "rencheng"


class Module(NamedTuple):
    """One source file: dotted name, path, syntax tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        """Second part of the dotted name; empty for the root package."""
        return [*self.name.split("."), ""][1]

    def at(self, node: ast.AST) -> str:
        """Where a node stands, as editors open it."""
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package, sorted by path."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, path, ast.parse(path.read_text(encoding="utf-8"))))
    return tuple(found)


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public_definitions(tree: ast.Module) -> Iterator[Definition]:
    """Functions and classes of a module without a leading underscore."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node


def bound_names(tree: ast.Module) -> set[str]:
    """Names that the module binds at its top level: definitions, assignments, imports."""
    names: set[str] = set()
    for node in ast.walk(ast.Module(body=_outside_functions(tree), type_ignores=[])):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names | {node.name for node in tree.body if isinstance(node, Definition)}


def _outside_functions(tree: ast.Module) -> list[ast.stmt]:
    return [node for node in tree.body if not isinstance(node, Definition)]


def exported(tree: ast.Module) -> list[str] | None:
    """Content of ``__all__``, or None where there is none."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
                names: list[str] = ast.literal_eval(node.value)
                return names
    return None
