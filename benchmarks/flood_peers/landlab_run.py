"""Runs in the peers' environment: landlab's OverlandFlow on a closed raster, ``landlab_run.py CASE.npz ANSWER.npz``."""

import sys
import time

import numpy as np
from landlab import RasterModelGrid  # type: ignore[import-not-found]  # lives in the peers' environment
from landlab.components import OverlandFlow  # type: ignore[import-not-found]  # lives in the peers' environment


def main(asked: str, answered: str) -> None:
    case = np.load(asked)
    ny, nx = case["bed_m"].shape
    grid = RasterModelGrid((ny + 2, nx + 2), xy_spacing=float(case["cell_m"]))
    grid.add_field("topographic__elevation", np.pad(case["bed_m"], 1, mode="edge").ravel(), at="node")
    depth = grid.add_field("surface_water__depth", np.pad(case["depth_m"], 1).ravel(), at="node")
    grid.set_closed_boundaries_at_grid_edges(True, True, True, True)
    rain_m_s = float(case["rain_mm_h"]) / 3.6e6
    # the authors' own advice for steep ground is steep_slopes; without it this terrain runs unstable
    flow = OverlandFlow(grid, mannings_n=float(case["manning"]), rainfall_intensity=rain_m_s, steep_slopes=True)
    flow.overland_flow(dt=1e-6)  # builds the grid's lazy tables outside the clock
    peak, seconds, steps, now = depth.copy(), 0.0, 0, 0.0
    while now < float(case["duration_s"]):
        begin = time.perf_counter()
        dt = min(flow.calc_time_step(), float(case["duration_s"]) - now)
        flow.overland_flow(dt=dt)
        seconds += time.perf_counter() - begin
        np.maximum(peak, depth, out=peak)
        now, steps = now + dt, steps + 1
    inner = np.s_[1:-1, 1:-1]
    depth_m, peak_m = (a.reshape(ny + 2, nx + 2)[inner] for a in (depth, peak))
    np.savez(answered, depth_m=depth_m, peak_depth_m=peak_m, seconds=seconds, steps=steps)


if __name__ == "__main__":
    main(*sys.argv[1:])
