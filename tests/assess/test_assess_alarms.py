"""Alarms of detection as officers see them: raised once, again when graver, closed by themselves, never told twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from tests.sense.detection_city import T0, T0_US, batch, city

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.assess import State, initial_state
from rencheng.assess.alarms import AlarmDesk
from rencheng.assess.facts import SignalCleared, SignalRaised
from rencheng.assess.frame import CityFrame, SensorPlaces
from rencheng.assess.model import learn
from rencheng.city import City, Manifest
from rencheng.kernel import Draft, cell_of
from rencheng.sense import default_detection_rules

NOW = T0 + timedelta(days=1)


@dataclass
class Told:
    """Facts so far and the state they make."""

    state: State
    facts: list[Draft]

    def turn(self, desk: AlarmDesk, frame: CityFrame) -> list[Any]:
        drafts = list(desk.drafts(self.state, frame, NOW))
        for draft in drafts:
            self.state = learn(self.state, draft.body, fact_id=draft.id, at=NOW)
        self.facts += drafts
        return [draft.body for draft in drafts]


LONLAT = {"lon": [121.0, 121.1], "lat": [31.0, 31.0]}
MANIFEST = Manifest(
    id="t", name="试", name_en="T", metric_crs="EPSG:32651", timezone="Asia/Shanghai", jurisdiction="CN"
)


@pytest.fixture
def frame(tmp_path: Path) -> CityFrame:
    ids = ("s00", "s01")
    city = City(path=tmp_path, manifest=MANIFEST)
    city._tables["sensors"] = pa.table(
        {"sensor_id": ids, "kind": ["x", "x"], "lon": [121.0, 121.1], "lat": [31.0, 31.0]}
    )
    cells = np.array([cell_of(121.0, 31.0), cell_of(121.1, 31.0)], dtype=np.uint64)
    return cast("CityFrame", SimpleNamespace(places=SensorPlaces(city, cells)))


def gas(level: float, first: int, n: int = 5) -> dict[str, np.ndarray]:
    minute = first + np.arange(n)
    return {
        "sensor": np.zeros(n, dtype=int),
        "at": T0_US + minute * 60_000_000,
        "stage_m": np.full(n, 2.0),
        "methane_ratio_lel": np.full(n, level),
    }


def test_a_leak_is_one_signal_that_grows_and_closes_by_itself(frame: CityFrame) -> None:
    store = DuckDbReadings(channels=city(2), detection=default_detection_rules())
    desk = AlarmDesk(store, default_detection_rules())
    told = Told(initial_state(), [])
    bodies = []
    for turn, level in enumerate([0.0, 0.07, 0.07, 0.3, 0.0, 0.0]):
        readings = gas(level, 5 * turn)
        store.take("f", str(turn), batch(readings, slice(None)), now=NOW)
        bodies += told.turn(desk, frame)
    assert [(type(b).__name__, getattr(b, "colour", "")) for b in bodies] == [
        ("SignalRaised", "yellow"),
        ("SignalRaised", "red"),
        ("SignalCleared", ""),
    ]
    raised = bodies[0]
    assert isinstance(raised, SignalRaised)
    assert (raised.hazard, raised.name, raised.sensor_id, raised.cause) == ("gas_leak", "gas_leak", "s00", "above")
    assert raised.title is not None
    assert raised.title.zh == "燃气泄漏"
    assert raised.confidence_prob is not None
    assert 0.5 < raised.confidence_prob <= 1
    assert raised.window_start == T0 + timedelta(minutes=5)
    assert raised.window_end == T0 + timedelta(minutes=7)
    assert raised.evidence[0].threshold == 0.05
    assert {b.signal_id for b in bodies} == {raised.signal_id}
    assert told.facts[1].cause == (told.facts[0].id,)
    assert told.facts[2].cause == (told.facts[1].id,)
    assert isinstance(bodies[2], SignalCleared)
    assert told.state.signals == {}
    store.close()


def test_a_turn_that_was_lost_after_the_store_is_made_up_for_once(frame: CityFrame) -> None:
    store = DuckDbReadings(channels=city(2), detection=default_detection_rules())
    store.take("f", "1", batch(gas(0.3, 0), slice(None)), now=NOW)
    told = Told(initial_state(), [])
    lost = list(AlarmDesk(store, default_detection_rules()).drafts(told.state, frame, NOW))  # never recorded
    after_restart = AlarmDesk(store, default_detection_rules())
    again = told.turn(after_restart, frame)
    assert [draft.body for draft in lost] == again
    assert told.turn(after_restart, frame) == []
    assert told.turn(AlarmDesk(store, default_detection_rules()), frame) == []
    store.close()
