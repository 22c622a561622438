"""The turn of assessment: what it publishes, what it keeps to itself, and what it must never read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.assess.assess_town import FLOOD_M, T0, Rows, after, hourly, inputs_for, town

from rencheng import assess
from rencheng.assess.facts import ForecastPublished, RiskAssessed
from rencheng.assess.rules import read_rules
from rencheng.city import City
from rencheng.kernel import InvalidConfig, NotFound, canonical_json


def flood(hours: int = 24, rise: float = 0.1) -> Rows:
    """A river that rises through its flood stage, from readings enough to forecast by persistence."""
    values = [FLOOD_M - 1.5 + rise * i for i in range(hours)]
    return {"stage_m": hourly(values, "town", end=T0 + timedelta(hours=hours - 1))}


def test_a_flooding_river_puts_people_near_it_at_risk_and_says_why(river_town: City) -> None:
    inputs, now = inputs_for(river_town, flood()), T0 + timedelta(hours=23)
    state = after(assess.initial_state(), assess.decide(assess.initial_state(), inputs, now))
    view = assess.risk_view(state, inputs, "river-flood-hand", 0.0)
    assert view.total.cells_at_risk > 0
    assert view.total.residents_exposed > 0
    assert view.total.vulnerable_exposed == pytest.approx(0.2 * view.total.residents_exposed)
    assert {e.kind for e in view.evidence} >= {"reading", "forecast", "terrain"}
    near = set(view.rows.column("cell").to_pylist())
    high = assess.risk_view(state, inputs, "river-flood-hand", 24.0)
    assert high.total.residents_exposed >= view.total.residents_exposed
    assert near <= set(high.rows.column("cell").to_pylist())
    assert "hydrant" not in high.total.facilities_exposed
    assert high.total.facilities_exposed.get("school") == 1


def test_risk_is_published_once_while_nothing_changes(river_town: City) -> None:
    rows: Rows = {"stage_m": hourly([2.0] * 30, "town", end=T0 + timedelta(hours=29))}
    inputs, state, published = inputs_for(river_town, rows), assess.initial_state(), 0
    for hour in range(24, 30):
        drafts = assess.decide(state, inputs, T0 + timedelta(hours=hour))
        published += sum(isinstance(d.body, RiskAssessed) for d in drafts)
        state = after(state, drafts)
    assert published == len(inputs.models), "one calm assessment per model, then silence"


def test_a_restart_publishes_no_risk_anew(river_town: City) -> None:
    now = T0 + timedelta(hours=23)
    state = after(assess.initial_state(), assess.decide(assess.initial_state(), inputs_for(river_town, flood()), now))
    again = assess.decide(state, inputs_for(river_town, flood()), now)
    assert not any(isinstance(d.body, RiskAssessed) for d in again)


def test_the_future_is_never_read(river_town: City) -> None:
    now = T0 + timedelta(hours=23)
    known = assess.decide(assess.initial_state(), inputs_for(river_town, flood()), now)
    more = flood()
    more["stage_m"] += hourly([9.0] * 24, "town", end=now + timedelta(hours=24))
    more["rain_mm"] = hourly([30.0] * 24, "rain", end=now + timedelta(hours=24))
    peeking = assess.decide(assess.initial_state(), inputs_for(river_town, more), now)
    assert [d.id for d in peeking] == [d.id for d in known]


def test_two_runs_give_the_same_facts_to_the_byte(river_town: City) -> None:
    now = T0 + timedelta(hours=23)
    runs = [assess.decide(assess.initial_state(), inputs_for(river_town, flood()), now) for _ in range(2)]
    assert [canonical_json(d.body) for d in runs[0]] == [canonical_json(d.body) for d in runs[1]]
    assert [d.id for d in runs[0]] == [d.id for d in runs[1]]


def test_forecasts_come_at_their_cadence_and_widen_with_the_rise(river_town: City) -> None:
    widths = {}
    for rise in (0.01, 0.2):
        inputs, now = inputs_for(river_town, flood(rise=rise)), T0 + timedelta(hours=23)
        drafts = assess.decide(assess.initial_state(), inputs, now)
        (body,) = [d.body for d in drafts if isinstance(d.body, ForecastPublished)]
        assert body.model == "persistence/1", "a day of history is too little to learn from"
        widths[rise] = [h.high - h.low for h in body.horizons]
        assert all(np.diff([h.high for h in body.horizons]) > 0)
        state = after(assess.initial_state(), drafts)
        soon = assess.decide(state, inputs, now + timedelta(minutes=30))
        assert not any(isinstance(d.body, ForecastPublished) for d in soon)
    assert all(a < b for a, b in zip(widths[0.01], widths[0.2], strict=True))


def test_a_tidal_gauge_is_forecast_by_its_tide(tmp_path: Path) -> None:
    harbour = town(tmp_path / "harbour", gauge="tide_gauge")
    for hour in (0, 7):
        now = T0 + timedelta(days=12, hours=hour)
        tide = 2.0 + 1.5 * np.cos(np.radians(28.9841042) * np.arange(-24 * 12 - hour, 25))
        readings = {"stage_m": hourly(tide[: 24 * 12 + hour + 1].tolist(), "town", end=now)}
        drafts = assess.decide(assess.initial_state(), inputs_for(harbour, readings), now)
        (body,) = [d.body for d in drafts if isinstance(d.body, ForecastPublished)]
        assert body.model == "tide-kalman/1"
        for horizon in body.horizons:
            assert horizon.median == pytest.approx(tide[24 * 12 + hour + int(horizon.lead_h)], abs=0.1)
            assert horizon.low < horizon.median < horizon.high


def test_a_city_without_terrain_says_so_once_and_goes_on(flat_town: City) -> None:
    inputs = inputs_for(flat_town, flood())
    assert any("terrain" in text for text in inputs.limitations)
    drafts = assess.decide(assess.initial_state(), inputs, T0 + timedelta(hours=23))
    models = {d.body.model for d in drafts if isinstance(d.body, RiskAssessed)}
    assert models == {"rainstorm-accumulation", "waterlogging-index"}


def test_causes_are_facts_of_this_ledger(river_town: City) -> None:
    inputs, state = inputs_for(river_town, flood(30, 0.15)), assess.initial_state()
    known: set[str] = set()
    for hour in range(20, 30):
        for draft in assess.decide(state, inputs, T0 + timedelta(hours=hour)):
            assert set(draft.cause) <= known
            known.add(draft.id)
            state = after(state, [draft])


def test_views_name_what_they_do_not_know(river_town: City) -> None:
    inputs, state = inputs_for(river_town, {}), assess.initial_state()
    with pytest.raises(NotFound, match="no forecast of gauge 'town'"):
        assess.forecast_view(state, inputs, "town")
    with pytest.raises(NotFound, match="no risk by model"):
        assess.risk_view(state, inputs, "river-flood-hand", 0.0)
    state = after(state, assess.decide(state, inputs, T0))
    with pytest.raises(NotFound, match="has no horizon of 5 h"):
        assess.risk_view(state, inputs, "river-flood-hand", 5.0)


def test_rain_view_tells_how_much_of_a_window_was_observed(flat_town: City) -> None:
    inputs = inputs_for(flat_town, {"rain_mm": hourly([5.0, 5.0, 5.0], "rain", end=T0)})
    (view,) = assess.rain_view(inputs, T0)
    assert view.amount_mm["3"] == 15.0
    assert view.completeness_ratio["3"] == 1.0
    assert view.completeness_ratio["24"] == pytest.approx(3 / 24, abs=1e-3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("clear_below_m: 0.10", "clear_below_m: soon", "clear_below_m"), ("[blue,", "[violet,", "violet")],
)
def test_a_wrong_rule_file_is_refused_by_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    from importlib.resources import files

    text = files("rencheng.assess").joinpath("data", "assess-rules.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "rules.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidConfig, match=message):
        read_rules(path)
