"""What the forecast water touches at each lead time: the few numbers that a fact carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.facts import FloodTotal
from rencheng.assess.flood.exposure_index import ObjectIndex
from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.city import City

__all__ = ["LinkLengths", "flood_totals", "link_lengths"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLengths:
    """Length of every road link in the order of the object index, shape (links,).

    ``share`` is 1 for a one-way street and ½ for each direction of another, so that a street counts once.
    """

    length_m: NDArray[np.float64]
    share: NDArray[np.float64]


def link_lengths(city: City, index: ObjectIndex) -> LinkLengths:
    """Read the lengths of the links of an index."""
    rows = index.rows_of("road_link")
    if rows.stop == rows.start:
        return LinkLengths(length_m=np.zeros(0), share=np.zeros(0))
    table = city.table("road_links")
    ends = zip(table["from_node"].to_pylist(), table["to_node"].to_pylist(), strict=True)
    pairs = [(min(a, b), max(a, b)) for a, b in ends]
    lengths = [round(x, 1) for x in table["length_m"].to_pylist()]
    count: dict[tuple[int, int, float], int] = {}
    for pair, length in zip(pairs, lengths, strict=True):
        count[*pair, length] = count.get((*pair, length), 0) + 1
    by_id = {
        str(k): (length, 1.0 / count[*pair, length])
        for k, pair, length in zip(table["link_id"].to_pylist(), pairs, lengths, strict=True)
    }
    chosen = np.array([by_id[k] for k in index.object_id[rows]])
    return LinkLengths(length_m=chosen[:, 0], share=chosen[:, 1])


def flood_totals(
    index: ObjectIndex,
    links: LinkLengths,
    depths_m: NDArray[np.float32],
    weights: NDArray[np.float64],
    lead_min: tuple[int, ...],
    area_km2: NDArray[np.float64],
) -> tuple[FloodTotal, ...]:
    """Totals per lead time.

    Parameters
    ----------
    depths_m : float32 array, shape (leads, members, n)
        Depth at every object of the index.
    weights : float64 array, shape (members,)
        Weight of each member.
    area_km2 : float64 array, shape (leads,)
        Expected area under 0.15 m or more.
    """
    prob = np.einsum("lmn,m->ln", (depths_m >= np.float32(THRESHOLDS_M[0])).astype(np.float64), weights)
    likely = prob > 0.5
    building, road, facility = (index.rows_of(k) for k in ("building", "road_link", "facility"))
    under = np.array([d == "underpass" for d in index.detail[road]], dtype=np.bool_)
    kinds = index.detail[facility]
    out = []
    for k, lead in enumerate(lead_min):
        wet_kinds = [kind for kind, wet in zip(kinds, likely[k, facility].tolist(), strict=True) if wet]
        out.append(
            FloodTotal(
                lead_min=lead,
                area_km2=round(float(area_km2[k]), 4),
                residents=round(float((prob[k, building] * index.people[building]).sum()), 1),
                buildings=int(likely[k, building].sum()),
                road_km=round(float((links.length_m * links.share * likely[k, road]).sum()) / 1000.0, 3),
                underpasses=round(float((links.share * (likely[k, road] & under)).sum())),
                facilities={kind: wet_kinds.count(kind) for kind in sorted(set(wet_kinds))},
            )
        )
    return tuple(out)
