"""What stands within so many minutes of a place: units, stocks and facilities by travel time (RES-21)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.city import City, RoadGraph
from rencheng.kernel import InvalidInput

__all__ = ["Resource", "ResourceIndex", "ResourceNear", "resources_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A thing that can be sent or gone to: a unit, a stock or a facility."""

    resource_id: str
    kind: str
    """unit/…, stock/… or facility/… and its kind or item, e.g. ``stock/sandbag``."""
    lon: float
    lat: float
    amount: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceNear:
    """A resource and the time it takes to the place asked about."""

    resource: Resource
    travel_s: float


@dataclass(frozen=True, kw_only=True)
class ResourceIndex:
    """Resources tied to the road graph once, so that each question is one search from the place.

    Parameters
    ----------
    node : int array, shape (k,)
        Road node nearest to each resource.
    """

    roads: RoadGraph
    resources: Sequence[Resource]
    node: NDArray[np.int64]

    @classmethod
    def of(cls, roads: RoadGraph, resources: Sequence[Resource]) -> ResourceIndex:
        """Tie every resource to its nearest road node."""
        lon, lat = np.array([r.lon for r in resources]), np.array([r.lat for r in resources])
        node = roads.nearest_node(lon, lat) if len(resources) else np.zeros(0, dtype=np.int64)
        return cls(roads=roads, resources=resources, node=node)

    def within(
        self, lon: float, lat: float, minutes: float, *, kind: str = "", closed: Iterable[int] = (), limit: int = 1000
    ) -> list[ResourceNear]:
        """Resources that reach a place within so many minutes over open roads, quickest first.

        Parameters
        ----------
        kind : str
            Only kinds that begin so, e.g. ``"stock/"`` or ``"unit/ambulance"``; empty for all.
        closed : iterable of int
            Links closed.
        limit : int
            At most so many.

        Raises
        ------
        InvalidInput
            If ``minutes`` is not positive.
        """
        if not minutes > 0:
            raise InvalidInput(f"within {minutes} minutes nothing can come", mend="Ask for more than 0 minutes")
        target = int(self.roads.nearest_node(np.array([lon]), np.array([lat]))[0])
        time_s = self.roads.times_to_s(target, closed, cutoff_s=minutes * 60.0)[self.node]
        near = np.flatnonzero(np.isfinite(time_s))
        near = near[np.argsort(time_s[near], kind="stable")]
        found: list[ResourceNear] = []
        for k in near.tolist():
            if self.resources[k].kind.startswith(kind):
                found.append(ResourceNear(resource=self.resources[k], travel_s=float(time_s[k])))
                if len(found) == limit:
                    break
        return found


def resources_of(city: City) -> list[Resource]:
    """Units, stocks and facilities of a city; tables it does not have give none."""
    units = [
        Resource(resource_id=r["unit_id"], kind=f"unit/{r['kind']}", lon=r["lon"], lat=r["lat"])
        for r in city.rows("units")
    ]
    stocks = [
        Resource(resource_id=r["stock_id"], kind=f"stock/{r['item']}", lon=r["lon"], lat=r["lat"], amount=r["quantity"])
        for r in city.rows("stocks")
    ]
    facilities = [
        Resource(
            resource_id=r["facility_id"],
            kind=f"facility/{r['kind']}",
            lon=r["lon"],
            lat=r["lat"],
            amount=r.get("capacity") or 1.0,
        )
        for r in city.rows("facilities")
    ]
    return [*units, *stocks, *facilities]
