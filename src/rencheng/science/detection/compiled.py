"""How the rule detectors are compiled: kept on disk, and forgotten when any of their sources has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

__all__ = ["inner", "kernel"]

_SOURCES = ("arrays.py", "baseline.py", "change_point.py", "step.py")


@cache
def _sources() -> str:
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in _SOURCES)).hexdigest()


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a loop over readings and keep it on disk.

    numba looks only at the age of the file that a function stands in; a detector called from another file would go on
    by yesterday's rules. So the stamp of what is kept holds a digest of all sources.
    """
    compiled: Any = numba.njit(cache=True, error_model="numpy")(function)
    index = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if index is None or not hasattr(index, "_source_stamp"):  # another numba: better slow than stale
        return numba.njit(error_model="numpy")(function)
    index._source_stamp = (index._source_stamp, _sources())  # noqa: SLF001 — numba offers no other way
    return compiled


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function that such a loop calls, as part of it."""
    return numba.njit(error_model="numpy")(function)
