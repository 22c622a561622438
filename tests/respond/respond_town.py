"""A grid town with a river side, an organisation and a few units, and a world that speaks in facts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rencheng import respond
from rencheng.assess.facts import Evidence, SignalCleared, SignalRaised
from rencheng.city import City, Manifest, table_from_rows, write_city
from rencheng.kernel import Bilingual, Draft, OrderRefused, cell_of, fact_type_of, parse_instant
from rencheng.ledger import Entry
from rencheng.respond import Inputs, State
from rencheng.sense.facts import ReportReceived
from rencheng.warn.facts import (
    Notice,
    Reason,
    WarningCancelled,
    WarningExpired,
    WarningIssued,
    WarningUpdated,
    WarningUpgraded,
)

START = parse_instant("2024-07-20T08:00:00Z")
LON, LAT = 114.30, 30.60
STEP_LON, STEP_LAT = 0.0105, 0.009
"""About one kilometre east and north at this latitude."""
SIDE = 5


def place(column: int, row: int) -> tuple[float, float]:
    """Lon/lat of a crossing."""
    return (round(LON + column * STEP_LON, 6), round(LAT + row * STEP_LAT, 6))


def link_id(a: tuple[int, int], b: tuple[int, int]) -> int:
    """Id of the link from one crossing to the next."""
    return 1000 * (a[1] * SIDE + a[0]) + (b[1] * SIDE + b[0])


def town_tables() -> dict[str, list[dict[str, Any]]]:
    """Rows of a town of 5 × 5 crossings, two districts of two streets each, and one underpass at (2,2)–(3,2)."""
    nodes = [(c, r) for r in range(SIDE) for c in range(SIDE)]
    links = [(a, b) for a in nodes for b in ((a[0] + 1, a[1]), (a[0], a[1] + 1)) if b[0] < SIDE and b[1] < SIDE]
    both = [pair for a, b in links for pair in ((a, b), (b, a))]
    areas = [("wh", "city", None, "江城"), ("east", "district", "wh", "东区"), ("west", "district", "wh", "西区")]
    areas += [(f"{d}-{k}", "street", d, f"{d}街{k}") for d in ("east", "west") for k in (1, 2)]
    areas += [(f"{s}-c", "community", s, f"{s}社区") for s in ("east-1", "east-2", "west-1", "west-2")]
    home = {c: ("west" if c < 2 else "east") for c in range(SIDE)}
    cells: dict[int, dict[str, Any]] = {}
    for c, r in nodes:
        lon, lat = place(c, r)
        area = f"{home[c]}-{1 if r < 2 else 2}-c"
        cells.setdefault(
            cell_of(lon, lat), {"cell": cell_of(lon, lat), "lon": lon, "lat": lat, "area_id": area, "residents": 500.0}
        )
    return {
        "areas": [{"area_id": a, "kind": k, "parent_id": p, "name": n, "name_en": a} for a, k, p, n in areas],
        "cells": list(cells.values()),
        "road_nodes": [{"node_id": r * SIDE + c, "lon": place(c, r)[0], "lat": place(c, r)[1]} for c, r in nodes],
        "road_links": [
            {
                "link_id": link_id(a, b),
                "from_node": a[1] * SIDE + a[0],
                "to_node": b[1] * SIDE + b[0],
                "length_m": 1000.0,
                "road_class": "secondary",
                "speed_m_s": 10.0,
                "underpass": {a, b} == {(2, 2), (3, 2)},
                "cell": cell_of((place(*a)[0] + place(*b)[0]) / 2, (place(*a)[1] + place(*b)[1]) / 2),
            }
            for a, b in both
        ],
        **organisation_rows(),
        "units": [
            unit("boat-1", "rescue_boat", "water_rescue,evacuation", 0, 0, 6.0),
            unit("boat-2", "rescue_boat", "water_rescue,evacuation", 4, 4, 6.0),
            unit("ambulance-1", "ambulance", "medical", 0, 4, 2.0),
            unit("pump-1", "pump_truck", "pumping", 2, 0, 800.0),
            unit("crew-1", "repair_crew", "repair,traffic", 4, 0, None),
        ],
    }


def unit(unit_id: str, kind: str, skills: str, column: int, row: int, capacity: float | None) -> dict[str, Any]:
    """Row of a unit that stands at a crossing."""
    lon, lat = place(column, row)
    return {
        "unit_id": unit_id,
        "name": unit_id,
        "kind": kind,
        "skills": skills,
        "lon": lon,
        "lat": lat,
        "capacity": capacity,
    }


def organisation_rows() -> dict[str, list[dict[str, Any]]]:
    """City command with departments, district and street commands, community grid officers."""
    organisations = [
        {"org_id": "cc", "level": "city", "kind": "command", "name": "市指挥部", "area_id": "wh"},
        {"org_id": "cw", "parent_id": "cc", "level": "city", "kind": "department", "name": "市水务局", "area_id": "wh"},
        {"org_id": "ct", "parent_id": "cc", "level": "city", "kind": "department", "name": "市交通局"},
    ]
    roles = [
        {"role_id": "city-commander", "org_id": "cc", "duty": "commander", "name": "指挥长"},
        {"role_id": "city-duty", "org_id": "cc", "duty": "duty_officer", "name": "值班员"},
        {"role_id": "city-water", "org_id": "cw", "duty": "water_lead", "name": "水务负责人"},
        {"role_id": "city-traffic", "org_id": "ct", "duty": "traffic_lead", "name": "交通负责人"},
    ]
    for district in ("east", "west"):
        organisations.append(
            {"org_id": f"d-{district}", "parent_id": "cc", "level": "district", "kind": "command",
             "name": district, "area_id": district}
        )  # fmt: skip
        roles.append(
            {"role_id": f"{district}-commander", "org_id": f"d-{district}", "duty": "commander", "name": "区指挥长"}
        )
        roles.append(
            {"role_id": f"{district}-water", "org_id": f"d-{district}", "duty": "water_lead", "name": "区水务"}
        )
        for street in (f"{district}-1", f"{district}-2"):
            organisations.append(
                {"org_id": f"s-{street}", "parent_id": f"d-{district}", "level": "street", "kind": "command",
                 "name": street, "area_id": street}
            )  # fmt: skip
            organisations.append(
                {"org_id": f"c-{street}", "parent_id": f"s-{street}", "level": "community", "kind": "team",
                 "name": street, "area_id": f"{street}-c"}
            )  # fmt: skip
            roles.append(
                {"role_id": f"{street}-grid", "org_id": f"c-{street}", "duty": "grid_officer", "name": "网格员"}
            )
    return {"organisations": organisations, "roles": roles}


def build_town(folder: Path, tables: dict[str, list[dict[str, Any]]] | None = None) -> City:
    """Write a town as a package."""
    manifest = Manifest(
        id="town", name="江城", name_en="River town", metric_crs="EPSG:32650", timezone="Asia/Shanghai",
        jurisdiction="CN-42",
    )  # fmt: skip
    rows = tables or town_tables()
    return write_city(folder / "town", manifest, {name: table_from_rows(name, r) for name, r in rows.items()})


def notice(
    colour: str = "yellow", hazard: str = "rainstorm", columns: tuple[int, ...] = (3,), serial: int = 1
) -> Notice:
    """A warning for the crossings of some columns."""
    text = Bilingual(zh="暴雨预警", en="Rainstorm warning")
    cells = tuple(sorted({cell_of(*place(c, r)) for c in columns for r in range(SIDE)}))
    return Notice(
        notice_id=f"n-{serial}", hazard=hazard, rule="CN-2007/0201", colour=colour, headline=text, description=text,
        advice=text, impact=text, reasons=(Reason(text=text, evidence=()),), cells=cells, polygon=(), area_ids=(),
        area_text=text, audience=(), residents=500.0, vulnerable_residents=50.0, sent_at=START, onset_at=START,
        expires_at=START + timedelta(hours=6), certainty="Likely", references=(), mode="Exercise",
    )  # fmt: skip


@dataclass
class World:
    """Keeps the state, the clock and every fact said."""

    inputs: Inputs
    now: datetime = START
    state: State = field(default_factory=respond.initial_state)
    entries: list[Entry] = field(default_factory=list)

    def record(self, drafts: list[Draft]) -> list[Draft]:
        """Make drafts entries and let the state follow."""
        for draft in drafts:
            registered = fact_type_of(draft.body)
            entry = Entry(
                seq=len(self.entries) + 1, id=draft.id, stream=draft.stream, version=1, kind=registered.kind,
                schema=registered.schema, occurred_at=draft.occurred_at, recorded_at=self.now, actor=draft.actor,
                cause=draft.cause, body=draft.body, leaf=b"",
            )  # fmt: skip
            self.entries.append(entry)
            self.state = respond.evolve(self.state, entry)
        return drafts

    def upstream(self, body: Any) -> None:
        """Let another room say something, without a turn."""
        self.record([Draft(stream="upstream/x", body=body, occurred_at=self.now, actor="rule:other")])

    def turn(self) -> list[Any]:
        """Decide once and give the bodies."""
        return [d.body for d in self.record(respond.decide(self.state, self.inputs, self.now))]

    def hear(self, *bodies: Any) -> list[Any]:
        """Upstream facts, then a turn."""
        for body in bodies:
            self.upstream(body)
        return self.turn()

    def order(self, order: Any, actor: str = "person:li") -> list[Any]:
        """An order and the turn after it."""
        said = [d.body for d in self.record(respond.handle(self.state, order, self.inputs, self.now, actor))]
        return said + self.turn()

    def refused(self, order: Any) -> str:
        """The reason an order is refused with."""
        with pytest.raises(OrderRefused) as caught:
            respond.handle(self.state, order, self.inputs, self.now, "person:li")
        return str(caught.value)

    def wait(self, minutes: float) -> list[Any]:
        """Let time pass, with a turn whenever one is due, as the runner does."""
        until = self.now + timedelta(minutes=minutes)
        said: list[Any] = []
        for _ in range(1000):
            due = respond.next_due(self.state, self.inputs)
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            spoken = self.turn()
            assert spoken, f"next_due promised something at {due}, but decide had nothing to say"
            said += spoken
        else:
            raise AssertionError("timers never come to rest")
        self.now = until
        return said + self.turn()

    def said(self, kind: str) -> list[Any]:
        """Bodies of all facts of a kind so far."""
        return [e.body for e in self.entries if e.kind == kind]

    def warn(self, colour: str = "yellow", **how: Any) -> list[Any]:
        """A new warning and the turn after it."""
        return self.hear(WarningIssued(warning_id="w1", notice=notice(colour, **how)))

    def upgrade(self, colour: str, **how: Any) -> list[Any]:
        """The warning rises."""
        return self.hear(WarningUpgraded(warning_id="w1", from_colour="yellow", notice=notice(colour, serial=2, **how)))

    def update(self, colour: str, **how: Any) -> list[Any]:
        """The warning's area changes."""
        return self.hear(WarningUpdated(warning_id="w1", notice=notice(colour, serial=3, **how)))

    def all_clear(self) -> list[Any]:
        """The warning is withdrawn."""
        return self.hear(WarningCancelled(warning_id="w1", reason="over", notice=notice(serial=9)))

    def expire(self) -> list[Any]:
        """The warning runs out."""
        return self.hear(WarningExpired(warning_id="w1", notice_id="n-1", hazard="rainstorm"))

    def report(self, category: str, column: int, row: int, **how: Any) -> list[Any]:
        """Somebody reports something at a crossing."""
        return self.hear(report(category, column, row, now=self.now, **how))

    def water(self, lon: float, lat: float, depth_m: float, signal_id: str = "sig-1") -> list[Any]:
        """A street sensor shows water."""
        evidence = Evidence(kind="reading", sensor_id="s1", quantity="water_depth_m", value=depth_m, unit="m")
        return self.hear(
            SignalRaised(
                signal_id=signal_id, hazard="waterlogging", name="depth_above_threshold", colour="red", sensor_id="s1",
                lon=lon, lat=lat, in_city=True, evidence=(evidence,),
            )
        )  # fmt: skip

    def drained(self, signal_id: str = "sig-1") -> list[Any]:
        """The sensor shows no more water."""
        return self.hear(SignalCleared(signal_id=signal_id, hazard="waterlogging", reason="dry"))

    def with_inputs(self, **changes: Any) -> World:
        """The same world under other inputs."""
        self.inputs = replace(self.inputs, memo={}, **changes)
        return self


def report(
    category: str,
    column: int,
    row: int,
    *,
    now: datetime,
    event: str = "",
    depth_m: float | None = None,
    people: int = 1,
) -> ReportReceived:
    """A citizen's report at a crossing."""
    lon, lat = place(column, row)
    name = event or f"{category}-{column}-{row}"
    return ReportReceived(
        report_id=f"r-{name}-{now:%H%M%S}", source="citizen", hazard="rainstorm", category=category, lon=lon, lat=lat,
        cell=cell_of(lon, lat), text="", depth_m=depth_m, people=people, event_id=name,
    )  # fmt: skip
