"""Leaks of L-TOWN by the contest's rule: euros saved and false alarms, on SCADA derived from the leak configurations.

Run with ``python -m benchmarks.detect_leaks [NAME …]`` (names of ``CASES``); SCADA is made once for each case under
``.cache/ltown_scada`` (a minute or two of processor time a year). Settings were chosen on 2018 of case 1; see
``docs/explanation/leak-detection.md`` for what was looked at. The peer of the same run is minimum night flow, with
perfect luck in place: an alarm when the night's least inflow stands above the last four weeks', at the pipe where the
leak is.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from benchmarks.leak_scada import DATA, START, STEP_S, generate
from benchmarks.leak_score import Scored, score
from numpy.typing import NDArray

from rencheng.adapters.epanet.scada import read_scada
from rencheng.app.detect_leaks import LeakRow, leaks_of_network
from rencheng.science.detection.pipe_distance import pipe_distances

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "ltown_scada"
LAST_WEEK_OF_2018 = 52
YEARS = {"2018": (0, 365 * 288), "2019": (365 * 288, 730 * 288)}
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A made-up SCADA: its seed, how far the truth is from the model, and from which week of 2018 on it is made."""

    seed: int
    kind: str = "usual"
    first: int = 0


CASES = {
    "1": Case(seed=1),
    "2": Case(seed=2),
    "3": Case(seed=3, first=LAST_WEEK_OF_2018),
    "harsh": Case(seed=4, kind="harsh", first=LAST_WEEK_OF_2018),
    "plain": Case(seed=1, kind="plain"),
}


def scada_of(name: str) -> Path:
    """The derived SCADA of a case, made where it is absent."""
    folder, case = CACHE / name, CASES[name]
    if not (folder / "truth.npz").exists():
        generate(folder, case.seed, kind=case.kind, first=case.first)
    return folder


def network_distances() -> tuple[Floats, list[str]]:
    """Distances between all links of L-TOWN and their ids."""
    import wntr

    network = wntr.network.WaterNetworkModel(str(DATA / "L-TOWN.inp"))
    number = {name: row for row, name in enumerate(network.node_name_list)}
    links = list(network.links())
    ends = np.array([[number[link.start_node_name], number[link.end_node_name]] for _, link in links])
    length = np.array([getattr(link, "length", 0.0) for _, link in links])
    return pipe_distances(ends, length, len(number)), [name for name, _ in links]


def step_of(at: datetime) -> int:
    """Steps since the start of 2018."""
    return int((at - START).total_seconds() // STEP_S)


def scored(year: str, detections: list[tuple[int, str]], truth: Path, far: Floats, names: list[str]) -> Scored:
    """The rule for one year."""
    first, last = YEARS[year]
    loaded = np.load(truth / "truth.npz")
    rows = zip(loaded["pipe"], loaded["start"], loaded["end"], strict=True)
    leaks = [(str(pipe), int(start), min(int(end), last - 1)) for pipe, start, end in rows]
    own = [k for k, leak in enumerate(leaks) if leak[1] < last]
    inside = [(step, pipe) for step, pipe in detections if first <= step < last]
    return score(inside, [leaks[k] for k in own], loaded["loss_m3_h"][:, own], far, names, first=first)


def night_flow(folder: Path, truth: Path) -> list[tuple[int, str]]:
    """The peer: alarms of minimum night flow, each given the pipe of the largest leak not named before."""
    table = read_scada(folder)["flows"]
    supply = table.values[:, [k for k, name in enumerate(table.ids) if name != "PUMP_1"]].sum(axis=1)
    days = len(supply) // 288
    least = np.array([np.nanmean(np.sort(supply[288 * d : 288 * (d + 1)])[:24]) for d in range(days)])
    loaded = np.load(truth / "truth.npz")
    zero = step_of(datetime.fromisoformat("1970-01-01")) + int(table.at_us[0] // 1_000_000 // STEP_S)
    told: list[tuple[int, str]] = []
    named: set[int] = set()
    last_alarm = 0
    for day in range(28, days):
        before = least[max(last_alarm, day - 28) : day - 1]
        if len(before) < 7 or least[day] < before.mean() + 4 * max(before.std(), 1.0):
            continue
        step = zero + 288 * (day + 1)
        running = [k for k in range(len(loaded["pipe"])) if loaded["start"][k] <= step <= loaded["end"][k]]
        fresh = [k for k in running if k not in named]
        if fresh:
            largest = max(fresh, key=lambda k: float(loaded["loss_m3_h"][step, k]))
            named.add(largest)
            told.append((step, str(loaded["pipe"][largest])))
        last_alarm = day
    return told


def line(what: str, year: str, by: str, found: Scored, seconds: float | None) -> str:
    """One row of the table."""
    share = 100 * found.euros / found.perfect_euros
    took = "" if seconds is None else f"{seconds:.0f}"
    counts = f"{found.found} | {found.missed} | {found.false_alarms}"
    euros = f"{found.euros:,.0f} | {found.perfect_euros:,.0f} | {share:.0f} %"
    return f"| {what} | {year} | {by} | {euros} | {counts} | {took} |"


def rows_of(what: str, year: str, rows: list[LeakRow], seconds: float | None, *rest: object) -> list[str]:
    """Both readings of a result: by the estimated start and by the hour of the alarm."""
    out = []
    for by, pick in (("start of the leak", "start_time"), ("hour of the alarm", "detected_at")):
        told = [(step_of(getattr(row, pick)), row.pipe) for row in rows]
        out.append(line(what, year, by, scored(year, told, *rest), seconds))  # type: ignore[arg-type]  # truth, far, names
    return out


def main() -> None:
    """Print the table."""
    far, names = network_distances()
    print("| SCADA | year scored | time counted | euros saved | perfect | share | found | missed | false | CPU s |")
    print("|---|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in sys.argv[1:] or CASES:
        folder = scada_of(name)
        given: list[tuple[str, Path, tuple[str, ...]]] = [("2019 alone", folder / "2019", ("2019",))]
        if CASES[name].first == 0:
            given = [("both years", folder, ("2018", "2019")), *given]
        for what, part, years in given:
            begun = time.process_time()
            found = leaks_of_network(DATA / "L-TOWN.inp", part)
            seconds = time.process_time() - begun
            for year in years:
                for text in rows_of(f"{name}, {what}", year, found, seconds, folder, far, names):
                    print(text, flush=True)
        peer = scored("2019", night_flow(folder / "2019", folder), folder, far, names)
        print(line(f"{name}, night flow told the place", "2019", "hour of the alarm", peer, None), flush=True)


if __name__ == "__main__":
    main()
