"""The hazard models that ship with Rencheng, one file each, registered as entry points like any other."""
