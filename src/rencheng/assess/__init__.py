"""Assess 研判: signals detected, levels forecast, and risk by cell, hazard and horizon.

``decide`` reads the readings up to ``now`` and publishes what they mean: signals with hysteresis, stage forecasts with
an 80 % interval, and the risk tables of every registered hazard model. Hazard models are plugins (entry points
``rencheng.hazard_models``); :func:`check_hazard_model` is the battery that any of them must pass.
"""

from rencheng.assess.battery import check_hazard_model
from rencheng.assess.decide import Inputs, decide
from rencheng.assess.hazard_model import (
    Card,
    DepthObservation,
    FloodOutlook,
    GaugeState,
    HazardModel,
    ModelInputs,
    Outlook,
    RainState,
    StageForecast,
    Variable,
    hazard_models,
)
from rencheng.assess.model import State, evolve, initial_state
from rencheng.assess.ports import FieldStore
from rencheng.assess.read import (
    ForecastView,
    RainView,
    RiskView,
    SignalView,
    forecast_view,
    rain_view,
    risk_view,
    signal_views,
)
from rencheng.assess.risk_collectors import read_risk_index
from rencheng.assess.risk_index import RiskIndex, evaluate_risk_index
from rencheng.assess.rules import AssessRules, FloodRules, default_rules, read_rules

__all__ = [
    "AssessRules",
    "Card",
    "DepthObservation",
    "FieldStore",
    "FloodOutlook",
    "FloodRules",
    "ForecastView",
    "GaugeState",
    "HazardModel",
    "Inputs",
    "ModelInputs",
    "Outlook",
    "RainState",
    "RainView",
    "RiskIndex",
    "RiskView",
    "SignalView",
    "StageForecast",
    "State",
    "Variable",
    "check_hazard_model",
    "decide",
    "default_rules",
    "evaluate_risk_index",
    "evolve",
    "forecast_view",
    "hazard_models",
    "initial_state",
    "rain_view",
    "read_risk_index",
    "read_rules",
    "risk_view",
    "signal_views",
]
