"""Culverts, weirs and inlets against published charts, tables and hand calculations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rencheng.science.design_storm import SHANGHAI_2017
from rencheng.science.flood.breach import froehlich_2008
from rencheng.science.flood.culvert import (
    INLETS,
    Culvert,
    culvert_discharge_m3_s,
    inlet_control_headwater_m,
    outlet_control_headwater_m,
)
from rencheng.science.flood.inlets import (
    RUBINATO_2017,
    ServedPlace,
    design_capacity_mm_h,
    design_return_period_a,
    opening_exchange_m3_s,
)
from rencheng.science.flood.weirs import broad_crested_weir_m3_s

FT = 0.3048


@pytest.mark.parametrize(
    ("inlet", "diameter_ft", "flow_cfs", "chart_ratio"),
    [
        ("circular_concrete_square_edge", 3.5, 120.0, 2.5),
        ("circular_concrete_groove_end", 3.5, 120.0, 2.1),
        ("circular_concrete_groove_projecting", 3.5, 120.0, 2.2),
        ("circular_metal_headwall", 3.0, 66.0, 1.8),
        ("circular_metal_mitered", 3.0, 66.0, 2.1),
        ("circular_metal_projecting", 3.0, 66.0, 2.2),
    ],
)
def test_headwater_of_pipes(inlet: str, diameter_ft: float, flow_cfs: float, chart_ratio: float) -> None:
    """The example printed on charts 1B and 2B of HDS-5, to what a nomograph can be read."""
    pipe = Culvert(invert_1_m=0.0, invert_2_m=0.0, length_m=30.0, height_m=diameter_ft * FT, inlet=INLETS[inlet])
    assert float(inlet_control_headwater_m(flow_cfs * FT**3, pipe)) / pipe.height_m == pytest.approx(
        chart_ratio, rel=0.05
    )


@pytest.mark.parametrize(
    ("inlet", "chart_ratio"), [("box_wingwall_30_75", 1.75), ("box_wingwall_15_90", 1.90), ("box_wingwall_0", 2.05)]
)
def test_headwater_of_boxes(inlet: str, chart_ratio: float) -> None:
    """The example printed on chart 8B of HDS-5: 5 ft by 2 ft, 15 cfs per foot."""
    box = Culvert(invert_1_m=0.0, invert_2_m=0.0, length_m=30.0, height_m=2 * FT, width_m=5 * FT, inlet=INLETS[inlet])
    assert float(inlet_control_headwater_m(75.0 * FT**3, box)) / box.height_m == pytest.approx(chart_ratio, rel=0.03)


def test_full_pipe_between_drowned_mouths() -> None:
    """By hand: D 1 m, L 50 m, n 0.013, k_e 0.5, drop 1 m: A sqrt(2 g / (1.5 + 19.62 n² L / 0.25^(4/3)))."""
    pipe = Culvert(invert_1_m=0.0, invert_2_m=0.0, length_m=50.0, height_m=1.0)
    losses = 1.5 + 19.62 * 0.013**2 * 50.0 / 0.25 ** (4.0 / 3.0)
    by_hand = np.pi / 4.0 * np.sqrt(19.62 / losses)
    assert float(culvert_discharge_m3_s(4.0, 3.0, pipe)) == pytest.approx(by_hand, rel=1e-9)
    head = float(outlet_control_headwater_m(by_hand, pipe, tailwater_m=3.0, fall_m=0.0))
    assert head == pytest.approx(4.0, rel=1e-9)


def test_weir_by_hand() -> None:
    """1.705 · 4 · 0.5^1.5 = 2.411; drowned to half its head 0.845 of it."""
    free = float(broad_crested_weir_m3_s(10.5, 9.0, crest_m=10.0, width_m=4.0))
    assert free == pytest.approx(2.411, abs=0.002)
    assert float(broad_crested_weir_m3_s(10.5, 10.25, crest_m=10.0, width_m=4.0)) == pytest.approx(
        0.845 * free, rel=1e-3
    )


def test_manholes_as_measured() -> None:
    """Rubinato et al. (2017) by hand, D = 0.24 m: weir, drowned weir, orifice in, orifice out."""
    circle: dict[str, Any] = {"perimeter_m": np.pi * 0.24, "area_m2": np.pi * 0.24**2 / 4.0, "law": RUBINATO_2017}
    assert float(opening_exchange_m3_s(0.02, -0.5, **circle)) == pytest.approx(
        2 / 3 * 0.54 * np.pi * 0.24 * np.sqrt(19.62) * 0.02**1.5, rel=1e-9
    )
    assert float(opening_exchange_m3_s(0.02, 0.01, **circle)) == pytest.approx(
        0.056 * np.pi * 0.24 * 0.02 * np.sqrt(19.62 * 0.01), rel=1e-9
    )
    orifice = 0.167 * np.pi * 0.24**2 / 4.0 * np.sqrt(19.62 * 0.05)
    assert float(opening_exchange_m3_s(0.10, 0.05, **circle)) == pytest.approx(orifice, rel=1e-9)
    assert float(opening_exchange_m3_s(0.10, 0.15, **circle)) == pytest.approx(-orifice, rel=1e-9)


def test_design_return_periods_of_the_code() -> None:
    """GB 50014-2021, table 4.1.3."""
    assert design_return_period_a(12e6, ServedPlace.CENTRE) == (3.0, 5.0)
    assert design_return_period_a(2e6, ServedPlace.CENTRE) == (2.0, 5.0)
    assert design_return_period_a(3e5, ServedPlace.IMPORTANT) == (3.0, 5.0)
    assert design_return_period_a(2e6, ServedPlace.UNDERGROUND) == (20.0, 30.0)


def test_design_capacity_by_hand() -> None:
    """Shanghai, 3 a, 15 min: 1600 (1 + 0.846 · 0.4771) / 22^0.656 = 295.7 L/(s·hm²) = 106.4 mm/h of rain."""
    q = 1600.0 * (1.0 + 0.846 * np.log10(3.0)) / 22.0**0.656
    rate = design_capacity_mm_h(SHANGHAI_2017, return_period_a=3.0, concentration_min=15.0, runoff_ratio=0.7)
    assert float(rate) == pytest.approx(0.7 * 0.36 * q, rel=2e-3)


def test_breach_of_teton() -> None:
    """Froehlich (2008), eqs. 14 and 15 for Teton: 310 million m³ behind 77.4 m by piping, by hand."""
    width, time = froehlich_2008(310e6, 77.4, overtopping=False)
    assert width == pytest.approx(0.27 * 310e6**0.32 * 77.4**0.04, rel=1e-12)
    assert width == pytest.approx(168.0, abs=3.0)
    assert time == pytest.approx(4590.0, rel=0.01)
