"""Waterlogging: rain beyond the drains on ground that gathers it, and water that sensors and people saw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.facts import Evidence
from rencheng.assess.hazard_model import Card, DepthObservation, ModelInputs, Outlook, Variable
from rencheng.assess.models.rainstorm import INSTRUMENT_ERROR_RATIO, rain_evidence
from rencheng.kernel import FactId, Hazard
from rencheng.science.urban_water import accumulation_outlook, any_of, drain_excess_mm, threshold_probability

__all__ = ["CARD", "Waterlogging"]

DAMAGING_M = 0.15
CAPACITY_MM_H = 36.0
WINDOWS_H = (1.0, 3.0, 6.0)
GATHERING = 15.0
"""Excess rain stands so many times deeper at the bottom of a sink than where it fell (judgement, not calibrated)."""
MODEL_ERROR_RATIO = 0.6
FADING_H = 2.0
"""What was seen is believed less with every hour; street water drains within hours."""
CREDENCE = {
    "sensor": 0.95,
    "grid_officer": 0.9,
    "camera": 0.85,
    "drone": 0.85,
    "satellite": 0.7,
    "hotline": 0.6,
    "citizen": 0.6,
    "social_media": 0.3,
}
"""Belief in one report by its source (judgement, not calibrated)."""

CARD = Card(
    name="waterlogging-index",
    version="2",
    hazard=Hazard.WATERLOGGING,
    inputs=(
        Variable(name="rain_mm", unit="mm", intent="accumulations against the capacity of drains"),
        Variable(name="terrain", unit="m", intent="low ground, sinks and underpasses (0.3 everywhere without terrain)"),
        Variable(name="water_depth_m", unit="m", intent="street depth sensors"),
        Variable(name="reports", unit="", intent="water on roads and in buildings that people report"),
        Variable(name="flood", unit="", intent="the flood engine's ensemble, instead of rain and ground, where it ran"),
    ),
    outputs=(
        Variable(name="probability", unit="1", intent="of 15 cm of water on the cell's low streets"),
        Variable(name="intensity", unit="m", intent="expected depth there"),
    ),
    horizons_h=(0.0, 1.0, 3.0, 6.0),
    intensity="street water depth",
    intensity_unit="m",
    damaging="15 cm of water on a lane (GB 50014-2021, waterlogging design standard)",
    probability_floor=0.05,
    sources=(
        "GB 50014-2021 (drain capacity as design rain of one hour)",
        "Nobre et al. 2011, J. Hydrol. 404:13 (height above drainage)",
        "Pearl 1988, Probabilistic Reasoning, §4.3.2 (noisy-or of independent signs)",
    ),
    skill="the index of ground and rain is not validated; the engine's forecasts are scored as they come true",
    limits=(
        "Where a recent ensemble of the flood engine stands it counts, fading beyond its two hours; else an index.",
        "The index: drain capacity is one number for the whole city (36 mm/h).",
        "All residents of a cell count as exposed when its low streets are under water.",
        "The index knows no flow between cells.",
    ),
)


class Waterlogging:
    """Probability of 15 cm of water on low streets."""

    card = CARD

    def assess(self, inputs: ModelInputs) -> Outlook:
        """Judge every cell by rain and ground, then by what was seen there."""
        shape = (len(CARD.horizons_h), len(inputs.cells))
        probability, intensity = np.zeros(shape), np.zeros(shape)
        ground = inputs.susceptibility
        ratio = ground.waterlogging_ratio if ground is not None else np.full(len(inputs.cells), 0.3)
        gathered = 1.0 + (GATHERING - 1.0) * ratio**2
        raining = np.nanmax(inputs.rain.cell_mm, initial=0.0) > 0.0
        for h, lead in enumerate(CARD.horizons_h):
            computed = _from_engine(inputs, lead)
            if computed is not None:
                probability[h], intensity[h] = computed
            if raining and (computed is None or lead > _engine_reach_h(inputs)):
                rain, depth = _from_rain(inputs, gathered, lead)
                probability[h] = np.maximum(probability[h], rain)
                intensity[h] = np.maximum(intensity[h], depth)
            seen, depth = _from_sight(inputs, lead, sensors=computed is None)
            probability[h] = any_of(probability[h], seen)
            intensity[h] = np.maximum(intensity[h], depth)
        evidence: list[Evidence] = [*_sightings(inputs)]
        if probability.max(initial=0.0) >= CARD.probability_floor:
            evidence.extend(rain_evidence(inputs, inputs.rain, 1.0))
            if ground is not None:
                evidence.append(Evidence(kind="terrain", note=ground.source))
        if inputs.flood is not None and probability.max(initial=0.0) >= CARD.probability_floor:
            evidence.append(Evidence(kind="forecast", note=inputs.flood.model))
        cause: tuple[FactId, ...] = tuple(d.fact_id for d in inputs.depths if d.fact_id is not None)
        cause += () if inputs.flood is None else (inputs.flood.fact_id,)
        return Outlook(probability=probability, intensity=intensity, evidence=tuple(evidence), cause=cause)


def _engine_reach_h(inputs: ModelInputs) -> float:
    """Lead time up to which the flood engine computed, from now; below 0 where it did not."""
    return float(inputs.flood.lead_h[-1]) if inputs.flood is not None and len(inputs.flood.lead_h) else -1.0


def _from_engine(inputs: ModelInputs, lead_h: float) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """What the flood engine says; beyond its last frame the water of that frame fades as street water drains."""
    reach = _engine_reach_h(inputs)
    if inputs.flood is None or reach < 0.0:
        return None
    found = inputs.flood.at(min(lead_h, reach))
    if found is None:
        return None
    fading = float(np.exp(-max(lead_h - reach, 0.0) / FADING_H))
    return found[0] * fading, found[1] * fading


def _from_rain(
    inputs: ModelInputs, gathered: NDArray[np.float64], lead_h: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rain = inputs.rain
    depth = np.zeros(len(inputs.cells))
    error = np.zeros(len(inputs.cells))
    for window in WINDOWS_H:
        amount, spread = accumulation_outlook(
            rain.windows_h, rain.cell_mm, rain.cell_error_mm, window_h=window, lead_h=lead_h
        )
        water = drain_excess_mm(amount, window_h=window, capacity_mm_h=CAPACITY_MM_H) / 1000.0 * gathered
        spread_m = np.hypot(spread, INSTRUMENT_ERROR_RATIO * amount) / 1000.0 * gathered
        deeper = water > depth
        depth = np.where(deeper, water, depth)
        error = np.where(deeper, spread_m, error)
    wet = depth > 0.0
    total = np.hypot(error, MODEL_ERROR_RATIO * depth)
    return np.where(wet, threshold_probability(depth, total, DAMAGING_M), 0.0), depth


def _from_sight(
    inputs: ModelInputs, lead_h: float, *, sensors: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What was seen; street sensors only where the engine, whose members they have weighed already, did not run."""
    seen = np.zeros(len(inputs.cells))
    depth = np.zeros(len(inputs.cells))
    for sight in inputs.depths:
        if sight.depth_m < DAMAGING_M or (sight.source == "sensor" and not sensors):
            continue
        fading = float(np.exp(-(_age_h(inputs, sight) + lead_h) / FADING_H))
        belief = CREDENCE.get(sight.source, 0.5) * fading
        seen[sight.cell_row] = 1.0 - (1.0 - seen[sight.cell_row]) * (1.0 - belief)
        depth[sight.cell_row] = max(depth[sight.cell_row], sight.depth_m * fading)
    return seen, depth


def _age_h(inputs: ModelInputs, sight: DepthObservation) -> float:
    return max((inputs.now - sight.at).total_seconds(), 0.0) / 3600.0


def _sightings(inputs: ModelInputs, *, most: int = 5) -> list[Evidence]:
    deepest = sorted(inputs.depths, key=lambda d: (-d.depth_m, d.cell_row, d.at))
    return [
        Evidence(
            kind="reading" if d.source == "sensor" else "report",
            sensor_id=d.sensor_id,
            quantity="water_depth_m",
            value=d.depth_m,
            unit="m",
            at=d.at,
            threshold=DAMAGING_M,
            note="" if d.source == "sensor" else d.source,
        )
        for d in deepest[:most]
        if d.depth_m >= DAMAGING_M
    ]
