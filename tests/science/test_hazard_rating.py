"""Published limits of people, buildings and vehicles in moving water: what a warning and a closure rest on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.kernel.errors import InvalidInput
from rencheng.science.flood.hazard_rating import (
    GENERAL_HAZARD_CLASSES,
    HAZARD_RATING_CLASSES,
    PEOPLE_HAZARD_CLASSES,
    FloodedLand,
    Stature,
    debris_factor,
    general_hazard_class,
    hazard_rating,
    hazard_rating_class,
    people_hazard_class,
)
from rencheng.science.flood.vehicle_limits import (
    VEHICLE_LIMITS,
    VehicleClass,
    passable,
    passable_depth_m,
    stability_limit_m2_s,
    vehicle_class_of_unit,
)

DEPTH = st.floats(0.0, 10.0)
SPEED = st.floats(0.0, 10.0)


@pytest.mark.parametrize(
    ("land", "at_0_2", "at_0_5", "at_1_0", "fast"),
    [
        (FloodedLand.PASTURE, 0.0, 0.0, 0.5, 0.5),
        (FloodedLand.WOODLAND, 0.0, 0.5, 1.0, 1.0),
        (FloodedLand.URBAN, 0.0, 1.0, 1.0, 1.0),
        (FloodedLand.CONSERVATIVE, 0.5, 1.0, 1.0, 0.5),
    ],
)
def test_debris_factors_are_those_of_the_published_table(
    land: FloodedLand, at_0_2: float, at_0_5: float, at_1_0: float, fast: float
) -> None:
    assert debris_factor([0.2, 0.5, 1.0], 1.0, land=land).tolist() == [at_0_2, at_0_5, at_1_0]
    assert float(debris_factor(0.2, 2.5, land=land)) == fast


def test_the_british_rating_reproduces_its_thresholds() -> None:
    # FD2320/TR2: d (v + 0.5) + DF with classes from 0.75, 1.25 and 2.0
    assert hazard_rating([0.0, 0.2, 0.5, 1.0], [0.0, 1.0, 1.0, 2.0]).tolist() == pytest.approx([0.0, 0.3, 1.75, 3.5])
    assert hazard_rating_class([0.0, 0.7499, 0.75, 1.2499, 1.25, 1.9999, 2.0]).tolist() == [0, 1, 2, 2, 3, 3, 4]


@pytest.mark.parametrize(
    ("depth", "speed", "code"),
    [
        (0.0, 0.0, "dry"),
        (0.3, 0.0, "H1"),
        (0.15, 2.0, "H1"),
        (0.31, 0.0, "H2"),
        (0.5, 1.2, "H2"),
        (0.51, 0.0, "H3"),
        (1.2, 0.5, "H3"),
        (1.21, 0.0, "H4"),
        (0.5, 2.0, "H4"),
        (2.01, 0.0, "H5"),
        (1.0, 4.0, "H5"),
        (0.05, 2.1, "H5"),
        (4.01, 0.0, "H6"),
        (1.01, 4.0, "H6"),
        (0.05, 4.1, "H6"),
    ],
)
def test_general_classes_change_at_the_published_limits(depth: float, speed: float, code: str) -> None:
    assert GENERAL_HAZARD_CLASSES[int(general_hazard_class(depth, speed))].code == code


def test_water_that_a_rescuer_can_work_in_takes_a_child() -> None:
    classes = [int(people_hazard_class(0.7, 1.0, stature=s)) for s in (Stature.ADULT, Stature.CHILD, Stature.INFANT)]
    assert [PEOPLE_HAZARD_CLASSES[c].code for c in classes] == ["moderate", "extreme", "extreme"]
    assert people_hazard_class([0.5, 0.5, 0.9], [1.2, 1.7, 1.4]).tolist() == [1, 3, 4]
    assert people_hazard_class([1.3, 0.1], [0.0, 3.1]).tolist() == [4, 4]
    assert people_hazard_class([0.39, 0.41, 0.51, 0.3], [1.0, 1.0, 0.0, 1.5], stature="child").tolist() == [1, 3, 4, 3]


@pytest.mark.parametrize(
    ("vehicle", "still", "at_3_m_s"),
    [("car", 0.3, 0.1), ("large_car", 0.4, 0.15), ("four_wheel_drive", 0.5, 0.2), ("fire_engine", 0.6, 0.1413)],
)
def test_vehicle_limits_are_the_published_ones_at_both_ends(vehicle: str, still: float, at_3_m_s: float) -> None:
    assert passable_depth_m(vehicle, [0.0, 3.0, 3.01]).tolist() == pytest.approx([still, at_3_m_s, 0.0], abs=1e-4)


def test_a_boat_goes_where_lorries_do_not() -> None:
    depth = np.array([0.2, 0.55, 1.5])
    assert passable("fire_engine", depth).tolist() == [True, True, False]
    assert passable("rescue_boat", depth).tolist() == [False, True, True]
    assert not passable("rescue_boat", 1.5, 3.5)


def test_every_kind_of_unit_has_a_vehicle_and_every_vehicle_a_source() -> None:
    kinds = [
        "fire_engine",
        "ambulance",
        "pump_truck",
        "rescue_boat",
        "patrol_car",
        "repair_crew",
        "volunteer_team",
        "bus",
    ]
    assert [vehicle_class_of_unit(k) for k in kinds[:4]] == kinds[:4]
    assert vehicle_class_of_unit("patrol_car") is VehicleClass.LARGE_CAR
    assert vehicle_class_of_unit("drone_van") is VehicleClass.CAR
    assert all(VEHICLE_LIMITS[v].source for v in VehicleClass)


def test_heavier_and_higher_vehicles_stand_longer() -> None:
    light = stability_limit_m2_s(mass_kg=900.0, length_m=3.6, width_m=1.6, clearance_m=0.12)
    heavy = stability_limit_m2_s(mass_kg=2400.0, length_m=4.8, width_m=1.9, clearance_m=0.23)
    assert 0.32 < float(light) < float(heavy)


@pytest.mark.parametrize(("depth", "speed"), [(np.nan, 0.0), (-0.1, 0.0), (0.1, -1.0), (0.1, np.nan)])
def test_bad_water_is_refused_with_its_place(depth: float, speed: float) -> None:
    for rule in (hazard_rating, general_hazard_class, people_hazard_class):
        with pytest.raises(InvalidInput, match=r"\(1,\)"):
            rule([0.1, depth], [0.1, speed])


def test_an_unknown_vehicle_is_refused_with_the_names() -> None:
    with pytest.raises(InvalidInput, match="fire_engine"):
        passable_depth_m("tram", 0.0)


@given(DEPTH, SPEED, DEPTH, SPEED)
def test_more_water_or_faster_water_is_never_safer(depth: float, speed: float, deeper: float, faster: float) -> None:
    if depth == 0.0:
        return
    more, quick = depth + deeper, speed + faster
    assert hazard_rating(more, quick) >= hazard_rating(depth, speed)
    assert general_hazard_class(more, quick) >= general_hazard_class(depth, speed)
    for stature in Stature:
        assert people_hazard_class(more, quick, stature=stature) >= people_hazard_class(depth, speed, stature=stature)
    for vehicle in VehicleClass:
        assert passable_depth_m(vehicle, quick) <= passable_depth_m(vehicle, speed)


def test_every_class_has_both_languages() -> None:
    for classes in (HAZARD_RATING_CLASSES, GENERAL_HAZARD_CLASSES, PEOPLE_HAZARD_CLASSES):
        assert all(c.zh and c.en and c.code for c in classes)
        assert len({c.code for c in classes}) == len(classes)
