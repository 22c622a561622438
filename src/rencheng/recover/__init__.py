"""Recover 恢复: damage, resource gaps, rectification of latent hazards, and review.

When the response to an incident has ended, the damage by building and cell is worked out from the deepest water that
was assessed, gaps of relief goods are listed by area, and every road that had to be closed becomes a rectification
task. An incident cannot be closed before it is assessed and reviewed.
"""

from rencheng.recover.damage import Damage, Relief, damage, read_relief, relief_gaps
from rencheng.recover.decide import Inputs, decide, handle, next_due
from rencheng.recover.facts import (
    DamageAssessed,
    RectificationCompleted,
    RectificationOpened,
    ResourceGap,
    ReviewRecorded,
)
from rencheng.recover.model import Recovery, Rectification, State, evolve, initial_state
from rencheng.recover.orders import CompleteRectification, RecordReview
from rencheng.recover.read import RecoveryView, open_rectifications, recoveries

__all__ = [
    "CompleteRectification",
    "Damage",
    "DamageAssessed",
    "Inputs",
    "RecordReview",
    "Recovery",
    "RecoveryView",
    "Rectification",
    "RectificationCompleted",
    "RectificationOpened",
    "Relief",
    "ResourceGap",
    "ReviewRecorded",
    "State",
    "damage",
    "decide",
    "evolve",
    "handle",
    "initial_state",
    "next_due",
    "open_rectifications",
    "read_relief",
    "recoveries",
    "relief_gaps",
]
