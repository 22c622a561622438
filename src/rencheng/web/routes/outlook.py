"""What is expected: risk by cell."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from rencheng.kernel import Colour, NotFound
from rencheng.web.context import Served
from rencheng.web.problems import PROBLEMS

__all__ = ["RiskCells", "router"]

router = APIRouter(prefix="/api", tags=["outlook"], responses={k: PROBLEMS[k] for k in (404, 422)})

_RANK = {"": 0, **{c.value: c.rank for c in Colour}}


class RiskCells(BaseModel):
    """Risk of one hazard at one horizon, by cell, in columns."""

    hazard: str
    model: str
    seq: int
    lead_h: float
    leads_h: list[float] = Field(description="Horizons to choose from")
    h3: list[str] = Field(description="H3 cells, hexadecimal")
    colour: list[int] = Field(description="0 below blue, 1 blue, 2 yellow, 3 orange, 4 red")
    probability: list[float]
    intensity: list[float]
    residents: list[float]
    vulnerable_residents: list[float]
    risk: list[float] = Field(description="Expected people affected")


@router.get("/risk/{hazard}", summary="Risk by cell")
def risk(
    context: Served,
    hazard: str,
    lead_h: Annotated[float, Query(ge=0, le=10_000, description="Horizon in hours; the nearest one is given")] = 0.0,
) -> RiskCells:
    """Give the last assessment of a hazard at the horizon nearest to the one asked for."""
    view = context.keeper.risk(hazard)
    if view is None:
        raise NotFound(f"no risk of {hazard!r} was assessed in this run", mend="GET /api/state lists what was")
    table = context.session.fields.get(view.field)
    columns = {n: table.column(n).combine_chunks().to_numpy(zero_copy_only=False) for n in table.column_names}
    leads = sorted({t.lead_h for t in view.totals} | set(np.unique(columns["lead_h"]).tolist()))
    lead = min(leads, key=lambda value: (abs(value - lead_h), value), default=lead_h)
    rows = np.flatnonzero(columns["lead_h"] == lead)

    def rounded(name: str, digits: int) -> list[float]:
        values: list[float] = np.nan_to_num(np.round(columns[name][rows].astype(float), digits)).tolist()
        return values

    return RiskCells(
        hazard=hazard,
        model=view.model,
        seq=view.seq,
        lead_h=lead,
        leads_h=leads,
        h3=[f"{cell:x}" for cell in columns["cell"][rows].tolist()],
        colour=[_RANK.get(c or "", 0) for c in columns["colour"][rows].tolist()],
        probability=rounded("probability", 4),
        intensity=rounded("intensity", 4),
        residents=rounded("residents", 1),
        vulnerable_residents=rounded("vulnerable_residents", 1),
        risk=rounded("risk", 3),
    )
