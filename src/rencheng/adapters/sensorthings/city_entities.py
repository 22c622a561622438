"""The city's sensors as SensorThings entities, made when they are asked for.

A sensor of the city package is a Thing at a Location, observed by a Sensor about a FeatureOfInterest, all under the
sensor's own id; its channels are Datastreams ``sensor:quantity``; quantities are ObservedProperties.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from rencheng.adapters.sensorthings.units import OM_MEASUREMENT, quantity_words, unit_of_measurement
from rencheng.city import City
from rencheng.kernel import QUANTITIES

__all__ = ["CityEntities", "city_datastream"]

_PER_SENSOR = ("Things", "Locations", "Sensors", "FeaturesOfInterest")


def city_datastream(sensor_id: str, quantity: str) -> str:
    """Id of the Datastream of a city sensor's channel.

    Examples
    --------
    >>> city_datastream("g-1", "stage_m")
    'g-1:stage_m'
    """
    return f"{sensor_id}:{quantity}"


class CityEntities:
    """Entities that the city package gives.

    Parameters
    ----------
    city : City
        The city.
    """

    def __init__(self, city: City) -> None:
        self._city = city

    @cached_property
    def _rows(self) -> dict[str, int]:
        ids = self._city.table("sensors").column("sensor_id").to_pylist() if self._city.has("sensors") else []
        return {sensor_id: row for row, sensor_id in sorted(enumerate(ids), key=lambda pair: pair[1])}

    @cached_property
    def _channels(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        if self._city.has("channels"):
            table = self._city.table("channels").select(["sensor_id", "quantity"])
            for sensor_id, quantity in zip(*(column.to_pylist() for column in table.columns), strict=True):
                if sensor_id in self._rows and quantity in QUANTITIES:
                    found.setdefault(sensor_id, []).append(quantity)
        return found

    @cached_property
    def _datastreams(self) -> dict[str, tuple[str, str]]:
        pairs = sorted((sensor, quantity) for sensor, of in self._channels.items() for quantity in of)
        return {city_datastream(*pair): pair for pair in pairs}

    def learn(self, channels: Iterable[tuple[str, str]]) -> None:
        """Add channels that reported though the package does not list them."""
        new = False
        for sensor_id, quantity in channels:
            if sensor_id in self._rows and quantity not in self._channels.get(sensor_id, ()):
                self._channels.setdefault(sensor_id, []).append(quantity)
                new = True
        if new:
            self.__dict__.pop("_datastreams", None)

    def channel(self, datastream: str) -> tuple[str, str] | None:
        """Sensor and quantity of a Datastream of the city."""
        return self._datastreams.get(datastream)

    def keys(self, set_name: str) -> Sequence[str]:
        """Ids of a set, sorted."""
        if set_name in _PER_SENSOR:
            return list(self._rows)
        if set_name == "Datastreams":
            return list(self._datastreams)
        return sorted(QUANTITIES) if set_name == "ObservedProperties" else []

    def has(self, set_name: str, key: str) -> bool:
        """Whether the city has the entity."""
        if set_name in _PER_SENSOR:
            return key in self._rows
        if set_name == "Datastreams":
            return key in self._datastreams
        return set_name == "ObservedProperties" and key in QUANTITIES

    def links(self, set_name: str, key: str, link: str) -> list[str]:
        """Ids that an entity of the city leads to."""
        if set_name == "Datastreams":
            sensor_id, quantity = self._datastreams[key]
            return [quantity] if link == "ObservedProperty" else [sensor_id]
        if link == "Datastreams":
            if set_name == "ObservedProperties":
                return [name for name, (_, quantity) in self._datastreams.items() if quantity == key]
            return [city_datastream(key, quantity) for quantity in sorted(self._channels.get(key, ()))]
        return [key] if (set_name, link) in {("Things", "Locations"), ("Locations", "Things")} else []

    def properties(self, set_name: str, key: str) -> dict[str, Any]:
        """Properties of an entity of the city."""
        if set_name == "ObservedProperties":
            words = quantity_words(key)
            return {
                "name": words,
                "definition": f"urn:rencheng:quantity:{key}",
                "description": f"{words}, kept in {QUANTITIES[key].unit}",
                "properties": {"quantity": key},
            }
        if set_name == "Datastreams":
            return self._datastream(*self._datastreams[key])
        return self._of_sensor(set_name, self._sensor(key))

    def _sensor(self, key: str) -> dict[str, Any]:
        row: dict[str, Any] = self._city.table("sensors").slice(self._rows[key], 1).to_pylist()[0]
        return row

    def _of_sensor(self, set_name: str, row: dict[str, Any]) -> dict[str, Any]:
        name = row.get("name") or row["sensor_id"]
        kind = (row.get("kind") or "sensor").replace("_", " ")
        named = {"name": name, "description": f"{kind} {row['sensor_id']}"}
        point = {"type": "Point", "coordinates": [row["lon"], row["lat"]]}
        if set_name == "Things":
            more = {k: row[k] for k in ("kind", "river", "operator", "altitude_m") if row.get(k) is not None}
            return {**named, "properties": {"sensor_id": row["sensor_id"], **more}}
        if set_name == "Locations":
            return {**named, "encodingType": "application/geo+json", "location": point}
        if set_name == "Sensors":
            by = f", run by {row['operator']}" if row.get("operator") else ""
            return {**named, "encodingType": "text/plain", "metadata": f"{kind}{by}"}
        return {**named, "encodingType": "application/geo+json", "feature": point}

    def _datastream(self, sensor_id: str, quantity: str) -> dict[str, Any]:
        row = self._sensor(sensor_id)
        words = quantity_words(quantity)
        return {
            "name": f"{row.get('name') or sensor_id} {words}",
            "description": f"{words} at {sensor_id}",
            "observationType": OM_MEASUREMENT,
            "unitOfMeasurement": unit_of_measurement(quantity),
            "observedArea": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
            "properties": {"quantity": quantity, "sensor_id": sensor_id},
        }
