"""River flood: the stage over the flood stage, against the height of the land above the river."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.facts import Evidence
from rencheng.assess.hazard_model import Card, GaugeState, ModelInputs, Outlook, StageForecast, Variable
from rencheng.kernel import FactId, Hazard
from rencheng.science.inundation import flooded_share, two_piece_normal_nodes

__all__ = ["CARD", "RiverFlood"]

CARD = Card(
    name="river-flood-hand",
    version="1",
    hazard=Hazard.RIVER_FLOOD,
    inputs=(
        Variable(name="stage_m", unit="m", intent="observed stage of gauges with a published threshold"),
        Variable(name="stage forecast", unit="m", intent="median and 80 % interval at the lead times"),
        Variable(name="terrain", unit="m", intent="height above nearest drainage and the sills between river and land"),
    ),
    outputs=(
        Variable(name="probability", unit="1", intent="share of the cell's land expected under water"),
        Variable(name="intensity", unit="m", intent="mean depth over the land under water"),
    ),
    horizons_h=(0.0, 6.0, 12.0, 24.0),
    intensity="inundation depth",
    intensity_unit="m",
    damaging="any inundation of the ground",
    probability_floor=0.05,
    sources=(
        "Nobre et al. 2011, J. Hydrol. 404:13 (HAND)",
        "Rodriguez et al. 2006, Photogramm. Eng. Remote Sens. 72:249 (SRTM error)",
    ),
    skill="not validated against a mapped flood; its stage forecast is (see the stage-forecast card)",
    limits=(
        "The gauge's zero is not tied to the terrain: the threshold named flood stage (else the lowest) is bank-full.",
        "Surface models read roofs and trees as ground, so flooded land in built-up areas is under-estimated.",
        "Dikes thinner than a terrain cell, gates and pumps are not seen.",
        "A rise at the gauge is laid along its river without routing; water on the move is not timed.",
    ),
    needs_terrain=True,
)


class RiverFlood:
    """Probability of inundation from stage and height above nearest drainage."""

    card = CARD

    def assess(self, inputs: ModelInputs) -> Outlook:
        """Judge every cell that drains to a river with a gauge and a published flood stage."""
        shape = (len(CARD.horizons_h), len(inputs.cells))
        probability, intensity = np.zeros(shape), np.zeros(shape)
        ground = inputs.susceptibility
        if ground is None:
            return Outlook(probability=probability, intensity=intensity, evidence=())
        forecasts = {f.row: f for f in inputs.forecasts}
        evidence: list[Evidence] = []
        cause: list[FactId] = []
        for gauge in inputs.stages:
            mine = np.flatnonzero(ground.gauge_row == gauge.row)
            if gauge.flood_stage_m is None or len(mine) == 0:
                continue
            wet = False
            for h, lead in enumerate(CARD.horizons_h):
                rise = _rise_nodes(gauge, forecasts.get(gauge.row), lead)
                if rise is None or rise[-1] <= 0.0:
                    continue
                probability[h, mine], intensity[h, mine] = flooded_share(
                    rise, ground.reach_m[mine], ground.hand_m[mine], error_m=ground.terrain_error_m
                )
                wet = True
            if wet:
                evidence.extend(_evidence(inputs, gauge, forecasts.get(gauge.row)))
                if gauge.row in forecasts:
                    cause.append(forecasts[gauge.row].fact_id)
        if evidence:
            evidence.append(Evidence(kind="terrain", note=ground.source))
        return Outlook(probability=probability, intensity=intensity, evidence=tuple(evidence), cause=tuple(cause))


def _rise_nodes(gauge: GaugeState, forecast: StageForecast | None, lead_h: float) -> NDArray[np.float64] | None:
    """Rise above flood stage at a lead time, as equally likely values, ascending; None where nobody forecasts it."""
    assert gauge.flood_stage_m is not None
    if lead_h == 0.0:
        return np.array([gauge.stage_m - gauge.flood_stage_m])
    if forecast is None:
        return None
    at = np.flatnonzero(forecast.lead_h == lead_h)
    if len(at) == 0:
        return None
    i = int(at[0])
    nodes = two_piece_normal_nodes(
        float(forecast.median_m[i]), low=float(forecast.low_m[i]), high=float(forecast.high_m[i])
    )
    return nodes - gauge.flood_stage_m


def _evidence(inputs: ModelInputs, gauge: GaugeState, forecast: StageForecast | None) -> list[Evidence]:
    sensor = inputs.gauges.ids[gauge.row]
    seen = [
        Evidence(
            kind="reading",
            sensor_id=sensor,
            quantity="stage_m",
            value=gauge.stage_m,
            unit="m",
            at=gauge.observed_at,
            threshold=gauge.flood_stage_m,
        )
    ]
    if forecast is not None:
        seen.extend(
            Evidence(
                kind="forecast",
                sensor_id=sensor,
                quantity="stage_m",
                value=float(forecast.median_m[i]),
                unit="m",
                threshold=gauge.flood_stage_m,
                note=f"{forecast.lead_h[i]:g} h, 80 %: {forecast.low_m[i]:.2f} to {forecast.high_m[i]:.2f}",
            )
            for i in range(len(forecast.lead_h))
        )
    return seen
