"""A river's stage at a city from the rivers above it: gauges, rain and the waters it empties into.

A city package that carries ``river/river.toml`` (the tree of its gauges and its standing waters) gets a forecast by
routing; any other gauge gets one learnt from the course of gauges upstream.
"""

from rencheng.assess.river.card import RIVER_CARD
from rencheng.assess.river.forecaster import RiverForecaster
from rencheng.assess.river.outlook import GaugeOutlook, RiverForecast
from rencheng.assess.river.regression import regression_forecast
from rencheng.assess.river.river_file import RiverFile, find_river_file, read_river_file

__all__ = [
    "RIVER_CARD",
    "GaugeOutlook",
    "RiverFile",
    "RiverForecast",
    "RiverForecaster",
    "find_river_file",
    "read_river_file",
    "regression_forecast",
]
