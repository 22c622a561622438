"""How long an import takes and how much memory it needs: ``python -m benchmarks.city_import --data ../shared/data``.

Each run is a process of its own, so that the peak is the import's and includes starting Python. The peer is pyrosm,
which reads the same map into a drivable graph and nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMPORT = """
import json, resource, sys, time
from pathlib import Path
start = time.perf_counter()
from rencheng.app.city_import import import_city
import_city(Path(sys.argv[1]), Path(sys.argv[2]), data_dirs=[Path(sys.argv[3])])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"s": time.perf_counter() - start, "mib": peak}))
"""
PEER = """
import json, resource, sys, time
start = time.perf_counter()
import pyrosm
osm = pyrosm.OSM(sys.argv[1])
nodes, edges = osm.get_network(network_type="driving", nodes=True)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"s": time.perf_counter() - start, "mib": peak}))
"""
PLACES = (
    ("Porto Alegre", "docs/tutorial/porto-alegre/city.toml", "porto_alegre"),
    ("Andorra", "tests/city/configs/andorra.toml", "andorra"),
    ("Monaco", "tests/city/configs/monaco.toml", "monaco"),
)


def measured(code: str, *arguments: str, runs: int) -> tuple[float, float]:
    """Median seconds and highest peak (MiB) of several runs."""
    taken = []
    for _ in range(runs):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
        taken.append(json.loads(done.stdout.splitlines()[-1]))
    return statistics.median(run["s"] for run in taken), max(run["mib"] for run in taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print("| what | median s | peak MiB | target |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, config, data in PLACES:
            target = "60 s, 2048 MiB" if name == "Porto Alegre" else ""
            arguments = (str(ROOT / config), f"{folder}/{data}", str(options.data / data))
            seconds, peak = measured(IMPORT, *arguments, runs=options.runs)
            print(f"| import {name}, whole package | {seconds:.2f} | {peak:.0f} | {target} |")
    map_file = options.data / "porto_alegre" / "poa_osm.pbf"
    seconds, peak = measured(PEER, str(map_file), runs=options.runs)
    print(f"| pyrosm, Porto Alegre, driving network only | {seconds:.2f} | {peak:.0f} | peer |")


if __name__ == "__main__":
    main()
