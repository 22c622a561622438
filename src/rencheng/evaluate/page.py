"""The report as a page that needs nothing but itself: no script, no font, no address."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

from jinja2 import Environment
from markupsafe import Markup

from rencheng.evaluate.report import Report
from rencheng.evaluate.service import ServiceCurve

__all__ = ["report_html"]

_WIDTH, _HEIGHT = 1000.0, 120.0


def report_html(report: Report) -> str:
    """Render the report in Chinese and English, times by the city's clock."""
    zone = ZoneInfo(report.timezone)
    environment = Environment(autoescape=True, trim_blocks=True)
    environment.globals.update(at=lambda t: _at(t, zone), num=_number, hours=_hours, curve=_curve)
    template = (files("rencheng.evaluate") / "data" / "report.html.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(r=report)


def _at(instant: datetime | None, zone: ZoneInfo) -> str:
    return "—" if instant is None else instant.astimezone(zone).strftime("%m-%d %H:%M:%S")


def _number(value: float | None, digits: int = 1) -> str:
    return "—" if value is None else f"{value:.{digits}f}"


def _hours(span_s: float | None) -> str:
    return "—" if span_s is None else _number(span_s / 3600.0)


def _curve(curve: ServiceCurve) -> Markup:
    """Step curve as an SVG; the axis begins at the lowest level so that small losses can be seen."""
    start, end = curve.at[0], curve.at[-1]
    span = max((end - start).total_seconds(), 1.0)
    low = min(curve.level_ratio)
    floor = low - 0.1 * max(1.0 - low, 1e-3)
    path, previous = [], _HEIGHT
    for i, (at, level) in enumerate(zip(curve.at, curve.level_ratio, strict=True)):
        x = (at - start).total_seconds() / span * _WIDTH
        y = (1.0 - (level - floor) / (1.0 - floor)) * (_HEIGHT - 8.0) + 4.0
        path.append(f"M{x:.1f} {y:.1f}" if i == 0 else f"L{x:.1f} {previous:.1f}L{x:.1f} {y:.1f}")
        previous = y
    line = "".join(path)
    area = f"{line}L{_WIDTH} 4L0 4Z"
    return Markup(
        '<svg viewBox="0 0 1000 120" preserveAspectRatio="none" role="img"><path d="{}" fill="#d03b3b22"/>'
        '<path d="{}" fill="none" stroke="#2f6fde" stroke-width="2" vector-effect="non-scaling-stroke"/></svg>'
    ).format(area, line)
