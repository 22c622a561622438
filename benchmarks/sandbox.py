"""How long growing a sandbox city takes, how much memory it needs, and what it comes to.

Run ``python -m benchmarks.sandbox [RESIDENTS ...]``; every size is grown in a fresh process, three times.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 3


def grow(residents: int, folder: Path) -> None:
    """Grow one city and print seconds and peak memory in MiB."""
    from rencheng.city.sandbox import make_city

    begin = time.perf_counter()
    make_city(residents, 1, folder / "city")
    seconds = time.perf_counter() - begin
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print(f"{seconds:.2f} {peak_mib:.0f}")


def measure(residents: int) -> tuple[float, float]:
    """Median seconds (without starting Python) and highest peak memory of several fresh processes."""
    seconds, memory = [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.sandbox", "--grow", str(residents), folder]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        took, peak = done.stdout.split()
        seconds.append(float(took))
        memory.append(float(peak))
    return statistics.median(seconds), max(memory)


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--grow"]:
        grow(int(arguments[1]), Path(arguments[2]))
        return
    print("| residents | seconds (median of 3) | peak memory, MiB |")
    print("|---:|---:|---:|")
    for residents in [int(a) for a in arguments] or [10_000, 100_000, 1_000_000]:
        seconds, peak_mib = measure(residents)
        print(f"| {residents:,} | {seconds:.1f} | {peak_mib:.0f} |")
    from rencheng.city.sandbox import make_city
    from rencheng.city.sandbox.statistics import city_statistics, statistics_table

    with tempfile.TemporaryDirectory() as folder:
        print("\nA city of 100,000, seed 1:\n")
        print(statistics_table(city_statistics(make_city(100_000, 1, Path(folder) / "city"))), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
