"""Names of things. Every id is a short string that the same inputs always reproduce: no random ids anywhere."""

from __future__ import annotations

import base64
import hashlib
from typing import NewType

__all__ = [
    "AreaId",
    "BuildingId",
    "CellId",
    "FacilityId",
    "FactId",
    "IncidentId",
    "LinkId",
    "NeedId",
    "OrgId",
    "RoleId",
    "SensorId",
    "TaskId",
    "UnitId",
    "WarningId",
    "derived_id",
]

FactId = NewType("FactId", str)
CellId = NewType("CellId", int)
"""H3 index as an unsigned 64-bit integer."""
AreaId = NewType("AreaId", str)
SensorId = NewType("SensorId", str)
BuildingId = NewType("BuildingId", str)
FacilityId = NewType("FacilityId", str)
LinkId = NewType("LinkId", int)
OrgId = NewType("OrgId", str)
RoleId = NewType("RoleId", str)
UnitId = NewType("UnitId", str)
WarningId = NewType("WarningId", str)
IncidentId = NewType("IncidentId", str)
TaskId = NewType("TaskId", str)
NeedId = NewType("NeedId", str)


def derived_id(prefix: str, *parts: object) -> str:
    """Make an id that the same parts always reproduce.

    Parameters
    ----------
    prefix : str
        Kind of thing, e.g. ``"warning"``.
    *parts : object
        What makes the thing unique; compared by ``str``.

    Returns
    -------
    str
        ``prefix-`` and 16 lower-case base32 digits (80 bits of SHA-256).

    Examples
    --------
    >>> derived_id("task", "w1", 2) == derived_id("task", "w1", 2)
    True
    """
    digest = hashlib.sha256("\x1f".join(str(p) for p in parts).encode()).digest()
    return f"{prefix}-{base64.b32encode(digest[:10]).decode().lower()}"
