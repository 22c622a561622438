"""Forecast water over HTTP: what the page draws, lists and hands out, and how it refuses."""

from __future__ import annotations

import csv
import io
import re
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import h3
import httpx
import numpy as np
import pytest
from PIL import Image
from tests.web.web_flood import LEADS, flood_drafts, flood_frames, flood_objects
from tests.web.web_script import START
from tests.web.web_session import ScriptedSession

from rencheng.city import City
from rencheng.web.flood import FloodObjects, ObjectChoice
from rencheng.web.flood.exports import objects_csv
from rencheng.web.flood.palette import DEPTH_STOPS, PERCENT_STOPS, Stop
from rencheng.web.flood.places import Places
from rencheng.web.flood.rasters import block_highest

FORECAST = "/api/flood/forecasts/flood-3"
COLOURS = Path(__file__).parents[2] / "console" / "src" / "map" / "water" / "colours.ts"


def test_forecasts_come_newest_first_with_their_skill_and_what_was_given_up(client: httpx.Client) -> None:
    found = client.get("/api/flood/forecasts").json()
    assert [f["forecast_id"] for f in found["forecasts"]] == ["flood-3", "flood-2", "flood-1"]
    assert found["forecasts"][0]["effective_members"] == 20.0
    assert found["skill"][0]["pairs"] == 315
    assert found["superseded"][0]["reason"] == "newer rain picture"
    assert len(client.get("/api/flood/forecasts", params={"limit": 1}).json()["forecasts"]) == 1


def test_a_forecast_says_where_its_rasters_lie_and_what_is_advised(client: httpx.Client, small_city: City) -> None:
    detail = client.get(FORECAST).json()
    grid = detail["grid"]
    assert detail["layers"] == ["depth_mm", "percent_150", "percent_300", "percent_600", "percent_1200"]
    assert len(grid["mesh_lon"]) == grid["mesh_rows"] * grid["mesh_columns"]
    assert (grid["mesh_lon"][0], grid["mesh_lat"][0]) == pytest.approx(grid["corners"][0], abs=1e-6)
    assert (grid["mesh_lon"][-1], grid["mesh_lat"][-1]) == pytest.approx(grid["corners"][2], abs=1e-6)
    assert [o["kind"] for o in detail["advice"]["options"]] == ["mobile_pump", "gate", "none"]
    assert detail["deepest_m"] == pytest.approx(float(flood_frames(small_city, swell=1.2).depth_m.max()), abs=1e-3)


@pytest.mark.parametrize(("layer", "kind"), [("depth_mm", "<u2"), ("percent_300", "u1")])
def test_a_raster_arrives_as_it_was_stored_and_is_asked_for_once(
    client: httpx.Client, small_city: City, layer: str, kind: str
) -> None:
    frames = flood_frames(small_city, swell=1.2)
    answer = client.get(f"{FORECAST}/frames/60/{layer}")
    assert answer.headers["content-encoding"] == "deflate"
    made = np.frombuffer(answer.content, kind).reshape(frames.grid.ny, frames.grid.nx)
    at = LEADS.index(60)
    stored = frames.depth_m[at] * 1000 if layer == "depth_mm" else frames.exceed_prob[0.3][at]
    assert np.abs(made - stored).max() <= 0.51
    again = client.get(f"{FORECAST}/frames/60/{layer}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get(f"{FORECAST}/frames/60/{layer}", headers={"Accept-Encoding": "identity"})
    assert plain.content == answer.content
    assert "content-encoding" not in plain.headers


def test_a_large_raster_is_thinned_to_the_highest_value_of_its_blocks(client: httpx.Client) -> None:
    grid = client.get(FORECAST).json()["grid"]
    whole = np.frombuffer(client.get(f"{FORECAST}/frames/60/depth_mm").content, "<u2")
    thin = np.frombuffer(client.get(f"{FORECAST}/frames/60/depth_mm", params={"reduce": 4}).content, "<u2")
    blocks = block_highest(whole.reshape(grid["ny"], grid["nx"]), 4)
    assert np.array_equal(thin.reshape(blocks.shape), blocks)
    assert thin.max() == whole.max()
    assert block_highest(np.arange(6).reshape(2, 3), 2).tolist() == [[4, 5]]


def test_the_depth_at_a_place_is_that_of_its_cell(client: httpx.Client, small_city: City) -> None:
    frames = flood_frames(small_city, swell=1.2)
    row, column = np.unravel_index(int(frames.depth_m[6].argmax()), frames.depth_m[6].shape)
    g = frames.grid
    x, y = g.west_m + (column + 0.4) * g.cell_m, g.south_m + (row + 0.6) * g.cell_m
    lon, lat = small_city.to_lonlat.transform(x, y)
    point = client.get(f"{FORECAST}/point", params={"lon": lon, "lat": lat}).json()
    assert point["depth_m"] == pytest.approx(frames.depth_m[:, row, column].tolist(), abs=1e-3)
    assert point["exceed_prob"]["0.15"][6] == frames.exceed_prob[0.15][6, row, column] / 100
    assert client.get(f"{FORECAST}/point", params={"lon": 10, "lat": 50}).status_code == 404
    assert client.get(f"{FORECAST}/point", params={"lon": 1e9, "lat": 0}).status_code == 422


def test_the_list_puts_underpasses_first_and_counts_a_street_once(client: httpx.Client) -> None:
    page = client.get(f"{FORECAST}/objects", params={"limit": 1000}).json()
    assert page["total"] == len(page["objects"]) == sum(page["groups"].values())
    groups = list(dict.fromkeys(o["group"] for o in page["objects"]))
    assert groups == list(page["groups"])
    assert groups[0] == "underpass"
    streets = [(o["lon"], o["lat"]) for o in page["objects"] if o["kind"] == "road_link"]
    assert len(streets) == len(set(streets))
    first = page["objects"][0]
    assert first["name"].startswith("路")
    assert max(first["depth_by_lead_m"]) == first["depth_m"]
    assert page["lead_min"][first["depth_by_lead_m"].index(first["depth_m"])] == first["worst_min"]


def test_the_list_is_chosen_sorted_and_paged(client: httpx.Client) -> None:
    def ask(**how: str | float) -> Any:
        return client.get(f"{FORECAST}/objects", params=how).json()

    roads = ask(group="road", sort="depth", limit=50)
    depths = [o["depth_m"] for o in roads["objects"]]
    assert depths == sorted(depths, reverse=True)
    assert {o["group"] for o in roads["objects"]} == {"road"}
    second = ask(group="road", sort="depth", limit=25, offset=25)
    assert [o["object_id"] for o in second["objects"]] == [o["object_id"] for o in roads["objects"]][25:]
    early = ask(lead_min=0, limit=1000)
    assert early["total"] < ask(limit=1)["total"]
    assert ask(threshold_m=1.2)["total"] < ask(threshold_m=0.15)["total"]
    assert ask(min_prob=0.05)["total"] > ask(min_prob=0.95)["total"]
    assert ask(text="no such place")["total"] == 0
    assert all(o["first_min"] >= 0 for o in ask(sort="first", limit=20)["objects"])


def test_needs_stand_beside_the_stock_and_on_the_map(client: httpx.Client) -> None:
    needs = client.get(FORECAST).json()["needs"]
    assert needs["wanted"]["pump"] == 8.0
    assert needs["short"]["sandbag"] == pytest.approx(needs["wanted"]["sandbag"] - 4000)
    cells = client.get(f"{FORECAST}/needs", params={"item": "sandbag"}).json()
    assert sum(cells["quantity"]) == pytest.approx(needs["wanted"]["sandbag"])
    assert all(h3.is_valid_cell(cell) for cell in cells["h3"])
    assert client.get(f"{FORECAST}/needs", params={"item": "umbrella"}).status_code == 404


def test_exports_hold_every_chosen_object(client: httpx.Client) -> None:
    page = client.get(f"{FORECAST}/objects.csv", params={"group": "building"})
    assert page.content.startswith("\ufeff".encode())
    assert re.search(r'filename="linjiang-flood-20260612-\d{4}\.csv"', page.headers["content-disposition"])
    rows = list(csv.DictReader(io.StringIO(page.text.removeprefix("\ufeff"))))
    features = client.get(f"{FORECAST}/objects.geojson", params={"group": "building"}).json()["features"]
    assert len(rows) == len(features) == client.get(FORECAST + "/objects?group=building").json()["total"]
    assert {f["geometry"]["type"] for f in features} == {"Polygon"}
    roads = client.get(f"{FORECAST}/objects.geojson", params={"group": "road"}).json()
    assert {f["geometry"]["type"] for f in roads["features"]} == {"LineString"}
    assert len(roads["features"][0]["properties"]["depth_by_lead_m"]) == len(roads["lead_min"])


def test_a_name_cannot_become_a_formula_in_a_spreadsheet(small_city: City) -> None:
    class Named(Places):
        def names(self, kind: str, ids: list[str]) -> list[str]:
            return [f"=HYPERLINK({kind})"] * len(ids)

    table = FloodObjects(flood_objects(small_city, flood_frames(small_city)), Named(small_city))
    body = objects_csv(table, table.chosen(ObjectChoice())).decode("utf-8-sig")
    assert ",'=HYPERLINK(road_link)," in body
    assert ",=HYPERLINK" not in body


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/flood/forecasts/none", 404),
        ("/api/flood/forecasts/none/objects", 404),
        ("/api/flood/forecasts/none/brief.pdf", 404),
        (f"{FORECAST}/frames/7/depth_mm", 404),
        (f"{FORECAST}/frames/60/velocity", 404),
        (f"{FORECAST}/frames/60/depth_mm?reduce=0", 422),
        (f"{FORECAST}/objects?threshold_m=0.2", 422),
        (f"{FORECAST}/objects?group=castle", 422),
        (f"{FORECAST}/objects?sort=colour", 422),
        (f"{FORECAST}/objects?limit=100000", 422),
        (f"{FORECAST}/picture.png?lead_min=7", 404),
        (f"{FORECAST}/picture.png?lead_min=60&layer=percent_1", 404),
        (f"{FORECAST}/animation.gif?layer=x", 404),
        (f"{FORECAST}/brief.pdf?lang=fr", 422),
    ],
)
def test_what_does_not_exist_is_refused_with_a_mend(client: httpx.Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_run_without_forecasts_has_an_empty_list(client: httpx.Client, session: ScriptedSession) -> None:
    session.control(restart=True)
    assert client.get("/api/flood/forecasts").json() == {"forecasts": [], "skill": [], "superseded": []}
    assert client.get(FORECAST).status_code == 404


def test_the_operating_picture_carries_the_newest_forecast_at_a_glance(client: httpx.Client) -> None:
    glance = client.get("/api/state").json()["flood"]
    totals = client.get(FORECAST).json()["forecast"]["totals"]
    assert glance["forecast_id"] == "flood-3"
    assert glance["residents"] == max(t["residents"] for t in totals)


def test_a_newer_forecast_takes_the_first_place(client: httpx.Client, session: ScriptedSession) -> None:
    drafts = flood_drafts(session.city, session.fields, START + timedelta(minutes=76), swell=0.8, number=9)
    session.ledger.append(drafts, now=START + timedelta(minutes=76))
    assert client.get("/api/flood/forecasts").json()["forecasts"][0]["forecast_id"] == "flood-9"


def test_the_picture_shows_the_water_where_it_is(client: httpx.Client) -> None:
    wet, dry = (
        Image.open(io.BytesIO(client.get(f"{FORECAST}/picture.png", params={"lead_min": lead}).content)).convert("RGB")
        for lead in (60, 0)
    )
    assert wet.size == dry.size
    assert wet.size[0] == 1600
    changed = (np.asarray(wet, int) - np.asarray(dry, int)).any(-1)
    blue = np.asarray(wet, int)[..., 2] - np.asarray(wet, int)[..., 0]
    assert 0.05 < changed.mean() < 0.6
    assert blue[changed].mean() > 60


def test_the_animation_runs_through_all_lead_times(client: httpx.Client) -> None:
    body = client.get(f"{FORECAST}/animation.gif", params={"layer": "percent_300", "lang": "en"}).content
    picture = Image.open(io.BytesIO(body))
    assert picture.format == "GIF"
    assert getattr(picture, "n_frames", 1) == 2 * len(LEADS) - 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_brief_is_two_pages_and_the_same_each_time(client: httpx.Client, language: str) -> None:
    first, second = (client.get(f"{FORECAST}/brief.pdf", params={"lang": language}) for _ in range(2))
    assert first.headers["content-type"] == "application/pdf"
    assert first.content == second.content
    assert first.content.startswith(b"%PDF-")
    streams = [zlib.decompress(s) for s in re.findall(rb"stream\r?\n(x.+?)\r?\nendstream", first.content, re.DOTALL)]
    pages = re.findall(rb"/Type\s*/Page\b", first.content + b"".join(streams))
    assert len(pages) == 2


def test_paper_and_page_have_the_same_colours() -> None:
    text = COLOURS.read_text(encoding="utf-8")

    def stops(name: str) -> tuple[Stop, ...]:
        block = re.search(rf"{name}: Stop\[\] = \[(.*?)\n\]", text, re.DOTALL)
        assert block is not None
        found = re.findall(r"from: ([\d.]+), rgb: \[(\d+), (\d+), (\d+)\], alpha: ([\d.]+)", block.group(1))
        return tuple((float(v), (int(r), int(g), int(b)), float(a)) for v, r, g, b, a in found)

    assert stops("DEPTH_STOPS") == DEPTH_STOPS
    assert stops("PERCENT_STOPS") == PERCENT_STOPS
