"""Recover 恢复: damage, resource gaps, rectification of latent hazards, and review.

When the response to an incident has ended, the damage by building and cell is worked out from the deepest water of its
hazard that was assessed in its cells, gaps of relief goods are listed by area, and damaged buildings and every road
that had to be closed become rectification tasks. An incident cannot be closed before it is assessed and reviewed. The
remediation of the city's flood-prone points is revised by order.
"""

from rencheng.recover.damage import Damage, damage, damage_at_walls
from rencheng.recover.decide import Inputs, decide, handle, next_due
from rencheng.recover.facts import (
    DamageAssessed,
    RectificationCompleted,
    RectificationOpened,
    RemediationRevised,
    ResourceGap,
    ReviewRecorded,
)
from rencheng.recover.model import Recovery, Rectification, Revision, State, evolve, initial_state
from rencheng.recover.orders import CompleteRectification, RecordReview, ReviseRemediation
from rencheng.recover.read import RecoveryView, open_rectifications, recoveries
from rencheng.recover.relief import Relief, read_relief, relief_gaps
from rencheng.recover.remediation import PointStanding, standing_points
from rencheng.recover.wall_losses import WallLosses
from rencheng.recover.water import Water, deepest_water

__all__ = [
    "CompleteRectification",
    "Damage",
    "DamageAssessed",
    "Inputs",
    "PointStanding",
    "RecordReview",
    "Recovery",
    "RecoveryView",
    "Rectification",
    "RectificationCompleted",
    "RectificationOpened",
    "Relief",
    "RemediationRevised",
    "ResourceGap",
    "ReviewRecorded",
    "ReviseRemediation",
    "Revision",
    "State",
    "WallLosses",
    "Water",
    "damage",
    "damage_at_walls",
    "decide",
    "deepest_water",
    "evolve",
    "handle",
    "initial_state",
    "next_due",
    "open_rectifications",
    "read_relief",
    "recoveries",
    "relief_gaps",
    "standing_points",
]
