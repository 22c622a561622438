"""What a river extent must know of a city besides its package: ``flood/extent.toml`` and ``flood/defences.geojson``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import shapely

from rencheng.city import City
from rencheng.kernel import InvalidConfig, InvalidInput

__all__ = [
    "Defence",
    "ExtentConfig",
    "GaugeTie",
    "Survey",
    "TerrainSection",
    "read_defences",
    "read_extent_config",
]

Positive = Annotated[float, msgspec.Meta(gt=0)]
State = Literal["intact", "open", "breached"]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file: an unknown key is refused, not ignored."""


class TerrainSection(_Section, frozen=True, kw_only=True):
    """``[terrain]``: what the elevation is, and what is not known of it.

    ``kind`` is ``"surface"`` (reads roofs and trees), ``"ground"`` (bare earth), or ``"auto"``: a surface from 20 m
    cells on. Errors are standard deviations in metres.
    """

    kind: Literal["auto", "surface", "ground"] = "auto"
    noise_m: Positive | None = None
    noise_range_m: Positive = 120.0
    cover_error_ratio: Positive = 0.3
    """Error of the correction for buildings and trees, as a share of it."""
    cover_range_m: Positive = 600.0


class GaugeTie(_Section, frozen=True, kw_only=True):
    """``[[gauge]]``: the stage that the water surface in the terrain stands for."""

    id: str
    water_stage_m: float
    error_m: Positive = 0.5
    source: str
    highest_known_m: float | None = None
    highest_known_source: str = ""


class Survey(_Section, frozen=True, kw_only=True):
    """``[[survey]]``: points (lon, lat) of ground whose height on the gauge is published.

    A survey ``of = "built"`` ground scales the correction for buildings and trees; one of ``"open"`` ground (a raised
    avenue, a runway) is read rightly by the terrain itself and tests the level of the water against it.
    """

    name: str
    stage_m: float
    error_m: Positive
    points: tuple[tuple[float, float], ...]
    of: Literal["built", "open"] = "built"
    source: str


class ExtentConfig(_Section, frozen=True, kw_only=True):
    """The whole file; every part may be absent."""

    terrain: TerrainSection = TerrainSection()
    gauge: tuple[GaugeTie, ...] = ()
    survey: tuple[Survey, ...] = ()

    def tie_of(self, sensor_id: str) -> GaugeTie | None:
        """What is said of a gauge."""
        return next((g for g in self.gauge if g.id == sensor_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defence:
    """A levee, wall or raised road that keeps a river out; ``crest_m`` on the gauge's datum."""

    name: str
    kind: str
    crest_m: float
    state: State
    source: str
    line: Any


def read_extent_config(city: City) -> ExtentConfig:
    """Read ``flood/extent.toml`` of a package; the defaults where it has none.

    Raises
    ------
    InvalidConfig
        If the file is no TOML or has a key or value that is not known; names it.
    """
    file = city.path / "flood" / "extent.toml"
    if not file.is_file():
        return ExtentConfig()
    try:
        return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), ExtentConfig)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"not a readable TOML file: {error}", where=str(file)) from error
    except msgspec.ValidationError as error:
        raise InvalidConfig(
            str(error), where=str(file), mend="The keys are listed in docs/explanation/river-extent.md"
        ) from error


def read_defences(file: Path) -> tuple[Defence, ...]:
    """Read levees from GeoJSON lines (EPSG:4326) with ``crest_m``, ``state``, ``name``, ``kind`` and ``source``.

    Raises
    ------
    InvalidInput
        If the file is no GeoJSON, a feature is no line, or says no crest or source; names the feature.
    """
    try:
        data = msgspec.json.decode(file.read_bytes())
        features = data["features"]
    except (OSError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"not a readable GeoJSON feature collection: {error}", where=str(file), mend="Give lines in EPSG:4326"
        ) from error
    return tuple(_defence(feature, f"{file} feature {row}") for row, feature in enumerate(features))


def _defence(feature: Any, where: str) -> Defence:
    try:
        properties, geometry = feature["properties"], feature["geometry"]
        line = shapely.from_geojson(msgspec.json.encode(geometry).decode())
        crest_m, source = float(properties["crest_m"]), str(properties["source"])
    except (KeyError, TypeError, ValueError, shapely.errors.GEOSException) as error:
        raise InvalidInput(
            f"a defence needs a line, crest_m and source: {type(error).__name__} {error}",
            where=where,
            mend="Write crest_m as a number on the gauge's datum",
        ) from error
    state = properties.get("state", "intact")
    if line.geom_type not in {"LineString", "MultiLineString"}:
        raise InvalidInput(f"a defence is a line, not a {line.geom_type}", where=where, mend="Draw its crest")
    if state not in {"intact", "open", "breached"}:
        raise InvalidInput(f"unknown state {state!r}", where=where, mend="Use intact, open or breached")
    if not -10.0 <= crest_m <= 60.0:
        raise InvalidInput(f"crest_m {crest_m} is no height on a gauge", where=where, mend="Is it in centimetres?")
    return Defence(
        name=str(properties.get("name", "")),
        kind=str(properties.get("kind", "levee")),
        crest_m=crest_m,
        state=state,
        source=source,
        line=line,
    )
