"""Rainstorm: rain accumulated and fading, against a level that disrupts a city."""

from __future__ import annotations

import numpy as np

from rencheng.assess.facts import Evidence
from rencheng.assess.hazard_model import Card, ModelInputs, Outlook, RainState, Variable
from rencheng.kernel import Hazard
from rencheng.science.urban_water import accumulation_outlook, threshold_probability

__all__ = ["CARD", "INSTRUMENT_ERROR_RATIO", "Rainstorm", "rain_evidence"]

WINDOW_H = 6.0
DAMAGING_MM = 50.0
INSTRUMENT_ERROR_RATIO = 0.1
"""Tipping-bucket gauges lose about a tenth in heavy rain (WMO-No. 8, vol. I, ch. 6)."""

CARD = Card(
    name="rainstorm-accumulation",
    version="1",
    hazard=Hazard.RAINSTORM,
    inputs=(Variable(name="rain_mm", unit="mm", intent="accumulations of gauges, interpolated to cells"),),
    outputs=(
        Variable(name="probability", unit="1", intent="of 50 mm in the six hours that end at the horizon"),
        Variable(name="intensity", unit="mm", intent="expected rain in those six hours"),
    ),
    horizons_h=(0.0, 1.0, 3.0, 6.0),
    intensity="rain in six hours",
    intensity_unit="mm",
    damaging="50 mm in six hours (yellow rainstorm signal, CMA Order No. 16, 2007)",
    probability_floor=0.05,
    sources=(
        "Shepard 1968, Proc. 23rd ACM National Conf.:517 (interpolation)",
        "Germann & Zawadzki 2002, Mon. Weather Rev. 130:2859 (how long rain persists)",
    ),
    skill="not validated; without radar or a weather model it says little beyond two hours",
    limits=(
        "Rain that has not begun is not seen: no weather forecast is read.",
        "Cells farther than 30 km from every gauge are not judged.",
    ),
)


class Rainstorm:
    """Probability of 50 mm in six hours."""

    card = CARD

    def assess(self, inputs: ModelInputs) -> Outlook:
        """Judge every cell within reach of a rain gauge."""
        shape = (len(CARD.horizons_h), len(inputs.cells))
        probability, intensity = np.zeros(shape), np.zeros(shape)
        rain = inputs.rain
        heard = np.isfinite(rain.cell_mm[:, 0])
        if not heard.any() or np.nanmax(rain.cell_mm, initial=0.0) <= 0.0:
            return Outlook(probability=probability, intensity=intensity, evidence=())
        for h, lead in enumerate(CARD.horizons_h):
            amount, spread = accumulation_outlook(
                rain.windows_h, rain.cell_mm, rain.cell_error_mm, window_h=WINDOW_H, lead_h=lead
            )
            error = np.hypot(spread, INSTRUMENT_ERROR_RATIO * amount)
            probability[h] = np.where(heard, threshold_probability(amount, error, DAMAGING_MM), 0.0)
            intensity[h] = np.where(heard, amount, 0.0)
        return Outlook(probability=probability, intensity=intensity, evidence=rain_evidence(inputs, rain, WINDOW_H))


def rain_evidence(inputs: ModelInputs, rain: RainState, window_h: float, *, most: int = 3) -> tuple[Evidence, ...]:
    """Give the largest gauge accumulations that any cell can have felt, with the completeness of their windows."""
    column = rain.windows_h.index(window_h)
    amount = np.where(inputs.gauges.near_city_m <= 30_000.0, np.nan_to_num(rain.gauge_mm[:, column]), 0.0)
    order = np.argsort(-amount, kind="stable")[:most]
    return tuple(
        Evidence(
            kind="accumulation",
            sensor_id=inputs.gauges.ids[i],
            quantity="rain_mm",
            value=round(float(amount[i]), 1),
            unit="mm",
            at=inputs.now,
            note=f"{window_h:g} h, {rain.completeness_ratio[i, column]:.0%} observed",
        )
        for i in order.tolist()
        if amount[i] > 0.0
    )
