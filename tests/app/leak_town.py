"""A small town's water network and what its sensors would read, with or without a leak."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from rencheng.adapters.epanet.project import EpanetProject

SIDE, BLOCK_M = 5, 150.0
STEP_S, PER_DAY = 900, 96
SENSORS = ("j0-3", "j1-1", "j2-4", "j3-2", "j4-0", "j4-4")
START = datetime(2023, 1, 2)  # noqa: DTZ001 - SCADA files carry no zone


@dataclass(frozen=True, kw_only=True)
class Leak:
    node: str
    from_step: int
    to_step: int
    coefficient: float
    peak_step: int = 0

    def at(self, step: int) -> float:
        """Emitter coefficient; the diameter grows evenly until the peak."""
        if not self.from_step <= step < self.to_step:
            return 0.0
        grown = 1.0 if step >= self.peak_step else (step - self.from_step) / (self.peak_step - self.from_step)
        return self.coefficient * grown**2


def town_network(folder: Path, name: str, rng: np.random.Generator | None) -> Path:
    """A grid of streets behind one metered main; with ``rng``, pipes as they are rather than as drawn."""
    import wntr

    network = wntr.network.WaterNetworkModel()
    hours = np.arange(168) % 24
    network.add_pattern("week", (0.35 + 0.9 * np.clip(np.sin((hours - 5) / 18 * np.pi), 0, None)).tolist())
    network.options.time.pattern_timestep = 3600
    network.options.time.hydraulic_timestep = 3600
    network.options.hydraulic.headloss = "H-W"
    network.add_reservoir("source", base_head=60.0, coordinates=(-200, 0))
    for x in range(SIDE):
        for y in range(SIDE):
            network.add_junction(f"j{x}-{y}", base_demand=2.0 / 3600, demand_pattern="week", elevation=5.0 + x)

    def bend() -> float:
        return 1.0 if rng is None else float(rng.uniform(0.93, 1.07))

    network.add_pipe("main", "source", "j0-0", length=400, diameter=0.2 * bend(), roughness=120)
    for x in range(SIDE):
        for y in range(SIDE):
            for dx, dy in ((1, 0), (0, 1)):
                if x + dx < SIDE and y + dy < SIDE:
                    ends = (f"j{x}-{y}", f"j{x + dx}-{y + dy}")
                    network.add_pipe(
                        "p" + "_".join(ends), *ends, length=BLOCK_M, diameter=0.09 * bend(), roughness=120 * bend()
                    )
    network.options.hydraulic.accuracy = 1e-5
    network.options.report.status = "NO"
    out = folder / f"{name}.inp"
    wntr.network.write_inpfile(network, str(out), units="CMH", version=2.2)
    return out


def write_scada(folder: Path, days: int, leaks: tuple[Leak, ...], seed: int = 3) -> tuple[Path, Path]:
    """The utility's model and a folder of its SCADA; consumers vary from step to step and pipes are not as drawn."""
    rng = np.random.default_rng(seed)
    model, true = town_network(folder, "model", None), town_network(folder, "true", rng)
    n = days * PER_DAY
    with EpanetProject(true) as project:
        names = [f"j{x}-{y}" for x in range(SIDE) for y in range(SIDE)]
        at = dict(zip(names, project.nodes(names), strict=True))
        hours = np.arange(n) * STEP_S // 3600 % 24
        base = 0.35 + 0.9 * np.clip(np.sin((hours - 5) / 18 * np.pi), 0, None)
        project.set_pattern("week", base * (1 + 0.02 * rng.standard_normal(n)))
        share = 1 + 0.15 * rng.standard_normal((n // 4 + 1, len(names)))

        def before(step: int) -> None:
            if step % 4 == 0:
                for column, name in enumerate(names):
                    project.set_demand(at[name], 1, 2.0 * max(share[step // 4, column], 0.1))
            for leak in leaks:
                if step in (leak.from_step, leak.to_step) or (leak.from_step < step <= leak.peak_step and not step % 4):
                    project.set_emitter(at[leak.node], leak.at(step))

        ran = project.run(n, STEP_S, nodes=[at[s] for s in SENSORS], links=project.links(["main"]), before_step=before)
    scada = folder / "scada"
    scada.mkdir(exist_ok=True)
    elevation = np.array([5.0 + int(name[1]) for name in SENSORS])
    _write(scada / "Pressures.csv", SENSORS, ran.head_m - elevation)
    _write(scada / "Flows.csv", ("main",), ran.flow_m3_h)
    return model, scada


def _write(path: Path, names: tuple[str, ...], values: np.ndarray) -> None:
    lines = [";".join(("Timestamp", *names))]
    for k, row in enumerate(values):
        at = START + timedelta(seconds=STEP_S * k)
        lines.append(f"{at:%Y-%m-%d %H:%M};" + ";".join(f"{v:.2f}" for v in row).replace(".", ","))
    path.write_text("\n".join(lines) + "\n")
