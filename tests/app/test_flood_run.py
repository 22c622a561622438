"""``rencheng flood run``: what it writes, what it refuses, and that the account closes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest
import rasterio
from rasterio import Affine
from typer.testing import CliRunner

from rencheng.adapters.files.arrow import table_from_bytes
from rencheng.app.flood_rain import rain_of_config
from rencheng.app.flood_run import flood_run
from rencheng.assess.flood.frames import frames_from_table
from rencheng.assess.flood.ground import flood_grid
from rencheng.assess.flood.rain_config import (
    DesignRain,
    UniformRain,
    design_series,
    hyetograph_series,
    record_rain_mm,
    storm_warnings,
    uniform_series,
)
from rencheng.assess.flood.run_config import read_run_config
from rencheng.city import City, read_city
from rencheng.cli.root import app
from rencheng.kernel import Conflict, InvalidConfig, InvalidInput, NotFound
from rencheng.science.design_storm import SHANGHAI_2017

HEAD = "cell_m = 40\nsave_every_min = 10\n"
RAIN = '[rain]\nkind = "uniform"\nrate_mm_h = 60\nminutes = 20\n'


def written(folder: Path, text: str, name: str = "run.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def result(sandbox_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run of half an hour."""
    base = tmp_path_factory.mktemp("flood-run")
    config = written(base, HEAD + "hours = 0.5\n" + RAIN)
    done = CliRunner().invoke(
        app, ["flood", "run", str(sandbox_city), "--rain", str(config), "--out", str(base / "out")]
    )
    assert done.exit_code == 0, done.output
    assert "volume error" in done.output
    return base / "out"


@pytest.fixture(scope="module")
def city(sandbox_city: Path) -> City:
    return read_city(sandbox_city)


def test_layers_tables_and_map_are_all_there_on_one_grid(result: Path, city: City) -> None:
    grid = flood_grid(city, 40.0)
    names = ("peak_depth", "peak_velocity", "arrival", "duration", "hazard_rating", "hazard_class", "final_depth")
    for name in names:
        with rasterio.open(result / f"{name}.tif") as layer:
            assert layer.shape == (grid.ny, grid.nx)
            assert layer.crs.to_string() == grid.crs
            assert layer.bounds.left == grid.west_m
            assert layer.bounds.bottom == grid.south_m
            assert layer.descriptions[0]
    with rasterio.open(result / "peak_depth.tif") as peak, rasterio.open(result / "final_depth.tif") as final:
        assert np.nanmax(peak.read(1)) > 0.5
        assert (np.nan_to_num(peak.read(1)) >= np.nan_to_num(final.read(1)) - 1e-3).all()
    assert (result / "map.png").read_bytes()[:4] == b"\x89PNG"


def test_the_account_of_water_closes(result: Path) -> None:
    summary = json.loads((result / "summary.json").read_text())
    volumes = summary["volumes_m3"]
    assert abs(summary["volume_error_ratio"]) < 1e-10
    cells = summary["grid"]["ny"] * summary["grid"]["nx"]
    assert volumes["rain"] == pytest.approx(0.02 * cells * 40.0**2, rel=1e-6), "20 min of 60 mm/h are 20 mm"
    sunk = sum(summary["underpasses_m3"]) + sum(summary["pumped_from_underpasses_m3"])
    assert sunk == pytest.approx(-volumes["exchanged"], rel=1e-6)
    assert sunk > 0.0
    assert [t["lead_min"] for t in summary["totals"]] == [0, 10, 20, 30]
    assert summary["drained_by"] == "network"
    assert summary["config"]["rain"]["kind"] == "uniform"


def test_frames_and_tables_can_be_read_again(result: Path) -> None:
    frames = frames_from_table(table_from_bytes((result / "frames.arrow").read_bytes()))
    assert frames.lead_min == (0, 10, 20, 30)
    assert not frames.depth_m[0].any()
    assert frames.depth_m[-1].max() > 0.3
    objects = table_from_bytes((result / "objects.arrow").read_bytes())
    assert objects.num_rows > 0
    peak = pyarrow.csv.read_csv(result / "objects.csv").to_pylist()
    assert any(r["detail"] == "underpass" for r in peak)
    assert json.loads((result / "objects.json").read_text())[0]["object_id"] == str(peak[0]["object_id"])


def test_the_extent_is_where_the_peak_is(result: Path, city: City) -> None:
    extent = json.loads((result / "extent.geojson").read_text())
    areas = [f["properties"]["area_km2"] for f in extent["features"]]
    assert [f["properties"]["depth_from_m"] for f in extent["features"]] == [0.15, 0.3, 0.6, 1.2]
    assert areas == sorted(areas, reverse=True)
    lon, lat = extent["features"][0]["geometry"]["coordinates"][0][0][0]
    west, east = np.min(city.column("cells", "lon")) - 0.05, np.max(city.column("cells", "lon")) + 0.05
    assert west < lon < east
    assert 30.0 < lat < 31.0


def test_a_run_replaces_a_run_and_nothing_else(result: Path, sandbox_city: Path, tmp_path: Path) -> None:
    config = written(tmp_path, HEAD + "hours = 0.02\n" + RAIN)
    out = tmp_path / "out"
    flood_run(sandbox_city, config, out)
    (out / "stray.txt").write_text("an earlier run's")
    flood_run(sandbox_city, config, out)
    assert not (out / "stray.txt").exists()
    other = tmp_path / "letters"
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    with pytest.raises(Conflict, match="something else"):
        flood_run(sandbox_city, config, other)
    assert (other / "letter.txt").read_text() == "mine"
    assert result.is_dir()


def test_works_of_all_kinds_take_part(sandbox_city: Path, city: City, tmp_path: Path) -> None:
    lon, lat = float(np.mean(city.column("cells", "lon"))), float(np.mean(city.column("cells", "lat")))
    line = [[lon - 0.01, lat + 0.002], [lon + 0.01, lat + 0.002]]
    wall = {"type": "Feature", "properties": {"crest_m": 60.0}, "geometry": {"type": "LineString", "coordinates": line}}
    written(tmp_path, json.dumps({"type": "FeatureCollection", "features": [wall]}), "walls.geojson")
    text = (
        'cell_m = 40\nhours = 0.1\nscheme = "local_inertial"\nwalls = "walls.geojson"\nmanning = 0.04\n'
        f'[infiltration]\nkind = "green_ampt"\n[[pumps]]\nlon = {lon}\nlat = {lat}\nrate_m3_s = 0.3\n'
        '[rain]\nkind = "moving"\nreturn_period_a = 5\nminutes = 10\nradius_m = 1500\n'
    )
    flood_run(sandbox_city, written(tmp_path, text), tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["works"] == ["1 pumps", "1 walls"]
    assert summary["volumes_m3"]["infiltrated"] > 0.0
    assert abs(summary["volume_error_ratio"]) < 1e-10


def test_sewers_run_by_swmm_give_an_account_too(sandbox_city: Path, tmp_path: Path) -> None:
    text = 'cell_m = 40\nhours = 0.5\ndrainage = "swmm"\nscheme = "local_inertial"\n' + RAIN
    flood_run(sandbox_city, written(tmp_path, text), tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["drained_by"] == "swmm"
    assert summary["sewer"]["taken_m3"] > 0.0
    assert abs(summary["sewer"]["error_ratio"]) < 0.02
    assert abs(summary["volume_error_ratio"]) < 1e-10


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("speed = 3\n" + RAIN, "unknown key 'speed'"),
        (RAIN + "colour = 3\n", "unknown key 'colour'"),
        ('[rain]\nkind = "hail"\n', "unknown kind 'hail'"),
        ('[rain]\nkind = "uniform"\nrate_mm_h = 10\n', "minutes"),
        ('[rain]\nkind = "uniform"\nrate_mm_h = -4\nminutes = 5\n', "rate_mm_h is -4"),
        ('scheme = "fast"\n' + RAIN, "unknown scheme 'fast'"),
        ("order = 3\n" + RAIN, "order is 3"),
        ("hours = -1\n" + RAIN, "hours is -1"),
        ("manning = 35\n" + RAIN, "manning is 35"),
        ('[infiltration]\nkind = "sponge"\n' + RAIN, "unknown kind 'sponge'"),
        ("[infiltration]\ndepth = 3\n" + RAIN, "unknown key 'depth'"),
        ("[[pumps]]\nlon = 1\nlat = 2\n" + RAIN, "rate_m3_s"),
        ("[[pumps]]\nlon = 1\nlat = 2\nrate_m3_s = 1\nhorse = 2\n" + RAIN, "unknown key 'horse'"),
        ('[rain]\nkind = "design"\nreturn_period_a = 5\nminutes = 60\nformula = "mars"\n', "unknown formula"),
        ('swmm_file = "x.inp"\n' + RAIN, "swmm_file"),
        ("cell_m = 20\n", "no \\[rain\\] section"),
        ("[rain\n", "cannot be read"),
    ],
)
def test_a_wrong_configuration_is_refused_by_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InvalidConfig, match=told) as refused:
        read_run_config(path)
    assert str(path) in str(refused.value)


def test_yaml_says_the_same_as_toml(tmp_path: Path) -> None:
    toml = read_run_config(written(tmp_path, "cell_m = 20\n" + RAIN))
    yaml = read_run_config(
        written(tmp_path, "cell_m: 20\nrain: {kind: uniform, rate_mm_h: 60, minutes: 20}\n", "run.yaml")
    )
    assert toml == yaml
    with pytest.raises(NotFound):
        read_run_config(tmp_path / "none.toml")


def test_a_pump_outside_the_city_is_refused(sandbox_city: Path, tmp_path: Path) -> None:
    config = written(tmp_path, HEAD + "[[pumps]]\nlon = 3.0\nlat = 50.0\nrate_m3_s = 1\n" + RAIN)
    with pytest.raises(InvalidInput, match="pump 1 at 3, 50 lies outside"):
        flood_run(sandbox_city, config, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_rain_beyond_any_ever_measured_is_refused_and_beyond_a_hundred_years_told() -> None:
    assert storm_warnings(uniform_series(UniformRain(rate_mm_h=20.0, minutes=60.0))) == ()
    rare = storm_warnings(uniform_series(UniformRain(rate_mm_h=150.0, minutes=60.0)))
    assert "100-year" in rare[0]
    with pytest.raises(InvalidInput, match="more than ever fell"):
        storm_warnings(uniform_series(UniformRain(rate_mm_h=1200.0, minutes=60.0)))
    assert record_rain_mm(60.0) == pytest.approx(491.0)


def test_a_design_storm_holds_the_depth_of_its_formula() -> None:
    series = design_series(DesignRain(return_period_a=10.0, minutes=120, step_min=5))
    depth = float((np.asarray(series.rate_mm_h)[:-1] * np.diff(series.times_s)).sum() / 3600.0)
    assert depth == pytest.approx(SHANGHAI_2017.mean_mm_h(120.0, 10.0) * 2.0, rel=1e-9)


def test_gaps_in_a_hyetograph_are_refused_or_taken_as_said() -> None:
    minutes, rate = np.array([0.0, 5.0, 10.0, 30.0, 35.0]), np.array([10.0, 20.0, 30.0, 5.0, 5.0])
    with pytest.raises(InvalidInput, match="gap of 20 min") as refused:
        hyetograph_series(minutes, rate, depths=False, where="rain.csv")
    assert "row 5" in str(refused.value)
    held = hyetograph_series(minutes, rate, depths=False, gaps="hold")
    dried = hyetograph_series(minutes, rate, depths=False, gaps="dry")

    def fell(series: object) -> float:
        times, rates = np.asarray(series.times_s), np.asarray(series.rate_mm_h)  # type: ignore[attr-defined]
        return float((rates[:-1] * np.diff(times)).sum() / 3600.0)

    assert fell(held) - fell(dried) == pytest.approx(30.0 * 15.0 / 60.0)
    for bad in (np.array([0.0, 5.0, 4.0]), np.array([0.0, np.nan, 10.0])):
        with pytest.raises(InvalidInput, match="row"):
            hyetograph_series(bad, np.array([1.0, 1.0, 1.0]), depths=False)
    with pytest.raises(InvalidInput, match="negative"):
        hyetograph_series(np.array([0.0, 5.0]), np.array([1.0, -1.0]), depths=True)


def config_rain(folder: Path, text: str) -> object:
    return read_run_config(written(folder, text)).rain


def test_a_hyetograph_file_may_hold_depths(tmp_path: Path, city: City) -> None:
    written(tmp_path, "minutes,depth_mm\n0,0\n10,2\n20,4\n", "rain.csv")
    rain = config_rain(tmp_path, '[rain]\nkind = "hyetograph"\nfile = "rain.csv"\n')
    series = rain_of_config(rain, flood_grid(city, 40.0), tmp_path)  # type: ignore[arg-type]
    np.testing.assert_allclose(series.rate_mm_h, [12.0, 24.0, 0.0])
    written(tmp_path, "minutes,mm\n0,0\n", "rain.csv")
    with pytest.raises(InvalidInput, match="rate_mm_h or depth_mm"):
        rain_of_config(rain, flood_grid(city, 40.0), tmp_path)  # type: ignore[arg-type]
    with pytest.raises(NotFound, match=r"none\.csv"):
        rain_of_config(
            config_rain(tmp_path, '[rain]\nkind = "hyetograph"\nfile = "none.csv"\n'),  # type: ignore[arg-type]
            flood_grid(city, 40.0),
            tmp_path,
        )


def test_rain_on_a_grid_comes_from_rasters_and_tables(tmp_path: Path, city: City) -> None:
    grid = flood_grid(city, 40.0)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": 40, "width": 40, "crs": grid.crs}
    for k, rate in enumerate((10.0, 30.0)):
        place = Affine(1000.0, 0.0, grid.west_m - 18_000.0, 0.0, -1000.0, grid.south_m + 22_000.0)
        with rasterio.open(tmp_path / f"radar-{k}.tif", "w", transform=place, **profile) as target:
            target.write(np.full((1, 40, 40), rate, np.float32))
    rain = config_rain(tmp_path, '[rain]\nkind = "grid"\nfiles = ["radar-*.tif"]\ninterval_min = 10\n')
    series = rain_of_config(rain, grid, tmp_path)  # type: ignore[arg-type]
    np.testing.assert_allclose(np.asarray(series.rate_mm_h)[:, 0, 0], [10.0, 30.0, 0.0])
    np.testing.assert_allclose(series.times_s, [0.0, 600.0, 1200.0])
    lon, lat = grid.corners[0]
    rows = [f"{t},{lon + dx},{lat},{t + 100 * dx}" for t in (0, 10) for dx in (0.0, 0.03)]
    written(tmp_path, "minutes,lon,lat,rate_mm_h\n" + "\n".join(rows) + "\n", "grid.csv")
    table = config_rain(tmp_path, '[rain]\nkind = "grid"\nfiles = ["grid.csv"]\n')
    laid = np.asarray(rain_of_config(table, grid, tmp_path).rate_mm_h)  # type: ignore[arg-type]
    assert laid[0, 0, 0] == 0.0
    assert laid[0, 0, -1] == pytest.approx(3.0)
    assert laid[1, 0, 0] == pytest.approx(10.0)
    assert not laid[-1].any()
    written(tmp_path, "minutes,lon,lat,rate_mm_h\n" + "\n".join(rows[:-1]) + "\n", "grid.csv")
    with pytest.raises(InvalidInput, match="1 points at minute 10"):
        rain_of_config(table, grid, tmp_path)  # type: ignore[arg-type]
