"""How the flood kernels are compiled: without the interpreter lock, cached, IEEE arithmetic without reordering."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numba

__all__ = ["KERNEL", "SCALAR", "inlined", "kernel", "row_kernel"]

KERNEL: Final[dict[str, Any]] = {"cache": True, "nogil": True, "error_model": "numpy"}
"""Options of a kernel over rows. No ``fastmath``: a flux that two neighbouring strips both work out
must come out with the same bits, or water would be lost between them; and not-a-number must stay visible. (Fused
multiply-add was tried: no faster, the loops wait for square roots and divisions.)"""

ROW_KERNEL: Final[dict[str, Any]] = KERNEL | {"_nrt": False}
"""The same for kernels that allocate nothing: views of rows are not counted, and two threads do not fight for the
counters (a fifth of the time, when it was measured)."""

SCALAR: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy", "forceinline": True}
"""Options of a function of one face or cell, inlined into the loop that calls it so that the loop vectorises."""


@cache
def _sources() -> str:
    """Digest of all sources of kernels in this folder."""
    folder = Path(__file__).parent
    texts = (path.read_bytes() for path in sorted(folder.glob("*.py")))
    return hashlib.sha256(b"".join(text for text in texts if b"njit" in text or b"kernel" in text)).hexdigest()


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel, and forget what was compiled when any kernel's source has changed.

    numba keeps compiled functions on disk and looks only at the age of the file a function stands in. A kernel that
    calls one in another file would go on with the old one, and water would run by yesterday's rules. So the stamp of
    the cache holds a digest of all kernels' sources too.
    """
    return _stamped(function, KERNEL)


def row_kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel that takes rows or views of grids and allocates nothing."""
    return _stamped(function, ROW_KERNEL)


def _stamped(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    compiled: Any = numba.njit(**options)(function)
    index = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if index is None or not hasattr(index, "_source_stamp"):  # another numba: better slow than stale
        return numba.njit(**{**options, "cache": False})(function)
    index._source_stamp = (index._source_stamp, _sources())  # noqa: SLF001  numba offers no other way
    return compiled


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function of one face or cell into the kernels that call it."""
    return numba.njit(**SCALAR)(function)
