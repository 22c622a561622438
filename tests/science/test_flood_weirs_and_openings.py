"""Water through structures: flow must follow the levels, stop where they meet, and never jump."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput
from rencheng.science.flood.breach import BreachGrowth, breach_growth, froehlich_2008
from rencheng.science.flood.culvert import INLETS, Culvert, culvert_discharge_m3_s
from rencheng.science.flood.inlets import HEC_22, RUBINATO_2017, OpeningLaw, opening_exchange_m3_s
from rencheng.science.flood.pumps import PumpCurve, pump_discharge_m3_s, pumps_running
from rencheng.science.flood.weirs import broad_crested_weir_m3_s, deck_m3_s, gate_m3_s

levels = st.floats(0.0, 5.0)
DECK = {"bed_m": 0.5, "soffit_m": 2.0, "crest_m": 3.0, "width_m": 8.0}
GATE = {"sill_m": 0.5, "opening_m": 0.6, "width_m": 3.0}
WEIR = {"crest_m": 1.0, "width_m": 5.0}
PIPE = Culvert(invert_1_m=0.3, invert_2_m=0.0, length_m=40.0, height_m=1.2)
BOX = Culvert(
    invert_1_m=0.0, invert_2_m=0.0, length_m=20.0, height_m=1.5, width_m=3.0, barrels=2, inlet=INLETS["box_wingwall_0"]
)
Law = Callable[[Any, Any], NDArray[np.float64]]
LAWS: dict[str, Law] = {
    "weir": lambda a, b: broad_crested_weir_m3_s(a, b, **WEIR),
    "gate": lambda a, b: gate_m3_s(a, b, **GATE),
    "deck": lambda a, b: deck_m3_s(a, b, **DECK),
    "pipe": lambda a, b: culvert_discharge_m3_s(a, b, PIPE),
    "box": lambda a, b: culvert_discharge_m3_s(a, b, BOX),
}


@settings(deadline=None)
@given(one=levels, two=levels)
def test_flow_goes_down_and_turns_with_the_levels(one: float, two: float) -> None:
    for name in ("weir", "gate", "deck", "box"):
        flow = LAWS[name]
        there, back = float(flow(one, two)), float(flow(two, one))
        assert there == pytest.approx(-back, abs=1e-9)
        assert there * (one - two) >= 0.0


@pytest.mark.parametrize("name", ["weir", "gate", "deck", "pipe", "box"])
def test_more_head_passes_more_and_tailwater_holds_back_without_a_jump(name: str) -> None:
    flow = LAWS[name]
    rising = np.linspace(0.0, 5.0, 5001)
    free = flow(rising, 0.0)
    assert (np.diff(free) >= -1e-9).all()
    assert np.abs(np.diff(free)).max() < 0.12
    held = flow(2.5, rising)
    assert (np.diff(held) <= 1e-9).all()
    assert float(flow(2.5, 2.5)) == 0.0


def test_no_water_no_flow() -> None:
    assert float(culvert_discharge_m3_s(0.2, 0.0, PIPE)) == 0.0
    assert float(broad_crested_weir_m3_s(0.9, 0.0, **WEIR)) == 0.0


@pytest.mark.parametrize("law", [HEC_22, RUBINATO_2017], ids=["hec22", "rubinato"])
@settings(deadline=None)
@given(depth=st.floats(0.0, 2.0), head=st.floats(-3.0, 4.0))
def test_openings_take_from_the_higher_side(law: OpeningLaw, depth: float, head: float) -> None:
    q = float(opening_exchange_m3_s(depth, head, perimeter_m=2.0, area_m2=0.3, law=law))
    assert q * (depth - max(head, 0.0)) >= 0.0
    if depth == 0.0:
        assert q <= 0.0


def test_a_grate_takes_no_less_as_the_street_fills() -> None:
    depth = np.linspace(0.0, 2.0, 400)
    q = opening_exchange_m3_s(depth, -1.0, perimeter_m=2.0, area_m2=0.3)
    assert (np.diff(q) > 0.0).all()
    surcharged = opening_exchange_m3_s(0.2, np.linspace(0.2, 3.0, 50), perimeter_m=2.0, area_m2=0.3)
    assert (np.diff(surcharged) < 0.0).all()


def test_a_pump_cycles_between_its_switches() -> None:
    """A sump of 20 m² with 0.05 m³/s coming and a pump of 0.15 m³/s: 200 s to fill 0.5 m, 100 s to empty it."""
    level, running, starts, on = 0.0, np.array([False]), 0, 0
    for _ in range(3000):
        now = pumps_running(running, level, start_m=0.5, stop_m=0.0)
        starts += int(now[0] and not running[0])
        running = now
        on += int(running[0])
        level = max(level + (0.05 - 0.15 * float(running[0])) / 20.0, 0.0)
    assert starts == 10
    assert on == pytest.approx(1000, abs=12)


def test_a_pump_lifts_less_against_more_head() -> None:
    curve = PumpCurve(head_m=(2.0, 6.0, 10.0), discharge_m3_s=(0.6, 0.4, 0.0))
    assert pump_discharge_m3_s(curve, [0.0, 2.0, 4.0, 8.0, 11.0]) == pytest.approx([0.6, 0.6, 0.5, 0.2, 0.0])
    constant = PumpCurve(head_m=(0.0,), discharge_m3_s=(0.3,))
    assert pump_discharge_m3_s(constant, [-1.0, 50.0]).tolist() == [0.3, 0.3]


def test_a_breach_is_shut_before_and_whole_after() -> None:
    growth = BreachGrowth(start_s=600.0, formation_s=1200.0, width_m=60.0, crest_m=7.0, sill_m=3.0)
    width, sill = breach_growth(growth, [0.0, 600.0, 1200.0, 1800.0, 9000.0])
    assert width.tolist() == [0.0, 0.0, 30.0, 60.0, 60.0]
    assert sill.tolist() == [7.0, 7.0, 5.0, 3.0, 3.0]
    at_once = BreachGrowth(start_s=10.0, formation_s=0.0, width_m=60.0, crest_m=7.0, sill_m=3.0)
    assert breach_growth(at_once, [9.9, 10.0])[0].tolist() == [0.0, 60.0]


@pytest.mark.parametrize(
    "broken",
    [
        lambda: PumpCurve(head_m=(0.0, 1.0), discharge_m3_s=(0.1, 0.2)),
        lambda: PumpCurve(head_m=(), discharge_m3_s=()),
        lambda: BreachGrowth(start_s=0.0, formation_s=1.0, width_m=0.0, crest_m=1.0, sill_m=0.0),
        lambda: BreachGrowth(start_s=0.0, formation_s=1.0, width_m=1.0, crest_m=1.0, sill_m=2.0),
        lambda: Culvert(invert_1_m=0.0, invert_2_m=0.0, length_m=0.0, height_m=1.0),
        lambda: Culvert(invert_1_m=float("nan"), invert_2_m=0.0, length_m=1.0, height_m=1.0),
        lambda: froehlich_2008(0.0, 3.0, overtopping=True),
    ],
)
def test_structures_that_cannot_be_are_refused_with_a_mend(broken: Callable[[], object]) -> None:
    with pytest.raises(InvalidInput, match="Give"):
        broken()
