"""SCADA of L-TOWN derived from the published network and leak configurations: not the published measurements.

Run with ``python -m benchmarks.leak_scada OUT_DIR [SEED] [KIND]``: two years of five-minute steps are simulated in one
piece with EPANET and written as ``2018/*.csv`` and ``2019/*.csv`` in the layout of the BattLeDIM files, beside
``truth.npz`` (each leak's loss, which only the scoring reads). ``KIND`` is a name of ``VARIATIONS``.

What is the published set's: network, sensors, leaks (pipe, times, diameter, orifice law ``0.75 A (2 g p)^0.5``, growth
of incipient leaks linear in diameter from start to peak), layout, rounding to two decimals, no noise beside it. What is
ours, because the generator's "real" network is not public here: true pipe diameters and roughness within ±10 % of the
nominal ones, each consumer's mean demand within ±10 %, weekly profiles that differ from the nominal ones by up to 10 %,
a yearly season, days that are wet or dry for everybody, consumers that drift over weeks and vary from hour to hour.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from rencheng.adapters.epanet.project import EpanetProject

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "ltown"
STEP_S, WEEK = 300, 2016
START = datetime(2018, 1, 1)  # noqa: DTZ001 - the published files carry no zone
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """How far the "real" network and its consumers are from the model, as shares; ``read_m``: noise of pressures, m."""

    pipes: float = 0.10  # half-width, of diameters and roughness
    consumers: float = 0.10  # half-width, of each consumer's mean
    profile: float = 0.04
    season: float = 0.08
    weather: float = 0.02
    drift: float = 0.05
    hourly: float = 0.15
    quick: float = 0.05
    read_m: float = 0.0


VARIATIONS = {
    "usual": Variation(),
    # the model itself with the leaks in it: what a run of the shared files and nothing else gives
    "plain": Variation(
        pipes=0.0, consumers=0.0, profile=0.0, season=0.0, weather=0.0, drift=0.0, hourly=0.0, quick=0.0
    ),
    # sensors of 2 cm beside rounding, consumers a fifth off, a stronger season
    "harsh": Variation(consumers=0.20, season=0.12, weather=0.03, hourly=0.20, read_m=0.02),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One line of a leak configuration; times in steps since the start of 2018."""

    pipe: str
    start: int
    end: int
    peak: int
    diameter_m: float

    def coefficient(self, step: int) -> float:
        """Emitter coefficient in m³/h per m^0.5 at a step (Vrachimis et al. 2022: Cd 0.75, diameter grows linearly)."""
        if not self.start <= step <= self.end:
            return 0.0
        grown = 1.0 if step >= self.peak else (step - self.start + 1) / (self.peak - self.start + 1)
        return float(0.75 * np.pi * (self.diameter_m * grown / 2) ** 2 * np.sqrt(2 * 9.81) * 3600)


def configuration(name: str) -> dict[str, list[str]]:
    """A configuration file of the benchmark."""
    loaded: dict[str, list[str]] = yaml.safe_load((DATA / f"dataset_configuration_{name}.yalm").read_text())
    return loaded


def leaks_of_both_years() -> list[Leak]:
    """The union of both configurations; a leak that runs into 2019 takes its later end."""

    def steps(text: str) -> int:
        return int((datetime.fromisoformat(text) - START).total_seconds() // STEP_S)

    found: dict[tuple[str, int], Leak] = {}
    for name in ("historical", "evaluation"):
        for line in configuration(name)["leakages"][1:]:  # the first entry is the heading, a comment
            pipe, start, end, diameter, _, peak = (part.strip() for part in line.split(","))
            leak = Leak(pipe=pipe, start=steps(start), end=steps(end), peak=steps(peak), diameter_m=float(diameter))
            found[pipe, leak.start] = leak
    return list(found.values())


def slow_noise(rng: np.random.Generator, n: int, count: int, every: int, memory: float) -> Floats:
    """Unit noise (n, count), redrawn every ``every`` steps with correlation ``memory`` and interpolated."""
    knots = n // every + 2
    rows = np.empty((knots, count))
    rows[0] = rng.standard_normal(count)
    for k in range(1, knots):
        rows[k] = memory * rows[k - 1] + np.sqrt(1 - memory**2) * rng.standard_normal(count)
    at = np.arange(n) / every
    low = at.astype(int)
    out: Floats = rows[low] + (at - low)[:, None] * (rows[low + 1] - rows[low])
    return out


class TrueDemands:
    """Every consumer's demand, week by week."""

    def __init__(self, network: object, rng: np.random.Generator, weeks: int, by: Variation) -> None:
        self.rng, self.weeks, self.by = rng, weeks, by
        names = list(network.junction_name_list)  # type: ignore[attr-defined]  # a WNTR model
        self.kinds = ("P-Residential", "P-Commercial", "P-Industrial")
        self.base = np.zeros((len(names), 3))
        for row, name in enumerate(names):
            for item in network.get_node(name).demand_timeseries_list:  # type: ignore[attr-defined]  # a WNTR model
                if item.pattern_name in self.kinds:
                    self.base[row, self.kinds.index(item.pattern_name)] += item.base_value * 3600
        self.base *= rng.uniform(1 - by.consumers, 1 + by.consumers, self.base.shape)
        self.profile = np.ones((WEEK, 3))
        for k in (0, 1):
            nominal = np.array(network.get_pattern(self.kinds[k]).multipliers)  # type: ignore[attr-defined]  # a WNTR model
            bend = slow_noise(rng, WEEK, 1, 36, 0.0)[:, 0]
            self.profile[:, k] = nominal * np.clip(1 + by.profile * bend, 0.9, 1.1)
        days = np.arange(weeks * WEEK + 1) / 288
        self.season = np.ones((len(days), 3))
        self.season[:, 0] = 1 + by.season * np.sin(2 * np.pi * (days - 105) / 365)
        self.season[:, 1] = 1 + 0.625 * by.season * np.sin(2 * np.pi * (days - 120) / 365)
        weather = 1 + by.weather * slow_noise(rng, len(days), 1, 288, 0.7)[:, 0]
        self.season[:, :2] *= weather[:, None]
        self.drift = 1 + by.drift * slow_noise(rng, weeks + 1, len(names), 4, 0.8)

    def week(self, k: int) -> Floats:
        """Demands in m³/h, shape (2016, n)."""
        season = self.season[k * WEEK : (k + 1) * WEEK]
        hourly = self.by.hourly * slow_noise(self.rng, WEEK, len(self.base), 12, 0.5)
        quick = self.by.quick * self.rng.standard_normal((WEEK, len(self.base)))
        mean = (self.profile * season) @ self.base.T
        out: Floats = mean * np.clip(1 + hourly + quick, 0.0, None) * self.drift[k]
        return out


def true_network(seed: int, leaks: list[Leak], folder: Path, by: Variation) -> tuple[Path, TrueDemands, int]:
    """The "real" network as a file: a demand pattern for each node, a node in the middle of each leaking pipe."""
    import wntr

    rng = np.random.default_rng(seed)
    network = wntr.network.WaterNetworkModel(str(DATA / "L-TOWN.inp"))
    n_steps = 730 * 288
    demands = TrueDemands(network, rng, -(-n_steps // WEEK), by)
    for _, pipe in network.pipes():
        pipe.diameter *= rng.uniform(1 - by.pipes, 1 + by.pipes)
        pipe.roughness *= rng.uniform(1 - by.pipes, 1 + by.pipes)
    for name in network.junction_name_list:
        network.add_pattern(f"d-{name}", [1.0, 1.0])
        node = network.get_node(name)
        node.demand_timeseries_list.clear()
        node.add_demand(1 / 3600, f"d-{name}")
    for pipe_name in {leak.pipe for leak in leaks}:
        network = wntr.morph.split_pipe(network, pipe_name, f"{pipe_name}_b", f"{pipe_name}_leak")
    network.options.hydraulic.accuracy = 1e-4
    network.options.report.status = "NO"
    out = folder / "true.inp"
    wntr.network.write_inpfile(network, str(out), units="CMH", version=2.2)
    return out, demands, n_steps


def write_csv(path: Path, at: list[datetime], names: list[str], values: Floats) -> None:
    """The layout of the published files: semicolons, decimal commas, two decimals."""
    lines = [";".join(("Timestamp", *names))]
    lines += [
        f"{t:%Y-%m-%d %H:%M:%S};" + ";".join(f"{v:.2f}" for v in row).replace(".", ",")
        for t, row in zip(at, values, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")


def generate(
    out: Path, seed: int = 1, weeks: int | None = None, *, leaks_on: bool = True, kind: str = "usual", first: int = 0
) -> None:
    """Simulate and write everything under ``out``, from week ``first`` on (52: 2019, with its last Monday before)."""
    out.mkdir(parents=True, exist_ok=True)
    sensors = configuration("historical")
    leaks = leaks_of_both_years() if leaks_on else []
    with tempfile.TemporaryDirectory() as scratch:
        inp, demands, n_steps = true_network(seed, leaks, Path(scratch), VARIATIONS[kind])
        n_steps = (n_steps if weeks is None else min(n_steps, weeks * WEEK)) - first * WEEK
        with EpanetProject(inp) as project:
            at_leak = project.nodes([f"{leak.pipe}_leak" for leak in leaks])
            elevation = _elevations([*sensors["pressure_sensors"], *sensors["level_sensors"]])
            ran = project.run(
                n_steps,
                STEP_S,
                nodes=project.nodes([*sensors["pressure_sensors"], *sensors["level_sensors"]]),
                links=project.links(sensors["flow_sensors"]),
                demands=[*project.nodes(sensors["amrs"]), *at_leak],
                before_step=_weekly(project, demands, leaks, at_leak, first * WEEK),
            )
    pressures = ran.head_m - elevation
    pressures[:, :-1] += VARIATIONS[kind].read_m * demands.rng.standard_normal(pressures[:, :-1].shape)
    _write(out, sensors, leaks, pressures, ran.flow_m3_h, ran.demand_m3_h, first * WEEK)


def _weekly(
    project: EpanetProject, demands: TrueDemands, leaks: list[Leak], at_leak: list[int], offset: int
) -> Callable[[int], None]:
    """Put in each week's demands as it begins, and what each leak loses hour by hour."""
    junctions = [f"d-{name}" for name in _junctions()]

    def before(run_step: int) -> None:
        step = run_step + offset
        if step % WEEK == 0:
            week = demands.week(step // WEEK)
            for column, name in enumerate(junctions):
                project.set_pattern(name, week[:, column])
            if step % (13 * WEEK) == 0:
                sys.stderr.write(f"week {step // WEEK}\n")
        if step % 12 == 0 or any(step in (leak.start, leak.end + 1) for leak in leaks):
            for node, leak in zip(at_leak, leaks, strict=True):
                if leak.start - 12 <= step <= leak.end + 12:
                    project.set_emitter(node, leak.coefficient(step))

    return before


def _junctions() -> list[str]:
    import wntr

    return list(wntr.network.WaterNetworkModel(str(DATA / "L-TOWN.inp")).junction_name_list)


def _elevations(ids: list[str]) -> Floats:
    import wntr

    network = wntr.network.WaterNetworkModel(str(DATA / "L-TOWN.inp"))
    return np.array([network.get_node(i).elevation for i in ids])


def _write(
    out: Path,
    sensors: dict[str, list[str]],
    leaks: list[Leak],
    pressures: Floats,
    flows: Floats,
    demands: Floats,
    offset: int,
) -> None:
    n_pressure, n_amr = len(sensors["pressure_sensors"]), len(sensors["amrs"])
    tables = {
        "Pressures": (sensors["pressure_sensors"], pressures[:, :n_pressure]),
        "Levels": (sensors["level_sensors"], pressures[:, n_pressure:]),
        "Flows": (sensors["flow_sensors"], flows),
        "Demands": (sensors["amrs"], demands[:, :n_amr] * 1000),
    }
    at = [START + timedelta(seconds=STEP_S * (offset + k)) for k in range(len(flows))]
    for year in (2019,) if offset else (2018, 2019):
        rows = [k for k, t in enumerate(at) if t.year == year]
        if not rows:
            continue
        folder = out / str(year)
        folder.mkdir(exist_ok=True)
        for name, (ids, values) in tables.items():
            write_csv(folder / f"{name}.csv", at[rows[0] : rows[-1] + 1], ids, values[rows[0] : rows[-1] + 1])
    loss = np.vstack([np.zeros((offset, demands.shape[1] - n_amr)), demands[:, n_amr:]])  # steps count from 2018
    np.savez_compressed(
        out / "truth.npz",
        loss_m3_h=loss.astype(np.float32),
        pipe=[leak.pipe for leak in leaks],
        start=[leak.start for leak in leaks],
        end=[leak.end for leak in leaks],
    )


if __name__ == "__main__":
    seed, kind = [*sys.argv[2:4], *("1", "usual")[len(sys.argv) - 2 :]]
    generate(Path(sys.argv[1]), int(seed), kind=kind)
