"""A scenario: what the director has written down before the rehearsal begins. Data, one YAML file each."""

from __future__ import annotations

from dataclasses import dataclass, field, is_dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import yaml

from rencheng.kernel import Bilingual, InvalidConfig, InvalidInput, NotFound, parse_instant
from rencheng.rehearse.rain_forecaster import RainForecaster
from rencheng.science.design_storm import SHANGHAI_2017, IntensityFormula

__all__ = ["FORMULAS", "FloodCycle", "Instruments", "People", "River", "Scenario", "Storm", "Streets", "read_scenario"]

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
    """The streets of the simulated world: how well its sewers work, and how finely its water is computed."""

    drain_ratio: tuple[float, float]
    """What an inlet really takes, as a share of its capacity; drawn evenly."""
    raster_cells: int = 50_000
    """Cells of the flood engine's raster at most."""
    soil_initial_mm: float = 10.0
    soil_loss_mm_h: float = 5.0
    """What unsealed ground takes: an initial loss, then a rate."""


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
class FloodCycle:
    """How often the flood engine runs in the rehearsal, and how finely; 0 minutes is not at all."""

    every_min: float = 30.0
    members: int = 10
    raster_cells: int = 50_000
    day_members: int = 8
    day_raster_cells: int = 15_000
    """The same of the forecast of the next day, which runs where the scenario forecasts rain."""


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
    flood: FloodCycle = field(default_factory=FloodCycle)
    rain_forecast: RainForecaster = field(default_factory=RainForecaster)

    def __post_init__(self) -> None:
        if self.storm.formula not in FORMULAS:
            raise InvalidConfig(
                f"unknown storm formula {self.storm.formula!r}",
                where=f"scenario {self.name}: storm.formula",
                mend=f"Use one of: {', '.join(FORMULAS)}",
            )
        where = f"scenario {self.name}"
        for name, value in (("step_s", self.step_s), ("turn_s", self.turn_s), ("duration_h", self.duration_h)):
            if not value > 0:
                raise InvalidConfig(f"{name} is {value}", where=where, mend="Give a positive number")
        if self.calm_h < 0:
            raise InvalidConfig(f"calm_h is {self.calm_h}", where=where, mend="Give hours, or 0")
        parse_instant(self.starts_at, name=f"{where}: starts_at")
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
        data, where = path.read_bytes(), str(path)
    else:
        shipped = files("rencheng.rehearse") / "data"
        resource = shipped / f"{name}.yaml"
        if not resource.is_file():
            names = sorted(r.name.removesuffix(".yaml") for r in shipped.iterdir() if r.name.endswith(".yaml"))
            raise NotFound(f"no scenario {name!r}", mend=f"Use one of: {', '.join(names)}, or the path of a YAML file")
        data, where = resource.read_bytes(), f"scenario {name}"
    try:
        plain = yaml.safe_load(data.decode("utf-8"))
        _require_known(plain, Scenario, where)
        return msgspec.convert(plain, Scenario, strict=False)
    except InvalidConfig:
        raise
    except InvalidInput as error:
        raise InvalidConfig(error.what, where=error.where or where, mend=error.mend) from error
    except (UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise InvalidConfig(str(error), where=where) from error


def _require_known(plain: Any, kind: Any, where: str) -> None:
    """Refuse keys that nobody reads: a misspelt key would rehearse another storm than was written down."""
    if not isinstance(plain, dict):
        raise InvalidConfig("no table of keys", where=where, mend="Begin with a copy of a shipped scenario")
    types = get_type_hints(kind)
    for key, value in plain.items():
        if key not in types:
            known = ", ".join(sorted(types))
            raise InvalidConfig(f"unknown key {key!r}", where=where, mend=f"Known: {known}")
        if is_dataclass(types[key]) and isinstance(value, dict):
            _require_known(value, types[key], f"{where}: {key}")
