"""Signals: what gauges, rain, streets or people say that means something, raised and cleared with hysteresis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from rencheng.assess.facts import Evidence, SignalCleared, SignalRaised
from rencheng.assess.frame import CityFrame, GaugeFrame, Threshold
from rencheng.assess.gauging import GaugesNow, LearntLevels
from rencheng.assess.hazard_model import RainState
from rencheng.assess.model import StandingSignal, State
from rencheng.assess.rules import AssessRules, RainRules, StageRules
from rencheng.kernel import Colour, Draft, FactId, Hazard, derived_id, from_micros, micros

__all__ = ["at_gauge", "graded", "rain_signals", "signal_cleared", "signal_raised", "stage_signals"]


_ACCUMULATION = "rain_accumulation"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    """What should stand now for one signal: None for nothing, with the reason it may be cleared for."""

    body: SignalRaised | None
    reason: str = ""


def signal_raised(body: SignalRaised, *, now: datetime, actor: str, cause: tuple[FactId, ...] = ()) -> Draft:
    """Draft that a signal is raised."""
    return Draft(stream=f"signal/{body.signal_id}", body=body, occurred_at=now, actor=actor, cause=cause)


def signal_cleared(standing: StandingSignal, reason: str, *, now: datetime, actor: str) -> Draft:
    """Draft that a standing signal is cleared, caused by the fact that raised it."""
    body = SignalCleared(signal_id=standing.body.signal_id, hazard=standing.body.hazard, reason=reason)
    return Draft(stream=f"signal/{body.signal_id}", body=body, occurred_at=now, actor=actor, cause=(standing.fact_id,))


def at_gauge(
    gauges: GaugeFrame, row: int, *, hazard: Hazard, name: str, colour: str, evidence: Iterable[Evidence]
) -> SignalRaised:
    """Signal of a gauge."""
    sensor = gauges.ids[row]
    return SignalRaised(
        signal_id=derived_id("signal", name, sensor),
        hazard=str(hazard),
        name=name,
        colour=colour,
        sensor_id=sensor,
        lon=round(float(gauges.lon[row]), 6),
        lat=round(float(gauges.lat[row]), 6),
        in_city=bool(gauges.in_city[row]),
        evidence=tuple(evidence),
    )


def graded(
    value: float, thresholds: tuple[Threshold, ...], *, standing: StandingSignal | None, clear_below: float
) -> Threshold | None:
    """Threshold whose colour holds: up at once, down only ``clear_below`` under the colour that stands.

    Examples
    --------
    >>> flood = (Threshold(colour=Colour.RED, value=3.0, source="x"),)
    >>> graded(3.0, flood, standing=None, clear_below=0.1).colour.value
    'red'
    """
    reached = [t for t in thresholds if value >= t.value]
    best = reached[-1] if reached else None
    if standing is None or not standing.body.colour:
        return best
    held = [t for t in thresholds if t.colour == standing.body.colour]
    if held and value >= held[0].value - clear_below and (best is None or best.colour.rank < held[0].colour.rank):
        return held[0]
    return best


def changes(state: State, signal_id: str, judgement: _Judgement, *, now: datetime, actor: str) -> Iterator[Draft]:
    """Say what changed of one signal: raised, raised in another colour, cleared, or nothing."""
    standing = state.signals.get(signal_id)
    if judgement.body is None:
        if standing is not None:
            yield signal_cleared(standing, judgement.reason, now=now, actor=actor)
    elif standing is None or standing.body.colour != judgement.body.colour:
        cause = () if standing is None else (standing.fact_id,)
        yield signal_raised(judgement.body, now=now, actor=actor, cause=cause)


def stage_signals(
    state: State, frame: CityFrame, rules: StageRules, gauges: GaugesNow, learnt: LearntLevels, now: datetime
) -> Iterator[Draft]:
    """Judge every river gauge by its thresholds, or by its own past where nobody published any."""
    standing = {s.body.sensor_id for s in state.signals.values() if s.body.hazard == Hazard.RIVER_FLOOD}
    published = {s for s, q in frame.gauges.thresholds if q == "stage_m"}
    stage, rise = np.nan_to_num(gauges.stage_m, nan=-np.inf), np.nan_to_num(gauges.rise_m, nan=-np.inf)
    with np.errstate(invalid="ignore"):
        telling = (stage >= learnt.unusual_m) | (rise >= learnt.rapid_m)
    for row, sensor in enumerate(frame.gauges.ids):
        if not (telling[row] or sensor in published or sensor in standing):
            continue
        for name, judge in (("stage_above_threshold", _published), ("unusual_stage", _unusual), ("rapid_rise", _rapid)):
            signal_id = derived_id("signal", name, sensor)
            if gauges.fresh[row]:
                verdict = judge(state.signals.get(signal_id), frame.gauges, row, rules, gauges, learnt)
            elif _silent_for_h(gauges, row, now) < rules.silent_clear_h:
                continue
            else:
                verdict = _Judgement(body=None, reason="the gauge has been silent too long")
            yield from changes(state, signal_id, verdict, now=now, actor="rule:stage")


def _silent_for_h(gauges: GaugesNow, row: int, now: datetime) -> float:
    at = int(gauges.at_us[row])
    return float("inf") if at < 0 else (micros(now) - at) / 3.6e9


def _published(
    standing: StandingSignal | None,
    frame: GaugeFrame,
    row: int,
    rules: StageRules,
    gauges: GaugesNow,
    learnt: LearntLevels,  # noqa: ARG001 — the three judges share one signature
) -> _Judgement:
    thresholds = frame.thresholds.get((frame.ids[row], "stage_m"), ())
    stage = float(gauges.stage_m[row])
    held = graded(stage, thresholds, standing=standing, clear_below=rules.clear_below_m)
    if held is None:
        return _Judgement(body=None, reason=f"stage {stage:.2f} m is below the threshold")
    evidence = (
        _reading(frame, gauges, row, threshold=held.value, note=held.source),
        _rate(frame, gauges, row),
    )
    return _Judgement(
        body=at_gauge(
            frame,
            row,
            hazard=Hazard.RIVER_FLOOD,
            name="stage_above_threshold",
            colour=str(held.colour),
            evidence=evidence,
        )
    )


def _unusual(
    standing: StandingSignal | None,
    frame: GaugeFrame,
    row: int,
    rules: StageRules,
    gauges: GaugesNow,
    learnt: LearntLevels,
) -> _Judgement:
    stage = float(gauges.stage_m[row])
    level = _level(standing, float(learnt.unusual_m[row]))
    limit = level if standing is None else level - rules.unusual_margin_m
    if (frame.ids[row], "stage_m") in frame.thresholds or not stage >= limit:
        return _Judgement(body=None, reason=f"stage {stage:.2f} m is usual again")
    note = f"learnt from {learnt.days[row]:.0f} days; no published flood stage"
    evidence = (_reading(frame, gauges, row, threshold=level, note=note), _rate(frame, gauges, row))
    body = at_gauge(frame, row, hazard=Hazard.RIVER_FLOOD, name="unusual_stage", colour="", evidence=evidence)
    return _Judgement(body=body)


def _rapid(
    standing: StandingSignal | None,
    frame: GaugeFrame,
    row: int,
    rules: StageRules,
    gauges: GaugesNow,
    learnt: LearntLevels,
) -> _Judgement:
    rise = float(gauges.rise_m[row])
    level = _level(standing, float(learnt.rapid_m[row]))
    if standing is not None and not np.isfinite(rise):
        return _Judgement(body=standing.body)
    if not rise >= (level if standing is None else rules.rapid_clear_ratio * level):
        return _Judgement(body=None, reason=f"rise of {rise:.2f} m in {rules.rapid_rise_window_h:g} h is usual again")
    evidence = (
        Evidence(
            kind="rate",
            sensor_id=frame.ids[row],
            quantity="stage_m",
            value=round(rise, 3),
            unit=f"m/{rules.rapid_rise_window_h:g}h",
            at=from_micros(int(gauges.at_us[row])),
            threshold=round(level, 3),
            note=f"rarely exceeded in {learnt.days[row]:.0f} days",
        ),
        _reading(frame, gauges, row, threshold=None, note=""),
    )
    body = at_gauge(frame, row, hazard=Hazard.RIVER_FLOOD, name="rapid_rise", colour="", evidence=evidence)
    return _Judgement(body=body)


def _level(standing: StandingSignal | None, learnt: float) -> float:
    """Level that a signal was raised by stays its level, so that a long flood does not become usual."""
    if standing is not None and standing.body.evidence[0].threshold is not None:
        return standing.body.evidence[0].threshold
    return learnt


def _reading(frame: GaugeFrame, gauges: GaugesNow, row: int, *, threshold: float | None, note: str) -> Evidence:
    return Evidence(
        kind="reading",
        sensor_id=frame.ids[row],
        quantity="stage_m",
        value=round(float(gauges.stage_m[row]), 3),
        unit="m",
        at=from_micros(int(gauges.at_us[row])),
        threshold=None if threshold is None else round(threshold, 3),
        note=note,
    )


def _rate(frame: GaugeFrame, gauges: GaugesNow, row: int) -> Evidence:
    return Evidence(
        kind="rate",
        sensor_id=frame.ids[row],
        quantity="stage_m",
        value=round(float(gauges.rate_m_h[row]), 3),
        unit="m/h",
        at=from_micros(int(gauges.at_us[row])),
    )


def rain_signals(state: State, frame: CityFrame, rules: AssessRules, rain: RainState, now: datetime) -> Iterator[Draft]:
    """Judge the accumulations of every rain gauge by the jurisdiction's levels."""
    lowest = np.array(
        [min((lv.at_least_mm for lv in rules.rain.levels if lv.window_h == w), default=np.inf) for w in rain.windows_h]
    )
    telling = np.any(np.nan_to_num(rain.gauge_mm) >= lowest[None, :], axis=1)
    known = (frame.gauges.index.get(s.body.sensor_id) for s in state.signals.values() if s.body.name == _ACCUMULATION)
    telling[[row for row in known if row is not None]] = True
    for row in np.flatnonzero(telling).tolist():
        signal_id = derived_id("signal", _ACCUMULATION, frame.gauges.ids[row])
        verdict = _rain(state.signals.get(signal_id), frame.gauges, row, rules.rain, rain, now)
        yield from changes(state, signal_id, verdict, now=now, actor="rule:rain")


def _rain(
    standing: StandingSignal | None,
    frame: GaugeFrame,
    row: int,
    rules: RainRules,
    rain: RainState,
    now: datetime,
) -> _Judgement:
    amount = dict(zip(rain.windows_h, np.nan_to_num(rain.gauge_mm[row]).tolist(), strict=True))
    reached = [lv.colour for lv in rules.levels if amount.get(lv.window_h, 0.0) >= lv.at_least_mm]
    best = max(reached, key=lambda c: c.rank, default=None)
    if standing is not None and (best is None or best.rank < Colour(standing.body.colour).rank):
        held = [lv for lv in rules.levels if lv.colour == standing.body.colour]
        if any(amount.get(lv.window_h, 0.0) >= rules.clear_ratio * lv.at_least_mm for lv in held):
            best = Colour(standing.body.colour)
    if best is None:
        return _Judgement(body=None, reason="the rain has eased below the levels")
    levels = {lv.window_h: lv.at_least_mm for lv in rules.levels if lv.colour == best}
    evidence = (
        Evidence(
            kind="accumulation",
            sensor_id=frame.ids[row],
            quantity="rain_mm",
            value=round(mm, 1),
            unit="mm",
            at=now,
            threshold=levels.get(window),
            note=f"{window:g} h, {rain.completeness_ratio[row, i]:.0%} observed",
        )
        for i, (window, mm) in enumerate(amount.items())
    )
    body = at_gauge(frame, row, hazard=Hazard.RAINSTORM, name=_ACCUMULATION, colour=str(best), evidence=evidence)
    return _Judgement(body=body)
