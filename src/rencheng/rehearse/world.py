"""The simulated world: its clock, its water, its instruments, and the calls that its people make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.city import City
from rencheng.kernel import Draft, LonLat
from rencheng.ledger import Entry
from rencheng.rehearse.facts import ScenarioEnded, ScenarioStarted
from rencheng.rehearse.instruments import instrument, measure, start_recorder
from rencheng.rehearse.people import Act
from rencheng.rehearse.rain_forecaster import forecast_of_rain
from rencheng.rehearse.scenario import Scenario
from rencheng.rehearse.street_water import street_water
from rencheng.rehearse.water import low_places, river_reach, start_water, step_water, weather
from rencheng.respond.facts import NeedRaised, UnitArrived, UnitReleased
from rencheng.sense.batch import GOOD_SCHEMA, Decoded
from rencheng.sense.orders import SubmitReport
from rencheng.sense.rain_forecast import RainForecast

__all__ = ["Delivery", "World"]

_DEGREE_M = 111_195.0
"""Metres in a degree of latitude on the mean sphere."""
_PUMP_M3_S = 1000.0 / 3600.0
"""What a pump truck draws whose capacity the city does not know: 1,000 m³/h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What the world gives for one turn: what its sensors reported and what its people will do in the meantime."""

    now: datetime
    position: str
    readings: Decoded
    acts: tuple[Act, ...]


def _pump_rates(city: City) -> dict[str, float]:
    """Discharge of the city's pump trucks, m³/s; their capacity is in m³/h."""
    return {
        u["unit_id"]: float(u["capacity"]) / 3600.0
        for u in city.rows("units")
        if u["kind"] == "pump_truck" and u.get("capacity")
    }


class World:
    """A city under a scenario; advances step by step and remembers the deepest water.

    Parameters
    ----------
    city : City
        Needs ``cells``; what it has of sensors and low roads comes alive.
    scenario : Scenario
        What happens.
    seed : int
        Same city, scenario and seed: same world.
    """

    def __init__(self, city: City, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed
        rng = np.random.default_rng([seed, 1])
        self.places = low_places(city)
        self.reach = river_reach(city, scenario)
        self.sky = weather(city, scenario)
        self.network = instrument(city, self.places, self.reach, scenario, rng)
        self.water = start_water(self.places, scenario)
        self.streets = street_water(city, scenario, self.places.x_m, self.places.y_m, np.random.default_rng([seed, 4]))
        self.peak_m = np.zeros(len(self.places.lon))
        self.peak_stage_m = np.full(len(self.reach.sensor_ids), -np.inf)
        self._recorder = start_recorder(self.network)
        self._noise = np.random.default_rng([seed, 2])
        self._calls = np.random.default_rng([seed, 3])
        self._called = 0
        self._issues = np.random.default_rng([seed, 5])
        self._issued = 0
        self._city = city
        self._to_metric = city.to_metric
        self._pump_m3_s = _pump_rates(city)
        self._needs: dict[str, tuple[float, float]] = {}
        self.heard = 0
        """Last fact of the ledger that the world learnt of."""

    @property
    def now(self) -> datetime:
        """The world's clock."""
        return self.scenario.start + timedelta(seconds=self.water.time_s)

    @property
    def end(self) -> datetime:
        """When the scenario is over."""
        return self.scenario.start + timedelta(hours=self.scenario.duration_h)

    @property
    def progress_ratio(self) -> float:
        """Part of the scenario that is over."""
        return min(self.water.time_s / (self.scenario.duration_h * 3600.0), 1.0)

    def opening(self) -> list[Draft]:
        """Facts that begin the rehearsal: the scenario and what the director planted."""
        storm = self.scenario.storm
        started = ScenarioStarted(
            scenario=self.scenario.name,
            seed=self.seed,
            title=self.scenario.title,
            parameters={
                "return_period_a": storm.return_period_a,
                "duration_min": float(storm.duration_min),
                "rain_mm": round(float(self.sky.hyetograph_mm_h.sum() / 60.0), 3),
                "low_places": float(len(self.places.lon)),
                "river_gauges": float(len(self.reach.sensor_ids)),
            },
        )
        stream = f"scenario/{self.scenario.name}"
        first = Draft(stream=stream, body=started, occurred_at=self.now, actor="role:director")
        injects = [
            Draft(stream=stream, body=inject, occurred_at=self.now, actor="role:director", cause=(first.id,))
            for inject in self.network.injects()
        ]
        return [first, *injects]

    def closing(self, truth_field: str) -> list[Draft]:
        """Fact that ends the rehearsal."""
        body = ScenarioEnded(scenario=self.scenario.name, truth_field=truth_field)
        stream = f"scenario/{self.scenario.name}"
        return [Draft(stream=stream, body=body, occurred_at=self.now, actor="role:director")]

    def truth(self) -> pa.Table:
        """What really happened: deepest water of every low place."""
        return pa.table(
            {
                "cell": pa.array(self.places.cell, pa.uint64()),
                "lon": self.places.lon,
                "lat": self.places.lat,
                "underpass": self.places.underpass,
                "peak_depth_m": self.peak_m,
                "rain_mm": self.water.rain_total_mm,
            }
        )

    def observe(self, entries: Iterable[Entry]) -> None:
        """Let what units do act on the water: a pump that arrived draws until its unit leaves."""
        for entry in entries:
            self.heard = entry.seq
            match entry.body:
                case NeedRaised(kind="pumping") as need:
                    x, y = self._to_metric.transform(need.lon, need.lat)
                    self._needs[need.need_id] = (float(x), float(y))
                case UnitArrived() as arrived if self.streets is not None and arrived.need_id in self._needs:
                    rate = self._pump_m3_s.get(arrived.unit_id, _PUMP_M3_S)
                    self.streets.pump(arrived.unit_id, *self._needs[arrived.need_id], rate)
                case UnitReleased() as released if self.streets is not None:
                    self.streets.stop_pump(released.unit_id)

    def advance(self) -> Delivery:
        """Let one turn's time pass."""
        begins = self.now
        tables, acts = [], []
        for depth in self._street_depths():
            before = self.water
            self.water = step_water(before, self.sky, self.places, self.reach, self.scenario, depth)
            self.peak_m = np.maximum(self.peak_m, depth)
            self.peak_stage_m = np.maximum(self.peak_stage_m, self.water.stage_m(self.reach, self.scenario))
            tables.append(
                measure(
                    self.network,
                    self._recorder,
                    before,
                    self.water,
                    self.sky,
                    self.reach,
                    self.scenario,
                    self._noise,
                )
            )
            acts += self._call(depth)
        good = pa.concat_tables(tables).cast(GOOD_SCHEMA)
        position = f"{self.scenario.name}/{int(self.water.time_s):09d}"
        assert begins < self.now
        return Delivery(now=self.now, position=position, readings=Decoded(good=good, rows=len(good)), acts=tuple(acts))

    def rain_forecast(self) -> RainForecast | None:
        """A forecast of the rain where one is due now: at the beginning and every so many hours."""
        plan, now_s = self.scenario.rain_forecast, self.water.time_s
        if plan.every_h <= 0.0 or now_s < self._issued * plan.every_h * 3600.0:
            return None
        self._issued += 1
        lon, lat = self._city.column("cells", "lon"), self._city.column("cells", "lat")
        x, y = self._to_metric.transform(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
        storm = self.scenario.storm
        peak_s = self.sky.begins_s + storm.peak_ratio * storm.duration_min * 60.0
        return forecast_of_rain(
            self.sky.rate,
            now_s,
            (float(np.min(x)), float(np.min(y)), float(np.max(x)), float(np.max(y))),
            self._city.manifest.metric_crs,
            horizon_h=plan.horizon_h,
            errors=plan.errors,
            lead_to_peak_h=max(peak_s - now_s, 0.0) / 3600.0,
            rng=self._issues,
        )

    def _street_depths(self) -> NDArray[np.float64]:
        """Depth at the low places at the end of every step of the turn that begins, shape (steps, n)."""
        steps = self.scenario.turn_s // self.scenario.step_s
        if self.streets is None:
            return np.zeros((steps, len(self.places.lon)))
        at = self.water.time_s + np.arange(steps) * float(self.scenario.step_s)
        rate = np.stack([self.sky.rate(self.streets.rain_x_m, self.streets.rain_y_m, float(t)) for t in at])
        return self.streets.advance(rate, float(self.scenario.step_s))

    def _call(self, depth_m: NDArray[np.float64]) -> list[Act]:
        """People who see water in the street report it; some of them are in it."""
        people, rng = self.scenario.people, self._calls
        hourly = people.reports_per_pond_h * np.clip(depth_m / 0.3, 0.0, 3.0) * (depth_m > 0.15)
        count = rng.poisson(hourly * self.scenario.step_s / 3600.0)
        callers = np.repeat(np.arange(len(count)), count)
        return [self._report(int(place), float(depth_m[place])) for place in callers]

    def _report(self, place: int, depth_m: float) -> Act:
        rng = self._calls
        self._called += 1
        seen = max(round(float(depth_m * rng.uniform(0.7, 1.3)), 1), 0.1)
        trapped = depth_m > 0.5 and rng.random() < self.scenario.people.trapped_prob
        east, north = rng.normal(0.0, 25.0, 2)
        at = LonLat(
            round(float(self.places.lon[place] + east / (_DEGREE_M * np.cos(np.radians(self.places.lat[place])))), 6),
            round(float(self.places.lat[place] + north / _DEGREE_M), 6),
        )
        where = "下穿道路" if self.places.underpass[place] else "路面"
        text = f"{where}积水约{seen}米,有人被困" if trapped else f"{where}积水约{seen}米"
        order = SubmitReport(
            source=("citizen", "hotline", "grid_officer", "camera")[int(rng.integers(4))],
            hazard="waterlogging",
            category="person_trapped" if trapped else "water_on_road",
            lon=at.lon,
            lat=at.lat,
            text=text,
            depth_m=seen,
            people=int(rng.integers(1, 4)) if trapped else 0,
        )
        due = self.now + timedelta(seconds=int(rng.integers(1, self.scenario.step_s)))
        return Act(due_at=due, order=order, actor=f"person:caller-{self._called:04d}")
