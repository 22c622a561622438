"""Rain of the members: what was measured, by whom it is believed, and how far it reaches ahead."""

from __future__ import annotations

import numpy as np
import pytest

from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.member_rain import member_rain, rain_centres, rain_shape
from rencheng.assess.flood.watch import RainRecord
from rencheng.kernel import InvalidInput
from rencheng.science.flood import RainSeries
from rencheng.science.flood.rain import rain_from
from rencheng.sense.rain_picture import RainPicture

GRID = FloodGrid(ny=200, nx=300, west_m=1000.0, south_m=2000.0, cell_m=20.0, crs="EPSG:32650", corners=())
GAUGES = np.array([[2000.0, 3000.0], [5000.0, 5000.0], [6500.0, 2500.0], [3000.0, 5800.0]])
STEPS = 12


def record(rate: np.ndarray, pictures: tuple[tuple[float, RainPicture], ...] = ()) -> RainRecord:
    return RainRecord(
        xy_m=GAUGES, edges_s=300.0 * np.arange(-len(rate), 1, dtype=float), rate_mm_h=rate, pictures=pictures
    )


def picture(rate: float, shift: float = 0.0) -> RainPicture:
    """A round storm of a peak rate over the middle of the grid, 40 km by 40 km of 1 km cells."""
    y, x = np.mgrid[0:40, 0:40] + 0.5
    shape = np.exp(-((y - 20) ** 2 + (x - 20 - shift) ** 2) / 2 / 6**2)
    return RainPicture(
        rate_mm_h=(rate * shape).astype(np.float32), west_m=-16_000.0, south_m=-16_000.0, cell_m=1000.0, crs=GRID.crs
    )


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_rain_cells_tile_the_raster_as_the_engine_reads_them() -> None:
    shape = rain_shape(GRID)
    centres = rain_centres(GRID, shape)
    rate = np.arange(shape[0] * shape[1], dtype=float).reshape(1, *shape)
    laid = rain_from(RainSeries(times_s=np.zeros(1), rate_mm_h=rate), (GRID.ny, GRID.nx), GRID.cell_m, None).at(0.0)
    for place, (x, y) in enumerate(centres):
        row, column = int((y - GRID.south_m) // GRID.cell_m), int((x - GRID.west_m) // GRID.cell_m)
        assert (laid.rows[row], laid.columns[column]) == divmod(place, shape[1])


def test_gauges_alone_give_their_rain_with_room_between_them() -> None:
    rate = np.tile([[30.0, 10.0, 20.0, 5.0]], (STEPS, 1))
    rain = member_rain(record(rate), GRID, members=30, horizon_s=3600.0, rng=rng())
    assert rain.source == "gauges"
    assert rain.edges_s[0] == -3600.0
    assert rain.edges_s[-1] == 3600.0
    assert rain.rate_mm_h.shape[:2] == (30, 24)
    past = rain.rate_mm_h[:, :STEPS].mean(axis=(0, 1, 2, 3))
    assert past == pytest.approx(16.0, rel=0.5)
    assert rain.rate_mm_h[:, STEPS - 1].std(axis=0).mean() > 1.0


def test_a_picture_is_believed_where_it_sees_and_gauges_set_its_level() -> None:
    seen = tuple((-300.0 * k, picture(40.0)) for k in (2, 1, 0))
    alone = RainRecord(
        xy_m=np.zeros((0, 2)), edges_s=np.array([-600.0, -300.0, 0.0]), rate_mm_h=np.zeros((2, 0)), pictures=seen
    )
    plain = member_rain(alone, GRID, members=4, horizon_s=1800.0, rng=rng())
    assert plain.source == "radar"
    centre = plain.rate_mm_h[0, 1].max()
    assert centre == pytest.approx(40.0, rel=0.1)
    wetter = np.tile([[60.0] * 4], (2, 1))
    both = RainRecord(xy_m=GAUGES, edges_s=alone.edges_s, rate_mm_h=wetter, pictures=seen)
    adjusted = member_rain(both, GRID, members=4, horizon_s=1800.0, rng=rng())
    assert adjusted.rate_mm_h[0, 1].max() > 1.3 * centre, "the gauges say that the radar reads low"


def test_a_storm_that_moves_away_leaves_the_city_dry_in_the_nowcast() -> None:
    leaving = tuple((-300.0 * k, picture(60.0, shift=6.0 - 3.0 * k)) for k in (2, 1, 0))
    alone = RainRecord(
        xy_m=np.zeros((0, 2)), edges_s=np.array([-600.0, -300.0, 0.0]), rate_mm_h=np.zeros((2, 0)), pictures=leaving
    )
    rain = member_rain(alone, GRID, members=10, horizon_s=3600.0, rng=rng())
    over_city = rain.rate_mm_h.mean(axis=(0, 2, 3))
    assert over_city[5] < 0.5 * over_city[1]


def test_an_old_picture_gives_way_to_the_gauges() -> None:
    rain = member_rain(
        record(np.full((STEPS, 4), 8.0), ((-3000.0, picture(80.0)),)), GRID, members=3, horizon_s=600.0, rng=rng()
    )
    assert rain.source == "gauges"
    assert rain.rate_mm_h[:, STEPS - 1].mean() == pytest.approx(8.0, rel=0.3)


def test_a_member_s_error_is_its_own_and_the_same_all_along() -> None:
    rate = np.full((STEPS, 4), 20.0)
    factor = np.array([0.5, 1.0, 2.0])
    rain = member_rain(record(rate), GRID, members=3, horizon_s=600.0, rng=rng(), factor=factor)
    plain = member_rain(record(rate), GRID, members=3, horizon_s=600.0, rng=rng())
    np.testing.assert_allclose(
        rain.rate_mm_h, plain.rate_mm_h * factor[:, None, None, None].astype(np.float32), rtol=1e-5
    )


def test_dry_gauges_end_in_dry_members_and_silence_is_refused() -> None:
    dry = member_rain(record(np.zeros((STEPS, 4))), GRID, members=2, horizon_s=3600.0, rng=rng())
    assert not dry.rate_mm_h.any()
    with pytest.raises(InvalidInput, match="no gauge and no picture"):
        member_rain(record(np.full((STEPS, 4), np.nan)), GRID, members=2, horizon_s=600.0, rng=rng())


def test_a_large_city_gets_no_more_rain_cells_than_can_be_drawn() -> None:
    large = FloodGrid(ny=5000, nx=8000, west_m=0.0, south_m=0.0, cell_m=20.0, crs=GRID.crs, corners=())
    rows, columns = rain_shape(large)
    assert rows * columns <= 2600
    assert rows / columns == pytest.approx(5 / 8, rel=0.05)
