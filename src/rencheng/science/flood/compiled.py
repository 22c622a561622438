"""How the flood kernels are compiled: without the interpreter lock, cached, IEEE arithmetic without reordering."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["KERNEL", "SCALAR"]

KERNEL: Final[dict[str, Any]] = {"cache": True, "nogil": True, "error_model": "numpy"}
"""Options of a kernel over rows. No ``fastmath``: a flux that two neighbouring strips both work out
must come out with the same bits, or water would be lost between them; and not-a-number must stay visible. (Fused
multiply-add was tried: no faster, the loops wait for square roots and divisions.)"""

SCALAR: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy", "forceinline": True}
"""Options of a function of one face or cell, inlined into the loop that calls it so that the loop vectorises."""
