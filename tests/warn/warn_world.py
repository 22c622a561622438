"""A small river town and a world that speaks in facts, for all tests of warning."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rencheng import warn
from rencheng.assess.facts import (
    Evidence,
    ForecastHorizon,
    ForecastPublished,
    RiskAssessed,
    RiskTotal,
    SignalCleared,
    SignalRaised,
)
from rencheng.city import City, Manifest, table_from_rows, write_city
from rencheng.kernel import Draft, NotFound, cell_of, fact_type_of, neighbours, parse_instant
from rencheng.ledger import Entry

START = parse_instant("2024-05-01T00:00:00Z")
LON, LAT = 114.3, 30.6


class MemoryFields:
    """Risk maps kept in memory."""

    def __init__(self) -> None:
        self.tables: dict[str, pa.Table] = {}

    def put(self, table: pa.Table) -> str:
        name = f"field-{len(self.tables)}"
        self.tables[name] = table
        return name

    def get(self, field: str) -> pa.Table:
        try:
            return self.tables[field]
        except KeyError:
            raise NotFound(f"no field {field}") from None


def make_town(folder: Path, *, jurisdiction: str = "CN") -> City:
    import h3.api.numpy_int as h3_int

    middle = cell_of(LON, LAT)
    rows = []
    for cell in neighbours(middle, 4):
        lat, lon = h3_int.cell_to_latlng(cell)
        east = lon > LON
        rows.append(
            {
                "cell": cell,
                "lon": lon,
                "lat": lat,
                "area_id": "street-e" if east else "street-w",
                "residents": 100.0,
                "vulnerable_residents": 20.0,
            }
        )
    areas = [
        {"area_id": "town", "kind": "city", "parent_id": "", "name": "江城", "name_en": "Rivertown"},
        {"area_id": "east", "kind": "district", "parent_id": "town", "name": "东区", "name_en": "East"},
        {"area_id": "west", "kind": "district", "parent_id": "town", "name": "西区", "name_en": "West"},
        {"area_id": "street-e", "kind": "street", "parent_id": "east", "name": "东街", "name_en": "East Street"},
        {"area_id": "street-w", "kind": "street", "parent_id": "west", "name": "西街", "name_en": "West Street"},
    ]
    sensors = [
        {"sensor_id": "gauge", "name": "江城站", "kind": "river_gauge", "lon": LON, "lat": LAT},
        {"sensor_id": "up", "name": "上游站", "kind": "river_gauge", "lon": LON + 1.0, "lat": LAT + 1.0},
        {"sensor_id": "rain-e", "name": "东雨量站", "kind": "rain_gauge", "lon": LON + 0.005, "lat": LAT},
        {"sensor_id": "rain-w", "name": "西雨量站", "kind": "rain_gauge", "lon": LON - 0.005, "lat": LAT},
    ]
    manifest = Manifest(
        id="town",
        name="江城",
        name_en="Rivertown",
        metric_crs="EPSG:32650",
        timezone="Asia/Shanghai",
        jurisdiction=jurisdiction,
    )
    tables = {
        "cells": table_from_rows("cells", rows),
        "areas": table_from_rows("areas", areas),
        "sensors": table_from_rows("sensors", sensors),
    }
    return write_city(folder / "town", manifest, tables)


@dataclass
class World:
    """States and entries as the runner would keep them."""

    inputs: warn.Inputs
    state: warn.State = field(default_factory=warn.initial_state)
    entries: list[Entry] = field(default_factory=list)
    now: datetime = START

    def take(self, drafts: list[Draft]) -> list[Entry]:
        taken = []
        for draft in drafts:
            registered = fact_type_of(draft.body)
            entry = Entry(
                seq=len(self.entries) + 1,
                id=draft.id,
                stream=draft.stream,
                version=1,
                kind=registered.kind,
                schema=registered.schema,
                occurred_at=draft.occurred_at,
                recorded_at=self.now,
                actor=draft.actor,
                cause=draft.cause,
                body=draft.body,
                leaf=b"",
            )
            self.state = warn.evolve(self.state, entry)
            self.entries.append(entry)
            taken.append(entry)
        return taken

    def hear(self, *bodies: Any) -> list[Entry]:
        """Take facts of others, then let warning decide until it is silent; give its own facts."""
        self.take([Draft(stream="test/1", body=b, occurred_at=self.now, actor="test") for b in bodies])
        said: list[Entry] = []
        for _ in range(5):
            drafts = warn.decide(self.state, self.inputs, self.now)
            if not drafts:
                return said
            said += self.take(drafts)
        raise AssertionError("warning keeps arguing with itself")

    def wait(self, **kwargs: float) -> list[Entry]:
        """Let time pass, turning whenever warning says it is due."""
        until = self.now + timedelta(**kwargs)
        said: list[Entry] = []
        for _ in range(200):
            self.deliver_all()
            due = warn.next_due(self.state, self.inputs)
            if due is None or due > until:
                self.now = until
                return said
            self.now = max(due, self.now)
            turn = self.hear()
            assert turn, f"due at {due} but nothing to say"
            said += turn
        raise AssertionError("timers never end")

    def deliver_all(self) -> None:
        class Taker:
            def send(self, message_id: str, notice: warn.Notice) -> str:
                return f"ok {message_id} {notice.notice_id}"

        self.take(warn.deliver(warn.pending(self.state, self.now), {"file": Taker()}, self.now))

    def order(self, order: object, actor: str = "person:wang") -> list[Entry]:
        return self.take(warn.handle(self.state, order, self.inputs, self.now, actor))

    @property
    def kinds(self) -> list[str]:
        return [e.kind for e in self.entries if e.kind.startswith("Warning")]


def stage(
    colour: str = "yellow", *, value: float = 3.2, in_city: bool = True, signal_id: str = "", sensor: str = "gauge"
) -> SignalRaised:
    return SignalRaised(
        signal_id=signal_id or f"stage-{sensor}-{colour}",
        hazard="river_flood",
        name="stage_above_threshold",
        colour=colour,
        sensor_id=sensor,
        lon=LON,
        lat=LAT,
        in_city=in_city,
        evidence=(
            Evidence(
                kind="reading", sensor_id=sensor, quantity="stage_m", value=value, unit="m", at=START, threshold=3.0
            ),
        ),
    )


def cleared(signal: SignalRaised) -> SignalCleared:
    return SignalCleared(signal_id=signal.signal_id, hazard=signal.hazard, reason="below")


def rain(mm: float, window_h: float, *, sensor: str = "rain-e", last_hour_mm: float | None = None) -> SignalRaised:
    evidence = [
        Evidence(kind="accumulation", sensor_id=sensor, quantity="rain_mm", value=mm, unit="mm", note=f"{window_h:g} h")
    ]
    if last_hour_mm is not None:
        evidence.append(
            Evidence(
                kind="accumulation", sensor_id=sensor, quantity="rain_mm", value=last_hour_mm, unit="mm", note="1 h"
            )
        )
    return SignalRaised(
        signal_id=f"rain-{sensor}-{window_h:g}",
        hazard="rainstorm",
        name="rain_accumulation",
        colour="",
        sensor_id=sensor,
        lon=LON + (0.005 if sensor == "rain-e" else -0.005),
        lat=LAT,
        in_city=True,
        evidence=tuple(evidence),
    )


def forecast(
    prob: dict[str, float],
    *,
    observed: float = 2.0,
    rate: float = 0.1,
    lead_h: float = 12.0,
    at: datetime = START,
    sensor: str = "gauge",
    median: float | None = None,
) -> ForecastPublished:
    middle = observed + rate * lead_h if median is None else median
    return ForecastPublished(
        forecast_id=f"f-{sensor}-{at.isoformat()}",
        model="test",
        sensor_id=sensor,
        quantity="stage_m",
        observed=observed,
        observed_at=at,
        rate_per_h=rate,
        horizons=(
            ForecastHorizon(lead_h=lead_h, median=middle, low=middle - 0.5, high=middle + 0.5, exceed_prob=prob),
        ),
    )


def risk(
    inputs: warn.Inputs, colours: dict[int, str], *, hazard: str = "waterlogging", lead_h: float = 3.0
) -> RiskAssessed:
    """A risk map with so many residents in each cell as the town has."""
    cells = sorted(colours)
    n = len(cells)
    table = pa.table(
        {
            "cell": np.array(cells, np.uint64),
            "lead_h": np.full(n, lead_h),
            "probability": np.full(n, 0.8),
            "intensity": np.full(n, 0.4),
            "residents": np.full(n, 100.0),
            "vulnerable_residents": np.full(n, 20.0),
            "facilities": np.full(n, 0.0),
            "risk": np.full(n, 80.0),
            "colour": pa.array([colours[c] for c in cells]),
        }
    )
    ranks = ("", "blue", "yellow", "orange", "red")
    top = max(colours.values(), key=ranks.index, default="")
    at_risk = sum(1 for c in colours.values() if c)
    total = RiskTotal(
        lead_h=lead_h,
        colour=top,
        cells_at_risk=at_risk,
        residents_exposed=100.0 * at_risk,
        vulnerable_exposed=20.0 * at_risk,
        facilities_exposed={"school": 2},
    )
    return RiskAssessed(
        assessment_id=f"risk-{hazard}-{n}-{top}",
        hazard=hazard,
        model="test",
        field=inputs.fields.put(table),
        totals=(total,),
        evidence=(),
    )
