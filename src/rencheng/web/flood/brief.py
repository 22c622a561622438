"""The duty officer's brief of a flood forecast: two pages of PDF saying what, where, when, who, and what to do."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from rencheng.city import City
from rencheng.web.flood.actions import actions
from rencheng.web.flood.objects import FloodObjects, ObjectChoice, ObjectRows
from rencheng.web.flood.palette import DEPTH_STOPS, on_paper
from rencheng.web.flood.picture import FONT, Caption, Mark, map_png
from rencheng.web.flood.rasters import FloodRasters
from rencheng.web.flood.words import Language, say, term
from rencheng.web.picture.flood import FloodAdviceView, FloodSkillView, FloodTotalView
from rencheng.web.picture.ground import ClosureView

__all__ = ["Brief", "brief_pdf"]

_TEMPLATE = Path(__file__).parent / "brief.typ"
_MAP_WIDE = 1500
_PLACES, _ROADS, _CLOSED = 16, 10, 12
_PLACE_GROUPS = ("underpass", "health", "care", "school", "utility", "metro", "shelter", "other_facility")
_SKILL_DEPTH_M = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """Everything the brief tells of.

    Parameters
    ----------
    city : City
    caption : Caption
        City, clock, mode, language and forecast.
    rasters : FloodRasters
    objects : FloodObjects
    skill : FloodSkillView, optional
    advice : FloodAdviceView, optional
    closures : sequence of ClosureView
        Roads closed when the brief is made.
    """

    city: City
    caption: Caption
    rasters: FloodRasters
    objects: FloodObjects
    skill: FloodSkillView | None
    advice: FloodAdviceView | None
    closures: Sequence[ClosureView]

    @property
    def language(self) -> Language:
        """Language of the words."""
        return self.caption.language

    def clock(self, lead_min: float) -> str:
        """Wall clock of a lead time."""
        return self.caption.clock(self.caption.forecast.based_at + timedelta(minutes=lead_min))

    @property
    def worst(self) -> FloodTotalView | None:
        """Totals of the lead time with most residents in the water, then most area."""
        totals = self.caption.forecast.totals
        return max(totals, key=lambda t: (t.residents, t.area_km2, -t.lead_min), default=None)

    def rows(self, *groups: str, threshold_m: float = 0.15) -> ObjectRows:
        """Objects of some groups in the water at any time, the most urgent first, a street once."""
        chosen = self.objects.chosen(ObjectChoice(groups=groups, threshold_m=threshold_m))
        return self.objects.sorted(self.objects.streets_once(chosen), "urgency")


def brief_pdf(brief: Brief) -> bytes:
    """Set the brief; a number on its map is that of the row in its list of places.

    Returns
    -------
    bytes
        PDF, A4. The same forecast gives the same pages.
    """
    import typst

    worst = brief.worst
    lead = worst.lead_min if worst else brief.rasters.lead_min[0]
    published = brief.caption.forecast.published_at
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "brief.typ").write_bytes(_TEMPLATE.read_bytes())
        (root / "brief.json").write_bytes(msgspec.json.encode(_content(brief)))
        (root / "map.png").write_bytes(map_png(brief.city, brief.rasters, lead, width=_MAP_WIDE, marks=_marks(brief)))
        made: bytes = typst.compile(
            str(root / "brief.typ"),
            root=str(root),
            font_paths=[str(FONT.parent)],
            format="pdf",
            timestamp=int(published.timestamp()),
        )
    return made


def _content(brief: Brief) -> dict[str, Any]:
    f, language, worst = brief.caption.forecast, brief.language, brief.worst
    last = f.lead_min[-1] if f.lead_min else 0
    return {
        "lang": language,
        "title": f"{brief.caption.city} {say('brief', language)}",
        "mode": say(brief.caption.mode, language),
        "drill": brief.caption.mode != "live",
        "source": brief.caption.source(),
        "published": f"{say('published', language)} {_when(brief, f.published_at)}",
        "until": say("until", language, at=brief.clock(last)),
        "summary": _summary(brief),
        "meaning": say("meaning", language),
        "figures": _figures(worst, language) if worst else [],
        "where": say("where", language, at=brief.clock(worst.lead_min if worst else 0)),
        "legend": {"title": say("depth", language), "stops": _legend()},
        "when": say("when", language),
        "bars": [
            {"at": brief.clock(t.lead_min), "value": t.area_km2, "worst": bool(worst and t.lead_min == worst.lead_min)}
            for t in f.totals
        ],
        "who": say("who", language),
        "columns": [
            "",
            *(say(f"column_{c}", language) for c in ("place", "kind", "depth", "prob", "first", "worst", "people")),
        ],
        "nobody": say("nobody", language),
        "places": _table(brief, brief.rows(*_PLACE_GROUPS), _PLACES),
        "roads": say("roads", language, n=_ROADS),
        "road_rows": _table(brief, _streets(brief), _ROADS),
        "do": say("do", language),
        "actions": actions(brief),
        "closed": say("closed", language),
        "closures": _closures(brief),
        "skill": say("skill", language),
        "skill_text": _skill_text(brief),
        "skill_rows": _skill_rows(brief),
        "footer": say(
            "engine",
            language,
            scheme=term(f.scheme, language),
            cell=f"{f.cell_m:g}",
            error=f"{f.volume_error_ratio:.1e}",
            id=f.forecast_id[:20],
            hash=f.frames[:12],
        ),
    }


def _marks(brief: Brief) -> list[Mark]:
    """The places of the list with their number in it."""
    rows = brief.rows(*_PLACE_GROUPS)
    shown = brief.objects.records(rows.take(np.arange(min(_PLACES, len(rows.at)))))
    return [Mark(lon=r["lon"], lat=r["lat"], group=r["group"], label=str(n)) for n, r in enumerate(shown, start=1)]


def _when(brief: Brief, at: datetime) -> str:
    return at.astimezone(brief.caption.zone).strftime("%Y-%m-%d %H:%M")


def _legend() -> list[dict[str, str]]:
    return [{"from": f"{stop[0]:g}", "colour": "#{:02x}{:02x}{:02x}".format(*on_paper(stop))} for stop in DEPTH_STOPS]


def _grouped(value: float) -> str:
    return f"{round(value):,}".replace(",", "\u2009")


def _summary(brief: Brief) -> str:
    worst, language = brief.worst, brief.language
    last = brief.caption.forecast.lead_min[-1] if brief.caption.forecast.lead_min else 0
    if worst is None or (worst.area_km2 < 0.005 and not worst.buildings and not worst.road_km):
        return say("dry", language, h=f"{last / 60:g}")
    return say(
        "summary",
        language,
        at=brief.clock(worst.lead_min),
        area=f"{worst.area_km2:.2f}",
        residents=_grouped(worst.residents),
        buildings=_grouped(worst.buildings),
        road=f"{worst.road_km:.1f}",
        under=worst.underpasses,
        facilities=sum(worst.facilities.values()),
    )


def _figures(worst: FloodTotalView, language: Language) -> list[dict[str, str]]:
    facilities = "  ".join(f"{term(kind, language)} {n}" for kind, n in sorted(worst.facilities.items()))
    values = (
        ("area", f"{worst.area_km2:.2f}", "km²"),
        ("residents", _grouped(worst.residents), ""),
        ("buildings", _grouped(worst.buildings), ""),
        ("road", f"{worst.road_km:.1f}", "km"),
        ("underpasses", str(worst.underpasses), ""),
        ("facilities", str(sum(worst.facilities.values())), ""),
    )
    return [
        {"name": say(key, language), "value": value, "unit": unit, "note": facilities if key == "facilities" else ""}
        for key, value, unit in values
    ]


def _table(brief: Brief, rows: ObjectRows, most: int) -> list[list[str]]:
    language = brief.language
    shown = brief.objects.records(rows.take(np.arange(min(most, len(rows.at)))))
    return [
        [
            str(n),
            r["name"] or f"{term(r['detail'], language)} {r['object_id']}",
            term(r["detail"], language),
            f"{r['depth_m']:.2f} ({r['depth_high_m']:.2f})",
            f"{100 * r['prob']:.0f}%",
            brief.clock(r["first_min"]) if r["first_min"] is not None else "–",
            brief.clock(r["worst_min"]),
            _grouped(r["people"]) if r["people"] >= 1 else "",
        ]
        for n, r in enumerate(shown, start=1)
    ]


def _streets(brief: Brief) -> ObjectRows:
    """Roads in the water, of each named street the deepest link."""
    rows = brief.rows("road")
    seen: set[str] = set()
    kept = []
    for n, at in enumerate(rows.at.tolist()):
        name = brief.objects.name[at]
        if not name or name not in seen:
            kept.append(n)
            seen.add(name)
    return rows.take(np.array(kept, dtype=np.int64))


def _closures(brief: Brief) -> list[str]:
    if not brief.closures:
        return [say("none_closed", brief.language)]
    names: dict[str, float] = {}
    for closure in brief.closures:
        name = closure.name or str(closure.link_id)
        names[name] = max(names.get(name, 0.0), closure.depth_m or 0.0)
    listed = [f"{name} {depth:.2f} m" if depth else name for name, depth in names.items()]
    return [*listed[:_CLOSED], *([f"… +{len(listed) - _CLOSED}"] if len(listed) > _CLOSED else [])]


def _skill_text(brief: Brief) -> str:
    skill = brief.skill
    if skill is None or not skill.pairs:
        return say("unscored", brief.language)

    def cm(value: float | None) -> str:
        return "–" if value is None else f"{100 * value:.1f}"

    return say("crps", brief.language, crps=cm(skill.crps_m), other=cm(skill.persistence_crps_m), pairs=skill.pairs)


def _skill_rows(brief: Brief) -> list[list[str]]:
    def two(value: float | None) -> str:
        return "–" if value is None else f"{value:.2f}"

    return [
        [say("lead", brief.language, n=s.lead_min), two(s.pod), two(s.far), two(s.csi), two(s.brier)]
        for s in (brief.skill.scores if brief.skill and brief.skill.pairs else ())
        if abs(s.threshold_m - _SKILL_DEPTH_M) < 1e-9
    ]
