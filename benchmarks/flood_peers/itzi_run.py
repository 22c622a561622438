"""Runs in the peers' environment: itzi on a closed raster without GRASS GIS, ``itzi_run.py CASE.npz ANSWER.npz``."""

import sys
import time
from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
from itzi.const import DefaultValues  # type: ignore[import-not-found]  # lives in the peers' environment
from itzi.rasterdomain import DomainData  # type: ignore[import-not-found]  # lives in the peers' environment
from itzi.simulation_factories import (  # type: ignore[import-not-found]  # lives in the peers' environment
    create_memory_simulation,
)

PARAMETERS = {
    "hmin": DefaultValues.HFMIN,
    "cfl": DefaultValues.CFL,
    "theta": DefaultValues.THETA,
    "g": DefaultValues.G,
    "vrouting": DefaultValues.VROUTING,
    "dtmax": DefaultValues.DTMAX,
    "slmax": DefaultValues.SLMAX,
    "dtinf": DefaultValues.DTINF,
    "inf_model": "null",
    "max_error": 1e9,  # its own check would stop the run; the volume error is what is asked
}


def main(asked: str, answered: str) -> None:
    case = np.load(asked)
    ny, nx = case["bed_m"].shape
    cell, duration = float(case["cell_m"]), timedelta(seconds=float(case["duration_s"]))
    start = datetime(2000, 1, 1)  # noqa: DTZ001 - itzi wants naive times
    times = SimpleNamespace(start=start, end=start + duration, record_step=duration, temporal_type="relative")
    maps = {"water_depth": "depth", "hmax": "peak"}
    simulation = create_memory_simulation(
        sim_times=times,
        output_maps=maps,
        sim_param=PARAMETERS,
        drainage_params={"swmm_inp": None},
        domain_data=DomainData(north=ny * cell, south=0.0, east=nx * cell, west=0.0, rows=ny, cols=nx),
        arr_mask=np.zeros((ny, nx), bool),
        dtype=np.float32,
    )
    given = {"dem": case["bed_m"], "water_depth": case["depth_m"]}
    given["friction"] = np.full((ny, nx), float(case["manning"]))
    given["rain"] = np.full((ny, nx), float(case["rain_mm_h"]) / 3.6e6)
    for name, values in given.items():
        simulation.set_array(name, np.ascontiguousarray(values[::-1], dtype=np.float32))
    simulation.initialize()
    begin, steps = time.perf_counter(), 0
    while simulation.sim_time < simulation.end_time:
        simulation.update()
        steps += 1
    simulation.finalize()
    seconds = time.perf_counter() - begin
    told = simulation.report.raster_provider.output_maps_dict
    depth, peak = (np.asarray(told[name][-1][1], np.float64)[::-1] for name in maps)
    np.savez(answered, depth_m=depth, peak_depth_m=peak, seconds=seconds, steps=steps)


if __name__ == "__main__":
    main(*sys.argv[1:])
