"""Stations of an imported city: where they stand, what they measure, and from which value a colour holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from rencheng.adapters.tabular import numbers, read_delimited, texts
from rencheng.app.city_import.config import ImportConfig
from rencheng.app.city_import.sections import ChannelSpec, StationsSection
from rencheng.app.city_import.tables import rows_of_table_file
from rencheng.city import table_from_rows
from rencheng.city.source_report import SourceReport
from rencheng.kernel import InvalidInput, cells_of, quantity, to_si

__all__ = ["station_tables", "thresholds_table"]

_DETAILS = ("name", "river", "river_id", "operator")


def station_tables(config: ImportConfig, report: SourceReport) -> tuple[pa.Table, pa.Table]:
    """Read the station table into ``sensors`` and ``channels``; stations that report nothing are left out.

    Raises
    ------
    InvalidInput
        If a channel names an unknown quantity or the table cannot be read.
    """
    section = config.data.stations
    assert section is not None
    reporting = {spec.quantity: _reporting(config, spec, report) for spec in section.channels}
    sensors, channels = [], []
    quiet: list[str] = []
    for row in _placed_rows(config, section, report):
        measured = [
            spec for spec in section.channels if (seen := reporting[spec.quantity]) is None or row["sensor_id"] in seen
        ]
        if not measured:
            quiet.append(row["sensor_id"])
            continue
        quantities = {spec.quantity for spec in measured}
        kind = next((k for q, k in section.kinds.items() if q in quantities), section.other_kind)
        sensors.append({**row, "kind": kind})
        channels += [
            {"sensor_id": row["sensor_id"], "quantity": spec.quantity, "interval_s": spec.interval_s}
            for spec in measured
        ]
    report.refuse("station: reports none of the configured quantities", quiet)
    report.take("sensors", len(sensors))
    report.take("channels", len(channels))
    table = table_from_rows("sensors", sensors)
    cells = cells_of(table["lon"].to_numpy(), table["lat"].to_numpy(), config.data.city.h3_resolution)
    return table.append_column("cell", pa.array(cells, pa.uint64())), table_from_rows("channels", channels)


def _placed_rows(config: ImportConfig, section: StationsSection, report: SourceReport) -> list[dict[str, Any]]:
    """Rows with an id of their own and a place on Earth within the box, in file order."""
    details = {name: column for name in _DETAILS if (column := getattr(section, name))}
    wanted = [section.id, section.lon, section.lat, *details.values()]
    if section.altitude_m:
        wanted.append(section.altitude_m)
    table = read_delimited(
        config.path(section.file), wanted, report, delimiter=section.delimiter, encoding=section.encoding
    )
    lon, lat = (numbers(table, name, decimal=section.decimal) for name in (section.lon, section.lat))
    altitude = numbers(table, section.altitude_m, decimal=section.decimal) if section.altitude_m else None
    columns = {name: texts(table, column) for name, column in details.items()}
    west, south, east, north = section.bbox or (-180.0, -90.0, 180.0, 90.0)
    rows, seen = [], set()
    nameless, lost, outside, twice = [], [], [], []
    for i, name in enumerate(texts(table, section.id)):
        if name is None:
            nameless.append(f"row {i + 2}")
        elif not (abs(lon[i]) <= 180.0 and abs(lat[i]) <= 90.0) or (lon[i] == 0.0 and lat[i] == 0.0):
            lost.append(f"row {i + 2}: {name}")
        elif not (west <= lon[i] <= east and south <= lat[i] <= north):
            outside.append(name)
        elif name in seen:
            twice.append(f"row {i + 2}: {name}")
        else:
            seen.add(name)
            row: dict[str, Any] = {"sensor_id": name, "lon": float(lon[i]), "lat": float(lat[i])}
            row |= {key: values[i] for key, values in columns.items()}
            if altitude is not None and np.isfinite(altitude[i]):
                row["altitude_m"] = float(altitude[i])
            rows.append(row)
    report.refuse("station: has no id", nameless)
    report.refuse("station: has no usable lon/lat", lost)
    report.refuse("station: outside the configured box", outside)
    report.refuse("station: id used twice; the first is kept", twice)
    return rows


def _reporting(config: ImportConfig, spec: ChannelSpec, report: SourceReport) -> set[str] | None:
    """Stations that ever reported a quantity in the given files; ``None`` where the files are not given."""
    quantity(spec.quantity, where=f"{config.file} [[stations.channels]]")
    if spec.reported is None:
        return None
    found: set[str] = set()
    for file in spec.reported.files:
        table = read_delimited(
            config.path(file), [spec.reported.station, spec.reported.value], report, delimiter=spec.reported.delimiter
        )
        has_value = np.isfinite(numbers(table, spec.reported.value))
        seen = table.column(spec.reported.station).filter(pa.array(has_value))
        found.update(str(name).strip() for name in seen.unique().to_pylist() if name)
    return found


def thresholds_table(config: ImportConfig, channels: pa.Table | None, report: SourceReport) -> pa.Table | None:
    """Thresholds of the configuration and its CSV, in SI units; those of channels that are absent are refused."""
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(_threshold_rows(config, report)):
        place = f"threshold {number + 1}: {row['sensor_id']} {row['quantity']} {row['colour']}"
        try:
            measured = quantity(row["quantity"], where=place)
            value = to_si(float(row["value"]), row.pop("unit", None) or measured.unit, measured, where=place)
        except InvalidInput as error:
            report.refuse("threshold: unknown quantity or unit", [str(error)])
            continue
        rows.append({**row, "value": value})
    known = set()
    if channels is not None:
        known = set(zip(channels["sensor_id"].to_pylist(), channels["quantity"].to_pylist(), strict=True))
    kept = [row for row in rows if (row["sensor_id"], row["quantity"]) in known]
    lost = [f"{row['sensor_id']} {row['quantity']}" for row in rows if (row["sensor_id"], row["quantity"]) not in known]
    report.refuse("threshold: no station reports that quantity under that id", lost)
    report.take("thresholds", len(kept))
    return table_from_rows("thresholds", kept) if kept else None


def _threshold_rows(config: ImportConfig, report: SourceReport) -> list[dict[str, Any]]:
    rows: list[Mapping[str, Any]] = [
        {name: getattr(row, name) for name in row.__struct_fields__} for row in config.data.threshold
    ]
    if config.data.thresholds:
        rows += rows_of_table_file(config, config.data.thresholds, "thresholds", report)
    return [dict(row) for row in rows]
