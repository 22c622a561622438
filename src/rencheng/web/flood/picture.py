"""Pictures of a forecast for a message or a wall: one instant as PNG, all of them as an animated GIF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from rencheng.assess.flood.frames import DEPTH_STEP_M
from rencheng.city import City
from rencheng.web.flood.chart import Chart, Window, chart_of
from rencheng.web.flood.objects import FloodObjects, ObjectChoice
from rencheng.web.flood.palette import DEPTH_STOPS, PERCENT_STOPS, Stop, coloured, on_paper
from rencheng.web.flood.rasters import DEPTH_LAYER, FloodRasters
from rencheng.web.flood.words import Language, glyph, say, term
from rencheng.web.picture.flood import FloodForecastView

__all__ = ["FONT", "Caption", "Mark", "animation_gif", "caption_of", "map_png", "marks_of", "picture_png"]

FONT = Path(__file__).parent / "fonts" / "NotoSansSC-GB2312.otf"
"""Noto Sans SC with the characters of GB 2312 and Latin (SIL Open Font Licence 1.1, beside it)."""

_INK, _SOFT, _LINE = "#16222e", "#5a6b7c", "#c3ccd6"
_MODE = {"live": "#d6323c", "replay": "#8468f5", "rehearsal": "#e0922a"}
_PICTURE_WIDE, _MOVING_WIDE = 1600, 900
_FRAMES_MOST = 49
_FRAME_MS, _HOLD_MS = 220, 1600
_COLOURS = 128
_BADGE = {
    "underpass": "#ff7a59",
    "health": "#ff6fa8",
    "care": "#ff9fce",
    "school": "#ffd166",
    "utility": "#ffe45e",
    "metro": "#9ad0ff",
    "shelter": "#8ce3a4",
    "other_facility": "#c3b5ff",
}
"""Groups whose places are marked, in the colours of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A round badge at a place: a number that a list repeats, or a letter of its group."""

    lon: float
    lat: float
    group: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What stands beside the map.

    Parameters
    ----------
    city : str
        Name of the city in the language.
    zone : ZoneInfo
        Of the wall clocks.
    mode : str
        Live, replay or rehearsal: a drill must be seen to be one.
    language : {'zh', 'en'}
    forecast : FloodForecastView
    """

    city: str
    zone: ZoneInfo
    mode: str
    language: Language
    forecast: FloodForecastView

    def clock(self, at: datetime) -> str:
        """Wall clock of an instant."""
        return at.astimezone(self.zone).strftime("%H:%M")

    def source(self) -> str:
        """Whose forecast it is, in one line."""
        f = self.forecast
        parts = [
            say("based", self.language, at=f.based_at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")),
            term(f.rain_source, self.language),
            say("members", self.language, n=f.members),
            f"{f.cell_m:g} m",
            say("made", self.language),
        ]
        return " · ".join(parts)


def caption_of(city: City, mode: str, language: Language, forecast: FloodForecastView) -> Caption:
    """Caption of a forecast of a city."""
    name = city.manifest.name if language == "zh" else city.manifest.name_en
    return Caption(city=name or city.manifest.id, zone=city.zone, mode=mode, language=language, forecast=forecast)


def marks_of(objects: FloodObjects, language: Language, lead_min: int) -> list[Mark]:
    """Underpasses and facilities that stand in the water at a lead time, with the letter of their group."""
    chosen = objects.chosen(ObjectChoice(groups=tuple(_BADGE), lead_min=lead_min))
    rows = objects.sorted(objects.streets_once(chosen), "urgency")
    return [
        Mark(lon=r["lon"], lat=r["lat"], group=r["group"], label=glyph(r["group"], language))
        for r in objects.records(rows)
    ]


def map_png(city: City, rasters: FloodRasters, lead_min: int, *, width: int, marks: Sequence[Mark] = ()) -> bytes:
    """The map with the median depth of a lead time alone, without a frame, for a paper that has its own."""
    chart = chart_of(city, rasters.grid, width, least=0.5, most=0.66)
    image = chart.flooded(_water(chart, rasters, lead_min, DEPTH_LAYER))
    _badges(image, chart.window, marks, radius=width / 85)
    return _png(image)


def picture_png(
    city: City,
    rasters: FloodRasters,
    caption: Caption,
    lead_min: int,
    layer: str = DEPTH_LAYER,
    *,
    marks: Sequence[Mark] = (),
) -> bytes:
    """One lead time of a layer with title, clock, legend and scale.

    Raises
    ------
    NotFound
        If the forecast has no such lead time or layer.
    """
    rasters.raster(lead_min, layer)
    chart = chart_of(city, rasters.grid, _PICTURE_WIDE)
    sheet = _Sheet(chart, caption, layer)
    return _png(sheet.with_water(_water(chart, rasters, lead_min, layer), lead_min, marks))


def animation_gif(city: City, rasters: FloodRasters, caption: Caption, layer: str) -> bytes:
    """All lead times of a layer as an endless GIF, with a picture between two where there are few.

    Raises
    ------
    NotFound
        If the forecast has no such layer.
    """
    chart = chart_of(city, rasters.grid, _MOVING_WIDE)
    sheet = _Sheet(chart, caption, layer)
    leads = np.array(rasters.lead_min, float)
    steps = 2 if 2 * len(leads) - 1 <= _FRAMES_MOST else 1
    wanted = np.linspace(0, len(leads) - 1, steps * (len(leads) - 1) + 1)
    wet = [chart.sampled(_metres(rasters, lead, layer), _stops(layer)[0][0]) for lead in rasters.lead_min]
    pictures = []
    for at in wanted.tolist():
        k, part = int(at), at - int(at)
        values = wet[k] if part == 0 else wet[k] * (1 - part) + wet[k + 1] * part
        pictures.append(
            sheet.with_water(coloured(values, _stops(layer)), float(np.interp(at, range(len(leads)), leads)))
        )
    fullest = max(range(len(pictures)), key=lambda n: float(wet[min(int(wanted[n]), len(wet) - 1)].sum()))
    palette = _palette(pictures[fullest], layer, caption.mode)
    reduced = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    times = [_FRAME_MS * (2 // steps)] * (len(reduced) - 1) + [_HOLD_MS]
    out = io.BytesIO()
    reduced[0].save(
        out, format="GIF", save_all=True, append_images=reduced[1:], duration=times, loop=0, disposal=1, optimize=False
    )
    return out.getvalue()


def _palette(fullest: Image.Image, layer: str, mode: str) -> Image.Image:
    """Colours of the wettest picture, and swatches of those that little of it is drawn in but that must be true."""
    needed: list[str | tuple[int, int, int]] = [
        _INK,
        _SOFT,
        _LINE,
        "#ffffff",
        _MODE.get(mode, _SOFT),
        *(on_paper(s) for s in _stops(layer)),
    ]
    sample = Image.new("RGB", (fullest.width, round(fullest.height * 1.4)), "#ffffff")
    sample.paste(fullest, (0, 0))
    pen, wide = ImageDraw.Draw(sample), fullest.width / len(needed)
    for n, colour in enumerate(needed):
        pen.rectangle((n * wide, fullest.height, (n + 1) * wide, sample.height), fill=colour)
    return sample.quantize(_COLOURS, dither=Image.Dither.NONE)


def _stops(layer: str) -> tuple[Stop, ...]:
    return DEPTH_STOPS if layer == DEPTH_LAYER else PERCENT_STOPS


def _metres(rasters: FloodRasters, lead_min: int, layer: str) -> NDArray[np.float64]:
    raster = rasters.raster(lead_min, layer).astype(np.float64)
    return raster * DEPTH_STEP_M if layer == DEPTH_LAYER else raster


def _water(chart: Chart, rasters: FloodRasters, lead_min: int, layer: str) -> NDArray[np.uint8]:
    stops = _stops(layer)
    return coloured(chart.sampled(_metres(rasters, lead_min, layer), stops[0][0]), stops)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, format="PNG", optimize=True)
    return out.getvalue()


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT), size)


def _badges(image: Image.Image, window: Window, marks: Sequence[Mark], *, radius: float) -> None:
    """Draw badges, the first on top."""
    pen = ImageDraw.Draw(image)
    for mark in reversed(marks):
        x, y = window.pixels(np.array([mark.lon]), np.array([mark.lat]))[0].tolist()
        box = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse(box, fill=_BADGE.get(mark.group, "#c3b5ff"), outline="#10202e", width=max(1, round(radius / 8)))
        pen.text((x, y), mark.label, fill="#10202e", font=_font(round(radius * 1.15)), anchor="mm")


class _Sheet:
    """A chart with a band for the title above it and one for the legend below it."""

    def __init__(self, chart: Chart, caption: Caption, layer: str) -> None:
        self._chart = chart
        self._caption = caption
        self._layer = layer
        self._u = chart.window.width / 1600
        """Size of the lettering: 1 on a sheet of 1600 pixels, never too small to read."""
        self._u = max(self._u, 0.62)
        self._head, self._foot = round(92 * self._u), round(98 * self._u)

    def with_water(self, rgba: NDArray[np.uint8], lead_min: float, marks: Sequence[Mark] = ()) -> Image.Image:
        """The whole sheet with the water of one instant."""
        w = self._chart.window
        sheet = Image.new("RGB", (w.width, w.height + self._head + self._foot), "#ffffff")
        flooded = self._chart.flooded(rgba)
        _badges(flooded, w, marks, radius=13 * self._u)
        sheet.paste(flooded, (0, self._head))
        pen = ImageDraw.Draw(sheet)
        self._title(pen, lead_min)
        self._legend(pen, sheet.height - self._foot)
        self._scale(pen, self._head + w.height)
        return sheet

    def _title(self, pen: ImageDraw.ImageDraw, lead_min: float) -> None:
        u, caption, language = self._u, self._caption, self._caption.language
        wide = self._chart.window.width
        x = 26 * u
        mode, colour = say(caption.mode, language), _MODE.get(caption.mode, _SOFT)
        long = pen.textlength(mode, _font(round(25 * u)))
        pen.rounded_rectangle((x, 26 * u, x + long + 28 * u, 66 * u), 5 * u, fill=colour)
        pen.text((x + 14 * u, 46 * u), mode, fill="#ffffff", font=_font(round(25 * u)), anchor="lm")
        x += long + 50 * u
        pen.text(
            (x, 46 * u), f"{caption.city} {say('title', language)}", fill=_INK, font=_font(round(36 * u)), anchor="lm"
        )
        at = caption.forecast.based_at + timedelta(minutes=lead_min)
        clock, lead = caption.clock(at), say("lead", language, n=round(lead_min))
        pen.text((wide - 26 * u, 36 * u), clock, fill=_INK, font=_font(round(50 * u)), anchor="rm")
        pen.text(
            (wide - 26 * u, 74 * u),
            f"{say('valid', language)} {lead}",
            fill=_SOFT,
            font=_font(round(20 * u)),
            anchor="rm",
        )
        pen.line((0, self._head - 1, wide, self._head - 1), fill=_LINE)

    def _legend(self, pen: ImageDraw.ImageDraw, top: float) -> None:
        u, language = self._u, self._caption.language
        depth = self._layer == DEPTH_LAYER
        threshold = 0.0 if depth else int(self._layer.removeprefix("percent_")) / 1000
        name = say("depth", language) if depth else say("percent", language, depth=f"{threshold:g}")
        font = _font(round(19 * u))
        pen.text((26 * u, top + 26 * u), name, fill=_INK, font=font, anchor="lm")
        x = 26 * u + max(pen.textlength(name, font), 120 * u) + 24 * u
        for stop in _stops(self._layer):
            pen.rectangle((x, top + 14 * u, x + 86 * u, top + 34 * u), fill=on_paper(stop))
            label = f"{stop[0]:g}" if depth else f"{stop[0]:g}%"
            pen.text((x + 2 * u, top + 38 * u), label, fill=_SOFT, font=_font(round(16 * u)), anchor="la")
            x += 86 * u
        pen.text((26 * u, top + 78 * u), self._caption.source(), fill=_SOFT, font=_font(round(17 * u)), anchor="lm")

    def _scale(self, pen: ImageDraw.ImageDraw, bottom: float) -> None:
        u, window = self._u, self._chart.window
        steps = [100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000]
        length = next((s for s in steps if s * window.metre >= 110 * u), steps[-1])
        right = window.width - 26 * u
        left, y = right - length * window.metre, bottom + 30 * u
        pen.line((left, y, right, y), fill=_INK, width=max(1, round(2 * u)))
        for x in (left, right):
            pen.line((x, y - 7 * u, x, y), fill=_INK, width=max(1, round(2 * u)))
        label = f"{length / 1000:g} km" if length >= 1000 else f"{length} m"
        pen.text(((left + right) / 2, y + 15 * u), label, fill=_INK, font=_font(round(17 * u)), anchor="mm")
