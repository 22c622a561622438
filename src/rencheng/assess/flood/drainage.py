"""Where a sewer meets the streets of a flood model: nodes to cells, with the openings between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.domain import FloodDomain
from rencheng.city import City
from rencheng.kernel import InvalidInput
from rencheng.science.flood.storm_sewer import SewerOpenings

__all__ = ["PONDED_AREA_M2", "SewerNode", "SewerPlaces", "city_sewer_nodes", "sewer_places"]

I64 = NDArray[np.int64]

GRATE_PERIMETER_M, GRATE_AREA_M2 = 1.65, 0.17
"""Flat grate of 0.75 m by 0.45 m at a kerb, half of it open (GB/T 26537; drawings 16S518)."""
CLOGGED_RATIO = 0.5
"""Share of a grate in a sag to be taken as clogged (HEC-22, 3rd ed., § 4.4.5)."""
GRATE_SPACING_M = 30.0
"""Between grates on one side of a street (GB 50014-2021, § 5.7.2: 25 … 50 m)."""
MANHOLE_AREA_M2 = np.pi * 0.7**2 / 4.0
"""Shaft of 0.7 m under its lid."""

PONDED_AREA_M2 = 20.0
"""Area over which a surcharged node holds water until the street takes it. Small, so that little water stands twice
(in the node and on the street beside it); not so small that its head leaps between two hand-overs."""

_GIVE_BACK_ONLY = frozenset({"manhole", "storage", "pump"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SewerNode:
    """A node of a sewer network on the map.

    Parameters
    ----------
    name : str
        Its name in the network.
    kind : str
        ``inlet`` (takes water from the street), ``manhole``, ``storage`` or ``pump`` (only give it back), ``junction``
        or ``divider`` (a node of a file that does not say: both), ``outfall`` (does not meet the street).
    x_m, y_m : float or None
        Where it lies in the city's metric reference system; ``None`` where nobody knows.
    grates : int
        Grates that lead to it.
    """

    name: str
    kind: str
    x_m: float | None
    y_m: float | None
    grates: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SewerPlaces:
    """Nodes that meet the street, and those that do not.

    Parameters
    ----------
    nodes : tuple of str
        Names of the coupled nodes.
    openings : SewerOpenings
        One opening for each.
    outside : tuple of str
        Nodes that lie outside the model or have no coordinates: their water comes from and goes to nowhere.
    """

    nodes: tuple[str, ...]
    openings: SewerOpenings
    outside: tuple[str, ...]


def city_sewer_nodes(city: City) -> list[SewerNode]:
    """Nodes of the package's storm sewers; inlets with the grates of their stretch of street.

    An inlet stands for the grates on both sides of a street piece twice as long as its own pipe.
    """
    rows = [n for n in city.rows("network_nodes") if n["network"] == "drainage"]
    reach = {link["from_node"]: link.get("length_m") for link in city.rows("network_links")}
    x, y = city.to_metric.transform([n["lon"] for n in rows], [n["lat"] for n in rows])
    nodes = []
    for row, x_m, y_m in zip(rows, np.asarray(x).tolist(), np.asarray(y).tolist(), strict=True):
        street_m = 2.0 * float(reach.get(row["node_id"]) or 0.0)
        grates = max(2, 2 * round(street_m / GRATE_SPACING_M))
        nodes.append(SewerNode(name=row["node_id"], kind=row["kind"], x_m=x_m, y_m=y_m, grates=grates))
    return nodes


def sewer_places(
    nodes: Sequence[SewerNode], domain: FloodDomain, *, clogged_ratio: float = CLOGGED_RATIO
) -> SewerPlaces:
    """Set the nodes of a sewer into the cells of a flood model.

    A node goes to the lowest open cell among its own and the eight around it, where the gutter is.

    Parameters
    ----------
    nodes : sequence of SewerNode
        The network's nodes.
    domain : FloodDomain
        The model.
    clogged_ratio : float
        Share of every grate that leaves and mud shut.

    Raises
    ------
    InvalidInput
        If no node at all lies on the model.
    """
    if not 0.0 <= clogged_ratio < 1.0:
        raise InvalidInput(f"{clogged_ratio} of each grate clogged", where="clogged_ratio", mend="Give 0 to below 1")
    meeting = [node for node in nodes if node.kind != "outfall"]
    cells = _gutters(meeting, domain)
    on = np.flatnonzero(cells >= 0)
    outside = tuple(meeting[k].name for k in np.flatnonzero(cells < 0).tolist())
    if not len(on):
        raise InvalidInput(
            f"none of its {len(meeting)} nodes lies on the model",
            where="sewer network",
            mend="Are its coordinates lon/lat or in the city's metric reference system? Add [COORDINATES]",
        )
    chosen = [meeting[k] for k in on.tolist()]
    takes = np.array([node.kind not in _GIVE_BACK_ONLY for node in chosen])
    grates = np.array([node.grates for node in chosen], dtype=np.float64) * (1.0 - clogged_ratio)
    shaft_m = 2.0 * np.sqrt(np.pi * MANHOLE_AREA_M2)
    openings = SewerOpenings(
        cells=cells[on],
        nodes=np.arange(len(on)),
        perimeter_m=np.where(takes, grates * GRATE_PERIMETER_M, shaft_m),
        area_m2=np.where(takes, grates * GRATE_AREA_M2, MANHOLE_AREA_M2),
        takes=takes,
    )
    return SewerPlaces(nodes=tuple(node.name for node in chosen), openings=openings, outside=outside)


def _gutters(nodes: Sequence[SewerNode], domain: FloodDomain) -> I64:
    """Flat cell of each node, -1 outside the model."""
    grid = domain.grid
    known = np.array([n.x_m is not None and n.y_m is not None for n in nodes], dtype=np.bool_)
    x, y = (np.array([np.nan if v is None else v for v in a]) for a in ([n.x_m for n in nodes], [n.y_m for n in nodes]))
    with np.errstate(invalid="ignore"):
        column = np.where(known, np.floor((x - grid.west_m) / grid.cell_m), -1.0).astype(np.int64)
        row = np.where(known, np.floor((y - grid.south_m) / grid.cell_m), -1.0).astype(np.int64)
    open_bed = np.where(domain.active & ~domain.blocked & ~domain.water, domain.bed_m, np.inf)
    around = [(i, j) for i in (0, -1, 1) for j in (0, -1, 1)]
    rows, columns = np.stack([row + i for i, _ in around]), np.stack([column + j for _, j in around])
    inside = (rows >= 0) & (rows < grid.ny) & (columns >= 0) & (columns < grid.nx)
    at = (np.where(inside, rows, 0), np.where(inside, columns, 0))
    height = np.where(inside & inside[0], open_bed[at], np.inf)
    least = np.argmin(height, axis=0)
    pick = np.arange(len(nodes))
    flat = at[0][least, pick] * grid.nx + at[1][least, pick]
    return np.where(np.isfinite(height[least, pick]), flat, -1)
