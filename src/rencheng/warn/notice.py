"""Writing a notice: the full content of a warning at one moment, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from rencheng.kernel import Bilingual, Colour, derived_id, hours
from rencheng.warn.area import Area
from rencheng.warn.facts import Notice, Reason
from rencheng.warn.grading import CERTAINTIES, Grade
from rencheng.warn.inputs import Inputs
from rencheng.warn.model import Standing
from rencheng.warn.places import outline
from rencheng.warn.rules import Terms

__all__ = ["cancellation", "extension", "notice_of_grade", "notice_of_person"]

_MOST_REASONS = 8
_VERBS = {
    "issue": Bilingual(zh="发布", en="issued"),
    "upgrade": Bilingual(zh="升级", en="raised"),
    "downgrade": Bilingual(zh="降级", en="lowered"),
    "update": Bilingual(zh="更新", en="updated"),
    "extend": Bilingual(zh="延长", en="extended"),
    "cancel": Bilingual(zh="解除", en="cancelled"),
}
_MODE_MARKS = {
    "Actual": Bilingual(zh="", en=""),
    "Exercise": Bilingual(zh="【演练】", en="[EXERCISE] "),
    "Test": Bilingual(zh="【测试】", en="[TEST] "),
}


def notice_of_grade(
    grade: Grade,
    area: Area,
    upstream: list[Reason],
    inputs: Inputs,
    now: datetime,
    *,
    verb: str,
    warning_id: str,
    before: Standing | None,
) -> Notice:
    """Write the notice of what the rules grade now.

    Parameters
    ----------
    grade, area : Grade, Area
        What holds, and where.
    upstream : list of Reason
        Signals upstream that a forecast stands on.
    verb : str
        ``issue``, ``upgrade``, ``downgrade``, ``update`` or ``extend``.
    before : Standing, optional
        The warning so far.
    """
    rule = grade.rule
    order = sorted(grade.supports, key=lambda s: (-CERTAINTIES.index(s.certainty), s.lead_h, s.sensor_id, s.fact_id))
    reasons = tuple(s.reason for s in order[:_MOST_REASONS]) + tuple(upstream)
    onset = now + hours(grade.lead_h)
    return _notice(
        inputs,
        now,
        verb=verb,
        warning_id=warning_id,
        before=before,
        hazard=rule.hazard,
        rule=rule.id,
        colour=rule.colour,
        area=area,
        reasons=reasons,
        text=rule.text,
        audience=rule.audience,
        zone=before.notice.zone if before is not None else grade.zone,
        origin=before.notice.origin if before is not None else "rule",
        certainty=grade.certainty,
        onset_at=min(onset, before.notice.onset_at) if before is not None else onset,
        expires_at=max(now + hours(rule.life.expires_h), onset + timedelta(hours=1)),
    )


def notice_of_person(
    inputs: Inputs,
    now: datetime,
    *,
    warning_id: str,
    hazard: str,
    colour: Colour,
    zone: str,
    area: Area,
    reason: Reason,
    certainty: str,
    expires_at: datetime,
    before: Standing | None = None,
) -> Notice:
    """Write the notice of a duty officer's warning, or of a warning that a duty officer raises."""
    return _notice(
        inputs,
        now,
        verb="issue" if before is None else "upgrade",
        warning_id=warning_id,
        before=before,
        hazard=hazard,
        rule="duty-officer/1",
        colour=colour,
        area=area,
        reasons=(reason,),
        text=reason.text,
        audience=("public", "emergency"),
        zone=before.notice.zone if before is not None else zone,
        origin="person",
        certainty=certainty,
        onset_at=now,
        expires_at=expires_at,
    )


def cancellation(standing: Standing, inputs: Inputs, now: datetime, why: Bilingual) -> Notice:
    """Write the last notice of a warning: the same content, withdrawn, and why."""
    last = standing.notice
    terms = inputs.rules.terms
    return replace(
        last,
        notice_id=_notice_id(standing.warning_id, standing, now),
        headline=_headline(terms, "cancel", last.hazard, Colour(last.colour), last.area_text, inputs.mode),
        description=why,
        advice=Bilingual(
            zh="危险已解除或减弱，仍请留意后续信息。", en="The danger is over or less; keep following the news."
        ),
        sent_at=now,
        references=standing.references,
        mode=inputs.mode,
        action="Cancel",
    )


def extension(standing: Standing, inputs: Inputs, now: datetime, expires_at: datetime, why: Bilingual) -> Notice:
    """Write the notice that lets a warning run longer as it is."""
    last = standing.notice
    headline = _headline(inputs.rules.terms, "extend", last.hazard, Colour(last.colour), last.area_text, inputs.mode)
    reason = Reason(text=why, evidence=())
    return replace(
        last,
        notice_id=_notice_id(standing.warning_id, standing, now),
        headline=headline,
        reasons=(*last.reasons[: _MOST_REASONS - 1], reason),
        sent_at=now,
        expires_at=expires_at,
        references=standing.references,
        mode=inputs.mode,
        action="Update",
    )


def _notice(
    inputs: Inputs,
    now: datetime,
    *,
    verb: str,
    warning_id: str,
    before: Standing | None,
    hazard: str,
    rule: str,
    colour: Colour,
    area: Area,
    reasons: tuple[Reason, ...],
    text: Bilingual,
    audience: tuple[str, ...],
    zone: str,
    origin: str,
    certainty: str,
    onset_at: datetime,
    expires_at: datetime,
) -> Notice:
    terms = inputs.rules.terms
    return Notice(
        notice_id=_notice_id(warning_id, before, now),
        hazard=hazard,
        rule=rule,
        colour=colour.value,
        headline=_headline(terms, verb, hazard, colour, area.text, inputs.mode),
        description=_description(text, reasons),
        advice=terms.advice_for(hazard, colour),
        impact=_impact(terms, area),
        reasons=reasons,
        cells=area.cells,
        polygon=outline(area.cells),
        area_ids=area.area_ids,
        area_text=area.text,
        audience=audience,
        residents=area.residents,
        vulnerable_residents=area.vulnerable,
        sent_at=now,
        onset_at=onset_at,
        expires_at=expires_at,
        certainty=certainty,
        references=before.references if before is not None else (),
        mode=inputs.mode,
        action="Alert" if before is None else "Update",
        sender=inputs.sender,
        sender_name=inputs.sender_name,
        warning_id=warning_id,
        zone=zone,
        origin=origin,
    )


def _notice_id(warning_id: str, before: Standing | None, now: datetime) -> str:
    number = len(before.references) + 1 if before is not None else 1
    return derived_id("notice", warning_id, number, now.isoformat())


def _headline(terms: Terms, verb: str, hazard: str, colour: Colour, area: Bilingual, mode: str) -> Bilingual:
    mark, word, name = _MODE_MARKS[mode], _VERBS[verb], terms.hazards[hazard].name
    shade = terms.colours[colour.value]
    return Bilingual(
        zh=f"{mark.zh}{area.zh}{word.zh}{name.zh}{shade.zh}预警",
        en=f"{mark.en}{shade.en} {name.en} warning {word.en} for {area.en}",
    )


def _description(text: Bilingual, reasons: tuple[Reason, ...]) -> Bilingual:
    zh = "；".join(dict.fromkeys(r.text.zh for r in reasons[:5]))
    en = "; ".join(dict.fromkeys(r.text.en for r in reasons[:5]))
    return Bilingual(
        zh=text.zh + (f"。依据：{zh}。" if zh != text.zh else "。"),
        en=text.en + (f". Because: {en}." if en != text.en else "."),
    )


def _impact(terms: Terms, area: Area) -> Bilingual:
    residents, vulnerable = _about(area.residents), _about(area.vulnerable)
    zh = f"范围内居民约{residents}人" + (f"，其中需帮扶约{vulnerable}人" if area.vulnerable >= 1 else "")
    en = f"About {residents} residents in the area" + (
        f", {vulnerable} of whom need help to get to safety" if area.vulnerable >= 1 else ""
    )
    known: Mapping[str, int] = {k: n for k, n in area.facilities.items() if k in terms.facilities}
    if known:
        zh += "；暴露设施：" + "、".join(f"{terms.facilities[k].zh}{n}处" for k, n in known.items())
        en += "; exposed: " + ", ".join(f"{n} {terms.facilities[k].en}" for k, n in known.items())
    return Bilingual(zh=zh + "。", en=en + ".")


def _about(people: float) -> str:
    """Two significant digits: an estimate must not look like a count."""
    if people < 100:
        return f"{people:.0f}"
    step = 10 ** (len(str(int(people))) - 2)
    return f"{int(round(people / step) * step):,}"
