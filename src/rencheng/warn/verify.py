"""Verification: what the ledger says was warned, against what happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from rencheng.assess.facts import SignalCleared, SignalRaised
from rencheng.kernel import Colour
from rencheng.ledger import Entry
from rencheng.science.verification import ContingencyTable, lead_time_percentiles, match_warnings
from rencheng.warn.facts import (
    WarningCancelled,
    WarningDowngraded,
    WarningExpired,
    WarningIssued,
    WarningUpdated,
    WarningUpgraded,
)

__all__ = [
    "EVENT_SIGNALS",
    "HazardScore",
    "MatchedEvent",
    "ObservedEvent",
    "Verification",
    "WarnedPeriod",
    "observed_events",
    "verify",
    "warned_periods",
]

EVENT_SIGNALS = ("stage_above_threshold", "rain_accumulation", "water_on_street", "reported_water")
"""Signals that say the danger is here (a forecast or a fast rise is not yet the event)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedEvent:
    """Something that happened and should have been warned of."""

    hazard: str
    started_at: datetime
    ended_at: datetime
    colour: str = "blue"
    """Colour it reached."""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarnedPeriod:
    """A time through which a warning stood at a colour or above."""

    warning_id: str
    hazard: str
    started_at: datetime
    ended_at: datetime
    open: bool = False
    """Whether it still stood at the ledger's end; ``ended_at`` is then when it would run out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedEvent:
    """An event and how it was warned of."""

    event: ObservedEvent
    warning_id: str
    """Empty for a miss."""
    lead_s: float | None
    """Onset less issue; None for a miss."""
    late: bool
    """Warned only after the onset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardScore:
    """Scores of one hazard; those with a zero denominator are None."""

    hazard: str
    table: ContingencyTable
    pod: float | None
    far: float | None
    csi: float | None
    bias: float | None
    late: int
    mean_lead_s: float | None
    """Over hits only."""
    lead_percentiles_s: Mapping[float, float]
    """Percentile → lead time over hits."""
    events: tuple[MatchedEvent, ...]
    false_alarms: tuple[str, ...]
    """Warnings that no event met."""
    undecided: tuple[str, ...]
    """Warnings that no event met so far but that still stand: neither hit nor false alarm yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Scores by hazard, and of all hazards together."""

    at_least: str
    """Colour from which warnings and events count."""
    by_hazard: Mapping[str, HazardScore]
    total: ContingencyTable


def verify(
    entries: Iterable[Entry],
    events: Sequence[ObservedEvent] | None = None,
    *,
    at_least: Colour = Colour.BLUE,
    tolerance: timedelta = timedelta(0),
) -> Verification:
    """Score warnings against events.

    Parameters
    ----------
    entries : iterable of Entry
        The ledger. A warning that still stands at its end counts until it would run out, and is no false alarm yet.
    events : sequence of ObservedEvent, optional
        What happened (a rehearsal knows the truth); without them the signals observed in the city stand for it.
    at_least : Colour
        Only warnings and events of this colour or above count.
    tolerance : timedelta
        An event so soon after a warning ceased still belongs to it.

    Notes
    -----
    Hits and misses count events, false alarms count warnings, as WMO's guidance on warning verification has it; see
    :mod:`rencheng.science.verification`. Events and warnings are matched by hazard and time for the city as a whole.
    """
    facts = list(entries)
    happened = [e for e in (observed_events(facts) if events is None else events) if _rank(e.colour) >= at_least.rank]
    warned = warned_periods(facts, at_least)
    hazards = sorted({e.hazard for e in happened} | {w.hazard for w in warned})
    scores = {
        h: _score(h, [e for e in happened if e.hazard == h], [w for w in warned if w.hazard == h], tolerance)
        for h in hazards
    }
    total = ContingencyTable(
        hits=sum(s.table.hits for s in scores.values()),
        misses=sum(s.table.misses for s in scores.values()),
        false_alarms=sum(s.table.false_alarms for s in scores.values()),
    )
    return Verification(at_least=at_least.value, by_hazard=scores, total=total)


def _score(hazard: str, events: list[ObservedEvent], warned: list[WarnedPeriod], tolerance: timedelta) -> HazardScore:
    match = match_warnings(
        np.array([e.started_at.timestamp() for e in events]),
        np.array([e.ended_at.timestamp() for e in events]),
        np.array([w.started_at.timestamp() for w in warned]),
        np.array([w.ended_at.timestamp() for w in warned]),
        tolerance_s=tolerance.total_seconds(),
    )
    leads = [float(x) for x in match.lead_s if np.isfinite(x)]
    still = np.array([w.open for w in warned], dtype=np.bool_)
    false_alarm = match.false_alarm & ~still
    table = replace(match.table, false_alarms=int(false_alarm.sum()))
    return HazardScore(
        hazard=hazard,
        table=table,
        pod=table.pod,
        far=table.far,
        csi=table.csi,
        bias=table.bias,
        late=int(match.late.sum()),
        mean_lead_s=float(np.mean(leads)) if leads else None,
        lead_percentiles_s=lead_time_percentiles(match.lead_s),
        events=tuple(
            MatchedEvent(
                event=event,
                warning_id=warned[int(w)].warning_id if w >= 0 else "",
                lead_s=float(lead) if w >= 0 else None,
                late=bool(late),
            )
            for event, w, lead, late in zip(events, match.warning_of_event, match.lead_s, match.late, strict=True)
        ),
        false_alarms=tuple(w.warning_id for w, fa in zip(warned, false_alarm, strict=True) if fa),
        undecided=tuple(w.warning_id for w, fa in zip(warned, match.false_alarm & still, strict=True) if fa),
    )


def warned_periods(entries: Iterable[Entry], at_least: Colour = Colour.BLUE) -> list[WarnedPeriod]:
    """Times through which each warning stood at a colour or above, in order of their beginning."""
    begun: dict[str, WarnedPeriod] = {}
    done: list[WarnedPeriod] = []
    for entry in entries:
        body, at = entry.body, entry.occurred_at
        match body:
            case WarningIssued() | WarningUpgraded() | WarningDowngraded() | WarningUpdated():
                notice = body.notice
                if _rank(notice.colour) >= at_least.rank:
                    since = begun[body.warning_id].started_at if body.warning_id in begun else at
                    begun[body.warning_id] = WarnedPeriod(
                        warning_id=body.warning_id,
                        hazard=notice.hazard,
                        started_at=since,
                        ended_at=notice.expires_at,
                        open=True,
                    )
                elif body.warning_id in begun:
                    done.append(replace(begun.pop(body.warning_id), ended_at=at, open=False))
            case WarningCancelled() | WarningExpired():
                if body.warning_id in begun:
                    done.append(replace(begun.pop(body.warning_id), ended_at=at, open=False))
            case _:
                pass
    return sorted([*done, *begun.values()], key=lambda p: (p.started_at, p.warning_id))


def observed_events(
    entries: Iterable[Entry],
    *,
    names: tuple[str, ...] = EVENT_SIGNALS,
    merge: timedelta = timedelta(hours=6),
) -> list[ObservedEvent]:
    """Events as the city's own sensors saw them.

    Parameters
    ----------
    entries : iterable of Entry
        The ledger.
    names : tuple of str
        Signals that count as the event itself.
    merge : timedelta
        Signals of a hazard that follow one another so closely are one event.

    Notes
    -----
    Only signals in the city count. A signal that nothing cleared lasts until the ledger's last fact.
    """
    begun: dict[str, ObservedEvent] = {}
    seen: list[ObservedEvent] = []
    last: datetime | None = None
    for entry in entries:
        body, at = entry.body, entry.occurred_at
        last = at if last is None else max(last, at)
        if isinstance(body, SignalRaised) and body.in_city and body.name in names:
            known = begun.get(body.signal_id)
            top = max(body.colour or "blue", known.colour if known else "blue", key=_rank)
            begun[body.signal_id] = ObservedEvent(
                hazard=body.hazard,
                started_at=known.started_at if known else at,
                ended_at=at,
                colour=top,
                place=body.sensor_id,
            )
        elif isinstance(body, SignalCleared) and body.signal_id in begun:
            seen.append(replace(begun.pop(body.signal_id), ended_at=at))
    seen += [replace(e, ended_at=last) for e in begun.values() if last is not None]
    return _merged(seen, merge)


def _merged(events: list[ObservedEvent], gap: timedelta) -> list[ObservedEvent]:
    merged: list[ObservedEvent] = []
    for event in sorted(events, key=lambda e: (e.hazard, e.started_at, e.place)):
        before = merged[-1] if merged else None
        if before is not None and before.hazard == event.hazard and event.started_at - before.ended_at <= gap:
            merged[-1] = replace(
                before,
                ended_at=max(before.ended_at, event.ended_at),
                colour=max(before.colour, event.colour, key=_rank),
            )
        else:
            merged.append(event)
    return merged


def _rank(colour: str) -> int:
    return Colour(colour).rank
