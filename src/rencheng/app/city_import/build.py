"""Build a city package out of public files, as a configuration says: what was good is taken, what was not is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from rencheng.app.city_import.config import read_import_config
from rencheng.app.city_import.read import ImportWork, read_map, read_people, read_terrain
from rencheng.app.city_import.take import (
    take_areas_and_cells,
    take_flood_points,
    take_layers,
    take_map,
    take_organisation,
    take_stations,
)
from rencheng.city import City, Manifest, require_replaceable, write_city
from rencheng.city.source_report import ImportReport

__all__ = ["CityImported", "Progress", "import_city"]

Progress = Callable[[str, float], None]
"""Told the step that begins and the share of the work done before it (0 … 1)."""

EXTRAS: tuple[Literal["feeds", "flood", "plans", "river", "rules"], ...] = ("feeds", "flood", "plans", "river", "rules")
"""Folders that a package may carry besides its tables."""

_STEPS = (
    ("map", 0.05),
    ("people", 0.25),
    ("terrain", 0.30),
    ("roads and buildings", 0.40),
    ("layers", 0.65),
    ("areas and cells", 0.72),
    ("stations", 0.82),
    ("organisation and forces", 0.90),
    ("writing", 0.94),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CityImported:
    """The package written, and the account of what went into it."""

    city: City
    report: ImportReport


def import_city(
    config_file: Path, out: Path, *, data_dirs: Sequence[Path] = (), progress: Progress | None = None
) -> CityImported:
    """Build a city package.

    Parameters
    ----------
    config_file : Path
        The TOML configuration (``docs/how-to/import-a-city.md``).
    out : Path
        Folder of the package; replaced whole when everything is ready.
    data_dirs : sequence of Path
        Folders in which relative sources are looked up besides the configuration's own.
    progress : callable, optional
        Told each step.

    Returns
    -------
    CityImported
        The package, and the report that also stands in it as ``import-report.json``.

    Raises
    ------
    InvalidConfig
        If the configuration is wrong or a source is nowhere; nothing is written.
    InvalidInput
        If what could be read gives no cell at all.
    Conflict
        If something else than a package stands in ``out``; it is left as it is.
    """
    require_replaceable(out)
    config = read_import_config(config_file, data_dirs)
    work = ImportWork(config=config, report=ImportReport(city_id=config.data.city.id))
    done = dict(_STEPS)

    def step(name: str) -> None:
        if progress is not None:
            progress(name, done[name])

    step("map")
    read_map(work)
    step("people")
    read_people(work)
    step("terrain")
    read_terrain(work)
    step("roads and buildings")
    take_map(work)
    step("layers")
    take_layers(work)
    step("areas and cells")
    take_areas_and_cells(work)
    step("stations")
    take_stations(work)
    step("organisation and forces")
    take_organisation(work)
    take_flood_points(work)
    step("writing")
    city = _write(work, out)
    if progress is not None:
        progress("done", 1.0)
    return CityImported(city=city, report=work.report)


def _write(work: ImportWork, out: Path) -> City:
    city = work.config.data.city
    manifest = Manifest(
        id=city.id,
        name=city.name,
        name_en=city.name_en,
        metric_crs=city.metric_crs,
        timezone=city.timezone,
        jurisdiction=city.jurisdiction,
        h3_resolution=city.h3_resolution,
        version=city.version,
        sources=city.sources,
    )
    work.report.sources = [s for s in work.report.sources if s.taken or s.refused or s.notes or s.failure]
    account = msgspec.json.format(msgspec.json.encode(work.report.to_plain()), indent=2)
    extras: dict[str, Path | bytes] = {"import-report.json": account}
    for name in EXTRAS:
        configured = work.config.data.extras.get(name)
        beside = work.config.file.resolve().parent / name
        if configured:
            path = work.config.path(configured)
            extras[name if path.is_dir() else f"{name}/{path.name}"] = path
        elif beside.is_dir():
            extras[name] = beside
    return write_city(out, manifest, work.tables, work.terrain, extras=extras)
