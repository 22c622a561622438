"""What can be here within so many minutes, over the roads that are open."""

from __future__ import annotations

import pytest
from tests.respond.respond_town import link_id, place

from rencheng.city import City, RoadGraph
from rencheng.kernel import InvalidInput
from rencheng.respond.resources import ResourceIndex, resources_of


def test_within_minutes_quickest_first_and_by_kind(town: City) -> None:
    index = ResourceIndex.of(RoadGraph.of(town), resources_of(town))
    lon, lat = place(1, 0)
    assert [(n.resource.resource_id, n.travel_s) for n in index.within(lon, lat, 5)] == [
        ("boat-1", 100.0), ("pump-1", 100.0), ("crew-1", 300.0),
    ]  # fmt: skip
    assert [n.resource.resource_id for n in index.within(lon, lat, 5, kind="unit/pump")] == ["pump-1"]
    assert len(index.within(lon, lat, 60, limit=2)) == 2


def test_closed_roads_make_things_far(town: City) -> None:
    index = ResourceIndex.of(RoadGraph.of(town), resources_of(town))
    lon, lat = place(1, 0)
    closed = [link_id((0, 0), (1, 0))]
    times = {n.resource.resource_id: n.travel_s for n in index.within(lon, lat, 5, closed=closed)}
    assert times["boat-1"] == 300.0, "round the block"


def test_no_time_is_refused(town: City) -> None:
    index = ResourceIndex.of(RoadGraph.of(town), resources_of(town))
    with pytest.raises(InvalidInput, match="nothing can come"):
        index.within(114.3, 30.6, 0)
