"""Memory under overload: four gateways deliver as fast as they are answered, for half an hour.

Run with ``python -m benchmarks.soak_feeds [MINUTES]`` (30 by default). Back-pressure holds if what waits and the
resident memory stay flat while readings keep coming; the readings of each run are kept in one store on the disk.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from benchmarks.sense_feeds import TIME, Rows

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.live_intake import LiveIntake, spare_collections
from rencheng.sense import feed_config_from_dict

_LONG = {"quantity_column": "q", "value_column": "v"}


def resident_mib() -> float:
    """Resident memory of this process."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
    """Print how memory went, minute by minute in ten steps."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    config = feed_config_from_dict(
        {"id": "f", "format": "arrow", "sensor_column": "s", "time": TIME, "long": _LONG}, where="soak"
    )
    spare_collections()
    samples: list[tuple[float, float, int, int]] = []
    with tempfile.TemporaryDirectory() as name:
        store = DuckDbReadings(Path(name) / "r.duckdb")
        live = LiveIntake(store, {"f": config}, clock=lambda: datetime.now(UTC))
        rows = Rows([f"g{k}" for k in range(20_000)])
        making, stop = threading.Lock(), threading.Event()

        def deliver() -> None:
            while not stop.is_set():
                with making:
                    body = rows.arrow(100_000)
                live.offer("f", body)

        threads = [threading.Thread(target=deliver, daemon=True) for _ in range(4)]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        while (passed_s := time.monotonic() - begun) < 60 * minutes:
            load = live.load()
            samples.append((passed_s, resident_mib(), load.waiting_rows, load.rows))
            time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join()
        live.close()
        store.close()
    table = np.array(samples)
    print("| part of the time | resident, MiB, most | waiting rows, most | readings stored |\n|---:|---:|---:|---:|")
    for part in np.array_split(table, 10):
        share = part[-1, 0] / (60 * minutes)
        print(f"| {share:.0%} | {part[:, 1].max():,.0f} | {part[:, 2].max():,.0f} | {part[-1, 3]:,.0f} |")


if __name__ == "__main__":
    main()
