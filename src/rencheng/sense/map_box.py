"""The last readings of sensors within a box of the map, thinned to what a page can draw."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from rencheng.city import City
from rencheng.kernel import NotFound
from rencheng.sense.summed import SummedReadings

__all__ = ["MapBox", "SensorMap"]

_TALLEST = 4.0
"""Height of a box in widths, above which its squares are stretched."""
_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, kw_only=True)
class MapBox:
    """A part of the map, degrees of longitude and latitude, and how finely it is looked at.

    Parameters
    ----------
    west, south, east, north : float
        Its edges. ``west`` greater than ``east`` goes across the 180th meridian.
    across : int
        Squares side by side, of which each gives one sensor at most.
    """

    west: float
    south: float
    east: float
    north: float
    across: int = 256

    @property
    def width(self) -> float:
        """Degrees from west to east."""
        return (self.east - self.west) % 360.0 or 360.0


class _Placed:
    """Channels of a quantity that have reported: number and place of each."""

    def __init__(self) -> None:
        self.number = np.zeros(0, np.int64)
        self.row = np.zeros(0, np.int64)
        self.lon = np.zeros(0)
        self.lat = np.zeros(0)


class SensorMap:
    """Where the channels of a readings store stand.

    Parameters
    ----------
    readings : SummedReadings
        The store.
    sensor : pyarrow.Array
        Ids of the sensors; shape (n,).
    lon, lat : array of float
        Where they stand, degrees; shape (n,).
    """

    def __init__(
        self, readings: SummedReadings, sensor: pa.Array, lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> None:
        self._readings = readings
        self._lock = threading.Lock()
        self._seen = 0
        self._placed: dict[str, _Placed] = {}
        self._sensor, self._lon, self._lat = sensor, lon, lat

    @classmethod
    def of_city(cls, readings: SummedReadings, city: City) -> SensorMap:
        """The map of a city's table of sensors."""
        if not city.has("sensors"):
            return cls(readings, pa.array([], pa.string()), np.zeros(0), np.zeros(0))
        sensor = city.table("sensors")["sensor_id"].combine_chunks()
        return cls(readings, sensor, city.column("sensors", "lon"), city.column("sensors", "lat"))

    def latest(self, quantity: str, box: MapBox) -> pa.Table:
        """Last readings within a box.

        Returns
        -------
        pyarrow.Table
            One row per square that has a sensor, of the sensor with the greatest value: ``sensor_id``, ``lon``,
            ``lat``, ``at``, ``value``, ``flags``; and ``sensors`` (how many report in the square), ``low`` (their least
            value).

        Raises
        ------
        NotFound
            If no sensor has reported the quantity.
        """
        placed = self._of(quantity)
        edges = (box.west % 360.0, box.width, float(box.south), float(box.north))
        inside = _inside(placed.lon, placed.lat, edges)
        last = self._readings.last_of(placed.number[inside])
        down = max(1, round(box.across * min(_TALLEST, (box.north - box.south) / box.width)))
        best, sensors, low = _squares(placed.lon, placed.lat, inside, last, edges, (box.across, down))
        row = placed.row[inside[best]]
        return pa.table(
            {
                "sensor_id": self._sensor.take(pa.array(row)),
                "lon": self._lon[row],
                "lat": self._lat[row],
                "at": pa.array(last["last_at"][best].copy()).cast(pa.timestamp("us", tz="UTC")),
                "value": last["value"][best].copy(),
                "flags": last["flags"][best].copy(),
                "sensors": sensors,
                "low": low,
            }
        )

    def _of(self, quantity: str) -> _Placed:
        with self._lock:
            fresh = self._readings.channels(self._seen)
            if fresh:
                self._place(fresh)
            found = self._placed.get(quantity)
        if found is None:
            known = ", ".join(sorted(self._placed)) or "none"
            raise NotFound(f"no sensor has reported {quantity!r}", mend=f"Reported so far: {known}")
        return found

    def _place(self, fresh: Any) -> None:
        sensor = pa.array([pair[0] for pair in fresh], pa.string())
        of = pa.array([pair[1] for pair in fresh], pa.string()).dictionary_encode()
        row = np.asarray(pc.fill_null(pc.index_in(sensor, value_set=self._sensor), -1)).astype(np.int64)
        code = np.asarray(of.indices)
        for k, quantity in enumerate(of.dictionary.to_pylist()):
            mine = np.flatnonzero((code == k) & (row >= 0))
            placed = self._placed.setdefault(quantity, _Placed())
            wide = _Placed()
            wide.number = np.concatenate([placed.number, self._seen + mine])
            wide.row = np.concatenate([placed.row, row[mine]])
            wide.lon, wide.lat = self._lon[wide.row], self._lat[wide.row]
            self._placed[quantity] = wide
        self._seen += len(fresh)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _inside(lon, lat, edges):  # type: ignore[no-untyped-def]
    """Places of the sensors in a box."""
    west, width, south, north = edges
    found = np.empty(len(lon), dtype=np.int32)
    n = 0
    for i in range(len(lon)):
        if south <= lat[i] <= north and _eastward(lon[i] - west) <= width:
            found[n] = i
            n += 1
    return found[:n].copy()


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _eastward(degrees):  # type: ignore[no-untyped-def]
    """An angle as 0 … 360 going east; division would take ten times as long."""
    while degrees < 0.0:
        degrees += 360.0
    return degrees


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _squares(lon, lat, inside, last, edges, squares):  # type: ignore[no-untyped-def]
    """Sensor of the greatest value in each square that has any, how many there are, and their least value."""
    west, width, south, north = edges
    across, down = squares
    value, at = last["value"], last["last_at"]
    best = np.full(across * down, -1, dtype=np.int64)
    count = np.zeros(across * down, dtype=np.int32)
    low, high = np.full(across * down, np.inf), np.full(across * down, -np.inf)
    for i in range(len(inside)):
        if at[i] == _NEVER:
            continue
        x = min(across - 1, int(_eastward(lon[inside[i]] - west) / width * across))
        y = min(down - 1, int((lat[inside[i]] - south) / (north - south) * down))
        k = y * across + x
        count[k] += 1
        low[k] = min(low[k], value[i])
        if best[k] < 0 or value[i] > high[k]:
            best[k], high[k] = i, value[i]
    full = np.flatnonzero(count)
    return best[full], count[full], low[full]
