"""Who answers for what in an imported city: the configured organisation, or a default one grown from its areas."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from rencheng.app.city_import.config import ImportConfig
from rencheng.app.city_import.sections import Post, TableFile
from rencheng.app.city_import.tables import rows_of_table_file
from rencheng.city import table_from_rows
from rencheng.city.source_report import SourceReport

__all__ = ["organisation_tables"]

_DEPARTMENTS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    # department, its English name, duties with the English name of the post; all but the last escalate to the last
    ("emergency", "Emergency management", (("emergency_lead", "Head of emergency management"),)),
    ("fire", "Fire and rescue", (("fire_lead", "Fire and rescue lead"),)),
    ("health", "Health", (("health_lead", "Health lead"),)),
    ("water", "Water and drainage", (("water_lead", "Water and drainage lead"),)),
    ("transport", "Transport", (("traffic_lead", "Traffic lead"), ("transport_lead", "Metro and bus lead"))),
    ("police", "Police", (("police_lead", "Police lead"),)),
    ("power", "Power supply", (("power_lead", "Power supply lead"),)),
    ("education", "Education", (("education_lead", "Education lead"),)),
    ("housing", "Housing and construction", (("housing_lead", "Housing lead"),)),
    ("civil_affairs", "Civil affairs and relief", (("civil_affairs_lead", "Relief lead"),)),
)
_CITY_DUTIES = (
    ("duty_officer", "Duty officer"),
    ("warning_editor", "Warning editor"),
    ("commander", "Commander"),
)
_LOCAL_DUTIES = {
    "district": (("duty_officer", "Duty officer"), ("commander", "Commander")),
    "street": (("duty_officer", "Duty officer"), ("commander", "Commander")),
    "community": (("grid_officer", "Grid officer"),),
}
_LEVEL_OF_KIND = {"city": "city", "district": "district", "street": "street", "community": "community"}


def organisation_tables(config: ImportConfig, areas: pa.Table, report: SourceReport) -> tuple[pa.Table, pa.Table]:
    """Give ``organisations`` and ``roles``.

    Parameters
    ----------
    areas : pyarrow.Table
        The areas of the city; a default organisation has a command at every city, district and street and a team in
        every community, and departments at the city, each lead and officer escalating to the commander above.
    """
    section = config.data.organisation
    if section.organisations and section.roles:
        organisations = rows_of_table_file(config, TableFile(file=section.organisations), "organisations", report)
        roles = rows_of_table_file(config, TableFile(file=section.roles), "roles", report)
    else:
        rows = areas.drop_columns(["geometry"]).to_pylist()
        organisations, roles = _default(config, rows)
        report.note("assumption: the organisation is the default one (a command per level, ten city departments)")
    report.take("organisations", len(organisations))
    report.take("roles", len(roles))
    return table_from_rows("organisations", organisations), table_from_rows("roles", roles)


def _default(config: ImportConfig, areas: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    city = next(area for area in areas if area["kind"] == "city")
    organisations: list[dict[str, Any]] = []
    roles: list[dict[str, Any]] = []
    _city_command(config, city, organisations, roles)
    by_area = {city["area_id"]: "org-city"}
    above = {city["area_id"]: "role-city-commander"}
    for area in areas:
        level = _LEVEL_OF_KIND.get(area["kind"])
        if level is None or level == "city":
            continue
        parent = area.get("parent_id") if area.get("parent_id") in by_area else city["area_id"]
        org_id = f"org-{area['area_id']}"
        by_area[area["area_id"]] = org_id
        organisations.append(
            {
                "org_id": org_id,
                "parent_id": by_area[parent],
                "level": level,
                "kind": "team" if level == "community" else "command",
                "department": "emergency",
                "name": area["name"],
                "name_en": f"{area['name']} {'team' if level == 'community' else 'command'}",
                "area_id": area["area_id"],
            }
        )
        above[area["area_id"]] = _posts(config, org_id, _LOCAL_DUTIES[level], above[parent], roles)
    return organisations, roles


def _city_command(
    config: ImportConfig, city: dict[str, Any], organisations: list[dict[str, Any]], roles: list[dict[str, Any]]
) -> None:
    section = config.data.organisation
    command = section.command or Post(name=f"{city['name']} emergency command", name_en=f"{city['name']} command")
    common = {"level": "city", "area_id": city["area_id"]}
    organisations.append(
        {
            "org_id": "org-city",
            "kind": "command",
            "department": "emergency",
            "name": command.name,
            "name_en": command.name_en,
            **common,
        }
    )
    _posts(config, "org-city", _CITY_DUTIES, None, roles)
    for department, title, duties in _DEPARTMENTS:
        names = section.departments.get(department) or Post(name=title, name_en=title)
        org_id = f"org-city-{department}"
        organisations.append(
            {
                "org_id": org_id,
                "parent_id": "org-city",
                "kind": "department",
                "department": department,
                "name": names.name,
                "name_en": names.name_en,
                **common,
            }
        )
        _posts(config, org_id, duties, "role-city-commander", roles)


def _posts(
    config: ImportConfig,
    org_id: str,
    duties: tuple[tuple[str, str], ...],
    above: str | None,
    roles: list[dict[str, Any]],
) -> str:
    """Add the posts of one organisation; each hears from the next, the last from above. Gives the last one's id."""
    ids = [f"role-{org_id.removeprefix('org-')}-{duty}" for duty, _ in duties]
    last = ids[-1]
    for role_id, (duty, title) in zip(ids, duties, strict=True):
        names = config.data.organisation.duties.get(duty) or Post(name=title, name_en=title)
        roles.append(
            {
                "role_id": role_id,
                "org_id": org_id,
                "duty": duty,
                "name": names.name,
                "name_en": names.name_en,
                "escalate_to": above if role_id == last else last,
            }
        )
    return last
