"""Triggers: how signals, forecasts, risk maps and reports make a rule hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rencheng.assess.facts import (
    NOWCAST,
    Evidence,
    FloodForecastPublished,
    FloodTotal,
    ForecastHorizon,
    ForecastPublished,
    RiskAssessed,
    SignalRaised,
)
from rencheng.kernel import Bilingual, Colour, FactId, Hazard, hours
from rencheng.sense.facts import ReportReceived
from rencheng.warn.facts import Reason
from rencheng.warn.model import MOST_HYSTERESIS, Episode
from rencheng.warn.places import FORECAST_QUANTITY, Places
from rencheng.warn.rules import Condition, ImpactTrigger, Rule
from rencheng.warn.wording import evidence_window_h, flood_text, forecast_reason, signal_text

__all__ = ["FORECAST_QUANTITY", "Judgements", "Support", "ends_at", "supports_of"]

_RANK = {c.value: c.rank for c in Colour}
_DRY_MM_H = 0.1
"""Rain below this in the last hour has stopped (GB/T 28592 calls less than 0.1 mm a trace)."""
_LIKELY = 0.5
"""Probability from which CAP 1.2 calls a thing likely."""
_RISE_M = 0.01
"""A rise (per hour, or forecast in all) below the uncertainty of a stage reading (10 mm, WMO-No. 1044) is none."""
_FAR_H, _CHANCE = 48.0, 0.05
"""Forecasts so long always rise or fall by something: they must give a mark so much of a chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """One judgement that makes a rule hold in a zone."""

    rule: Rule
    zone: str
    certainty: str
    lead_h: float
    """Hours until it is expected; 0 when it is here."""
    reason: Reason
    fact_id: FactId
    sensor_id: str
    point: tuple[float, float] | None
    until: datetime | None
    """When the judgement ended or runs out; None while it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgements:
    """Judgements that concern the city, sorted out once: those that hold and those that ended lately."""

    by_hazard: Mapping[str, tuple[tuple[Episode, datetime | None], ...]]
    """Signals in the city, risk maps and reports, by hazard, each with when it ended or runs out."""
    forecasts: tuple[tuple[Episode, datetime | None], ...]
    """Forecasts for the city's gauges, each with when it ended or runs out."""
    upstream: Mapping[str, tuple[Episode, ...]]
    """Signals outside the city, by hazard."""


def supports_of(judgements: Judgements, places: Places, rule: Rule, now: datetime, *, hold: bool) -> Iterator[Support]:
    """Give everything that makes a rule hold at an instant (``hold``: that keeps it up within its hysteresis)."""
    after = now - (hours(rule.life.hysteresis_h) if hold else timedelta(0))
    episodes = judgements.by_hazard.get(rule.hazard, ())
    for episode, until in episodes:
        if (until is not None and until <= after) or episode.since > now:
            continue
        if isinstance(episode.body, SignalRaised):
            yield from _from_signal(episode.body, episode, until, places, rule, hold=hold)
        elif isinstance(episode.body, RiskAssessed):
            yield from _from_risk(episode.body, episode, until, places, rule)
        elif isinstance(episode.body, FloodForecastPublished) and rule.impact is not None:
            yield from _from_flood(episode.body, episode, until, places, rule, rule.impact, now, hold=hold)
    if rule.forecast is not None:
        for episode, until in judgements.forecasts:
            if isinstance(episode.body, ForecastPublished) and (until is None or until > after):
                yield from _from_forecast(episode.body, episode, until, places, rule, hold=hold)
    if rule.upstream is not None:
        yield from _from_upstream(judgements, places, rule, now, after, hold=hold)
    if rule.report is not None:
        yield from _from_reports(episodes, places, rule, after)


def ends_at(episode: Episode) -> datetime | None:
    """When an episode ended; what nothing replaced runs out: a forecast with its longest lead, a risk map in a day.

    Risk is published again only when it changed, so an old map may still be right; a day without any change is not.
    """
    body, until = episode.body, episode.until
    ends: list[datetime] = [until] if until is not None else []
    if isinstance(body, ForecastPublished) and body.horizons:
        ends.append(body.observed_at + hours(max(h.lead_h for h in body.horizons)))
    if isinstance(body, FloodForecastPublished):
        ends.append(body.based_at + timedelta(minutes=max(body.lead_min, default=0)))
    if isinstance(body, RiskAssessed):
        ends.append(episode.since + MOST_HYSTERESIS)
    return min(ends, default=None)


def _from_signal(
    signal: SignalRaised, episode: Episode, until: datetime | None, places: Places, rule: Rule, *, hold: bool
) -> Iterator[Support]:
    if signal.hazard != rule.hazard or not signal.in_city:
        return
    named = (
        rule.signal is not None
        and signal.name in rule.signal.names
        and (_RANK.get(signal.colour, 0) >= _RANK[rule.colour] or (rule.signal.any_colour and not signal.colour))
    )
    measured = rule.criteria is not None and _criteria_hold(signal, rule, hold=hold)
    if named or measured:
        yield Support(
            rule=rule,
            zone=places.zone_at(signal.lon, signal.lat, rule.area.per),
            certainty="Observed",
            lead_h=0.0,
            reason=_signal_reason(signal, episode.fact_id, places),
            fact_id=episode.fact_id,
            sensor_id=signal.sensor_id,
            point=(signal.lon, signal.lat),
            until=until,
        )


def _signal_reason(signal: SignalRaised, fact_id: FactId, places: Places) -> Reason:
    """Word a signal once: the same fact supports many rules at many turns."""
    key = ("reason", fact_id)
    if key not in places.memo:
        places.memo[key] = Reason(text=signal_text(signal, places), evidence=signal.evidence)
    reason: Reason = places.memo[key]
    return reason


def _criteria_hold(signal: SignalRaised, rule: Rule, *, hold: bool) -> bool:
    criteria = rule.criteria
    if criteria is None:
        return False
    if criteria.continuing and not hold and _has_stopped(signal.evidence):
        return False
    ratio = rule.life.hold_ratio if hold else 1.0

    def met(condition: Condition) -> bool:
        hits = sum(
            e.quantity == condition.quantity
            and e.value is not None
            and (evidence_window_h(e) or 0.0) <= rule.window_h
            and condition.holds(e.value, ratio=ratio)
            for e in signal.evidence
        )
        return hits >= condition.days

    return all(map(met, criteria.all)) if criteria.all else any(map(met, criteria.any))


def _has_stopped(evidence: tuple[Evidence, ...]) -> bool:
    last_hour = [
        e.value for e in evidence if e.value is not None and e.quantity == "rain_mm" and evidence_window_h(e) == 1.0
    ]
    return bool(last_hour) and max(last_hour) < _DRY_MM_H


def _from_forecast(
    forecast: ForecastPublished, episode: Episode, until: datetime | None, places: Places, rule: Rule, *, hold: bool
) -> Iterator[Support]:
    trigger = rule.forecast
    if trigger is None or forecast.sensor_id not in places.gauges or forecast.quantity != FORECAST_QUANTITY:
        return
    colour = trigger.of_colour or rule.colour.value
    bound = trigger.hold_prob if hold else trigger.exceed_prob
    hit = next(
        (
            h
            for h in sorted(forecast.horizons, key=lambda h: h.lead_h)
            if h.lead_h <= trigger.max_lead_h and h.exceed_prob.get(colour, 0.0) >= bound
        ),
        None,
    )
    if hit is None:
        return
    probability = hit.exceed_prob[colour]
    if trigger.rising and not _rises(forecast, hit) and not (hold and probability >= _LIKELY):
        return  # water that falls or rests below the threshold neither raises a warning nor keeps one up
    yield Support(
        rule=rule,
        zone=places.city_id if rule.area.per == "city" else _sensor_zone(forecast.sensor_id, places, rule.area.per),
        certainty="Likely" if probability >= _LIKELY else "Possible",
        lead_h=hit.lead_h,
        reason=forecast_reason(forecast, hit, colour, places),
        fact_id=episode.fact_id,
        sensor_id=forecast.sensor_id,
        point=places.sensors.get(forecast.sensor_id),
        until=until,
    )


def _rises(forecast: ForecastPublished, hit: ForecastHorizon) -> bool:
    return forecast.rate_per_h >= _RISE_M or hit.median - forecast.observed >= _RISE_M


def _heads_for_a_mark(forecast: ForecastPublished) -> bool:
    """Whether a gauge is forecast to rise; over days a rise counts only if it gives a mark a chance."""
    last = forecast.horizons[-1]
    if last.lead_h < _FAR_H:
        return _rises(forecast, last)
    return max((p for h in forecast.horizons for p in h.exceed_prob.values()), default=0.0) >= _CHANCE


def _sensor_zone(sensor_id: str, places: Places, per: str) -> str:
    point = places.sensors.get(sensor_id)
    return places.zone_at(*point, per) if point is not None else places.city_id


def _from_upstream(
    judgements: Judgements, places: Places, rule: Rule, now: datetime, after: datetime, *, hold: bool
) -> Iterator[Support]:
    trigger = rule.upstream
    if trigger is None:
        return
    ends: dict[str, datetime | None] = {}
    for episode in judgements.upstream.get(rule.hazard, ()):
        body, until = episode.body, episode.until
        if not isinstance(body, SignalRaised) or body.name not in trigger.names or episode.since > now:
            continue
        if until is None or until > after:
            known = ends.get(body.sensor_id, until)
            ends[body.sensor_id] = None if until is None or known is None else max(until, known)
    needed = trigger.hold_gauges if hold else trigger.min_gauges
    if len(ends) < needed:
        return
    over = sorted((e for e in ends.values() if e is not None), reverse=True)
    standing = len(ends) - len(over)
    until = None if standing >= needed else over[needed - standing - 1]
    for episode, end in judgements.forecasts:
        body = episode.body
        if not isinstance(body, ForecastPublished) or not (body.horizons and (hold or _heads_for_a_mark(body))):
            continue
        if end is None or end > after:
            yield _upstream_support(rule, body, episode.fact_id, len(ends), until, places)


def _upstream_support(
    rule: Rule, forecast: ForecastPublished, fact_id: FactId, gauges: int, until: datetime | None, places: Places
) -> Support:
    name = places.sensor_names.get(forecast.sensor_id, forecast.sensor_id)
    last = forecast.horizons[-1]
    text = Bilingual(
        zh=f"上游{gauges}个站水位异常偏高；{name}现水位{forecast.observed:.2f} m，"
        f"{last.lead_h:g}小时后预报{last.median:.2f} m",
        en=f"{gauges} gauges upstream stand unusually high; {name}: stage {forecast.observed:.2f} m now, "
        f"{last.median:.2f} m forecast in {last.lead_h:g} h",
    )
    evidence = Evidence(
        kind="forecast",
        sensor_id=forecast.sensor_id,
        quantity=forecast.quantity,
        value=last.median,
        unit="m",
        at=forecast.observed_at + hours(last.lead_h),
        note=f"{forecast.model}; {gauges} gauges upstream",
    )
    return Support(
        rule=rule,
        zone=places.city_id if rule.area.per == "city" else _sensor_zone(forecast.sensor_id, places, rule.area.per),
        certainty="Possible",
        lead_h=last.lead_h,
        reason=Reason(text=text, evidence=(evidence,)),
        fact_id=fact_id,
        sensor_id=forecast.sensor_id,
        point=places.sensors.get(forecast.sensor_id),
        until=until,
    )


def _from_risk(
    risk: RiskAssessed, episode: Episode, until: datetime | None, places: Places, rule: Rule
) -> Iterator[Support]:
    trigger = rule.risk
    if trigger is None or risk.hazard != rule.hazard:
        return
    hits = [
        t
        for t in risk.totals
        if t.lead_h <= trigger.max_lead_h
        and _RANK.get(t.colour, 0) >= _RANK[rule.colour]
        and t.cells_at_risk >= trigger.min_cells
    ]
    if not hits:
        return
    first = min(hits, key=lambda t: t.lead_h)
    when = Bilingual(zh=f"{first.lead_h:g}小时内", en=f" within {first.lead_h:g} h")
    if first.lead_h == 0.0:
        when = Bilingual(zh="目前", en=" now")
    text = Bilingual(
        zh=f"{when.zh}{first.cells_at_risk}个网格有风险，暴露居民{first.residents_exposed:.0f}人",
        en=f"{first.cells_at_risk} cells at risk{when.en}, {first.residents_exposed:.0f} residents exposed",
    )
    yield Support(
        rule=rule,
        zone=places.city_id,
        certainty="Likely",
        lead_h=first.lead_h,
        reason=Reason(text=text, evidence=risk.evidence),
        fact_id=episode.fact_id,
        sensor_id="",
        point=None,
        until=until,
    )


def _from_flood(
    flood: FloodForecastPublished,
    episode: Episode,
    until: datetime | None,
    places: Places,
    rule: Rule,
    trigger: ImpactTrigger,
    now: datetime,
    *,
    hold: bool,
) -> Iterator[Support]:
    """Forecast water that reaches people and places: how soon counts from now, not from the forecast."""
    if rule.hazard != Hazard.WATERLOGGING or flood.product != trigger.product:
        return
    age_min = (now - flood.based_at).total_seconds() / 60.0
    slack_min = 0.0 if flood.window_min else 10.0
    share = trigger.hold_ratio if hold else 1.0
    hit = next(
        (
            t
            for t in flood.totals
            if age_min - slack_min <= t.lead_min <= age_min + trigger.max_lead_min and _hurts(t, trigger, share)
        ),
        None,
    )
    if hit is None:
        return
    lead_h = max(hit.lead_min - flood.window_min - age_min, 0.0) / 60.0
    evidence = Evidence(
        kind="forecast",
        quantity="residents",
        value=hit.residents,
        at=flood.based_at + timedelta(minutes=hit.lead_min),
        note=f"{flood.model}, {flood.members} members",
    )
    yield Support(
        rule=rule,
        zone=places.city_id,
        certainty="Likely" if flood.product == NOWCAST else "Possible",
        lead_h=lead_h,
        reason=Reason(text=flood_text(flood, hit, lead_h), evidence=(evidence, *flood.evidence)),
        fact_id=episode.fact_id,
        sensor_id="",
        point=None,
        until=until,
    )


def _hurts(total: FloodTotal, trigger: ImpactTrigger, share: float) -> bool:
    """Whether any count of the trigger is reached (``share`` below 1: by so much of it)."""

    def reached(count: float, wanted: float | None) -> bool:
        return wanted is not None and count > 0 and count >= wanted * share

    return (
        reached(total.residents, trigger.residents)
        or reached(total.underpasses, trigger.underpasses)
        or any(reached(total.facilities.get(kind, 0), wanted) for kind, wanted in sorted(trigger.facilities.items()))
    )


def _from_reports(
    episodes: Iterable[tuple[Episode, datetime | None]], places: Places, rule: Rule, after: datetime
) -> Iterator[Support]:
    trigger = rule.report
    if trigger is None:
        return
    window = hours(trigger.window_h)
    events: dict[str, tuple[Episode, ReportReceived]] = {}
    for episode, _ in episodes:
        body = episode.body
        if (
            isinstance(body, ReportReceived)
            and episode.since > after - window
            and (body.depth_m or 0.0) >= trigger.min_depth_m
        ):
            events[body.event_id or body.report_id] = (episode, body)
    if len(events) < trigger.min_events:
        return
    newest = sorted(events.values(), key=lambda pair: pair[0].since)[-trigger.min_events :]
    until = newest[0][0].since + window
    for episode, body in events.values():
        note = Bilingual(zh=f"上报：{body.text or body.category}", en=f"Report: {body.text or body.category}")
        evidence = Evidence(kind="report", value=body.depth_m, unit="m", at=episode.since, note=body.report_id)
        yield Support(
            rule=rule,
            zone=places.city_id if rule.area.per == "city" else places.zone_at(body.lon, body.lat, rule.area.per),
            certainty="Observed",
            lead_h=0.0,
            reason=Reason(text=note, evidence=(evidence,)),
            fact_id=episode.fact_id,
            sensor_id="",
            point=(body.lon, body.lat),
            until=until,
        )
