"""Pictures of a river extent: a PNG per case set side by side, and a page that holds them with the totals and notes."""

from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from rencheng.app.flood_extent_files import totals_rows
from rencheng.assess.flood.exposure_index import link_lines, metric_line
from rencheng.assess.flood.river_extent import ExtentCase, RiverExtent
from rencheng.city import City

__all__ = ["TITLES", "case_picture", "write_map"]

WIDTH_PX = 1000
UNLIKELY = 0.1
DEPTHS_M = (0.3, 0.6, 1.2, 2.4)
WATER = (158, 190, 214)
LAND = (238, 236, 230)
UNKNOWN = (255, 255, 255)
MAYBE = (205, 222, 240)
DEEP = ((146, 188, 235), (92, 148, 222), (46, 104, 200), (22, 62, 160), (10, 26, 108))
ROADS = {"motorway": 2, "trunk": 2, "primary": 2, "secondary": 1, "tertiary": 1}
ROAD_INK = (120, 112, 104)
DEFENCE_INK = {"stands": (196, 40, 40), "gone": (230, 150, 40)}
INK = (30, 34, 40)
TITLES = {
    "as_it_is": "As the terrain is",
    "defences_fail": "Defences fail (open or breached)",
    "defences_hold": "Defences hold",
    "defences_as_stated": "Defences as stated in the package",
    "in_time": "As far as water gets in the time given",
}
"""Name of every case for people."""


def write_map(extent: RiverExtent, city: City, out: Path) -> list[Path]:
    """Write ``map.png`` (cases side by side) and ``map.html`` (pictures, totals, notes; needs no network)."""
    pictures = [case_picture(extent, case, city) for case in extent.cases]
    sheet = Image.new("RGB", (sum(p.width for p in pictures), pictures[0].height), UNKNOWN)
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width
    png, page = out / "map.png", out / "map.html"
    sheet.save(png, optimize=False)
    page.write_text(_page(extent, city, pictures), encoding="utf-8")
    return [png, page]


def case_picture(extent: RiverExtent, case: ExtentCase, city: City) -> Image.Image:
    """One case as a picture, north up: depth where likely wet, pale where possible, roads and defences over it."""
    grid = extent.grid
    colour = np.full((grid.ny, grid.nx, 3), LAND, np.uint8)
    colour[~np.isfinite(extent.ground.ground_m)] = UNKNOWN
    colour[case.prob >= UNLIKELY] = MAYBE
    wet = case.prob >= case.least_prob
    colour[wet] = np.array(DEEP, np.uint8)[np.digitize(case.depth_m[wet], DEPTHS_M)]
    colour[extent.water.standing] = WATER
    rows, columns = _worth_showing(case.prob, extent)
    scale = max(1, WIDTH_PX // (columns.stop - columns.start))
    image = Image.fromarray(np.ascontiguousarray(colour[rows, columns][::-1]))
    image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)

    def pixels(line: Any) -> list[tuple[float, float]]:
        xy = shapely.get_coordinates(line)
        x = ((xy[:, 0] - grid.west_m) / grid.cell_m - columns.start) * scale
        y = image.height - ((xy[:, 1] - grid.south_m) / grid.cell_m - rows.start) * scale
        return list(zip(x.tolist(), y.tolist(), strict=True))

    _draw_roads(draw, city, pixels)
    _draw_defences(draw, extent, case, city, pixels)
    x, y = city.to_metric.transform(extent.gauge.lon, extent.gauge.lat)
    (gx, gy) = pixels(shapely.Point(x, y))[0]
    draw.ellipse((gx - 6, gy - 6, gx + 6, gy + 6), fill=(255, 255, 255), outline=INK, width=2)
    return _framed(image, extent, case, scale)


def _worth_showing(prob: NDArray[np.float32], extent: RiverExtent) -> tuple[slice, slice]:
    """The part of the raster with people or possible water in it, the same for all cases."""
    shown = np.zeros(prob.shape, np.bool_)
    for case in extent.cases:
        shown |= case.prob >= UNLIKELY
    if not shown.any():
        shown[:] = True
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    margin = 12
    return (
        slice(max(int(rows[0]) - margin, 0), min(int(rows[-1]) + margin + 1, prob.shape[0])),
        slice(max(int(columns[0]) - margin, 0), min(int(columns[-1]) + margin + 1, prob.shape[1])),
    )


def _draw_roads(draw: ImageDraw.ImageDraw, city: City, pixels: Any) -> None:
    if not city.has("road_links"):
        return
    classes = city.table("road_links").column("road_class").to_pylist()
    lines = link_lines(city)
    for kind, width in reversed(ROADS.items()):
        for row in [i for i, c in enumerate(classes) if c == kind]:
            draw.line(pixels(lines[row]), fill=ROAD_INK, width=width)


def _draw_defences(draw: ImageDraw.ImageDraw, extent: RiverExtent, case: ExtentCase, city: City, pixels: Any) -> None:
    for defence in extent.defences:
        stands = case.name == "defences_hold" or (case.name == "defences_as_stated" and defence.state == "intact")
        ink = DEFENCE_INK["stands" if stands else "gone"]
        for part in shapely.get_parts(metric_line(city, defence.line)):
            draw.line(pixels(part), fill=ink, width=3)


def _framed(image: Image.Image, extent: RiverExtent, case: ExtentCase, scale: int) -> Image.Image:
    head, foot = 64, 84
    framed = Image.new("RGB", (image.width + 16, image.height + head + foot), UNKNOWN)
    framed.paste(image, (8, head))
    draw = ImageDraw.Draw(framed)
    total = case.totals.areas[0]
    gauge = _plain(extent.gauge.name).strip() or extent.gauge.sensor_id
    draw.text((10, 6), f"Stage {extent.level.stage_m:g} m at {gauge}: {TITLES[case.name]}", INK, _font(22))
    told = (
        f"{total.residents:,.0f} residents ({total.residents_low:,.0f} to {total.residents_high:,.0f}), "
        f"{total.schools} schools, {sum(total.road_km.values()):,.0f} km of road, {total.flooded_km2:.1f} km2 of land"
    )
    draw.text((10, 36), told, INK, _font(17))
    _legend(draw, image.height + head + 8)
    kilometre = 1000.0 / extent.grid.cell_m * scale
    right, base = framed.width - 20, image.height + head + 52
    draw.line([(right - kilometre, base), (right, base)], fill=INK, width=3)
    draw.text((right - kilometre, base + 6), "1 km", INK, _font(15))
    return framed


def _legend(draw: ImageDraw.ImageDraw, top: int) -> None:
    labels = ["possible (10 % and more)", "expected: < 0.3 m", "0.3", "0.6", "1.2", "> 2.4 m", "ordinary water"]
    inks = [MAYBE, *DEEP, WATER]
    left = 10
    for ink, label in zip(inks, labels, strict=True):
        draw.rectangle((left, top, left + 22, top + 16), fill=ink, outline=INK)
        draw.text((left + 28, top - 1), label, INK, _font(15))
        left += 46 + round(draw.textlength(label, _font(15)))
    left = 10
    for ink, label in ((DEFENCE_INK["stands"], "defence that holds"), (DEFENCE_INK["gone"], "defence open or gone")):
        draw.line([(left, top + 38), (left + 26, top + 38)], fill=ink, width=3)
        draw.text((left + 32, top + 29), label, INK, _font(15))
        left += 50 + round(draw.textlength(label, _font(15)))
    draw.ellipse((left, top + 32, left + 12, top + 44), fill=UNKNOWN, outline=INK, width=2)
    draw.text((left + 18, top + 29), "gauge", INK, _font(15))


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _plain(text: str) -> str:
    """Letters without accents, which are all that the font inside the imaging library has."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _page(extent: RiverExtent, city: City, pictures: list[Image.Image]) -> str:
    name = escape(city.manifest.name_en or city.manifest.name)
    title = f"{name}: stage {extent.level.stage_m:g} m at {escape(extent.gauge.name)}"
    figures = "".join(
        f'<figure><img alt="{TITLES[case.name]}" src="data:image/png;base64,{_base64(picture)}"></figure>'
        for case, picture in zip(extent.cases, pictures, strict=True)
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in extent.notes)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>'
        "body{font:15px/1.5 system-ui,sans-serif;margin:24px;color:#1e2228}"
        "figure{display:inline-block;margin:0 12px 12px 0}"
        "img{max-width:100%;height:auto;border:1px solid #ccc}table{border-collapse:collapse;margin:12px 0}"
        "td,th{border:1px solid #ccc;padding:4px 10px;text-align:right}th:first-child,td:first-child{text-align:left}"
        f"</style><h1>{title}</h1>{figures}<h2>Who and what is under at least 0.15 m of water</h2>{_table(extent)}"
        f"<h2>How it was made, and what it does not know</h2><ul>{notes}</ul></html>\n"
    )


def _table(extent: RiverExtent) -> str:
    rows = [r for r in totals_rows(extent) if not r["area_id"]]
    lines: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        (
            "Land, km² (80 %)",
            lambda r: f"{r['flooded_km2']:.1f} ({r['flooded_km2_low']:.1f} – {r['flooded_km2_high']:.1f})",
        ),
        ("Residents (80 %)", lambda r: f"{r['residents']:,} ({r['residents_low']:,} – {r['residents_high']:,})"),
        ("Vulnerable residents", lambda r: f"{r['vulnerable_residents']:,}"),
        ("Schools", lambda r: f"{r['schools']}"),
        ("Pupils (80 %)", lambda r: f"{r['pupils']:,} ({r['pupils_low']:,} – {r['pupils_high']:,})"),
        ("Hydrants", lambda r: f"{r['hydrants']}"),
        (
            "Other facilities",
            lambda r: ", ".join(f"{v} {k}" for k, v in r["facilities"].items() if k not in _SAID) or "–",
        ),
        ("Buildings", lambda r: f"{r['buildings']}"),
        ("Underpasses", lambda r: f"{r['underpasses']}"),
        ("Road, km", lambda r: f"{sum(r['road_km'].values()):.1f}"),
        ("Cut off: cells, residents", lambda r: f"{r['isolated_cells']}, {r['isolated_residents']:,}"),
        ("Residents not assessed", lambda r: f"{r['unassessed_residents']:,}"),
    ]
    head = "".join(f"<th>{TITLES[r['case']]}</th>" for r in rows)
    body = "".join(f"<tr><td>{label}</td>{''.join(f'<td>{say(r)}</td>' for r in rows)}</tr>" for label, say in lines)
    return f"<table><tr><th></th>{head}</tr>{body}</table>"


_SAID = ("school", "kindergarten", "hydrant")


def _base64(picture: Image.Image) -> str:
    data = io.BytesIO()
    picture.save(data, format="PNG")
    return base64.b64encode(data.getvalue()).decode()
