"""The GPU says what the processor says: shown in numba's simulator here, and on the card where there is one."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from rencheng.kernel.errors import InvalidInput
from rencheng.science.flood import simulate
from rencheng.science.flood.boundary import FreeFlow, Stage

COMPARE = """
import json
import numpy as np
from rencheng.science.flood import simulate
from rencheng.science.flood.boundary import FreeFlow, Stage

generator = np.random.default_rng(7)
bed = generator.random((4, 9)) * 0.8
depth = np.where(bed < 0.4, 0.5 - bed, 0.0)
crest_x, crest_y = np.full((4, 10), np.nan), np.full((5, 9), np.nan)
crest_x[1:3, 5] = 1.5
sides = {"east": FreeFlow(slope=0.01), "west": Stage(times_s=np.array([0.0]), level_m=np.array([0.9]))}
cases = {
    "rain": dict(rain_mm_h=80.0, depth_m=depth, walls=(crest_x, crest_y)),
    "edge": dict(boundary=sides, depth_m=depth, inflows=[(bed < 0.1, [0.0, 100.0], [1.0, 1.0])]),
}
out = []
for scheme in ("shallow_water", "local_inertial"):
    for (name, case), dtype in zip(cases.items(), (np.float32, np.float64)):
        given = dict(scheme=scheme, dtype=dtype, max_steps=3, arrival_depth_m=0.1) | case
        gpu, cpu = (simulate(bed, 2.0, 30.0, device=device, **given) for device in ("cuda", "cpu"))
        fields = ("depth_m", "velocity_x_m_s", "velocity_y_m_s", "peak_depth_m", "duration_s")
        apart = max(float(np.abs(getattr(gpu, f) - getattr(cpu, f)).max()) for f in fields)
        apart = max(apart, float(np.abs(np.nan_to_num(gpu.arrival_s) - np.nan_to_num(cpu.arrival_s)).max()))
        out.append(dict(case=f"{scheme} {name}", apart=apart, error=gpu.volume_error_ratio, steps=gpu.steps,
                        moved=float(np.abs(gpu.depth_m - depth).max()), low=float(gpu.depth_m.min())))
print(json.dumps(out))
"""


def test_the_kernels_say_what_the_processor_says() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMPARE],
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert len(results) == 4
    for one in results:
        assert one["apart"] <= 1e-5, one
        assert abs(one["error"]) <= 1e-12, one
        assert one["steps"] == 3
        assert one["moved"] > 1e-4, one
        assert one["low"] >= 0.0


def _card() -> str:
    """Why there is no card to test on; empty where there is one."""
    from rencheng.science.flood.cuda_device import cuda

    return "" if cuda.is_available() else "no CUDA device answers here"


def test_without_a_card_the_refusal_says_what_to_do() -> None:
    if not _card():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(InvalidInput, match=r"no CUDA device.*device='cpu'.*rencheng\[gpu\]"):
        simulate(np.zeros((4, 4)), 1.0, 1.0, device="cuda")


@pytest.mark.parametrize("scheme", ["shallow_water", "local_inertial"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_card_says_what_the_processor_says(scheme: Any, dtype: Any) -> None:
    if why := _card():
        pytest.skip(why)
    bed = np.random.default_rng(1).random((300, 500)) * 2.0
    sides = {"east": FreeFlow(slope=0.01), "west": Stage(times_s=np.array([0.0]), level_m=np.array([1.5]))}
    given: dict[str, Any] = {"scheme": scheme, "dtype": dtype, "rain_mm_h": 80.0, "boundary": sides}
    gpu, cpu = (simulate(bed, 2.0, 120.0, device=device, **given) for device in ("cuda", "cpu"))
    assert np.abs(gpu.depth_m - cpu.depth_m).max() <= 1e-3
    assert np.abs(gpu.depth_m - cpu.depth_m).mean() <= 1e-5
    assert abs(gpu.volume_error_ratio) <= 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_kernels_compile_for_hopper(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("numba_cuda") is None:
        pytest.skip("the extra 'gpu' (numba-cuda and its compiler) is not installed")
    from numba import float32, float64, from_dtype, int8, int64, types, uint8

    from rencheng.science.flood.cuda_device import cuda
    from rencheng.science.flood.cuda_inertial import inertial_kernel
    from rencheng.science.flood.cuda_shallow import shallow_kernel

    class Hopper:
        compute_capability = (9, 0)

    monkeypatch.setattr(cuda.dispatcher, "get_current_device", lambda: Hopper)

    def grid(kind: Any, dimensions: int = 2) -> Any:
        return types.Array(kind, dimensions, "C")

    real, index = from_dtype(np.dtype(dtype)), grid(int64, 1)
    ground = (grid(float64), grid(float64), grid(float64))
    sky = (grid(real), grid(float64), index, index, grid(uint8))
    state = (grid(float64), grid(real), grid(real))
    kept = (grid(float32),) * 3 + (grid(uint8),) * 2 + (grid(float64, 1),)
    sides = (grid(int8), grid(int8), grid(float64, 3), grid(float64, 3))
    ramps = (grid(float32), grid(float32))
    inertial = (float64,) * 6 + (types.boolean, grid(real, 1), *state, *ground, *sky, *state, *kept)
    shallow = (float64,) * 4 + (types.boolean, grid(real, 1), *state, *ground, *ramps, *sky, *sides, *state, *kept)
    for made, signature in ((inertial_kernel, inertial), (shallow_kernel, shallow)):
        text, _ = cuda.compile_ptx(made(np.dtype(dtype)).py_func, signature, cc=(9, 0))
        assert ".target sm_90" in text
