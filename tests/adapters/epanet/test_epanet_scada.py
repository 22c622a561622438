"""SCADA folders as utilities hand them over: any usual layout gives the same table, and what is wrong is named."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from rencheng.adapters.epanet.leak_drive import blocks_from_scada
from rencheng.adapters.epanet.leak_model import LeakModel
from rencheng.adapters.epanet.scada import read_scada
from rencheng.kernel import InvalidInput, MissingData

PRESSURES = "Timestamp;n1;n4\n2019-01-01 00:00:00;29,16;31,02\n2019-01-01 00:05:00;;30,98\n"
FLOWS = "Timestamp;p227\n2019-01-01 00:00:00;71,5\n2019-01-01 00:05:00;70\n"


def folder(at: Path, **files: str) -> Path:
    for name, text in files.items():
        (at / name.replace("__", ".")).write_text(text)
    return at


def test_the_published_layout(tmp_path: Path) -> None:
    """Semicolons, decimal commas, year and SCADA in the name; the list of leaks beside it is not read."""
    where = folder(
        tmp_path,
        **{
            "2019_SCADA_Pressures__csv": PRESSURES,
            "2019_SCADA_Flows__csv": FLOWS,
            "2019_Leakages__csv": "Timestamp;p1\n2019-01-01 00:00;1\n",
            "leak_flows__csv": "Timestamp;p1\n2019-01-01 00:00;1\n",
        },
    )
    tables = read_scada(where)
    assert tables["pressures"].ids == ("n1", "n4")
    assert tables["pressures"].values.tolist()[0] == [29.16, 31.02]
    assert np.isnan(tables["pressures"].values[1, 0])
    assert tables["flows"].ids == ("p227",)
    assert tables["flows"].at_us[0] == 1_546_300_800_000_000


@pytest.mark.parametrize(
    "text",
    [
        PRESSURES.replace(",", ".").replace(";", ","),
        PRESSURES.replace(",", ".").replace(";", "\t"),
        PRESSURES.replace(",", "."),
        "\ufeff" + PRESSURES.replace(" 00:0", "T00:0"),
        PRESSURES.replace("2019-01-01", "01/01/2019"),
        PRESSURES.replace("2019-01-01", "01.01.2019"),
        "\n".join([PRESSURES.splitlines()[0], *PRESSURES.splitlines()[:0:-1]]) + "\n",
        PRESSURES.replace("Timestamp", ""),
    ],
    ids=["commas", "tabs", "semicolons and points", "mark and T", "slashes", "dots", "last row first", "no name"],
)
def test_other_hands_give_the_same(tmp_path: Path, text: str) -> None:
    plain, other = tmp_path / "plain", tmp_path / "other"
    for where, pressures in ((plain, PRESSURES), (other, text)):
        where.mkdir()
        folder(where, pressure__csv=pressures, Flow__CSV=FLOWS)
    a, b = read_scada(plain)["pressures"], read_scada(other)["pressures"]
    assert a.ids == b.ids
    assert a.at_us.tolist() == b.at_us.tolist()
    assert np.array_equal(a.values, b.values, equal_nan=True)


def test_packed_files_and_years_in_folders_are_joined(tmp_path: Path) -> None:
    for year in ("2018", "2019"):
        (tmp_path / year).mkdir()
        packed = gzip.compress(PRESSURES.replace("2019", year).encode())
        (tmp_path / year / "Pressures.csv.gz").write_bytes(packed)
        folder(tmp_path / year, Flows__csv=FLOWS.replace("2019", year))
    assert len(read_scada(tmp_path)["pressures"].at_us) == 4


def test_a_month_and_day_that_could_be_either_follow_their_neighbours(tmp_path: Path) -> None:
    """The second to the fourth of January, month first, are not the first of February to April."""
    text = "Timestamp;n1\n01/02/2019 00:00;1\n01/03/2019 00:00;1\n01/04/2019 00:00;1\n"
    where = folder(tmp_path, pressures__csv=text, flows__csv=FLOWS)
    days = np.diff(read_scada(where)["pressures"].at_us) // 86_400_000_000
    assert days.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PRESSURES.replace("30,98", "broken"), r"row|Row.*n4|broken"),
        (PRESSURES.replace("2019-01-01 00:05:00", "noon"), r"line 3"),
        ("Timestamp;n1\n0;1\n300;2\n", r"is a number"),
        (PRESSURES.replace("2019-01-01 00:05:00", ""), r"line 3"),
    ],
    ids=["a word", "no time", "seconds", "missing time"],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    where = folder(tmp_path, pressures__csv=text, flows__csv=FLOWS)
    with pytest.raises(InvalidInput, match=says) as error:
        read_scada(where)
    assert "pressures.csv" in str(error.value)


def test_sheets_are_asked_for_as_tables(tmp_path: Path) -> None:
    (tmp_path / "2019_SCADA.xlsx").write_bytes(b"PK")
    with pytest.raises(MissingData, match=r"2019_SCADA\.xlsx"):
        read_scada(tmp_path)


def town(at: Path) -> Path:
    """A source, a meter, a tank and a consumer of 36 m³/h."""
    inp = at / "town.inp"
    inp.write_text(
        "[JUNCTIONS]\na 5 0\nb 5 36\n[RESERVOIRS]\ns 50\n[TANKS]\nt 40 2 0 5 10 0\n"
        "[PIPES]\nmain s a 100 300 120 0\nstreet a b 100 300 120 0\nup a t 100 300 120 0\n"
        "[TIMES]\nDuration 0\n[OPTIONS]\nUnits CMH\nHeadloss H-W\n[END]\n"
    )
    return inp


@pytest.mark.parametrize(("flow", "level"), [(36.0, 2.5), (10.0, 2.5), (0.01, 2.5), (36_000.0, 42.5)])
def test_units_are_told_by_what_the_town_takes(tmp_path: Path, flow: float, level: float) -> None:
    """36 m³/h are 10 L/s, 0.01 m³/s and 36,000 L/h; a tank on 40 m that reads 42.5 reads its head."""
    rows = [f"2019-01-01 {minute // 60:02}:{minute % 60:02}" for minute in range(0, 300, 5)]
    tables = {"Pressures": ("b", 40.0), "Flows": ("main", flow), "Levels": ("t", level)}
    for name, (sensor, value) in tables.items():
        (tmp_path / f"{name}.csv").write_text(f"Timestamp,{sensor}\n" + "".join(f"{row},{value}\n" for row in rows))
    names = {"pressures": ["b"], "flows": ["main"], "levels": ["t"], "meters": []}
    with LeakModel(town(tmp_path), **names, scratch=tmp_path) as model:
        blocks = blocks_from_scada(read_scada(tmp_path), model)
    assert blocks.flow_m3_h[:, 0] == pytest.approx(36.0)
    assert blocks.level_m[:, 0] == pytest.approx(2.5)
