"""Flood-prone points as people revise them: what stands, what is refused, and what the ledger keeps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.evaluate.fact_book import FactBook
from tests.recover.recover_city import slope_city

from rencheng import recover
from rencheng.adapters.memory import MemoryFieldStore
from rencheng.city import RemediationStatus, read_city, table_from_rows
from rencheng.evaluate import in_words
from rencheng.kernel import OrderRefused

NOW = datetime(2026, 7, 20, 6, 0, tzinfo=UTC)
ROLE = "role:city-water.water_lead"


class Room:
    """Recovery of a city with two flood-prone points, and a ledger of its own."""

    def __init__(self, folder: Path) -> None:
        city = slope_city(folder)
        point = {"kind": "road", "lon": 121.0, "lat": 31.0, "planned_on": "2026-06-30"}
        rows = [
            {**point, "point_id": "p1", "name": "北站路", "name_en": "North Station Road", "status": "in_work"},
            {**point, "point_id": "p2", "name": "南街", "status": "done", "done_on": "2026-05-01"},
        ]
        pq.write_table(table_from_rows("flood_prone_points", rows), city.path / "flood_prone_points.parquet")
        fields, relief = MemoryFieldStore(), recover.read_relief()
        self.inputs = recover.Inputs(city=read_city(city.path), fields=fields, relief=relief, roles={})
        self.book, self.state = FactBook(), recover.initial_state()

    def revise(self, *, at: datetime = NOW, **fields: Any) -> recover.RemediationRevised:
        order = recover.ReviseRemediation(**{"point_id": "p1", "why": "pumps fitted", **fields})
        drafts = recover.handle(self.state, order, self.inputs, at, ROLE)
        for entry in self.book.ledger.append(drafts, now=at):
            self.state = recover.evolve(self.state, entry)
        body = drafts[0].body
        assert isinstance(body, recover.RemediationRevised)
        return body

    def standing(self, point: str, at: datetime = NOW) -> recover.PointStanding:
        found = recover.standing_points(self.inputs.city, self.state, at)
        return next(s for s in found if s.point.point_id == point)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_what_the_package_says_stands_until_somebody_revises_it(room: Room) -> None:
    assert (room.standing("p1").status, room.standing("p1").overdue) == (RemediationStatus.IN_WORK, True)
    assert (room.standing("p2").overdue, room.standing("p2").revisions) == (False, ())


def test_a_finished_point_is_no_longer_overdue_and_its_history_tells_who_when_and_why(room: Room) -> None:
    room.revise(status="done")
    room.revise(status="verified", why="dry in the storm of 19 July", at=NOW + timedelta(hours=1))
    stands = room.standing("p1")
    assert (stands.status, stands.done_on, stands.overdue) == (RemediationStatus.VERIFIED, date(2026, 7, 20), False)
    told = [(r.before, r.status, r.actor, r.why, r.at) for r in stands.revisions]
    assert told == [
        ("in_work", "done", ROLE, "pumps fitted", NOW),
        ("done", "verified", ROLE, "dry in the storm of 19 July", NOW + timedelta(hours=1)),
    ]
    words = in_words(next(iter(room.book.ledger.since(0))))
    assert words is not None
    assert words.en == "Flood-prone point North Station Road: in_work → done: pumps fitted"


def test_a_later_planned_day_clears_the_overdue_mark_only_until_it_passes(room: Room) -> None:
    room.revise(status="in_work", planned_on="2026-07-31", why="pump delivered late")
    assert not room.standing("p1").overdue
    assert room.standing("p1", NOW + timedelta(days=12)).overdue


def test_a_point_that_filled_again_goes_back_to_work_without_a_day_of_completion(room: Room) -> None:
    body = room.revise(point_id="p2", status="in_work", why="stood 40 cm deep on 18 July")
    assert (body.done_on, body.before) == ("", "done")
    assert room.standing("p2").overdue


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"point_id": "p9", "status": "done"}, "no flood-prone point 'p9'"),
        ({"status": "finished"}, "no remediation status 'finished'"),
        ({"status": "done", "why": "  "}, "without a reason"),
        ({"status": "verified"}, "only what is done can be verified"),
        ({"status": "done", "done_on": "20 July"}, "'20 July' is no day"),
        ({"status": "done", "done_on": "2026-07-21"}, "2026-07-21 is still to come"),
        ({"status": "in_work"}, "stands like this already"),
    ],
)
def test_a_revision_that_cannot_be_is_refused(room: Room, fields: dict[str, Any], what: str) -> None:
    with pytest.raises(OrderRefused, match=what):
        room.revise(**fields)
    assert room.standing("p1").revisions == ()
