"""The contract battery: what every hazard model must keep, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from rencheng.assess.consequence import risk_table
from rencheng.assess.frame import CityFrame, city_frame
from rencheng.assess.gauging import flood_stage_m
from rencheng.assess.hazard_model import (
    DepthObservation,
    GaugeState,
    HazardModel,
    ModelInputs,
    Outlook,
    RainState,
    StageForecast,
)
from rencheng.assess.rules import default_rules
from rencheng.assess.susceptibility import Susceptibility, susceptibility_of
from rencheng.assess.windows import RAIN_WINDOWS_H
from rencheng.city import City
from rencheng.kernel import FactId, InvalidInput, MissingData

__all__ = ["check_hazard_model", "quiet_inputs", "stressed_inputs"]

_NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)
_STEPS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
_ROUNDING = 1e-9


def check_hazard_model(model: HazardModel, city: City) -> None:
    """Put a hazard model to the test on a city; silent if it keeps the contract.

    It must carry a full card; deliver every horizon it declares; give probabilities in 0 … 1 and finite, non-negative
    intensities; give the same for the same; stay calm when nothing happens and when it is given nothing; not lessen
    the danger when water rises and rain grows; expose no residents where none live; and rest a judgement above its
    floor on evidence.

    Raises
    ------
    InvalidInput
        At the first promise broken; names the model and the promise.
    """
    frame = city_frame(city, uncounted_kinds=default_rules().risk.uncounted_kinds)
    try:
        ground: Susceptibility | None = susceptibility_of(city, frame.cells, frame.gauges)
    except MissingData:
        ground = None
    for promise, kept in _promises(model, frame, ground):
        if not kept:
            raise InvalidInput(
                f"hazard model {model.card.name!r} breaks its contract: {promise}", where=f"city {city.manifest.id!r}"
            )


def _promises(model: HazardModel, frame: CityFrame, ground: Susceptibility | None) -> Iterator[tuple[str, bool]]:
    card = model.card
    yield "the card is complete", _complete(model)
    yield "horizons ascend and none is in the past", all(np.diff(card.horizons_h) > 0) and card.horizons_h[0] >= 0
    yield "the floor lies between 0 and 1", 0.0 < card.probability_floor < 1.0
    quiet = model.assess(quiet_inputs(frame, ground))
    yield from _well_formed(model, frame, quiet)
    yield "nothing happening is no danger", bool((quiet.probability < card.probability_floor).all())
    bare = replace(quiet_inputs(frame, None), stages=(), forecasts=(), depths=())
    yield from _well_formed(model, frame, model.assess(bare))
    before = quiet
    for stress in _STEPS[1:]:
        given = stressed_inputs(frame, ground, stress)
        outlook = model.assess(given)
        yield from _well_formed(model, frame, outlook)
        rises = bool((outlook.probability >= before.probability - _ROUNDING).all())
        yield f"danger does not lessen as water and rain grow (at {stress})", rises
        yield "the same inputs give the same outlook", _same(outlook, model.assess(given))
        dangerous = bool((outlook.probability >= card.probability_floor).any())
        yield "danger is said with its evidence", not dangerous or len(outlook.evidence) > 0
        yield from _harmless_to_nobody(model, frame, outlook)
        before = outlook


def _complete(model: HazardModel) -> bool:
    card = model.card
    words = (card.name, card.version, card.intensity, card.intensity_unit, card.damaging, card.skill)
    lists = (card.inputs, card.outputs, card.horizons_h, card.sources, card.limits)
    return all(words) and all(len(x) > 0 for x in lists)


def _well_formed(model: HazardModel, frame: CityFrame, outlook: Outlook) -> Iterator[tuple[str, bool]]:
    shape = (len(model.card.horizons_h), len(frame.cells))
    p, x = outlook.probability, outlook.intensity
    yield "every declared horizon is delivered for every cell", p.shape == shape and x.shape == shape
    yield "probabilities are numbers from 0 to 1", bool(np.isfinite(p).all() and (p >= 0).all() and (p <= 1).all())
    yield "intensities are finite and not negative", bool(np.isfinite(x).all() and (x >= 0).all())


def _harmless_to_nobody(model: HazardModel, frame: CityFrame, outlook: Outlook) -> Iterator[tuple[str, bool]]:
    rows = risk_table(outlook, model.card, frame.cells, default_rules().risk).rows
    empty = {int(c) for c in frame.cells.cell[frame.cells.residents <= 0.0].tolist()}
    in_empty = [r for r in rows.to_pylist() if r["cell"] in empty]
    yield "nobody is exposed where nobody lives", all(r["residents"] == 0.0 and r["risk"] == 0.0 for r in in_empty)


def _same(a: Outlook, b: Outlook) -> bool:
    equal = np.array_equal(a.probability, b.probability) and np.array_equal(a.intensity, b.intensity)
    return bool(equal and a.evidence == b.evidence and a.cause == b.cause)


def quiet_inputs(frame: CityFrame, ground: Susceptibility | None) -> ModelInputs:
    """Inputs on a dry day with rivers a metre below their flood stage."""
    return stressed_inputs(frame, ground, 0.0)


def stressed_inputs(frame: CityFrame, ground: Susceptibility | None, stress: float) -> ModelInputs:
    """Inputs of an evening that gets worse with ``stress``.

    For every unit rivers rise by a metre (flood stage at 1), rain grows by 40 mm/h and street water by 0.2 m.
    """
    level = stress - 1.0
    stages, forecasts = [], []
    for (sensor, quantity), thresholds in frame.gauges.thresholds.items():
        if quantity != "stage_m" or sensor not in frame.gauges.index:
            continue
        row = frame.gauges.index[sensor]
        flood = flood_stage_m(thresholds, default_rules().stage.bank_full_names) or 0.0
        stages.append(GaugeState(row=row, stage_m=flood + level, rate_m_h=0.1, observed_at=_NOON, flood_stage_m=flood))
        lead = np.array([6.0, 12.0, 24.0])
        median = np.full(3, flood + level)
        forecasts.append(
            StageForecast(
                row=row,
                lead_h=lead,
                median_m=median,
                low_m=median - 0.1,
                high_m=median + 0.3,
                fact_id=FactId(f"forecast-of-{sensor}"),
            )
        )
    depths = [
        DepthObservation(cell_row=0, depth_m=0.2 * stress, at=_NOON, source="sensor", sensor_id="street", fact_id=None)
    ]
    return ModelInputs(
        now=_NOON,
        cells=frame.cells,
        gauges=frame.gauges,
        susceptibility=ground,
        stages=tuple(stages),
        forecasts=tuple(forecasts),
        rain=_rain(frame, 40.0 * stress),
        depths=tuple(depths) if stress > 0 and len(frame.cells) else (),
    )


def _rain(frame: CityFrame, rate_mm_h: float) -> RainState:
    windows = np.array(RAIN_WINDOWS_H)
    amount = rate_mm_h * np.minimum(windows, 3.0)
    gauges, cells = len(frame.gauges), len(frame.cells)
    return RainState(
        windows_h=RAIN_WINDOWS_H,
        gauge_mm=np.tile(amount, (gauges, 1)),
        completeness_ratio=np.ones((gauges, len(windows))),
        cell_mm=np.tile(amount, (cells, 1)),
        cell_error_mm=np.tile(0.2 * amount, (cells, 1)),
    )
