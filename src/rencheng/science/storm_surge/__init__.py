"""Storm surge: a cyclone over a shelf sea, the sea on the land, and how surely.

:mod:`.cyclone` and :mod:`.wind_stress` say what the storm does to the sea, :mod:`.shelf` what the sea does.
"""
