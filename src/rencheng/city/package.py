"""Reading and writing a city package: a folder of GeoParquet tables, a terrain GeoTIFF and ``city.toml``."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyproj import Transformer
from pyproj.exceptions import CRSError

from rencheng.city.folder import part_beside, replace_folder, require_replaceable
from rencheng.city.schema import arrow_schema, schema_tables
from rencheng.city.terrain import Terrain
from rencheng.kernel import InvalidConfig, InvalidInput, MissingData, NotFound, StorageFailed

__all__ = ["FORMAT_VERSION", "MOST_SHOWN", "City", "Manifest", "read_city", "table_from_rows", "write_city"]

FORMAT_VERSION = 1
"""Version of the package format; a reader refuses a newer one."""
MOST_SHOWN = 20_000
"""Sensors that a page can list and draw one by one; of more than these it asks by box of the map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What ``city.toml`` says of the whole city.

    Parameters
    ----------
    id : str
        Short name, used in file names and CAP identifiers.
    name, name_en : str
        Name in the city's own language and in English.
    metric_crs : str
        Projected reference system in metres, e.g. ``"EPSG:32722"``.
    timezone : str
        IANA zone, e.g. ``"America/Sao_Paulo"``.
    jurisdiction : str
        Whose rules hold, ISO 3166 code, e.g. ``"CN"``.
    h3_resolution : int
        Resolution of the spatial key.
    """

    id: str
    name: str
    name_en: str
    metric_crs: str
    timezone: str
    jurisdiction: str
    h3_resolution: int = 9
    format_version: int = FORMAT_VERSION
    version: str = "1"
    sources: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class City:
    """A city package opened for reading; tables are read when first asked for.

    Parameters
    ----------
    path : Path
        The package folder.
    manifest : Manifest
        What ``city.toml`` says.
    """

    path: Path
    manifest: Manifest
    _tables: dict[str, pa.Table] = field(default_factory=dict, repr=False, compare=False)

    def has(self, table: str) -> bool:
        """Whether the optional table is there."""
        if table not in schema_tables():
            raise NotFound(f"a city has no table {table!r}", mend=f"Use one of: {', '.join(schema_tables())}")
        return table in self._tables or (self.path / f"{table}.parquet").is_file()

    def table(self, name: str, *, needed_for: str = "") -> pa.Table:
        """Give a table; geometry columns hold WKB.

        Raises
        ------
        MissingData
            If the city has no such table; says what needed it.
        InvalidInput
            If it cannot be read, or a required column is absent, of another type, or empty in some row.
        """
        if name not in self._tables:
            self._tables[name] = _fitting(name, self.table_as_is(name, needed_for=needed_for), self.path)
        return self._tables[name]

    def table_as_is(self, name: str, *, needed_for: str = "") -> pa.Table:
        """Give a table as its file says, whether or not it fits the schema: what the check looks at."""
        if not self.has(name):
            needed = f", which {needed_for} needs" if needed_for else ""
            raise MissingData(
                f"city {self.manifest.id!r} has no {name}{needed}", mend=f"Add {name}.parquet to the package"
            )
        if name in self._tables:
            return self._tables[name]
        path = self.path / f"{name}.parquet"
        try:
            return pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InvalidInput(
                f"not a readable Parquet file: {first}", where=str(path), mend="Build the package again"
            ) from error

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Rows of a small table as dictionaries; an absent table has none."""
        return self.table(name).to_pylist() if self.has(name) else []

    def rows_where(self, name: str, column: str, values: Iterable[str]) -> list[dict[str, Any]]:
        """Rows of a table, which may be large, whose column holds one of some texts."""
        if not self.has(name):
            return []
        table = self.table(name)
        mask = pc.is_in(table[column], value_set=pa.array(list(values), pa.string()))
        rows: list[dict[str, Any]] = table.filter(mask).to_pylist()
        return rows

    def sensors_measuring(self, quantities: Iterable[str]) -> list[dict[str, Any]]:
        """Rows of the sensors that measure one of some quantities, or of which the package does not say what."""
        if not self.has("sensors"):
            return []
        sensors = self.table("sensors")
        if not self.has("channels"):
            return self.rows("sensors")
        channels = self.table("channels")
        mine = channels.filter(pc.is_in(channels["quantity"], value_set=pa.array(list(quantities), pa.string())))
        found = pc.or_(self._unlisted, pc.is_in(sensors["sensor_id"], value_set=mine["sensor_id"]))
        rows: list[dict[str, Any]] = sensors.filter(found).to_pylist()
        return rows

    @cached_property
    def _unlisted(self) -> pa.ChunkedArray:
        """Which sensors have no row in the table ``channels``."""
        listed = self.table("channels")["sensor_id"]
        return pc.invert(pc.is_in(self.table("sensors")["sensor_id"], value_set=listed))

    def sensors_shown(self, quantities: Iterable[str]) -> pa.Table:
        """Sensors that a page lists: all, or where they are very many those that measure one of some quantities."""
        sensors = self.table("sensors", needed_for="the map of sensors")
        if len(sensors) <= MOST_SHOWN:
            return sensors
        shown = [row["sensor_id"] for row in self.sensors_measuring(quantities)][:MOST_SHOWN]
        return sensors.filter(pc.is_in(sensors["sensor_id"], value_set=pa.array(shown, pa.string())))

    def column(self, table: str, name: str, *, default: Any = None) -> Any:
        """One column as a NumPy array; the default (broadcast) where the optional column is absent, nulls as NaN."""
        data = self.table(table)
        if name not in data.column_names:
            if default is None:
                raise MissingData(f"table {table} of city {self.manifest.id!r} has no {name}", mend="Add the column")
            return np.full(len(data), default)
        return data.column(name).combine_chunks().to_numpy(zero_copy_only=False)

    @cached_property
    def sensor_rows(self) -> Mapping[str, int]:
        """Sensor → row of its place in the table ``sensors``, the last if it is there twice; empty without one."""
        ids = self.table("sensors")["sensor_id"].to_pylist() if self.has("sensors") else []
        return dict(zip(ids, range(len(ids)), strict=True))

    @cached_property
    def terrain(self) -> Terrain:
        """Ground raster.

        Raises
        ------
        MissingData
            If the package has no ``terrain.tif``.
        InvalidInput
            If it cannot be read.
        """
        import rasterio
        import rasterio.errors

        path = self.path / "terrain.tif"
        if not path.is_file():
            raise MissingData(f"city {self.manifest.id!r} has no terrain", mend="Import a DEM to get terrain.tif")
        try:
            with rasterio.open(path) as source:
                ground = source.read(1, masked=True).astype(np.float32).filled(np.nan)
                transform = source.transform
                crs = source.crs
        except rasterio.errors.RasterioError as error:
            raise InvalidInput(
                f"not a readable GeoTIFF: {error}", where=str(path), mend="Build the package again"
            ) from error
        return Terrain(
            ground_m=np.ascontiguousarray(ground[::-1]),
            west_m=float(transform.c),
            south_m=float(transform.f + transform.e * ground.shape[0]),
            cell_m=float(transform.a),
            crs=crs.to_string() if crs else self.manifest.metric_crs,
        )

    @property
    def has_terrain(self) -> bool:
        """Whether the package has a terrain."""
        return (self.path / "terrain.tif").is_file()

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of the city's wall clocks."""
        try:
            return ZoneInfo(self.manifest.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise self._wrong("timezone", "time zone", "Use an IANA name, e.g. Asia/Shanghai") from error

    @cached_property
    def to_metric(self) -> Transformer:
        """Transformer from lon/lat to metric x/y (``transform(lon, lat)``)."""
        try:
            return Transformer.from_crs("EPSG:4326", self.manifest.metric_crs, always_xy=True)
        except CRSError as error:
            raise self._wrong("metric_crs", "reference system", "Use an EPSG code") from error

    @cached_property
    def to_lonlat(self) -> Transformer:
        """Transformer from metric x/y to lon/lat."""
        try:
            return Transformer.from_crs(self.manifest.metric_crs, "EPSG:4326", always_xy=True)
        except CRSError as error:
            raise self._wrong("metric_crs", "reference system", "Use an EPSG code") from error

    def _wrong(self, key: str, what: str, mend: str) -> InvalidConfig:
        value = getattr(self.manifest, key)
        return InvalidConfig(f"unknown {what} {value!r}", where=f"{self.path / 'city.toml'} [city] {key}", mend=mend)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all files of the package by name, hex: which city a run was made on."""
        return self.digest_without("")

    def digest_without(self, folder: str) -> str:
        """SHA-256 over all files but those of one folder, which may change while a run goes on."""
        sha = hashlib.sha256()
        for path in sorted(p for p in self.path.rglob("*") if p.is_file()):
            if folder and path.relative_to(self.path).parts[0] == folder:
                continue
            sha.update(path.relative_to(self.path).as_posix().encode() + b"\x00")
            sha.update(hashlib.sha256(path.read_bytes()).digest())
        return sha.hexdigest()


def read_city(path: Path) -> City:
    """Open a city package.

    Raises
    ------
    NotFound
        If the folder has no ``city.toml``.
    InvalidConfig
        If ``city.toml`` is wrong or of a newer format.
    """
    file = path / "city.toml"
    if not file.is_file():
        raise NotFound(
            f"{path} is no city package: it has no city.toml", mend="Make one with: rencheng city make or import"
        )
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"not TOML that can be read: {error}", where=str(file)) from error
    known = set(Manifest.__dataclass_fields__)
    section = data.get("city", {})
    if not isinstance(section, dict):
        raise InvalidConfig("[city] is no section", where=str(file), mend="Write [city] and its keys below it")
    for key in section:
        if key not in known:
            raise InvalidConfig(f"unknown key {key!r}", where=f"{file} [city]", mend=f"Use: {', '.join(sorted(known))}")
    try:
        manifest = msgspec.convert(section, Manifest)
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=f"{file} [city]") from error
    if manifest.format_version > FORMAT_VERSION:
        raise InvalidConfig(
            f"package format {manifest.format_version} is newer than {FORMAT_VERSION}",
            where=str(file),
            mend="Upgrade Rencheng",
        )
    return City(path=path, manifest=manifest)


def write_city(
    path: Path,
    manifest: Manifest,
    tables: Mapping[str, pa.Table],
    terrain: Terrain | None = None,
    *,
    extras: Mapping[str, Path | bytes] | None = None,
) -> City:
    """Write a city package whole: into a folder beside it first, then renamed, so that a reader never sees half.

    Parameters
    ----------
    path : Path
        Folder to make; an existing package there is replaced.
    tables : mapping of str to pyarrow.Table
        Tables of the schema; columns outside the schema are refused, missing optional ones may be absent.
    terrain : Terrain, optional
        Ground raster, written as GeoTIFF.
    extras : mapping of str to Path or bytes, optional
        Further parts by their name in the package: a file or folder to copy (``feeds``, ``plans``, ``rules``), or
        the bytes of a file.

    Returns
    -------
    City
        The package as written.

    Raises
    ------
    Conflict
        If something else than a package stands there.
    InvalidInput
        If a table does not fit the schema.
    StorageFailed
        If the folder cannot be written.
    """
    require_replaceable(path)
    part = part_beside(path)
    try:
        part.mkdir(parents=True)
        (part / "city.toml").write_text(_manifest_toml(manifest), encoding="utf-8")
        for name, table in tables.items():
            pq.write_table(_conform(name, table), part / f"{name}.parquet", compression="zstd")
        if terrain is not None:
            _write_terrain(part / "terrain.tif", terrain)
        for name, extra in (extras or {}).items():
            _write_extra(part / name, extra)
        replace_folder(path, part)
    except OSError as error:
        raise StorageFailed(
            f"cannot write the city package: {error}", where=str(path), mend="Free space or choose another folder"
        ) from error
    return read_city(path)


def _fitting(name: str, table: pa.Table, folder: Path) -> pa.Table:
    """Give a table in the types of the schema; refuse one whose required values are not all there."""
    file = folder / f"{name}.parquet"
    mend = "List all defects with: rencheng city check"
    for attribute in schema_tables()[name]:
        place = table.schema.get_field_index(attribute.name)
        if place < 0:
            if attribute.required:
                raise InvalidInput(f"the required column {attribute.name} is missing", where=str(file), mend=mend)
            continue
        column = table.column(place)
        if column.type != attribute.arrow_type:
            try:
                column = column.cast(attribute.arrow_type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                what = f"column {attribute.name} is {column.type}, should be {attribute.arrow_type}"
                raise InvalidInput(what, where=str(file), mend=mend) from error
            table = table.set_column(place, attribute.name, column)
        if attribute.required and (row := pc.index(pc.is_null(column, nan_is_null=True), True).as_py()) >= 0:
            raise InvalidInput("empty or NaN", where=f"{file} row {row}, {attribute.name}", mend=mend)
    return table


def _write_extra(target: Path, extra: Path | bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(extra, bytes):
        target.write_bytes(extra)
    elif extra.is_dir():
        shutil.copytree(extra, target, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(extra, target)


def _conform(name: str, table: pa.Table) -> pa.Table:
    attributes = {a.name: a for a in schema_tables()[name]}
    extra = set(table.column_names) - set(attributes)
    if extra:
        raise InvalidInput(
            f"columns {sorted(extra)} are not in the schema",
            where=f"table {name}",
            mend="Remove them or extend schema.csv",
        )
    columns = [a for a in attributes.values() if a.name in table.column_names]
    schema = pa.schema([arrow_schema(name).field(a.name) for a in columns])
    if any(a.type == "geometry" for a in columns):
        schema = schema.with_metadata({"geo": _geo_metadata()})
    try:
        typed = table.select([a.name for a in columns]).cast(pa.schema(list(schema)))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidInput(
            f"values do not fit the schema: {error}", where=f"table {name}", mend="Give the types of schema.csv"
        ) from error
    return typed.replace_schema_metadata(schema.metadata)


def _geo_metadata() -> str:
    column = {"encoding": "WKB", "geometry_types": []}
    return json.dumps(
        {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}, sort_keys=True
    )


def _manifest_toml(manifest: Manifest) -> str:
    lines = ["[city]"]
    for key, value in asdict(manifest).items():
        lines.append(f"{key} = {json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _write_terrain(path: Path, terrain: Terrain) -> None:
    import rasterio
    from rasterio import Affine

    ny, nx = terrain.ground_m.shape
    north = terrain.south_m + ny * terrain.cell_m
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": 1,
        "height": ny,
        "width": nx,
        "crs": terrain.crs,
        "transform": Affine(terrain.cell_m, 0.0, terrain.west_m, 0.0, -terrain.cell_m, north),
        "nodata": float("nan"),
        "compress": "deflate",
        "predictor": 3,
        "tiled": True,
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(terrain.ground_m[::-1].astype(np.float32), 1)


def table_from_rows(name: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Make a schema table from rows; columns that no row has are left out."""
    listed = list(rows)
    present = {key for row in listed for key in row}
    schema = arrow_schema(name)
    wanted = [
        f for f in schema if f.name in present or any(a.required and a.name == f.name for a in schema_tables()[name])
    ]
    return pa.table({f.name: pa.array([row.get(f.name) for row in listed], f.type) for f in wanted})
