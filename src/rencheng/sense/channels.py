"""Channels: what each sensor of the city measures, how often, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rencheng.city import City

__all__ = ["Channel", "channels_of_city"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One quantity of one sensor.

    Parameters
    ----------
    sensor_id : str
        Sensor of the city's registry.
    quantity : str
        Name in the quantity table; empty for a sensor that is known but whose channels are not listed.
    interval_s : float, optional
        Expected reporting interval; learnt from the data where absent.
    datum_m : float, optional
        Height of the gauge's zero. A channel whose datum is given is never judged to report altitude by mistake.
    altitude_m : float, optional
        Height of the station; readings near it instead of near zero are altitude reported in place of stage.
    kind : str
        Kind of the sensor; empty where the city does not say.
    lon, lat : float, optional
        Where it stands.
    """

    sensor_id: str
    quantity: str = ""
    interval_s: float | None = None
    datum_m: float | None = None
    altitude_m: float | None = None
    kind: str = ""
    lon: float | None = None
    lat: float | None = None


def channels_of_city(city: City) -> list[Channel]:
    """List the channels of a city's sensors, sorted by sensor and quantity.

    Every sensor appears: one without rows in the table ``channels`` comes with an empty quantity, so that its
    readings are taken as those of a known sensor.
    """
    sensors = {row["sensor_id"]: row for row in city.rows("sensors")}
    listed = {
        (row["sensor_id"], row["quantity"]): Channel(
            sensor_id=row["sensor_id"],
            quantity=row["quantity"],
            interval_s=row.get("interval_s"),
            datum_m=row.get("datum_m"),
            **_standing(sensors.get(row["sensor_id"], {})),
        )
        for row in city.rows("channels")
    }
    have = {sensor_id for sensor_id, _ in listed}
    bare = {
        (sensor_id, ""): Channel(sensor_id=sensor_id, **_standing(row))
        for sensor_id, row in sensors.items()
        if sensor_id not in have
    }
    return [channel for _, channel in sorted({**listed, **bare}.items())]


def _standing(sensor: Mapping[str, Any]) -> dict[str, Any]:
    """What a channel has of its sensor."""
    return {
        "altitude_m": sensor.get("altitude_m"),
        "kind": sensor.get("kind") or "",
        "lon": sensor.get("lon"),
        "lat": sensor.get("lat"),
    }
