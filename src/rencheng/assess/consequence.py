"""From an outlook to risk: residents, vulnerable residents, facilities, and a colour by the risk matrix."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.assess.facts import RiskTotal
from rencheng.assess.frame import CellFrame
from rencheng.assess.hazard_model import Card, Outlook
from rencheng.assess.rules import RiskRules
from rencheng.kernel import Colour
from rencheng.science.exposure import expected_affected, matrix_rank

__all__ = ["RISK_SCHEMA", "RiskTable", "risk_table"]

RISK_SCHEMA = pa.schema(
    [
        ("cell", pa.uint64()),
        ("lead_h", pa.float64()),
        ("probability", pa.float64()),
        ("intensity", pa.float64()),
        ("residents", pa.float64()),
        ("vulnerable_residents", pa.float64()),
        ("facilities", pa.float64()),
        ("risk", pa.float64()),
        ("colour", pa.string()),
    ]
)
_COLOURS = ("", *(str(c) for c in Colour))


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskTable:
    """The rows of a risk assessment, its city totals, and a digest that tells whether anything changed."""

    rows: pa.Table
    totals: tuple[RiskTotal, ...]
    digest: str


def risk_table(outlook: Outlook, card: Card, cells: CellFrame, rules: RiskRules) -> RiskTable:
    """Weigh an outlook with who and what is there.

    Probabilities are kept in steps of 0.01 and intensities in steps of 0.01 of their unit, so that what nobody could
    tell apart is not published anew. A cell with a critical facility stands one consequence class higher, and the
    intensity moves it on as ``rules.severity`` says for the hazard; a cell with nobody and nothing in it has no colour.
    """
    probability = np.asarray(np.round(np.clip(outlook.probability, 0.0, 1.0), 2), dtype=np.float64)
    intensity = np.asarray(np.round(outlook.intensity, 2), dtype=np.float64)
    h, c = np.nonzero(probability >= card.probability_floor)
    p = probability[h, c]
    rank = _ranks(p, intensity[h, c], c, card, cells, rules)
    columns = {
        "cell": cells.cell[c],
        "lead_h": np.asarray(card.horizons_h, dtype=np.float64)[h],
        "probability": p,
        "intensity": intensity[h, c],
        "residents": cells.residents[c],
        "vulnerable_residents": cells.vulnerable[c],
        "facilities": cells.facilities[:, c].sum(axis=0).astype(np.float64),
        "risk": np.round(expected_affected(p, cells.residents[c]), 1),
    }
    colour = np.asarray(_COLOURS)[rank]
    sha = hashlib.sha256()
    for values in columns.values():
        sha.update(np.ascontiguousarray(values).tobytes())
    sha.update(rank.astype(np.int8).tobytes())
    arrays = [pa.array(values) for values in columns.values()]
    rows = pa.Table.from_arrays([*arrays, pa.array(colour.tolist(), pa.string())], schema=RISK_SCHEMA)
    totals = tuple(_total(lead, c[h == i], rank[h == i], cells) for i, lead in enumerate(card.horizons_h))
    return RiskTable(rows=rows, totals=totals, digest=sha.hexdigest())


def _ranks(
    probability: NDArray[np.float64],
    intensity: NDArray[np.float64],
    cell: NDArray[np.int64],
    card: Card,
    cells: CellFrame,
    rules: RiskRules,
) -> NDArray[np.int64]:
    ranks = np.array([[_COLOURS.index(colour) for colour in row] for row in rules.colours], dtype=np.int64)
    critical = [i for i, kind in enumerate(cells.facility_kinds) if kind in rules.critical_kinds]
    residents = cells.residents[cell]
    somebody = (residents > 0.0) | (cells.facilities[:, cell].sum(axis=0) > 0)
    column = np.searchsorted(np.asarray(rules.people), residents, side="right")
    column = np.minimum(column + (cells.facilities[critical][:, cell].sum(axis=0) > 0), len(rules.people))
    severity = rules.severity.get(str(card.hazard))
    if severity is not None and severity.unit == card.intensity_unit:
        grade = np.searchsorted(np.asarray(severity.at_least), intensity, side="right")
        column = np.clip(column + np.asarray(severity.columns, dtype=np.int64)[grade], 0, len(rules.people))
    found = matrix_rank(
        probability,
        column.astype(np.float64),
        probability_bounds=rules.probability,
        consequence_bounds=tuple(float(i) for i in range(1, len(rules.people) + 1)),
        ranks=ranks,
    )
    return np.where(somebody, found, 0)


def _total(lead_h: float, cell: NDArray[np.int64], rank: NDArray[np.int64], cells: CellFrame) -> RiskTotal:
    at_risk = cell[rank > 0]
    counts = cells.facilities[:, at_risk].sum(axis=1)
    return RiskTotal(
        lead_h=lead_h,
        colour=_COLOURS[int(rank.max(initial=0))],
        cells_at_risk=len(at_risk),
        residents_exposed=round(float(cells.residents[at_risk].sum()), 1),
        vulnerable_exposed=round(float(cells.vulnerable[at_risk].sum()), 1),
        facilities_exposed={k: int(n) for k, n in zip(cells.facility_kinds, counts.tolist(), strict=True) if n > 0},
    )
