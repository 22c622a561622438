"""Flood forecasts as the page and other systems get them: rasters, objects, pictures and the duty officer's brief.

The rasters and the table of objects are fields named in a ``FloodForecastPublished``; here they are sliced, named,
drawn and exported. Nothing here judges: every number stands in a fact or a field.
"""

from rencheng.web.flood.objects import GROUPS, FloodObjects, ObjectChoice
from rencheng.web.flood.rasters import FloodRasters, PointSeries
from rencheng.web.flood.store import FloodFields, FloodStore

__all__ = ["GROUPS", "FloodFields", "FloodObjects", "FloodRasters", "FloodStore", "ObjectChoice", "PointSeries"]
