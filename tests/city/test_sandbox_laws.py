"""What must hold in every sandbox city: whatever reads a package may rely on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from scipy.ndimage import label
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from rencheng.city import City, check_city, schema_tables
from rencheng.city.sandbox import make_city
from rencheng.kernel import QUANTITIES, Colour, InvalidInput, cells_of


@pytest.fixture(scope="module", params=[(10_000, 3), (30_000, 4)], ids=["10k", "30k"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, City]:
    residents, seed = request.param
    return residents, make_city(residents, seed, tmp_path_factory.mktemp("sandbox") / "city")


@pytest.fixture(scope="module")
def city(made: tuple[int, City]) -> City:
    return made[1]


def _metric(city: City, table: str) -> tuple[np.ndarray, np.ndarray]:
    x, y = city.to_metric.transform(city.column(table, "lon"), city.column(table, "lat"))
    return np.asarray(x), np.asarray(y)


def _metric_shapes(city: City, wkb: list[bytes]) -> np.ndarray:
    def bend(points: np.ndarray) -> np.ndarray:
        return np.stack(city.to_metric.transform(points[:, 0], points[:, 1]), axis=1)

    return np.asarray(shapely.transform(shapely.from_wkb(wkb), bend))


def test_every_table_of_the_schema_is_there(city: City) -> None:
    assert [name for name in schema_tables() if not city.has(name)] == []


def test_the_checker_of_packages_finds_no_error(city: City) -> None:
    assert [d for d in check_city(city) if d.severity == "error"] == []


def test_everybody_lives_somewhere_and_is_counted_once(made: tuple[int, City]) -> None:
    residents, city = made
    households = city.table("households").to_pydict()
    assert sum(households["residents"]) == residents
    assert city.column("buildings", "residents").sum() == residents
    assert city.column("cells", "residents").sum() == residents
    buildings = city.table("buildings")
    by_building = dict.fromkeys(buildings.column("building_id").to_pylist(), 0)
    for building, count in zip(households["building_id"], households["residents"], strict=True):
        by_building[building] += count
    assert list(by_building.values()) == buildings.column("residents").to_pylist()
    cells = city.column("cells", "cell")
    place = np.searchsorted(cells, city.column("buildings", "cell"))
    sums = np.bincount(place, weights=city.column("buildings", "residents"), minlength=len(cells))
    assert np.array_equal(sums, city.column("cells", "residents"))


def test_vulnerable_people_are_part_of_the_household_and_of_the_cell(city: City) -> None:
    table = city.table("households").to_pydict()
    size, elderly = np.array(table["residents"]), np.array(table["elderly_residents"])
    children, disabled = np.array(table["child_residents"]), np.array(table["disabled_residents"])
    assert np.all(elderly + children <= size)
    assert np.all(disabled <= size)
    for name, count in (
        ("elderly_residents", elderly),
        ("child_residents", children),
        ("disabled_residents", disabled),
    ):
        assert city.column("cells", name).sum() == count.sum()
    vulnerable = city.column("cells", "vulnerable_residents")
    assert np.all(vulnerable <= city.column("cells", "residents"))
    assert np.all(vulnerable >= city.column("cells", "elderly_residents") + city.column("cells", "child_residents"))


def test_points_lie_in_the_cells_they_name(city: City) -> None:
    for table in ("buildings", "facilities", "sensors", "network_nodes"):
        lon, lat = city.column(table, "lon"), city.column(table, "lat")
        assert np.array_equal(cells_of(lon, lat), city.column(table, "cell")), table
    known = set(city.column("cells", "cell").tolist())
    assert set(city.column("facilities", "cell").tolist()) <= known


def test_every_street_corner_reaches_every_other(city: City) -> None:
    links = city.table("road_links")
    nodes = city.column("road_nodes", "node_id")
    tail = np.searchsorted(nodes, city.column("road_links", "from_node"))
    head = np.searchsorted(nodes, city.column("road_links", "to_node"))
    graph = coo_matrix((np.ones(len(tail)), (tail, head)), shape=(len(nodes), len(nodes)))
    parts, _ = connected_components(graph, directed=True, connection="strong")
    assert parts == 1
    assert city.column("road_links", "link_id").tolist() == list(range(1, len(links) + 1))
    pairs = list(zip(tail.tolist(), head.tolist(), strict=True))
    assert sorted(pairs) == sorted((b, a) for a, b in pairs)


def test_links_run_from_their_tail_to_their_head(city: City) -> None:
    lines = shapely.from_wkb(city.table("road_links").column("geometry").to_pylist())
    nodes = {n["node_id"]: (n["lon"], n["lat"]) for n in city.rows("road_nodes")}
    for line, link in zip(lines, city.rows("road_links"), strict=True):
        assert line.coords[0] == nodes[link["from_node"]]
        assert line.coords[-1] == nodes[link["to_node"]]
        assert link["length_m"] > 0


def test_bridges_cross_water_and_underpasses_are_the_lowest_of_their_street(city: City) -> None:
    links = city.rows("road_links")
    shapes = _metric_shapes(city, city.table("road_links").column("geometry").to_pylist())
    waters = [w for w in city.rows("waters") if w["kind"] in ("river", "stream")]
    wet = shapely.union_all(_metric_shapes(city, [w["geometry"] for w in waters]))
    river = shapely.union_all(_metric_shapes(city, [w["geometry"] for w in waters if w["kind"] == "river"]))
    shapely.prepare(wet)
    bridge = np.array([link["bridge"] for link in links])
    assert bridge.any()
    assert np.all(shapely.intersects(wet, shapes[bridge]))
    assert not np.any(shapely.intersects(river, shapes[~bridge]))
    ground = {n["node_id"]: n["ground_m"] for n in city.rows("road_nodes")}
    under = [link for link in links if link["underpass"]]
    assert under
    for link in under:
        assert link["ground_m"] < min(ground[link["from_node"]], ground[link["to_node"]]) - 1.0


def test_no_building_stands_in_water_on_a_street_or_on_its_neighbour(city: City) -> None:
    footprints = _metric_shapes(city, city.table("buildings").column("geometry").to_pylist())
    waters = [w["geometry"] for w in city.rows("waters") if w["kind"] in ("river", "stream", "lake")]
    wet = shapely.union_all(_metric_shapes(city, waters))
    shapely.prepare(wet)
    assert not np.any(shapely.intersects(wet, footprints))
    tree = shapely.STRtree(footprints)
    first, second = tree.query(footprints, predicate="overlaps")
    assert len(first) == 0, (first[:5], second[:5])
    streets = _metric_shapes(city, city.table("road_links").column("geometry").to_pylist())
    hit, _ = tree.query(streets, predicate="intersects")
    assert len(hit) == 0


def test_the_ground_drains_but_for_the_declared_low_places(city: City) -> None:
    ground = city.terrain.ground_m.astype(np.float64)
    ny, nx = ground.shape
    lower = np.zeros(ground.shape, dtype=np.bool_)
    padded = np.pad(ground, 1, constant_values=np.inf)
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            lower |= padded[dy : dy + ny, dx : dx + nx] < ground
    pits = ~lower
    pits[:, -1] = False  # the river leaves in the east
    low = [s for s in city.rows("sensors") if s["kind"] == "street_depth"]
    x, y = city.to_metric.transform([s["lon"] for s in low], [s["lat"] for s in low])
    row, column = np.nonzero(pits)
    at_x, at_y = city.terrain.centres()
    away = np.hypot(at_x[column][:, None] - np.asarray(x), at_y[row][:, None] - np.asarray(y))
    assert len(row) > 0
    assert away.min(axis=1).max() < 90.0
    groups, count = label(pits)
    assert count <= 3 * len(low), groups.shape


def test_rivers_lie_below_their_banks(city: City) -> None:
    river = next(w for w in city.rows("waters") if w["kind"] == "river")
    shape = _metric_shapes(city, [river["geometry"]])[0]
    x, y = np.meshgrid(*city.terrain.centres())
    wet = shapely.contains_xy(shapely.buffer(shape, -5.0), x, y)
    dry = shapely.contains_xy(shapely.buffer(shape, 40.0), x, y) & ~shapely.contains_xy(
        shapely.buffer(shape, 25.0), x, y
    )
    assert np.percentile(city.terrain.ground_m[wet], 95) < np.percentile(city.terrain.ground_m[dry], 5)


def test_areas_nest_and_hold_what_they_say(city: City) -> None:
    areas = {a["area_id"]: a for a in city.rows("areas")}
    above = {"district": "city", "street": "district", "community": "street", "grid": "community"}
    names = [(a["kind"], a["name"]) for a in areas.values()]
    assert len(set(names)) == len(names)
    for area in areas.values():
        if area["kind"] != "city":
            assert areas[area["parent_id"]]["kind"] == above[area["kind"]]
    shapes = dict(zip(areas, _metric_shapes(city, [a["geometry"] for a in areas.values()]), strict=True))
    for kind in ("district", "street", "community", "grid"):
        ids = [i for i, a in areas.items() if a["kind"] == kind]
        total = sum(shapes[i].area for i in ids)
        whole = next(shapes[i] for i, a in areas.items() if a["kind"] == "city")
        assert total == pytest.approx(whole.area, rel=0.01)


def test_sewers_fall_all_the_way_to_an_outfall_or_a_pump(city: City) -> None:
    nodes = {n["node_id"]: n for n in city.rows("network_nodes") if n["network"] == "drainage"}
    down = {}
    for link in city.rows("network_links"):
        if link["network"] != "drainage":
            continue
        tail, head = nodes[link["from_node"]], nodes[link["to_node"]]
        assert link["from_node"] not in down
        down[link["from_node"]] = link["to_node"]
        if tail["kind"] != "pump":
            assert tail["invert_m"] > head["invert_m"], link
            assert tail["invert_m"] < tail["ground_m"]
    for node_id, node in nodes.items():
        at, steps = node_id, 0
        while at in down:
            at, steps = down[at], steps + 1
            assert steps < len(nodes)
        assert nodes[at]["kind"] == "outfall", node


def test_water_and_power_reach_everybody(city: City) -> None:
    for network, kinds in (("water", {"reservoir", "tank"}), ("power", {"substation"})):
        nodes = [n for n in city.rows("network_nodes") if n["network"] == network]
        index = {n["node_id"]: i for i, n in enumerate(nodes)}
        links = [link for link in city.rows("network_links") if link["network"] == network]
        tail = np.array([index[link["from_node"]] for link in links])
        head = np.array([index[link["to_node"]] for link in links])
        graph = coo_matrix((np.ones(len(links)), (tail, head)), shape=(len(nodes), len(nodes)))
        _, part = connected_components(graph, directed=False)
        fed = {part[index[n["node_id"]]] for n in nodes if n["kind"] in kinds}
        assert set(part.tolist()) == fed
        if network == "water":
            assert len(links) > len(nodes), "water mains must run in loops"


def test_dependencies_have_no_cycle_and_every_pump_needs_power(city: City) -> None:
    needs: dict[str, list[str]] = {}
    for row in city.rows("network_dependencies"):
        needs.setdefault(row["dependent"], []).append(row["provider"])
    facility_of = {n["node_id"]: n["facility_id"] for n in city.rows("network_nodes") if n["facility_id"]}
    done: set[str] = set()

    def walk(node: str, path: tuple[str, ...]) -> None:
        assert node not in path, path
        if node in done:
            return
        for provider in needs.get(node, []):
            walk(provider, (*path, node))
        done.add(node)

    for dependent in needs:
        walk(dependent, ())
    kinds = {n["node_id"]: n["kind"] for n in city.rows("network_nodes")}
    assert all(node in needs for node, kind in kinds.items() if kind == "pump")
    hospitals = [f["facility_id"] for f in city.rows("facilities") if f["kind"] == "hospital"]
    assert all(len(needs[hospital]) == 2 for hospital in hospitals)
    assert facility_of


def test_sensors_measure_known_quantities_and_gauges_have_all_colours_rising(city: City) -> None:
    channels = city.rows("channels")
    assert {c["quantity"] for c in channels} <= set(QUANTITIES)
    assert {c["sensor_id"] for c in channels} == {s["sensor_id"] for s in city.rows("sensors")}
    by_sensor: dict[str, dict[str, float]] = {}
    for row in city.rows("thresholds"):
        assert row["source"]
        by_sensor.setdefault(row["sensor_id"], {})[row["colour"]] = row["value"]
    for sensor in city.rows("sensors"):
        if sensor["kind"] in ("river_gauge", "street_depth"):
            values = [by_sensor[sensor["sensor_id"]][colour] for colour in Colour]
            assert values == sorted(values)
            assert len(set(values)) == 4
    low = [s for s in city.rows("sensors") if s["kind"] == "street_depth"]
    x, y = city.to_metric.transform([s["lon"] for s in low], [s["lat"] for s in low])
    points = shapely.points(np.asarray(x), np.asarray(y))
    links = city.table("road_links").filter(city.table("road_links").column("underpass"))
    for line in _metric_shapes(city, links.column("geometry").to_pylist()):
        assert shapely.distance(line, points).min() < 30.0


def test_gauges_stand_up_and_downstream_and_rain_is_measured_above_the_city(city: City) -> None:
    x, _ = _metric(city, "cells")
    gauges = {k: [s for s in city.rows("sensors") if s["kind"] == k] for k in ("river_gauge", "rain_gauge")}
    at = {
        k: np.asarray(city.to_metric.transform([s["lon"] for s in v], [s["lat"] for s in v])[0])
        for k, v in gauges.items()
    }
    assert (at["river_gauge"] < x.min() - 5_000).sum() >= 2
    assert (at["river_gauge"] > np.median(x)).sum() >= 1
    assert (at["rain_gauge"] < x.min()).sum() >= 4
    datum = {c["sensor_id"]: c["datum_m"] for c in city.rows("channels") if c["quantity"] == "stage_m"}
    river = sorted((s for s in gauges["river_gauge"] if s["river_id"] == "LJ"), key=lambda s: s["lon"])
    levels = [datum[s["sensor_id"]] for s in river]
    assert levels == sorted(levels, reverse=True)


def test_whoever_does_not_answer_is_heard_by_the_city_commander_in_the_end(city: City) -> None:
    roles = {r["role_id"]: r for r in city.rows("roles")}
    for role in roles.values():
        at, steps = role, 0
        while at["escalate_to"]:
            at, steps = roles[at["escalate_to"]], steps + 1
            assert steps < 10
        assert at["role_id"] == "city.commander"
    duties = {r["duty"] for r in roles.values()}
    wanted = (
        "duty_officer commander emergency_lead water_lead traffic_lead fire_lead health_lead police_lead power_lead"
    )
    wanted += " education_lead housing_lead civil_affairs_lead transport_lead grid_officer warning_editor"
    assert set(wanted.split()) <= duties


def test_units_have_skills_for_every_need_and_stocks_lie_in_depots(city: City) -> None:
    skills = {skill for unit in city.rows("units") for skill in unit["skills"].split(",")}
    assert {"fire", "medical", "pumping", "water_rescue", "evacuation", "traffic", "repair"} <= skills
    depots = {f["facility_id"] for f in city.rows("facilities") if f["kind"] == "depot"}
    assert {s["facility_id"] for s in city.rows("stocks")} == depots
    assert {"sandbag", "pump", "tent", "blanket", "boat"} <= {s["item"] for s in city.rows("stocks")}


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    steps: list[tuple[str, float]] = []
    first = make_city(10_000, 5, tmp_path / "a", progress=lambda step, share: steps.append((step, share)))
    make_city(10_000, 5, tmp_path / "b")
    make_city(10_000, 6, tmp_path / "c")
    same, other = _files(tmp_path / "a"), _files(tmp_path / "c")
    assert _files(tmp_path / "b") == same
    assert {name for name in same if same[name] == other[name]} <= {"feeds/readings.toml"}
    assert first.digest
    shares = [share for _, share in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize(("residents", "seed"), [(100, 1), (50_000_000, 1), (10_000, -1)])
def test_an_impossible_city_is_refused_with_a_mend(tmp_path: Path, residents: int, seed: int) -> None:
    with pytest.raises(InvalidInput) as refusal:
        make_city(residents, seed, tmp_path / "city")
    assert refusal.value.mend
    assert not (tmp_path / "city").exists()


@pytest.mark.parametrize("seed", range(8))
def test_any_seed_makes_a_whole_small_city(tmp_path: Path, seed: int, no_defects: Callable[[City], None]) -> None:
    no_defects(make_city(6_000 + 5_000 * seed, seed, tmp_path / "city"))


@pytest.fixture
def no_defects() -> Callable[[City], None]:
    def look(city: City) -> None:
        assert [d for d in check_city(city) if d.severity == "error"] == []
        assert any(link["underpass"] for link in city.rows("road_links"))
        assert any(link["bridge"] for link in city.rows("road_links"))
        test_every_street_corner_reaches_every_other(city)
        test_sewers_fall_all_the_way_to_an_outfall_or_a_pump(city)
        test_the_ground_drains_but_for_the_declared_low_places(city)
        test_no_building_stands_in_water_on_a_street_or_on_its_neighbour(city)

    return look
