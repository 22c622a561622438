"""Facilities, waters and areas out of GeoJSON layers, and shelters assumed in other facilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from rencheng.adapters.geojson import Features, read_geojson
from rencheng.app.city_import.areas import AREA_KINDS
from rencheng.app.city_import.config import ImportConfig
from rencheng.app.city_import.sections import Layer, SheltersFrom
from rencheng.city import schema_tables
from rencheng.city.source_report import SourceReport
from rencheng.kernel import InvalidConfig

__all__ = ["LayerRows", "layer_rows", "merged", "shelters_from", "waters_within"]


@dataclass(slots=True)
class LayerRows:
    """What the layers gave so far, before cells and heights."""

    facilities: list[pa.Table] = field(default_factory=list)
    waters: list[pa.Table] = field(default_factory=list)
    areas: list[dict[str, Any]] = field(default_factory=list)


def layer_rows(config: ImportConfig, layer: Layer, rows: LayerRows, report: SourceReport) -> None:
    """Read one layer into the rows of what it is mapped to.

    Raises
    ------
    InvalidConfig
        If the layer has no kind, or one that the schema does not know.
    """
    _check_kinds(config, layer)
    features = read_geojson(config.path(layer.file), report)
    kinds = _kinds(layer, features, report)
    chosen = [i for i, kind in enumerate(kinds) if kind is not None]
    ids = _ids(layer, features)
    geometry = features.geometry[chosen]
    names = [_text(features.properties[i], layer.name_field) for i in chosen]
    picked = [str(kinds[i]) for i in chosen]
    if layer.to == "areas":
        for i, shape, name, kind in zip(chosen, geometry, names, picked, strict=True):
            properties = features.properties[i]
            rows.areas.append(
                {
                    "area_id": ids[i],
                    "kind": kind,
                    "name": name or ids[i],
                    "name_en": _text(properties, layer.name_en_field),
                    "parent_id": _text(properties, layer.parent_field),
                    "shape": shape,
                }
            )
    elif layer.to == "waters":
        rows.waters.append(_water_table(geometry, [ids[i] for i in chosen], picked, names))
    else:
        capacity = [_number(features.properties[i], layer.capacity_field) for i in chosen]
        rows.facilities.append(_facility_table(geometry, [ids[i] for i in chosen], picked, names, capacity))
    report.take(layer.to, len(chosen))


def _check_kinds(config: ImportConfig, layer: Layer) -> None:
    where = f"{config.file} [[layer]] {layer.file}"
    if layer.kind is None and not layer.kinds:
        raise InvalidConfig("the layer has no kind", where=where, mend="Set kind, or kind_field and kinds")
    legal: Sequence[str] = AREA_KINDS
    if layer.to != "areas":
        legal = next(a.values for a in schema_tables()[layer.to] if a.name == "kind")
    for kind in [layer.kind, *layer.kinds.values()]:
        if kind is not None and kind not in legal:
            raise InvalidConfig(f"unknown kind {kind!r}", where=where, mend=f"Use one of: {', '.join(legal)}")


def _kinds(layer: Layer, features: Features, report: SourceReport) -> list[str | None]:
    if layer.kind_field is None:
        return [layer.kind] * len(features.properties)
    kinds = [layer.kinds.get(_text(p, layer.kind_field) or "", layer.kind) for p in features.properties]
    unmapped = [f"feature {features.number[i]}" for i, kind in enumerate(kinds) if kind is None]
    report.refuse(f"feature: its {layer.kind_field} is not mapped in kinds", unmapped)
    return kinds


def _ids(layer: Layer, features: Features) -> list[str]:
    stem = layer.file.rsplit("/", maxsplit=1)[-1].split(".", maxsplit=1)[0]
    named = [_text(p, layer.id_field) for p in features.properties]
    return [f"{stem}-{name or number}" for name, number in zip(named, features.number, strict=True)]


def _facility_table(
    geometry: NDArray[np.object_],
    ids: list[str],
    kinds: list[str],
    names: list[str | None],
    capacity: list[float | None],
) -> pa.Table:
    inner = shapely.point_on_surface(geometry)
    return pa.table(
        {
            "facility_id": pa.array(ids, pa.string()),
            "kind": pa.array(kinds, pa.string()),
            "name": pa.array(names, pa.string()),
            "lon": pa.array(shapely.get_x(inner), pa.float64()),
            "lat": pa.array(shapely.get_y(inner), pa.float64()),
            "capacity": pa.array(capacity, pa.float64()),
        }
    )


def _water_table(geometry: NDArray[np.object_], ids: list[str], kinds: list[str], names: list[str | None]) -> pa.Table:
    return pa.table(
        {
            "water_id": pa.array(ids, pa.string()),
            "kind": pa.array(kinds, pa.string()),
            "name": pa.array(names, pa.string()),
            "geometry": pa.array(shapely.to_wkb(geometry), pa.binary()),
        }
    )


def merged(tables: Sequence[pa.Table], key: str, report: SourceReport) -> pa.Table | None:
    """Lay tables end to end, the first row of each id kept; missing columns are null."""
    filled = [t for t in tables if len(t)]
    if not filled:
        return None
    together = pa.concat_tables(filled, promote_options="default").combine_chunks()
    ids = np.array(together[key].to_pylist(), dtype=object)
    first = np.zeros(len(ids), dtype=bool)
    first[np.unique(ids.astype(str), return_index=True)[1]] = True
    report.refuse(f"{key} used twice; the first is kept", ids[~first].tolist())
    return together.filter(pa.array(first))


def waters_within(waters: pa.Table, region_m: shapely.Geometry, to_metric: Any, report: SourceReport) -> pa.Table:
    """Keep waters that meet the city's region."""
    shapes = shapely.from_wkb(np.array(waters["geometry"].to_pylist(), dtype=object))
    metric = shapely.transform(shapes, lambda p: np.column_stack(to_metric.transform(p[:, 0], p[:, 1])))
    meets = shapely.intersects(region_m, metric)
    outside = waters["water_id"].filter(pa.array(~meets)).to_pylist()
    report.refuse("water: outside the city and its margin", outside)
    return waters.filter(pa.array(meets))


def shelters_from(facilities: pa.Table, rules: Sequence[SheltersFrom], report: SourceReport) -> list[pa.Table]:
    """Facilities that would take people in, as shelters of their own, an assumption the report names."""
    parts = []
    for rule in rules:
        capacity = pc.multiply(facilities["capacity"], rule.capacity_ratio)
        large = pc.greater_equal(pc.fill_null(capacity, 0.0), max(rule.least_capacity, 1.0))
        chosen = pc.and_(pc.equal(facilities["kind"], rule.facility), large)
        part = facilities.filter(chosen)
        size = pc.floor(capacity.filter(chosen))
        part = part.set_column(part.column_names.index("capacity"), "capacity", size)
        part = part.set_column(0, "facility_id", pc.binary_join_element_wise(part["facility_id"], "shelter", "-"))
        part = part.set_column(part.column_names.index("kind"), "kind", pa.array(["shelter"] * len(part), pa.string()))
        parts.append(part)
        origin = f" ({rule.source})" if rule.source else ""
        report.take("shelters assumed", len(part))
        report.note(
            f"assumption: {len(part)} facilities of kind {rule.facility} are shelters for "
            f"{rule.capacity_ratio:.0%} of their capacity, {pc.sum(size).as_py() or 0:,.0f} places{origin}"
        )
    return parts


def _text(properties: dict[str, Any], name: str | None) -> str | None:
    value = properties.get(name) if name else None
    text = "" if value is None else str(value).strip()
    return text or None


def _number(properties: dict[str, Any], name: str | None) -> float | None:
    text = _text(properties, name)
    try:
        value = float(text) if text else float("nan")
    except ValueError:
        return None
    return value if np.isfinite(value) and value >= 0 else None
