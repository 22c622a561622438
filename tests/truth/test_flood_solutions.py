"""The exact solutions that the flood engine is judged by are themselves solutions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.truth.flood_solutions import (
    CRITICAL_M,
    PLANAR_S,
    RADIAL_S,
    STEADY_FLOWS,
    Floats,
    G,
    bowl_bed,
    cell_means,
    hunter_wave,
    kinematic_depth,
    kinematic_gone,
    kinematic_outflow,
    ritter,
    steady_bed,
    stoker,
    stoker_plateau,
    thacker_planar,
    thacker_radial,
)

Wave = Callable[[Floats, Floats, float], tuple[Floats, Floats, Floats]]


def residuals(wave: Wave, x: Floats, y: Floats, t: float) -> Floats:
    """Largest mass and momentum residuals of a frictionless flow in the bowl, by central differences."""
    e = 1e-5

    def by(part: int, direction: str) -> Floats:
        step = {"x": (e, 0.0, 0.0), "y": (0.0, e, 0.0), "t": (0.0, 0.0, e)}[direction]
        ahead = wave(x + step[0], y + step[1], t + step[2])
        behind = wave(x - step[0], y - step[1], t - step[2])
        values = [np.stack([h, h * u, h * v, h + bowl_bed(px, py), u, v]) for (h, u, v), px, py in (
            (ahead, x + step[0], y + step[1]), (behind, x - step[0], y - step[1]))]  # fmt: skip
        return np.asarray((values[0] - values[1])[part] / (2.0 * e))

    _, u, v = wave(x, y, t)
    mass = by(0, "t") + by(1, "x") + by(2, "y")
    along_x = by(4, "t") + u * by(4, "x") + v * by(4, "y") + G * by(3, "x")
    along_y = by(5, "t") + u * by(5, "x") + v * by(5, "y") + G * by(3, "y")
    return np.array([np.abs(part).max() for part in (mass, along_x, along_y)])


@pytest.mark.parametrize("wave", [thacker_planar, thacker_radial])
def test_water_in_thackers_bowl_obeys_the_equations(wave: Wave) -> None:
    x, y = np.meshgrid(np.linspace(-0.35, 0.35, 7), np.linspace(-0.35, 0.35, 7))
    for t in (0.1, 0.7, 1.9):
        inside = wave(x, y, t)[0] > 0.01
        assert inside.any()
        assert residuals(wave, x[inside], y[inside], t).max() < 1e-7


@pytest.mark.parametrize(("wave", "period_s"), [(thacker_planar, PLANAR_S), (thacker_radial, RADIAL_S)])
def test_thackers_water_comes_back_after_a_period(wave: Wave, period_s: float) -> None:
    x, y = np.meshgrid(np.linspace(-1.997, 2.003, 201), np.linspace(-1.991, 2.009, 201))
    for begun, back in zip(wave(x, y, 0.0), wave(x, y, 3 * period_s), strict=True):
        assert back == pytest.approx(begun, abs=1e-12)
    assert wave(x, y, 0.4 * period_s)[0].sum() == pytest.approx(wave(x, y, 0.0)[0].sum(), rel=5e-3)


def test_stokers_bore_keeps_mass_and_momentum() -> None:
    middle, velocity, bore = stoker_plateau(5.0, 1.0)
    assert bore * (middle - 1.0) == pytest.approx(middle * velocity)
    thrust = 0.5 * G * (middle**2 - 1.0)
    assert bore * middle * velocity == pytest.approx(middle * velocity**2 + thrust)
    assert 1.0 < middle < 5.0


def test_stoker_over_ever_less_water_becomes_ritter() -> None:
    x = np.linspace(-400.0, 400.0, 801)
    wet, dry = stoker(x, 30.0, 5.0, 1e-9)[0], ritter(x, 30.0, 5.0)[0]
    assert np.abs(wet - dry).max() < 0.02
    assert ritter(np.zeros(1), 30.0, 5.0)[0] == pytest.approx(4.0 / 9.0 * 5.0)


def test_dam_breaks_keep_their_volume() -> None:
    edges = np.linspace(-500.0, 500.0, 2001)
    assert cell_means(lambda x: ritter(x, 30.0, 5.0)[0], edges).mean() == pytest.approx(2.5, rel=1e-6)
    assert cell_means(lambda x: stoker(x, 30.0, 5.0, 1.0)[0], edges).mean() == pytest.approx(3.0, rel=1e-5)


def test_hunters_wave_moves_at_its_velocity_and_is_held_by_friction() -> None:
    x, n, u, e = np.linspace(10.0, 3000.0, 50), 0.03, 1.0, 1e-3
    depth = hunter_wave(x, 3600.0, n, u)
    mass = (hunter_wave(x, 3600.0 + e, n, u) - hunter_wave(x, 3600.0 - e, n, u)) / (2 * e)
    surface = (hunter_wave(x + e, 3600.0, n, u) - hunter_wave(x - e, 3600.0, n, u)) / (2 * e)
    assert mass == pytest.approx(-u * surface, rel=1e-5)
    assert surface == pytest.approx(-(n**2) * u**2 / depth ** (4.0 / 3.0), rel=1e-5)


def test_rain_that_fell_on_the_plane_left_it_or_stands_on_it() -> None:
    length, rain, slope, n = 200.0, 50.0 / 3.6e6, 0.02, 0.05
    times = np.linspace(0.0, 1200.0, 12001)
    gone = np.trapezoid(kinematic_outflow(times, length, rain, slope, n), times)
    assert kinematic_gone(times, length, rain, slope, n)[-1] == pytest.approx(gone, rel=1e-6)
    stands = cell_means(lambda x: kinematic_depth(x, 1200.0, rain, slope, n), np.linspace(0.0, length, 401)).sum() * 0.5
    assert gone + stands == pytest.approx(rain * length * 1200.0, rel=1e-4)


@pytest.mark.parametrize("name", STEADY_FLOWS)
def test_the_bed_of_a_steady_flow_holds_its_momentum(name: str) -> None:
    flow = STEADY_FLOWS[name]
    bed, depth = steady_bed(flow, 4000)
    x = (np.arange(4000) + 0.5) * 0.25
    q = flow.discharge_m2_s
    thrust = q**2 / depth + 0.5 * G * depth**2
    pull = -G * depth * np.gradient(bed, x) - G * flow.manning**2 * q**2 / depth ** (7.0 / 3.0)
    kinks = np.abs(x - 500.0) < 1.0  # the profiles are glued there
    assert np.gradient(thrust, x)[~kinks] == pytest.approx(pull[~kinks], abs=5e-5)
    assert bed[-1] == pytest.approx(0.0, abs=0.02)


def test_the_jump_of_the_steady_flow_keeps_its_thrust() -> None:
    flow = STEADY_FLOWS["supercritical to subcritical"]
    before, after = np.real(flow.depth_m(np.array([500.0, 500.0 + 1e-9]) + 0j))
    assert before < CRITICAL_M < after
    assert 4.0 / before + 0.5 * G * before**2 == pytest.approx(4.0 / after + 0.5 * G * after**2, rel=1e-5)
