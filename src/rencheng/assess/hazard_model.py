"""The plug for hazard models: what a model is given, what it gives back, and the card it must carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.facts import Evidence
from rencheng.assess.frame import CellFrame, GaugeFrame
from rencheng.assess.susceptibility import Susceptibility
from rencheng.kernel import FactId, Hazard, InvalidConfig

__all__ = [
    "Card",
    "DepthObservation",
    "FloodOutlook",
    "GaugeState",
    "HazardModel",
    "ModelInputs",
    "Outlook",
    "RainState",
    "StageForecast",
    "Variable",
    "hazard_models",
]

GROUP = "rencheng.hazard_models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One thing a model reads or gives: name, unit, and what it is for."""

    name: str
    unit: str
    intent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a model says of itself; shown beside every result it gives.

    Parameters
    ----------
    name, version : str
        Registered name and version of the model.
    hazard : Hazard
        What it is about.
    inputs, outputs : tuple of Variable
        What it reads and gives.
    horizons_h : tuple of float
        Lead times it delivers, ascending; 0 is now.
    intensity, intensity_unit : str
        What the intensity measures.
    damaging : str
        The level of intensity whose probability it gives, in words.
    probability_floor : float
        Cells below this are not listed.
    sources : tuple of str
        Papers and standards.
    skill : str
        What is known of its error, with where that was measured; "not validated" if nothing.
    limits : tuple of str
        When not to believe it.
    needs_terrain : bool
        Whether it cannot work without a terrain.
    """

    name: str
    version: str
    hazard: Hazard
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    horizons_h: tuple[float, ...]
    intensity: str
    intensity_unit: str
    damaging: str
    probability_floor: float
    sources: tuple[str, ...]
    skill: str
    limits: tuple[str, ...]
    needs_terrain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeState:
    """A river gauge now, by its row in the gauge frame."""

    row: int
    stage_m: float
    rate_m_h: float
    observed_at: datetime
    flood_stage_m: float | None
    """Published stage at which the river leaves its banks; None where nobody published a threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageForecast:
    """Forecast stage of a gauge: central 80 % interval per lead time (all arrays shape (leads,))."""

    row: int
    lead_h: NDArray[np.float64]
    median_m: NDArray[np.float64]
    low_m: NDArray[np.float64]
    high_m: NDArray[np.float64]
    fact_id: FactId


@dataclass(frozen=True, slots=True, kw_only=True)
class RainState:
    """Rain of the last hours, at gauges and at cells; NaN where nobody measured.

    ``gauge_mm`` and ``completeness_ratio`` have shape (gauges, windows), ``cell_mm`` and ``cell_error_mm`` (cells,
    windows).
    """

    windows_h: tuple[float, ...]
    gauge_mm: NDArray[np.float64]
    completeness_ratio: NDArray[np.float64]
    cell_mm: NDArray[np.float64]
    cell_error_mm: NDArray[np.float64]

    def cell_window(self, window_h: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Amount and its standard error at cells for one window, shape (cells,) each."""
        column = self.windows_h.index(window_h)
        return self.cell_mm[:, column], self.cell_error_mm[:, column]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthObservation:
    """Water seen on the ground: by a street sensor or in a report."""

    cell_row: int
    depth_m: float
    at: datetime
    source: str
    """``sensor`` or the source of the report."""
    sensor_id: str
    fact_id: FactId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodOutlook:
    """What the standing flood forecast says of the city's cells, by lead time from now.

    ``lead_h`` has shape (leads,), ascending; ``probability`` (of 15 cm over a tenth of the cell's ground) and
    ``depth_m`` (median there) have shape (leads, cells).
    """

    lead_h: NDArray[np.float64]
    probability: NDArray[np.float64]
    depth_m: NDArray[np.float64]
    fact_id: FactId
    model: str

    def at(self, lead_h: float) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Probability and depth per cell at a lead time, linear between frames; None beyond the last frame."""
        if not len(self.lead_h) or lead_h > self.lead_h[-1] + 1e-9:
            return None
        upper = int(np.searchsorted(self.lead_h, lead_h, side="left"))
        if upper == 0:
            return self.probability[0], self.depth_m[0]
        left, right = self.lead_h[upper - 1], self.lead_h[upper]
        part = (lead_h - left) / (right - left)
        return (
            (1 - part) * self.probability[upper - 1] + part * self.probability[upper],
            (1 - part) * self.depth_m[upper - 1] + part * self.depth_m[upper],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInputs:
    """Everything a hazard model may look at; ``now`` is the run's clock."""

    now: datetime
    cells: CellFrame
    gauges: GaugeFrame
    susceptibility: Susceptibility | None
    stages: Sequence[GaugeState]
    forecasts: Sequence[StageForecast]
    rain: RainState
    depths: Sequence[DepthObservation]
    flood: FloodOutlook | None = None
    """The flood engine's forecast where a recent one stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a model gives back.

    Parameters
    ----------
    probability, intensity : float64 arrays, shape (horizons, cells)
        Probability of the card's damaging level at a resident's place, and the expected intensity where it is reached.
    evidence : tuple of Evidence
        What it rests on.
    cause : tuple of FactId
        Facts it rests on.
    """

    probability: NDArray[np.float64]
    intensity: NDArray[np.float64]
    evidence: tuple[Evidence, ...]
    cause: tuple[FactId, ...] = ()


class HazardModel(Protocol):
    """A hazard model: a card, and a pure function from inputs to an outlook.

    Register a class without arguments under the entry point group ``rencheng.hazard_models``.
    """

    @property
    def card(self) -> Card:
        """What the model says of itself."""
        ...

    def assess(self, inputs: ModelInputs) -> Outlook:
        """Judge every cell at every horizon of the card."""
        ...


def hazard_models() -> Mapping[str, HazardModel]:
    """All registered hazard models by the name on their card, sorted.

    Raises
    ------
    InvalidConfig
        If a registered model cannot be loaded or two bear one name; names the entry point.
    """
    found: dict[str, HazardModel] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        try:
            model: HazardModel = point.load()()
        except (ImportError, AttributeError, TypeError) as error:
            raise InvalidConfig(
                f"hazard model cannot be loaded: {error}", where=f"entry point {point.name}", mend="Remove or repair it"
            ) from error
        if model.card.name in found:
            raise InvalidConfig(f"two hazard models are named {model.card.name!r}", where=f"entry point {point.name}")
        found[model.card.name] = model
    return dict(sorted(found.items()))
