"""From a city and a stage to the files of a river extent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rencheng.app.flood_extent_files import write_rasters, write_tables
from rencheng.app.flood_extent_map import TITLES, write_map
from rencheng.assess.flood.extent_config import read_defences
from rencheng.assess.flood.river_extent import RiverExtent, river_extent
from rencheng.city import read_city
from rencheng.kernel import InvalidInput, StorageFailed

__all__ = ["MOST_MEMBERS", "extent_summary", "flood_extent"]

MOST_MEMBERS = 10_000


def flood_extent(
    city: Path,
    stage_m: float,
    out: Path,
    *,
    gauge_id: str | None = None,
    defences: Path | None = None,
    members: int = 200,
    seed: int = 1,
    hours: float | None = None,
    progress: Callable[[str, float], None] = lambda _step, _share: None,
) -> RiverExtent:
    """Map a stage and write depth, probability, extent, tables and pictures into a folder.

    Parameters
    ----------
    city : Path
        Folder of a city package.
    out : Path
        Folder for the results; files of an earlier extent there are replaced.
    defences : Path, optional
        GeoJSON of levees instead of the package's own.
    gauge_id, stage_m, members, seed, hours, progress
        As of :func:`~rencheng.assess.flood.river_extent.river_extent`.

    Raises
    ------
    InvalidInput
        If ``out`` is a file, or members are none or too many.
    StorageFailed
        If the folder cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise InvalidInput(f"{out} is a file, not a folder", mend="Choose another --out")
    if not 1 <= members <= MOST_MEMBERS:
        raise InvalidInput(f"{members} members are not between 1 and {MOST_MEMBERS:,}", mend="Try 200")
    package = read_city(city)
    lines = None if defences is None else read_defences(defences)
    extent = river_extent(
        package,
        stage_m,
        gauge_id=gauge_id,
        defences=lines,
        members=members,
        seed=seed,
        hours=hours,
        progress=lambda step, share: progress(step, 0.9 * share),
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        for case in extent.cases:
            write_rasters(extent, case, package, out)
        write_tables(extent, out)
        progress("pictures", 0.95)
        write_map(extent, package, out)
    except OSError as error:
        raise StorageFailed(
            f"cannot write the extent: {error}", where=str(out), mend="Free space or choose another folder"
        ) from error
    progress("done", 1.0)
    return extent


def extent_summary(extent: RiverExtent) -> list[str]:
    """Lines for a terminal: what each case puts under water, then the notes."""
    gauge = f"{extent.gauge.name} ({extent.gauge.sensor_id})"
    lines = [f"Stage {extent.level.stage_m:g} m at {gauge}, {extent.level.rise_m:+.2f} m over the ordinary level"]
    for case in extent.cases:
        total = case.totals.areas[0]
        lines.append(
            f"{TITLES[case.name]}: {total.flooded_km2:.1f} km² ({total.flooded_km2_low:.1f} to "
            f"{total.flooded_km2_high:.1f}), {total.residents:,.0f} residents ({total.residents_low:,.0f} to "
            f"{total.residents_high:,.0f}), {total.schools} schools with {total.pupils:,.0f} pupils, "
            f"{total.hydrants} hydrants, {sum(total.road_km.values()):.0f} km of road, "
            f"{total.underpasses} underpasses, {total.isolated_cells} cells with "
            f"{total.isolated_residents:,.0f} residents cut off"
        )
    return [*lines, *extent.notes]
