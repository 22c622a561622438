"""If these fail, a town below a river hears of a flood too late, from the wrong gauge, or not the same twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.assess.gauged_river import HILL, LAKE, LAST, MIDDLE, RIVER_TOML, TOWN, record, river_city
from tests.assess.memory_readings import MemoryReadings

from rencheng import assess
from rencheng.adapters.memory import MemoryFieldStore
from rencheng.assess.facts import ForecastPublished
from rencheng.assess.frame import city_frame
from rencheng.assess.river import RiverForecast, RiverForecaster, read_river_file, regression_forecast
from rencheng.assess.river.outlook import exceed_prob
from rencheng.assess.river.record import basin_record
from rencheng.city import read_city
from rencheng.kernel import InvalidConfig, MissingData, NotFound

MEMBERS = 80


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("river") / "city"
    river_city(path)
    return path


def forecaster_of(town: Path, readings: MemoryReadings) -> RiverForecaster:
    gauges = city_frame(read_city(town)).gauges
    return RiverForecaster(
        readings=readings, gauges=gauges, file=read_river_file(town / "river" / "river.toml"), members=MEMBERS
    )


def forecast_of(town: Path, readings: MemoryReadings) -> RiverForecast:
    return forecaster_of(town, readings).forecast(LAST)


def median(forecast: RiverForecast, sensor: str = TOWN) -> NDArray[np.float64]:
    return np.asarray(forecast.gauge(sensor).stage_m[3], dtype=np.float64)


def test_a_river_at_rest_is_forecast_to_stay(town: Path) -> None:
    told = forecast_of(town, record())
    assert told.model == "river-basin/1"
    assert np.abs(median(told) - 1.0).max() < 0.25
    assert {g.sensor_id for g in told.gauges} == {HILL, MIDDLE, TOWN}


def test_a_wave_without_precedent_upstream_is_seen_coming(town: Path) -> None:
    calm, flood = forecast_of(town, record()), forecast_of(town, record(3000.0))
    assert median(flood)[5] < median(calm)[5] + 0.6  # not yet there
    assert median(flood).max() > 1.6  # above all that was ever measured at the town
    assert exceed_prob(flood.gauge(TOWN).stage_m, 2.0).max() > 0.4
    assert exceed_prob(calm.gauge(TOWN).stage_m, 2.0).max() < 0.2


def test_intervals_lie_around_the_median_and_widen(town: Path) -> None:
    stage = forecast_of(town, record(1500.0)).gauge(TOWN).stage_m
    assert (np.diff(stage, axis=0) >= 0.0).all()
    width = stage[5] - stage[1]
    assert width[47] > width[5] > 0.0


def test_the_same_readings_give_the_same_forecast_and_later_ones_change_nothing(town: Path) -> None:
    early = LAST - timedelta(hours=30)
    whole, cut = record(3000.0), record(3000.0)
    cut = MemoryReadings(
        {q: cut.window(q, start=LAST - timedelta(days=30), end=early) for q in ("stage_m", "discharge_m3_s", "rain_mm")}
    )
    first = forecaster_of(town, whole).forecast(early)
    second = forecaster_of(town, cut).forecast(early)
    for a, b in zip(first.gauges, second.gauges, strict=True):
        assert np.array_equal(a.stage_m, b.stage_m)


@pytest.mark.parametrize("silent", [(HILL,), (MIDDLE,), (LAKE,), (HILL, MIDDLE, LAKE)])
def test_missing_gauges_are_computed_and_named(town: Path, silent: tuple[str, ...]) -> None:
    told = forecast_of(town, record(800.0, silent=silent))
    assert np.isfinite(told.gauge(TOWN).stage_m).all()
    notes = " ".join(told.notes)
    assert all(sensor in notes for sensor in silent)


def test_a_gauge_that_reports_altitude_still_gives_its_discharge(town: Path) -> None:
    plain, high = forecast_of(town, record(3000.0)), forecast_of(town, record(3000.0, no_stage=(HILL,)))
    assert HILL not in {g.sensor_id for g in high.gauges}
    assert median(high)[-1] == pytest.approx(median(plain)[-1], abs=0.3)


def test_a_silent_target_or_a_short_past_is_refused_with_a_mend(town: Path) -> None:
    with pytest.raises(MissingData, match="no stage in the 24 h"):
        forecast_of(town, record(silent=(TOWN,)))
    with pytest.raises(MissingData, match="72 are needed"):
        forecaster_of(town, record()).forecast(LAST - timedelta(hours=200))
    with pytest.raises(NotFound, match="no forecast for gauge"):
        forecast_of(town, record()).gauge("elsewhere")


def test_the_record_is_read_in_the_order_of_the_river(town: Path) -> None:
    forecaster = forecaster_of(town, record(3000.0))
    assert forecaster.file.ids == (HILL, MIDDLE, TOWN)
    assert forecaster.file.own_area_km2.tolist() == [2000.0, 1000.0, 300.0]
    read = basin_record(forecaster.readings, forecaster.gauges, forecaster.file, LAST)
    assert read.discharge_m3_s[-1, 0] == pytest.approx(3000.0)
    assert read.rain_mm[-1].tolist() == pytest.approx([2.0, 2.0, 2.0])
    assert np.isnan(read.pool_m[:, 2]).all()


def test_the_loop_publishes_three_days_for_the_target_and_learns_the_rest(town: Path) -> None:
    inputs = assess.Inputs(city=read_city(town), readings=record(3000.0), fields=MemoryFieldStore())
    drafts = assess.decide(assess.initial_state(), inputs, LAST)
    told = [d.body for d in drafts if isinstance(d.body, ForecastPublished) and d.body.sensor_id == TOWN]
    assert [b.model for b in told] == ["river-basin/1"]
    assert [h.lead_h for h in told[0].horizons] == [6.0, 12.0, 24.0, 36.0, 48.0, 60.0, 72.0]
    assert max(h.exceed_prob["orange"] for h in told[0].horizons) > 0.3


def test_where_the_river_file_cannot_speak_the_learnt_forecast_does(town: Path) -> None:
    young = LAST - timedelta(hours=200)
    inputs = assess.Inputs(city=read_city(town), readings=record(), fields=MemoryFieldStore())
    drafts = assess.decide(assess.initial_state(), inputs, young)
    told = [d.body for d in drafts if isinstance(d.body, ForecastPublished) and d.body.sensor_id == TOWN]
    assert [b.model for b in told] == ["persistence/1"]


def test_without_a_river_file_a_gauge_gets_a_learnt_forecast_that_says_so(town: Path) -> None:
    gauges = city_frame(read_city(town)).gauges
    told = regression_forecast(record(), gauges, TOWN, LAST)
    assert told.model in {"stage-nnridge/1", "persistence/1"}
    assert told.gauge(TOWN).stage_m.shape == (7, 72)
    assert (np.diff(told.gauge(TOWN).stage_m, axis=0) >= 0.0).all()
    assert "no river file" in told.notes[0]
    with pytest.raises(MissingData, match="no gauge 'elsewhere'"):
        regression_forecast(record(), gauges, "elsewhere", LAST)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('below = "middle"', 'below = "nowhere"', "does not drain"),
        ('below = "town"', 'below = "hill"', "does not drain"),
        ("area_km2 = 3000", "area_km2 = 1000", "drains less than"),
        ("response_h = [4, 12]", "response_h = [12, 4]", "runs backwards"),
        ('target = "town"', 'target = "hill"', "must carry the target's gauge"),
        ("distance_km = 40", "distance = 40", "unknown field"),
        ("[anchor]", "[anchor", "not TOML"),
        ("catchment_km2 = 300\n", "", "need one to empty into"),
    ],
)
def test_an_unsound_river_file_is_refused_by_name(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "river.toml"
    path.write_text(RIVER_TOML.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidConfig, match=said):
        read_river_file(path)


def test_a_river_file_may_end_at_a_gauge_without_standing_waters(town: Path) -> None:
    text = RIVER_TOML.split("[[pool]]")[0].replace('target = "town"', 'target = "middle"')
    text = text.replace('below = "town"\n', "")
    path = town.parent / "short.toml"
    path.write_text(text, encoding="utf-8")
    forecaster = replace(forecaster_of(town, record(3000.0)), file=read_river_file(path))
    told = forecaster.forecast(LAST)
    assert told.target == MIDDLE
    assert median(told, MIDDLE).max() > told.gauge(MIDDLE).observed_m + 0.5
    assert [p for p in told.notes if "waters below" in p] == []
