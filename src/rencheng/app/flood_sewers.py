"""Storm sewers beside a flood run: the package's own, or a SWMM file of the user's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rencheng.adapters.swmm.city_network import swmm_text_from_city
from rencheng.adapters.swmm.inp_file import InpFile, InpNode, inp_nodes, read_inp
from rencheng.adapters.swmm.network import SwmmNetwork
from rencheng.assess.flood.domain import FloodDomain
from rencheng.assess.flood.drainage import PONDED_AREA_M2, SewerNode, SewerPlaces, city_sewer_nodes, sewer_places
from rencheng.city import City
from rencheng.kernel import InvalidInput
from rencheng.science.flood.storm_sewer import SewerBalance, SewerCoupling

__all__ = ["Sewers", "open_sewers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sewers:
    """Sewers coupled to a flood model.

    Parameters
    ----------
    coupling : SewerCoupling
        The engine's exchange.
    network : SwmmNetwork
        The pipes.
    places : SewerPlaces
        Where they meet the street.
    """

    coupling: SewerCoupling
    network: SwmmNetwork
    places: SewerPlaces

    def finish(self) -> SewerBalance:
        """End the pipes' run and give account of the water in them."""
        self.coupling.finish()
        self.network.finish()
        return self.coupling.balance()

    def told(self, balance: SewerBalance) -> tuple[str, ...]:
        """A few words for a summary: what the sewers did, and what does not add up."""
        words = [
            f"{len(self.places.nodes)} nodes took {balance.taken:.0f} m³ and gave back {balance.returned:.0f} m³",
            f"{balance.network.outfall:.0f} m³ left by outfalls, {balance.network.stored:.0f} m³ still in the pipes",
            f"SWMM's own continuity error {100.0 * balance.network.continuity_error_ratio:.2f} %",
        ]
        if self.places.outside:
            listed = ", ".join(self.places.outside[:5]) + (" …" if len(self.places.outside) > 5 else "")
            words.append(f"{len(self.places.outside)} nodes lie outside the model: {listed}")
        return tuple(words)


@contextmanager
def open_sewers(
    city: City, domain: FloodDomain, *, duration_s: float, swmm_file: Path | None = None, interval_s: int = 10
) -> Iterator[Sewers]:
    """Couple sewers to a flood model for one run.

    Parameters
    ----------
    city : City
        Its own network is used where no file is given; its reference system places a file's nodes.
    domain : FloodDomain
        The model.
    duration_s : float
        How long the run will be.
    swmm_file : Path, optional
        SWMM 5 input file with [COORDINATES] in lon/lat or in the city's metric reference system.
    interval_s : int
        Whole seconds between two hand-overs of water.

    Raises
    ------
    MissingData
        If neither a file nor a network of the city is there.
    InvalidInput
        If the file is wrong (names line and section) or none of its nodes lies on the model.
    """
    with tempfile.TemporaryDirectory(prefix="rencheng-sewers-") as folder:
        if swmm_file is None:
            path = Path(folder) / f"{city.manifest.id}.inp"
            path.write_text(swmm_text_from_city(city), encoding="utf-8")
            file, nodes = read_inp(path), city_sewer_nodes(city)
        else:
            file = read_inp(swmm_file)
            nodes = _file_nodes(file, city)
        places = sewer_places(nodes, domain)
        area_m2 = min(domain.grid.cell_m**2, PONDED_AREA_M2)
        with SwmmNetwork(file, places.nodes, ponded_area_m2=area_m2, duration_s=duration_s) as network:
            yield Sewers(
                coupling=SewerCoupling(network, places.openings, interval_s=interval_s), network=network, places=places
            )


def _file_nodes(file: InpFile, city: City) -> list[SewerNode]:
    """Nodes of a file in the city's metric reference system."""
    nodes = inp_nodes(file)
    placed = [node for node in nodes if node.x is not None and node.y is not None]
    if not placed:
        raise InvalidInput(
            "no node of it has coordinates",
            where=f"{file.path} [COORDINATES]",
            mend="Add [COORDINATES] in lon/lat or in the city's metric reference system",
        )
    at = {node.name: _metric(node, city, lonlat=_is_lonlat(placed)) for node in placed}
    return [
        SewerNode(name=n.name, kind=n.kind, x_m=at.get(n.name, (None, None))[0], y_m=at.get(n.name, (None, None))[1])
        for n in nodes
    ]


def _is_lonlat(placed: list[InpNode]) -> bool:
    """Whether all coordinates could be degrees: metric ones of a city lie far from its reference system's origin."""
    x, y = np.array([n.x for n in placed], np.float64), np.array([n.y for n in placed], np.float64)
    return bool((np.abs(x) <= 180.0).all() and (np.abs(y) <= 90.0).all())


def _metric(node: InpNode, city: City, *, lonlat: bool) -> tuple[float, float]:
    assert node.x is not None
    assert node.y is not None
    if not lonlat:
        return node.x, node.y
    x, y = city.to_metric.transform(node.x, node.y)
    return float(x), float(y)
