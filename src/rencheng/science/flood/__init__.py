"""Water over the ground: the shallow-water equations on a raster, and what stands in their way.

:func:`simulate` is the engine. Around it: conditions at the edge (:mod:`.boundary`), rain (:mod:`.rain`), what parts
of a city the water meets (exchanges, infiltration; the protocols stand in :mod:`.ports`), and what the outcome means
for people.
"""

from rencheng.science.flood.boundary import (
    Closed,
    Discharge,
    FreeFall,
    FreeFlow,
    Open,
    Rating,
    Stage,
    Stretch,
)
from rencheng.science.flood.ports import Exchange, Infiltration, Surface, Transfers
from rencheng.science.flood.rain import RainSeries
from rencheng.science.flood.result import FloodResult, Snapshot, Volumes
from rencheng.science.flood.simulate import simulate
from rencheng.science.flood.terrain_repair import BedRepair, repair_bed

__all__ = [
    "BedRepair",
    "Closed",
    "Discharge",
    "Exchange",
    "FloodResult",
    "FreeFall",
    "FreeFlow",
    "Infiltration",
    "Open",
    "RainSeries",
    "Rating",
    "Snapshot",
    "Stage",
    "Stretch",
    "Surface",
    "Transfers",
    "Volumes",
    "repair_bed",
    "simulate",
]
