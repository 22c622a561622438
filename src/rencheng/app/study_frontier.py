"""What portfolios save a year over what they cost, with intervals and the frontier, as an SVG picture."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from rencheng.app.study_chart import (
    BOTTOM,
    HEIGHT,
    INK,
    LEFT,
    RIGHT,
    SURE,
    TOP,
    UNSURE,
    WIDTH,
    chart_axes,
    ticks_across,
)
from rencheng.rehearse.study_options import TriedPortfolio

__all__ = ["frontier_chart"]

_MILLION = 1e6


def frontier_chart(portfolios: tuple[TriedPortfolio, ...], title_of: Callable[[str], str]) -> str:
    """Draw everything tried, the frontier as a line through its portfolios with their 95 % intervals.

    Parameters
    ----------
    portfolios : tuple of TriedPortfolio
        With ``none`` among them.
    title_of : callable
        What a portfolio is called.
    """
    right = max(p.cost_cny for p in portfolios) / _MILLION * 1.05 or 1.0
    on = [p for p in portfolios if p.on_frontier]
    low = min(0.0, *(p.avoided_cny_a for p in portfolios), *(p.avoided_interval[0] for p in on)) / _MILLION
    high = max(1e-6, *(p.avoided_cny_a for p in portfolios), *(p.avoided_interval[1] for p in on)) / _MILLION
    pad = (high - low) * 0.06
    bottom, top = (low - pad if low < 0.0 else 0.0), high + pad

    def x(cny: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * cny / _MILLION / right

    def y(cny: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (cny / _MILLION - bottom) / (top - bottom)

    line = " ".join(f"{x(p.cost_cny):.1f},{y(p.avoided_cny_a):.1f}" for p in on)
    body = [
        *ticks_across(bottom, top, right),
        f'<polyline points="{line}" fill="none" stroke="{SURE}" stroke-width="1.5"/>',
        *(
            f'<circle cx="{x(p.cost_cny):.1f}" cy="{y(p.avoided_cny_a):.1f}" r="3" fill="{UNSURE}"/>'
            for p in portfolios
            if not p.on_frontier
        ),
    ]
    for p in on:
        at, worst, best = x(p.cost_cny), y(p.avoided_interval[0]), y(p.avoided_interval[1])
        body.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{worst:.1f}" y2="{best:.1f}" stroke="{SURE}" stroke-width="2"/>'
            f'<circle cx="{at:.1f}" cy="{y(p.avoided_cny_a):.1f}" r="5" fill="{SURE}"/>'
            f'<text x="{at + 9:.1f}" y="{y(p.avoided_cny_a) + 14:.1f}" fill="{INK}">{escape(title_of(p.id))}</text>'
        )
    return chart_axes(body, "Loss avoided a year over the cost of portfolios")
