"""The flood cycle in a rehearsal: forecasts come in time, act at once, are held to account, and two runs agree."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from rencheng.adapters.files import FileFieldStore
from rencheng.assess.flood.frames import frames_from_table
from rencheng.assess.flood.skill import members_at
from rencheng.assess.rules import default_rules


def floods(played: Any, product: str = "nowcast") -> list[Any]:
    found = [e for e in played.of("FloodForecastPublished") if e.body.product == product]
    assert found, "the rehearsal rained and no flood forecast was published"
    return found


def test_a_forecast_is_there_before_the_first_water_in_the_street(rehearsal: Any) -> None:
    """A forecast that comes with the water is no forecast."""
    wet = next(e for e in rehearsal.of("SignalRaised") if e.body.name == "water_on_street")
    expecting = [e for e in floods(rehearsal) if any(t.underpasses or t.buildings for t in e.body.totals)]
    assert expecting
    assert floods(rehearsal)[0].occurred_at < wet.occurred_at


def test_a_simulated_clock_gives_each_cycle_exactly_its_budget(rehearsal: Any) -> None:
    """Else a slower machine would rehearse another storm."""
    budget = timedelta(seconds=default_rules().flood.budget_s)
    assert {e.occurred_at - e.body.based_at for e in floods(rehearsal)} == {budget}
    assert not rehearsal.of("FloodForecastSuperseded")


def test_no_cycle_loses_water(rehearsal: Any) -> None:
    for product in ("nowcast", "day_ahead"):
        assert max(e.body.volume_error_ratio for e in floods(rehearsal, product)) <= 1e-10


def test_the_next_day_is_forecast_before_it_rains_and_closes_no_road(rehearsal: Any) -> None:
    """Water that may come tomorrow is a reason to bring pumps near, and none to close a street today."""
    first = floods(rehearsal, "day_ahead")[0]
    taken = rehearsal.of("RainForecastTaken")
    assert first.cause == (taken[0].id,)
    assert first.body.rain_forecast_id == taken[0].body.forecast_id
    assert first.occurred_at < floods(rehearsal)[0].occurred_at
    assert first.occurred_at - first.body.based_at == timedelta(seconds=default_rules().flood.day_budget_s)
    assert first.body.lead_min[0] == first.body.window_min == 180
    assert any(t.area_km2 > 0.0 for t in first.body.totals)
    assert all(first.id not in e.cause for e in rehearsal.of("RoadClosed"))
    assert any(first.id in e.cause for e in rehearsal.of("FloodNeedsMapped"))


def test_the_next_day_is_scored_by_itself(rehearsal: Any) -> None:
    scored = [e.body for e in rehearsal.of("FloodForecastScored")]
    day = [b for b in scored if b.product == "day_ahead"]
    assert day
    assert {b.model for b in day} == {"urban-flood-day"}
    assert {b.model for b in scored if b.product == "nowcast"} == {"urban-flood"}
    assert min(s.lead_min for s in day[-1].scores) > 120


def test_risk_and_closures_follow_in_the_turn_of_the_forecast(rehearsal: Any) -> None:
    """Water that is known of in a turn must not wait for the next one."""
    by_id = {e.id: e for e in rehearsal.entries}
    closed = [e for e in rehearsal.of("RoadClosed") if e.body.reason.startswith("flood/")]
    assert closed, "the forecast closed no underpass"
    for entry in closed:
        causes = [by_id[c] for c in entry.cause if by_id[c].kind == "FloodForecastPublished"]
        assert causes
    first = closed[0]
    cause = next(by_id[c] for c in first.cause if by_id[c].kind == "FloodForecastPublished")
    assert first.occurred_at == cause.occurred_at
    risk = [e for e in rehearsal.of("RiskAssessed") if e.body.hazard == "waterlogging" and cause.id in e.cause]
    assert risk
    assert risk[0].occurred_at == cause.occurred_at


def test_an_impact_warning_names_what_the_water_reaches(rehearsal: Any) -> None:
    notices = [e.body.notice for e in rehearsal.entries if hasattr(e.body, "notice")]
    impact = [n for n in notices if n.rule.startswith("waterlogging/impact")]
    assert impact
    assert any("预计积水影响" in n.description.zh for n in impact)


def test_forecasts_are_scored_and_the_score_only_grows(rehearsal: Any) -> None:
    scored = [e.body for e in rehearsal.of("FloodForecastScored") if e.body.product == "nowcast"]
    assert scored
    assert all(a.pairs <= b.pairs for a, b in pairwise(scored))
    last = scored[-1]
    counted = sum(s.hits + s.misses + s.false_alarms + s.correct_negatives for s in last.scores)
    assert counted > 50
    for score in last.scores:
        assert score.pod is None or 0.0 <= score.pod <= 1.0


def test_every_table_of_a_forecast_can_be_read(rehearsal: Any) -> None:
    fields = FileFieldStore(rehearsal.folder / "fields")
    body = floods(rehearsal)[-1].body
    frames = frames_from_table(fields.get(body.frames))
    assert frames.lead_min == body.lead_min
    assert set(frames.exceed_prob) == set(body.thresholds_m)
    said = members_at(fields.get(body.points))
    assert {len(m) for m in said.values()} == {body.members}
    assert sum(body.weights) == pytest.approx(1.0)


def test_weights_move_when_sensors_are_heard(rehearsal: Any) -> None:
    """Assimilation that never changes a weight assimilates nothing."""
    spread = [np.ptp(e.body.weights) for e in floods(rehearsal)]
    assert spread[0] == pytest.approx(0.0, abs=1e-12)
    assert max(spread) > 0.01


def test_advice_says_what_it_would_spare_and_moves_nothing(rehearsal: Any) -> None:
    given = rehearsal.of("FloodAdviceGiven")
    assert given
    options = [o for e in given for o in e.body.options]
    assert all(o.lowered_m > 0.0 for o in options)
    by_id = {e.id: e for e in rehearsal.entries}
    moved = [e for e in rehearsal.of("UnitAssigned") if any(by_id[c].kind == "FloodAdviceGiven" for c in e.cause)]
    assert moved == []


def test_needs_are_mapped_beside_the_stock(rehearsal: Any) -> None:
    mapped = rehearsal.of("FloodNeedsMapped")
    assert mapped
    assert all(set(e.body.wanted) == set(e.body.stock) == set(e.body.short) for e in mapped)
