"""The whole loop: a replay of real telemetry, rehearsals of a city and of a city of a million."""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rencheng.app.city_import import import_city
from rencheng.app.rehearsal import rehearse
from rencheng.app.replay import replay
from rencheng.app.settings import Settings
from rencheng.city.sandbox import make_city

ROOT = Path(__file__).resolve().parents[1]


def median_s(runs: int, work: Callable[[int], object]) -> float:
    """Median wall time of a piece of work, seconds."""
    spans = []
    for number in range(runs):
        start = time.perf_counter()
        work(number)
        spans.append(time.perf_counter() - start)
    return statistics.median(spans)


def replay_row(data: Path, folder: Path, runs: int) -> str:
    """Replay sixteen days of a real basin."""
    tutorial = ROOT / "docs" / "tutorial" / "porto-alegre"
    city = folder / "poa"
    import_city(tutorial / "city.toml", city, data_dirs=(data,))
    readings = data / "telemetry_20240415_20240501.csv.gz"

    def once(number: int) -> object:
        return replay(city, readings, folder / f"replay-{number}", feed=tutorial / "feed.toml", settings=Settings())

    return f"| replay of 99,306 rows through every stage, Porto Alegre | {median_s(runs, once):.1f} s | ≤ 60 s |"


def rehearsal_row(city: Path, folder: Path, runs: int) -> str:
    """Play the shipped rainstorm."""

    def once(number: int) -> object:
        return rehearse("rainstorm", city, folder / f"rehearsal-{number}", seed=1, settings=Settings())

    took = median_s(runs, once)
    return f"| rainstorm rehearsal, 18 h on 100,000 residents | {took:.1f} s ({18 * 3600 / took:,.0f}× real time) | – |"


def million_row(folder: Path) -> str:
    """Play a whole day of a city of a million (OPS-17)."""
    city, plot = folder / "million", folder / "day.yaml"
    make_city(1_000_000, 1, city)
    shipped = (ROOT / "src" / "rencheng" / "rehearse" / "data" / "rainstorm.yaml").read_text(encoding="utf-8")
    plot.write_text(re.sub(r"duration_h: [0-9.]+", "duration_h: 24.0", shipped), encoding="utf-8")
    took = median_s(1, lambda _number: rehearse(str(plot), city, folder / "day", seed=1, settings=Settings()))
    return f"| rainstorm rehearsal, 24 h on 1,000,000 residents (one run) | {took:.0f} s | ≤ 600 s |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "porto_alegre")
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    print("| what | median | target |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen.data.is_dir():
            print(replay_row(chosen.data, folder, chosen.runs), flush=True)
        city = folder / "city"
        make_city(100_000, 1, city)
        print(rehearsal_row(city, folder, chosen.runs), flush=True)
        print(million_row(folder), flush=True)


if __name__ == "__main__":
    main()
