"""A scenario: what the director has written down before the rehearsal begins. Data, one YAML file each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import msgspec
import yaml

from rencheng.kernel import Bilingual, InvalidConfig, NotFound, parse_instant
from rencheng.science.design_storm import SHANGHAI_2017, IntensityFormula

__all__ = ["Instruments", "People", "River", "Scenario", "Storm", "Streets", "read_scenario"]

FORMULAS: dict[str, IntensityFormula] = {"shanghai_2017": SHANGHAI_2017}
"""Storm intensity formulas a scenario may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """The rain: design storm and the cell that carries it over the city."""

    formula: str
    return_period_a: float
    duration_min: int
    peak_ratio: float
    speed_m_s: float
    heading_deg: float
    radius_m: float
    floor_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class River:
    """The basin above the city, a Nash cascade."""

    basin_km2: float
    runoff_ratio: float
    reservoirs: int
    residence_h: float
    bankfull_return_period_a: float
    base_flow_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Streets:
    """The low places of the city and the sewers that drain them."""

    design_return_period_a: float
    catchment_ha: tuple[float, float]
    runoff_ratio: float
    drain_ratio: tuple[float, float]
    """What the sewers really take, as a share of their design; drawn evenly."""
    bowl_m2: tuple[float, float]
    rim_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """How well the sensors measure, and how many fail."""

    rain_noise_ratio: float
    stage_noise_m: float
    depth_noise_m: float
    silent_ratio: float
    stuck_ratio: float
    spike_prob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """How the people of the simulated city act."""

    acknowledge_median_s: float
    acknowledge_sigma: float
    unanswered_ratio: float
    complete_median_s: float
    complete_sigma: float
    reports_per_pond_h: float
    trapped_prob: float
    visit_median_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All of it."""

    name: str
    title: Bilingual
    starts_at: str
    calm_h: float
    duration_h: float
    turn_s: int
    step_s: int
    storm: Storm
    river: River
    streets: Streets
    instruments: Instruments
    people: People

    def __post_init__(self) -> None:
        if self.storm.formula not in FORMULAS:
            raise InvalidConfig(
                f"unknown storm formula {self.storm.formula!r}",
                where=f"scenario {self.name}: storm.formula",
                mend=f"Use one of: {', '.join(FORMULAS)}",
            )
        if self.turn_s % self.step_s:
            raise InvalidConfig("turn_s is no multiple of step_s", where=f"scenario {self.name}")

    @property
    def start(self) -> datetime:
        """First instant, aware UTC."""
        return parse_instant(self.starts_at, name=f"scenario {self.name}: starts_at")

    @property
    def formula(self) -> IntensityFormula:
        """Storm intensity formula."""
        return FORMULAS[self.storm.formula]


def read_scenario(name: str) -> Scenario:
    """Read a scenario by the name of a shipped one, or by the path of a YAML file.

    Raises
    ------
    NotFound
        If there is no such scenario.
    InvalidConfig
        If the file does not follow the format; names file and key.
    """
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise NotFound(f"no scenario file {path}")
        text, where = path.read_text(encoding="utf-8"), str(path)
    else:
        shipped = files("rencheng.rehearse") / "data"
        resource = shipped / f"{name}.yaml"
        if not resource.is_file():
            names = sorted(r.name.removesuffix(".yaml") for r in shipped.iterdir() if r.name.endswith(".yaml"))
            raise NotFound(f"no scenario {name!r}", mend=f"Use one of: {', '.join(names)}, or the path of a YAML file")
        text, where = resource.read_text(encoding="utf-8"), f"scenario {name}"
    try:
        return msgspec.convert(yaml.safe_load(text), Scenario, strict=False)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise InvalidConfig(str(error), where=where) from error
