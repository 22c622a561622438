"""The linearised network against EPANET itself: small leaks and bent pipes do to the sensors what the solver says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.app.leak_town import SENSORS, town_network

from rencheng.adapters.epanet.leak_gradient import gradients
from rencheng.adapters.epanet.leak_model import Boundary, LeakModel

ROWS = np.array([0, 1])
DIAMETER = 0  # code of the EPANET 2.2 toolkit


@pytest.fixture
def town(tmp_path: Path) -> LeakModel:
    inp = town_network(tmp_path, "model", None)
    return LeakModel(inp, pressures=SENSORS, flows=["main"], levels=[], meters=[], scratch=tmp_path)


@pytest.fixture
def drive(town: LeakModel) -> Boundary:
    """Two hours: the town takes 30 and 50 m³/h."""
    empty = np.zeros((2, 0))
    area = int(np.flatnonzero(~town.open_area)[0])
    rest = np.full((2, town.n_areas), np.nan)
    rest[:, area] = (30.0, 50.0)
    return Boundary(
        rest_m3_h=rest,
        nominal_m3_h=np.full((2, town.n_areas), 50.0),
        kind_multiplier=np.ones((2, len(town.kinds))),
        meter_m3_h=empty,
        pump_m3_h=empty,
        tank_head_m=empty,
    )


def test_a_small_leak_does_what_the_solver_says(town: LeakModel, drive: Boundary) -> None:
    solved = town.responses(drive, ROWS, (), (0.5,))[:, 0] / 0.5
    own = town.stand_in == np.arange(len(town.nodes))
    linear = gradients(town, drive, ROWS, ()).leak
    assert linear[own] == pytest.approx(solved[own], abs=0.02 * np.abs(solved).max())


def test_a_wider_pipe_does_what_the_solver_says(town: LeakModel, drive: Boundary) -> None:
    """Hazen-Williams: one per cent of diameter is 2.63 per cent of flow at the same loss."""
    base = town.simulate(drive, ROWS, ())
    linear = gradients(town, drive, ROWS, ()).pipe
    pipe = int(np.argmax(np.abs(linear).sum(axis=(1, 2))))
    (link,) = town.project.links([town.pipes[pipe]])
    town.project.set_link(link, DIAMETER, town.pipe_diameter_m[pipe] * 1000 * 1.01)
    change = town.simulate(drive, ROWS, ()) - base
    assert 0.0263 * linear[pipe] == pytest.approx(change, abs=0.05 * np.abs(change).max())


def test_a_consumer_that_takes_more_leaves_less_to_the_others(town: LeakModel, drive: Boundary) -> None:
    """What all consumers take together is what flows in: if each took as much more, nothing would change."""
    assert np.abs(gradients(town, drive, ROWS, ()).consumer.sum(axis=0)).max() < 1e-6
