"""Street names: one per street line, 大道 for arterials, 路 and 街 below, 巷 for lanes."""

from __future__ import annotations

import numpy as np

from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.names import place_names
from rencheng.city.sandbox.roads import Roads

__all__ = ["street_names"]

_WORD = ("大道", "大道", "路", "街", "巷")


def street_names(frame: Frame, roads: Roads) -> list[str]:
    """Name of each road piece."""
    lines, line = np.unique(roads.name, return_inverse=True)
    names = place_names(frame.rng("street-names"), len(lines))
    return [names[k][0] + _WORD[c] for k, c in zip(line.tolist(), roads.road_class.tolist(), strict=True)]
