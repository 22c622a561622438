"""Height above nearest drainage against an example worked by hand, after the definition of Nobre et al. 2011.

The ground is a valley with a channel in its middle column; the path of every cell was followed with a pencil. Nobre's
HAND of a cell is its height minus the height of the channel cell its water first meets, not of the nearest cell.
"""

from __future__ import annotations

import numpy as np

from rencheng.science.terrain_flow import flow_accumulation, flow_network, height_above_drainage

GROUND_M = np.array(
    [
        [72.0, 60.0, 50.0, 61.0, 75.0],
        [73.0, 63.0, 52.0, 64.0, 76.0],
        [75.0, 66.0, 54.0, 58.0, 77.0],
        [78.0, 68.0, 56.0, 70.0, 79.0],
    ]
)
"""Row 0 is the southernmost; the channel leaves there."""

HAND_M = np.array(
    [
        # 72 -> 60 -> 50; 61 -> 50; 75 -> 61 -> 50
        [22.0, 10.0, 0.0, 11.0, 25.0],
        # 63 falls 13 m over the diagonal (9.2 a cell) to 50 but 11 m straight to 52: straight is steeper.
        # 73 -> 63 (10 against 13/1.41 = 9.2 to 60) -> 52; 64 -> 52.
        # 76 -> 58 (18/1.41 = 12.7 against 15/1.41 = 10.6 to 61 and 12 to 64) -> 52 (6/1.41 = 4.2 against 4 to 54).
        [21.0, 11.0, 0.0, 12.0, 24.0],
        # 66 -> 54; 75 -> 63 (12/1.41 = 8.5) or 66 (9): straight, then 54; 58 -> 52 (4.2 against 4); 77 -> 58 -> 52
        [21.0, 12.0, 0.0, 6.0, 25.0],
        # 68 -> 56 (12 against 14/1.41 = 9.9); 78 -> 68 (10 against 12/1.41 = 8.5) -> 56;
        # 70 -> 56 (14 against 12 to 58 and 16/1.41 = 11.3 to 54); 79 -> 58 (21/1.41 = 14.8 against 9) -> 52
        [22.0, 12.0, 0.0, 14.0, 27.0],
    ]
)


def test_hand_of_the_worked_valley() -> None:
    network = flow_network(GROUND_M, cell_m=1.0)
    channel = np.zeros(GROUND_M.shape, np.bool_)
    channel[:, 2] = True
    hand, drain = height_above_drainage(GROUND_M, network, channel)
    assert hand.tolist() == HAND_M.tolist()
    assert drain[1, 4] == 1 * 5 + 2, "the cell of 76 m drains to the channel at 52 m"


def test_the_valley_collects_all_its_water_at_its_mouth() -> None:
    accumulation = flow_accumulation(flow_network(GROUND_M, cell_m=1.0))
    assert accumulation[0, 2] == GROUND_M.size
    assert np.array_equal(flow_network(GROUND_M, cell_m=1.0).filled_m, GROUND_M), "the valley has no pit"
