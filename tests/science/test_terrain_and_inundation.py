"""Terrain flow and inundation: water finds its way, and no river floods within its banks."""

from __future__ import annotations

import numpy as np
import pytest

from rencheng.kernel import InvalidInput
from rencheng.science.inundation import exceedance_probability, flooded_share, two_piece_normal_nodes
from rencheng.science.terrain_flow import (
    drainage_by_threshold,
    flow_accumulation,
    flow_network,
    height_above_drainage,
    rise_to_reach,
)


def test_unknown_ground_stays_unknown_and_harms_nothing() -> None:
    ground = np.array([[3.0, 3.0, np.nan], [3.0, 1.0, 3.0], [3.0, 3.0, 2.0]])
    network = flow_network(ground, cell_m=10.0)
    assert np.isnan(network.filled_m[0, 2])
    assert flow_accumulation(network)[0, 2] == 0.0
    assert len(network.order) == 8


def test_infinite_heights_are_refused() -> None:
    with pytest.raises(InvalidInput, match="finite heights"):
        flow_network(np.array([[1.0, np.inf]]), cell_m=1.0)


def test_land_behind_a_sill_needs_the_sill_to_be_reached() -> None:
    ground = np.array([[9.0, 9.0, 9.0, 9.0, 9.0], [0.0, 4.0, 1.0, 9.0, 9.0], [9.0, 9.0, 9.0, 9.0, 9.0]])
    network = flow_network(ground, cell_m=10.0)
    river = np.zeros(ground.shape, np.bool_)
    river[1, 0] = True
    hand, _ = height_above_drainage(ground, network, river)
    reach = rise_to_reach(ground, network, river)
    assert hand[1, 2] == 1.0
    assert reach[1, 2] == 4.0


def test_channels_are_where_enough_land_drains_together() -> None:
    x = np.abs(np.arange(21) - 10.0)
    valley = x[None, :] * 1.0 + 0.1 * np.arange(30)[:, None]
    network = flow_network(valley, cell_m=100.0)
    channel = drainage_by_threshold(flow_accumulation(network), cell_m=100.0, area_m2=3e5)
    assert channel[:20, 10].all()
    assert not channel[:, :8].any()


def test_a_river_within_its_banks_floods_nothing() -> None:
    share, depth = flooded_share(np.array([-0.5, 0.0]), np.zeros((3, 9)), np.zeros((3, 9)), error_m=1.5)
    assert not share.any()
    assert not depth.any()


def test_interval_and_probability_speak_of_one_distribution() -> None:
    nodes = two_piece_normal_nodes(2.0, low=1.0, high=4.0, nodes=1001)
    assert np.mean(nodes <= 1.0) == pytest.approx(0.1, abs=0.002)
    assert np.mean(nodes >= 4.0) == pytest.approx(exceedance_probability(4.0, 2.0, low=1.0, high=4.0), abs=0.002)
