"""What each measure saves a year over what it costs, with intervals, as an SVG picture."""

from __future__ import annotations

import math
from html import escape

from rencheng.rehearse.study_ranking import RankedMeasure

__all__ = [
    "BOTTOM",
    "HEIGHT",
    "INK",
    "LEFT",
    "RIGHT",
    "SURE",
    "TOP",
    "UNSURE",
    "WIDTH",
    "chart_axes",
    "cost_chart",
    "ticks_across",
]

WIDTH, HEIGHT = 920, 460
LEFT, RIGHT, TOP, BOTTOM = 90, 150, 24, 56
INK, FAINT, SURE, UNSURE = "#1d2733", "#d9dfe6", "#1f5fa8", "#9aa5b1"
_MILLION = 1e6
_TICKS = 5


def cost_chart(ranked: tuple[RankedMeasure, ...]) -> str:
    """Draw the measures of a ranking: present value of cost to the right, loss avoided a year upwards, both M CNY."""
    right = max(m.cost_cny for m in ranked) / _MILLION * 1.05
    low = min(0.0, *(m.avoided_interval[0] for m in ranked)) / _MILLION
    high = max(1e-6, *(m.avoided_interval[1] for m in ranked)) / _MILLION
    pad = (high - low) * 0.06
    bottom, top = (low - pad if low < 0.0 else 0.0), high + pad

    def x(million: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * million / right

    def y(million: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (million - bottom) / (top - bottom)

    body = ticks_across(bottom, top, right)
    for m in ranked:
        at, colour = x(m.cost_cny / _MILLION), SURE if m.helps else UNSURE
        worst, best = (y(v / _MILLION) for v in m.avoided_interval)
        middle = y(m.avoided_cny_a / _MILLION)
        body.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{worst:.1f}" y2="{best:.1f}" stroke="{colour}" stroke-width="2"/>'
            f'<circle cx="{at:.1f}" cy="{middle:.1f}" r="5" fill="{colour}"/>'
            f'<text x="{at + 9:.1f}" y="{middle + 4:.1f}" fill="{INK}">{m.rank} {escape(m.title.zh)}</text>'
        )
    return chart_axes(body, "Loss avoided a year over cost")


def chart_axes(body: list[str], label: str) -> str:
    """Put the names of the axes, cost and loss avoided, to a picture's parts and make it whole."""
    names = (
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 12}" text-anchor="middle">'
        "费用现值 Present value of cost, million CNY</text>"
        f'<text transform="translate(20 {HEIGHT / 2:.0f}) rotate(-90)" text-anchor="middle">'
        "年均减损 Loss avoided a year, million CNY</text>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" '
        f'font-size="12" role="img" aria-label="{label}">{"".join(body)}{names}</svg>'
    )


def ticks_across(bottom: float, top: float, right: float) -> list[str]:
    """Grid of a picture whose values, in millions, go from 0 to ``right`` and from ``bottom`` to ``top``."""

    def x(million: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * million / right

    def y(million: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (million - bottom) / (top - bottom)

    return [
        *(_across(y(v), _number(v, top - bottom)) for v in _ticks(bottom, top)),
        *(_upright(x(v), _number(v, right)) for v in _ticks(0.0, right)),
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(0.0):.1f}" y2="{y(0.0):.1f}" stroke="{INK}"/>',
    ]


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two, some five of them."""
    step = 10.0 ** math.floor(math.log10((high - low) / _TICKS))
    step *= next(f for f in (1.0, 2.0, 5.0, 10.0) if (high - low) / (step * f) <= _TICKS)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _number(value: float, span: float) -> str:
    return f"{value:,.{max(0, 1 - math.floor(math.log10(span / _TICKS)))}f}"


def _across(y: float, text: str) -> str:
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{FAINT}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    )


def _upright(x: float, text: str) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{FAINT}"/>'
        f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{text}</text>'
    )
