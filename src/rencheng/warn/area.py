"""Over which cells a warning holds, who lives there, and what stands there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.assess.facts import RiskAssessed
from rencheng.assess.ports import FieldStore
from rencheng.kernel import Bilingual, Colour
from rencheng.warn.grading import Grade
from rencheng.warn.model import Episode, State
from rencheng.warn.places import Places

__all__ = ["COVERED", "Area", "area_of_grade", "area_of_zone", "covered_ratio"]

COVERED = 0.8
"""A standing warning that holds in so much of an area covers it: no second one is issued there."""

_MOST_NAMES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Where a warning holds and who and what is there."""

    cells: tuple[int, ...]
    area_ids: tuple[str, ...]
    text: Bilingual
    residents: float
    vulnerable: float
    facilities: Mapping[str, int]
    """Facility kind → count exposed, where a risk map tells."""
    risk: Episode | None = None
    """The risk map it was cut from."""


def area_of_grade(grade: Grade, state: State, places: Places, fields: FieldStore) -> Area:
    """Give the area of a grade by its rule's policy.

    Risk cells at or above the policy's colour; where there are none, cells within reach of the gauges that led to
    the grade; where there are none of those either (or the policy asks for it), the whole zone.
    """
    policy = grade.rule.area
    zone = places.in_zone(grade.zone)
    if policy.risk_at_least:
        colour = grade.colour if policy.risk_at_least == "own" else Colour(policy.risk_at_least)
        for floor in (colour, Colour.BLUE):
            found = _risk_area(grade, state, places, fields, zone, floor)
            if found is not None:
                return found
        points = [s.point for s in grade.supports if s.point is not None]
        near = zone & places.near(points, policy.reach_km)
        if near.any():
            return _plain(places, near, grade.zone)
    return _plain(places, zone, grade.zone)


def area_of_zone(places: Places, zone: str) -> Area:
    """Give the area of a whole zone."""
    return _plain(places, places.in_zone(zone), zone)


def covered_ratio(cells: tuple[int, ...], by: tuple[int, ...]) -> float:
    """Share of cells that another set covers; 1 for no cells.

    Examples
    --------
    >>> covered_ratio((1, 2, 3, 4), (2, 3, 9))
    0.5
    """
    if not cells:
        return 1.0
    inside = np.isin(np.array(cells, np.uint64), np.array(by, np.uint64))
    return float(inside.mean())


def _risk_area(
    grade: Grade, state: State, places: Places, fields: FieldStore, zone: NDArray[np.bool_], floor: Colour
) -> Area | None:
    latest = [e for e in state.live.values() if isinstance(e.body, RiskAssessed) and e.body.hazard == grade.rule.hazard]
    for episode in sorted(latest, key=lambda e: (e.since, e.fact_id), reverse=True):
        body = episode.body
        if not isinstance(body, RiskAssessed) or not any(t.colour for t in body.totals):
            continue
        cells, residents, vulnerable = _rows_at_least(fields.get(body.field), floor)
        known = np.isin(cells, places.cells[zone])
        if known.any():
            inside = cells[known]
            facilities = max(body.totals, key=lambda t: t.lead_h).facilities_exposed
            return Area(
                cells=tuple(inside.tolist()),
                area_ids=_ids(places, inside, grade.zone),
                text=_text(places, _ids(places, inside, grade.zone)),
                residents=float(residents[known].sum()),
                vulnerable=float(vulnerable[known].sum()),
                facilities={k: facilities[k] for k in sorted(facilities) if facilities[k] > 0},
                risk=episode,
            )
    return None


def _rows_at_least(
    table: pa.Table, floor: Colour
) -> tuple[NDArray[np.uint64], NDArray[np.float64], NDArray[np.float64]]:
    """Cells at or above a risk colour at any lead, ascending, with the most people exposed at any lead."""
    wanted = [c.value for c in Colour if c.rank >= floor.rank]
    colour = table["colour"].to_numpy(zero_copy_only=False).astype(str)
    mask = np.isin(colour, wanted)
    cells = table["cell"].to_numpy().astype(np.uint64)[mask]
    unique, at = np.unique(cells, return_inverse=True)
    residents, vulnerable = np.zeros(len(unique)), np.zeros(len(unique))
    np.maximum.at(residents, at, table["residents"].to_numpy()[mask])
    np.maximum.at(vulnerable, at, table["vulnerable_residents"].to_numpy()[mask])
    return unique, residents, vulnerable


def _plain(places: Places, mask: NDArray[np.bool_], zone: str) -> Area:
    cells = places.cells[mask]
    ids = _ids(places, cells, zone)
    return Area(
        cells=tuple(cells.tolist()),
        area_ids=ids,
        text=_text(places, ids),
        residents=float(places.residents[mask].sum()),
        vulnerable=float(places.vulnerable[mask].sum()),
        facilities={},
    )


def _ids(places: Places, cells: NDArray[np.uint64], zone: str) -> tuple[str, ...]:
    if zone != places.city_id:
        return (zone,)
    if len(cells) == len(places.cells):
        return (places.city_id,)
    return places.areas_of(cells)


def _text(places: Places, ids: tuple[str, ...]) -> Bilingual:
    names = [places.name(i) for i in ids]
    more = len(names) > _MOST_NAMES
    shown = names[:_MOST_NAMES]
    return Bilingual(
        zh="、".join(n.zh for n in shown) + (f"等{len(names)}个区域" if more else ""),
        en=", ".join(n.en for n in shown) + (f" and {len(names) - _MOST_NAMES} more areas" if more else ""),
    )
