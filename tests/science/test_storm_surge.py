"""What the surge forecast is made of: the storm's wind, the errors of forecasts, the sea on the land, edges."""

from __future__ import annotations

import numpy as np
import pytest

from rencheng.kernel import InvalidInput
from rencheng.science.flood.walls import faces_along, wall_crests
from rencheng.science.storm_surge.coastal_flooding import Coast, coastal_floods
from rencheng.science.storm_surge.cyclone import CycloneTrack, pressure_and_wind
from rencheng.science.storm_surge.flood_edge import edge_distance, flood_edge, overrun_m
from rencheng.science.storm_surge.shelf import ShelfSea
from rencheng.science.storm_surge.track_errors import NORTHWEST_PACIFIC, displaced, storm_members
from rencheng.science.storm_surge.wind_stress import drag_coefficient

HOURS = np.array([0.0, 12.0, 24.0, 36.0, 48.0])


def track(*, wind: float = 40.0) -> CycloneTrack:
    n = np.ones(5)
    return CycloneTrack(
        times_s=HOURS * 3600.0,
        x_m=-HOURS * 3600.0 * 5.0,
        y_m=0.0 * n,
        lat=20.0 * n,
        central_hpa=955.0 * n,
        max_wind_m_s=wind * n,
        r_max_m=40_000.0 * n,
    )


def test_wind_and_pressure_of_a_storm_are_those_that_were_told() -> None:
    x, y = np.meshgrid(np.linspace(-3e5, 3e5, 241), np.linspace(-3e5, 3e5, 241))
    pressure, wx, wy = pressure_and_wind(track(), 0.0, x, y)
    speed = np.hypot(wx, wy)
    assert pressure.min() / 100.0 == pytest.approx(955.0, abs=0.5)
    assert speed.max() == pytest.approx(40.0, rel=0.03)
    j, i = np.unravel_index(int(speed.argmax()), speed.shape)
    assert np.hypot(x[j, i], y[j, i]) == pytest.approx(40_000.0, abs=8000.0)
    assert y[j, i] > 0.0, "north of the equator the wind is strongest to the right of a storm's way, here the north"
    assert wx[160, 120] < 0.0 < wx[80, 120], "and turns against the clock"
    inwards = -(wx * x + wy * y)[160, 120]
    assert inwards > 0.0, "the air flows in"


def test_drag_never_falls_and_stops_growing_in_a_typhoon() -> None:
    drag = drag_coefficient(np.linspace(0.0, 80.0, 161))
    assert (np.diff(drag) >= 0.0).all()
    assert drag[-1] == drag[70] == pytest.approx(0.002635)


def test_drawn_storms_are_as_far_off_as_forecasts_are() -> None:
    told = track()
    drawn = storm_members(told, NORTHWEST_PACIFIC, 600, np.random.default_rng(4))
    far = np.array([np.hypot(s.track.x_m - told.x_m, s.track.y_m - told.y_m) for s in drawn]) / 1000.0
    assert far.mean(axis=0) == pytest.approx([44.4, 63.0, 85.2, 113.0, 144.5], rel=0.05)
    off = np.array([s.track.max_wind_m_s - told.max_wind_m_s for s in drawn])
    assert np.abs(off).mean(axis=0)[-1] == pytest.approx(6.5, rel=0.05)
    assert abs(off.mean()) < 0.2
    again = storm_members(told, NORTHWEST_PACIFIC, 600, np.random.default_rng(4))
    assert all((a.track.x_m == b.track.x_m).all() for a, b in zip(drawn, again, strict=True))


def test_a_forecast_without_errors_of_track_keeps_its_track() -> None:
    one = displaced(track(), np.ones(6), NORTHWEST_PACIFIC.scaled(0.0)).track
    assert (one.x_m == track().x_m).all()
    assert (one.max_wind_m_s == track().max_wind_m_s).all()
    assert (one.r_max_m > track().r_max_m).all()


def slope(*, crest_m: float | None = None) -> Coast:
    """Land that rises by 1 in 1000 from the sea in the west, 6 by 40 cells of 200 m."""
    x = np.arange(40) - 2
    sea = np.zeros((6, 40), np.bool_)
    sea[:, :2] = True
    walls = None
    if crest_m is not None:
        walls = wall_crests([(faces_along([1000.0, 1000.0], [0.0, 1200.0], (6, 40), cell_m=200.0), crest_m)], (6, 40))
    ground = np.tile(0.3 + 0.2 * np.maximum(x, 0), (6, 1)).astype(np.float64)
    return Coast(ground_m=ground, sea=sea, cell_m=200.0, series=np.zeros((6, 40), np.int64), walls=walls)


TIMES = np.arange(0.0, 24.5 * 3600.0, 600.0)


def surge(height_m: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return height_m * np.exp(-(((TIMES - 12.0 * 3600.0) / (2.5 * 3600.0)) ** 2))[:, None]


def test_a_higher_surge_floods_no_less_and_no_storm_floods_more_than_its_level_could() -> None:
    coast, heights = slope(), (0.1, 1.5, 2.5, 4.0)
    run = coastal_floods(coast, TIMES, [surge(h) for h in heights])
    still = coastal_floods(coast, TIMES, [surge(h) for h in heights], engine=False)
    assert not run[0].any()
    for less, more in ((0, 1), (1, 2), (2, 3)):
        assert (run[more] >= run[less] - 1e-3).all()
    reach = (run > 0.05).sum(axis=(1, 2)) / (still > 0.05).sum(axis=(1, 2)).clip(1)
    assert (reach[1:] > 0.85).all()
    assert (reach[1:] <= 1.02).all()


def test_storms_side_by_side_do_not_touch_each_other() -> None:
    coast, levels = slope(), [surge(3.0), surge(1.5)]
    together = coastal_floods(coast, TIMES, levels)
    for k, level in enumerate(levels):
        alone = coastal_floods(coast, TIMES, [level])[0]
        assert np.abs(together[k] - alone).max() < 0.03  # steps differ, for deeper water takes shorter ones


def test_a_dike_keeps_the_sea_out_up_to_its_crest() -> None:
    held = coastal_floods(slope(crest_m=2.5), TIMES, [surge(2.4)])[0]
    over = coastal_floods(slope(crest_m=2.5), TIMES, [surge(3.5)])[0]
    free = coastal_floods(slope(), TIMES, [surge(2.4)])[0]
    assert not held[:, 5:].any()
    assert free[:, 5:].any()
    assert over[:, 5:].any()
    assert not coastal_floods(slope(crest_m=2.5), TIMES, [surge(2.4)], engine=False)[0][:, 5:].any()


def test_edges_are_inland_and_their_distance_is_both_ways() -> None:
    sea = np.zeros((5, 30), np.bool_)
    sea[:, 0] = True
    near, far = np.zeros_like(sea), np.zeros_like(sea)
    near[:, 1:8], far[:, 1:20] = True, True
    near[2, 4] = False  # an island is no edge
    assert flood_edge(near, sea).sum() == 5
    told = edge_distance(near, far, sea, 50.0)
    assert (told.mean_m, told.p95_m) == (600.0, 600.0)
    assert overrun_m(near, far, sea, 50.0) == 600.0
    assert overrun_m(far, near, sea, 50.0) == 0.0
    assert np.isnan(edge_distance(near, ~sea, sea, 50.0).mean_m), "where all land is wet nobody saw an edge"


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no sea"):
        ShelfSea(bed_m=np.ones((4, 4)), cell_m=1000.0, west_m=0.0, south_m=0.0, lat=np.zeros(4))
    n = np.ones(2)
    with pytest.raises(InvalidInput, match="increasing"):
        CycloneTrack(times_s=n, x_m=n, y_m=n, lat=n, central_hpa=950 * n, max_wind_m_s=40 * n, r_max_m=4e4 * n)
    with pytest.raises(InvalidInput, match="members"):
        storm_members(track(), NORTHWEST_PACIFIC, 0, np.random.default_rng(1))
