"""What must hold of water on any ground: its volume, its symmetry, its rest. Small grids, many of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rencheng.science.flood import FloodResult, FreeFall, FreeFlow, Stage, Transfers, simulate

few = settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
orders = pytest.mark.parametrize("order", [1, 2])


def ground(seed: int, shape: tuple[int, int] = (12, 17), relief_m: float = 1.5) -> np.ndarray:
    """Rough ground: noise, a plane and a block."""
    rng = np.random.default_rng(seed)
    ny, nx = shape
    bed: np.ndarray = relief_m * rng.random(shape) + 0.1 * np.arange(nx) + 0.05 * np.arange(ny)[:, None]
    bed[ny // 3 : ny // 2, nx // 3 : nx // 2] += 3.0
    return bed


def puddles(seed: int, shape: tuple[int, int] = (12, 17)) -> np.ndarray:
    """Water on some cells."""
    rng = np.random.default_rng(seed + 1)
    return np.where(rng.random(shape) < 0.4, 1.2 * rng.random(shape), 0.0)


@orders
@few
@given(seed=st.integers(0, 10_000), dtype=st.sampled_from(["float32", "float64"]), rain=st.floats(0, 300))
def test_water_is_neither_made_nor_lost(order: Literal[1, 2], seed: int, dtype: str, rain: float) -> None:
    bed = ground(seed)
    edge: dict[str, Any] = {"east": FreeFlow(slope=0.01), "north": FreeFall(), "west": _tide()}
    tap = np.zeros(bed.shape, dtype=bool)
    tap[2:4, 3] = True
    result = simulate(
        bed, 2.0, 60.0, depth_m=puddles(seed), rain_mm_h=rain, order=order, dtype=dtype, boundary=edge,
        inflows=[(tap, [0.0, 30.0, 60.0], [0.0, 4.0, -2.0])], exchanges=[_Siphon(bed.shape)],
    )  # fmt: skip
    assert not result.stopped
    assert abs(result.volume_error_ratio) < 1e-12
    assert result.depth_m.min() >= 0.0


def _tide() -> Stage:
    return Stage(times_s=np.array([0.0, 60.0]), level_m=np.array([0.5, 1.5]))


class _Siphon:
    """Asks for more water than there is, from two cells into one and out of the domain."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.cells = np.array([0, 5, shape[1] + 3])
        self.got = 0.0

    def exchange(self, time_s: float, step_s: float, surface: object) -> Transfers:  # noqa: ARG002  the protocol's
        return Transfers(
            from_cells=self.cells[[0, 0, 1]], to_cells=np.array([-1, self.cells[2], self.cells[2]]),
            volume_m3=np.array([0.5, 0.5, 0.3]) * step_s,
        )  # fmt: skip

    def moved(self, volume_m3: np.ndarray) -> None:
        self.got += float(volume_m3.sum())


@orders
@few
@given(seed=st.integers(0, 10_000), level=st.floats(0.3, 2.5))
def test_still_water_over_rough_ground_stays_still(order: Literal[1, 2], seed: int, level: float) -> None:
    bed = ground(seed)
    depth = np.maximum(level - bed, 0.0)
    result = simulate(bed, 2.0, 120.0, depth_m=depth, manning=0.0, order=order)
    assert np.abs(result.depth_m - depth).max() <= 1e-12
    assert np.abs(result.velocity_x_m_s).max() <= 1e-11
    assert np.array_equal(result.depth_m > 0, depth > 0)


SYMMETRIES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "turn": np.rot90,
    "half turn": lambda a: np.rot90(a, 2),
    "turn back": lambda a: np.rot90(a, 3),
    "east for west": lambda a: a[:, ::-1],
    "north for south": lambda a: a[::-1],
    "diagonal": lambda a: a.T,
    "other diagonal": lambda a: a[::-1, ::-1].T,
}


@orders
@pytest.mark.parametrize("name", SYMMETRIES)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_turned_or_mirrored_world_floods_alike(order: Literal[1, 2], name: str, seed: int) -> None:
    turn = SYMMETRIES[name]
    bed, depth = ground(seed), puddles(seed)

    def run(z: np.ndarray, h: np.ndarray) -> FloodResult:
        return simulate(z, 2.0, 12.0, depth_m=h, rain_mm_h=100.0, order=order, boundary="open")

    straight, turned = run(bed, depth), run(turn(bed), turn(depth))
    assert straight.steps == turned.steps
    assert np.abs(turn(straight.depth_m) - turned.depth_m).max() < 1e-9


@orders
@few
@given(seed=st.integers(0, 10_000))
def test_no_water_appears_where_none_can_flow(order: Literal[1, 2], seed: int) -> None:
    """Water at rest has the head of its highest surface and can climb no higher than that."""
    bed = ground(seed, relief_m=3.0)
    depth = puddles(seed)
    head = float((bed + depth)[depth > 0].max())
    result = simulate(bed, 2.0, 30.0, depth_m=depth, order=order)
    assert (result.peak_depth_m[bed > head] == 0).all()
    assert (simulate(bed, 2.0, 30.0, order=order).peak_depth_m == 0).all()


@orders
@few
@given(seed=st.integers(0, 10_000), rain=st.floats(5, 120))
def test_more_rain_means_higher_water(order: Literal[1, 2], seed: int, rain: float) -> None:
    """The mean peak over the ground rises with the rain (single cells may trade waves)."""
    bed = ground(seed)
    less = simulate(bed, 2.0, 300.0, rain_mm_h=rain, order=order)
    more = simulate(bed, 2.0, 300.0, rain_mm_h=1.5 * rain, order=order)
    assert more.peak_depth_m.mean() > less.peak_depth_m.mean()
    pools = less.depth_m > 0.02
    assert (more.peak_depth_m >= less.peak_depth_m - 0.002)[pools].all()


@orders
def test_finer_cells_come_closer_to_the_truth(order: Literal[1, 2]) -> None:
    """A smooth hump of water that spreads: each halving of the cells brings the outcome nearer to the finest one."""

    def spread(n: int) -> np.ndarray:
        x = (np.arange(n) + 0.5) / n * 40.0 - 20.0
        hump = 1.0 + 0.5 * np.exp(-((x / 4.0) ** 2)) * np.ones((3, 1))
        result = simulate(np.zeros((3, n)), 40.0 / n, 2.5, depth_m=hump, manning=0.0, order=order)
        return np.asarray(result.depth_m[1])

    truth = spread(640)
    errors = [float(np.abs(spread(n) - truth.reshape(n, -1).mean(axis=1)).mean()) for n in (20, 40, 80, 160)]
    rates = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert (rates > (0.5 if order == 1 else 1.2)).all(), (errors, rates)


@few
@given(seed=st.integers(0, 10_000))
def test_threads_do_not_change_a_byte(seed: int) -> None:
    bed, depth = ground(seed, (300, 260)), puddles(seed, (300, 260))
    one, two = (simulate(bed, 2.0, 4.0, depth_m=depth, rain_mm_h=40.0, order=2, threads=threads) for threads in (1, 2))
    assert one.depth_m.tobytes() == two.depth_m.tobytes()
    assert one.velocity_x_m_s.tobytes() == two.velocity_x_m_s.tobytes()


@orders
@few
@given(seed=st.integers(0, 10_000))
def test_strips_and_dry_stretches_do_not_change_the_water(order: Literal[1, 2], seed: int) -> None:
    """A pond in a wide dry plain floods as it does on a raster cut close around it."""
    bed, depth = ground(seed), puddles(seed)
    wide_bed = np.full((260, 330), 30.0)
    wide_depth = np.zeros(wide_bed.shape)
    for a, wide in ((bed, wide_bed), (depth, wide_depth)):
        wide[122:134, 120:137] = a
    near = simulate(np.pad(bed, 1, constant_values=30.0), 2.0, 20.0, depth_m=np.pad(depth, 1), order=order)
    far = simulate(wide_bed, 2.0, 20.0, depth_m=wide_depth, order=order)
    assert np.array_equal(near.depth_m[1:-1, 1:-1], far.depth_m[122:134, 120:137])
    assert abs(far.volume_error_ratio) < 1e-13
