"""Quantities, units and places: a wrong factor or a swapped coordinate is a wrong warning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.kernel import (
    QUANTITIES,
    InvalidInput,
    LonLat,
    cell_boundary,
    cell_of,
    cell_text,
    cells_of,
    distance_m,
    neighbours,
    quantity,
    to_si,
)


@pytest.mark.parametrize(
    ("value", "unit", "name", "stored"),
    [
        (300.0, "cm", "stage_m", 3.0),
        (1.0, "ft", "stage_m", 0.3048),
        (1.0, "in", "rain_mm", 25.4),
        (1000.0, "l/s", "discharge_m3_s", 1.0),
        (35.3146667, "ft3/s", "discharge_m3_s", 1.0),
        (212.0, "degF", "air_temperature_c", 100.0),
        (273.15, "K", "air_temperature_c", 0.0),
        (36.0, "km/h", "wind_speed_m_s", 10.0),
        (1.0, "kn", "wind_speed_m_s", 1852 / 3600),
        (55.0, "%", "relative_humidity_ratio", 0.55),
        (1013.25, "hPa", "pressure_pa", 101325.0),
        (10.0, "mH2O", "pipe_pressure_pa", 98066.5),
    ],
)
def test_units_are_converted_as_their_definitions_say(value: float, unit: str, name: str, stored: float) -> None:
    assert to_si(value, unit, QUANTITIES[name]) == pytest.approx(stored, rel=1e-6, abs=1e-9)


def test_every_quantity_is_consistent() -> None:
    for name, q in QUANTITIES.items():
        assert name == q.name
        assert q.low < q.high
        assert q.max_rate_per_h > 0
        assert q.units[q.unit] == (1.0, 0.0)
        assert q.kind in {"level", "increment"}


def test_arrays_are_converted_at_once() -> None:
    assert to_si(np.array([1.0, 2.0]), "cm", QUANTITIES["stage_m"]).tolist() == [0.01, 0.02]


def test_unknown_quantities_and_units_name_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match=r"feed\.toml: unknown quantity 'stage'.*stage_m"):
        quantity("stage", where="feed.toml")
    with pytest.raises(InvalidInput, match="unit 'psi' is not legal for stage_m"):
        to_si(1.0, "psi", QUANTITIES["stage_m"])


@pytest.mark.parametrize(("lon", "lat"), [(-30.03, -151.23), (181.0, 0.0), (float("nan"), 0.0)])
def test_swapped_or_impossible_coordinates_are_refused(lon: float, lat: float) -> None:
    with pytest.raises(InvalidInput, match="not on Earth"):
        LonLat(lon, lat)


@given(st.floats(-179, 179), st.floats(-85, 85))
def test_a_point_lies_in_its_cell_and_the_cell_among_its_neighbours(lon: float, lat: float) -> None:
    cell = cell_of(lon, lat)
    assert cells_of(np.array([lon]), np.array([lat])).tolist() == [cell]
    assert cell in neighbours(cell)
    assert neighbours(cell) == sorted(set(neighbours(cell)))
    corner_m = [float(distance_m(lon, lat, x, y)) for x, y in cell_boundary(cell)]
    assert max(corner_m) < 700, "a cell of resolution 9 is about 200 m from centre to corner"


def test_cells_of_a_known_place() -> None:
    """The example of the H3 documentation: 37.7752702151959, -122.418307270836 at resolution 9."""
    cell = cell_of(-122.418307270836, 37.7752702151959)
    assert cell_text(cell) == "8928308280fffff"
    ring = cell_boundary(cell)
    assert ring[0] == ring[-1]
    assert len(ring) == 7


def test_distances_of_known_length() -> None:
    assert distance_m(0.0, 0.0, 0.0, 90.0) == pytest.approx(10_007_557.2, abs=0.1)  # a quarter of the mean meridian
    assert distance_m(0.0, 0.0, np.array([0.0, 180.0]), 0.0).tolist() == pytest.approx([0.0, np.pi * 6_371_008.8])
