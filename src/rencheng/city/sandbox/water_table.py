"""The waters as a table of the package."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.names import RIVER
from rencheng.city.sandbox.tables import lonlat_shapes
from rencheng.city.sandbox.waters import Waters

__all__ = ["water_table"]


def water_table(frame: Frame, waters: Waters, reach_m: tuple[float, float]) -> pa.Table:
    """``waters``: the river's area and middle line (also far upstream), streams, the lake with its canal."""
    half = frame.river_width_m / 2.0
    along = np.linspace(-1.02 * reach_m[0], 1.02 * reach_m[0], 240)
    x0, y0 = frame.to_map(along, np.full(240, -half))
    x1, y1 = frame.to_map(along, np.full(240, half))
    ring = np.stack([np.concatenate([x0, x1[::-1]]), np.concatenate([y0, y1[::-1]])], axis=1)
    far = np.linspace(-max(9.5 * frame.radius_m, 25_000.0), 1.02 * reach_m[0], 900)
    shapes: list[Any] = [shapely.Polygon(ring), shapely.LineString(np.stack(frame.to_map(far, 0.0 * far), axis=1))]
    kinds, names = ["river", "river"], [RIVER[0], RIVER[0]]
    for k, stream in enumerate(waters.streams, start=1):
        v = stream.side * np.linspace(half, 1.02 * reach_m[1], 200)
        line = shapely.LineString(np.stack(frame.to_map(stream.at(v), v), axis=1))
        shapes += [line.buffer(stream.half_m, cap_style="flat"), line]
        kinds += ["stream", "stream"]
        names += [f"{RIVER[0]}第{k}支流"] * 2
    lake = waters.lake
    turn = np.linspace(0.0, 2.0 * np.pi, 73)[:-1]
    oval = frame.to_map(lake.u_m + lake.half_u_m * np.cos(turn), lake.v_m + lake.half_v_m * np.sin(turn))
    shapes.append(shapely.Polygon(np.stack(oval, axis=1)))
    kinds.append("lake")
    names.append("镜湖")
    u = np.linspace(waters.lake_stream.u_m, lake.u_m - lake.half_u_m, 6)
    shapes.append(shapely.LineString(np.stack(frame.to_map(u, np.full(6, lake.v_m)), axis=1)))
    kinds.append("canal")
    names.append("镜湖渠")
    wkb = shapely.to_wkb(lonlat_shapes(frame, np.array(shapes, dtype=object)), byte_order=1)
    return pa.table(
        {
            "water_id": [f"water-{k}" for k in range(1, len(kinds) + 1)],
            "kind": kinds,
            "name": names,
            "geometry": pa.array(wkb, pa.binary()),
        }
    )
