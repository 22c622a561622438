"""What of a study is to be run next, told from what has been run: singles, portfolios, climates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.rehearse.study import Measure, Study
from rencheng.rehearse.study_storms import StormDraw, stratum_weights
from rencheng.rehearse.study_world import RunLoss
from rencheng.science.portfolio import best_within, frontier, next_portfolios, portfolio_costs
from rencheng.science.study_economics import annuity, cost_present_value, expected_annual

__all__ = ["Case", "StudyLosses", "chosen_portfolios", "measure_cost", "study_losses", "wanted_cases"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Case = tuple[str, str]
"""A portfolio (or a measure, or ``none``) and a climate."""


@dataclass(frozen=True, slots=True)
class StudyLosses:
    """What runs left, by case; arrays over the storms in order.

    Parameters
    ----------
    figures : mapping of (portfolio, climate) to float64 array, shape (3, storms)
        Loss CNY, residents, closed km; NaN where a run is not done.
    hour_mm : float64 array, shape (storms,)
        Greatest rain of an hour in today's climate.
    stratum, weight : arrays
        Stratum of each storm; annual probability of each stratum.
    """

    figures: Mapping[Case, F64]
    hour_mm: F64
    stratum: I64
    weight: F64

    def is_whole(self, case: Case) -> bool:
        """Whether every storm of a case is done."""
        return case in self.figures and bool(np.isfinite(self.figures[case]).all())

    def annual(self, case: Case, row: int = 0) -> float:
        """Expected figure of a year: 0 loss, 1 residents, 2 closed km."""
        return float(expected_annual(self.figures[case][row], self.stratum, self.weight))


def study_losses(study: Study, storms: list[StormDraw], runs: Iterable[RunLoss]) -> StudyLosses:
    """Lay runs, in any order, out by case and storm."""
    figures: dict[Case, F64] = {}
    hour = np.zeros(len(storms))
    for run in runs:
        case = run.measure, run.climate
        if case not in figures:
            figures[case] = np.full((3, len(storms)), np.nan)
        figures[case][:, run.storm] = run.loss_cny, run.residents, run.closed_km
        if run.climate == "now":
            hour[run.storm] = run.hour_mm
    stratum = np.array([s.stratum for s in storms], np.int64)
    return StudyLosses(figures, hour, stratum, stratum_weights(study.storms))


def wanted_cases(study: Study, losses: StudyLosses) -> list[Case]:
    """Every case that is wanted as far as can be told; once all of them are done and no more come, the study is."""
    cases = [("none", "now"), *((m.id, "now") for m in study.measures)]
    if not all(map(losses.is_whole, cases)):
        return cases
    if study.portfolios is not None:
        tried = _tried(study, losses)
        more = next_portfolios(tried, _costs(study), study.portfolios.budgets_cny, _worth(study))
        cases += [(study.name_of(m), "now") for m in sorted({*tried, *more}) if m and m & (m - 1)]
        if more:
            return cases
    compared = [name for name, _ in cases[: 1 + len(study.measures)]] + chosen_portfolios(study, losses)
    return cases + [(name, c.id) for c in study.climates for name in compared]


def chosen_portfolios(study: Study, losses: StudyLosses) -> list[str]:
    """Names of the portfolios on the frontier and of the best for each budget; single measures are not among them."""
    if study.portfolios is None:
        return []
    tried = _tried(study, losses)
    masks = np.array([0, *tried], np.int64)
    value, price = np.array([0.0, *tried.values()]), portfolio_costs(_costs(study), masks)
    rows = frontier(price, value).tolist()
    rows += [best_within(price, value, b, _worth(study)) for b in study.portfolios.budgets_cny]
    found = sorted({int(masks[row]) for row in rows})
    return [study.name_of(m) for m in found if m & (m - 1)]


def measure_cost(study: Study, measure: Measure) -> float:
    """Present value of building, keeping up and building anew."""
    return cost_present_value(
        measure.capital_cny,
        measure.yearly_cny,
        years=study.economics.years,
        discount_rate=study.economics.discount_rate,
        life_years=measure.life_years,
    )


def _costs(study: Study) -> F64:
    return np.array([measure_cost(study, m) for m in study.measures])


def _worth(study: Study) -> float:
    return annuity(study.economics.years, study.economics.discount_rate)


def _tried(study: Study, losses: StudyLosses) -> dict[int, float]:
    """What each portfolio that is done saves a year, by the number whose bits are its measures."""
    bit = {m.id: 1 << i for i, m in enumerate(study.measures)}
    nothing = losses.annual(("none", "now"))
    tried = {
        sum(bit[part] for part in name.split("+")): nothing - losses.annual((name, climate))
        for name, climate in losses.figures
        if climate == "now" and name != "none" and losses.is_whole((name, climate))
    }
    return dict(sorted(tried.items()))
