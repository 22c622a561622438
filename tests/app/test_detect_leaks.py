"""Leaks of a small town: a leak put in is found, in its place and time; none put in gives none; bad files are named."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.app.leak_town import PER_DAY, START, Leak, write_scada
from typer.testing import CliRunner

from rencheng.adapters.epanet.leak_model import LeakModel
from rencheng.app.detect_leaks import COLUMNS, REFERENCE_D, LeakRow, leaks_of_network
from rencheng.cli.root import app
from rencheng.kernel import InvalidInput, MissingData

LEAK = Leak(node="j3-3", from_step=18 * PER_DAY + 40, to_step=10**6, coefficient=0.5)
BEGAN = START + timedelta(days=18, hours=10)


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_scada(tmp_path_factory.mktemp("leaking"), 30, (LEAK,))


def beside_the_leak(row: LeakRow) -> bool:
    ends = row.pipe.removeprefix("p").split("_")
    places = [tuple(int(part) for part in end.removeprefix("j").split("-")) for end in ends if "-" in end]
    return min(abs(x - 3) + abs(y - 3) for x, y in places) <= 1


def test_a_leak_is_found_beside_its_place_within_days(leaking: tuple[Path, Path]) -> None:
    (found,) = leaks_of_network(*leaking)
    assert beside_the_leak(found)
    assert BEGAN - timedelta(hours=1) <= found.start_time <= BEGAN + timedelta(days=2)
    assert BEGAN < found.detected_at <= BEGAN + timedelta(days=5)
    assert found.flow_m3_h == pytest.approx(3.5, rel=0.3)
    assert found.end_time is None


def test_no_leak_gives_none(tmp_path: Path) -> None:
    assert leaks_of_network(*write_scada(tmp_path, 30, (), seed=5)) == []


def test_a_leak_that_grows_for_weeks_is_told_once(tmp_path: Path) -> None:
    """What an incipient leak grows by after it was found is no second leak beside it."""
    grows = Leak(node="j3-3", from_step=10 * PER_DAY, to_step=10**6, coefficient=1.0, peak_step=24 * PER_DAY)
    (found,) = leaks_of_network(*write_scada(tmp_path, 30, (grows,), seed=7))
    assert beside_the_leak(found)
    assert found.start_time >= START + timedelta(days=10)  # nearly all that it lost is lost after it is told
    assert found.flow_m3_h == pytest.approx(7.0, rel=0.3)


def test_what_was_not_yet_known_does_not_change_what_was_said(leaking: tuple[Path, Path], tmp_path: Path) -> None:
    """No look-ahead: cut after the detection, the files give the same detection."""
    model, scada = leaking
    whole = leaks_of_network(model, scada)
    for name in ("Pressures.csv", "Flows.csv"):
        lines = (scada / name).read_text().splitlines(keepends=True)
        (tmp_path / name).write_text("".join(lines[: 1 + 25 * PER_DAY]))
    cut = leaks_of_network(model, tmp_path)
    assert [(row.start_time, row.pipe, row.detected_at) for row in cut] == [
        (row.start_time, row.pipe, row.detected_at) for row in whole
    ]


def test_gaps_lost_sensors_and_other_marks_are_borne(leaking: tuple[Path, Path], tmp_path: Path) -> None:
    """Commas with points, a byte order mark, a sensor that dies, days without any reading, an unknown column."""
    model, scada = leaking
    for name in ("Pressures.csv", "Flows.csv"):
        rows = [line.split(";") for line in (scada / name).read_text().splitlines()]
        kept = [[*rows[0], "unknown"]] + [[*row, "1"] for k, row in enumerate(rows[1:]) if not 960 <= k < 1100]
        if name == "Pressures.csv":
            for row in kept[1500:]:
                row[2] = ""
        text = "\n".join(",".join(cell.replace(",", ".") for cell in row) for row in kept)
        (tmp_path / f"2023_SCADA_{name}").write_text("\ufeff" + text + "\n")
    (found,) = leaks_of_network(model, tmp_path)
    assert beside_the_leak(found)


def test_the_command_writes_the_table(leaking: tuple[Path, Path], tmp_path: Path) -> None:
    model, scada = leaking
    out = tmp_path / "leaks.csv"
    done = CliRunner().invoke(
        app, ["detect", "leaks", "--network", str(model), "--scada", str(scada), "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    (row,) = csv.DictReader(out.open())
    assert tuple(row) == COLUMNS
    assert row["status"] == "new"
    assert 0 < float(row["confidence"]) <= 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("Flows.csv", None, "no flows"),
        ("Pressures.csv", None, "no pressures"),
        ("Flows.csv", b"", "Flows.csv"),
        ("Flows.csv", b"Timestamp;main\n", "Flows.csv"),
        ("Flows.csv", b"nonsense", "Flows.csv"),
        ("Flows.csv", b"Timestamp;main\n2023-01-02 00:00;many\n", "Flows.csv"),
        ("Flows.csv", b"Timestamp;main\nyesterday;1,5\n", "time cannot be read"),
        ("Flows.csv", b"Timestamp;main\n;1,5\n", "Flows.csv"),
        ("Flows.csv", b"Timestamp;main;main\n2023-01-02 00:00;1,5;1,5\n", "named twice"),
        ("Flows.csv", b"Timestamp;main\n2023-01-02 00:00;1;2;3\n", "Flows.csv"),
        ("Flows.csv", b"\xff\xfe\x00Timestamp", "Flows.csv"),
        ("Flows.csv", b"Timestamp;elsewhere\n2023-01-02 00:00;1,5\n", "no flow meter"),
    ],
)
def test_a_bad_table_is_named(
    leaking: tuple[Path, Path], tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    model, scada = leaking
    for other in ("Pressures.csv", "Flows.csv"):
        (tmp_path / other).write_bytes((scada / other).read_bytes())
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises((InvalidInput, MissingData), match=says):
        leaks_of_network(model, tmp_path)


def test_too_little_history_is_said(leaking: tuple[Path, Path], tmp_path: Path) -> None:
    model, scada = leaking
    for name in ("Pressures.csv", "Flows.csv"):
        lines = (scada / name).read_text().splitlines(keepends=True)
        (tmp_path / name).write_text("".join(lines[: 1 + REFERENCE_D * PER_DAY]))
    with pytest.raises(InvalidInput, match="Give more than 7 days"):
        leaks_of_network(model, tmp_path)


@pytest.mark.parametrize("content", [b"", b"no network", b"[JUNCTIONS]\n a b c d e f\n", bytes(range(256))])
def test_a_bad_network_is_named(leaking: tuple[Path, Path], tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.inp"
    bad.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"bad\.inp"):
        leaks_of_network(bad, leaking[1])


def test_times_far_apart_do_not_fill_memory(leaking: tuple[Path, Path], tmp_path: Path) -> None:
    model, scada = leaking
    (tmp_path / "Pressures.csv").write_bytes((scada / "Pressures.csv").read_bytes())
    (tmp_path / "Flows.csv").write_text("Timestamp;main\n0001-01-01 00:00;1\n9999-12-31 00:00;1\n")
    with pytest.raises(InvalidInput, match=r"Flows\.csv"):
        leaks_of_network(model, tmp_path)


def test_random_walks_of_noise_are_no_leaks(tmp_path: Path) -> None:
    model, scada = write_scada(tmp_path, 30, (), seed=11)
    assert np.sum([row.status == "new" for row in leaks_of_network(model, scada)]) == 0


@pytest.mark.real
def test_l_town_is_cut_at_its_meters(shared_data: Path, tmp_path: Path) -> None:
    """The pump's flow splits L-TOWN in two areas; in the upper one nearly every consumer has a meter."""
    inp = shared_data / "ltown" / "L-TOWN.inp"
    meters = yaml.safe_load((inp.parent / "dataset_configuration_historical.yalm").read_text())["amrs"]
    names = {"pressures": ["n1", "n4", "n31"], "flows": ["PUMP_1", "p227", "p235"], "levels": ["T1"], "meters": meters}
    with LeakModel(inp, **names, scratch=tmp_path) as model:
        assert model.n_areas == 2
        assert model.metered_area.tolist() == [False, True]
        assert model.flow_areas.tolist() == [[0, 1], [-1, 0], [-1, 0]]
        assert model.tank_area.tolist() == [1]
        assert len(model.pipes) == 905
