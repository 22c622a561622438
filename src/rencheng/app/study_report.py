"""A study's ranking as files: CSV and JSON for machines, one HTML page with a picture for people."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from html import escape
from pathlib import Path

import msgspec

from rencheng.app.study_chart import cost_chart
from rencheng.app.study_folder import write_whole
from rencheng.app.study_options_report import (
    climate_parts,
    level_parts,
    million,
    million_interval,
    option_csv,
    portfolio_parts,
)
from rencheng.rehearse.study import Study
from rencheng.rehearse.study_ranking import RESAMPLES, LargeLoss, RankedMeasure, StudyResult

__all__ = ["ranking_csv", "write_study_report"]

_FIELDS = {
    "uniform": "the same everywhere",
    "moving": "crossing the city (areal reduction of TP-40, Leclerc & Schaake 1972)",
}
_STYLE = (
    "body{font:15px/1.5 system-ui,'Noto Sans CJK SC',sans-serif;margin:2rem auto;max-width:1080px;color:#1d2733}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;border-bottom:1px solid #d9dfe6}"
    "td{text-align:right}td.t,th{text-align:left}svg{width:100%;height:auto}small{color:#5b6877}"
)


def write_study_report(out: Path, study: Study, result: StudyResult, *, seed: int, city: str) -> None:
    """Write a study's ranking, portfolios and regrets (CSV), all of it (JSON) and its report into its folder."""
    plain = {"study": study.name, "seed": seed, **asdict(result)}
    write_whole(out / "ranking.csv", ranking_csv(result.ranked).encode())
    write_whole(out / "ranking.json", msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n")
    if result.portfolios:
        write_whole(out / "portfolios.csv", option_csv(result.portfolios).encode())
    if result.robust:
        write_whole(out / "regret.csv", option_csv(result.robust).encode())
    write_whole(out / "report.html", _page(study, result, seed, city).encode())


def ranking_csv(ranked: tuple[RankedMeasure, ...]) -> str:
    """One row per measure, best first; an interval is two columns, ``_low`` and ``_high``."""
    out = io.StringIO()
    rows = [_flat(measure) for measure in ranked]
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(measure: RankedMeasure) -> dict[str, object]:
    row: dict[str, object] = {}
    for key, value in asdict(measure).items():
        if key == "title":
            row |= {"title_zh": value["zh"], "title_en": value["en"]}
        elif key.endswith("_interval"):
            row |= {f"{key.removesuffix('_interval')}_low": value[0], f"{key.removesuffix('_interval')}_high": value[1]}
        else:
            row[key] = value
    return row | {"helps": "yes" if measure.helps else "no"}


def _page(study: Study, result: StudyResult, seed: int, city: str) -> str:
    title = f"{study.title.zh} {study.title.en}"
    storms = study.storms
    parts = [
        f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>',
        f"<h1>{escape(title)}</h1>",
        (
            f"<p>{escape(city)} · {result.storms:,} storms 场暴雨 × {len(study.measures)} measures 项措施 · "
            f"{result.runs:,} runs 次推演 · seed 种子 {seed}<br>"
        ),
        (
            "Expected annual loss with nothing done 现状年均损失: "
            f"<b>{million(result.loss_cny_a)}</b> million CNY 百万元 "
            f"({million_interval(result.loss_interval)}, 95 %)</p>"
        ),
        "<h2>损失与费用 Loss avoided and cost</h2>",
        cost_chart(result.ranked),
        "<h2>排名 Ranking</h2>",
        _ranking_table(result.ranked),
        *_alike(result.ranked),
        *portfolio_parts(study, result.portfolios),
        *climate_parts(study, result.climates, result.robust),
        *level_parts(study, result.levels),
        *(_large_table(result) if result.large else ()),
        "<h2>方法 Method</h2><p><small>",
        (
            f"Storms by {escape(study.formula.source)}, {_FIELDS[storms.field]}, "
            f"{storms.per_stratum} in each of {len(storms.return_periods_a)} "
            "strata of annual exceedance; every measure meets the same storms. Local inertial equations at "
            f"about {study.raster_cells:,} cells; Hazus 6.1 structure curves. "
            f"Intervals: {RESAMPLES:,} bootstrap samples within strata, paired. "
            f"Money over {study.economics.years} years at {study.economics.discount_rate:.1%}. "
            "The intervals hold what the sampling of storms leaves open, not errors of model, prices or curves. "
            "区间只含暴雨抽样误差,不含模型、造价与损失曲线误差。</small></p></html>\n"
        ),
    ]
    return "\n".join(parts)


def _ranking_table(ranked: tuple[RankedMeasure, ...]) -> str:
    head = (
        "名次 Rank",
        "名次区间 of 95 %",
        "措施 Measure",
        "费用现值 Cost, M CNY",
        "年均减损 Avoided a year, M CNY",
        "效益费用比 Benefit per cost",
        "净现值 NPV, M CNY",
        "少受淹居民 Residents a year",
    )
    rows = "".join(
        f'<tr><td>{m.rank}</td><td>{m.rank_low}–{m.rank_high}</td><td class="t">{escape(m.title.zh)} '
        f"{escape(m.title.en)}{'' if m.helps else ' <small>减损不显著 no sure effect</small>'}</td>"
        f"<td>{million(m.cost_cny)}</td>"
        f"<td>{million(m.avoided_cny_a)} ({million_interval(m.avoided_interval)})</td>"
        f"<td>{m.ratio:.2f} ({m.ratio_interval[0]:.2f} … {m.ratio_interval[1]:.2f})</td>"
        f"<td>{million(m.npv_cny)} ({million_interval(m.npv_interval)})</td>"
        f"<td>{m.avoided_residents_a:,.1f}</td></tr>"
        for m in ranked
    )
    return f"<table><tr>{''.join(f'<th>{h}</th>' for h in head)}</tr>{rows}</table>"


def _alike(ranked: tuple[RankedMeasure, ...]) -> list[str]:
    """A line for each group of measures that cannot be told apart."""
    lines = []
    for group in dict.fromkeys(m.group for m in ranked):
        names = [m.title for m in ranked if m.group == group]
        if len(names) > 1:
            zh, en = "、".join(n.zh for n in names), ", ".join(n.en for n in names)
            lines.append(f"<p>不能分出高下 Cannot be told apart: {escape(zh)} · {escape(en)}</p>")
    return lines


def _large_table(result: StudyResult) -> list[str]:
    head = (
        "措施 Measure",
        "年均损失 Loss a year, M CNY",
        "按推演 as computed",
        "百年一遇损失 1-in-100-year loss",
        "留一误差 Leave-one-out error of a storm",
        "留一偏差 and its bias",
    )
    return [
        f"<h2>大样本 Large study: {result.samples:,} years 年</h2>",
        (
            "<p>Losses read off a monotone curve over the greatest rain of an hour, fitted to the runs of each "
            "measure. 损失由各措施的推演结果按最大小时雨量单调回归读出。</p>"
        ),
        f"<table><tr>{''.join(f'<th>{h}</th>' for h in head)}</tr>{''.join(map(_large_row, result.large))}</table>",
    ]


def _large_row(large: LargeLoss) -> str:
    return (
        f'<tr><td class="t">{escape(large.measure)}</td><td>{million(large.loss_cny_a)}</td>'
        f"<td>{million(large.computed_loss_cny_a)}</td><td>{million(large.rare_loss_cny)}</td>"
        f"<td>{million(large.left_out_rmse_cny)}</td><td>{large.left_out_bias_ratio:+.1%}</td></tr>"
    )
