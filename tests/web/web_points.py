"""The small river city with a register of flood-prone points, two of them watched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.web.web_city import SOUTH, STEP, WEST, web_city

from rencheng.city import City, read_city, table_from_rows

_SPOTS = ((10.5, 13.0), (16.5, 9.0))


def points_city(folder: Path) -> City:
    """A city with three points: one late and watched, one done and watched, one that nobody watches."""
    city = web_city(folder)
    sensors = [
        {"sensor_id": f"d{n}", "name": f"积水点{n}", "kind": "street_depth", **_at(*spot)}
        for n, spot in enumerate(_SPOTS, start=1)
    ]
    channels = [{"sensor_id": s["sensor_id"], "quantity": "water_depth_m", "interval_s": 600.0} for s in sensors]
    _add(city, "sensors", sensors)
    _add(city, "channels", channels)
    pq.write_table(table_from_rows("flood_prone_points", _points(city)), city.path / "flood_prone_points.parquet")
    return read_city(city.path)


def _at(i: float, j: float) -> dict[str, float]:
    return {"lon": WEST + i * STEP, "lat": SOUTH + j * STEP}


def _add(city: City, table: str, rows: list[dict[str, Any]]) -> None:
    both = pa.concat_tables([city.table(table), table_from_rows(table, rows)], promote_options="default")
    pq.write_table(both, city.path / f"{table}.parquet")


def _points(city: City) -> list[dict[str, Any]]:
    ends = {(row["from_node"], row["to_node"]): row["link_id"] for row in city.rows("road_links")}
    works = {
        "measure": "泵站扩容",
        "measure_en": "Larger pumps",
        "baseline_year": 2023,
        "org_id": city.rows("organisations")[0]["org_id"],
        "listed_year": 2022,
    }
    north = {"point_id": "yld-001", "name": "北站下穿", "name_en": "North Station underpass", "kind": "underpass"}
    river = {"point_id": "yld-002", "name": "河滨路低洼段", "name_en": "Riverside hollow", "kind": "road"}
    estate = {"point_id": "yld-003", "name": "安居小区", "name_en": "Anju estate", "kind": "community"}
    late = {"status": "in_work", "planned_on": "2026-05-31", "baseline_ponding_s": 7200.0, "closure_m": 0.25}
    done = {"status": "done", "planned_on": "2025-12-31", "done_on": "2025-11-20", "baseline_ponding_s": 3600.0}
    return [
        {**works, **north, **_at(*_SPOTS[0]), "link_id": ends[1310, 1311], **late},
        {**works, **river, **_at(*_SPOTS[1]), "link_id": ends[916, 917], **done},
        {**estate, **_at(22.0, 4.0), "status": "planned", "planned_on": "2099-12-31"},
    ]
