"""Sensors looked up one at a time: a city may have millions of them, of which few are ever asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from rencheng.city.package import City

__all__ = ["SensorLookup", "sensor_names", "sensor_points"]

T = TypeVar("T")


class SensorLookup(Mapping[str, T], Generic[T]):
    """What the table ``sensors`` tells of each sensor, read when it is asked for.

    Parameters
    ----------
    city : City
        The city.
    columns : tuple of str
        Columns that are read; an absent one gives None.
    made : callable
        Makes the answer of the sensor's id and its values.
    """

    def __init__(self, city: City, columns: tuple[str, ...], made: Callable[..., T]) -> None:
        self._rows = city.sensor_rows
        table = city.table("sensors") if self._rows else None
        self._columns = [table[c] if table is not None and c in table.column_names else None for c in columns]
        self._made = made

    def __getitem__(self, sensor_id: str) -> T:
        row = self._rows[sensor_id]
        values: list[Any] = [None if column is None else column[row].as_py() for column in self._columns]
        return self._made(sensor_id, *values)

    def __contains__(self, sensor_id: object) -> bool:
        return sensor_id in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def sensor_points(city: City) -> SensorLookup[tuple[float, float]]:
    """Sensor → longitude and latitude."""
    return SensorLookup(city, ("lon", "lat"), lambda _, lon, lat: (lon, lat))


def sensor_names(city: City) -> SensorLookup[str]:
    """Sensor → its name, its id where it has none."""
    return SensorLookup(city, ("name",), lambda sensor_id, name: name or sensor_id)
