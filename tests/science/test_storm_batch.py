"""Many storms at once must each come out as the flood engine has them, whatever runs beside, and lose no water."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput
from rencheng.science.flood import RainSeries, simulate
from rencheng.science.flood.ground_losses import ConstantLossSoil, DesignedDrains, Losses
from rencheng.science.storm_batch import LANES, BatchGround, BatchPeaks, BatchRain, BatchTanks, batch_mesh, run_storms

SHAPE = (24, 31)
CELL_M = 40.0


def ground(seed: int = 1, *, drain_mm_h: float = 0.0, soil: tuple[float, float] = (0.0, 0.0)) -> BatchGround:
    """Rough ground on a slope with a corner cut off, rivers none."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(SHAPE)
    active = ~((rows < 5) & (columns < 9))
    return BatchGround(
        mesh=batch_mesh(active),
        cell_m=CELL_M,
        bed_m=30.0 + 0.02 * columns * CELL_M / 10.0 + 0.01 * rows + rng.normal(0.0, 0.4, SHAPE),
        manning=np.full(SHAPE, 0.03),
        drain_mm_h=np.full(SHAPE, drain_mm_h),
        soil_initial_mm=np.full(SHAPE, soil[0]),
        soil_mm_h=np.full(SHAPE, soil[1]),
        tanks=BatchTanks(places=np.zeros(0, np.int64), room_m3=np.zeros(0), pump_m3_s=np.zeros(0)),
    )


def rain(*peaks_mm_h: float, minutes: int = 40) -> BatchRain:
    """A storm of 20 minutes for each peak."""
    shape = np.array([0.3, 1.0, 0.6, 0.2])
    return BatchRain(
        step_s=300.0,
        rate_mm_h=np.array(peaks_mm_h)[:, np.newaxis, np.newaxis] * shape[np.newaxis, :, np.newaxis],
        rain_cell=np.zeros(SHAPE, np.int32),
        duration_s=np.full(len(peaks_mm_h), minutes * 60.0),
    )


def engine_peak(land: BatchGround, storms: BatchRain, k: int) -> NDArray[np.float64]:
    active = np.zeros(SHAPE, np.bool_)
    active.ravel()[land.mesh.cells] = True
    losses = [ConstantLossSoil(SHAPE, rate_mm_h=land.soil_mm_h, initial_mm=land.soil_initial_mm)]
    result = simulate(
        land.bed_m,
        CELL_M,
        float(storms.duration_s[k]),
        rain_mm_h=RainSeries(
            times_s=np.arange(storms.rate_mm_h.shape[1] + 1, dtype=np.float64) * storms.step_s,
            rate_mm_h=np.append(storms.rate_mm_h[k, :, 0], 0.0),
        ),
        manning=0.03,
        boundary="open",
        infiltration=Losses([*losses, DesignedDrains(SHAPE, capacity_mm_h=land.drain_mm_h)]),
        active=active,
        scheme="local_inertial",
        threads=1,
    )
    return np.nan_to_num(np.asarray(result.peak_depth_m, dtype=np.float64))


@pytest.mark.parametrize("land", [ground(), ground(2, drain_mm_h=15.0), ground(3, soil=(8.0, 12.0))])
def test_peaks_are_those_of_the_flood_engine(land: BatchGround) -> None:
    storms = rain(40.0, 160.0)
    out = run_storms(land, storms)
    for k in range(2):
        apart = np.abs(out.peak_depth_m[k] - engine_peak(land, storms, k))
        assert np.median(apart) < 5e-4
        assert np.quantile(apart, 0.95) < 5e-3
    assert np.abs(out.volume_error_ratio).max() < 1e-5


def test_a_storm_has_the_same_bits_whatever_storms_run_beside_it() -> None:
    land, peaks = ground(), np.linspace(5.0, 200.0, 37)
    together = run_storms(land, rain(*peaks.tolist()))
    for k in (0, 17, 36):
        alone = run_storms(land, rain(float(peaks[k])))
        np.testing.assert_array_equal(alone.peak_depth_m[0], together.peak_depth_m[k])
        assert alone.steps[0] == together.steps[k]


def test_a_longer_storm_beside_it_does_not_change_a_shorter_one() -> None:
    land, short = ground(), rain(90.0)
    rates = np.zeros((2, 9, 1))
    rates[0, :4], rates[1] = short.rate_mm_h[0], 25.0
    beside = run_storms(land, replace(short, rate_mm_h=rates, duration_s=np.array([2400.0, 4500.0])))
    np.testing.assert_array_equal(run_storms(land, short).peak_depth_m[0], beside.peak_depth_m[0])


def test_no_rain_leaves_no_water_and_more_rain_no_less() -> None:
    out = run_storms(ground(), rain(0.0, 20.0, 60.0, 180.0))
    assert not out.peak_depth_m[0].any()
    volume = out.peak_depth_m.sum(axis=(1, 2))
    assert (np.diff(volume) > 0.0).all()


def test_water_is_booked_to_the_drop_with_tanks_and_an_open_edge() -> None:
    land = ground(drain_mm_h=5.0, soil=(3.0, 2.0))
    low = int(land.mesh.cells[np.argmin(land.bed_m.ravel()[land.mesh.cells])])
    tanks = BatchTanks(places=np.array([low]), room_m3=np.array([300.0]), pump_m3_s=np.array([0.01]))
    out: BatchPeaks = run_storms(replace(land, tanks=tanks), rain(30.0, 90.0))
    assert np.abs(out.volume_error_ratio).max() < 1e-5
    assert (out.tank_volume_m3 > 0.0).all()
    assert (out.tank_volume_m3 <= 300.0 + 1e-6).all()


def test_a_mirrored_city_floods_mirrored() -> None:
    land = ground()
    active = np.zeros(SHAPE, np.bool_)
    active.ravel()[land.mesh.cells] = True
    mirror = replace(land, mesh=batch_mesh(active[:, ::-1]), bed_m=np.ascontiguousarray(land.bed_m[:, ::-1]))
    here, there = run_storms(land, rain(90.0)).peak_depth_m[0], run_storms(mirror, rain(90.0)).peak_depth_m[0]
    np.testing.assert_allclose(here, there[:, ::-1], atol=2e-5)


@pytest.mark.parametrize("wrong", [np.nan, -1.0])
def test_rain_that_is_no_rain_is_refused(wrong: float) -> None:
    with pytest.raises(InvalidInput, match="rain is negative or no number"):
        run_storms(ground(), rain(wrong))


def test_more_storms_than_lanes_are_refused_with_the_number() -> None:
    with pytest.raises(InvalidInput, match=f"1 to {LANES}"):
        run_storms(ground(), rain(*[1.0] * (LANES + 1)))
    with pytest.raises(InvalidInput, match="no cell is open"):
        batch_mesh(np.zeros((2, 2), np.bool_))
