"""The river forecast on the real basin: better than persistence, and it saw the flood from what was known before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.assess.real_gauges import CITY_GAUGE, gauges_city, readings_from_telemetry

from rencheng.assess.frame import city_frame
from rencheng.assess.river import RiverForecaster, read_river_file
from rencheng.assess.river.outlook import exceed_prob
from rencheng.assess.windows import series_window
from rencheng.kernel import hours, micros
from rencheng.science.regular_series import regular_grid

pytestmark = pytest.mark.real

RIVER = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "porto-alegre" / "river.toml"
START, END = datetime(2024, 4, 15, 3, tzinfo=UTC), datetime(2024, 5, 1, 15, tzinfo=UTC)
LEADS_H = (24, 48)


@pytest.fixture(scope="module")
def basin(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> RiverForecaster:
    folder = shared_data / "porto_alegre"
    readings = readings_from_telemetry(folder)
    gauges = city_frame(gauges_city(folder, tmp_path_factory.mktemp("river") / "city", readings)).gauges
    return RiverForecaster(readings=readings, gauges=gauges, file=read_river_file(RIVER), members=150)


def test_hindcasts_beat_persistence_from_a_day_on_and_their_intervals_hold(basin: RiverForecaster) -> None:
    steps = int((END - START) / timedelta(hours=1)) + 1
    series = series_window(basin.readings, basin.gauges, "stage_m", start=START - hours(2), end=END)
    truth = regular_grid(
        series.row, series.at_us, series.value, count=len(basin.gauges), end_us=micros(END), steps=steps
    )
    rows: dict[int, list[tuple[str, float, float, bool]]] = {lead: [] for lead in LEADS_H}
    for step in range(0, steps - 24, 21):  # every hour of the day gets its turn
        for told in basin.forecast(START + timedelta(hours=step)).gauges:
            column = basin.gauges.index[told.sensor_id]
            for lead in LEADS_H:
                came = truth[step + lead, column] if step + lead < steps else np.nan
                if np.isfinite(came):
                    q = told.stage_m[:, lead - 1]
                    rows[lead].append(
                        (told.sensor_id, abs(came - q[3]), abs(came - told.observed_m), bool(q[1] <= came <= q[5]))
                    )
    for lead in LEADS_H:
        assert len({r[0] for r in rows[lead]}) >= 15
        miss, stay, held = (float(np.mean([r[k] for r in rows[lead]])) for k in (1, 2, 3))
        assert miss < stay, f"{lead} h: {miss:.3f} m against {stay:.3f} m"
        assert held > 0.6
    at_city = [r for r in rows[24] if r[0] == CITY_GAUGE]
    assert np.mean([r[1] for r in at_city]) < np.mean([r[2] for r in at_city])


def test_the_great_flood_is_in_the_forecast_of_its_eve(basin: RiverForecaster) -> None:
    told = basin.forecast(END).gauge(CITY_GAUGE).stage_m
    record = 1.93
    assert told[3, 71] > record + 1.0  # no stage above this was on record: mass balance does not know records
    assert exceed_prob(told, 3.0)[71] > 0.7
    quiet = basin.forecast(END - timedelta(days=6)).gauge(CITY_GAUGE).stage_m
    assert exceed_prob(quiet, 3.0).max() < 0.02
