"""Who is asked about an alarm does not hang on when a neighbour first reported, nor on who else is listed."""

from __future__ import annotations

from tests.sense.detection_city import city, rules

from rencheng.sense import Channel
from rencheng.sense.channels import ChannelTable
from rencheng.sense.detection import DetectionDesk
from rencheng.sense.neighbours import Neighbours

ODD = next(k for k, rule in enumerate(rules().rules) if rule.rule.id == "odd")


def gauges(count: int) -> list[Channel]:
    return [channel for channel in city(count) if channel.quantity == "stage_m"]


def test_a_neighbour_that_reports_later_is_asked_from_then_on() -> None:
    desk = DetectionDesk(rules(), gauges(3))
    for number, channel in enumerate(gauges(3)):
        desk.add(channel)
        assert sorted(desk.corroborator.neighbours(0, ODD)) == list(range(1, number + 1))


def test_of_two_equally_far_away_the_name_decides_whatever_the_order_of_the_list() -> None:
    row = [Channel(sensor_id=f"s{n:02d}", quantity="stage_m", lon=121.0, lat=0.001 * (n - 10)) for n in range(21)]
    there = Neighbours(rules(), ChannelTable.of(row)).of(("s10", "stage_m"), ODD)
    back = Neighbours(rules(), ChannelTable.of(row[::-1])).of(("s10", "stage_m"), ODD)
    assert there == back
    assert sorted(name for name, _ in there) == ["s06", "s07", "s08", "s09", "s11", "s12", "s13", "s14"]


def test_a_gauge_out_of_reach_or_without_a_place_is_nobodys_neighbour() -> None:
    alone = Channel(sensor_id="far", quantity="stage_m", lon=130.0, lat=31.0)
    nowhere = Channel(sensor_id="nowhere", quantity="stage_m")
    near = Neighbours(rules(), ChannelTable.of([*gauges(2), alone, nowhere]))
    assert near.of(("far", "stage_m"), ODD) == near.of(("nowhere", "stage_m"), ODD) == ()
    assert near.of(("s00", "stage_m"), ODD) == (("s01", "stage_m"),)
    assert near.groups().tolist() == [0, 0, 2, 3]
