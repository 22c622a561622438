"""Who stands in the water: the objects of a forecast folded over its lead times, chosen, sorted and exported."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.assess.flood.objects import OBJECT_KINDS, THRESHOLDS_M, exceed_column
from rencheng.web.flood.places import Places

__all__ = ["GROUPS", "SORTS", "FloodObjects", "ObjectChoice", "ObjectRows"]

GROUPS = ("underpass", "health", "care", "school", "utility", "metro", "shelter", "other_facility", "road", "building")
"""What a duty officer asks for, the most urgent first; cells are no group of their own."""

_GROUP_OF_FACILITY = {
    "hospital": "health",
    "clinic": "health",
    "ambulance_station": "health",
    "care_home": "care",
    "school": "school",
    "kindergarten": "school",
    "substation": "utility",
    "pumping_station": "utility",
    "waterworks": "utility",
    "metro_entrance": "metro",
    "shelter": "shelter",
}
SORTS = ("urgency", "depth", "probability", "people", "first", "name")
"""By what the list can be sorted: by group as in :data:`GROUPS` and then depth; by depth or probability, highest first;
by people; by the first lead time, soonest first; by name."""

_NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectChoice:
    """Which objects are wanted.

    Parameters
    ----------
    threshold_m : float
        Depth that counts as water.
    min_prob : float
        Least probability of that depth, at the lead time or at any.
    lead_min : int, optional
        Only as forecast for this lead time; the worst over all where absent.
    groups : tuple of str
        Some of :data:`GROUPS`; empty for all.
    text : str
        Part of the name, id or detail, in any case.
    """

    threshold_m: float = THRESHOLDS_M[0]
    min_prob: float = 0.5
    lead_min: int | None = None
    groups: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRows:
    """Chosen objects with what was folded for the choice; arrays of equal length."""

    at: NDArray[np.int64]
    """Number of the object."""
    depth_m: NDArray[np.float32]
    depth_high_m: NDArray[np.float32]
    prob: NDArray[np.float32]
    first_min: NDArray[np.int32]
    """First lead time with the wanted probability; -1 for none."""
    worst_min: NDArray[np.int32]
    """Lead time of the greatest depth."""

    def take(self, order: NDArray[np.int64]) -> ObjectRows:
        """Give some of the rows in another order."""
        return ObjectRows(
            at=self.at[order],
            depth_m=self.depth_m[order],
            depth_high_m=self.depth_high_m[order],
            prob=self.prob[order],
            first_min=self.first_min[order],
            worst_min=self.worst_min[order],
        )


class FloodObjects:
    """The table of objects of one forecast.

    Parameters
    ----------
    table : Table
        Of :data:`rencheng.assess.flood.objects.OBJECT_SCHEMA`.
    places : Places
        Names and shapes.
    """

    def __init__(self, table: pa.Table, places: Places) -> None:
        self.places = places
        self._table = table = table.combine_chunks()
        self._lead = table.column("lead_min").to_numpy()
        self._depth = table.column("depth_m").to_numpy()
        self._high = table.column("depth_high_m").to_numpy()
        kind, ids = (table.column(n).combine_chunks().dictionary_encode() for n in ("kind", "object_id"))
        codes = [np.asarray(c.indices if isinstance(c, pa.DictionaryArray) else c) for c in (kind, ids)]
        changed = (np.diff(codes[0]) != 0) | (np.diff(codes[1]) != 0)
        self._start = np.concatenate([[0], np.flatnonzero(changed) + 1]) if len(table) else np.array([], np.int64)
        self._owner = np.repeat(np.arange(len(self._start)), np.diff(np.append(self._start, len(table))))
        firsts = table.take(self._start)
        self.kind: list[str] = firsts.column("kind").to_pylist()
        self.object_id: list[str] = firsts.column("object_id").to_pylist()
        self.detail: list[str] = firsts.column("detail").to_pylist()
        self.lon, self.lat, self.people = (firsts.column(n).to_numpy() for n in ("lon", "lat", "people"))

    def __len__(self) -> int:
        return len(self._start)

    @cached_property
    def group(self) -> NDArray[np.str_]:
        """Group of each object; ``cell`` for cells."""
        return np.array([_group(k, d) for k, d in zip(self.kind, self.detail, strict=True)], dtype=np.str_)

    @cached_property
    def name(self) -> list[str]:
        """Name of each object, empty where the city has none."""
        names = [""] * len(self)
        for kind in OBJECT_KINDS:
            at = [n for n, k in enumerate(self.kind) if k == kind]
            for n, name in zip(at, self.places.names(kind, [self.object_id[n] for n in at]), strict=True):
                names[n] = name
        return names

    def chosen(self, choice: ObjectChoice) -> ObjectRows:
        """Objects of a choice in the order of the table."""
        rows = self._folded(choice)
        keep = rows.prob >= max(choice.min_prob, 1e-6)
        keep &= np.isin(self.group[rows.at], choice.groups or GROUPS)
        if choice.text:
            keep &= self._mentions(choice.text)[rows.at]
        return rows.take(np.flatnonzero(keep))

    def streets_once(self, rows: ObjectRows) -> ObjectRows:
        """Leave one direction of each street, the one with more water."""
        links = np.array([self.kind[n] == "road_link" for n in rows.at.tolist()], dtype=bool)
        at = np.flatnonzero(links)
        if not len(at):
            return rows
        street = self.places.streets([self.object_id[n] for n in rows.at[at].tolist()])
        order = np.lexsort((at, -rows.depth_m[at], street))
        _, first = np.unique(street[order], return_index=True)
        keep = ~links
        keep[at[order][first]] = True
        return rows.take(np.flatnonzero(keep))

    def sorted(self, rows: ObjectRows, by: str, *, reverse: bool = False) -> ObjectRows:
        """Sort rows by one of :data:`SORTS`, ties in the order of the table."""
        match by:
            case "urgency":
                rank = {group: n for n, group in enumerate(GROUPS)}
                group = np.array([rank.get(g, len(rank)) for g in self.group[rows.at].tolist()], np.int64)
                order = np.lexsort((-rows.prob, -rows.depth_m, group))
            case "probability":
                order = np.lexsort((-rows.depth_m, -rows.prob))
            case "people":
                order = np.argsort(-self.people[rows.at], kind="stable")
            case "first":
                order = np.argsort(np.where(rows.first_min < 0, _NEVER, rows.first_min), kind="stable")
            case "name":
                names = [self.name[n] or f"\uffff{self.object_id[n]}" for n in rows.at.tolist()]
                order = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
            case _:
                order = np.lexsort((-rows.prob, -rows.depth_m))
        return rows.take(order[::-1] if reverse else order)

    def counts(self, rows: ObjectRows) -> dict[str, int]:
        """Objects per group, in the order of :data:`GROUPS`; groups without any are absent."""
        names, number = np.unique(self.group[rows.at], return_counts=True)
        found = dict(zip(names.tolist(), number.tolist(), strict=True))
        return {group: found[group] for group in GROUPS if group in found}

    def records(self, rows: ObjectRows) -> list[dict[str, Any]]:
        """Rows as plain records, for JSON, CSV and GeoJSON."""
        columns = zip(
            rows.at.tolist(),
            np.round(rows.depth_m.astype(float), 3).tolist(),
            np.round(rows.depth_high_m.astype(float), 3).tolist(),
            np.round(rows.prob.astype(float), 3).tolist(),
            rows.first_min.tolist(),
            rows.worst_min.tolist(),
            strict=True,
        )
        return [
            {
                "kind": self.kind[at],
                "group": str(self.group[at]),
                "object_id": self.object_id[at],
                "name": self.name[at],
                "detail": self.detail[at],
                "lon": round(float(self.lon[at]), 6),
                "lat": round(float(self.lat[at]), 6),
                "people": round(float(self.people[at]), 1),
                "depth_m": depth,
                "depth_high_m": high,
                "prob": prob,
                "first_min": first if first >= 0 else None,
                "worst_min": worst,
            }
            for at, depth, high, prob, first, worst in columns
        ]

    def depth_by_lead(self, rows: ObjectRows) -> tuple[list[int], list[list[float]]]:
        """Lead times of the table, and the median depth of each row at each of them."""
        leads = np.unique(self._lead)
        place = np.full(len(self), -1, np.int64)
        place[rows.at] = np.arange(len(rows.at))
        of = place[self._owner]
        dense = np.zeros((len(rows.at), len(leads)), np.float64)
        mine = of >= 0
        dense[of[mine], np.searchsorted(leads, self._lead[mine])] = self._depth[mine]
        return leads.tolist(), np.round(dense, 3).tolist()

    def _folded(self, choice: ObjectChoice) -> ObjectRows:
        prob = self._table.column(exceed_column(choice.threshold_m)).to_numpy()
        if not len(self):
            none, when = np.array([], np.float32), np.array([], np.int32)
            return ObjectRows(
                at=self._start, depth_m=none, depth_high_m=none, prob=none, first_min=when, worst_min=when
            )
        reached = np.where(prob >= max(choice.min_prob, 1e-6), self._lead, _NEVER)
        first = np.minimum.reduceat(reached, self._start)
        first = np.where(first == _NEVER, -1, first).astype(np.int32)
        peak = np.maximum.reduceat(self._depth, self._start)
        at_peak = np.where(self._depth == peak[self._owner], self._lead, _NEVER)
        worst = np.minimum.reduceat(at_peak, self._start).astype(np.int32)
        if choice.lead_min is None:
            return ObjectRows(
                at=np.arange(len(self)),
                depth_m=peak,
                depth_high_m=np.maximum.reduceat(self._high, self._start),
                prob=np.maximum.reduceat(prob, self._start),
                first_min=first,
                worst_min=worst,
            )
        rows = np.flatnonzero(self._lead == choice.lead_min)
        at = self._owner[rows]
        return ObjectRows(
            at=at,
            depth_m=self._depth[rows],
            depth_high_m=self._high[rows],
            prob=prob[rows],
            first_min=first[at],
            worst_min=worst[at],
        )

    def _mentions(self, text: str) -> NDArray[np.bool_]:
        wanted = text.casefold()
        said = zip(self.name, self.object_id, self.detail, strict=True)
        return np.array([wanted in f"{n}\n{i}\n{d}".casefold() for n, i, d in said], dtype=bool)


def _group(kind: str, detail: str) -> str:
    match kind:
        case "road_link":
            return "underpass" if detail == "underpass" else "road"
        case "facility":
            return _GROUP_OF_FACILITY.get(detail, "other_facility")
        case _:
            return kind
