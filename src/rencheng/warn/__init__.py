"""Warn 预警: grading, issuing, updating, cancelling, dissemination, receipts and verification.

Rules are data (``warn/data/*.yaml``, a city's own in its ``rules`` folder): national signals, river stages, rain,
waterlogging. ``decide`` reads what assessment published, grades every hazard and zone, and takes the step in a
warning's life that is due: issue, upgrade, downgrade (after hysteresis), update, extend, cancel, expire. Each step
carries a whole notice — one CAP message — and the messages that take it out, committed together. ``deliver`` works
the outbox; ``verify`` scores warnings against what happened.
"""

from rencheng.warn.decide import decide, next_due
from rencheng.warn.facts import (
    MessageAbandoned,
    MessageDelivered,
    MessageFailed,
    MessageQueued,
    Notice,
    Reason,
    WarningCancelled,
    WarningDowngraded,
    WarningExpired,
    WarningIssued,
    WarningUpdated,
    WarningUpgraded,
)
from rencheng.warn.handle import handle
from rencheng.warn.inputs import Inputs, inputs_for
from rencheng.warn.model import Closed, Message, Receipt, Standing, State, evolve, initial_state
from rencheng.warn.orders import CancelWarning, ExtendWarning, IssueWarning
from rencheng.warn.outbox import deliver, pending
from rencheng.warn.ports import Channel
from rencheng.warn.read import MessageView, WarningView, messages, standing_warnings, warning_history
from rencheng.warn.rule_files import load_rules, load_terms
from rencheng.warn.rules import Rule, RuleBook, RuleSet, Terms
from rencheng.warn.verify import (
    HazardScore,
    MatchedEvent,
    ObservedEvent,
    Verification,
    observed_events,
    verify,
    warned_periods,
)

__all__ = [
    "CancelWarning",
    "Channel",
    "Closed",
    "ExtendWarning",
    "HazardScore",
    "Inputs",
    "IssueWarning",
    "MatchedEvent",
    "Message",
    "MessageAbandoned",
    "MessageDelivered",
    "MessageFailed",
    "MessageQueued",
    "MessageView",
    "Notice",
    "ObservedEvent",
    "Reason",
    "Receipt",
    "Rule",
    "RuleBook",
    "RuleSet",
    "Standing",
    "State",
    "Terms",
    "Verification",
    "WarningCancelled",
    "WarningDowngraded",
    "WarningExpired",
    "WarningIssued",
    "WarningUpdated",
    "WarningUpgraded",
    "WarningView",
    "decide",
    "deliver",
    "evolve",
    "handle",
    "initial_state",
    "inputs_for",
    "load_rules",
    "load_terms",
    "messages",
    "next_due",
    "observed_events",
    "pending",
    "standing_warnings",
    "verify",
    "warned_periods",
    "warning_history",
]
