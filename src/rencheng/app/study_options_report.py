"""The part of a study's report that tells of portfolios, climates and coarser rasters."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from rencheng.app.study_frontier import frontier_chart
from rencheng.rehearse.study import Study
from rencheng.rehearse.study_levels import LevelResult
from rencheng.rehearse.study_options import ClimateRanking, Interval, RobustOption, TriedPortfolio, option_title

__all__ = ["climate_parts", "level_parts", "million", "million_interval", "option_csv", "portfolio_parts"]


def portfolio_parts(study: Study, portfolios: tuple[TriedPortfolio, ...]) -> list[str]:
    """Picture and table of portfolios; nothing where there are none."""
    if not portfolios:
        return []
    shown = [p for p in portfolios if p.on_frontier or p.best_for_cny]
    head = (
        "组合 Portfolio",
        "费用现值 Cost, M CNY",
        "年均减损 Avoided a year, M CNY",
        "净现值 NPV, M CNY",
        "相互作用 Interaction a year, M CNY",
        "预算最优 Best for a budget of, M CNY",
    )
    rows = [
        (
            _option(study, p.id),
            million(p.cost_cny),
            f"{million(p.avoided_cny_a)} ({million_interval(p.avoided_interval)})",
            f"{million(p.npv_cny)} ({million_interval(p.npv_interval)})",
            f"{million(p.interaction_cny_a)} ({million_interval(p.interaction_interval)})",
            ", ".join(f"{b / 1e6:,.1f}" for b in p.best_for_cny),
        )
        for p in shown
    ]
    return [
        "<h2>措施组合 Portfolios of measures</h2>",
        frontier_chart(portfolios, lambda name: option_title(study, name, "zh")),
        (
            f"<p>{len(portfolios) - 1:,} portfolios and single measures were run, every one in all storms; the line is "
            "the frontier: nothing tried saves more for as little. Interaction is what a portfolio avoids beyond the "
            f"sum of its measures. 共推演{len(portfolios) - 1:,}种单项或组合措施;折线为有效前沿,"
            "相互作用为组合减损减去各单项之和。</p>"
        ),
        _table(head, rows),
    ]


def climate_parts(study: Study, climates: tuple[ClimateRanking, ...], robust: tuple[RobustOption, ...]) -> list[str]:
    """Tables of the climates and of the regrets; nothing where there are none."""
    if not climates:
        return []
    titles = {c.id: f"{c.title.zh} {c.title.en}" for c in study.climates} | {"now": "现状气候 Today's"}
    head = (
        "气候 Climate",
        "雨强倍数 Rain",
        "不采取措施年均损失 Loss a year with nothing done",
        "较今增加 More than today",
    )
    rows = [
        (
            escape(titles[c.id]),
            f"× {c.rain_factor:.2f}",
            f"{million(c.loss_cny_a)} ({million_interval(c.loss_interval)})",
            f"{million(c.added_cny_a)} ({million_interval(c.added_interval)})",
        )
        for c in climates
    ]
    npv = {(c.id, o.id): o for c in climates for o in c.options}
    regret_head = (
        "稳健排名 Rank",
        "方案 Option",
        *(f"净现值 NPV (rank)<br>{escape(titles[c.id])}" for c in climates),
        "最大遗憾 Greatest regret, M CNY",
    )
    regret_rows = [
        (
            str(r.rank),
            _option(study, r.id),
            *(f"{million(npv[c.id, r.id].npv_cny)} ({npv[c.id, r.id].rank})" for c in climates),
            f"{million(r.regret_cny)} ({million_interval(r.regret_interval)}), {escape(titles[r.worst_climate])}",
        )
        for r in robust
    ]
    return [
        "<h2>气候情景 Climates</h2>",
        _table(head, rows),
        (
            "<p>Regret: how much less an option is worth than the best of the same climate; the least of greatest "
            "regrets is safest when nobody knows which climate will come. 遗憾值:同一气候下与最优方案净现值之差。</p>"
        ),
        _table(regret_head, regret_rows),
    ]


def level_parts(study: Study, levels: tuple[LevelResult, ...]) -> list[str]:
    """Table of losses by all rasters together; nothing where there are none."""
    if not levels or study.levels is None:
        return []
    head = (
        "措施 Measure",
        "年均损失 Loss a year",
        "年均减损 Avoided a year",
        "仅细网格的标准误 Errors by the fine runs alone",
    )
    rows = [
        (
            _option(study, r.measure),
            f"{million(r.loss_cny_a)} ± {million(r.loss_error_cny)}",
            f"{million(r.avoided_cny_a)} ± {million(r.avoided_error_cny)}",
            f"{million(r.plain_loss_error_cny)}; {million(r.plain_avoided_error_cny)}",
        )
        for r in levels
    ]
    counts = ", ".join(
        f"{n:,} at {c:,} cells" for c, n in zip(study.levels.raster_cells, study.levels.per_stratum, strict=True)
    )
    return [
        "<h2>多层蒙特卡洛 Multilevel Monte Carlo</h2>",
        (
            f"<p>Storms in each kind of year: {counts}, corrected by {study.storms.per_stratum:,} at "
            f"{study.raster_cells:,} (Giles 2008). M CNY, ± one standard error. "
            "粗网格多算、细网格修正,± 为一倍标准误。</p>"
        ),
        _table(head, rows),
    ]


def option_csv(rows: Iterable[Any]) -> str:
    """Flat rows of results; an interval is two columns, a list one with spaces."""
    flat = [_flat(asdict(row)) for row in rows]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in row.items():
        if key.endswith("_interval"):
            name = key.removesuffix("_interval")
            out |= {f"{name}_low": value[0], f"{name}_high": value[1]}
        elif isinstance(value, tuple):
            out[key] = " ".join(str(v) for v in value)
        elif isinstance(value, bool):
            out[key] = "yes" if value else "no"
        else:
            out[key] = value
    return out


def million(cny: float) -> str:
    """An amount in millions."""
    return f"{cny / 1e6:,.3f}"


def million_interval(interval: Interval) -> str:
    """An interval in millions."""
    return f"{million(interval[0])} … {million(interval[1])}"


def _option(study: Study, name: str) -> str:
    return escape(f"{option_title(study, name, 'zh')} {option_title(study, name, 'en')}")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(
        "<tr>" + "".join(f'<td class="t">{c}</td>' if i < 2 else f"<td>{c}</td>" for i, c in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{''.join(f'<th>{h}</th>' for h in head)}</tr>{body}</table>"
