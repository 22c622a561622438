"""Published soils and covers by name: a wrong row drowns or dries every yard of a city."""

from __future__ import annotations

import pytest

from rencheng.assess.flood.soils import curve_number, soil_texture, soil_textures
from rencheng.kernel import InvalidInput, NotFound


def test_the_table_is_that_of_rawls() -> None:
    """Rawls et al. (1983), table 2: sand and clay, and the order of conductivities between them."""
    soils = soil_textures()
    assert len(soils) == 11
    assert (soils["sand"].suction_mm, soils["sand"].conductivity_mm_h) == (49.5, 117.8)
    assert (soils["clay"].suction_mm, soils["clay"].conductivity_mm_h) == (316.3, 0.3)
    assert all(0.0 < s.effective_porosity_ratio < s.porosity_ratio < 0.55 for s in soils.values())
    assert max(soils.values(), key=lambda s: s.conductivity_mm_h).name == "sand"


def test_deficit_by_saturation() -> None:
    assert soil_texture("sandy_loam").deficit_ratio([0.4, 1.0]) == pytest.approx([0.247, 0.0], abs=5e-4)
    with pytest.raises(InvalidInput, match="saturation"):
        soil_texture("loam").deficit_ratio(1.2)


def test_curve_numbers_by_cover_and_group() -> None:
    assert [curve_number("commercial", group) for group in "ABCD"] == [89.0, 92.0, 94.0, 95.0]
    assert curve_number("paved", "a") == 98.0


def test_unknown_names_are_told_what_there_is() -> None:
    with pytest.raises(NotFound, match="silt_loam"):
        soil_texture("mud")
    with pytest.raises(NotFound, match="open_space_good"):
        curve_number("moss", "a")
