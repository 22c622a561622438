"""Rehearse 推演: scenarios played in a simulated world through the very same stages.

A scenario is a file. The world has weather, water, instruments that fail, and people who answer tasks, knock at doors
and call for help by the same orders as people at the console. What reaches outside is never built for a rehearsal.
"""

from rencheng.rehearse.facts import InjectPlayed, ScenarioEnded, ScenarioStarted
from rencheng.rehearse.people import Act, Agenda
from rencheng.rehearse.scenario import Scenario, read_scenario
from rencheng.rehearse.world import Delivery, World

__all__ = [
    "Act",
    "Agenda",
    "Delivery",
    "InjectPlayed",
    "Scenario",
    "ScenarioEnded",
    "ScenarioStarted",
    "World",
    "read_scenario",
]
