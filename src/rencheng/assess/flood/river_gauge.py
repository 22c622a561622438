"""The gauge that speaks for a flood: which one, whether its stage can be, and what it means in the terrain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rencheng.assess.flood.extent_config import ExtentConfig
from rencheng.assess.flood.river_water import RiverWater
from rencheng.city import City
from rencheng.kernel import InvalidInput, MissingData, NotFound, distance_m

__all__ = ["RiverGauge", "StageLevel", "level_of_stage", "river_gauge"]

NEAR_CITY_M = 1_000.0
"""A gauge this near to a cell's centre stands in the city (on a quay it stands beside the last cell)."""
HIGHEST_M = 40.0
"""No river gauge on land has read more (the Rio Negro at Manaus stands at 30 m)."""
LOWEST_M = -5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RiverGauge:
    """A stage gauge of a city."""

    sensor_id: str
    name: str
    river: str
    lon: float
    lat: float
    datum_m: float | None
    flood_stage_m: float | None
    """Highest published threshold, None where none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLevel:
    """A stage as a rise of the water in the terrain over its ordinary level.

    ``water_stage_m`` is the stage that this ordinary level stands for; ``error_m`` its standard error.
    """

    stage_m: float
    water_stage_m: float
    error_m: float
    notes: tuple[str, ...]

    @property
    def rise_m(self) -> float:
        """Rise over the ordinary level."""
        return self.stage_m - self.water_stage_m


def river_gauge(city: City, sensor_id: str | None = None) -> RiverGauge:
    """Find a gauge; without an id, the only one of the city with a published threshold.

    Raises
    ------
    NotFound
        If the city has no such gauge; names those it has.
    InvalidInput
        If no id is given and there is more than one to choose from.
    MissingData
        If the city has no stage gauge at all, or none with a threshold to be chosen unasked.
    """
    gauges = _stage_gauges(city)
    if not gauges:
        raise MissingData(
            f"city {city.manifest.id!r} has no gauge of river stage, which a flood extent needs",
            mend="Import stations with a channel of stage_m",
        )
    if sensor_id is not None:
        if sensor_id not in gauges:
            named = ", ".join(sorted(gauges)[:8]) + (", …" if len(gauges) > 8 else "")
            raise NotFound(f"city {city.manifest.id!r} has no stage gauge {sensor_id!r}", mend=f"It has: {named}")
        return gauges[sensor_id]
    marked = [g for g in gauges.values() if g.flood_stage_m is not None and _in_city(city, g)]
    if len(marked) == 1:
        return marked[0]
    if not marked:
        raise MissingData(
            f"no gauge in city {city.manifest.id!r} has a published threshold, so none can be chosen unasked",
            mend=f"Name one with --gauge, e.g. {min(gauges)}",
        )
    names = ", ".join(f"{g.sensor_id} ({g.name})" for g in marked)
    raise InvalidInput(f"{len(marked)} gauges of the city have thresholds: {names}", mend="Choose one with --gauge")


def _stage_gauges(city: City) -> dict[str, RiverGauge]:
    datum = {r["sensor_id"]: r.get("datum_m") for r in city.rows_where("channels", "quantity", ["stage_m"])}
    marks: dict[str, float] = {}
    for row in city.rows("thresholds"):
        if row["quantity"] == "stage_m":
            marks[row["sensor_id"]] = max(marks.get(row["sensor_id"], -np.inf), row["value"])
    return {
        row["sensor_id"]: RiverGauge(
            sensor_id=row["sensor_id"],
            name=row.get("name") or row["sensor_id"],
            river=row.get("river") or "",
            lon=row["lon"],
            lat=row["lat"],
            datum_m=datum[row["sensor_id"]],
            flood_stage_m=marks.get(row["sensor_id"]),
        )
        for row in city.rows_where("sensors", "sensor_id", datum)
    }


def _in_city(city: City, gauge: RiverGauge) -> bool:
    lon, lat = city.column("cells", "lon"), city.column("cells", "lat")
    return bool(np.min(distance_m(lon, lat, gauge.lon, gauge.lat), initial=np.inf) <= NEAR_CITY_M)


def level_of_stage(gauge: RiverGauge, stage_m: float, water: RiverWater, config: ExtentConfig) -> StageLevel:
    """Tie a stage to the terrain by the water surface that the terrain shows at the gauge.

    Which stage that surface stands for is said in ``flood/extent.toml``, or follows from the height of the gauge's
    zero (``channels.datum_m``). Where neither is known it is taken for stage 0, and the notes say so.

    Raises
    ------
    InvalidInput
        If the stage is no number or can be no stage in metres.
    """
    if not np.isfinite(stage_m):
        raise InvalidInput(f"stage {stage_m} is no number", mend="Give metres on the gauge, e.g. 5.3")
    if not LOWEST_M <= stage_m <= HIGHEST_M:
        raise InvalidInput(
            f"stage {stage_m:g} m at gauge {gauge.sensor_id} is beyond any river gauge",
            mend=f"Is it in centimetres? {stage_m / 100:g} m" if stage_m > HIGHEST_M else "Give metres on the gauge",
        )
    notes = []
    tie = config.tie_of(gauge.sensor_id)
    if tie is not None:
        water_stage_m, error_m = tie.water_stage_m, tie.error_m
        notes.append(f"The water in the terrain stands for stage {water_stage_m:g} ± {error_m:g} m ({tie.source}).")
        if tie.highest_known_m is not None and stage_m > tie.highest_known_m:
            notes.append(
                f"Stage {stage_m:g} m is above the highest known, {tie.highest_known_m:g} m "
                f"({tie.highest_known_source or 'extent.toml'}): nobody has seen what it does."
            )
    elif gauge.datum_m is not None:
        water_stage_m, error_m = water.at_gauge_m - gauge.datum_m, 0.3
        notes.append(
            f"The gauge's zero is at {gauge.datum_m:g} m; the water in the terrain is at {water_stage_m:.2f} m on it."
        )
    else:
        water_stage_m, error_m = 0.0, 1.0
        notes.append(
            "WARNING: the gauge's zero is not tied to the terrain; the water in the terrain is taken for stage 0. "
            "Say water_stage_m in flood/extent.toml, or datum_m of the channel."
        )
    if stage_m <= water_stage_m:
        notes.append(f"Stage {stage_m:g} m is not above the ordinary water level: nothing floods.")
    return StageLevel(stage_m=stage_m, water_stage_m=water_stage_m, error_m=error_m, notes=tuple(notes))
