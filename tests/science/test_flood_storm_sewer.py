"""Street and sewer as one water: what leaves one must be in the other, and a full sewer must give it back."""

from __future__ import annotations

import numpy as np
import pytest

from rencheng.kernel import InvalidInput
from rencheng.science.flood import simulate
from rencheng.science.flood.inlets import RUBINATO_2017, opening_exchange_m3_s
from rencheng.science.flood.ports import Surface
from rencheng.science.flood.storm_sewer import SewerCoupling, SewerOpenings, SewerState, SewerTotals

SHAPE = (6, 12)
CELL_M = 5.0
BED = np.zeros(SHAPE)


class Tanks:
    """Pipes as one tank per node: ``room_m3`` below the rim, a ponded area above it, a steady drain out of it."""

    def __init__(self, nodes: int, *, room_m3: float, drain_m3_s: float = 0.0, pushed_m3_s: float = 0.0) -> None:
        self.ponded_area_m2 = np.full(nodes, CELL_M**2)
        self.room_m3, self.drain_m3_s, self.pushed_m3_s = room_m3, drain_m3_s, pushed_m3_s
        self.held, self.out, self.came = np.zeros(nodes), 0.0, 0.0

    def state(self) -> SewerState:
        over = self.held - self.room_m3
        head = np.where(over > 0.0, over / self.ponded_area_m2, over / 2.0)
        return SewerState(head_over_rim_m=head, ponded_m3=np.maximum(over, 0.0))

    def advance(self, inflow_m3_s: np.ndarray, step_s: int) -> SewerState:
        held = self.held + (inflow_m3_s + self.pushed_m3_s) * step_s
        assert (held > -1e-9).all(), "more was taken out than stood there"
        drained = np.minimum(held, self.drain_m3_s * step_s)
        self.held, self.out = held - drained, self.out + float(drained.sum())
        self.came += self.pushed_m3_s * step_s * len(self.held)
        return self.state()

    def totals(self) -> SewerTotals:
        return SewerTotals(own_inflow=self.came, outfall=self.out, flooded=0.0, stored=float(self.held.sum()))


def openings(*cells: int, takes: bool = True, **changes: object) -> SewerOpenings:
    n = len(cells)
    values: dict[str, object] = {
        "cells": np.array(cells),
        "nodes": np.arange(n),
        "perimeter_m": np.full(n, 3.0),
        "area_m2": np.full(n, 0.4),
        "takes": np.full(n, takes),
    }
    return SewerOpenings(**(values | changes))  # type: ignore[arg-type]


def test_street_and_sewer_together_lose_nothing() -> None:
    tanks = Tanks(2, room_m3=4.0, drain_m3_s=0.05)
    coupling = SewerCoupling(tanks, openings(14, 40))
    result = simulate(BED, CELL_M, 1800.0, rain_mm_h=60.0, exchanges=[coupling])
    balance = coupling.finish()
    assert balance.waiting == 0.0
    assert balance.error_m3 == pytest.approx(0.0, abs=1e-9)
    assert result.volumes.exchanged == pytest.approx(balance.returned - balance.taken, rel=1e-12)
    assert abs(result.volume_error_ratio) < 1e-12
    everything = result.volumes.stored + tanks.out + tanks.held.sum()
    assert everything == pytest.approx(result.volumes.rain, rel=1e-12)


def test_a_sewer_under_pressure_floods_its_street() -> None:
    tanks = Tanks(1, room_m3=1.0, pushed_m3_s=0.05)
    coupling = SewerCoupling(tanks, openings(30, takes=False))
    result = simulate(BED, CELL_M, 1200.0, exchanges=[coupling])
    balance = coupling.finish()
    assert balance.taken == 0.0
    assert balance.returned == pytest.approx(result.volumes.stored, rel=1e-12)
    assert result.volumes.stored > 0.8 * 0.05 * 1200.0
    assert balance.error_m3 == pytest.approx(0.0, abs=1e-9)


def test_a_full_sewer_and_a_flooded_street_come_to_one_level() -> None:
    """No pipe leads away: once the node is full, street and node stand equally high and stay so."""
    tanks = Tanks(1, room_m3=2.0)
    coupling = SewerCoupling(tanks, openings(30))
    result = simulate(BED, CELL_M, 1800.0, depth_m=np.full(SHAPE, 0.3), exchanges=[coupling])
    head = float(tanks.state().head_over_rim_m[0])
    assert head == pytest.approx(float(result.depth_m.reshape(-1)[30]), abs=0.005)
    assert float(np.ptp(result.depth_m)) < 0.005


def test_a_manhole_lid_lets_nothing_in() -> None:
    tanks = Tanks(1, room_m3=10.0)
    coupling = SewerCoupling(tanks, openings(30, takes=False))
    simulate(BED, CELL_M, 300.0, depth_m=np.full(SHAPE, 0.3), exchanges=[coupling])
    assert coupling.finish().taken == 0.0


def test_two_grates_feed_one_node_and_share_what_it_gives_back() -> None:
    tanks = Tanks(1, room_m3=1.0, pushed_m3_s=0.04)
    coupling = SewerCoupling(tanks, openings(14, 40, nodes=np.array([0, 0])))
    result = simulate(BED, CELL_M, 900.0, rain_mm_h=10.0, exchanges=[coupling])
    balance = coupling.finish()
    assert balance.error_m3 == pytest.approx(0.0, abs=1e-9)
    assert (coupling.returned_m3 > 0.0).all()
    assert abs(result.volume_error_ratio) < 1e-12


def test_in_one_step_the_exchange_is_what_the_formula_says() -> None:
    tanks = Tanks(1, room_m3=50.0)
    coupling = SewerCoupling(tanks, openings(30, law=RUBINATO_2017))
    depth = np.full(SHAPE, 0.2)
    still = np.zeros(SHAPE)
    surface = Surface(bed_m=BED, depth_m=depth, velocity_x_m_s=still, velocity_y_m_s=still, cell_m=CELL_M)
    asked = coupling.exchange(1.0, 1.0, surface)
    by_formula = opening_exchange_m3_s(0.2, -25.0, perimeter_m=3.0, area_m2=0.4, law=RUBINATO_2017)
    assert asked.volume_m3.tolist() == [float(by_formula)]
    assert (asked.from_cells.tolist(), asked.to_cells.tolist()) == ([30], [-1])


def test_a_longer_interval_changes_little() -> None:
    """Handing water over every 5 or every 20 seconds must tell the same flood."""
    stored = []
    for interval in (5, 20):
        tanks = Tanks(1, room_m3=5.0, drain_m3_s=0.02)
        coupling = SewerCoupling(tanks, openings(30), interval_s=interval)
        stored.append(simulate(BED, CELL_M, 1800.0, rain_mm_h=60.0, exchanges=[coupling]).volumes.stored)
        coupling.finish()
    assert stored[0] == pytest.approx(stored[1], rel=0.03)


def test_openings_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidInput, match="without an area"):
        openings(1, area_m2=np.zeros(1))
    with pytest.raises(InvalidInput, match="different number"):
        openings(1, 2, nodes=np.zeros(1, np.int64))
    with pytest.raises(InvalidInput, match="interval"):
        SewerCoupling(Tanks(1, room_m3=1.0), openings(1), interval_s=0)
