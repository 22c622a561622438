"""The rules of assessment, read from a versioned data file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import yaml

from rencheng.kernel import Colour, InvalidConfig

__all__ = [
    "AssessRules",
    "FloodRules",
    "ForecastRules",
    "RainLevel",
    "RainRules",
    "RiskRules",
    "SeverityRules",
    "StageRules",
    "WaterRules",
    "default_rules",
    "read_rules",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRules:
    """When a river level is a signal, with and without published thresholds."""

    clear_below_m: float
    max_age_h: float
    silent_clear_h: float
    bank_full_names: tuple[str, ...]
    source: str
    learn_days: float
    learn_min_days: float
    unusual_percentile: float
    unusual_margin_ratio: float
    unusual_margin_m: float
    rapid_rise_window_h: float
    rapid_rise_percentile: float
    rapid_rise_min_m: float
    rapid_clear_ratio: float
    learnt_source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RainLevel:
    """A colour from so many millimetres in a window."""

    colour: Colour
    window_h: float
    at_least_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RainRules:
    """When accumulated rain is a signal."""

    levels: tuple[RainLevel, ...]
    clear_ratio: float
    reach_m: float
    min_completeness_ratio: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRules:
    """Which gauges are forecast, how often, and when a forecast is a signal."""

    cadence_h: float
    exceed_prob: float
    exceed_clear_prob: float
    near_city_m: float
    most_gauges: int
    history_days: float
    min_history_days: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterRules:
    """When water on streets, sensed or reported, is a signal."""

    silent_clear_h: float
    depth_sensor_m: float
    clear_depth_m: float
    reports_within_h: float
    reports_at_least: int
    trusted_sources: tuple[str, ...]
    assumed_depth_m: dict[str, float]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityRules:
    """How far the intensity of a hazard moves a cell along the axis of people affected.

    Parameters
    ----------
    unit : str
        Unit of the bounds; a model that gives its intensity in another unit is read without severity.
    at_least : tuple of float, length n
        Lower bounds of the classes above the lowest one, ascending.
    columns : tuple of int, length n + 1
        Columns to move by in each class, never less for more.
    source : str
        Where the bounds come from.
    """

    unit: str
    at_least: tuple[float, ...]
    columns: tuple[int, ...]
    source: str

    def __post_init__(self) -> None:
        if len(self.columns) != len(self.at_least) + 1:
            raise InvalidConfig(f"columns must be {len(self.at_least) + 1} numbers", where="risk.severity")
        if list(self.at_least) != sorted(self.at_least) or list(self.columns) != sorted(self.columns):
            raise InvalidConfig(
                "more intensity must never move a cell by less", where="risk.severity", mend="Write both ascending"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRules:
    """The risk matrix: likelihood class by people affected, moved by severity, gives a colour."""

    probability: tuple[float, ...]
    people: tuple[float, ...]
    colours: tuple[tuple[str, ...], ...]
    critical_kinds: tuple[str, ...]
    uncounted_kinds: tuple[str, ...]
    source: str
    severity: dict[str, SeverityRules] = field(default_factory=dict)
    """By hazard; a hazard without one is judged by likelihood and people alone."""

    def __post_init__(self) -> None:
        wide, high = len(self.people) + 1, len(self.probability) + 1
        if len(self.colours) != high or any(len(row) != wide for row in self.colours):
            raise InvalidConfig(f"the matrix must be {high} rows of {wide}", where="risk.colours")
        for colour in (c for row in self.colours for c in row if c):
            if colour not in list(Colour):
                raise InvalidConfig(
                    f"unknown colour {colour!r}", where="risk.colours", mend="blue, yellow, orange, red"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodRules:
    """When the flood engine runs, with how many members, and how its forecasts are scored and believed.

    Parameters
    ----------
    every_min : float
        Least time between two cycles.
    begin_mm_h : float
        Rain rate at a gauge near the city, or in a picture, from which a cycle is worth its while.
    wet_depth_m : float
        Depth at a street sensor that is as good a reason.
    look_back_h : float
        Rain of the time before that a first cycle starts from dry ground with.
    members : int
        Members of the ensemble.
    least_members : int
        Cycles that come too late go on with half the members, down to so many.
    raster_cells : int
        Cells of the ensemble's raster at most; its cell size follows from the city's extent.
    budget_s : float
        A cycle that took longer is late, and newer rain supersedes it; a rehearsal's clock gives it so long.
    hold_min : float
        A forecast is believed for so long after the instant it stands on.
    advice_places : int
        Worst places at which a pump and cleared inlets are tried in the model after each cycle.
    sensor_sigma_m : float
        Standard deviation of the model's depth at a street sensor, the sensor's own error included.
    pair_within_min : float
        A reading within so many minutes of the valid time is what came.
    day_horizon_h : float
        How far the forecast of the next day looks; 0 for none.
    day_step_h : float
        Its frames are so far apart, each the deepest water of the time before it.
    day_members : int
        Its members.
    day_raster_cells : int
        Cells of its raster at most.
    day_budget_s : float
        A simulated clock gives it so long; a wall's clock never begins one that could hold up the next two hours'.
    day_tries : int
        A cycle given up for the next two hours is tried again so often, each time with half the members.
    day_least_mm : float
        A rain forecast of less over the whole horizon needs no cycle, unless the last one showed water.
    source : str
        Where these come from.
    """

    every_min: float = 10.0
    begin_mm_h: float = 2.0
    wet_depth_m: float = 0.05
    look_back_h: float = 3.0
    members: int = 20
    least_members: int = 5
    raster_cells: int = 120_000
    budget_s: float = 60.0
    hold_min: float = 40.0
    advice_places: int = 3
    sensor_sigma_m: float = 0.15
    pair_within_min: float = 5.0
    day_horizon_h: float = 24.0
    day_step_h: float = 3.0
    day_members: int = 12
    day_raster_cells: int = 30_000
    day_budget_s: float = 120.0
    day_tries: int = 4
    day_least_mm: float = 5.0
    source: str = "Rencheng; cycle length and lead times as operational nowcasting (WMO-No. 1198, 2017)"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessRules:
    """All rules of assessment, with whose they are and from when they hold."""

    id: str
    version: str
    jurisdiction: str
    valid_from: str
    source: str
    stage: StageRules
    rain: RainRules
    forecast: ForecastRules
    water: WaterRules
    risk: RiskRules
    flood: FloodRules = field(default_factory=FloodRules)


def read_rules(path: Path) -> AssessRules:
    """Read a rule file.

    Raises
    ------
    InvalidConfig
        If the file is not YAML or a field is wrong; names the field.
    """
    return _rules(path.read_text(encoding="utf-8"), where=str(path))


@cache
def default_rules() -> AssessRules:
    """Rules that ship with Rencheng."""
    name = "assess-rules.yaml"
    return _rules(files("rencheng.assess").joinpath("data", name).read_text(encoding="utf-8"), where=name)


def _rules(text: str, *, where: str) -> AssessRules:
    try:
        data: Any = yaml.safe_load(text)
        return msgspec.convert(data, AssessRules)
    except yaml.YAMLError as error:
        raise InvalidConfig(f"not YAML: {error}", where=where) from error
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=where, mend="Compare with the rules that ship with Rencheng") from error
