"""Storm surge: a cyclone over a shelf sea, the sea on the land, and how surely.

:mod:`.cyclone` and :mod:`.wind_stress` say what a storm does to the sea, :mod:`.shelf` what the sea does,
:mod:`.track_errors` which other storms a forecast may turn out to be, :mod:`.coastal_flooding` how far each gets over
the land, and :mod:`.flood_edge` where the flood ends and how far two edges lie apart.
"""

from rencheng.science.storm_surge.coastal_flooding import Coast, coastal_floods
from rencheng.science.storm_surge.cyclone import CycloneTrack, pressure_and_wind
from rencheng.science.storm_surge.flood_edge import HIGH_RISK_CHANCE, MEDIAN_CHANCE, edge_distance, overrun_m
from rencheng.science.storm_surge.shelf import ShelfSea, SurgeResult, cyclone_forcing, shelf_surge
from rencheng.science.storm_surge.track_errors import NORTHWEST_PACIFIC, TrackErrors, storm_members

__all__ = [
    "HIGH_RISK_CHANCE",
    "MEDIAN_CHANCE",
    "NORTHWEST_PACIFIC",
    "Coast",
    "CycloneTrack",
    "ShelfSea",
    "SurgeResult",
    "TrackErrors",
    "coastal_floods",
    "cyclone_forcing",
    "edge_distance",
    "overrun_m",
    "pressure_and_wind",
    "shelf_surge",
    "storm_members",
]
