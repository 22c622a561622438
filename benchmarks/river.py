"""How well the river forecast foretells stages, against persistence, and how long one takes.

Run with ``python -m benchmarks.river``. Hindcasts on the shared telemetry of the Guaíba basin: every six hours from
15 April to 1 May 2024 every gauge of the river file is forecast by what was known then; the record begins on 1 April.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.assess.memory_readings import MemoryReadings
from tests.assess.real_gauges import CITY_GAUGE, gauges_city, readings_from_telemetry

from rencheng.assess.frame import GaugeFrame, city_frame
from rencheng.assess.river import RiverForecaster, read_river_file
from rencheng.assess.windows import series_window
from rencheng.kernel import hours, micros
from rencheng.science.regular_series import regular_grid

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "porto_alegre"
RIVER = ROOT / "docs" / "tutorial" / "porto-alegre" / "river.toml"
START, END = datetime(2024, 4, 15, 3, tzinfo=UTC), datetime(2024, 5, 1, 15, tzinfo=UTC)
FLOOD_FROM = datetime(2024, 4, 27, 3, tzinfo=UTC)
LEADS_H = (6, 12, 24, 36, 48, 72)
Row = tuple[float, float, bool, bool]


def truth_grid(readings: MemoryReadings, gauges: GaugeFrame) -> NDArray[np.float64]:
    """Hourly stages of every gauge from START to END."""
    steps = int((END - START) / timedelta(hours=1)) + 1
    series = series_window(readings, gauges, "stage_m", start=START - hours(2), end=END)
    return regular_grid(series.row, series.at_us, series.value, count=len(gauges), end_us=micros(END), steps=steps)


def hindcasts(
    forecaster: RiverForecaster, truth: NDArray[np.float64], every_h: int
) -> dict[tuple[str, str, int], list[Row]]:
    """Error of forecast and of persistence, and whether the truth lay in the 80 and 95 % interval."""
    rows: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for step in range(0, len(truth) - LEADS_H[0], every_h):
        now = START + hours(step)
        period = "calm" if now < FLOOD_FROM else "flood"
        for told in forecaster.forecast(now).gauges:
            column = forecaster.gauges.index[told.sensor_id]
            for lead in LEADS_H:
                came = truth[step + lead, column] if step + lead < len(truth) else np.nan
                if not np.isfinite(came):
                    continue
                q = told.stage_m[:, lead - 1]
                miss, stay = abs(came - q[3]), abs(came - told.observed_m)
                rows[period, told.sensor_id, lead].append(
                    (float(miss), float(stay), bool(q[1] <= came <= q[5]), bool(q[0] <= came <= q[6]))
                )
    return rows


def main() -> None:
    readings = readings_from_telemetry(DATA)
    with tempfile.TemporaryDirectory() as folder:
        gauges = city_frame(gauges_city(DATA, Path(folder) / "city", readings)).gauges
    forecaster = RiverForecaster(readings=readings, gauges=gauges, file=read_river_file(RIVER), members=400)
    truth = truth_grid(readings, gauges)
    rows = hindcasts(forecaster, truth, 6)
    print("| period | gauge | lead h | n | MAE m | persistence | ratio | in 80 % | in 95 % |")
    print("|---|---|---|---|---|---|---|---|---|")
    for period in ("calm", "flood"):
        for sensor in (CITY_GAUGE, *(s for s in forecaster.file.ids if s != CITY_GAUGE), "all"):
            for lead in LEADS_H:
                some = [s for s in forecaster.file.ids if rows.get((period, s, lead))]
                chosen = some if sensor == "all" else [s for s in some if s == sensor]
                if not chosen:
                    continue
                by_gauge = [np.mean(np.array(rows[period, s, lead], dtype=np.float64), axis=0) for s in chosen]
                n = sum(len(rows[period, s, lead]) for s in chosen)
                miss, stay, inner, outer = np.mean(by_gauge, axis=0)
                name = sensor if sensor == "all" else gauges.name[gauges.index[sensor]]
                print(
                    f"| {period} | {name} | {lead} | {n} | {miss:.3f} | {stay:.3f} | {miss / max(stay, 1e-9):.2f} |"
                    f" {inner:.0%} | {outer:.0%} |"
                )
    for members in (200, 400, 1000):
        one = RiverForecaster(readings=readings, gauges=gauges, file=forecaster.file, members=members)
        spent = []
        for _ in range(4):
            begun = time.process_time()
            one.forecast(END)
            spent.append(time.process_time() - begun)
        print(f"\n{members} members, 731 h of record, 72 h ahead: {min(spent):.2f} s of one core")


if __name__ == "__main__":
    main()
