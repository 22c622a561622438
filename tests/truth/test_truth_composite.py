"""Composite-indicator arithmetic against indices that others published with their inputs."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from rencheng.science.composite import (
    Branch,
    aggregate_tree,
    min_max,
    percentile_rank,
    weighted_geometric_mean,
    weighted_mean,
)


def _columns(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def _numbers(texts: list[str]) -> np.ndarray:
    return np.array([float(t) if t not in {"", "x", "NA"} else np.nan for t in texts])


@pytest.mark.real
def test_the_asem_connectivity_index_is_rebuilt_at_every_level(shared_data: Path) -> None:
    """51 countries × 49 indicators: every published score, from the treated values on."""
    folder = shared_data / "indices"
    treated, normal = _columns(folder / "asem_treated.csv"), _columns(folder / "asem_normalised.csv")
    meta, groups = _columns(folder / "asem_indmeta.csv"), _columns(folder / "asem_aggmeta.csv")
    published = _columns(folder / "asem_aggregated.csv")
    scores = {}
    for code, direction in zip(meta["IndCode"], meta["Direction"], strict=True):
        values = _numbers(treated[code])
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        goalposts = (low, high) if float(direction) > 0 else (high, low)
        scores[code] = 100.0 * min_max(values, *goalposts)
        np.testing.assert_allclose(scores[code], _numbers(normal[code]), rtol=0, atol=1e-9)
    weight = dict(zip(groups["Code"], map(float, groups["Weight"]), strict=True))
    parent = dict(zip(meta["Agg1"], meta["Agg2"], strict=True)) | dict(zip(meta["Agg2"], meta["Agg3"], strict=True))

    def branch(code: str) -> Branch:
        leaves = [
            Branch(id=c, weight=float(w))
            for c, w, g in zip(meta["IndCode"], meta["IndWeight"], meta["Agg1"], strict=True)
            if g == code
        ]
        below = [branch(name) for name in parent if parent[name] == code]
        return Branch(id=code, weight=weight.get(code, 1.0), children=(*leaves, *below))

    found = aggregate_tree(branch("Index"), scores)
    for code in sorted({*parent, "Index"}):
        np.testing.assert_allclose(found[code], _numbers(published[code]), rtol=0, atol=1e-9, err_msg=code)


@pytest.mark.real
def test_the_social_vulnerability_index_ranks_as_published(shared_data: Path) -> None:
    """CDC SVI 2018, 67 counties of Pennsylvania: percentile ranks of indicators, themes and the whole (four digits)."""
    table = {
        k: _numbers(v)
        for k, v in _columns(shared_data / "indices" / "cdc_svi_2018_PA_counties.csv").items()
        if k.startswith(("EP", "SPL", "RPL"))
    }
    indicators = [name[4:] for name in table if name.startswith("EPL_")]
    assert len(indicators) == 15
    for name in indicators:
        rank = percentile_rank(table[f"EP_{name}"])
        rank = 1.0 - rank if name == "PCI" else rank  # income is ranked upwards, then turned
        np.testing.assert_allclose(rank, table[f"EPL_{name}"], rtol=0, atol=6e-5, err_msg=name)
    for theme in ("THEME1", "THEME2", "THEME3", "THEME4", "THEMES"):
        np.testing.assert_allclose(percentile_rank(table[f"SPL_{theme}"]), table[f"RPL_{theme}"], rtol=0, atol=6e-5)


@pytest.mark.real
def test_inform_risk_is_the_geometric_mean_of_its_three_dimensions(shared_data: Path) -> None:
    """INFORM 2016, 191 countries; inputs and results are published with one digit, so a tenth is the agreement."""
    table = _columns(shared_data / "indices" / "inform_2016.csv")
    dimensions = np.column_stack(
        [_numbers(table[n]) for n in ("HAZARD & EXPOSURE", "VULNERABILITY", "LACK OF COPING CAPACITY")]
    )
    risk = weighted_geometric_mean(dimensions, np.ones(3))
    np.testing.assert_allclose(risk, _numbers(table["INFORM RISK"]), rtol=0, atol=0.1)
    institutional = weighted_mean(np.column_stack([_numbers(table["DRR"]), _numbers(table["Governance"])]), np.ones(2))
    np.testing.assert_allclose(institutional, _numbers(table["Institutional"]), rtol=0, atol=0.1 + 1e-9)
