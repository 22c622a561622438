"""A city in which two roads join the same two junctions must not hang dispatch and routing for ever."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import numpy as np
from rencheng.city.roads import RoadGraph

tail = np.array([0, 0, 1, 1, 2, 1], np.int64)
head = np.array([2, 1, 0, 0, 1, 2], np.int64)
from rencheng.science.paths import csr_from_edges
indptr, indices, order = csr_from_edges(4, tail, head)
zeros = np.zeros(4)
graph = RoadGraph(
    node_id=np.arange(4), lon=zeros, lat=zeros, x_m=zeros, y_m=zeros, indptr=indptr, indices=indices,
    tail=tail[order], link_id=order, travel_s=np.ones(6), underpass=np.zeros(6, bool), cell=np.zeros(6, np.uint64),
    to_metric=None,
)
print(graph.main_nodes.tolist())
"""


def test_parallel_roads_end_the_search_for_the_main_network() -> None:
    # in its own process: the library's endless loop cannot be interrupted from within
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[0, 1, 2]"
