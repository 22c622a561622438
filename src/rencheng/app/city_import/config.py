"""The configuration of a city import: one TOML file, every key known, every path resolved."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from rencheng.app.city_import.sections import CityImport
from rencheng.kernel import InvalidConfig

__all__ = ["ImportConfig", "read_import_config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportConfig:
    """A configuration with the folders its relative paths are looked up in."""

    file: Path
    data: CityImport
    folders: tuple[Path, ...]

    def path(self, name: str) -> Path:
        """Find a source: absolute, beside the configuration, or in a data folder.

        Raises
        ------
        InvalidConfig
            If it is nowhere; says where it was looked for.
        """
        for folder in self.folders:
            candidate = folder / name
            if candidate.exists():
                return candidate
        raise InvalidConfig(
            f"source {name!r} is not there",
            where=str(self.file),
            mend=f"Looked in {', '.join(map(str, self.folders))}; name another folder with --data",
        )

    def every_source(self) -> list[str]:
        """All file names in the configuration, so that a missing one is known before work begins."""
        data = self.data
        names: list[str | None] = [data.limit.geojson, data.population.file]
        names += [data.osm.file] if data.osm else []
        names += [*data.dem.files] if data.dem else []
        names += [layer.file for layer in data.layer]
        if data.stations:
            names.append(data.stations.file)
            names += [f for c in data.stations.channels if c.reported for f in c.reported.files]
        names += [table.file for table in (data.thresholds, data.units, data.stocks) if table]
        names += [data.flood_points.file] if data.flood_points else []
        names += [data.organisation.organisations, data.organisation.roles, *data.extras.values()]
        return [name for name in names if name]


def read_import_config(file: Path, data_dirs: Sequence[Path] = ()) -> ImportConfig:
    """Read and check a configuration.

    Parameters
    ----------
    file : Path
        The TOML file.
    data_dirs : sequence of Path
        Folders besides the file's own in which relative paths are looked up, in this order.

    Raises
    ------
    InvalidConfig
        If the file is absent, no TOML, has an unknown key or a wrong value, or names a source that is nowhere.
    """
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"not a readable TOML file: {error}", where=str(file)) from error
    try:
        data = msgspec.convert(raw, CityImport)
    except msgspec.ValidationError as error:
        raise InvalidConfig(
            str(error), where=str(file), mend="The keys are listed in docs/how-to/import-a-city.md"
        ) from error
    config = ImportConfig(file=file, data=data, folders=(file.resolve().parent, *data_dirs))
    for name in config.every_source():
        config.path(name)
    return config
