"""The card of leak detection in a water network."""

from __future__ import annotations

from typing import Final

from rencheng.science.detection.cards import DetectorCard

__all__ = ["LEAK_CARD"]

LEAK_CARD: Final = DetectorCard(
    name="leaks",
    quantity="pressures, flows and tank levels of a water network with an EPANET model",
    method="what sensors read beyond the model, its errors and known leaks with their growth in a Kalman filter; the "
    "likelihood ratio of one more leak at every place over 1 to 32 days; places reviewed every eight days",
    source="Willsky and Jones (1976); Todini and Pilati (1988) for the linearised network; scored by the rule of "
    "Vrachimis et al. (2022)",
    settings="one for all networks; told after twice the log likelihood ratio passes 40 and the place is sure by 0.85, "
    "or after twelve days",
    false_per_sensor_day=0.0007,
    limits=(
        "Needs the model, the flow of every source and seven days to learn.",
        "A leak under 2 m³/h is not told; one that ran from the first day only where it stands out from the doubts.",
        "Two leaks within 300 m that begin within weeks are told as one.",
        "A closed valve that the model has open looks like a leak.",
    ),
)
"""False alarms: up to ten wrong calls a year of 37 sensors; see ``docs/explanation/leak-detection.md``."""
