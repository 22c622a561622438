"""Sensors of the sandbox city: rain, river, street depth at every low place, weather, manholes, pipe pressure.

River thresholds follow from the bank height at the gauge: blue 0.70, yellow 0.80, orange 0.90 of it, red the bank
itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rencheng.city.sandbox.drainage import LowPoints
from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.names import RIVER, place_names
from rencheng.city.sandbox.network import Network
from rencheng.city.sandbox.streetplan import PLAIN, StreetPlan
from rencheng.city.sandbox.waters import Waters

__all__ = ["RIVER_COLOURS", "Instruments", "instruments_of"]

Floats = NDArray[np.float64]

RIVER_COLOURS = (
    ("blue", 0.70, "关注水位"),
    ("yellow", 0.80, "警戒水位"),
    ("orange", 0.90, "保证水位"),
    ("red", 1.00, "漫堤水位"),
)
"""Colour, share of the bank height, and what the operator calls the stage."""
_STREET_COLOURS = (("blue", 0.05), ("yellow", 0.15), ("orange", 0.27), ("red", 0.40))
_SOURCE = "sandbox design"
_STREET_SOURCE = "sandbox design after GB 50014-2021: 15 cm closes a lane, 27 cm stalls a car"
_VALID_FROM = "2020-01-01"


@dataclass(kw_only=True)
class Instruments:
    """Rows of ``sensors``, ``channels`` and ``thresholds``; sensors with map coordinates."""

    sensors: list[dict[str, object]] = field(default_factory=list)
    channels: list[dict[str, object]] = field(default_factory=list)
    thresholds: list[dict[str, object]] = field(default_factory=list)

    def sensor(self, sensor_id: str, kind: str, name: str, x_m: float, y_m: float, **more: object) -> str:
        """Add a sensor; ``more`` are schema columns (river, river_id, altitude_m, operator)."""
        row = {"sensor_id": sensor_id, "kind": kind, "name": name, "x_m": x_m, "y_m": y_m, **more}
        self.sensors.append(row)
        return sensor_id

    def channel(self, sensor_id: str, quantity: str, interval_s: float, datum_m: float | None = None) -> None:
        """Add what a sensor measures and how often."""
        self.channels.append(
            {"sensor_id": sensor_id, "quantity": quantity, "interval_s": interval_s, "datum_m": datum_m}
        )

    def threshold(self, sensor_id: str, quantity: str, colour: str, value: float, name: str, source: str) -> None:
        """Add the value from which a warning colour holds."""
        self.thresholds.append(
            {
                "sensor_id": sensor_id,
                "quantity": quantity,
                "colour": colour,
                "value": round(value, 3),
                "name": name,
                "source": source,
                "valid_from": _VALID_FROM,
            }
        )


def instruments_of(frame: Frame, plan: StreetPlan, waters: Waters, low: LowPoints, net: Network) -> Instruments:
    """Set the instruments of the city and of the basin above it."""
    out = Instruments()
    rng = frame.rng("instruments")
    _rain_gauges(frame, rng, plan, out)
    _river_gauges(frame, waters, out)
    _street_gauges(low, out)
    _weather_stations(frame, rng, out)
    _in_the_networks(frame, net, out)
    return out


def _rain_gauges(frame: Frame, rng: np.random.Generator, plan: StreetPlan, out: Instruments) -> None:
    """One per 2 km² of the city (at least 4) and a ring of ten in the basin, most of it upstream."""
    tiles = np.flatnonzero(plan.tiles.kept & (plan.tiles.kind == PLAIN))
    tiles = tiles[tiles != plan.lake_tile]
    count = max(4, round(frame.urban_m2 / 2e6))
    u = plan.tiles.middle_u[tiles]
    v = plan.tiles.middle_v[tiles]
    chosen = _spread(u, v, min(count, len(tiles)))
    basin_u = np.array([-2.2, -2.6, -4.0, -4.4, -6.0, -6.2, -8.5, -8.0, 0.3, 1.9]) * max(frame.radius_m, 2_000.0)
    basin_v = np.array([0.9, -1.0, 1.6, -0.4, 2.4, -1.9, 0.6, -2.6, 1.7, -0.6]) * max(frame.radius_m, 2_000.0)
    x, y = frame.to_map(
        np.concatenate([u[chosen] + 15.0, basin_u]), np.concatenate([v[chosen] + 15.0, np.zeros(len(basin_u))])
    )
    y[len(chosen) :] += basin_v
    names = place_names(rng, len(x))
    for k, (at_x, at_y) in enumerate(zip(x.tolist(), y.tolist(), strict=True), start=1):
        where = "" if k <= len(chosen) else "流域"
        gauge = out.sensor(f"rain-{k}", "rain_gauge", f"{names[k - 1][0]}{where}雨量站", at_x, at_y, operator="水务局")
        out.channel(gauge, "rain_mm", 300.0)


def _spread(u: Floats, v: Floats, count: int) -> list[int]:
    """Indices of so many points far from one another (farthest-point sampling from the one nearest the middle)."""
    chosen = [int(np.argmin(np.hypot(u, v)))]
    away = np.hypot(u - u[chosen[0]], v - v[chosen[0]])
    while len(chosen) < count:
        chosen.append(int(np.argmax(away)))
        away = np.minimum(away, np.hypot(u - u[chosen[-1]], v - v[chosen[-1]]))
    return chosen


def _river_gauges(frame: Frame, waters: Waters, out: Instruments) -> None:
    """Five on the river from far upstream to the city's lower end, one on each stream."""
    r = frame.radius_m
    spots = (
        ("river-1", "澜源", -max(9.0 * r, 24_000.0)),
        ("river-2", "石渡", -max(4.5 * r, 11_000.0)),
        ("river-3", "上闸", -1.25 * r),
        ("river-4", "安澜", 0.05 * r),
        ("river-5", "下渡", 1.2 * r),
    )
    half = frame.river_width_m / 2.0
    for gauge, name, at in spots:
        u = np.array([at])
        x, y = frame.to_map(u, np.array([half]))
        datum = round(float(waters.river_bed_m(u)[0]), 2)
        more = {"river": RIVER[0], "river_id": "LJ", "altitude_m": round(datum + frame.bank_height_m, 2)}
        out.sensor(gauge, "river_gauge", f"{name}水文站", float(x[0]), float(y[0]), operator="水文局", **more)
        out.channel(gauge, "stage_m", 900.0, datum)
        for colour, share, stage in RIVER_COLOURS:
            out.threshold(gauge, "stage_m", colour, share * frame.bank_height_m, stage, _SOURCE)
    for k, stream in enumerate(waters.streams, start=1):
        v = np.array([stream.side * 0.55 * r])
        x, y = frame.to_map(stream.at(v) + stream.half_m, v)
        datum = round(float(waters.stream_bed_m(stream, v)[0]), 2)
        more = {"river": f"第{k}支流", "river_id": f"LJ-{k}", "altitude_m": round(datum + waters.stream_bank_m, 2)}
        gauge = out.sensor(
            f"stream-{k}", "river_gauge", f"支流{k}水位站", float(x[0]), float(y[0]), operator="水务局", **more
        )
        out.channel(gauge, "stage_m", 300.0, datum)
        for colour, share, stage in RIVER_COLOURS:
            out.threshold(gauge, "stage_m", colour, share * waters.stream_bank_m, stage, _SOURCE)


def _street_gauges(low: LowPoints, out: Instruments) -> None:
    for k in range(len(low.x_m)):
        what = "下穿通道" if low.underpass[k] else "低洼点"
        x, y = float(low.x_m[k]), float(low.y_m[k])
        more = {"altitude_m": round(float(low.ground_m[k]), 2), "operator": "水务局"}
        gauge = out.sensor(f"street-{k + 1}", "street_depth", f"{what}{k + 1}积水监测点", x, y, **more)
        out.channel(gauge, "water_depth_m", 300.0)
        for colour, depth in _STREET_COLOURS:
            out.threshold(gauge, "water_depth_m", colour, depth, "积水深度", _STREET_SOURCE)


def _weather_stations(frame: Frame, rng: np.random.Generator, out: Instruments) -> None:
    count = max(1, round(frame.urban_m2 / 4e7))
    r = frame.radius_m
    angle = rng.uniform(0.0, 2.0 * np.pi) + np.arange(count) * 2.4
    x, y = frame.to_map(0.5 * r * np.cos(angle), 0.5 * r * np.sin(angle))
    for k in range(count):
        station = out.sensor(
            f"weather-{k + 1}", "weather_station", f"第{k + 1}气象站", float(x[k]), float(y[k]), operator="气象局"
        )
        for quantity in ("air_temperature_c", "wind_speed_m_s", "relative_humidity_ratio", "pressure_pa", "rain_mm"):
            out.channel(station, quantity, 600.0)


def _in_the_networks(frame: Frame, net: Network, out: Instruments) -> None:
    """Water depth in one manhole per 3,000 residents and pressure in one junction per 5,000."""
    for kind, what, sensor, quantity, per in (
        ("manhole", "窨井液位", "manhole", "water_depth_m", 3_000),
        ("junction", "管网压力", "pipe_pressure", "pipe_pressure_pa", 5_000),
    ):
        network = "drainage" if kind == "manhole" else "water"
        nodes = [n for n in net.nodes.values() if n["kind"] == kind and n["network"] == network]
        step = max(1, len(nodes) // max(2, frame.residents // per))
        for k, node in enumerate(nodes[step // 2 :: step], start=1):
            x, y = float(str(node["x_m"])), float(str(node["y_m"]))
            gauge = out.sensor(f"{sensor.replace('_', '-')}-{k}", sensor, f"{what}{k}", x, y, operator="水务局")
            out.channel(gauge, quantity, 900.0)
