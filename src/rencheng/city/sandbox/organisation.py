"""Who answers for the sandbox city: commands, departments, posts and who hears when they do not, units, stocks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rencheng.city.sandbox.areas import Areas
from rencheng.city.sandbox.facilities import Facilities
from rencheng.city.sandbox.frame import Frame

__all__ = ["DEPARTMENTS", "Organisation", "organisation_of"]

DEPARTMENTS = (
    ("emergency", "emergency_lead", "应急管理局", "Emergency Management Bureau"),
    ("fire", "fire_lead", "消防救援支队", "Fire and Rescue Brigade"),
    ("health", "health_lead", "卫生健康委员会", "Health Commission"),
    ("water", "water_lead", "水务局", "Water Bureau"),
    ("transport", "transport_lead", "交通运输局", "Transport Bureau"),
    ("police", "police_lead", "公安局", "Public Security Bureau"),
    ("power", "power_lead", "供电公司", "Power Supply Company"),
    ("education", "education_lead", "教育局", "Education Bureau"),
    ("housing", "housing_lead", "住房和城乡建设局", "Housing and Construction Bureau"),
    ("civil_affairs", "civil_affairs_lead", "民政局", "Civil Affairs Bureau"),
)
"""Department, duty of its lead, and names."""


_OF_DISTRICTS = ("emergency", "health", "water", "education", "housing", "civil_affairs")


@dataclass(kw_only=True)
class Organisation:
    """Rows of ``organisations``, ``roles``, ``units`` and ``stocks``; places with map coordinates."""

    organisations: list[dict[str, object]] = field(default_factory=list)
    roles: list[dict[str, object]] = field(default_factory=list)
    units: list[dict[str, object]] = field(default_factory=list)
    stocks: list[dict[str, object]] = field(default_factory=list)

    def org(
        self, org_id: str, parent: str | None, level: str, kind: str, names: tuple[str, str], **more: object
    ) -> str:
        """Add an organisation; ``more`` are schema columns (department, area_id)."""
        row = {"org_id": org_id, "parent_id": parent, "level": level, "kind": kind, "name": names[0]}
        self.organisations.append({**row, "name_en": names[1], **more})
        return org_id

    def role(self, org_id: str, duty: str, names: tuple[str, str], escalate_to: str | None) -> str:
        """Add a post and who hears when it does not answer."""
        role_id = f"{org_id}.{duty}"
        row = {"role_id": role_id, "org_id": org_id, "duty": duty, "name": names[0], "name_en": names[1]}
        self.roles.append({**row, "escalate_to": escalate_to})
        return role_id


def organisation_of(frame: Frame, areas: Areas, facilities: Facilities) -> Organisation:
    """Set commands, departments, posts, units and stocks up."""
    out = Organisation()
    top = _city(out, areas)
    _levels_below(out, areas, top)
    _units(frame, out, areas, facilities)
    _stocks(frame, out, facilities)
    return out


def _city(out: Organisation, areas: Areas) -> str:
    zh, en = areas.name[0]
    area = areas.ids[0]
    out.org("city", None, "city", "command", (f"{zh}应急指挥部", f"{en} Emergency Command"), area_id=area)
    commander = out.role("city", "commander", ("总指挥", "City commander"), None)
    duty = out.role("city", "duty_officer", ("市值班长", "City duty officer"), commander)
    out.role("city", "warning_editor", ("预警发布员", "Warning editor"), duty)
    for department, lead, name_zh, name_en in DEPARTMENTS:
        org = f"city-{department.replace('_', '-')}"
        names = (f"{zh}{name_zh}", f"{en} {name_en}")
        out.org(org, "city", "city", "department", names, department=department, area_id=area)
        head = out.role(org, lead, (f"{name_zh}负责人", f"Head, {name_en}"), commander)
        out.role(org, "duty_officer", (f"{name_zh}值班员", f"Duty officer, {name_en}"), head)
        if department == "police":
            out.role(org, "traffic_lead", ("交警支队负责人", "Head, Traffic Police"), head)
    return commander


def _levels_below(out: Organisation, areas: Areas, top: str) -> None:
    """A command per district, street and community, each escalating one level up, and an officer per grid."""
    commander = {0: top}
    org_of = {0: "city"}
    words = {
        1: ("district", "应急指挥部", "Emergency Command"),
        2: ("street", "应急工作站", "Emergency Office"),
        3: ("community", "居民委员会", "Residents' Committee"),
    }
    for area in np.flatnonzero((areas.level >= 1) & (areas.level <= 3)).tolist():
        level, zh, en = words[int(areas.level[area])]
        parent = int(areas.parent[area])
        org = f"{level}-{areas.ids[area].removeprefix('anlan.')}"
        names = (areas.name[area][0] + zh, f"{areas.name[area][1]} {en}")
        kind = "team" if level == "community" else "command"
        org_of[area] = out.org(org, org_of[parent], level, kind, names, area_id=areas.ids[area])
        titles = (f"{areas.name[area][0]}指挥长", f"Commander, {areas.name[area][1]}")
        commander[area] = out.role(org, "commander", titles, commander[parent])
        titles = (f"{areas.name[area][0]}值班员", f"Duty officer, {areas.name[area][1]}")
        duty = out.role(org, "duty_officer", titles, commander[area])
        if level == "district" and len(areas.of_level("district")) > 1:
            _district_departments(out, org, areas, area, commander[area])
        if level == "community":
            titles = (f"{areas.name[area][0]}网格员", f"Grid officer, {areas.name[area][1]}")
            out.role(org, "grid_officer", titles, duty)


def _district_departments(out: Organisation, org: str, areas: Areas, area: int, commander: str) -> None:
    """The departments that a district has of its own; the rest it shares with the city."""
    for department, lead, name_zh, name_en in DEPARTMENTS:
        if department not in _OF_DISTRICTS:
            continue
        names = (areas.name[area][0] + name_zh, f"{areas.name[area][1]} {name_en}")
        own = f"{org}-{department.replace('_', '-')}"
        out.org(own, org, "district", "department", names, department=department, area_id=areas.ids[area])
        out.role(own, lead, (f"{names[0]}负责人", f"Head, {names[1]}"), commander)


def _units(frame: Frame, out: Organisation, areas: Areas, facilities: Facilities) -> None:
    """Units at their stations: engines by 建标 152-2017, one ambulance per 30,000 residents (opinion of 2020)."""
    n = frame.residents
    ambulances = max(2, round(n / 30_000))
    plan = (
        ("fire_engine", "fire,water_rescue,evacuation", "city-fire", "fire_station", 5, None, 6.0, "消防车"),
        ("rescue_boat", "water_rescue,evacuation", "city-fire", "fire_station", 2, None, 8.0, "救援艇"),
        ("ambulance", "medical", "city-health", "hospital", 0, ambulances, 2.0, "救护车"),
        ("pump_truck", "pumping", "city-water", "depot", 0, max(2, round(n / 25_000)), 1000.0, "排涝车"),
        ("patrol_car", "traffic,evacuation", "city-police", "police_station", 3, None, 4.0, "巡逻车"),
        ("repair_crew", "repair", "city-power", "substation", 2, None, 5.0, "电力抢修队"),
        ("repair_crew", "repair,pumping", "city-water", "waterworks", 2, None, 5.0, "供排水抢修队"),
        ("bus", "evacuation", "city-transport", "bus_terminal", 3, None, 45.0, "应急客车"),
    )
    count: dict[str, int] = {}
    for kind, skills, org, station, each, total, capacity, zh in plan:
        sites = facilities.of_kind(station)
        for k in range(each * len(sites) if total is None else total):
            site = sites[k % len(sites)]
            number = count.get(kind, 0) + 1
            count[kind] = number
            row = {"unit_id": f"{kind.replace('_', '-')}-{number}", "name": f"{zh}{k + 1}", "kind": kind}
            where = {"x_m": facilities.x_m[site], "y_m": facilities.y_m[site]}
            out.units.append({**row, "skills": skills, "org_id": org, **where, "capacity": capacity})
    for k, area in enumerate(areas.of_level("community").tolist(), start=1):
        centre = areas.shape[area].representative_point()
        row = {"unit_id": f"volunteer-team-{k}", "name": f"{areas.name[area][0]}志愿队", "kind": "volunteer_team"}
        org = f"community-{areas.ids[area].removeprefix('anlan.')}"
        where = {"x_m": float(centre.x), "y_m": float(centre.y)}
        out.units.append({**row, "skills": "evacuation", "org_id": org, **where, "capacity": 10.0})


def _stocks(frame: Frame, out: Organisation, facilities: Facilities) -> None:
    """Stocks at the depots: for 1 % of the residents in need of a place to stay, and sandbags for the low places."""
    n = frame.residents
    needs = (
        ("sandbag", 0.12 * n, "piece"),
        ("pump", max(4.0, n / 5_000.0), "piece"),
        ("tent", n / 400.0, "piece"),
        ("blanket", n / 50.0, "piece"),
        ("water", n / 10.0, "litre"),
        ("food", n / 20.0, "ration"),
        ("boat", max(2.0, n / 20_000.0), "piece"),
        ("generator", max(2.0, n / 15_000.0), "piece"),
    )
    depots = facilities.of_kind("depot")
    for item, total, unit in needs:
        shares = np.full(len(depots), np.floor(total / len(depots)))
        shares[: round(total - shares.sum())] += 1.0
        for site, amount in zip(depots, shares.tolist(), strict=True):
            if amount <= 0:
                continue
            row = {"stock_id": f"{item}-{facilities.ids[site]}", "item": item, "quantity": amount, "unit": unit}
            where = {"x_m": facilities.x_m[site], "y_m": facilities.y_m[site]}
            out.stocks.append({**row, **where, "facility_id": facilities.ids[site], "org_id": "city-emergency"})
