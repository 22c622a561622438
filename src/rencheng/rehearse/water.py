"""The weather and the river of the simulated world, and the low places of its streets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rencheng.city import City
from rencheng.rehearse.scenario import Scenario
from rencheng.science.design_storm import StormCell, chicago_hyetograph, rain_rate
from rencheng.science.runoff import nash_cascade_step, stage_from_discharge

__all__ = [
    "LowPlaces",
    "RiverReach",
    "Water",
    "Weather",
    "low_places",
    "river_reach",
    "start_water",
    "step_water",
    "weather",
]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The storm of a scenario over a city."""

    cell: StormCell
    hyetograph_mm_h: F64
    """Rate at the cell's centre, per minute."""
    begins_s: float
    """Seconds of calm before."""

    def rate(self, x_m: F64, y_m: F64, time_s: float) -> F64:
        """Rain in mm/h at points ``time_s`` after the rehearsal's start."""
        minute = int((time_s - self.begins_s) // 60)
        if not 0 <= minute < len(self.hyetograph_mm_h):
            return np.zeros(len(x_m))
        return rain_rate(self.cell, x_m, y_m, time_s - self.begins_s, float(self.hyetograph_mm_h[minute]))


def weather(city: City, scenario: Scenario) -> Weather:
    """Lay the storm's path so that its centre crosses the city's middle at the peak."""
    storm = scenario.storm
    rain = chicago_hyetograph(
        scenario.formula,
        return_period_a=storm.return_period_a,
        duration_min=storm.duration_min,
        peak_ratio=storm.peak_ratio,
    )
    lon, lat = city.column("cells", "lon"), city.column("cells", "lat")
    x, y = city.to_metric.transform(float(lon.mean()), float(lat.mean()))
    heading = np.radians(storm.heading_deg)
    speed = storm.speed_m_s * np.array([np.sin(heading), np.cos(heading)])
    peak_s = storm.peak_ratio * storm.duration_min * 60.0
    cell = StormCell(
        start_x_m=float(x - speed[0] * peak_s),
        start_y_m=float(y - speed[1] * peak_s),
        speed_x_m_s=float(speed[0]),
        speed_y_m_s=float(speed[1]),
        radius_m=storm.radius_m,
        floor_ratio=storm.floor_ratio,
    )
    return Weather(cell=cell, hyetograph_mm_h=rain * 60.0, begins_s=scenario.calm_h * 3600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LowPlaces:
    """Low places of the streets: underpasses and where depth sensors stand; arrays of shape (n,)."""

    lon: F64
    lat: F64
    x_m: F64
    y_m: F64
    cell: NDArray[np.uint64]
    underpass: NDArray[np.bool_]


def low_places(city: City) -> LowPlaces:
    """Find the low places of a city; places within 60 m of one another are one."""
    from rencheng.kernel import cells_of

    points: list[tuple[float, float, bool]] = []
    if city.has("road_links") and "underpass" in city.table("road_links").column_names:
        links = city.table("road_links")
        under = np.flatnonzero(city.column("road_links", "underpass") == True)  # noqa: E712 — nullable column
        nodes = city.table("road_nodes")
        place = dict(
            zip(
                nodes["node_id"].to_pylist(),
                zip(nodes["lon"].to_pylist(), nodes["lat"].to_pylist(), strict=True),
                strict=True,
            )
        )
        ends = links.select(["from_node", "to_node"]).take(under).to_pylist()
        for end in ends:
            (lon1, lat1), (lon2, lat2) = place[end["from_node"]], place[end["to_node"]]
            points.append(((lon1 + lon2) / 2, (lat1 + lat2) / 2, True))
    points += [(s["lon"], s["lat"], False) for s in city.rows("sensors") if s["kind"] == "street_depth"]
    kept: list[tuple[float, float, bool, float, float]] = []
    for lon, lat, under_road in sorted(points):
        x, y = city.to_metric.transform(lon, lat)
        if all((x - k[3]) ** 2 + (y - k[4]) ** 2 > 60.0**2 for k in kept):
            kept.append((lon, lat, under_road, x, y))
    columns = list(zip(*kept, strict=True)) if kept else [(), (), (), (), ()]
    lons, lats = np.array(columns[0], dtype=np.float64), np.array(columns[1], dtype=np.float64)
    return LowPlaces(
        lon=lons,
        lat=lats,
        x_m=np.array(columns[3], dtype=np.float64),
        y_m=np.array(columns[4], dtype=np.float64),
        cell=cells_of(lons, lats, city.manifest.h3_resolution),
        underpass=np.array(columns[2], dtype=np.bool_),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RiverReach:
    """The river through the city: which gauges stand on it and how discharge becomes stage at each."""

    sensor_ids: tuple[str, ...]
    reservoir: NDArray[np.int64]
    """Reservoir of the cascade after which each gauge stands; upstream gauges stand after earlier ones."""
    bankfull_m: F64
    bed_m: F64
    bankfull_m3_s: F64
    """Per reservoir count: discharge that fills the banks there."""
    x_m: float
    y_m: float
    """Middle of the basin."""


def river_reach(city: City, scenario: Scenario) -> RiverReach:
    """Read the river gauges of a city; the red threshold is taken as the top of the bank."""
    top: dict[str, float] = {}
    for row in city.rows("thresholds"):
        if row["quantity"] == "stage_m":
            top[row["sensor_id"]] = max(top.get(row["sensor_id"], -np.inf), float(row["value"]))
    gauges = [s for s in city.rows("sensors") if s["sensor_id"] in top]
    altitude = [float(s.get("altitude_m") or 0.0) for s in gauges]
    order = sorted(range(len(gauges)), key=lambda i: (-altitude[i], gauges[i]["sensor_id"]))
    count = scenario.river.reservoirs
    rank = np.linspace(1, count, len(order)).round().astype(np.int64) if order else np.zeros(0, np.int64)
    full = _bankfull_discharge(scenario)
    lon, lat = city.column("cells", "lon"), city.column("cells", "lat")
    x, y = city.to_metric.transform(float(lon.mean()), float(lat.mean()))
    bankfull = np.array([top[gauges[i]["sensor_id"]] for i in order])
    return RiverReach(
        sensor_ids=tuple(gauges[i]["sensor_id"] for i in order),
        reservoir=rank,
        bankfull_m=bankfull,
        bed_m=np.minimum(0.0, bankfull - 3.0),
        bankfull_m3_s=full[rank - 1] if order else np.zeros(0),
        x_m=float(x),
        y_m=float(y),
    )


def _bankfull_discharge(scenario: Scenario) -> F64:
    """Peak discharge after each reservoir in the storm of the bankfull return period; shape (reservoirs,)."""
    river = scenario.river
    rain = chicago_hyetograph(
        scenario.formula,
        return_period_a=river.bankfull_return_period_a,
        duration_min=scenario.storm.duration_min,
        peak_ratio=scenario.storm.peak_ratio,
    )
    storage, peak = np.zeros(river.reservoirs), np.zeros(river.reservoirs)
    for minute in range(scenario.storm.duration_min * 4):
        mm_h = rain[minute] * 60.0 if minute < len(rain) else 0.0
        inflow = mm_h / 3.6e6 * river.basin_km2 * 1e6 * river.runoff_ratio
        storage, _ = nash_cascade_step(storage, inflow, 60.0, river.residence_h * 3600.0)
        peak = np.maximum(peak, storage / (river.residence_h * 3600.0))
    return peak


@dataclass(frozen=True, slots=True, kw_only=True)
class Water:
    """Where the water is now."""

    time_s: float
    street_m: F64
    """Depth at the low places, shape (n,)."""
    basin_m3: F64
    rain_total_mm: F64
    """At the low places since the start."""

    def stage_m(self, reach: RiverReach, scenario: Scenario) -> F64:
        """Stage at the gauges over their zero, shape (gauges,)."""
        flow = self.basin_m3[reach.reservoir - 1] / (scenario.river.residence_h * 3600.0)
        flow = flow + scenario.river.base_flow_ratio * reach.bankfull_m3_s
        return np.array(
            [
                stage_from_discharge(q, bankfull_m3_s=full, bankfull_m=top, bed_m=bed)
                for q, full, top, bed in zip(flow, reach.bankfull_m3_s, reach.bankfull_m, reach.bed_m, strict=True)
            ]
        )


def start_water(places: LowPlaces, scenario: Scenario) -> Water:
    """Dry streets, and the river at base flow."""
    return Water(
        time_s=0.0,
        street_m=np.zeros(len(places.lon)),
        basin_m3=np.zeros(scenario.river.reservoirs),
        rain_total_mm=np.zeros(len(places.lon)),
    )


def step_water(
    water: Water, sky: Weather, places: LowPlaces, reach: RiverReach, scenario: Scenario, street_m: F64
) -> Water:
    """Let one step of the scenario pass, after which the low places stand ``street_m`` deep."""
    step_s = float(scenario.step_s)
    rate = sky.rate(places.x_m, places.y_m, water.time_s)
    middle = float(sky.rate(np.array([reach.x_m]), np.array([reach.y_m]), water.time_s)[0])
    river = scenario.river
    inflow = middle / 3.6e6 * river.basin_km2 * 1e6 * river.runoff_ratio
    basin, _ = nash_cascade_step(water.basin_m3, inflow, step_s, river.residence_h * 3600.0)
    return replace(
        water,
        time_s=water.time_s + step_s,
        street_m=street_m,
        basin_m3=basin,
        rain_total_mm=water.rain_total_mm + rate * step_s / 3600.0,
    )
