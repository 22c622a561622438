"""A city in which two roads join the same two junctions must not hang dispatch and routing for ever."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import numpy as np
from rencheng.city.roads import RoadGraph
from rencheng.science.paths import csr_from_edges

rng, n = np.random.default_rng(3), 100
tail, head = rng.integers(0, n, 3 * n), rng.integers(0, n, 3 * n)
tail, head = np.r_[tail, tail[:20]], np.r_[head, head[:20]]
indptr, indices, order = csr_from_edges(n, tail, head)
zeros = np.zeros(n)
graph = RoadGraph(
    node_id=np.arange(n), lon=zeros, lat=zeros, x_m=zeros, y_m=zeros, indptr=indptr, indices=indices,
    tail=tail[order], link_id=order, travel_s=np.ones(len(tail)), underpass=np.zeros(len(tail), bool),
    cell=np.zeros(len(tail), np.uint64), to_metric=None,
)
print(80 < len(graph.main_nodes) <= n)
"""


def test_parallel_roads_end_the_search_for_the_main_network() -> None:
    # in its own process: the library's endless loop cannot be interrupted from within
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "True"
