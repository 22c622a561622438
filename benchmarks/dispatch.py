"""How fast roads, dispatch and plans answer: ``python -m benchmarks.dispatch [--side N] [--runs K]``.

The road graph is a street grid of N × N crossings (316 gives 99,856) with travel times drawn from a seed. The peers run
in the same process on the same data: ``scipy.sparse.csgraph.dijkstra`` for travel times, HiGHS
(``scipy.optimize.milp``) for the assignment, written as a 0/1 programme. Medians of several runs; p95 over many
questions.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from pyproj import Transformer
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix, lil_matrix
from scipy.sparse.csgraph import dijkstra

from rencheng.city import AreaTree, RoadGraph
from rencheng.kernel import ResponseLevel
from rencheng.respond import DispatchNeed, DispatchUnit, PlanBook, dispatch, read_plans
from rencheng.respond.resources import Resource, ResourceIndex
from rencheng.science.allocation import PRIORITY_WEIGHT, unserved_travel_s
from rencheng.science.paths import csr_from_edges

SKILLS = ("medical", "pumping", "water_rescue", "evacuation")


def grid_roads(side: int, rng: np.random.Generator) -> RoadGraph:
    """Street grid of ``side`` × ``side`` crossings, 120 m apart, both ways, each direction with its own time."""
    ids = np.arange(side * side).reshape(side, side)
    one = np.concatenate([ids[:, :-1].ravel(), ids[:-1].ravel()])
    two = np.concatenate([ids[:, 1:].ravel(), ids[1:].ravel()])
    tail, head = np.concatenate([one, two]), np.concatenate([two, one])
    indptr, indices, order = csr_from_edges(side * side, tail, head)
    to_metric = Transformer.from_crs("EPSG:4326", "EPSG:32650", always_xy=True)
    x_m, y_m = 500_000.0 + 120.0 * (ids % side).ravel(), 3_300_000.0 + 120.0 * (ids // side).ravel()
    lon, lat = Transformer.from_crs("EPSG:32650", "EPSG:4326", always_xy=True).transform(x_m, y_m)
    m = len(tail)
    return RoadGraph(
        node_id=ids.ravel(), lon=lon, lat=lat, x_m=np.asarray(x_m, dtype=np.float64),
        y_m=np.asarray(y_m, dtype=np.float64), indptr=indptr, indices=indices, tail=tail[order],
        link_id=np.arange(m), travel_s=rng.uniform(6.0, 24.0, m), underpass=np.zeros(m, dtype=bool),
        cell=np.zeros(m, dtype=np.uint64), to_metric=to_metric,
    )  # fmt: skip


def median_s(runs: int, work: Callable[[], Any]) -> float:
    """Median seconds of several runs after one to warm up."""
    work()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def p95_s(questions: list[Callable[[], Any]]) -> float:
    """95th percentile of the seconds each question takes."""
    questions[0]()
    times = []
    for ask in questions:
        begin = time.perf_counter()
        ask()
        times.append(time.perf_counter() - begin)
    return float(np.percentile(times, 95))


def milp_assignment(travel_s: np.ndarray, eligible: np.ndarray, priority: np.ndarray) -> float:
    """The same assignment (one unit a need) as a 0/1 programme; gives the weighted time saved."""
    worth = np.where(eligible, (unserved_travel_s(travel_s) - travel_s) * PRIORITY_WEIGHT[priority - 1][:, None], 0.0)
    needs, units = travel_s.shape
    rows, columns = np.nonzero(eligible)
    table = lil_matrix((needs + units, len(rows)))
    table[rows, np.arange(len(rows))] = 1.0
    table[needs + columns, np.arange(len(rows))] = 1.0
    limits = LinearConstraint(csr_matrix(table), -np.inf, 1.0)
    solved = milp(
        -worth[rows, columns], constraints=limits, bounds=Bounds(0, 1), integrality=np.ones(len(rows), dtype=np.int64)
    )
    assert solved.fun is not None
    return -float(solved.fun)


def situation(needs: int, units: int, rng: np.random.Generator) -> tuple[list[DispatchNeed], list[DispatchUnit]]:
    """Needs of mixed skills and urgency, units with one to three skills."""
    asked = [
        DispatchNeed(need_id=f"n{k}", skills=(SKILLS[int(rng.integers(4))],), priority=int(rng.integers(1, 5)))
        for k in range(needs)
    ]
    have = [
        DispatchUnit(unit_id=f"u{k}", skills=tuple(rng.choice(SKILLS, int(rng.integers(1, 4)), replace=False)))
        for k in range(units)
    ]
    return asked, have


def dispatch_rows(roads: RoadGraph, runs: int, rng: np.random.Generator) -> list[tuple[str, str, str, str]]:
    """Matrix and assignment against their peers."""
    n = len(roads.node_id)
    sources, targets = rng.integers(0, n, 50), rng.integers(0, n, 300)
    ours = median_s(runs, lambda: roads.matrix_s(sources, targets))
    sparse = csr_matrix((roads.travel_s, roads.indices, roads.indptr), shape=(n, n))
    peer = median_s(max(1, runs // 2), lambda: dijkstra(sparse, indices=sources)[:, targets])
    needs, units = situation(200, 300, rng)
    table = roads.matrix_s(rng.integers(0, n, 300), rng.integers(0, n, 200)).T
    solve = median_s(runs, lambda: dispatch(needs, units, table))
    eligible = np.array([[set(q.skills) <= set(u.skills) for u in units] for q in needs])
    priority = np.array([q.priority for q in needs])
    begin = time.perf_counter()
    milp_gain = milp_assignment(table, eligible, priority)
    milp_s = time.perf_counter() - begin
    result = dispatch(needs, units, table)
    gain = sum(
        (unserved_travel_s(table) - a.travel_s) * PRIORITY_WEIGHT[priority[int(a.need_id[1:])] - 1]
        for a in result.assignments
    )
    many_needs, many_units = situation(1000, 5000, rng)
    many = rng.uniform(30, 3000, (1000, 5000))
    large = median_s(max(1, runs // 2), lambda: dispatch(many_needs, many_units, many))
    return [
        (
            f"travel times, 50 sources × 300 targets, {n:,} nodes",
            f"{ours:.2f} s",
            f"scipy dijkstra {peer:.2f} s",
            "≤ 2 s",
        ),
        ("dispatch, 200 needs × 300 units", f"{solve * 1e3:.0f} ms", f"HiGHS MILP {milp_s * 1e3:.0f} ms", "< 200 ms"),
        ("… optimality gap against HiGHS", f"{abs(milp_gain - gain) / milp_gain:.1e}", "0", "≤ 5 %"),
        ("dispatch, 1,000 needs × 5,000 units", f"{large:.2f} s", "—", "≤ 2 s"),
    ]


def query_rows(roads: RoadGraph, rng: np.random.Generator) -> list[tuple[str, str, str, str]]:
    """Resources within reach, and the plan resolver."""
    n = len(roads.node_id)
    at = rng.integers(0, n, 100_000)
    items = [
        Resource(resource_id=f"r{k}", kind=f"stock/{k % 7}", lon=float(roads.lon[node]), lat=float(roads.lat[node]))
        for k, node in enumerate(at.tolist())
    ]
    index = ResourceIndex.of(roads, items)
    places = rng.integers(0, n, 60).tolist()
    minutes = rng.uniform(3, 30, 60).tolist()
    near = p95_s(
        [
            lambda p=p, t=t: index.within(float(roads.lon[p]), float(roads.lat[p]), t)  # type: ignore[misc]
            for p, t in zip(places, minutes, strict=True)
        ]
    )
    areas = AreaTree(parent={"c": "", "d": "c", "s": "d"}, kind={"c": "city", "d": "district", "s": "street"})
    book = PlanBook(plans=read_plans().plans * 100)
    ask: dict[str, Any] = {
        "colour": "red",
        "areas": areas,
        "jurisdiction": "CN-41",
        "at": datetime(2026, 7, 1, tzinfo=UTC),
    }
    resolve = p95_s(
        [
            lambda h=h: book.resolve(hazard=h, level=ResponseLevel.I, area_ids=["s"], **ask)  # type: ignore[misc]
            for h in ["rainstorm", "river_flood", "waterlogging", "other"] * 10
        ]
    )
    return [
        (f"resources within X minutes, 100,000 items, {n:,} nodes, p95", f"{near * 1e3:.0f} ms", "—", "≤ 500 ms"),
        (f"most specific of {len(book.plans):,} plans, p95", f"{resolve * 1e3:.1f} ms", "—", "≤ 100 ms"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--side", type=int, default=316, help="crossings along one side of the street grid")
    parser.add_argument("--runs", type=int, default=5, help="runs whose median is told")
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    roads = grid_roads(given.side, rng)
    print("| what | Rencheng | peer | target |\n|---|---|---|---|")
    for row in [*dispatch_rows(roads, given.runs, rng), *query_rows(roads, rng)]:
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
