"""Whether there is a GPU to compute on, how its kernels are compiled, and what the kernels of both schemes share.

Numba compiles the same scalar Python for processor and GPU. Where the package ``numba-cuda`` is installed (the extra
``gpu``) it takes the place of the CUDA target that numba brings along. With ``NUMBA_ENABLE_CUDASIM=1`` the kernels run
in numba's simulator, thread by thread in Python: slow, but it shows that they say the same as the processor's.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import config

from rencheng.kernel.errors import InvalidInput

__all__ = [
    "AWAKE",
    "SIMULATED",
    "SLOTS",
    "TILE_X",
    "TILE_Y",
    "cuda",
    "deepest_of_block",
    "device_function",
    "inverse_cube_root",
    "keep_records",
    "kernel",
    "require_cuda",
    "tile_is_awake",
]

cuda: Any = importlib.import_module("numba.cuda")
"""Numba's CUDA target, which has no types of its own."""

SIMULATED = bool(getattr(config, "ENABLE_CUDASIM", 0))
"""Whether kernels run in the simulator."""

TILE_X, TILE_Y = (4, 2) if SIMULATED else (32, 8)
"""Cells of a tile, one thread each: a row of 32 is read in one piece."""

AWAKE = 3
"""Steps that a tile stays awake after it held moving water: until both sets of arrays say that it is still."""

SLOTS = 1024
"""Places in which blocks leave their largest depth or speed, so that they do not queue for one."""

_THREADS = TILE_X * TILE_Y


def kernel(function: Callable[..., None]) -> Any:
    """Compile a kernel; IEEE arithmetic, nothing reordered."""
    return cuda.jit(function)


def device_function(function: Callable[..., Any]) -> Any:
    """Compile a scalar function for use inside kernels."""
    return cuda.jit(device=True)(function)


def _inverse_cube_root_simulated(value: Any) -> Any:
    return np.float32(value) ** np.float32(-1.0 / 3.0)


def _inverse_cube_root_device(value: Any) -> Any:
    return cuda.libdevice.rcbrtf(np.float32(value))


inverse_cube_root = device_function(_inverse_cube_root_simulated if SIMULATED else _inverse_cube_root_device)
"""``value ** (-1/3)`` to float32 rounding, as on the processor."""


@device_function
def tile_is_awake(awake: Any, row: Any, column: Any) -> bool:
    """Whether a tile or one of the eight about it holds moving water, or did a few steps ago."""
    found = False
    for j in range(max(row - 1, 0), min(row + 2, awake.shape[0])):
        for i in range(max(column - 1, 0), min(column + 2, awake.shape[1])):
            found = found or awake[j, i] != 0
    return found


@device_function
def keep_records(
    depth: Any, j: Any, i: Any, now_s: Any, step_s: Any, deep_m: Any, peak: Any, arrival: Any, spell: Any
) -> None:
    """Keep the highest depth, the first time a depth was reached and how long it lasted."""
    h = np.float32(depth)
    peak[j, i] = max(peak[j, i], h)
    if h >= np.float32(deep_m):
        arrival[j, i] = min(arrival[j, i], np.float32(now_s))
        spell[j, i] += np.float32(step_s)


@device_function
def deepest_of_block(values: Any, t: Any) -> Any:
    """Largest of the numbers that the threads of a block left in shared memory."""
    cuda.syncthreads()
    width = _THREADS // 2
    while width > 0:
        if t < width:
            values[t] = max(values[t], values[t + width])
        cuda.syncthreads()
        width //= 2
    return values[0]


def require_cuda() -> None:
    """Refuse to go on without a GPU.

    Raises
    ------
    InvalidInput
        Where no CUDA device answers; the message says what to do.
    """
    if cuda.is_available():
        return
    raise InvalidInput(
        "no CUDA device was found",
        where="device",
        mend="Use device='cpu', or check 'nvidia-smi' and install the extra: pip install 'rencheng[gpu]'",
    )
