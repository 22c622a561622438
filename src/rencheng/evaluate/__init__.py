"""Evaluate 评估: indicators, service levels, after-action reports, lessons.

Every clock that a target is set on is read off the facts as they pass. An indicator is published when its colour
changes; a closed incident leaves lessons; the after-action report tells a stretch of the ledger with causes, scores,
times against targets, and the area of service lost, and ends in the city's resilience index, whose weights people may
revise.
"""

from rencheng.evaluate.decide import Inputs, decide, next_due
from rencheng.evaluate.facts import IndicatorMeasured, LessonRecorded, WeightsRevised
from rencheng.evaluate.handle import handle, trees
from rencheng.evaluate.indicators import Indicator, Measured, indicator_colour, indicators, measure
from rencheng.evaluate.model import State, evolve, initial_state
from rencheng.evaluate.orders import ReviseWeights
from rencheng.evaluate.page import report_html
from rencheng.evaluate.report import ClockSummary, Report, build_report, report_json
from rencheng.evaluate.resilience import RoundMeasures, resilience_index, resilience_tree
from rencheng.evaluate.service import Capacity, ServiceCurve, service_curves
from rencheng.evaluate.timeline import Moment, in_words, timeline

__all__ = [
    "Capacity",
    "ClockSummary",
    "Indicator",
    "IndicatorMeasured",
    "Inputs",
    "LessonRecorded",
    "Measured",
    "Moment",
    "Report",
    "ReviseWeights",
    "RoundMeasures",
    "ServiceCurve",
    "State",
    "WeightsRevised",
    "build_report",
    "decide",
    "evolve",
    "handle",
    "in_words",
    "indicator_colour",
    "indicators",
    "initial_state",
    "measure",
    "next_due",
    "report_html",
    "report_json",
    "resilience_index",
    "resilience_tree",
    "service_curves",
    "timeline",
    "trees",
]
