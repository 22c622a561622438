"""Sandbox city: a consistent river city of any size, grown from a seed, for drills, tests and visitors."""

from rencheng.city.sandbox.make import make_city

__all__ = ["make_city"]
