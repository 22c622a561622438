"""What recovery says when a response ends, and which orders it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from tests.evaluate.fact_book import FactBook, ended, minute, notice, opened
from tests.recover.recover_city import CELLS, risk_rows, slope_city

from rencheng import recover
from rencheng.adapters.memory import MemoryFieldStore
from rencheng.assess.facts import FloodForecastPublished, RiskAssessed
from rencheng.assess.flood.objects import OBJECT_SCHEMA, THRESHOLDS_M, exceed_column
from rencheng.kernel import Bilingual, Draft, OrderRefused
from rencheng.ledger import Entry
from rencheng.respond.facts import RoadClosed
from rencheng.warn.facts import WarningUpdated

FINDING = (Bilingual(zh="水深", en="Deep water"),)


@dataclass
class Room:
    """Recovery with a ledger of its own."""

    book: FactBook
    inputs: recover.Inputs
    state: recover.State

    def say(self, body: object, at: float = 0.0) -> Entry:
        entry = self.book.say(body, at)
        self.state = recover.evolve(self.state, entry)
        return entry

    def risk(self, rows: list[tuple[int, float, float, float]], hazard: str = "waterlogging", at: float = 0.0) -> None:
        field = self.inputs.fields.put(risk_rows(rows))
        body = RiskAssessed(
            assessment_id=f"{hazard}{at}", hazard=hazard, model=hazard, field=field, totals=(), evidence=()
        )
        self.say(body, at)

    def decide(self, at: float = 60.0) -> list[Draft]:
        drafts = recover.decide(self.state, self.inputs, minute(at))
        for entry in self.book.ledger.append(drafts, now=minute(at)):
            self.state = recover.evolve(self.state, entry)
        return drafts

    def assessed(self) -> recover.DamageAssessed:
        return next(d.body for d in self.decide() if isinstance(d.body, recover.DamageAssessed))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    inputs = recover.Inputs(
        city=slope_city(tmp_path), fields=MemoryFieldStore(), relief=recover.read_relief(), roles={"water_lead": "r1"}
    )
    return Room(FactBook(), inputs, recover.initial_state())


def closed(link: int, lon: float = 121.0, depth_m: float | None = 0.4) -> RoadClosed:
    return RoadClosed(link_id=link, reason="signal/s", depth_m=depth_m, lon=lon, lat=31.0)


def test_nothing_is_assessed_while_the_response_goes_on(room: Room) -> None:
    """Surveyors are not sent into rising water."""
    room.say(opened("i1", cells=(CELLS[0],)))
    room.risk([(CELLS[0], 0.0, 1.0, 1.0)])
    assert room.decide() == []


def test_damage_is_of_the_own_hazard_and_the_own_cells(room: Room) -> None:
    """137 mm of rain are not 137 m of water, and the neighbour's flood is the neighbour's incident."""
    room.say(opened("i1", cells=(CELLS[0],)))
    room.risk([(CELLS[0], 0.0, 1.0, 137.0)], hazard="rainstorm")
    room.risk([(CELLS[0], 0.0, 1.0, 3.0)], hazard="river_flood")
    room.risk([(CELLS[0], 0.0, 1.0, 0.6), (CELLS[1], 0.0, 1.0, 2.0)])
    room.say(ended("i1"), 30)
    body = room.assessed()
    assert body.buildings_damaged == 1
    assert body.residents_affected == pytest.approx(4.0)
    assert room.inputs.fields.get(body.cells_field)["depth_m"].to_pylist() == [0.6]


def test_water_assessed_just_before_the_incident_opened_counts(room: Room) -> None:
    """The table that led to the warning stands before the incident and may never be published anew."""
    room.risk([(CELLS[0], 0.0, 1.0, 0.6)])
    room.say(opened("i1", cells=(CELLS[0],)), 1)
    room.say(ended("i1"), 30)
    assert room.assessed().buildings_damaged == 1


def test_cells_that_the_warning_gained_belong_to_the_incident(room: Room) -> None:
    """A flood that spreads is one flood."""
    room.say(opened("i1", cells=(CELLS[0],), warning="w1"))
    room.say(WarningUpdated(warning_id="w1", notice=notice(cells=(CELLS[0], CELLS[1]))), 5)
    room.say(WarningUpdated(warning_id="w2", notice=notice(cells=(CELLS[2],))), 5)
    room.risk([(CELLS[1], 0.0, 1.0, 1.0)], at=6)
    room.say(ended("i1"), 30)
    assert room.assessed().buildings_damaged == 1
    assert room.state.recoveries["i1"].cells == {CELLS[0], CELLS[1]}


def test_rain_alone_exposes_people_and_damages_nothing(room: Room) -> None:
    """A rainstorm's own table is millimetres; blankets for everybody whom it rained on would be absurd."""
    room.say(opened("i1", hazard="rainstorm", cells=(CELLS[0],)))
    room.risk([(CELLS[0], 0.0, 1.0, 137.0)], hazard="rainstorm")
    room.say(ended("i1"), 30)
    body = room.assessed()
    assert (body.buildings_damaged, body.loss_cny, body.gaps) == (0, None, ())
    assert body.residents_affected == pytest.approx(100.0)
    assert "exposure only" in body.method


def flood(objects: str) -> FloodForecastPublished:
    return FloodForecastPublished(
        forecast_id="f", model="urban-flood", based_at=minute(0), rain_source="gauges", scheme="local_inertial",
        members=2, cell_m=20.0, lead_min=(0, 10), thresholds_m=THRESHOLDS_M, frames="", objects=objects, points="",
        analysis="", totals=(), places=(), weights=(0.5, 0.5), volume_error_ratio=0.0, evidence=(),
    )  # fmt: skip


def walls(*rows: tuple[str, int, float]) -> pa.Table:
    """Buildings of a table of objects: id, lead time, median depth."""
    plain = [
        {
            "kind": "building", "object_id": name, "detail": "residential", "lead_min": lead, "lon": 121.0, "lat": 31.0,
            "depth_m": depth, "depth_high_m": depth, "people": 4.0, **{exceed_column(t): 1.0 for t in THRESHOLDS_M},
        }
        for name, lead, depth in rows
    ]  # fmt: skip
    return pa.Table.from_pylist(plain, schema=OBJECT_SCHEMA)


def test_street_water_is_taken_at_the_walls_where_the_engine_ran(room: Room) -> None:
    """The deepest water that stood counts, not the water that was expected, nor the neighbour's."""
    room.say(opened("i1", hazard="waterlogging", cells=(CELLS[0],)))
    put = room.inputs.fields.put
    room.say(flood(put(walls(("house-0", 0, 0.4), ("house-1", 10, 2.0), ("house-99", 0, 1.0)))), 1)
    room.say(flood(put(walls(("house-0", 0, 1.0), ("house-2", 0, 0.2)))), 2)
    room.say(ended("i1"), 30)
    body = room.assessed()
    table = room.inputs.fields.get(body.buildings_field)
    assert dict(zip(table["building_id"].to_pylist(), table["depth_m"].to_pylist(), strict=True)) == pytest.approx(
        {"house-0": 1.0, "house-2": 0.2}
    )
    assert table["loss_ratio"][0].as_py() == pytest.approx(0.286, abs=0.002)
    assert "walls" in body.method


def test_a_road_closed_for_water_that_never_came_is_not_put_right(room: Room) -> None:
    room.say(opened("i1", cells=(CELLS[0],)))
    room.say(RoadClosed(link_id=7, reason="flood/f", depth_m=0.8, lon=121.0, lat=31.0, closed_to=("car",)))
    room.say(ended("i1"), 30)
    assert not [d for d in room.decide() if isinstance(d.body, recover.RectificationOpened)]


def test_a_place_is_rectified_once(room: Room) -> None:
    """Both directions of a road, closed twice, in two incidents: one low place, one desk."""
    for name in ("i1", "i2"):
        room.say(opened(name, cells=(CELLS[0],)))
    for link, depth in ((1, 0.2), (2, 0.5), (1, None)):
        room.say(closed(link, depth_m=depth), 5)
    room.say(closed(9, lon=121.5), 6)
    for name in ("i1", "i2"):
        room.say(ended(name), 30)
    tasks = [d.body for d in room.decide() if isinstance(d.body, recover.RectificationOpened)]
    assert [(t.lon, t.role_id) for t in tasks] == [(121.0, "r1"), (121.5, "r1")]
    assert "0.50 m" in tasks[0].title.en
    assert room.decide() == []


def test_every_incident_with_damage_puts_something_on_a_desk(room: Room) -> None:
    """Node 11 asks for a rectification where buildings were damaged: without one the incident could never close."""
    room.say(opened("i1", cells=(CELLS[0],)))
    room.risk([(CELLS[0], 0.0, 1.0, 1.0)])
    room.say(ended("i1"), 30)
    tasks = [d.body for d in room.decide() if isinstance(d.body, recover.RectificationOpened)]
    assert len(tasks) == 1
    assert "1 buildings" in tasks[0].title.en
    assert tasks[0].due_at > minute(60)


def test_a_review_needs_an_assessment_and_is_held_once(room: Room) -> None:
    """Reviewing what nobody measured would close incidents on paper."""
    order = recover.RecordReview(incident_id="i1", findings=FINDING)
    with pytest.raises(OrderRefused, match="not assessed yet"):
        recover.handle(room.state, order, room.inputs, minute(1), "role:commander")
    room.say(opened("i1"))
    room.say(ended("i1"), 30)
    room.decide()
    empty = recover.RecordReview(incident_id="i1", findings=())
    with pytest.raises(OrderRefused, match="at least one finding"):
        recover.handle(room.state, empty, room.inputs, minute(70), "role:commander")
    (draft,) = recover.handle(room.state, order, room.inputs, minute(70), "role:commander")
    room.say(draft.body, 70)
    with pytest.raises(OrderRefused, match="reviewed already"):
        recover.handle(room.state, order, room.inputs, minute(71), "role:commander")


def test_a_rectification_is_closed_with_proof_and_once(room: Room) -> None:
    """A hazard ticked off without a look at it is still a hazard."""
    room.say(opened("i1"))
    room.say(closed(1), 5)
    room.say(ended("i1"), 30)
    room.decide()
    ((task, overdue),) = recover.open_rectifications(room.state, minute(120))
    assert not overdue
    name = task.rectification_id
    unproven = recover.CompleteRectification(rectification_id=name, receipt=" ")
    with pytest.raises(OrderRefused, match="closed with proof"):
        recover.handle(room.state, unproven, room.inputs, minute(90), "role:r1")
    order = recover.CompleteRectification(rectification_id=name, receipt="pump fitted, photo 12")
    (draft,) = recover.handle(room.state, order, room.inputs, minute(90), "role:r1")
    room.say(draft.body, 90)
    assert recover.open_rectifications(room.state, minute(91)) == []
    with pytest.raises(OrderRefused, match="not open"):
        recover.handle(room.state, order, room.inputs, minute(92), "role:r1")
    assert recover.recoveries(room.state)[0].rectifications_open == 0


def test_an_order_of_another_room_is_refused(room: Room) -> None:
    """An order that falls through would look as if it had been carried out."""
    with pytest.raises(OrderRefused, match="knows no order"):
        recover.handle(room.state, object(), room.inputs, minute(0), "person:x")
