"""A fan chart of a stage forecast as an SVG picture: the past, the median, the intervals, the marks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.river import GaugeOutlook, RiverForecast
from rencheng.kernel import hours

__all__ = ["fan_chart"]

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 920, 460
LEFT, RIGHT, TOP, BOTTOM = 56, 24, 56, 44
INK, FAINT, RIVER, MARK = "#1d2733", "#d9dfe6", "#1f5fa8", "#c0392b"


def fan_chart(forecast: RiverForecast, told: GaugeOutlook, marks: Sequence[tuple[float, str]], zone: ZoneInfo) -> str:
    """Draw one gauge's forecast.

    Parameters
    ----------
    forecast : RiverForecast
        The forecast.
    told : GaugeOutlook
        The gauge.
    marks : sequence of (float, str)
        Stages with their names, m.
    zone : ZoneInfo
        Zone of the time axis.

    Returns
    -------
    str
        An SVG document of 920 × 460 units.
    """
    past, ahead = len(told.past_m), told.stage_m.shape[1]
    known = told.past_m[np.isfinite(told.past_m)]
    low = min(float(known.min()), float(told.stage_m.min()))
    high = max(float(known.max()), float(told.stage_m.max()), *(m for m, _ in marks), low + 0.5)
    plot = _Plot(past=past, ahead=ahead, low=np.floor(low * 2.0) / 2.0, high=np.ceil(high * 2.0 + 0.2) / 2.0)
    lead = np.arange(ahead + 1.0)
    now = np.full((len(told.stage_m), 1), told.observed_m)
    fan = np.hstack([now, told.stage_m])
    body = [
        *plot.grid(forecast, zone),
        plot.band(lead, fan[0], fan[6], 0.16, "95 %"),
        plot.band(lead, fan[1], fan[5], 0.26, "80 %"),
        plot.band(lead, fan[2], fan[4], 0.34, "50 %"),
        plot.line(lead, fan[3], RIVER, 2.4, "median"),
        plot.line(np.arange(1.0 - past, 1.0), told.past_m, INK, 1.8, "observed"),
        *(plot.mark(stage, name) for stage, name in marks),
        plot.now_line(),
    ]
    local = forecast.based_at.astimezone(zone)
    title = f"{told.name} ({told.sensor_id})"
    under = f"{forecast.model}, from {local:%Y-%m-%d %H:%M %Z}: median, 50, 80 and 95 % intervals; stage in m"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        ' font-family="Noto Sans, DejaVu Sans, sans-serif" font-size="12">'
    )
    return "\n".join(
        [
            head,
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            f'<text x="{LEFT}" y="24" font-size="17" font-weight="600" fill="{INK}">{escape(title)}</text>',
            f'<text x="{LEFT}" y="42" fill="#51606f">{escape(under)}</text>',
            *body,
            "</svg>",
            "",
        ]
    )


class _Plot:
    """Scales of the picture: hours from now, metres of stage."""

    def __init__(self, *, past: int, ahead: int, low: float, high: float) -> None:
        self.past, self.ahead, self.low, self.high = past, ahead, float(low), float(high)

    def x(self, hour: float) -> float:
        """Abscissa of an hour from now."""
        return LEFT + (hour + self.past) / (self.past + self.ahead) * (WIDTH - LEFT - RIGHT)

    def y(self, stage: float) -> float:
        """Ordinate of a stage."""
        return TOP + (self.high - stage) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def points(self, hour: Floats, stage: Floats) -> str:
        pairs = zip(hour.tolist(), stage.tolist(), strict=True)
        return " ".join(f"{self.x(h):.1f},{self.y(s):.1f}" for h, s in pairs)

    def band(self, hour: Floats, low: Floats, high: Floats, opacity: float, name: str) -> str:
        edge = self.points(np.r_[hour, hour[::-1]], np.r_[high, low[::-1]])
        return f'<polygon points="{edge}" fill="{RIVER}" fill-opacity="{opacity}"><title>{name}</title></polygon>'

    def line(self, hour: Floats, stage: Floats, colour: str, width: float, name: str) -> str:
        good = np.isfinite(stage)
        return (
            f'<polyline points="{self.points(hour[good], stage[good])}" fill="none" stroke="{colour}"'
            f' stroke-width="{width}" stroke-linejoin="round"><title>{name}</title></polyline>'
        )

    def mark(self, stage: float, name: str) -> str:
        y = self.y(stage)
        return (
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{MARK}" stroke-dasharray="6 4"/>'
            f'<text x="{LEFT + 6}" y="{y - 5:.1f}" fill="{MARK}">{escape(name)} {stage:.2f} m</text>'
        )

    def now_line(self) -> str:
        x = self.x(0.0)
        return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{INK}" stroke-width="0.8"/>'

    def grid(self, forecast: RiverForecast, zone: ZoneInfo) -> list[str]:
        """Horizontal lines every half metre or more, and a tick at every midnight and noon of the zone."""
        step = 0.5 if self.high - self.low <= 6.0 else 1.0 if self.high - self.low <= 12.0 else 5.0
        rows = []
        for stage in np.arange(np.ceil(self.low / step) * step, self.high + 1e-9, step).tolist():
            y = self.y(stage)
            rows.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{FAINT}"/>')
            rows.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{INK}">{stage:.1f}</text>')
        for hour in range(-self.past + 1, self.ahead + 1):
            local = (forecast.based_at + hours(hour)).astimezone(zone)
            if local.hour == 0:
                x = self.x(hour)
                rows.append(
                    f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{FAINT}"/>'
                    f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="{INK}">'
                    f"{local:%d %b}</text>"
                )
        return rows
