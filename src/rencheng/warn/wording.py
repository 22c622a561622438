"""The words in which a notice says why: signals, amounts and forecasts, in Chinese and English."""

from __future__ import annotations

import re
from functools import lru_cache

from rencheng.assess.facts import (
    Evidence,
    FloodForecastPublished,
    FloodTotal,
    ForecastHorizon,
    ForecastPublished,
    SignalRaised,
)
from rencheng.kernel import Bilingual, hours
from rencheng.warn.facts import Reason
from rencheng.warn.places import Places
from rencheng.warn.rule_files import load_terms

__all__ = ["evidence_window_h", "flood_text", "forecast_reason", "signal_text", "upstream_text"]

_MOST_AMOUNTS = 5
_REPORTED_ZH = "公众上报"
_QUANTITY_NAMES = {
    "stage_m": Bilingual(zh="水位", en="stage"),
    "rain_mm": Bilingual(zh="雨量", en="rain"),
    "water_depth_m": Bilingual(zh="积水深", en="water depth"),
    "discharge_m3_s": Bilingual(zh="流量", en="discharge"),
    "wind_speed_m_s": Bilingual(zh="风速", en="wind speed"),
}


def evidence_window_h(evidence: Evidence) -> float | None:
    """Hours over which an evidence's value was gathered: its window, or what its note says (``"12 h"``).

    Examples
    --------
    >>> evidence_window_h(Evidence(kind="accumulation", quantity="rain_mm", value=50.0, note="12 h"))
    12.0
    """
    given = getattr(evidence, "window_h", None)
    if given is not None:
        return float(given)
    return _window_of_note(evidence.note)


@lru_cache(maxsize=4096)
def _window_of_note(note: str) -> float | None:
    found = re.search(r"(\d+(?:\.\d+)?)\s*h\b", note)
    return float(found[1]) if found else None


def signal_text(signal: SignalRaised, places: Places) -> Bilingual:
    """Say which gauge a signal is of, and its readings."""
    name = places.sensor_names.get(signal.sensor_id, signal.sensor_id)
    if not name:
        name = "reported" if signal.name == "reported_water" else signal.name.replace("_", " ")
    parts = [_amount(e) for e in signal.evidence if e.value is not None and e.kind != "terrain"][:_MOST_AMOUNTS]
    zh = f"{_REPORTED_ZH if name == 'reported' else name}：" + ("、".join(p.zh for p in parts) or signal.name)
    return Bilingual(zh=zh, en=f"{name}: " + (", ".join(p.en for p in parts) or signal.name.replace("_", " ")))


def upstream_text(signal: SignalRaised) -> Bilingual:
    """Say what stands upstream."""
    parts = [_amount(e) for e in signal.evidence if e.value is not None][:_MOST_AMOUNTS]
    zh = "、".join(p.zh for p in parts) or signal.name
    en = ", ".join(p.en for p in parts) or signal.name.replace("_", " ")
    return Bilingual(zh=f"上游{signal.sensor_id}：{zh}", en=f"Upstream {signal.sensor_id}: {en}")


def forecast_reason(forecast: ForecastPublished, hit: ForecastHorizon, colour: str, places: Places) -> Reason:
    """Say what is forecast for a gauge, with its interval and the chance of a threshold."""
    name = places.sensor_names.get(forecast.sensor_id, forecast.sensor_id)
    chance = f"{100 * hit.exceed_prob[colour]:.0f} %"
    band = f"{hit.low:.2f}–{hit.high:.2f} m"
    zh_colour = {"blue": "蓝色", "yellow": "黄色", "orange": "橙色", "red": "红色"}[colour]
    text = Bilingual(
        zh=f"{name}：现水位{forecast.observed:.2f} m，{hit.lead_h:g}小时后预报{hit.median:.2f} m"
        f"（八成区间{band}），达{zh_colour}阈值概率{chance}",
        en=f"{name}: stage {forecast.observed:.2f} m now, {hit.median:.2f} m forecast in {hit.lead_h:g} h "
        f"(80 % interval {band}), {chance} chance of the {colour} threshold",
    )
    evidence = Evidence(
        kind="forecast",
        sensor_id=forecast.sensor_id,
        quantity=forecast.quantity,
        value=hit.median,
        unit="m",
        at=forecast.observed_at + hours(hit.lead_h),
        note=f"{forecast.model}, probability of {colour} {chance}",
    )
    return Reason(text=text, evidence=(evidence,))


def _amount(evidence: Evidence) -> Bilingual:
    window = evidence_window_h(evidence)
    value = f"{evidence.value:.4g} {evidence.unit}".rstrip()
    limit = f"{evidence.threshold:.4g} {evidence.unit}".rstrip() if evidence.threshold is not None else ""
    quantity = _QUANTITY_NAMES.get(evidence.quantity, Bilingual(zh=evidence.quantity, en=evidence.quantity))
    if evidence.kind == "rate":
        quantity = Bilingual(zh=f"{quantity.zh}变率", en=f"{quantity.en} rising by")
    zh = (f"{window:g}小时" if window else "") + f"{quantity.zh}{value}" + (f"（阈值{limit}）" if limit else "")
    en = f"{quantity.en} {value}" + (f" in {window:g} h" if window else "") + (f" (threshold {limit})" if limit else "")
    return Bilingual(zh=zh, en=en)


_MOST_PLACES = 6
_IN_HOURS_H = 3.0
"""Lead times so long are told in hours."""


def flood_text(flood: FloodForecastPublished, total: FloodTotal, lead_h: float) -> Bilingual:
    """Say when forecast water comes, whom and what it reaches, and the first places by name."""
    minutes = round(lead_h * 60.0 / 5.0) * 5
    when = (
        Bilingual(zh="目前", en="now")
        if minutes <= 0
        else Bilingual(zh=f"约{minutes}分钟后", en=f"in about {minutes} min")
    )
    if lead_h >= _IN_HOURS_H:
        when = Bilingual(zh=f"约{lead_h:.0f}小时后", en=f"in about {lead_h:.0f} h")
    kinds = load_terms().facilities
    zh, en = [], []
    if total.underpasses:
        zh.append(f"下穿道路{total.underpasses}处")
        en.append(f"{total.underpasses} underpass{'es' if total.underpasses > 1 else ''}")
    for kind, count in sorted(total.facilities.items()):
        if kind in kinds:
            zh.append(f"{kinds[kind].zh}{count}处")
            en.append(f"{count} {kinds[kind].en}")
    zh.append(f"居民约{total.residents:.0f}人")
    en.append(f"about {total.residents:.0f} residents")
    named = [p.name for p in flood.places if p.name and p.lead_min <= total.lead_min][:_MOST_PLACES]
    places = list(dict.fromkeys(named))
    return Bilingual(
        zh=f"{when.zh}预计积水影响{'、'.join(zh)}" + (f"({'、'.join(places)}等)" if places else ""),
        en=f"water is expected {when.en} at {', '.join(en)}" + (f" ({', '.join(places)} …)" if places else ""),
    )
