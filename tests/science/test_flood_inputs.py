"""What the flood engine refuses, and that the refusal names the cell, the time and the mend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rencheng.kernel.errors import InvalidInput
from rencheng.science.flood import (
    Discharge,
    FreeFlow,
    RainSeries,
    Rating,
    Stage,
    Stretch,
    Transfers,
    simulate,
)

FLAT = np.zeros((4, 5))
CELL = np.zeros((4, 5), dtype=bool)
CELL[1, 2] = True


def bed_with(value: float) -> np.ndarray:
    bed = FLAT.copy()
    bed[2, 3] = value
    return bed


def series(times: Any, rate: Any) -> RainSeries:
    return RainSeries(times_s=np.asarray(times, dtype=float), rate_mm_h=np.asarray(rate, dtype=float))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "hole in the terrain": ({"bed_m": bed_with(np.nan)}, r"row 2, column 3.*(Fill|mask)"),
    "endless terrain": ({"bed_m": bed_with(np.inf)}, "row 2, column 3"),
    "terrain in centimetres": ({"bed_m": bed_with(1.2e6)}, "feet or centimetres"),
    "no-data number in the terrain": ({"bed_m": bed_with(-32768.0)}, r"row 2, column 3.*no-data"),
    "terrain in one line": ({"bed_m": np.zeros(5)}, "raster"),
    "no cell width": ({"cell_m": 0.0}, "cell width"),
    "no duration": ({"duration_s": -1.0}, "duration"),
    "negative depth": ({"depth_m": -bed_with(0.1)}, "negative depth at cell .row 2, column 3"),
    "depth of another raster": ({"depth_m": np.zeros((5, 4))}, r"\(5, 4\)"),
    "velocity not a number": ({"velocity_x_m_s": bed_with(np.nan)}, "row 2, column 3"),
    "negative roughness": ({"manning": -0.03}, "Manning"),
    "Strickler's k for Manning's n": ({"manning": 33.0}, "Manning"),
    "rain beyond the record": ({"rain_mm_h": 5000.0}, "mm per hour"),
    "negative rain": ({"rain_mm_h": -bed_with(1.0)}, r"row 2, column 3.*gap"),
    "rain with a gap": ({"rain_mm_h": series([0, 300, 600], [5, np.nan, 2])}, r"time 300 s.*gap"),
    "rain out of order": ({"rain_mm_h": series([0, 600, 300], [5, 3, 2])}, "increase"),
    "rain of another raster": ({"rain_mm_h": np.zeros((2, 2))}, r"\(2, 2\)"),
    "rain column off its grid": (
        {"rain_mm_h": RainSeries(times_s=np.zeros(1), rate_mm_h=np.ones((1, 1, 2)), columns=np.array([0, 0, 1, 1, 2]))},
        "2 rain cells",
    ),
    "inflow nowhere": ({"inflows": [(np.zeros_like(CELL), [0.0], [1.0])]}, "no cell"),
    "inflow as indices": ({"inflows": [(np.zeros((4, 5)), [0.0], [1.0])]}, "bool"),
    "hydrograph out of order": ({"inflows": [(CELL, [0.0, 0.0], [1.0, 2.0])]}, "entry 1"),
    "hydrograph with a gap": ({"inflows": [(CELL, [0.0, 9.0], [1.0, np.nan])]}, "entry 1"),
    "inflow outside the domain": (
        {"inflows": [(CELL, [0.0], [1.0])], "active": ~CELL},
        "row 1, column 2.*outside the domain",
    ),
    "no domain": ({"active": np.zeros_like(CELL)}, "no cell is active"),
    "unknown boundary": ({"boundary": "walled"}, "walled"),
    "unknown side": ({"boundary": {"top": FreeFlow(slope=0.1)}}, "west, east, south, north"),
    "stretch beyond the side": (
        {"boundary": [Stretch(side="south", condition=FreeFlow(slope=0.1), start=3, stop=9)]},
        "side of 5 cells",
    ),
    "level slope": ({"boundary": {"east": FreeFlow(slope=0.0)}}, "slope"),
    "tide with a gap": (
        {"boundary": {"east": Stage(times_s=np.array([0.0, 60.0]), level_m=np.array([1.0, np.nan]))}},
        "entry 1",
    ),
    "discharge out of order": (
        {"boundary": {"east": Discharge(times_s=np.array([9.0, 0.0]), discharge_m3_s=np.ones(2))}},
        "entry 1",
    ),
    "rating that pumps": (
        {"boundary": {"east": Rating(stage_m=np.array([0.0, 1.0]), discharge_m3_s=np.array([0.0, -1.0]))}},
        "out only",
    ),
    "walls of another raster": ({"walls": (np.zeros((4, 5)), np.zeros((5, 5)))}, r"walls\[0\]"),
    "endless wall": ({"walls": (np.full((4, 6), np.inf), np.zeros((5, 5)))}, "crest level"),
    "third order": ({"order": 3}, "Choose 1 or 2"),
    "whole numbers": ({"dtype": np.int32}, "float32 or float64"),
    "Courant number of 2": ({"cfl": 2.0}, "Courant"),
    "unknown scheme": ({"scheme": "kinematic"}, "shallow_water or local_inertial"),
    "snapshots never": ({"save_every_s": 0.0}, "save_every_s"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_with_place_and_mend(name: str) -> None:
    wrong, told = REFUSED[name]
    given: dict[str, Any] = {"bed_m": FLAT, "cell_m": 2.0, "duration_s": 10.0, **wrong}
    with pytest.raises(InvalidInput, match=f"(?s){told}") as caught:
        simulate(**given)
    assert caught.value.mend


class Faulty:
    def __init__(self, source: int, target: int, volume: float) -> None:
        self.transfers = Transfers(
            from_cells=np.array([source]), to_cells=np.array([target]), volume_m3=np.array([volume])
        )

    def exchange(self, time_s: float, step_s: float, surface: object) -> Transfers:  # noqa: ARG002  the protocol's
        return self.transfers

    def moved(self, volume_m3: np.ndarray) -> None:  # noqa: ARG002  the protocol's
        raise AssertionError


@pytest.mark.parametrize(
    ("faulty", "told"),
    [
        (Faulty(0, 20, 1.0), "outlet must lie on the raster"),
        (Faulty(0, 1, -1.0), "not negative"),
        (Faulty(0, 1, np.nan), "not negative"),
    ],
)
def test_an_exchange_that_makes_no_sense_is_refused(faulty: Faulty, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        simulate(FLAT, 2.0, 10.0, depth_m=FLAT + 0.1, exchanges=[faulty])


def test_holes_outside_the_domain_do_not_matter() -> None:
    bed = bed_with(np.nan)
    result = simulate(bed, 2.0, 60.0, rain_mm_h=60.0, active=np.isfinite(bed))
    assert result.depth_m[2, 3] == 0.0
    assert result.volumes.rain == pytest.approx(19 * 4 * 0.001)
    assert abs(result.volume_error_ratio) < 1e-12
