"""Water over the ground: the shallow-water equations on a raster, and what stands in their way."""
