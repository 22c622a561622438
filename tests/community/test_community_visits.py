"""Doors to knock at, and thanks to those whose reports led to help."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.evaluate.fact_book import FactBook, minute, notice
from tests.recover.recover_city import slope_city

from rencheng import community
from rencheng.community import VisitCell
from rencheng.kernel import Draft, OrderRefused
from rencheng.ledger import Entry
from rencheng.respond.facts import NeedRaised
from rencheng.sense.facts import ReportReceived
from rencheng.warn.facts import WarningCancelled, WarningIssued, WarningUpdated, WarningUpgraded

CELLS = {1: VisitCell("a", 10.0), 2: VisitCell("a", 5.0), 3: VisitCell("b", 2.0)}


@dataclass
class Room:
    """The community room with a ledger of its own."""

    book: FactBook = field(default_factory=FactBook)
    state: community.State = field(default_factory=community.initial_state)
    inputs: community.Inputs = field(
        default_factory=lambda: community.Inputs(cells=CELLS, officer=lambda area: f"officer-{area}")
    )

    def say(self, body: object, at: float = 0.0, actor: str = "rule:test") -> Entry:
        entry = self.book.say(body, at, actor=actor)
        self.state = community.evolve(self.state, entry)
        return entry

    def decide(self, at: float) -> list[Draft]:
        drafts = community.decide(self.state, self.inputs, minute(at))
        for entry in self.book.ledger.append(drafts, now=minute(at)):
            self.state = community.evolve(self.state, entry)
        return drafts


def test_one_visit_for_each_area_with_vulnerable_residents() -> None:
    """Who cannot leave alone must be asked for by somebody with a name and a deadline."""
    room = Room()
    issued = room.say(WarningIssued(warning_id="w", notice=notice(colour="orange", cells=(1, 2, 3, 4))))
    drafts = room.decide(1)
    bodies = [d.body for d in drafts]
    assert [(b.area_id, b.cells, b.vulnerable_residents, b.role_id) for b in bodies] == [
        ("a", (1, 2), 15.0, "officer-a"),
        ("b", (3,), 2.0, "officer-b"),
    ]
    assert all(b.due_at == minute(121) for b in bodies)
    assert all(d.cause == (issued.id,) for d in drafts)
    assert room.decide(2) == []


@pytest.mark.parametrize("colour", ["blue", "yellow"])
def test_lesser_warnings_knock_at_no_door(colour: str) -> None:
    """Grid officers who run at every drizzle are not there when it pours."""
    room = Room()
    room.say(WarningIssued(warning_id="w", notice=notice(colour=colour, cells=(1,))))
    assert room.decide(1) == []
    room.say(WarningUpgraded(warning_id="w", from_colour=colour, notice=notice(colour="red", cells=(1,))), 2)
    assert len(room.decide(3)) == 1


def test_cells_that_a_warning_gains_are_visited_and_the_others_not_again() -> None:
    """The water spreads to the next block of an area that was visited already: these doors are new."""
    room = Room()
    room.say(WarningIssued(warning_id="w", notice=notice(cells=(1,))))
    room.decide(1)
    room.say(WarningUpdated(warning_id="w", notice=notice(cells=(1, 2))), 30)
    assert [d.body.cells for d in room.decide(31)] == [(2,)]
    assert len(room.state.visits) == 2


def test_a_second_warning_does_not_send_officers_to_the_same_doors() -> None:
    """Rain, street water and river in one night: one knock, and another only after half a day."""
    room = Room()
    room.say(WarningIssued(warning_id="rain", notice=notice(cells=(1,))))
    room.decide(1)
    room.say(WarningIssued(warning_id="river", notice=notice(cells=(1, 3))), 10)
    assert [d.body.cells for d in room.decide(11)] == [(3,)]
    room.say(WarningIssued(warning_id="surge", notice=notice(cells=(1,))), 13 * 60)
    assert [(d.body.warning_id, d.body.cells) for d in room.decide(13 * 60)] == [("river", (1,))]


def test_no_visit_after_the_warning_is_over() -> None:
    """All clear means nobody is sent out any more."""
    room = Room()
    room.say(WarningIssued(warning_id="w", notice=notice(cells=(1,))))
    room.say(WarningCancelled(warning_id="w", reason="over", notice=notice(cells=(1,))), 5)
    assert room.decide(6) == []


def test_a_visit_is_recorded_once_with_counts_that_can_be() -> None:
    """Progress that counts a round twice hides a block that nobody went to."""
    room = Room()
    room.say(WarningIssued(warning_id="w", notice=notice(cells=(1,))))
    (draft,) = room.decide(1)
    name = draft.body.visit_id
    for reached, need in ((3, 4), (3, -1)):
        order = community.RecordVisit(visit_id=name, reached=reached, need_help=need)
        with pytest.raises(OrderRefused, match="more people in need"):
            community.handle(room.state, order, room.inputs, minute(5), "role:officer-a")
    order = community.RecordVisit(visit_id=name, reached=9, need_help=2)
    (made,) = community.handle(room.state, order, room.inputs, minute(5), "role:officer-a")
    assert made.cause == (draft.id,)
    room.say(made.body, 5)
    with pytest.raises(OrderRefused, match="not open"):
        community.handle(room.state, order, room.inputs, minute(6), "role:officer-a")
    with pytest.raises(OrderRefused, match="knows no order"):
        community.handle(room.state, object(), room.inputs, minute(6), "role:officer-a")
    progress = community.visit_progress(room.state, minute(500))
    assert (progress.asked, progress.made, progress.overdue, progress.reached, progress.need_help) == (1, 1, 0, 9, 2)
    assert community.open_visits(room.state) == []


def test_a_visit_not_made_in_time_is_overdue() -> None:
    """The officer's deputy is called when two hours are over."""
    room = Room()
    room.say(WarningIssued(warning_id="w", notice=notice(cells=(1,))))
    room.decide(0)
    assert community.visit_progress(room.state, minute(120)).overdue == 0
    assert community.visit_progress(room.state, minute(121)).overdue == 1


def report(name: str, source: str = "citizen") -> ReportReceived:
    return ReportReceived(
        report_id=name,
        source=source,
        hazard="waterlogging",
        category="water_on_road",
        lon=121.0,
        lat=31.0,
        cell=1,
        text="",
        depth_m=0.4,
        people=0,
        event_id=f"event-{name}",
    )


def need(name: str, report_id: str) -> NeedRaised:
    return NeedRaised(
        need_id=name,
        incident_id="i",
        kind="pumping",
        skills=(),
        lon=121.0,
        lat=31.0,
        cell=1,
        people=0,
        priority=2,
        report_id=report_id,
    )


def test_whoever_reported_what_led_to_help_is_thanked_once() -> None:
    """Points for a camera, or twice for one call, would make the points worthless."""
    room = Room()
    room.say(report("r1"), actor="person:li")
    room.say(report("r2", source="camera"), actor="camera:7")
    room.say(report("r3"), actor="person:wang")
    raised = [room.say(need("n1", "r1"), 1), room.say(need("n2", "r2"), 1)]
    drafts = room.decide(2)
    assert [(d.body.person, d.body.points) for d in drafts] == [("person:li", 10)]
    assert raised[0].id in drafts[0].cause
    assert room.decide(3) == []
    assert room.state.points == {"person:li": 10}


def test_a_city_that_does_not_know_its_vulnerable_residents_asks_for_no_visit(tmp_path: Path) -> None:
    """An optional column may be absent; the loop goes on without visits."""
    assert community.visit_cells(slope_city(tmp_path)) == {}
