"""App: settings, the composition root and the runner that turns the loop.

Importing it registers the facts of every room, so that any ledger can be read.
"""

from rencheng.app.facts import RunEnded, RunStarted
from rencheng.app.stages import Inputs, States
from rencheng.rehearse.facts import InjectPlayed, ScenarioEnded, ScenarioStarted

__all__ = ["InjectPlayed", "Inputs", "RunEnded", "RunStarted", "ScenarioEnded", "ScenarioStarted", "States"]
