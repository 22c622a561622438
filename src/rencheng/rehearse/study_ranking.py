"""From the runs of a study to a ranking of its measures, and to the large study that is read off them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import Bilingual
from rencheng.rehearse.study import Measure, Study
from rencheng.rehearse.study_levels import LevelPart, LevelResult, level_results
from rencheng.rehearse.study_options import (
    RESAMPLES,
    ClimateRanking,
    Interval,
    RobustOption,
    TriedPortfolio,
    climate_rankings,
    robust_options,
    tried_portfolios,
)
from rencheng.rehearse.study_plan import Case, StudyLosses, measure_cost, study_losses
from rencheng.rehearse.study_storms import draw_many, draw_storms, greatest_hour_mm
from rencheng.rehearse.study_world import RunLoss
from rencheng.science.loss_surrogate import LossCurve, fit_loss_curve
from rencheng.science.study_economics import (
    INTERVAL,
    benefit_cost_ratio,
    expected_annual,
    net_present_value,
    rank_by_ratio,
    resampled_annual,
)

__all__ = ["RESAMPLES", "Interval", "LargeLoss", "RankedMeasure", "StudyResult", "study_result"]

F64 = NDArray[np.float64]
_AT_ONCE = 100_000
_RARE_YEARS = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedMeasure:
    """What a measure saves for its cost; intervals are of 95 %, money is CNY of today."""

    rank: int
    rank_low: int
    rank_high: int
    group: int
    """Measures of one group cannot be told apart."""
    id: str
    kind: str
    title: Bilingual
    cost_cny: float
    """Present value of building, keeping up and building anew."""
    loss_cny_a: float
    """Expected annual loss with it."""
    avoided_cny_a: float
    avoided_interval: Interval
    avoided_residents_a: float
    """Fewer residents a year with 0.15 m at the wall, expected."""
    avoided_closed_km_a: float
    npv_cny: float
    npv_interval: Interval
    ratio: float
    """Benefit per cost."""
    ratio_interval: Interval

    @property
    def helps(self) -> bool:
        """Whether it surely saves anything."""
        return self.avoided_interval[0] > 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeLoss:
    """A measure (or ``none``) in the large study, and how far the curve that it is read off errs."""

    measure: str
    loss_cny_a: float
    avoided_cny_a: float
    rare_loss_cny: float
    """Loss that one year in a hundred exceeds."""
    computed_loss_cny_a: float
    """Expected annual loss by the computed runs."""
    left_out_rmse_cny: float
    """Leave-one-out error of a storm's loss."""
    left_out_bias_ratio: float
    """Expected annual leave-one-out error as a share of the expected annual loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResult:
    """Outcome of a study."""

    storms: int
    runs: int
    loss_cny_a: float
    """Expected annual loss with nothing done."""
    loss_interval: Interval
    ranked: tuple[RankedMeasure, ...]
    portfolios: tuple[TriedPortfolio, ...]
    """Every portfolio that was tried, single measures too, cheapest first; empty where none was asked for."""
    climates: tuple[ClimateRanking, ...]
    robust: tuple[RobustOption, ...]
    levels: tuple[LevelResult, ...]
    samples: int
    large: tuple[LargeLoss, ...]


def study_result(
    study: Study, runs: Sequence[RunLoss], seed: int, level_parts: Sequence[LevelPart] = ()
) -> StudyResult:
    """Rank the measures of a study.

    Parameters
    ----------
    study : Study
        What was studied.
    runs : sequence of RunLoss
        Every storm with every measure and with nothing done, once each, in any order.
    seed : int
        Seed of the study.
    level_parts : sequence of LevelPart
        Runs on coarser rasters, all or none.
    """
    losses = study_losses(study, draw_storms(study, seed), runs)
    cases: list[Case] = [("none", "now"), *((m.id, "now") for m in study.measures)]
    loss = np.stack([losses.figures[case][0] for case in cases])
    rng = np.random.default_rng([seed, 32])
    resampled = resampled_annual(loss, losses.stratum, losses.weight, resamples=RESAMPLES, rng=rng)
    annual = expected_annual(loss, losses.stratum, losses.weight)
    large = tuple(_large(study, losses, loss, annual, seed)) if study.surrogate_samples else ()
    return StudyResult(
        storms=loss.shape[1],
        runs=len(runs),
        loss_cny_a=_money(annual[0]),
        loss_interval=_interval(resampled[:, 0]),
        ranked=tuple(sorted(_ranked(study, losses, annual, resampled), key=lambda m: m.rank)),
        portfolios=tried_portfolios(study, losses, seed),
        climates=climate_rankings(study, losses, seed),
        robust=robust_options(study, losses, seed),
        levels=level_results(study, losses, level_parts, seed) if level_parts else (),
        samples=study.surrogate_samples,
        large=large,
    )


def _ranked(study: Study, losses: StudyLosses, annual: F64, resampled: F64) -> Iterator[RankedMeasure]:
    money = {"years": study.economics.years, "discount_rate": study.economics.discount_rate}
    cost = np.array([measure_cost(study, m) for m in study.measures])
    avoided, drawn = annual[0] - annual[1:], resampled[:, :1] - resampled[:, 1:]
    ratio, ratios = benefit_cost_ratio(avoided, cost, **money), benefit_cost_ratio(drawn, cost, **money)  # type: ignore[arg-type]  # years is an int
    npv, npvs = net_present_value(avoided, cost, **money), net_present_value(drawn, cost, **money)  # type: ignore[arg-type]  # years is an int
    told = rank_by_ratio(ratio, ratios)
    for i, measure in enumerate(study.measures):
        yield RankedMeasure(
            rank=int(told.rank[i]),
            rank_low=int(told.rank_low[i]),
            rank_high=int(told.rank_high[i]),
            group=int(told.group[i]),
            id=measure.id,
            kind=measure.kind,
            title=measure.title,
            cost_cny=_money(cost[i]),
            loss_cny_a=_money(annual[i + 1]),
            avoided_cny_a=_money(avoided[i]),
            avoided_interval=_interval(drawn[:, i]),
            avoided_residents_a=round(_fewer(losses, measure, 1), 3),
            avoided_closed_km_a=round(_fewer(losses, measure, 2), 5),
            npv_cny=_money(npv[i]),
            npv_interval=_interval(npvs[:, i]),
            ratio=round(float(ratio[i]), 4),
            ratio_interval=_interval(ratios[:, i], 4),
        )


def _fewer(losses: StudyLosses, measure: Measure, row: int) -> float:
    return losses.annual(("none", "now"), row) - losses.annual((measure.id, "now"), row)


def _large(study: Study, losses: StudyLosses, loss: F64, annual: F64, seed: int) -> Iterator[LargeLoss]:
    """Losses of very many years, the same for every measure, read off each measure's curve."""
    curves = [fit_loss_curve(losses.hour_mm, one) for one in loss]
    count = study.surrogate_samples
    found = np.zeros((len(curves), count), np.float32)
    rng = np.random.default_rng([seed, 33])
    total = np.zeros(len(curves))
    for begin in range(0, count, _AT_ONCE):
        part = _part(study, curves, min(_AT_ONCE, count - begin), rng)
        found[:, begin : begin + part.shape[1]] = part
        total += part.sum(axis=1)
    mean = total / count
    bias = expected_annual(np.stack([c.left_out for c in curves]), losses.stratum, losses.weight)
    for i, name in enumerate(["none", *(m.id for m in study.measures)]):
        yield LargeLoss(
            measure=name,
            loss_cny_a=_money(mean[i]),
            avoided_cny_a=_money(mean[0] - mean[i]),
            rare_loss_cny=_money(max(float(np.quantile(found[i], 1.0 - 1.0 / _RARE_YEARS)), 0.0)),
            computed_loss_cny_a=_money(annual[i]),
            left_out_rmse_cny=_money(curves[i].rmse),
            left_out_bias_ratio=round(float(bias[i] / annual[i]), 5) if annual[i] > 0.0 else 0.0,
        )


def _part(study: Study, curves: list[LossCurve], count: int, rng: np.random.Generator) -> F64:
    """Losses of so many years, shape (measures + 1, count); below the first return period nothing is lost."""
    storms = draw_many(study, count, rng)
    counted = storms.stratum >= 0
    hour = greatest_hour_mm(study.formula, storms)
    per = study.storms.per_stratum
    alike = np.maximum(storms.stratum, 0) * per + rng.integers(per, size=count)  # a computed storm of the same stratum
    return np.stack([np.where(counted, curve(hour) + curve.left_out[alike], 0.0) for curve in curves])


def _interval(values: F64, digits: int = 2) -> Interval:
    low, high = np.quantile(values, INTERVAL)
    return round(float(low), digits), round(float(high), digits)


def _money(value: float) -> float:
    return round(float(value), 2)
