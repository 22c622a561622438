"""The city commands as a person types them: exit status, report, JSON; and the page that describes the package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rencheng.cli.city import app

RUN = CliRunner()


def test_import_prints_what_was_taken_refused_and_assumed(sources: Path, tmp_path: Path) -> None:
    with (sources / "stations.csv").open("a", encoding="utf-8") as file:
        file.write("S1;3,006;45,006\n")
    done = RUN.invoke(app, ["import", str(sources / "city.toml"), "--out", str(tmp_path / "city")])
    assert done.exit_code == 0, done.output
    assert "stations.csv: 2 sensors, 2 channels" in done.output
    assert "refused 1: station: id used twice; the first is kept (row 4: S1)" in done.output
    assert "assumption: the organisation is the default one" in done.output
    assert "94% writing" in done.output


def test_import_of_a_damaged_source_ends_with_status_1_and_keeps_the_rest(sources: Path, tmp_path: Path) -> None:
    (sources / "dem.tif").write_bytes(b"damaged")
    done = RUN.invoke(app, ["import", str(sources / "city.toml"), "--out", str(tmp_path / "city")])
    assert done.exit_code == 1
    assert "REFUSED:" in done.output
    assert (tmp_path / "city" / "road_links.parquet").is_file()


def test_check_prints_json_with_every_field_of_a_defect(sources: Path, tmp_path: Path) -> None:
    out = tmp_path / "city"
    RUN.invoke(app, ["import", str(sources / "city.toml"), "--out", str(out)])
    sound = RUN.invoke(app, ["check", str(out), "--json"])
    assert (sound.exit_code, json.loads(sound.output)) == (0, [])
    (out / "areas.parquet").unlink()
    broken = RUN.invoke(app, ["check", str(out), "--json"])
    assert broken.exit_code == 1
    assert set(json.loads(broken.output)[0]) == {"table", "row", "field", "what", "mend", "severity", "count"}


def test_check_prints_a_table_and_counts(sources: Path, tmp_path: Path) -> None:
    out = tmp_path / "city"
    RUN.invoke(app, ["import", str(sources / "city.toml"), "--out", str(out)])
    assert "No defects." in RUN.invoke(app, ["check", str(out)]).output
    (out / "terrain.tif").unlink()
    done = RUN.invoke(app, ["check", str(out)])
    assert done.exit_code == 0
    assert "the city has no terrain" in done.output
    assert "0 errors, 1 warnings" in done.output


@pytest.mark.timeout(60)
def test_the_reference_page_shows_the_schema_as_it_is() -> None:
    script = Path(__file__).resolve().parents[2] / "scripts" / "docs_schema.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_key_of_the_import_configuration_is_described() -> None:
    from rencheng.app.city_import import sections as config

    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "import-a-city.md").read_text(encoding="utf-8")
    sections = [getattr(config, name) for name in dir(config) if hasattr(getattr(config, name), "__struct_fields__")]
    keys = {key for section in sections for key in section.__struct_fields__}
    assert sorted(key for key in keys if key not in page) == []
