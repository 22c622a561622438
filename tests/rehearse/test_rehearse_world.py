"""The simulated world: scenarios refused, water conserved, instruments that fail as the director said."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.memory import MemoryLedger
from rencheng.city import City, read_city
from rencheng.kernel import InvalidConfig, NotFound
from rencheng.rehearse.facts import InjectPlayed, ScenarioStarted
from rencheng.rehearse.scenario import Scenario, read_scenario
from rencheng.rehearse.world import World
from rencheng.science.runoff import nash_cascade_step
from rencheng.sense import Inputs, State, channels_of_city, decide, evolve, initial_state

SHIPPED = "rainstorm"


@pytest.fixture(scope="module")
def city(sandbox_city: Path) -> City:
    return read_city(sandbox_city)


def scenario_file(folder: Path, **changes: Any) -> str:
    """The shipped scenario with some keys changed (``a__b`` is key b of a), as a file of its own."""
    plain = yaml.safe_load((files("rencheng.rehearse") / "data" / "rainstorm.yaml").read_text(encoding="utf-8"))
    for name, value in changes.items():
        *outer, last = name.split("__")
        at = plain
        for key in outer:
            at = at[key]
        at[last] = value
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")
    return str(path)


def changed(folder: Path, **changes: Any) -> Scenario:
    return read_scenario(scenario_file(folder, **changes))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"streets__rim_cm": 3}, "rim_cm"),
        ({"storm__duration_min": "long"}, "duration_min"),
        ({"turn_s": 250}, "no multiple of step_s"),
        ({"storm__formula": "mars_2100"}, "Use one of: shanghai_2017"),
        ({"starts_at": "2026-07-20T06:00:00"}, "starts_at"),
        ({"step_s": 0}, "step_s"),
        ({"duration_h": -1.0}, "duration_h"),
    ],
)
def test_a_scenario_with_a_fault_is_refused_by_name(changes: dict[str, Any], why: str, tmp_path: Path) -> None:
    """A key that is misspelt and ignored would rehearse another storm than the one that was written down."""
    with pytest.raises(InvalidConfig, match=why):
        changed(tmp_path, **changes)


def test_broken_yaml_names_the_file(tmp_path: Path) -> None:
    """The file and the place in it, not a traceback."""
    path = tmp_path / "broken.yaml"
    path.write_text("name: [", encoding="utf-8")
    with pytest.raises(InvalidConfig, match=r"broken\.yaml"):
        read_scenario(str(path))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidConfig, match=r"broken\.yaml"):
        read_scenario(str(path))


def test_an_unknown_scenario_names_the_known_ones() -> None:
    """Whoever mistypes a name learns what there is."""
    with pytest.raises(NotFound, match="Use one of: rainstorm"):
        read_scenario("drought")
    with pytest.raises(NotFound, match="no scenario file"):
        read_scenario("/nowhere/storm.yaml")


def test_no_water_is_made_or_lost(city: City) -> None:
    """Rain on the streets is all accounted for by the engine; rain in the basin = storage and outflow."""
    scenario = read_scenario(SHIPPED)
    world = World(city, scenario, 5)
    assert world.streets is not None
    basin = world.water.basin_m3
    river_in = river_out = 0.0
    rain_before = world.water.rain_total_mm
    river = scenario.river
    for _ in range(30):
        at = world.water.time_s + np.arange(5) * scenario.step_s
        for t in at.tolist():
            middle = world.sky.rate(np.array([world.reach.x_m]), np.array([world.reach.y_m]), t)[0]
            inflow = float(middle) / 3.6e6 * river.basin_km2 * 1e6 * river.runoff_ratio
            basin, out = nash_cascade_step(basin, inflow, scenario.step_s, river.residence_h * 3600.0)
            river_in += inflow * scenario.step_s
            river_out += out * scenario.step_s
        world.advance()
    assert float(world.water.street_m.max()) > 0.0
    assert world.streets.volume_error_ratio < 1e-12
    assert np.array_equal(world.water.basin_m3, basin)
    assert river_in == pytest.approx(float(world.water.basin_m3.sum()) + river_out, rel=1e-9)
    assert np.all(world.water.rain_total_mm >= rain_before)


@pytest.fixture(scope="module")
def course(city: City) -> list[tuple[np.ndarray, np.ndarray]]:
    """Depth of the low places and stage over bankfull after every turn of the shipped scenario, nobody responding."""
    scenario = read_scenario(SHIPPED)
    world = World(city, scenario, 5)
    told = []
    while world.now < world.end:
        world.advance()
        told.append((world.water.street_m, world.water.stage_m(world.reach, scenario) - world.reach.bankfull_m))
    assert world.progress_ratio == 1.0
    assert float(world.truth()["peak_depth_m"].to_numpy().max()) >= max(d.max() for d, _ in told)
    return told


def test_the_water_rises_and_falls_again(course: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """A rehearsal that never ends teaches nobody how to end a response; only a drowned underpass waits for pumps."""
    depth, bank = np.array([d for d, _ in course]), np.array([b for _, b in course])
    assert depth.max() > 0.5
    assert np.median(depth[-1]) < 0.1
    assert depth[-1].max() < 0.8 * depth.max()
    assert bank.max() > 0.0
    assert bank[-1].max() < 0.0


def test_a_pump_that_arrives_lowers_the_water(city: City) -> None:
    """What units do must matter in the drill, else a drill teaches that nothing matters."""
    worlds = [World(city, read_scenario(SHIPPED), 5) for _ in range(2)]
    for world in worlds:
        for _ in range(66):
            world.advance()
    deepest = int(worlds[0].water.street_m.argmax())
    assert worlds[1].streets is not None
    place = worlds[1].places
    worlds[1].streets.pump("truck", float(place.x_m[deepest]), float(place.y_m[deepest]), 0.3)
    for world in worlds:
        for _ in range(12):
            world.advance()
    left, pumped = (float(w.water.street_m[deepest]) for w in worlds)
    assert pumped < left - 0.3
    worlds[1].streets.stop_pump("truck")


def test_what_the_director_plants_is_recorded_at_the_beginning(city: City, tmp_path: Path) -> None:
    """After the drill, trainers must tell a planted fault from a fault of the platform."""
    scenario = changed(tmp_path, instruments__silent_ratio=0.3, instruments__stuck_ratio=0.3)
    opening = World(city, scenario, 5).opening()
    started, *injects = opening
    assert isinstance(started.body, ScenarioStarted)
    assert started.body.parameters["low_places"] > 0
    kinds = [i.body.inject for i in injects if isinstance(i.body, InjectPlayed)]
    assert {"sensor_silent", "sensor_stuck"} == set(kinds)
    assert all(i.cause == (started.id,) for i in injects)
    known = {f"{c['sensor_id']}/{c['quantity']}" for c in city.rows("channels")}
    assert {i.body.target for i in injects} <= known


def test_sensing_finds_the_sensors_that_were_silenced(city: City, tmp_path: Path) -> None:
    """Every planted silence of more than an hour must come out as a fact, and no other channel be accused."""
    scenario = changed(tmp_path, instruments__silent_ratio=0.3, instruments__stuck_ratio=0.0, duration_h=8.0)
    world = World(city, scenario, 11)
    store = DuckDbReadings(tmp_path / "r.duckdb", channels=channels_of_city(city))
    state: State = initial_state()
    accused: set[str] = set()
    recovered: set[str] = set()
    ledger = MemoryLedger()
    while world.now < world.end:
        delivery = world.advance()
        intake = store.take("f", delivery.position, delivery.readings, now=delivery.now)
        for entry in ledger.append(decide(state, Inputs(readings=store), delivery.now, intake), now=delivery.now):
            state = evolve(state, entry)
            if entry.kind == "SensorSilent":
                accused.add(f"{entry.body.sensor_id}/{entry.body.quantity}")
            if entry.kind == "SensorRecovered":
                recovered.add(f"{entry.body.sensor_id}/{entry.body.quantity}")
    store.close()
    network = world.network
    names = [f"{s}/{q}" for s, q in zip(network.sensor_ids, network.quantities, strict=True)]
    falls = np.isfinite(network.silent_from_s)
    enough = np.where(falls, network.silent_from_s, 0.0) + 3600.0 + 2.0 * network.interval_s
    planted = {name for name, hit in zip(names, falls, strict=True) if hit}
    assert {name for name, hit in zip(names, falls & (network.silent_to_s > enough), strict=True) if hit} <= accused
    assert accused <= planted
    assert recovered <= accused
    assert recovered


def test_instruments_measure_within_their_noise(city: City, tmp_path: Path) -> None:
    """Without faults, stage readings lie around the true stage and rain adds up to what fell."""
    quiet = {"silent_ratio": 0.0, "stuck_ratio": 0.0, "spike_prob": 0.0, "rain_noise_ratio": 0.0}
    scenario = changed(tmp_path, **{f"instruments__{k}": v for k, v in quiet.items()})
    world = World(city, scenario, 5)
    rain_mm = 0.0
    gauge = world.reach.sensor_ids[0]
    for _ in range(60):
        table = world.advance().readings.good
        true = float(world.water.stage_m(world.reach, scenario)[0])
        rows = [r for r in table.to_pylist() if r["sensor_id"] == gauge and r["quantity"] == "stage_m"]
        if rows and rows[-1]["at"] == world.now:
            assert abs(rows[-1]["value"] - true) < 6 * scenario.instruments.stage_noise_m
        rain_mm += sum(r["value"] for r in table.to_pylist() if r["quantity"] == "rain_mm")
        assert all(world.now - timedelta(seconds=scenario.turn_s) < r["at"] <= world.now for r in table.to_pylist())
    gauges = sum(q == "rain_mm" for q in world.network.quantities)
    peak = float(world.sky.hyetograph_mm_h.sum() / 60.0)
    assert 0.2 * peak < rain_mm / gauges <= 1.01 * peak
