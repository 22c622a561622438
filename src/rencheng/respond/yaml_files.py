"""Reading a YAML file that a person wrote into a typed value, with the line of whatever is wrong."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec
import yaml

from rencheng.kernel import InvalidConfig

__all__ = ["convert_yaml", "line_of"]

T = TypeVar("T")


def convert_yaml(text: str, kind: type[T], *, where: str) -> T:
    """Parse YAML and check it against a type.

    Raises
    ------
    InvalidConfig
        If it is not YAML or does not fit the type; names file, line and key.
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error)
        raise InvalidConfig(f"not YAML: {problem}", where=f"{where}{line}", mend="Mend the line") from error
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `")
        keys = path.rstrip("`").removeprefix("$").lstrip(".")
        raise InvalidConfig(
            what, where=f"{where} line {line_of(text, keys)}, {keys or 'top'}", mend="See docs/reference/plans.md"
        ) from error


def line_of(text: str, path: str) -> int:
    """Line (from 1) of a key path such as ``steps[2].duty``, or of the nearest thing around it that is there."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 1
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        found = None
        if isinstance(node, yaml.MappingNode) and key:
            found = next(((k, v) for k, v in node.value if k.value == key), None)
        elif isinstance(node, yaml.SequenceNode) and index and int(index) < len(node.value):
            found = (node.value[int(index)], node.value[int(index)])
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line
