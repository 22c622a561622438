"""Deciding: readings of the moment become signals, forecasts and risk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from rencheng.assess.alarms import AlarmDesk
from rencheng.assess.consequence import risk_table
from rencheng.assess.facts import RiskAssessed
from rencheng.assess.flood.came_true import score_drafts
from rencheng.assess.flood.outlook import CellWater, flood_outlook
from rencheng.assess.forecasting import StageForecaster, forecast_inputs, forecast_signals
from rencheng.assess.frame import CityFrame, city_frame
from rencheng.assess.gauging import GaugesNow, gauge_states, gauges_now
from rencheng.assess.hazard_model import HazardModel, ModelInputs, hazard_models
from rencheng.assess.model import State, learn
from rencheng.assess.ports import FieldStore
from rencheng.assess.river.publish import river_desk
from rencheng.assess.rules import AssessRules, default_rules
from rencheng.assess.sightings import depth_observations, water_signals
from rencheng.assess.signals import rain_signals, stage_signals
from rencheng.assess.susceptibility import Susceptibility, susceptibility_of
from rencheng.assess.windows import rain_state, series_window
from rencheng.city import City
from rencheng.kernel import Draft, FactId, Hazard, MissingData, derived_id, format_instant, hours
from rencheng.science.regular_series import last_values
from rencheng.sense.detection_rules import DetectionRules, default_detection_rules
from rencheng.sense.ports import Alarms, Readings

__all__ = ["Inputs", "decide"]

STAGE_WINDOW_H = 6.0


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What stays the same in a run.

    Parameters
    ----------
    city : City
        The city that is watched.
    readings : Readings
        Where readings are read.
    fields : FieldStore
        Where risk tables are kept.
    models : mapping of str to HazardModel, optional
        Hazard models by name; all registered ones unless given.
    rules : AssessRules, optional
        The rules that ship with Rencheng unless given.
    mode : str
        ``live``, ``replay`` or ``rehearsal``; judgement does not depend on it.
    alarms : Alarms, optional
        Where detection leaves its alarms; without it none become signals.
    detection : DetectionRules, optional
        Its rules: who is told of which alarm. Those that ship with Rencheng unless given.

    Attributes
    ----------
    frame : CityFrame
        The city as arrays.
    susceptibility : Susceptibility or None
        Its ground; None where the city has no terrain or no cells.
    limitations : tuple of str
        What cannot be judged here and why.
    """

    city: City
    readings: Readings
    fields: FieldStore
    models: Mapping[str, HazardModel] = field(default_factory=hazard_models)
    rules: AssessRules = field(default_factory=default_rules)
    mode: str = "live"
    alarms: Alarms | None = None
    detection: DetectionRules = field(default_factory=default_detection_rules)
    alarm_desk: AlarmDesk | None = field(init=False, repr=False)
    frame: CityFrame = field(init=False, repr=False)
    susceptibility: Susceptibility | None = field(init=False, repr=False)
    limitations: tuple[str, ...] = field(init=False)
    forecaster: StageForecaster = field(init=False, repr=False)
    published: dict[str, tuple[str, str]] = field(init=False, repr=False, compare=False)
    """Memory of the last table per model, to spare storing one that did not change; holds nothing that matters."""
    flood_memo: dict[str, CellWater] = field(init=False, repr=False, compare=False)
    """Memory of the standing flood forecast's table; holds nothing that matters."""

    def __post_init__(self) -> None:
        frame = city_frame(self.city, uncounted_kinds=self.rules.risk.uncounted_kinds)
        limitations: list[str] = []
        ground: Susceptibility | None = None
        try:
            ground = susceptibility_of(self.city, frame.cells, frame.gauges)
        except MissingData as absent:
            limitations.append(str(absent))
            limitations.extend(f"{n} is not run" for n, m in self.models.items() if m.card.needs_terrain)
        forecaster = StageForecaster(
            readings=self.readings,
            gauges=frame.gauges,
            rules=self.rules,
            river=river_desk(self.city, self.readings, frame.gauges),
        )
        for name, value in (
            ("alarm_desk", None if self.alarms is None else AlarmDesk(self.alarms, self.detection)),
            ("frame", frame),
            ("susceptibility", ground),
            ("limitations", tuple(limitations)),
            ("forecaster", forecaster),
            ("published", {}),
            ("flood_memo", {}),
        ):
            object.__setattr__(self, name, value)


def decide(state: State, inputs: Inputs, now: datetime) -> list[Draft]:
    """Judge the readings up to ``now``: signals raised and cleared, forecasts at their cadence, risk where it changed.

    Nothing stamped after ``now`` is read, and what is learnt of the past is learnt from before the day of ``now``.
    """
    frame, rules = inputs.frame, inputs.rules
    stage = series_window(inputs.readings, frame.gauges, "stage_m", start=now - hours(STAGE_WINDOW_H), end=now)
    gauges = gauges_now(stage, len(frame.gauges), now, rules.stage)
    gauges = _last_heard(state, inputs, gauges, now)
    rain = rain_state(inputs.readings, frame, now, reach_m=rules.rain.reach_m)
    depths = depth_observations(state, inputs.readings, frame, rules.water, now)
    learnt = inputs.forecaster.levels(now)
    drafts = [
        *stage_signals(state, frame, rules.stage, gauges, learnt, now),
        *rain_signals(state, frame, rules, rain, now),
        *water_signals(state, frame, rules.water, depths, now),
        *(inputs.alarm_desk.drafts(state, frame, now) if inputs.alarm_desk is not None else ()),
    ]
    forecasts = inputs.forecaster.publish(state, gauges, now)
    drafts.extend(forecasts)
    drafts.extend(forecast_signals(state, frame, rules.forecast, forecasts, now))
    drafts.extend(
        score_drafts(state.flood, state.reports, frame.gauges, inputs.readings, inputs.fields, rules.flood, now)
    )
    ahead = _provisional(state, drafts)
    model_inputs = ModelInputs(
        now=now,
        cells=frame.cells,
        gauges=frame.gauges,
        susceptibility=inputs.susceptibility,
        stages=gauge_states(gauges, frame.gauges, rules.stage),
        forecasts=forecast_inputs(ahead, frame.gauges, now),
        rain=rain,
        depths=depths,
        flood=flood_outlook(state.flood, inputs.fields, frame.cells.cell, rules.flood, now, inputs.flood_memo),
    )
    return [*drafts, *_risks(ahead, inputs, model_inputs)]


def _last_heard(state: State, inputs: Inputs, gauges: GaugesNow, now: datetime) -> GaugesNow:
    """Find out when gauges were last heard that signal but have fallen silent: a drowned gauge is no all-clear."""
    index = inputs.frame.gauges.index
    signalling = sorted({s.body.sensor_id for s in state.signals.values() if s.body.hazard == Hazard.RIVER_FLOOD})
    silent = [s for s in signalling if s in index and gauges.at_us[index[s]] < 0]
    if not silent:
        return gauges
    start = now - hours(inputs.rules.stage.silent_clear_h)
    stage = series_window(inputs.readings, inputs.frame.gauges, "stage_m", start=start, end=now, sensors=silent)
    _, at = last_values(stage.row, stage.at_us, stage.value, count=len(gauges.at_us))
    return replace(gauges, at_us=np.where(gauges.at_us < 0, at, gauges.at_us))


def _provisional(state: State, drafts: list[Draft]) -> State:
    """State as it will be once the drafts of this turn are facts: risk rests on them."""
    for draft in drafts:
        state = learn(state, draft.body, fact_id=draft.id, at=draft.occurred_at)
    return state


def _risks(state: State, inputs: Inputs, given: ModelInputs) -> Iterator[Draft]:
    """Ask every model; publish a risk table where it differs from the last one."""
    for name, model in inputs.models.items():
        card = model.card
        if card.needs_terrain and given.susceptibility is None:
            continue
        outlook = model.assess(given)
        table = risk_table(outlook, card, inputs.frame.cells, inputs.rules.risk)
        known = inputs.published.get(name)
        standing = state.risks.get(name)
        if known is not None and standing is not None and known == (table.digest, standing.body.field):
            continue
        stored = inputs.fields.put(table.rows)
        inputs.published[name] = (table.digest, stored)
        if standing is not None and standing.body.field == stored:
            continue
        body = RiskAssessed(
            assessment_id=derived_id("risk", name, format_instant(given.now)),
            hazard=str(card.hazard),
            model=name,
            field=stored,
            totals=table.totals,
            evidence=outlook.evidence,
        )
        yield Draft(
            stream=f"risk/{name}",
            body=body,
            occurred_at=given.now,
            actor=f"model:{name}/{card.version}",
            cause=(*outlook.cause, *_signals_behind(state, str(card.hazard))),
        )


def _signals_behind(state: State, hazard: str) -> tuple[FactId, ...]:
    """Standing signals of the hazard in the city."""
    return tuple(s.fact_id for s in state.signals.values() if s.body.hazard == hazard and s.body.in_city)
