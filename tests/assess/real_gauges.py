"""The shared telemetry of the Guaíba basin as a city without terrain and a readings store."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from tests.assess.memory_readings import MemoryReadings

from rencheng.city import City, Manifest, table_from_rows, write_city

CITY_GAUGE = "87450004"
UTC_OFFSET = timedelta(hours=3)


def readings_from_telemetry(folder: Path) -> MemoryReadings:
    """Both telemetry files; values outside the physical range carry a flag, of equal stamps the last counts."""
    types = {"station": pa.string(), "time_local": pa.timestamp("us")}
    types |= {"level_cm": pa.float64(), "rain_mm": pa.float64(), "flow_m3s": pa.float64()}
    options = pa_csv.ConvertOptions(column_types=types)
    table = pa.concat_tables(
        [pa_csv.read_csv(path, convert_options=options) for path in sorted(folder.glob("telemetry_*.csv.gz"))]
    )
    at = pc.add(table.column("time_local"), pa.scalar(UTC_OFFSET)).cast(pa.timestamp("us", tz="UTC"))
    quantities = {"stage_m": ("level_cm", 0.01, -20.0, 100.0), "rain_mm": ("rain_mm", 1.0, 0.0, 310.0)}
    quantities |= {"discharge_m3_s": ("flow_m3s", 1.0, 0.0, 3e5)}
    return MemoryReadings(
        {q: _series(table.column("station"), at, table.column(c), *rest) for q, (c, *rest) in quantities.items()}
    )


def _series(
    station: pa.ChunkedArray, at: pa.ChunkedArray, value: pa.ChunkedArray, factor: float, low: float, high: float
) -> pa.Table:
    table = pa.table({"sensor_id": station, "at": at, "value": pc.multiply(value, factor)})
    table = table.filter(pc.is_valid(table.column("value")))
    table = table.append_column("row", pa.array(np.arange(len(table))))
    last = table.group_by(["sensor_id", "at"], use_threads=False).aggregate([("row", "max")])
    table = table.take(np.sort(last.column("row_max").to_numpy()))
    wrong = pc.or_(pc.less(table.column("value"), low), pc.greater(table.column("value"), high))
    return table.drop_columns(["row"]).append_column("flags", wrong.cast(pa.uint16()))


def gauges_city(folder: Path, path: Path, readings: MemoryReadings) -> City:
    """The cells and the gauges that report; the flood quota of the city's own gauge is its only threshold."""
    with (folder / "poa_hexgrid.csv").open(encoding="utf-8") as lines:
        cells = [
            {
                "cell": int(r["id"], 16),
                "lon": float(r["lon"]),
                "lat": float(r["lat"]),
                "residents": float(r["population"]),
            }
            for r in csv.DictReader(lines)
        ]
    heard = set(pc.unique(readings.window_all("stage_m").column("sensor_id")).to_pylist())
    heard |= set(pc.unique(readings.window_all("rain_mm").column("sensor_id")).to_pylist())
    with (folder / "stations.csv").open(encoding="utf-8-sig") as lines:
        sensors = [
            {
                "sensor_id": r["cod_estacao"],
                "name": r["nome_estacao"],
                "kind": "river_gauge",
                "lon": float(r["longitude"]),
                "lat": float(r["latitude"]),
                "river": r["nome_rio"],
                "river_id": r["cod_rio"],
            }
            for r in csv.DictReader(lines, delimiter=";")
            if r["cod_estacao"] in heard
        ]
    quota = {
        "sensor_id": CITY_GAUGE,
        "quantity": "stage_m",
        "colour": "orange",
        "value": 3.0,
        "name": "cota de inundação",
        "source": "flood quota of the gauge",
    }
    tables = {
        "cells": table_from_rows("cells", cells),
        "sensors": table_from_rows("sensors", sensors),
        "thresholds": table_from_rows("thresholds", [quota]),
    }
    manifest = Manifest(
        id="gauges",
        name="Porto Alegre",
        name_en="Porto Alegre",
        metric_crs="EPSG:32722",
        timezone="America/Sao_Paulo",
        jurisdiction="BR",
    )
    return write_city(path, manifest, tables)
