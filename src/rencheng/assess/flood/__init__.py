"""Water over the ground, before it comes: the city as a flood domain, ensembles, cycles, extents, skill.

A rain picture (or a river forecast) becomes depths on a raster, the depths become water at buildings, road links,
underpasses and facilities. What is published are two tables named in a ``FloodForecastPublished``: frames (rasters per
lead time) and objects (who stands in how much water, and how surely).
"""
