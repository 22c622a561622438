"""Portfolios against their cost, and options from climate to climate: what is best, and what is never far from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.rehearse.study import Study
from rencheng.rehearse.study_plan import Case, StudyLosses, chosen_portfolios, measure_cost
from rencheng.science.portfolio import best_within, frontier
from rencheng.science.study_economics import INTERVAL, annuity, expected_annual, resampled_annual

__all__ = [
    "RESAMPLES",
    "ClimateOption",
    "ClimateRanking",
    "Interval",
    "RobustOption",
    "TriedPortfolio",
    "climate_rankings",
    "option_title",
    "robust_options",
    "tried_portfolios",
]

F64 = NDArray[np.float64]
Interval = tuple[float, float]

RESAMPLES = 2000
"""Bootstrap samples of the storms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedPortfolio:
    """Measures together, as they were run; intervals of 95 %, CNY."""

    id: str
    """Ids joined by ``+``; ``none`` is doing nothing."""
    measures: int
    cost_cny: float
    avoided_cny_a: float
    avoided_interval: Interval
    npv_cny: float
    npv_interval: Interval
    interaction_cny_a: float
    """What it avoids beyond the sum of what its measures avoid alone; below 0 where they take each other's water."""
    interaction_interval: Interval
    on_frontier: bool
    best_for_cny: tuple[float, ...]
    """Budgets for which nothing tried has a greater net present value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClimateOption:
    """An option in one climate."""

    rank: int
    """By net present value, 1 is best."""
    id: str
    avoided_cny_a: float
    avoided_interval: Interval
    npv_cny: float
    npv_interval: Interval
    regret_cny: float
    """How much less it is worth than the best option of this climate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClimateRanking:
    """Options in one climate, best first."""

    id: str
    rain_factor: float
    loss_cny_a: float
    loss_interval: Interval
    added_cny_a: float
    """More than today, with nothing done."""
    added_interval: Interval
    options: tuple[ClimateOption, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustOption:
    """An option over all climates (minimax regret: Savage 1951)."""

    rank: int
    id: str
    regret_cny: float
    """Greatest regret in any climate."""
    regret_interval: Interval
    worst_climate: str


def tried_portfolios(study: Study, losses: StudyLosses, seed: int) -> tuple[TriedPortfolio, ...]:
    """Lay everything tried in today's climate out over its cost; empty where no portfolios were asked for."""
    if study.portfolios is None:
        return ()
    names = ["none", *sorted(n for n, c in losses.figures if c == "now" and n != "none" and losses.is_whole((n, c)))]
    annual, drawn = _annual(losses, [(n, "now") for n in names], seed)
    avoided, avoids = annual[0] - annual, drawn[:, :1] - drawn
    row = {name: i for i, name in enumerate(names)}
    alone = [[row[part] for part in name.split("+")] if name != "none" else [] for name in names]
    cost, worth = _cost(study, names), _worth(study)
    on = set(frontier(cost, avoided).tolist())
    best = [best_within(cost, avoided, budget, worth) for budget in study.portfolios.budgets_cny]
    found = [
        TriedPortfolio(
            id=name,
            measures=len(alone[i]),
            cost_cny=_money(cost[i]),
            avoided_cny_a=_money(avoided[i]),
            avoided_interval=_interval(avoids[:, i]),
            npv_cny=_money(worth * avoided[i] - cost[i]),
            npv_interval=_interval(worth * avoids[:, i] - cost[i]),
            interaction_cny_a=_money(avoided[i] - avoided[alone[i]].sum()),
            interaction_interval=_interval(avoids[:, i] - avoids[:, alone[i]].sum(axis=1)),
            on_frontier=i in on,
            best_for_cny=tuple(b for b, k in zip(study.portfolios.budgets_cny, best, strict=True) if k == i),
        )
        for i, name in enumerate(names)
    ]
    return tuple(sorted(found, key=lambda p: (p.cost_cny, p.id)))


def climate_rankings(study: Study, losses: StudyLosses, seed: int) -> tuple[ClimateRanking, ...]:
    """Rank the options in today's and every other climate; empty where no other is asked for."""
    if not study.climates:
        return ()
    names, climates, annual, drawn = _by_climate(study, losses, seed)
    cost, worth = _cost(study, names), _worth(study)
    rankings = []
    for c, climate in enumerate(climates):
        avoided, avoids = annual[c, 0] - annual[c], drawn[:, c, :1] - drawn[:, c]
        npv, npvs = worth * avoided - cost, worth * avoids - cost
        added, adds = annual[c, 0] - annual[0, 0], drawn[:, c, 0] - drawn[:, 0, 0]
        options = [
            ClimateOption(
                rank=rank,
                id=names[i],
                avoided_cny_a=_money(avoided[i]),
                avoided_interval=_interval(avoids[:, i]),
                npv_cny=_money(npv[i]),
                npv_interval=_interval(npvs[:, i]),
                regret_cny=_money(npv.max() - npv[i]),
            )
            for rank, i in enumerate(np.argsort(-npv, kind="stable").tolist(), 1)
        ]
        rankings.append(
            ClimateRanking(
                id=climate,
                rain_factor=round(study.climate_factor(climate), 4),
                loss_cny_a=_money(annual[c, 0]),
                loss_interval=_interval(drawn[:, c, 0]),
                added_cny_a=_money(added),
                added_interval=_interval(adds),
                options=tuple(options),
            )
        )
    return tuple(rankings)


def robust_options(study: Study, losses: StudyLosses, seed: int) -> tuple[RobustOption, ...]:
    """Options by their greatest regret over all climates, least first."""
    if not study.climates:
        return ()
    names, climates, annual, drawn = _by_climate(study, losses, seed)
    cost, worth = _cost(study, names), _worth(study)
    npv, npvs = -worth * annual - cost, -worth * drawn - cost
    regret = npv.max(axis=1, keepdims=True) - npv
    regrets = (npvs.max(axis=2, keepdims=True) - npvs).max(axis=1)
    greatest = regret.max(axis=0)
    return tuple(
        RobustOption(
            rank=rank,
            id=names[i],
            regret_cny=_money(greatest[i]),
            regret_interval=_interval(regrets[:, i]),
            worst_climate=climates[int(np.argmax(regret[:, i]))],
        )
        for rank, i in enumerate(np.argsort(greatest, kind="stable").tolist(), 1)
    )


def option_title(study: Study, name: str, language: str) -> str:
    """What an option is called in ``zh`` or ``en``."""
    if name == "none":
        return "不采取措施" if language == "zh" else "Nothing done"
    return " + ".join(getattr(m.title, language) for m in study.portfolio(name))


def _by_climate(study: Study, losses: StudyLosses, seed: int) -> tuple[list[str], list[str], F64, F64]:
    """Options, climates, expected annual losses (climates, options) and resampled ones in front of them."""
    names = ["none", *(m.id for m in study.measures), *chosen_portfolios(study, losses)]
    climates = ["now", *(c.id for c in study.climates)]
    annual, drawn = _annual(losses, [(n, c) for c in climates for n in names], seed)
    shape = (len(climates), len(names))
    return names, climates, annual.reshape(shape), drawn.reshape(RESAMPLES, *shape)


def _annual(losses: StudyLosses, cases: list[Case], seed: int) -> tuple[F64, F64]:
    """Expected annual losses, and those of bootstrap samples, the same storms for all cases."""
    loss = np.stack([losses.figures[case][0] for case in cases])
    rng = np.random.default_rng([seed, 32])
    drawn = resampled_annual(loss, losses.stratum, losses.weight, resamples=RESAMPLES, rng=rng)
    return expected_annual(loss, losses.stratum, losses.weight), drawn


def _cost(study: Study, names: list[str]) -> F64:
    return np.array([sum((measure_cost(study, m) for m in study.portfolio(name)), 0.0) for name in names])


def _worth(study: Study) -> float:
    return annuity(study.economics.years, study.economics.discount_rate)


def _interval(values: F64) -> Interval:
    low, high = np.quantile(values, INTERVAL)
    return round(float(low), 2), round(float(high), 2)


def _money(value: float) -> float:
    return round(float(value), 2) + 0.0
