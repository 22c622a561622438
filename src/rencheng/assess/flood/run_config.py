"""What ``rencheng flood run`` is told in one file: the rain, the ground, what drains it, and how it is computed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import yaml

from rencheng.assess.flood.rain_config import (
    DesignRain,
    GridRain,
    HyetographRain,
    MovingRain,
    RainConfig,
    UniformRain,
)
from rencheng.kernel import InvalidConfig, InvalidInput, NotFound

__all__ = ["RAIN_KINDS", "Losses", "PumpConfig", "RunConfig", "read_run_config"]

RAIN_KINDS: dict[str, type[RainConfig]] = {
    "uniform": UniformRain,
    "hyetograph": HyetographRain,
    "design": DesignRain,
    "moving": MovingRain,
    "grid": GridRain,
}
"""Kinds of rain that a file may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What open ground takes: ``[infiltration]``.

    Parameters
    ----------
    kind : str
        ``none``, ``constant``, ``green_ampt`` or ``curve_number``.
    initial_mm, rate_mm_h : float
        Of constant losses: what is taken at once, and what at a rate.
    conductivity_mm_h, suction_mm, deficit_ratio : float
        Of Green–Ampt; as given, a loam at field capacity (Rawls, Brakensiek & Miller 1983, table 3).
    curve_number : float
        Of the SCS method, on open ground.
    """

    kind: str = "none"
    initial_mm: float = 0.0
    rate_mm_h: float = 0.0
    conductivity_mm_h: float = 3.4
    suction_mm: float = 88.9
    deficit_ratio: float = 0.3
    curve_number: float = 75.0

    def __post_init__(self) -> None:
        kinds = ("none", "constant", "green_ampt", "curve_number")
        if self.kind not in kinds:
            raise InvalidConfig(
                f"unknown kind {self.kind!r}", where="[infiltration] kind", mend=f"Use one of: {', '.join(kinds)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpConfig:
    """A pump set up for the run: ``[[pumps]]``.

    Parameters
    ----------
    lon, lat : float
        Where it takes water.
    rate_m3_s : float
        How much at most.
    to_lon, to_lat : float, optional
        Where it puts it; out of the model where absent.
    on_depth_m, off_depth_m : float
        Depths at which it starts and stops.
    """

    lon: float
    lat: float
    rate_m3_s: float
    to_lon: float | None = None
    to_lat: float | None = None
    on_depth_m: float = 0.1
    off_depth_m: float = 0.05

    def __post_init__(self) -> None:
        if not self.rate_m3_s > 0 or not 0 <= self.off_depth_m <= self.on_depth_m:
            raise InvalidConfig("a pump needs a rate above 0, and starts no lower than it stops", where="[[pumps]]")
        if (self.to_lon is None) != (self.to_lat is None):
            raise InvalidConfig("only one of to_lon and to_lat is given", where="[[pumps]]", mend="Give both or none")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """A flood run.

    Parameters
    ----------
    rain : RainConfig
        The ``[rain]`` section.
    hours : float, optional
        Simulated time; the rain and an hour where absent.
    cell_m : float, optional
        Edge of a cell; that of the terrain where absent.
    scheme : str
        ``shallow_water`` or ``local_inertial``.
    order : int
        1 or 2, of the shallow-water scheme.
    dtype : str
        ``float64`` or ``float32``.
    device : str
        ``cpu`` or ``cuda``.
    manning : float, optional
        One roughness everywhere; by land cover where absent.
    drainage : str
        ``none``, ``inlets`` (capacity of the package's sewers, or by design rule) or ``swmm``.
    underpasses : str
        ``tanks`` (kept beside the raster) or ``terrain`` (as deep in the raster as its cells show; always with SWMM).
    swmm_file : str
        A SWMM input file of one's own; the package's sewers where empty.
    boundary : str
        ``open`` or ``closed``.
    water_level_m : float, optional
        Level at which rivers and lakes stand.
    walls : str
        GeoJSON of lines with ``crest_m`` (height of the crest in the terrain's datum).
    save_every_min : float
        Time between frames.
    infiltration : Losses
        What open ground takes.
    pumps : tuple of PumpConfig
        Pumps set up for the run.
    """

    rain: RainConfig
    hours: float | None = None
    cell_m: float | None = None
    scheme: str = "shallow_water"
    order: int = 1
    dtype: str = "float64"
    device: str = "cpu"
    manning: float | None = None
    drainage: str = "inlets"
    underpasses: str = "tanks"
    swmm_file: str = ""
    boundary: str = "open"
    water_level_m: float | None = None
    walls: str = ""
    save_every_min: float = 10.0
    infiltration: Losses = field(default_factory=Losses)
    pumps: tuple[PumpConfig, ...] = ()

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("scheme", self.scheme, ("shallow_water", "local_inertial")),
            ("dtype", self.dtype, ("float64", "float32")),
            ("device", self.device, ("cpu", "cuda")),
            ("drainage", self.drainage, ("none", "inlets", "swmm")),
            ("underpasses", self.underpasses, ("tanks", "terrain")),
            ("boundary", self.boundary, ("open", "closed")),
        ):
            if value not in allowed:
                raise InvalidConfig(f"unknown {name} {value!r}", where=name, mend=f"Use one of: {', '.join(allowed)}")
        if self.order not in (1, 2):
            raise InvalidConfig(f"order is {self.order}", where="order", mend="Use 1 or 2")
        if self.hours is not None and not 0 < self.hours <= 24 * 14:
            raise InvalidConfig(f"hours is {self.hours}", where="hours", mend="Give more than 0, up to two weeks")
        if not self.save_every_min > 0:
            raise InvalidConfig(f"save_every_min is {self.save_every_min}", where="save_every_min")
        if self.manning is not None and not 0.005 <= self.manning <= 1.0:
            raise InvalidConfig(
                f"manning is {self.manning}", where="manning", mend="Give s/m^(1/3), 0.01 (concrete) to 0.2 (forest)"
            )
        if self.swmm_file and self.drainage != "swmm":
            raise InvalidConfig('swmm_file without drainage = "swmm"', where="swmm_file", mend="Set drainage")


def read_run_config(path: Path) -> RunConfig:
    """Read a configuration, TOML or YAML by its ending.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidConfig
        If it cannot be read, holds an unknown key, or a value that cannot be; names file and key.
    """
    if not path.is_file():
        raise NotFound(f"no configuration {path}", mend="See docs/reference/flood-run.md for the format")
    plain = _plain(path)
    if not isinstance(plain, dict) or not isinstance(plain.get("rain"), dict):
        raise InvalidConfig("no [rain] section", where=str(path), mend='Write [rain] with kind = "uniform" or another')
    rain = dict(plain["rain"])
    kind = rain.pop("kind", None)
    if kind not in RAIN_KINDS:
        raise InvalidConfig(
            f"unknown kind {kind!r}", where=f"{path} [rain] kind", mend=f"Use one of: {', '.join(RAIN_KINDS)}"
        )
    if kind == "moving":
        rain = _moving(rain)
    rest = {key: value for key, value in plain.items() if key != "rain"}
    try:
        rain_config = _converted(rain, RAIN_KINDS[kind], "[rain]")
        hints = get_type_hints(RunConfig)
        _require_known(rest, set(hints) - {"rain"}, "")
        values = {key: _converted(value, hints[key], key) for key, value in rest.items()}
        return RunConfig(rain=rain_config, **values)
    except InvalidInput as error:
        where = " ".join(filter(None, (str(path), error.where)))
        raise InvalidConfig(error.what, where=where, mend=error.mend) from error


def _plain(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise InvalidConfig(f"cannot be read: {error}", where=str(path), mend="Write TOML (.toml) or YAML") from error


def _moving(rain: dict[str, Any]) -> dict[str, Any]:
    """Sort the keys of a moving storm into those of the cell and those of its design storm."""
    of_cell = {f.name for f in fields(MovingRain)} - {"storm"}
    storm = {key: value for key, value in rain.items() if key not in of_cell}
    return {"storm": storm, **{key: value for key, value in rain.items() if key in of_cell}}


def _converted(value: Any, kind: Any, where: str) -> Any:
    """Value as a type, unknown keys of sections refused."""
    for part, cls in _sections(value, kind):
        _require_known(part, {f.name for f in fields(cls)}, where)
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=where) from error


def _sections(value: Any, kind: Any) -> list[tuple[dict[str, Any], Any]]:
    """Dictionaries within a value with the dataclass each is to become."""
    if is_dataclass(kind) and isinstance(value, dict):
        hints = get_type_hints(kind)
        inner = [s for key, part in value.items() if key in hints for s in _sections(part, hints[key])]
        return [(value, kind), *inner]
    if isinstance(value, list):
        return [s for part in value for cls in get_args(kind) for s in _sections(part, cls)]
    return []


def _require_known(section: dict[str, Any], known: set[str], where: str) -> None:
    for key in section:
        if key not in known:
            raise InvalidConfig(f"unknown key {key!r}", where=where, mend=f"Use: {', '.join(sorted(known))}")
